#include "host/event_fd.h"
#include "host/guest_trap.h"
#include "host/process.h"
#include "host/sandbox.h"
#include "host/shared_memory.h"
#include "host/test_child.h"
#include "host/time.h"
#include "host/window.h"

#include "base/assert.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace ring3::host {
namespace {

using namespace std::chrono_literals;

void confine_or_exit() {
    if (!confine()) ::_exit(99);
}

bool killed_by_sandbox(int status) {
    return died_by(status, SIGSYS);
}

TEST(SharedMemory, is_zero_writable_and_cannot_change_its_size) {
    auto const memory = SharedMemory::create("test", 1 << 20);
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->bytes().size(), std::size_t{1} << 20);
    EXPECT_EQ(memory->bytes()[12345], 0);
    memory->bytes()[12345] = 7;
    EXPECT_LT(::ftruncate(memory->fd(), 4096), 0);
    EXPECT_LT(::ftruncate(memory->fd(), 2 << 20), 0);
}

TEST(SharedMemory, is_shared_with_a_child) {
    auto const memory = SharedMemory::create("test", 4096);
    ASSERT_TRUE(memory);
    status_of_child([&] { memory->bytes()[0] = 42; });
    EXPECT_EQ(memory->bytes()[0], 42);
}

TEST(SharedMemory, an_absurd_size_is_an_error) {
    auto const memory = SharedMemory::create("test", u64{1} << 62);
    ASSERT_FALSE(memory);
    EXPECT_EQ(memory.error().status, ExitStatus::host_lacks);
}

TEST(EventFd, wakes_a_waiter_once_for_many_signals) {
    auto const event = EventFd::create();
    ASSERT_TRUE(event);
    EXPECT_FALSE(event->wait(1ms));
    event->signal();
    event->signal();
    EXPECT_TRUE(event->wait(std::nullopt));
    EXPECT_FALSE(event->take());
}

TEST(Time, the_clock_moves_and_the_tsc_has_a_plausible_frequency) {
    u64 const before = monotonic_nanoseconds();
    u64 const khz = tsc_khz();
    EXPECT_GT(monotonic_nanoseconds(), before);
    EXPECT_GT(khz, 100'000u);
    EXPECT_LT(khz, 20'000'000u);
    EXPECT_EQ(tsc_khz(), khz);
}

TEST(Process, closes_everything_but_what_is_kept) {
    int const status = status_of_child([] {
        int const keep = ::dup(STDERR_FILENO), lose = ::dup(STDERR_FILENO);
        std::array const kept{keep};
        if (!close_everything_but(kept)) ::_exit(1);
        if (::fcntl(keep, F_GETFD) < 0) ::_exit(2);
        if (::fcntl(lose, F_GETFD) >= 0 || ::fcntl(0, F_GETFD) >= 0) ::_exit(3);
    });
    EXPECT_EQ(status, 0);
}

TEST(Process, a_child_dies_with_its_parent) {
    auto pipe = create_pipe();
    ASSERT_TRUE(pipe);
    status_of_child([&] { // the parent, which dies at once
        pid_t const parent = ::getpid();
        if (::fork() != 0) return;
        if (!die_with_parent(parent)) ::_exit(1);
        for (;;) ::pause(); // keeps its write end open for as long as it lives
    });
    pipe->write_end.close();
    ::fcntl(pipe->read_end.number(), F_SETFL, 0);
    char byte = 0;
    EXPECT_EQ(::read(pipe->read_end.number(), &byte, 1), 0); // end of file: nobody is left
}

TEST(Process, a_child_is_deaf_until_it_resets_its_signals_and_then_to_doorbells_only) {
    auto const ready = EventFd::create();
    ASSERT_TRUE(ready);
    pid_t const child = fork_with_signals_blocked();
    if (child == 0) {
        ready->wait(std::nullopt);
        reset_signals(); // the doorbells that came before are gone, SIGTERM is not
        ::_exit(0);
    }
    ring_doorbell(child);
    ready->signal();
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(status_of_child([] {
                  reset_signals();
                  ring_doorbell(::getpid());
              }),
              0);
    status = status_of_child([] {
        sigset_t mask;
        ::sigfillset(&mask);
        ::sigprocmask(SIG_SETMASK, &mask, nullptr);
        ::raise(SIGTERM);
        reset_signals();
    });
    EXPECT_TRUE(died_by(status, SIGTERM)) << status;
}

TEST(Process, signals_have_names) {
    EXPECT_EQ(signal_text(SIGSEGV), "signal 11 (Segmentation fault)");
}

class Sandbox : public ::testing::Test {
protected:
    void SetUp() override {
        if (sanitizer_build()) GTEST_SKIP() << "the sanitizer's run-time needs more system calls";
    }
};

TEST_F(Sandbox, its_list_is_short_and_every_call_has_a_reason) {
    EXPECT_LE(allowed_calls().size(), 20u);
    for (auto const& call : allowed_calls()) EXPECT_GT(std::string_view{call.reason}.size(), 3u);
}

TEST_F(Sandbox, opening_a_file_kills) {
    EXPECT_TRUE(killed_by_sandbox(status_of_child([] {
        confine_or_exit();
        ::open("/etc/passwd", O_RDONLY);
    })));
}

TEST_F(Sandbox, a_socket_kills) {
    EXPECT_TRUE(killed_by_sandbox(status_of_child([] {
        confine_or_exit();
        ::socket(AF_INET, SOCK_STREAM, 0);
    })));
}

TEST_F(Sandbox, running_a_program_kills) {
    EXPECT_TRUE(killed_by_sandbox(status_of_child([] {
        confine_or_exit();
        ::execl("/bin/true", "true", nullptr);
    })));
}

TEST_F(Sandbox, killing_others_kills) {
    EXPECT_TRUE(killed_by_sandbox(status_of_child([] {
        confine_or_exit();
        ::kill(::getppid(), 0);
    })));
}

TEST_F(Sandbox, executable_memory_kills) {
    EXPECT_TRUE(killed_by_sandbox(status_of_child([] {
        confine_or_exit();
        ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    })));
    void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_TRUE(killed_by_sandbox(status_of_child([page] {
        confine_or_exit();
        ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
    })));
}

TEST_F(Sandbox, a_monitors_work_goes_on_inside) {
    auto const event = EventFd::create();
    auto const ram = SharedMemory::create("ram", 1 << 20);
    ASSERT_TRUE(event && ram);
    int const status = status_of_child([&] {
        confine_or_exit();
        std::vector<char> memory(64 << 20, 'x'); // the allocator maps, grows and gives back
        memory.resize(128 << 20);
        memory = {};
        event->signal();
        if (!event->wait(std::nullopt)) ::_exit(1);
        event->wait(1ms);
        if (monotonic_nanoseconds() == 0) ::_exit(2);
        void* const window = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ram->fd(), 0);
        if (window == MAP_FAILED || ::munmap(window, 4096) < 0) ::_exit(3);
    });
    EXPECT_EQ(status, 0);
}

TEST_F(Sandbox, windows_are_mapped_inside) {
    auto const ram = SharedMemory::create("ram", 1 << 20);
    ASSERT_TRUE(ram);
    ram->bytes()[5 * page_size] = 42;
    int const status = status_of_child([&] {
        auto early = Window::create(ram->fd());
        confine_or_exit();
        auto late = Window::create(ram->fd());
        if (!early || !late) ::_exit(1);
        for (auto* window : {&*early, &*late}) {
            if (!window->map(0xc0000000, 4 * page_size, 2, WindowAccess::read_write)) ::_exit(2);
            if (*reinterpret_cast<u8 const*>(window->base() + 0xc0001000) != 42) ::_exit(3);
            window->unmap(0xc0000000, 1);
            window->clear();
        }
    });
    EXPECT_EQ(status, 0);
}

TEST_F(Sandbox, a_broken_invariant_is_still_reported_as_an_abort) {
    int const status = status_of_child([] {
        ::close(STDERR_FILENO);
        confine_or_exit();
        ASSERT(false);
    });
    EXPECT_TRUE(died_by(status, SIGABRT)) << status;
}

TEST_F(Sandbox, a_signal_handler_can_return) {
    int const status = status_of_child([] {
        ::signal(SIGFPE, [](int) {});
        confine_or_exit();
        ::raise(SIGFPE);
    });
    EXPECT_EQ(status, 0);
}

} // namespace
} // namespace ring3::host
