#include "monitor/mmu/shadow_view.h"

#include "host/shared_memory.h"

#include <fstream>
#include <gtest/gtest.h>
#include <random>

namespace ring3 {
namespace {

using host::WindowAccess;

/// The host's own word: mappings that touch the window. It may join the outermost gaps with the guards.
u32 host_count(u64 base) {
    std::ifstream maps{"/proc/self/maps"};
    u32 count = 0;
    for (std::string line; std::getline(maps, line);) {
        u64 const start = std::stoull(line, nullptr, 16);
        u64 const end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
        count += start < base + (u64{1} << 32) && end > base;
    }
    return count;
}

class ShadowViewTest : public testing::Test {
protected:
    host::GuestRam ram{*host::GuestRam::create("view-test", 1024 * page_size)};
    ShadowView view{*host::Window::create(ram.fd())};
};

TEST_F(ShadowViewTest, cells_tell_what_is_mapped) {
    ASSERT_TRUE(view.map(1000, ShadowCell::of(5, WindowAccess::read), 100));
    EXPECT_FALSE(view.cell(999).mapped());
    EXPECT_EQ(view.cell(1099).ram_page(), 104u);
    EXPECT_FALSE(view.cell(1099).writable());
    EXPECT_EQ(view.find(ShadowCell::of(50, WindowAccess::read), 0), 1045u);
    EXPECT_EQ(view.find(ShadowCell::of(50, WindowAccess::read), 1046), ShadowView::page_count);
    EXPECT_EQ(view.mapped_pages(), 100u);
    view.unmap(1010, 10);
    EXPECT_EQ(view.mapped_pages(), 90u);
    view.clear();
    EXPECT_EQ(view.mapped_pages(), 0u);
    EXPECT_EQ(view.host_mappings(), 1u);
}

TEST_F(ShadowViewTest, mappings_are_counted_as_the_host_counts_them) {
    std::mt19937 random{1};
    auto const below = [&](u32 bound) { return std::uniform_int_distribution<u32>{0, bound - 1}(random); };
    for (int step = 0; step < 300; ++step) {
        u32 const page = below(2) ? 1020 + below(40) : ShadowView::page_count - 48 + below(40);
        u32 const count = 1 + below(8);
        auto const access = below(2) ? WindowAccess::read : WindowAccess::read_write;
        if (below(3) == 0)
            view.unmap(page, count);
        else
            ASSERT_TRUE(view.map(page, ShadowCell::of(page % 512 + below(2), access), count));
        ASSERT_EQ(view.host_mappings(), host_count(view.base())) << step;
    }
}

} // namespace
} // namespace ring3
