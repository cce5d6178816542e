#include "monitor/mmu/shadow_test_machine.h"

#include <random>

namespace ring3 {
namespace {

/// Random tables, flushes and accesses: after a flush a view shows nothing that the tables do not say.
class ShadowCoherenceTest : public ShadowMachine {
protected:
    static constexpr u32 regions = 3, pages = 24, first_table = 0x2'0000;

    u32 below(u32 bound) { return std::uniform_int_distribution<u32>{0, bound - 1}(random_); }
    u32 any_linear() { return below(regions) << 22 | below(pages) << 12; }
    u32 any_table() { return first_table + below(2 * regions) * u32{page_size}; }
    Privilege any_privilege() { return below(2) ? by_user : by_kernel; }
    u32 any_frame() { return (0x100 + below(64)) << 12; }

    void change_tables() {
        u32 const directory_entry = (below(2) ? directory : other_directory) + below(regions) * 4;
        u32 const table_entry = any_table() + below(pages) * 4;
        bool const upper = below(6) == 0;
        u32 const at = upper ? directory_entry : table_entry;
        if (below(2))
            poke32(at, peek32(at) ^ 1u << below(7)); // P, RW, US, PWT, PCD, A, D
        else
            poke32(at, (upper ? any_table() : any_frame()) | data | (below(4) ? user : 0));
    }
    void touch() {
        u32 const linear = any_linear();
        Privilege const privilege = any_privilege();
        bool const writes = below(2) != 0;
        if (shadow->base(privilege) == 0) return;
        if ((writes ? write(linear, privilege) : read(linear, privilege)) != Fix::mapped) return;
        GuestPhys where;
        ASSERT_TRUE(mmu.peek({linear}, where));
        ASSERT_EQ(look(linear, privilege), where.page_number());
        ASSERT_TRUE(!writes || can_write(linear, privilege));
    }
    /// Of entries that lie in memory; 0 if a level is not present.
    u32 both_entries(u32 linear) const {
        u32 const upper = peek32(u32(cpu.cr3.raw) + (linear >> 22) * 4);
        if ((upper & present) == 0) return 0;
        u32 const lower = peek32((upper & ~0xfffu) + (linear >> 12 & 1023) * 4);
        return (upper | dirty) & lower & 0xfff;
    }
    void expect_coherence(Privilege privilege) {
        if (shadow->base(privilege) == 0) return;
        for (u32 i = 0; i < regions * pages; ++i) {
            u32 const linear = i / pages << 22 | i % pages << 12;
            u32 const shown = look(linear, privilege);
            if (shown == nothing) continue;
            u32 const rights = both_entries(linear);
            GuestPhys where;
            ASSERT_TRUE(mmu.peek({linear}, where)) << std::hex << linear;
            ASSERT_EQ(shown, where.page_number()) << std::hex << linear;
            ASSERT_EQ(rights & used, used) << std::hex << linear;
            ASSERT_TRUE(privilege == by_kernel || (rights & user) != 0) << std::hex << linear;
            if (!can_write(linear, privilege)) continue;
            ASSERT_EQ(rights & (writable | dirty), writable | dirty) << std::hex << linear;
            ASSERT_FALSE(memory.holds_code(where)) << std::hex << linear;
        }
    }
    void flush() {
        switch (below(4)) {
        case 0:
            mmu.flush_all();
            shadow->mode_changed();
            break;
        default: write_cr3(below(2) ? directory : other_directory);
        }
        for (Privilege privilege : {by_user, by_kernel}) expect_coherence(privilege);
    }
    void change_code() {
        GuestPhys const page{any_frame()};
        if (below(2))
            memory.before_write(page, 8);
        else if (memory.mark_code(page, 8))
            shadow->code_marked(page);
    }

private:
    std::mt19937 random_{7};
};

TEST_F(ShadowCoherenceTest, after_a_flush_a_view_shows_only_what_the_tables_say) {
    // No entry is global, so that PGE changes how is compared but not what may be seen.
    for (u32 variant = 0; variant < 4; ++variant) {
        start_paging(variant & 1 ? Cr4::PGE::mask : 0,
                     {.max_windows = 4, .keep_spaces = variant < 2, .promote_after = 0});
        for (u32 step = 0; step < 4000 && !HasFatalFailure(); ++step) {
            switch (u32 const what = below(32); what) {
            case 0: flush(); break;
            case 1: change_code(); break;
            case 2: shadow->page_invalidated({any_linear()}); break;
            default: what < 10 ? change_tables() : touch();
            }
        }
        EXPECT_GT(shadow->counters().hidden_faults, 200u);
    }
}

} // namespace
} // namespace ring3
