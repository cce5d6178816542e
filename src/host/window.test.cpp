#include "host/window.h"

#include "host/shared_memory.h"

#include <csetjmp>
#include <csignal>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ring3::host {
namespace {

constexpr u64 gibibyte = u64{1} << 30;
constexpr u32 ram_pages = 64;

/// How an access ends that only the processor can judge.
enum class Probe { works, faults };

Probe outcome_in_child(auto const& access) {
    pid_t const child = ::fork();
    if (child == 0) {
        ::signal(SIGSEGV, [](int) { ::_exit(1); });
        access();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    return status == 0 ? Probe::works : Probe::faults;
}

struct WindowTest : ::testing::Test {
    GuestRam ram = GuestRam::create("ram", ram_pages* page_size).value();
    Window window = Window::create(ram.fd()).value();

    u8 volatile* at(u64 offset) const { return reinterpret_cast<u8 volatile*>(window.base() + offset); }
    Probe read(u64 offset) const {
        return outcome_in_child([&] { static_cast<void>(*at(offset)); });
    }
    Probe write(u64 offset) const {
        return outcome_in_child([&] { *at(offset) = 1; });
    }
};

TEST_F(WindowTest, is_aligned_and_inaccessible_with_its_guards) {
    EXPECT_EQ(window.base() % (4 * gibibyte), 0u);
    for (u64 const offset :
         {u64{0}, 4 * gibibyte - 1, 4 * gibibyte, 8 * gibibyte + 62, u64{0} - 1, u64{0} - 2 * gibibyte})
        EXPECT_EQ(read(offset), Probe::faults) << offset;
}

TEST_F(WindowTest, shows_guest_ram_where_it_is_mapped) {
    ASSERT_TRUE(window.map(0xfffff000, 3 * page_size, 1, WindowAccess::read_write));
    *at(0xfffffabc) = 42;
    EXPECT_EQ(ram.bytes()[3 * page_size + 0xabc], 42);
    EXPECT_EQ(read(0xffffefff), Probe::faults);
    EXPECT_EQ(read(0x100000000), Probe::faults);
}

TEST_F(WindowTest, one_page_can_be_seen_at_several_addresses) {
    ASSERT_TRUE(window.map(0x1000, 0, 1, WindowAccess::read_write));
    ASSERT_TRUE(window.map(0xc0001000, 0, 1, WindowAccess::read));
    *at(0x1004) = 7;
    EXPECT_EQ(*at(0xc0001004), 7);
}

TEST_F(WindowTest, a_page_for_reading_refuses_writes) {
    ASSERT_TRUE(window.map(0x5000, 0, 2, WindowAccess::read));
    EXPECT_EQ(read(0x6fff), Probe::works);
    EXPECT_EQ(write(0x6fff), Probe::faults);
    ASSERT_TRUE(window.map(0x6000, page_size, 1, WindowAccess::read_write)); // replaces what was there
    EXPECT_EQ(write(0x6fff), Probe::works);
    EXPECT_EQ(write(0x5fff), Probe::faults);
}

TEST_F(WindowTest, pages_that_are_filled_when_used_are_the_same_pages) {
    ram.bytes()[2 * page_size] = 9;
    ASSERT_TRUE(window.map(0x20000, page_size, 3, WindowAccess::read, WindowFill::when_used));
    EXPECT_EQ(*at(0x21000), 9);
    EXPECT_EQ(write(0x21000), Probe::faults);
    EXPECT_EQ(read(0x23000), Probe::faults);
}

TEST_F(WindowTest, unmapping_takes_exactly_the_range_away) {
    ASSERT_TRUE(window.map(0x10000, 0, 16, WindowAccess::read_write));
    window.unmap(0x14000, 2);
    EXPECT_EQ(read(0x13fff), Probe::works);
    EXPECT_EQ(read(0x14000), Probe::faults);
    EXPECT_EQ(read(0x15fff), Probe::faults);
    EXPECT_EQ(read(0x16000), Probe::works);
    window.unmap(0, gibibyte / page_size * 4);
    EXPECT_EQ(read(0x10000), Probe::faults);
}

TEST_F(WindowTest, clearing_leaves_nothing) {
    ASSERT_TRUE(window.map(0, 0, 1, WindowAccess::read_write));
    ASSERT_TRUE(window.map(0xfffff000, 0, 1, WindowAccess::read_write));
    window.clear();
    EXPECT_EQ(read(0), Probe::faults);
    EXPECT_EQ(read(0xfffff000), Probe::faults);
}

TEST_F(WindowTest, can_be_moved) {
    u64 const base = window.base();
    Window other{std::move(window)};
    EXPECT_EQ(other.base(), base);
    Window third = Window::create(ram.fd()).value();
    third = std::move(other);
    EXPECT_EQ(third.base(), base);
    window = std::move(third);
    ASSERT_TRUE(window.map(0, 0, 1, WindowAccess::read_write));
    EXPECT_EQ(read(0), Probe::works);
}

/// Neighbours that show the same page cannot become one mapping. Returns how many fitted.
u32 map_until_refused(Window& window, u32 from) {
    u32 count = 0;
    while (count < 1'000'000 && window.map(from + count * u32{page_size}, 0, 1, WindowAccess::read)) ++count;
    return count;
}

struct CrowdedWindowTest : WindowTest {
    static constexpr u32 crowd = 0x10000000;
    u32 fitted{};

    void SetUp() override {
        ASSERT_TRUE(window.map(0, 0, ram_pages, WindowAccess::read));
        fitted = map_until_refused(window, crowd);
        if (fitted == 1'000'000) GTEST_SKIP() << "vm.max_map_count is too high to be reached";
    }
};

TEST_F(CrowdedWindowTest, a_refused_range_is_inaccessible_and_the_rest_stays) {
    EXPECT_GT(fitted, 1000u);
    EXPECT_EQ(read(crowd + u64{fitted} * page_size), Probe::faults);
    EXPECT_EQ(read(crowd), Probe::works);
    EXPECT_FALSE(window.map(crowd + 0x1000, 5 * page_size, 2, WindowAccess::read)); // over existing ones
    EXPECT_EQ(read(crowd + 0x1000), Probe::faults);
    EXPECT_EQ(read(crowd + 0x2000), Probe::faults);
    EXPECT_EQ(read(crowd + 0x3000), Probe::works);
}

TEST_F(CrowdedWindowTest, clearing_makes_room) {
    window.clear();
    EXPECT_EQ(read(crowd), Probe::faults);
    EXPECT_TRUE(window.map(crowd, 0, 1, WindowAccess::read_write));
}

TEST_F(CrowdedWindowTest, a_range_that_cannot_be_cut_out_takes_the_window_with_it) {
    window.unmap(0x8000, 1);
    EXPECT_EQ(read(0x8000), Probe::faults);
    EXPECT_EQ(read(crowd), Probe::faults);
    EXPECT_TRUE(window.map(0x8000, 0, 1, WindowAccess::read));
}

} // namespace
} // namespace ring3::host
