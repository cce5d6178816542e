#include "host/guest_trap.h"

#include "host/event_fd.h"
#include "host/native_arena.h"
#include "host/native_entry.h"
#include "host/sandbox.h"
#include "host/test_child.h"
#include "host/time.h"

#include <algorithm>
#include <asm/prctl.h>
#include <csignal>
#include <functional>
#include <gtest/gtest.h>
#include <initializer_list>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ring3::host {
namespace {

using namespace std::chrono_literals;

/// Hands every trap to a function of the test's.
struct Owner final : TrapOwner {
    std::function<bool(Trap&)> answer = [](Trap&) { return false; };
    Trap last{};
    int count{};
    bool on_trap(Trap& trap) override {
        last = trap;
        ++count;
        return answer(trap);
    }
};

/// Translated code of a few bytes, which ends with the RET that we add.
struct Code {
    NativeArena arena = NativeArena::create(page_size).value();

    u8 const* start() const { return arena.executable(); }
    std::span<u8 const> all() const { return {start(), page_size}; }
    u64 run(std::initializer_list<u8> bytes, u64 first = 0, u64 second = 0) {
        auto* const end = std::copy(bytes.begin(), bytes.end(), arena.writable().data());
        *end = 0xc3;
        serialize_instruction_fetch();
        return reinterpret_cast<u64 (*)(u64, u64)>(reinterpret_cast<u64>(start()))(first, second);
    }
};

constexpr std::initializer_list<u8> load_byte{0x0f, 0xb6, 0x07};            // movzx eax, byte [rdi]
constexpr std::initializer_list<u8> store_byte{0x40, 0x88, 0x37};           // mov [rdi], sil
constexpr std::initializer_list<u8> divide_by_zero{0x31, 0xc9, 0xf7, 0xf1}; // xor ecx, ecx; div ecx
constexpr std::initializer_list<u8> undefined{0x0f, 0x0b};                  // ud2
constexpr std::initializer_list<u8> breakpoint{0xcc};                       // int3
constexpr std::initializer_list<u8> spin{0xeb, 0xfe};                       // jmp $
constexpr std::initializer_list<u8> set_tf{0x9c, 0x81, 0x0c, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9d, 0x90}; // popf; nop

struct GuestTrap : ::testing::Test {
    Owner owner;
    Code code;
    u8* const page = static_cast<u8*>(::mmap(nullptr, page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

    void install() { ASSERT_TRUE(install_traps(owner, code.all())); }
    void skip(u64 bytes) {
        owner.answer = [bytes](Trap& trap) {
            trap.registers.rip += bytes;
            return true;
        };
    }
    /// Answers a preemption: code in an endless loop is stepped over. One that comes too early is followed by another.
    void leave_spin(std::function<void()> again) {
        owner.answer = [this, again](Trap& trap) {
            if (trap.registers.rip == reinterpret_cast<u64>(code.start()))
                trap.registers.rip += spin.size();
            else
                again();
            return true;
        };
    }
    /// The wait status of a child that installs the traps, then does that.
    int status_of(std::function<void()> const& body) {
        return status_of_child([&] {
            install();
            body();
        });
    }
    void with_traps(std::function<void()> const& body) { EXPECT_EQ(status_of(body), 0); }
};

TEST_F(GuestTrap, a_fault_of_translated_code_tells_the_address_and_the_kind_of_access) {
    with_traps([&] {
        skip(3);
        code.run(load_byte, reinterpret_cast<u64>(page) + 7);
        EXPECT_EQ(owner.last.cause, TrapCause::memory);
        EXPECT_EQ(owner.last.address, reinterpret_cast<u64>(page) + 7);
        EXPECT_FALSE(owner.last.write);
        EXPECT_EQ(owner.last.registers.rip, reinterpret_cast<u64>(code.start()));
        code.run(store_byte, reinterpret_cast<u64>(page) + 8, 1);
        EXPECT_EQ(owner.last.address, reinterpret_cast<u64>(page) + 8);
        EXPECT_TRUE(owner.last.write);
        EXPECT_EQ(owner.count, 2);
    });
}

TEST_F(GuestTrap, the_faulting_instruction_runs_again_if_the_owner_made_it_possible) {
    with_traps([&] {
        owner.answer = [&](Trap&) { return ::mprotect(page, page_size, PROT_READ | PROT_WRITE) == 0; };
        code.run(store_byte, reinterpret_cast<u64>(page), 42);
        EXPECT_EQ(page[0], 42);
        EXPECT_EQ(owner.count, 1);
    });
}

TEST_F(GuestTrap, registers_are_seen_and_changed_in_encoding_order) {
    with_traps([&] {
        owner.answer = [](Trap& trap) {
            trap.registers.gpr[0] = trap.registers.gpr[6] + trap.registers.gpr[7] + trap.registers.gpr[9]; // rsi rdi r9
            trap.registers.rip += 2;
            return true;
        };
        // mov r9d, 1000h; ud2
        EXPECT_EQ(code.run({0x41, 0xb9, 0, 0x10, 0, 0, 0x0f, 0x0b}, 1, 0), 0x1001u);
        EXPECT_EQ(owner.last.cause, TrapCause::illegal);
    });
}

TEST_F(GuestTrap, an_address_that_is_not_canonical_is_a_fault_at_zero) {
    with_traps([&] {
        skip(3);
        code.run(store_byte, u64{1} << 63);
        EXPECT_EQ(owner.last.cause, TrapCause::memory);
        EXPECT_EQ(owner.last.address, 0u);
    });
}

TEST_F(GuestTrap, a_page_behind_the_end_of_ram_is_a_fault_of_memory) {
    with_traps([&] {
        int const file = ::memfd_create("short", 0);
        auto* const start = ::mmap(nullptr, page_size, PROT_READ, MAP_SHARED, file, 0);
        skip(3);
        code.run(load_byte, reinterpret_cast<u64>(start));
        EXPECT_EQ(owner.last.cause, TrapCause::memory);
        EXPECT_EQ(owner.last.address, reinterpret_cast<u64>(start));
    });
}

TEST_F(GuestTrap, a_division_by_zero_is_an_arithmetic_trap) {
    with_traps([&] {
        skip(2);
        code.run(divide_by_zero);
        EXPECT_EQ(owner.last.cause, TrapCause::arithmetic);
        EXPECT_EQ(owner.last.registers.rip, reinterpret_cast<u64>(code.start()) + 2);
    });
}

TEST_F(GuestTrap, tf_stops_behind_one_instruction) {
    constexpr u64 trap_flag = 0x100;
    with_traps([&] {
        owner.answer = [](Trap& trap) {
            trap.registers.rflags &= ~trap_flag;
            return true;
        };
        code.run(set_tf);
        EXPECT_EQ(owner.last.cause, TrapCause::step);
        EXPECT_EQ(owner.last.registers.rip, reinterpret_cast<u64>(code.start()) + set_tf.size());
        EXPECT_EQ(owner.count, 1);
    });
}

/// A sanitizer reports faults in its own way, as the handler that was there before.
struct DeadlyGuestTrap : GuestTrap {
    void SetUp() override {
        if (sanitizer_build()) GTEST_SKIP() << "the sanitizer takes the signals that nobody owns";
    }
};

TEST_F(DeadlyGuestTrap, what_the_owner_disowns_ends_the_process_by_that_signal) {
    EXPECT_TRUE(died_by(status_of([&] { code.run(load_byte, reinterpret_cast<u64>(page)); }), SIGSEGV));
    EXPECT_TRUE(died_by(status_of([&] { code.run(divide_by_zero); }), SIGFPE));
    EXPECT_TRUE(died_by(status_of([&] { code.run(undefined); }), SIGILL));
    EXPECT_TRUE(died_by(status_of([&] { code.run(set_tf); }), SIGTRAP));
    EXPECT_TRUE(died_by(status_of([&] { ::raise(SIGALRM); }), SIGALRM));
}

TEST_F(DeadlyGuestTrap, faults_of_our_own_are_not_the_owners) {
    skip(3);
    EXPECT_TRUE(died_by(status_of([&] { static_cast<void>(*const_cast<u8 volatile*>(page)); }), SIGSEGV));
    EXPECT_TRUE(died_by(status_of([&] { asm volatile("ud2"); }), SIGILL));
    EXPECT_TRUE(died_by(status_of([&] { asm volatile("div %0" ::"r"(0) : "rax", "rdx"); }), SIGFPE));
    EXPECT_TRUE(died_by(status_of([&] { ::raise(SIGSEGV); }), SIGSEGV));
    EXPECT_TRUE(died_by(status_of([&] { code.run(breakpoint); }), SIGTRAP));
    EXPECT_TRUE(died_by(status_of([&] { code.run({0xff, 0xe7}, reinterpret_cast<u64>(page)); }), SIGSEGV)); // jmp rdi
}

TEST_F(DeadlyGuestTrap, a_fault_inside_the_handler_ends_the_process) {
    owner.answer = [&](Trap&) { return *const_cast<u8 volatile*>(page) == 0; };
    EXPECT_TRUE(died_by(status_of([&] { code.run(undefined); }), SIGSEGV));
    owner.answer = [&](Trap&) {
        asm volatile("ud2");
        return true;
    };
    EXPECT_TRUE(died_by(status_of([&] { code.run(load_byte, reinterpret_cast<u64>(page)); }), SIGILL));
}

/// mov rsp, rsi around the load: translated code may have a stack that no handler could use.
TEST_F(GuestTrap, the_handler_needs_no_stack_of_the_interrupted_code) {
    with_traps([&] {
        skip(3);
        // mov rdx, rsp; mov rsp, rsi; movzx eax, byte [rdi]; mov rsp, rdx
        code.run({0x48, 0x89, 0xe2, 0x48, 0x89, 0xf4, 0x0f, 0xb6, 0x07, 0x48, 0x89, 0xd4}, reinterpret_cast<u64>(page),
                 0x1000);
        EXPECT_EQ(owner.last.registers.gpr[4], 0x1000u);
    });
}

TEST_F(GuestTrap, a_guests_alignment_check_does_not_reach_the_handler) {
    with_traps([&] {
        alignas(8) u8 bytes[16]{};
        owner.answer = [&bytes](Trap& trap) {
            u64 odd = 1;
            asm volatile("mov %1, %0" : "=r"(odd) : "m"(bytes[1])); // eight of them: SIGBUS with AC
            trap.registers.rip += 2;
            trap.registers.rflags &= ~u64{1 << 18};
            return odd == 0;
        };
        code.run({0x9c, 0x81, 0x0c, 0x24, 0, 0, 0x04, 0, 0x9d, 0x0f, 0x0b}); // pushf; or [rsp], AC; popf; ud2
        EXPECT_EQ(owner.count, 1);
    });
}

// ---- SIGFPE and SIGILL of one guest instruction that NativeRunner runs

/// ud2 as a native stub: the entry reports the signal.
int native_ud2(Code& code) {
    alignas(64) static u8 state[832]{};
    state[25] = 0x1f; // MXCSR: default_mxcsr
    state[24] = 0x80;
    std::ranges::copy(undefined, code.arena.writable().begin());
    serialize_instruction_fetch();
    NativeFrame frame{.code = code.start(), .state = state};
    return ring3_native_enter_sse(&frame);
}

TEST_F(GuestTrap, signals_of_native_stubs_go_to_their_own_handler) {
    with_traps([&] {
        Code native;
        EXPECT_EQ(native_ud2(native), SIGILL);
        EXPECT_EQ(owner.count, 0);
        skip(2);
        code.run(undefined);
        EXPECT_EQ(owner.count, 1);
        EXPECT_EQ(native_ud2(native), SIGILL);
        EXPECT_EQ(owner.count, 1);
    });
}

TEST_F(GuestTrap, the_order_of_installation_does_not_matter) {
    EXPECT_EQ(0, status_of_child([&] {
                  Code native;
                  ASSERT_TRUE(install_native_fault_handler());
                  install();
                  ASSERT_TRUE(install_native_fault_handler());
                  skip(2);
                  EXPECT_EQ(native_ud2(native), SIGILL);
                  code.run(undefined);
                  EXPECT_EQ(owner.count, 1);
              }));
}

// ---- preemption

TEST_F(GuestTrap, the_timer_stops_endless_code) {
    with_traps([&] {
        auto timer = PreemptionTimer::create();
        ASSERT_TRUE(timer);
        leave_spin([&] { timer->arm(1'000'000); });
        timer->arm(1'000'000);
        code.run(spin);
        EXPECT_EQ(owner.last.cause, TrapCause::preempt);
        EXPECT_GE(owner.count, 1);
    });
}

TEST_F(GuestTrap, no_delay_at_all_is_as_soon_as_possible) {
    with_traps([&] {
        auto timer = PreemptionTimer::create();
        auto const event = EventFd::create();
        ASSERT_TRUE(timer && event);
        owner.answer = [](Trap&) { return true; };
        timer->arm(0);
        while (owner.count == 0) event->wait(1ms);
        EXPECT_EQ(owner.count, 1);
    });
}

TEST_F(GuestTrap, a_disarmed_timer_is_silent_and_a_new_deadline_replaces_the_old) {
    with_traps([&] {
        auto timer = PreemptionTimer::create();
        auto const event = EventFd::create();
        ASSERT_TRUE(timer && event);
        owner.answer = [](Trap&) { return true; };
        timer->arm(100'000'000);
        timer->disarm();
        event->wait(120ms);
        EXPECT_EQ(owner.count, 0);
        timer->arm(1'000'000'000'000);
        timer->arm(1'000'000);
        while (owner.count == 0) event->wait(1ms);
        timer->arm(100'000'000);
        { PreemptionTimer const gone{*std::move(timer)}; }
        event->wait(120ms);
        EXPECT_EQ(owner.count, 1);
    });
}

TEST_F(GuestTrap, the_doorbell_stops_endless_code_of_another_process) {
    auto const ready = EventFd::create(), never = EventFd::create();
    ASSERT_TRUE(ready && never);
    pid_t const child = ::fork();
    if (child == 0) {
        install();
        leave_spin([] {});
        ready->signal();
        code.run(spin);
        ::_exit(owner.last.cause == TrapCause::preempt ? 0 : 1);
    }
    EXPECT_TRUE(ready->wait(10s));
    int status = -1;
    do { // the first ones may come before it spins
        ring_doorbell(child);
        never->wait(1ms);
    } while (::waitpid(child, &status, WNOHANG) == 0);
    EXPECT_EQ(status, 0);
}

TEST_F(GuestTrap, a_doorbell_of_nobody_rings_nowhere) {
    with_traps([&] {
        ring_doorbell(0); // to kill(2), the whole process group
        ring_doorbell(-1);
        EXPECT_EQ(owner.count, 0);
    });
}

TEST_F(GuestTrap, a_doorbell_in_our_own_code_is_the_owners_too) {
    with_traps([&] {
        owner.answer = [](Trap&) { return true; };
        errno = 7;
        ring_doorbell(::getpid());
        EXPECT_EQ(errno, 7);
        EXPECT_EQ(owner.count, 1);
        EXPECT_FALSE(owner.last.registers.rip - reinterpret_cast<u64>(code.start()) < page_size);
    });
}

TEST_F(GuestTrap, a_doorbell_waits_while_another_trap_is_handled) {
    with_traps([&] {
        bool inside = false;
        owner.answer = [&](Trap& trap) {
            EXPECT_FALSE(inside);
            inside = true;
            if (trap.cause == TrapCause::illegal) {
                ring_doorbell(::getpid());
                trap.registers.rip += 2;
            }
            inside = false;
            return true;
        };
        code.run(undefined);
        EXPECT_EQ(owner.count, 2);
        EXPECT_EQ(owner.last.cause, TrapCause::preempt);
    });
}

TEST_F(GuestTrap, everything_works_in_the_sandbox) {
    if (sanitizer_build()) GTEST_SKIP() << "the sanitizer's run-time needs more system calls";
    auto const in_sandbox = [&](auto const& body) {
        return status_of([&] {
            auto timer = PreemptionTimer::create();
            if (!timer || !confine()) ::_exit(99);
            body(*timer);
        });
    };
    EXPECT_EQ(0, in_sandbox([&](PreemptionTimer& timer) {
                  leave_spin([&] { timer.arm(1'000'000); });
                  timer.arm(1'000'000);
                  code.run(spin);
                  skip(2);
                  code.run(undefined);
                  set_gs_base(reinterpret_cast<u64>(page));
                  if (owner.last.cause != TrapCause::illegal) ::_exit(1);
              }));
    EXPECT_TRUE(died_by(in_sandbox([&](PreemptionTimer&) { code.run(undefined); }), SIGILL));
    EXPECT_TRUE(died_by(in_sandbox([&](PreemptionTimer& timer) {
                            timer.arm(1);
                            code.run(spin);
                        }),
                        SIGALRM));
}

// ---- the base of gs

TEST(GsBase, is_what_gs_operands_are_relative_to) {
    static u32 volatile cells[2] = {0, 0x12345678};
    set_gs_base(reinterpret_cast<u64>(&cells[0]));
    u32 value = 0;
    asm volatile("movl %%gs:4, %0" : "=r"(value));
    EXPECT_EQ(value, 0x12345678u);
    u64 base = 0;
    ASSERT_EQ(::syscall(SYS_arch_prctl, ARCH_GET_GS, &base), 0);
    EXPECT_EQ(base, reinterpret_cast<u64>(&cells[0]));
}

} // namespace
} // namespace ring3::host
