#include "monitor/interpreter/system_test_machine.h"

namespace ring3 {
namespace {

Outcome load_ds(SystemMachine& m, u16 selector) {
    m.reg(eax) = selector;
    return m.execute({0x8e, 0xd8}); // mov ds, eax
}
Outcome load_ss(SystemMachine& m, u16 selector) {
    m.reg(eax) = selector;
    return m.execute({0x8e, 0xd0}); // mov ss, eax
}

TEST(SystemSegment, a_null_data_segment_loads_and_then_refuses_every_access) {
    SystemMachine m;
    EXPECT_EQ(load_ds(m, 3), Outcome::next());
    EXPECT_EQ(m.selector(SegmentName::ds), 3);
    EXPECT_EQ(m.execute({0xa1, 0, 0x50, 0, 0}), gp(0)); // mov eax, [5000h]
}

TEST(SystemSegment, data_segments_are_checked_for_table_type_privilege_and_presence) {
    SystemMachine m;
    EXPECT_EQ(load_ds(m, sel::beyond), gp(sel::beyond));
    EXPECT_EQ(load_ds(m, sel::beyond | 4), gp(sel::beyond | 4)) << "no LDT";
    EXPECT_EQ(load_ds(m, sel::execute_only), gp(sel::execute_only));
    EXPECT_EQ(load_ds(m, sel::tss), gp(sel::tss));
    EXPECT_EQ(load_ds(m, sel::absent), np(sel::absent));
    EXPECT_EQ(load_ds(m, sel::data0 | 3), gp(sel::data0)) << "RPL 3 against DPL 0";
    EXPECT_EQ(load_ds(m, sel::read_only), Outcome::next());
    EXPECT_EQ(load_ds(m, sel::conforming | 3), Outcome::next());
    m.enter_user();
    EXPECT_EQ(load_ds(m, sel::data0), gp(sel::data0));
    EXPECT_EQ(load_ds(m, sel::data3), Outcome::next());
}

TEST(SystemSegment, a_load_sets_the_accessed_bit_in_memory) {
    SystemMachine m;
    EXPECT_EQ(m.peek<u8>(SystemMachine::gdt + sel::small_data + 5), 0x92);
    EXPECT_EQ(load_ds(m, sel::small_data), Outcome::next());
    EXPECT_EQ(m.peek<u8>(SystemMachine::gdt + sel::small_data + 5), 0x93);
    EXPECT_EQ(m.execute({0xa1, 0x0c, 0, 0, 0}), Outcome::next());
    EXPECT_EQ(m.execute({0xa1, 0x0d, 0, 0, 0}), gp(0)) << "one byte over the limit";
}

TEST(SystemSegment, the_stack_segment_must_be_writable_and_of_the_current_level) {
    SystemMachine m;
    EXPECT_EQ(load_ss(m, 0), gp(0));
    EXPECT_EQ(load_ss(m, sel::beyond), gp(sel::beyond));
    EXPECT_EQ(load_ss(m, sel::read_only), gp(sel::read_only));
    EXPECT_EQ(load_ss(m, sel::data3), gp(sel::data3 & 0xfffc));
    EXPECT_EQ(load_ss(m, sel::absent), ss_fault(sel::absent));
    EXPECT_EQ(load_ss(m, sel::data16), Outcome::leave());
    EXPECT_TRUE(m.cpu.interrupt_shadow);
    EXPECT_TRUE(m.cpu.debug_shadow);
}

TEST(SystemSegment, cs_cannot_be_loaded_by_mov_and_there_are_six_segment_registers) {
    SystemMachine m;
    EXPECT_EQ(m.execute({0x8e, 0xc8}), ud());
    EXPECT_EQ(m.execute({0x8e, 0xf0}), ud());
    EXPECT_EQ(m.execute({0x8c, 0xf8}), ud());
}

TEST(SystemSegment, push_of_a_selector_writes_two_bytes_whatever_the_operand_size) {
    SystemMachine m;
    m.poke<u32>(0x7ffc, 0xdead'beef);
    EXPECT_EQ(m.execute({0x1e}), Outcome::next());
    EXPECT_EQ(m.reg(esp), 0x7ffcu);
    EXPECT_EQ(m.peek<u32>(0x7ffc), 0xdead'0000u | sel::data0);
}

TEST(SystemSegment, pop_ss_leaves_esp_by_the_size_of_the_old_stack) {
    SystemMachine m;
    m.reg(esp) = 0x1'fffc;
    m.poke<u32>(0x1'fffc, sel::data16);
    EXPECT_EQ(m.execute({0x17}), Outcome::leave());
    EXPECT_EQ(m.reg(esp), 0x2'0000u);
}

TEST(SystemSegment, real_mode_loads_change_the_base_and_keep_the_limit) {
    SystemMachine m;
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::PE>(0);
    EXPECT_EQ(load_ds(m, 0x1234), Outcome::next());
    EXPECT_EQ(m.cpu.seg(SegmentName::ds).base, 0x12340u);
    EXPECT_EQ(m.cpu.seg(SegmentName::ds).limit, 0xffff'ffffu) << "\"unreal\" mode";
}

TEST(SystemSegment, les_loads_pointer_and_segment_or_neither) {
    SystemMachine m;
    m.poke<u32>(0x5000, 0x1122'3344);
    m.poke<u16>(0x5004, sel::absent);
    m.reg(ebx) = 7;
    EXPECT_EQ(m.execute({0xc4, 0x1d, 0, 0x50, 0, 0}), np(sel::absent)); // les ebx, [5000h]
    EXPECT_EQ(m.reg(ebx), 7u);
    m.poke<u16>(0x5004, sel::data3);
    EXPECT_EQ(m.execute({0xc4, 0x1d, 0, 0x50, 0, 0}), Outcome::next());
    EXPECT_EQ(m.reg(ebx), 0x1122'3344u);
    EXPECT_EQ(m.selector(SegmentName::es), sel::data3);
}

TEST(SystemSegment, lar_and_lsl_answer_in_the_zero_flag) {
    SystemMachine m;
    m.reg(ecx) = sel::small_data;
    EXPECT_EQ(m.execute({0x0f, 0x02, 0xc1}), Outcome::next()); // lar eax, ecx
    EXPECT_EQ(m.reg(eax), 0x0040'9200u);
    EXPECT_TRUE(m.cpu.eflags.has<Eflags::ZF>());
    EXPECT_EQ(m.execute({0x0f, 0x03, 0xc1}), Outcome::next()); // lsl eax, ecx
    EXPECT_EQ(m.reg(eax), 0xfu);
    m.reg(ecx) = sel::call_gate & 0xfff8;
    EXPECT_EQ(m.execute({0x0f, 0x02, 0xc1}), Outcome::next());
    EXPECT_TRUE(m.cpu.eflags.has<Eflags::ZF>()) << "LAR knows call gates";
    EXPECT_EQ(m.execute({0x0f, 0x03, 0xc1}), Outcome::next());
    EXPECT_FALSE(m.cpu.eflags.has<Eflags::ZF>()) << "LSL does not: they have no limit";
    m.reg(ecx) = sel::beyond;
    EXPECT_EQ(m.execute({0x0f, 0x02, 0xc1}), Outcome::next());
    EXPECT_FALSE(m.cpu.eflags.has<Eflags::ZF>());
    m.enter_v86(3);
    EXPECT_EQ(m.execute({0x0f, 0x02, 0xc1}), ud());
}

TEST(SystemSegment, verr_and_verw_ask_for_reading_and_writing) {
    SystemMachine m;
    auto const answer = [&m](u16 selector, u8 modrm) {
        m.reg(eax) = selector;
        EXPECT_EQ(m.execute({0x0f, 0x00, modrm}), Outcome::next());
        return m.cpu.eflags.has<Eflags::ZF>();
    };
    constexpr u8 verr_eax = 0xe0, verw_eax = 0xe8;
    EXPECT_TRUE(answer(sel::read_only, verr_eax));
    EXPECT_FALSE(answer(sel::read_only, verw_eax));
    EXPECT_FALSE(answer(sel::execute_only, verr_eax));
    EXPECT_TRUE(answer(sel::data0, verw_eax));
    EXPECT_FALSE(answer(sel::data0 | 3, verw_eax));
    EXPECT_FALSE(answer(0, verr_eax));
}

TEST(SystemSegment, arpl_raises_the_rpl) {
    SystemMachine m;
    m.reg(eax) = 0x20;
    m.reg(ecx) = 3;
    EXPECT_EQ(m.execute({0x63, 0xc8}), Outcome::next()); // arpl ax, cx
    EXPECT_EQ(m.reg(eax), 0x23u);
    EXPECT_TRUE(m.cpu.eflags.has<Eflags::ZF>());
    EXPECT_EQ(m.execute({0x63, 0xc8}), Outcome::next());
    EXPECT_FALSE(m.cpu.eflags.has<Eflags::ZF>());
}

TEST(SystemSegment, arpl_writes_only_what_it_changes) {
    SystemMachine m;
    m.set_limit(SegmentName::ds, 0xffff'ffff);
    m.cpu.seg(SegmentName::ds).writable = false;
    m.reg(ebx) = 0x3000;
    m.poke<u16>(0x3000, 0x21);
    m.reg(ecx) = 1;
    EXPECT_EQ(m.execute({0x63, 0x0b}), Outcome::next()); // arpl [ebx], cx
    m.reg(ecx) = 2;
    EXPECT_EQ(m.execute({0x63, 0x0b}), gp(0));
}

TEST(SystemSegment, ltr_and_lldt_check_their_descriptors) {
    SystemMachine m;
    auto const load = [&m](u16 selector, u8 modrm) {
        m.reg(eax) = selector;
        return m.execute({0x0f, 0x00, modrm});
    };
    constexpr u8 lldt_eax = 0xd0, ltr_eax = 0xd8;
    EXPECT_EQ(load(sel::tss, ltr_eax), gp(sel::tss)) << "busy";
    EXPECT_EQ(load(0, ltr_eax), gp(0));
    EXPECT_EQ(load(sel::other_tss | 4, ltr_eax), gp(sel::other_tss | 4));
    EXPECT_EQ(load(sel::other_tss, ltr_eax), Outcome::next());
    EXPECT_EQ(m.peek<u8>(SystemMachine::gdt + sel::other_tss + 5), 0x8b);
    EXPECT_EQ(load(sel::data0, lldt_eax), gp(sel::data0));
    EXPECT_EQ(load(sel::ldt, lldt_eax), Outcome::next());
    EXPECT_EQ(load_ds(m, sel::data0 | 4), Outcome::next()) << "the LDT lies over the GDT here";
    EXPECT_EQ(load(0, lldt_eax), Outcome::next());
    EXPECT_EQ(load_ds(m, sel::data0 | 4), gp(sel::data0 | 4));
    m.enter_user();
    EXPECT_EQ(load(sel::ldt, lldt_eax), gp(0));
}

} // namespace
} // namespace ring3
