#include "monitor/mmu/shadow_test_machine.h"

namespace ring3 {
namespace {

class ShadowSpacesTest : public ShadowMachine {};

TEST_F(ShadowSpacesTest, without_paging_a_window_shows_physical_memory) {
    start();
    enter(by_kernel);
    EXPECT_EQ(look(0x5000, by_kernel), nothing);
    EXPECT_EQ(write(0x5000, by_kernel), Fix::mapped);
    EXPECT_EQ(look(0x5000, by_kernel), 5u);
    EXPECT_TRUE(can_write(0x3f'f000, by_kernel)) << "with all of its 4 MiB";
    EXPECT_EQ(look(0x40'0000, by_kernel), nothing);
    EXPECT_EQ(shadow->base(by_user), shadow->base(by_kernel));
    EXPECT_EQ(read(0xfee0'0000, by_kernel), Fix::not_memory) << "a device";
}

TEST_F(ShadowSpacesTest, a20_off_folds_memory) {
    start();
    enter(by_kernel);
    mmu.set_a20(false);
    shadow->mode_changed();
    enter(by_kernel);
    EXPECT_EQ(read(0x10'5000, by_kernel), Fix::mapped);
    EXPECT_EQ(look(0x10'5000, by_kernel), 5u);
    mmu.set_a20(true);
    shadow->mode_changed();
    enter(by_kernel);
    EXPECT_EQ(read(0x10'5000, by_kernel), Fix::mapped);
    EXPECT_EQ(look(0x10'5000, by_kernel), 0x105u);
}

TEST_F(ShadowSpacesTest, each_privilege_sees_its_own_pages) {
    start_paging();
    map_page(0x3000, 0x5000 | data);
    map_page(0x4000, 0x6000 | data | user);
    write_cr3(directory);
    EXPECT_EQ(read(0x3000, by_user), Fix::guest_fault);
    EXPECT_EQ(mmu.fault_address(), Linear{0x3000});
    EXPECT_EQ(read(0x3000, by_kernel), Fix::mapped);
    EXPECT_EQ(read(0x4000, by_user), Fix::mapped);
    EXPECT_EQ(look(0x3000, by_user), nothing);
    EXPECT_EQ(look(0x3000, by_kernel), 5u);
    EXPECT_EQ(look(0x4000, by_user), 6u);
}

TEST_F(ShadowSpacesTest, user_pages_are_the_supervisors_only_in_a_lone_address_space_without_smap) {
    start_paging();
    map_page(0x4000, 0x6000 | data | user);
    EXPECT_EQ(read(0x4000, by_kernel), Fix::mapped);
    cpu.cr4 = cpu.cr4.with<Cr4::SMAP>(1);
    cpu.eflags = cpu.eflags.with<Eflags::AC>(1);
    shadow->mode_changed();
    enter(by_kernel);
    EXPECT_EQ(look(0x4000, by_kernel), nothing);
    EXPECT_EQ(read(0x4000, by_kernel), Fix::not_memory) << "right or wrong by EFLAGS.AC";
    cpu.cr4 = cpu.cr4.with<Cr4::SMAP>(0);
    shadow->mode_changed();
    EXPECT_EQ(look(0x4000, by_kernel), 6u);
    write_cr3(other_directory);
    EXPECT_EQ(look(0x4000, by_kernel), nothing);
    write_cr3(directory);
    EXPECT_EQ(read(0x4000, by_kernel), Fix::not_memory);
}

TEST_F(ShadowSpacesTest, a_page_is_writable_only_once_it_is_dirty) {
    start_paging();
    map_page(0x3000, 0x5000 | present | writable | user);
    EXPECT_EQ(read(0x3000, by_user), Fix::mapped);
    EXPECT_EQ(entry_of(0x3000), 0x5000 | used | writable | user);
    EXPECT_EQ(look(0x3000, by_user), 5u);
    EXPECT_FALSE(can_write(0x3000, by_user));
    EXPECT_EQ(write(0x3000, by_user), Fix::mapped);
    EXPECT_EQ(entry_of(0x3000), 0x5000 | data | user);
    EXPECT_TRUE(can_write(0x3000, by_user));
}

TEST_F(ShadowSpacesTest, neighbours_come_along_only_if_they_were_used) {
    start_paging();
    map_page(0x3000, 0x5000 | data | user);
    map_page(0x4000, 0x6000 | data | user);
    map_page(0x5000, 0x7000 | used | writable | user);
    map_page(0x6000, 0x8000 | present | writable | user);
    map_page(0x7000, 0x9000 | data);
    EXPECT_EQ(read(0x3000, by_user), Fix::mapped);
    EXPECT_TRUE(can_write(0x4000, by_user));
    EXPECT_EQ(look(0x5000, by_user), 7u);
    EXPECT_FALSE(can_write(0x5000, by_user)) << "not dirty";
    EXPECT_EQ(look(0x6000, by_user), nothing) << "not accessed";
    EXPECT_EQ(entry_of(0x6000), 0x8000 | present | writable | user) << "and stays so";
    EXPECT_EQ(look(0x7000, by_user), nothing) << "the supervisor's";
    EXPECT_EQ(shadow->counters().mappings_made, 2u) << "one for two pages that follow each other in RAM";
}

TEST_F(ShadowSpacesTest, rights_are_those_of_both_levels_and_of_wp) {
    start_paging();
    poke32(directory, table | present | accessed | user);
    map_page(0x3000, 0x5000 | data | user);
    map_page(0x4000, 0x6000 | data);
    write_cr3(directory);
    EXPECT_EQ(write(0x3000, by_user), Fix::guest_fault);
    EXPECT_EQ(write(0x4000, by_kernel), Fix::guest_fault);
    EXPECT_EQ(read(0x4000, by_kernel), Fix::mapped);
    EXPECT_FALSE(can_write(0x4000, by_kernel));
    cpu.cr0 = cpu.cr0.with<Cr0::WP>(0);
    shadow->mode_changed();
    enter(by_kernel);
    EXPECT_EQ(write(0x4000, by_kernel), Fix::mapped);
    EXPECT_TRUE(can_write(0x4000, by_kernel));
    cpu.cr0 = cpu.cr0.with<Cr0::WP>(1);
    shadow->mode_changed();
    EXPECT_EQ(look(0x4000, by_kernel), 6u) << "the view of WP = 1 was kept";
    EXPECT_FALSE(can_write(0x4000, by_kernel));
}

TEST_F(ShadowSpacesTest, returning_to_an_address_space_drops_exactly_what_changed) {
    start_paging();
    map_page(0x3000, 0x5000 | data | user);
    map_page(0x5000, 0x6000 | used | user);
    map_page(0x7000, 0x7000 | data | user);
    map_page(0x9000, 0x9000 | data | user);
    read(0x3000, by_user);
    ASSERT_EQ(look(0x9000, by_user), 9u);
    u64 const base = shadow->base(by_user);
    write_cr3(other_directory);
    EXPECT_NE(shadow->base(by_user), base);
    map_page(0x3000, 0);
    map_page(0x5000, 0x6000 | data | user);
    map_page(0x7000, 0x8000 | data | user);
    write_cr3(directory);
    EXPECT_EQ(shadow->base(by_user), base);
    EXPECT_EQ(look(0x3000, by_user), nothing);
    EXPECT_EQ(look(0x5000, by_user), nothing) << "RW was added: it is mapped anew at the next fault";
    EXPECT_EQ(look(0x7000, by_user), nothing);
    EXPECT_EQ(look(0x9000, by_user), 9u);
    EXPECT_EQ(read(0x7000, by_user), Fix::mapped);
    EXPECT_EQ(look(0x7000, by_user), 8u);
}

TEST_F(ShadowSpacesTest, setting_accessed_and_dirty_bits_drops_nothing_and_clearing_them_does) {
    start_paging();
    map_page(0x3000, 0x5000 | used | writable | user);
    map_page(0x4000, 0x6000 | data | user);
    read(0x3000, by_user);
    map_page(0x3000, 0x5000 | data | user);
    write_cr3(directory);
    EXPECT_EQ(look(0x3000, by_user), 5u);
    map_page(0x4000, 0x6000 | used | writable | user);
    write_cr3(directory);
    EXPECT_EQ(look(0x4000, by_user), nothing) << "the next write has to set D again";
}

TEST_F(ShadowSpacesTest, a_changed_directory_entry_drops_its_region) {
    start_paging();
    map_page(0x3000, 0x5000 | data | user);
    map_page(0x3000, 0x6000 | data | user, other_table);
    read(0x3000, by_user);
    poke32(directory, other_table | 7 | accessed);
    EXPECT_EQ(look(0x3000, by_user), 5u) << "stale is allowed";
    write_cr3(directory);
    EXPECT_EQ(look(0x3000, by_user), nothing);
    read(0x3000, by_user);
    EXPECT_EQ(look(0x3000, by_user), 6u);
}

TEST_F(ShadowSpacesTest, what_was_stale_before_a_new_mapping_is_still_found) {
    start_paging();
    map_page(0x3000, 0x5000 | data | user);
    read(0x3000, by_user);
    map_page(0x3000, 0);
    map_page(0x20'0000, 0x9000 | data | user);
    read(0x20'0000, by_user);
    EXPECT_EQ(look(0x3000, by_user), 5u);
    write_cr3(directory);
    EXPECT_EQ(look(0x3000, by_user), nothing);
    EXPECT_EQ(look(0x20'0000, by_user), 9u);
}

TEST_F(ShadowSpacesTest, an_entry_that_changes_and_changes_back_is_found) {
    start_paging();
    map_page(0x3000, 0x5000 | used | user);
    map_page(0x20'0000, 0x9000 | data | user);
    read(0x20'0000, by_user);
    map_page(0x3000, 0x6000 | data | user);
    write(0x3000, by_user);
    map_page(0x3000, 0x5000 | used | user);
    write_cr3(directory);
    EXPECT_EQ(look(0x3000, by_user), nothing);
}

TEST_F(ShadowSpacesTest, a_directory_entry_that_changed_unseen_starts_its_region_anew) {
    start_paging();
    map_page(0x3000, 0x5000 | data | user);
    read(0x3000, by_user);
    poke32(directory, other_table | 7 | accessed);
    map_page(0x8000, 0x9000 | data | user, other_table);
    read(0x8000, by_user);
    EXPECT_EQ(look(0x3000, by_user), nothing);
    EXPECT_EQ(look(0x8000, by_user), 9u);
}

TEST_F(ShadowSpacesTest, invlpg_and_page_faults_forget_one_page) {
    start_paging();
    map_page(0x3000, 0x5000 | data | user);
    map_page(0x4000, 0x6000 | data | user);
    map_page(0x5000, 0x7000 | used | user);
    read(0x3000, by_user);
    map_page(0x3000, 0);
    shadow->page_invalidated({0x3123});
    EXPECT_EQ(look(0x3000, by_user), nothing);
    EXPECT_EQ(look(0x4000, by_user), 6u);
    map_page(0x5000, 0);
    EXPECT_EQ(write(0x5000, by_user), Fix::guest_fault);
    EXPECT_EQ(look(0x5000, by_user), nothing) << "SDM 3A 4.10.4.1: a #PF invalidates";
}

TEST_F(ShadowSpacesTest, global_pages_survive_a_cr3_write_and_others_are_compared) {
    start_paging(Cr4::PGE::mask);
    map_page(0x3000, 0x5000 | data | global);
    map_page(0x3000, 0x5000 | data | global, other_table);
    poke32(directory + 4, 0x10000 | data);
    poke32(other_directory + 4, 0x10000 | data);
    poke32(0x10000, 0x7000 | data);
    poke32(0x10004, 0x8000 | data);
    read(0x3000, by_kernel);
    read(0x40'0000, by_kernel);
    ASSERT_EQ(look(0x40'1000, by_kernel), 8u);
    map_page(0x3000, 0, other_table);
    poke32(0x10004, 0);
    write_cr3(other_directory);
    EXPECT_EQ(look(0x3000, by_kernel), 5u);
    EXPECT_EQ(look(0x40'0000, by_kernel), 7u) << "the other space says the same";
    EXPECT_EQ(look(0x40'1000, by_kernel), nothing);
    cpu.cr4 = cpu.cr4.with<Cr4::PGE>(0);
    shadow->mode_changed();
    EXPECT_EQ(look(0x3000, by_kernel), nothing);
    EXPECT_EQ(look(0x40'0000, by_kernel), 7u);
}

TEST_F(ShadowSpacesTest, regions_that_differ_between_spaces_are_contested_and_then_views_are_split) {
    constexpr u32 regions = 12, tables = 0x10'0000;
    start_paging();
    for (u32 space : {0u, 1u})
        for (u32 region = 1; region <= regions; ++region) {
            u32 const at = tables + (space * 64 + region) * u32{page_size};
            poke32((space ? other_directory : directory) + region * 4, at | data);
            poke32(at, (0x30'0000 + at) | data);
        }
    for (u32 round = 0; round < 40; ++round) {
        for (u32 region = 1; region <= regions; ++region) read(region << 22, by_kernel);
        write_cr3(round % 2 ? directory : other_directory);
        enter(by_kernel);
    }
    EXPECT_EQ(read(1 << 22, by_kernel), Fix::mapped);
    EXPECT_EQ(look(1 << 22, by_kernel), (0x30'0000 + tables + 0x1000) >> 12);
    u64 const base = shadow->base(by_kernel);
    write_cr3(other_directory);
    EXPECT_NE(shadow->base(by_kernel), base);
    EXPECT_EQ(look(1 << 22, by_kernel), (0x30'0000 + tables + 0x41000) >> 12);
}

TEST_F(ShadowSpacesTest, large_pages_are_mapped_whole) {
    start_paging(Cr4::PSE::mask);
    poke32(directory + 4, 0x80'0000 | present | writable | user | large);
    EXPECT_EQ(read(0x40'3000, by_user), Fix::mapped);
    EXPECT_EQ(look(0x7f'f000, by_user), 0xbffu);
    EXPECT_FALSE(can_write(0x40'3000, by_user));
    EXPECT_EQ(write(0x40'3000, by_user), Fix::mapped);
    EXPECT_TRUE(can_write(0x7f'f000, by_user));
    EXPECT_EQ(shadow->host_mappings(), 1u + 3u) << "the supervisor's gap; gap, page, gap";
    poke32(directory + 4, 0);
    shadow->page_invalidated({0x55'5000});
    EXPECT_EQ(look(0x40'3000, by_user), nothing);
}

TEST_F(ShadowSpacesTest, pae_tables_are_compared_too) {
    cpu.cr3 = {{directory}};
    cpu.cr0 = Cr0::from_guest(Cr0::PE::mask | Cr0::PG::mask | Cr0::WP::mask);
    cpu.cr4 = {{Cr4::PAE::mask}};
    cpu.efer = cpu.efer.with<Efer::NXE>(1);
    poke64(directory + 24, table | present);
    poke64(table + 8 * 511, 0x5000 | data | user);
    poke64(table, 0x40'0000 | data | user | large);
    poke64(0x5000 + 8 * 510, 0x8000'0000'0000'7000 | data | user);
    poke64(0x5000 + 8 * 511, 0x0000'0000'0000'8000 | data | user);
    ASSERT_TRUE(mmu.load_pdptes(cpu.cr3).is_next());
    start();
    enter(by_user);
    EXPECT_EQ(read(0xffff'f000, by_user), Fix::mapped);
    EXPECT_EQ(read(0xc000'0000, by_user), Fix::mapped);
    EXPECT_EQ(look(0xffff'e000, by_user), 7u) << "execute-disable does not matter to data";
    EXPECT_EQ(look(0xffff'f000, by_user), 8u);
    EXPECT_EQ(look(0xc01f'f000, by_user), 0x5ffu);
    EXPECT_EQ(look(0xc020'0000, by_user), nothing);
    poke64(0x5000 + 8 * 511, 0x1'0000'0000 | data | user);
    shadow->cr3_written();
    EXPECT_EQ(look(0xffff'f000, by_user), nothing);
    EXPECT_EQ(look(0xffff'e000, by_user), 7u);
    EXPECT_EQ(read(0xffff'f000, by_user), Fix::not_memory) << "no RAM at 4 GiB";
    cpu.pdpte[3] = 0;
    shadow->cr3_written();
    EXPECT_EQ(look(0xc000'0000, by_user), nothing);
}

TEST_F(ShadowSpacesTest, pages_with_code_are_never_writable) {
    start_paging();
    map_page(0x3000, 0x5000 | data | user);
    map_page(0x4000, 0x6000 | data | user);
    map_page(0x8000, 0x6000 | data);
    write(0x3000, by_user);
    write(0x8000, by_kernel);
    ASSERT_TRUE(can_write(0x4000, by_user));
    ASSERT_TRUE(can_write(0x8000, by_kernel));
    ASSERT_TRUE(memory.mark_code({0x6100}, 8));
    shadow->code_marked({0x6000});
    EXPECT_FALSE(can_write(0x4000, by_user));
    EXPECT_FALSE(can_write(0x8000, by_kernel));
    EXPECT_EQ(look(0x4000, by_user), 6u) << "reading goes on";
    EXPECT_TRUE(can_write(0x3000, by_user));
    EXPECT_EQ(write(0x4000, by_user), Fix::not_memory);
    memory.before_write({0x6100}, 1);
    EXPECT_EQ(write(0x4000, by_user), Fix::mapped) << "its code is gone";
    EXPECT_TRUE(can_write(0x4000, by_user));
}

TEST_F(ShadowSpacesTest, rom_is_read_only_and_memory_outside_of_the_memfd_is_not_shown) {
    std::vector<u8> elsewhere(page_size);
    memory.map({0xe'0000}, ram.bytes().subspan(0xe'0000, page_size), PhysicalMemory::Kind::rom);
    memory.map({0xf'0000}, elsewhere, PhysicalMemory::Kind::rom);
    start();
    enter(by_kernel);
    EXPECT_EQ(read(0xe'0000, by_kernel), Fix::mapped);
    EXPECT_EQ(look(0xe'0000, by_kernel), 0xe0u);
    EXPECT_FALSE(can_write(0xe'0000, by_kernel));
    EXPECT_EQ(write(0xe'0000, by_kernel), Fix::not_memory);
    EXPECT_EQ(read(0xf'0000, by_kernel), Fix::not_memory);
    memory.unmap({0xe'0000}, page_size);
    shadow->memory_map_changed();
    EXPECT_EQ(look(0xe'0000, by_kernel), nothing);
}

TEST_F(ShadowSpacesTest, watched_pages_are_left_to_the_software_path) {
    start();
    enter(by_kernel);
    read(0x5000, by_kernel);
    cpu.dr[1] = 0x5004;
    cpu.dr7 = Dr7::from_guest(0x4 | 0x00d0'0000);
    mmu.update_breakpoints();
    shadow->breakpoints_changed();
    EXPECT_EQ(look(0x5000, by_kernel), nothing);
    EXPECT_EQ(look(0x6000, by_kernel), 6u);
    EXPECT_EQ(read(0x5000, by_kernel), Fix::not_memory);
}

TEST_F(ShadowSpacesTest, a_page_that_invlpg_keeps_dropping_is_left_to_the_software_path) {
    start_paging();
    map_page(0x3000, 0x5000 | data);
    for (int i = 0; i < 16; ++i) {
        EXPECT_EQ(read(0x3000, by_kernel), Fix::mapped);
        shadow->page_invalidated({0x3000});
    }
    EXPECT_EQ(read(0x3000, by_kernel), Fix::not_memory);
}

TEST_F(ShadowSpacesTest, method_1_drops_everything_that_is_not_global) {
    start_paging(Cr4::PGE::mask, {.keep_spaces = false, .promote_after = 0});
    map_page(0x3000, 0x5000 | data | user);
    poke32(directory + 4, 0x10000 | data);
    poke32(0x10000, 0x7000 | data | global);
    read(0x3000, by_user);
    read(0x40'0000, by_kernel);
    write_cr3(directory);
    EXPECT_EQ(look(0x3000, by_user), nothing);
    EXPECT_EQ(look(0x40'0000, by_kernel), 7u);
}

TEST_F(ShadowSpacesTest, an_address_space_earns_its_window_and_loses_it_to_another_process) {
    start_paging(0, {.promote_after = 0});
    start({.promote_after = 1000});
    EXPECT_NE(shadow->base(by_kernel), 0u) << "shared";
    EXPECT_EQ(shadow->base(by_user), 0u);
    EXPECT_EQ(read(0x3000, by_user), Fix::guest_fault) << "nothing there";
    map_page(0x3000, 0x5000 | data | user);
    EXPECT_EQ(read(0x3000, by_user), Fix::not_memory);
    shadow->charge(999);
    EXPECT_EQ(shadow->base(by_user), 0u);
    shadow->charge(1);
    EXPECT_NE(shadow->base(by_user), 0u);
    for (u32 page = 0; page < 64; ++page) map_page(page << 12, (0x10'0000 + (page << 13)) | data | user);
    for (u32 page = 0; page < 64; ++page) read(page << 12, by_user);
    write_cr3(directory);
    EXPECT_NE(shadow->base(by_user), 0u);
    for (u32 page = 0; page < 64; ++page) map_page(page << 12, (0x20'0000 + (page << 13)) | data | user);
    write_cr3(directory);
    EXPECT_EQ(shadow->base(by_user), 0u);
}

TEST_F(ShadowSpacesTest, the_least_recently_used_window_is_given_up) {
    start_paging(0, {.max_windows = 3, .promote_after = 0});
    map_page(0x3000, 0x5000 | data | user);
    map_page(0x3000, 0x5000 | data | user, other_table);
    read(0x3000, by_user);
    u64 const first = shadow->base(by_user);
    write_cr3(other_directory);
    enter(by_user);
    read(0x3000, by_user);
    EXPECT_EQ(look(0x3000, by_user), 5u);
    poke32(0x5'0000, other_table | 7 | accessed);
    write_cr3(0x5'0000);
    EXPECT_EQ(shadow->base(by_user), first);
    EXPECT_EQ(look(0x3000, by_user), nothing) << "empty for its new owner";
    EXPECT_EQ(shadow->counters().windows_made, 3u);
    EXPECT_EQ(shadow->counters().windows_evicted, 1u);
}

TEST_F(ShadowSpacesTest, mappings_stay_within_their_budget) {
    start_paging(0, {.max_mappings = 200, .promote_after = 0});
    for (u32 page = 0; page < 1024; ++page) {
        map_page(page << 12, (0x10'0000 + (page << 13)) | data | user);
        map_page(page << 12, (0x10'0000 + (page << 13)) | data | user, other_table);
    }
    read(0, by_user);
    write_cr3(other_directory);
    enter(by_user);
    for (u32 page = 0; page < 1024; ++page) {
        ASSERT_EQ(read(page << 12, by_user), Fix::mapped);
        ASSERT_EQ(look(page << 12, by_user), 0x100 + page * 2);
        ASSERT_LE(shadow->host_mappings(), 200u);
    }
    EXPECT_EQ(shadow->counters().windows_evicted, 1u) << "the other space's first";
    EXPECT_GT(shadow->counters().mappings_evicted, 500u);
}

TEST_F(ShadowSpacesTest, more_tables_than_are_worth_comparing_start_the_window_anew) {
    constexpr u32 tables = 0x20'0000;
    start_paging();
    for (u32 region = 0; region < 560; ++region) {
        u32 const at = tables + region * u32{page_size};
        poke32(directory + region * 4, at | data | user);
        poke32(at, (0x100'0000 + at) | data | user);
        ASSERT_EQ(read(region << 22, by_user), Fix::mapped);
        ASSERT_NE(look(region << 22, by_user), nothing);
    }
    EXPECT_EQ(look(0, by_user), nothing);
    EXPECT_NE(look(512 << 22, by_user), nothing);
    write_cr3(directory);
    EXPECT_EQ(shadow->counters().tables_compared, 560u - 512u);
}

TEST_F(ShadowSpacesTest, a_page_is_mapped_ahead_only_if_it_was_used) {
    start_paging();
    map_page(0x3000, 0x5000 | present | user);
    shadow->anticipate({0x3000}, by_user);
    EXPECT_EQ(look(0x3000, by_user), nothing);
    map_page(0x3000, 0x5000 | used | user);
    shadow->anticipate({0x3000}, by_user);
    EXPECT_EQ(look(0x3000, by_user), 5u);
}

TEST_F(ShadowSpacesTest, a_fault_on_a_mapped_page_is_retried_once) {
    start_paging();
    map_page(0x3000, 0x5000 | data | user);
    EXPECT_EQ(read(0x3000, by_user), Fix::mapped);
    EXPECT_EQ(read(0x3000, by_user), Fix::mapped);
    EXPECT_EQ(read(0x3000, by_user), Fix::not_memory);
}

TEST_F(ShadowSpacesTest, tables_outside_of_memory_end_in_no_mapping) {
    start_paging(Cr4::PSE::mask);
    poke32(directory + 4, 0xf000'0000 | data | user);
    poke32(directory + 8, 0xf000'0000 | data | user | large);
    EXPECT_NE(read(0x40'0000, by_user), Fix::mapped);
    EXPECT_EQ(read(0x80'0000, by_user), Fix::not_memory);
    write_cr3(0xfff'f000);
    enter(by_user);
    EXPECT_NE(read(0x3000, by_user), Fix::mapped);
    write_cr3(0xfff'f000);
}

} // namespace
} // namespace ring3
