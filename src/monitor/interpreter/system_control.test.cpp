#include "monitor/interpreter/system_test_machine.h"

#include "monitor/cpu/cpu_model.h"

namespace ring3 {
namespace {

Outcome write_cr(SystemMachine& m, u8 number, u32 value) {
    m.reg(eax) = value;
    return m.execute({0x0f, 0x22, u8(0xc0 | number << 3)});
}
Outcome write_msr(SystemMachine& m, u32 index, u64 value) {
    m.reg(ecx) = index;
    m.reg(eax) = value & 0xffff'ffff;
    m.reg(edx) = value >> 32;
    return m.execute({0x0f, 0x30});
}
Outcome read_msr(SystemMachine& m, u32 index) {
    m.reg(ecx) = index;
    return m.execute({0x0f, 0x32});
}
u64 pair(SystemMachine& m) {
    return m.reg(edx) << 32 | m.reg(eax);
}

TEST(SystemControl, reset_is_as_table_9_1_says) {
    SystemMachine m;
    m.v.reset();
    EXPECT_EQ(m.cpu.seg(SegmentName::cs).base + m.cpu.eip, 0xffff'fff0u);
    EXPECT_EQ(m.selector(SegmentName::cs), 0xf000);
    EXPECT_EQ(m.flags(), 2u);
    EXPECT_EQ(m.cpu.cr0.raw, 0x6000'0010u);
    EXPECT_EQ(m.reg(edx), m.model().signature());
    EXPECT_EQ(m.cpu.idtr.limit, 0xffff);
    EXPECT_TRUE(m.cpu.seg(SegmentName::cs).writable) << "real mode may write through CS";
}

TEST(SystemControl, cr0_refuses_illegal_combinations) {
    SystemMachine m;
    EXPECT_EQ(write_cr(m, 0, u32{Cr0::PG::mask}), gp(0)) << "paging without protection";
    EXPECT_EQ(write_cr(m, 0, u32(mask_of<Cr0::PE, Cr0::NW>())), gp(0)) << "NW without CD";
    EXPECT_EQ(write_cr(m, 0, 1), Outcome::leave());
    EXPECT_EQ(m.cpu.cr0.raw, 0x11u) << "ET is fixed to 1";
    EXPECT_EQ(write_cr(m, 1, 0), ud());
    EXPECT_EQ(write_cr(m, 5, 0), ud());
    m.enter_user();
    EXPECT_EQ(write_cr(m, 0, 1), gp(0));
    EXPECT_EQ(m.execute({0x0f, 0x20, 0xc0}), gp(0));
}

TEST(SystemControl, cr4_takes_what_the_model_has) {
    SystemMachine m{"pentium3"};
    EXPECT_EQ(write_cr(m, 4, u32(mask_of<Cr4::PSE, Cr4::PAE, Cr4::PGE>())), Outcome::leave());
    EXPECT_EQ(write_cr(m, 4, u32{Cr4::SMEP::mask}), gp(0));
    EXPECT_EQ(write_cr(m, 4, 1u << 30), gp(0));
}

TEST(SystemControl, pae_pointers_with_reserved_bits_keep_paging_off) {
    SystemMachine m;
    EXPECT_EQ(write_cr(m, 4, u32{Cr4::PAE::mask}), Outcome::leave());
    m.poke<u64>(0x6000, 0x1 | 0x2); // R/W is reserved in a pointer
    EXPECT_EQ(write_cr(m, 3, 0x6000), Outcome::leave()) << "not read while paging is off";
    EXPECT_EQ(write_cr(m, 0, u32(mask_of<Cr0::PE, Cr0::PG>())), gp(0));
    EXPECT_FALSE(m.cpu.paging());
}

TEST(SystemControl, lmsw_cannot_leave_protected_mode) {
    SystemMachine m;
    m.reg(eax) = 0xe;
    EXPECT_EQ(m.execute({0x0f, 0x01, 0xf0}), Outcome::leave());
    EXPECT_EQ(m.cpu.cr0.raw & 0xf, 0xfu);
    EXPECT_EQ(m.execute({0x0f, 0x06}), Outcome::next()); // clts
    EXPECT_FALSE(m.cpu.cr0.has<Cr0::TS>());
}

TEST(SystemControl, umip_hides_the_tables_from_user_programs) {
    SystemMachine m;
    m.enter_user();
    EXPECT_EQ(m.execute({0x0f, 0x01, 0x05, 0, 0x50, 0, 0}), Outcome::next()); // sgdt [5000h]
    EXPECT_EQ(m.peek<u16>(0x5000), 0xff);
    EXPECT_EQ(m.peek<u32>(0x5002), SystemMachine::gdt);
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::UMIP>(1);
    EXPECT_EQ(m.execute({0x0f, 0x01, 0x05, 0, 0x50, 0, 0}), gp(0));
    EXPECT_EQ(m.execute({0x0f, 0x00, 0xc0}), gp(0)); // sldt eax
    EXPECT_EQ(m.execute({0x0f, 0x01, 0xe0}), gp(0)); // smsw eax
}

TEST(SystemControl, a_16_bit_lgdt_loads_24_bits_of_base) {
    SystemMachine m;
    m.poke<u16>(0x5000, 0x1234);
    m.poke<u32>(0x5002, 0xabcd'ef01);
    EXPECT_EQ(m.execute({0x66, 0x0f, 0x01, 0x1d, 0, 0x50, 0, 0}), Outcome::next()); // lidt
    EXPECT_EQ(m.cpu.idtr.limit, 0x1234);
    EXPECT_EQ(m.cpu.idtr.base, 0xcd'ef01u);
    EXPECT_EQ(m.execute({0x0f, 0x01, 0x1d, 0, 0x50, 0, 0}), Outcome::next());
    EXPECT_EQ(m.cpu.idtr.base, 0xabcd'ef01u);
}

TEST(SystemControl, dr4_is_dr6_until_de_says_otherwise) {
    SystemMachine m;
    m.reg(eax) = 0xffff'ffff;
    EXPECT_EQ(m.execute({0x0f, 0x23, 0xe0}), Outcome::next()); // mov dr4, eax
    EXPECT_EQ(m.cpu.dr6.raw, 0xffff'efffu);
    EXPECT_EQ(m.execute({0x0f, 0x21, 0xe3}), Outcome::next()); // mov ebx, dr4
    EXPECT_EQ(m.reg(ebx), 0xffff'efffu);
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::DE>(1);
    EXPECT_EQ(m.execute({0x0f, 0x21, 0xe3}), ud());
}

// ---- flags ----

TEST(SystemControl, sti_opens_interrupts_one_instruction_later) {
    SystemMachine m;
    EXPECT_EQ(m.execute({0xfb}), Outcome::leave());
    EXPECT_TRUE(m.cpu.interrupt_shadow);
    m.cpu.interrupt_shadow = false;
    EXPECT_EQ(m.execute({0xfb}), Outcome::next());
    EXPECT_FALSE(m.cpu.interrupt_shadow) << "IF was set already";
}

TEST(SystemControl, user_mode_needs_iopl_or_pvi_for_cli) {
    SystemMachine m;
    m.enter_user();
    EXPECT_EQ(m.execute({0xfa}), gp(0));
    m.set_flags(0x3202);
    EXPECT_EQ(m.execute({0xfa}), Outcome::next());
    EXPECT_FALSE(m.cpu.eflags.has<Eflags::IF>());
    m.set_flags(0x202);
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::PVI>(1);
    EXPECT_EQ(m.execute({0xfb}), Outcome::next());
    EXPECT_TRUE(m.cpu.eflags.has<Eflags::VIF>());
    EXPECT_EQ(m.execute({0xfa}), Outcome::next());
    EXPECT_FALSE(m.cpu.eflags.has<Eflags::VIF>());
    EXPECT_TRUE(m.cpu.eflags.has<Eflags::IF>());
}

TEST(SystemControl, popf_in_user_mode_ignores_if_and_iopl) {
    SystemMachine m;
    m.enter_user();
    m.set_flags(0x202);
    m.poke<u32>(SystemMachine::user_stack, 0x3001 | u32{Eflags::ID::mask});
    EXPECT_EQ(m.execute({0x9d}), Outcome::next());
    EXPECT_EQ(m.flags(), 0x203u | u32{Eflags::ID::mask});
    EXPECT_EQ(m.reg(esp), SystemMachine::user_stack + 4);
}

TEST(SystemControl, pushf_hides_rf_and_vm) {
    SystemMachine m;
    m.set_flags(u32{Eflags::RF::mask} | 0x41);
    EXPECT_EQ(m.execute({0x9c}), Outcome::next());
    EXPECT_EQ(m.stack(0), 0x43u);
}

// ---- ports ----

TEST(SystemControl, the_io_map_decides_when_iopl_does_not) {
    SystemMachine m;
    m.enter_user();
    m.reg(edx) = 0x3f8;
    auto const map = SystemMachine::tss + 0x68;
    EXPECT_EQ(m.execute({0xec}), Outcome::leave()) << "a clear map permits";
    m.poke<u8>(map + 0x3f8 / 8 + 1, 1); // port 400h
    EXPECT_EQ(m.execute({0xec}), Outcome::leave());
    m.reg(edx) = 0x3fd;
    EXPECT_EQ(m.execute({0xed}), gp(0)) << "the last of four ports is denied";
    m.set_flags(0x3002);
    EXPECT_EQ(m.execute({0xed}), Outcome::leave()) << "IOPL 3 needs no map";
    m.enter_v86(3);
    m.reg(edx) = 0x3fd;
    EXPECT_EQ(m.execute({0x66, 0xed}), gp(0)) << "virtual-8086 mode always asks the map";
}

TEST(SystemControl, the_io_map_needs_two_bytes_within_the_tss) {
    SystemMachine m;
    m.enter_user();
    m.reg(edx) = 0x10;
    m.cpu.seg(SegmentName::tr).limit = 0x68 + 2;
    EXPECT_EQ(m.execute({0xec}), gp(0));
    m.cpu.seg(SegmentName::tr).limit = 0x68 + 3;
    EXPECT_EQ(m.execute({0xec}), Outcome::leave());
}

TEST(SystemControl, rep_ins_comes_back_after_each_element) {
    SystemMachine m;
    m.reg(ecx) = 2;
    m.reg(edi) = 0x5000;
    m.reg(edx) = 0x1f0;
    EXPECT_EQ(m.execute({0xf3, 0x6d}), Outcome::again());
    EXPECT_EQ(m.cpu.eip, SystemMachine::code_start);
    EXPECT_EQ(m.step(), Outcome::leave());
    EXPECT_EQ(m.reg(edi), 0x5008u);
    EXPECT_EQ(m.reg(ecx), 0u);
    EXPECT_EQ(m.execute({0xf3, 0x6d}), Outcome::next()) << "nothing to do";
}

TEST(SystemControl, ins_asks_for_the_memory_before_the_device) {
    SystemMachine m;
    m.cpu.seg(SegmentName::es) = m.segment(sel::read_only);
    EXPECT_EQ(m.execute({0x6c}), gp(0));
}

TEST(SystemControl, ports_can_be_watched) {
    SystemMachine m;
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::DE>(1);
    m.cpu.dr[1] = 0x61;
    m.cpu.dr7 = Dr7::from_guest(1u << 2 | 2u << 20); // L1, I/O, one byte
    EXPECT_EQ(m.execute({0xe4, 0x61}), Outcome::leave());
    EXPECT_EQ(m.cpu.pending_debug, 2u);
}

// ---- model-specific registers, time, identification ----

TEST(SystemControl, unknown_msrs_fault) {
    SystemMachine m;
    EXPECT_EQ(read_msr(m, 0xdead), gp(0));
    EXPECT_EQ(write_msr(m, 0xdead, 0), gp(0));
    m.enter_user();
    EXPECT_EQ(read_msr(m, 0x10), gp(0));
}

TEST(SystemControl, msrs_hold_what_they_may) {
    SystemMachine m;
    EXPECT_EQ(write_msr(m, 0x277, 0x0007'0406'0007'0406), Outcome::leave());
    EXPECT_EQ(write_msr(m, 0x277, 2), gp(0)) << "no such memory type";
    EXPECT_EQ(write_msr(m, 0x200, 0xf'0000'0006), Outcome::leave());
    EXPECT_EQ(read_msr(m, 0x200), Outcome::next());
    EXPECT_EQ(pair(m), 0xf'0000'0006u);
    EXPECT_EQ(write_msr(m, 0x201, 0x10'0000'0800), gp(0)) << "beyond 36 bits";
    EXPECT_EQ(write_msr(m, 0xc000'0080, u64{Efer::LME::mask}), gp(0));
    EXPECT_EQ(write_msr(m, 0xc000'0080, u64{Efer::NXE::mask}), Outcome::leave());
    EXPECT_EQ(write_msr(m, 0xc000'0103, 0x1'0000'0000), gp(0));
    SystemMachine old{"pentium3"};
    EXPECT_EQ(read_msr(old, 0xc000'0080), gp(0)) << "no NX, no EFER";
}

TEST(SystemControl, tsc_and_its_adjustment_move_together) {
    SystemMachine m;
    EXPECT_EQ(read_msr(m, 0x10), Outcome::next());
    u64 const before = pair(m);
    EXPECT_EQ(write_msr(m, 0x3b, 1'000'000), Outcome::leave());
    EXPECT_EQ(read_msr(m, 0x10), Outcome::next());
    EXPECT_GE(pair(m) - before, 1'000'000u);
    EXPECT_EQ(write_msr(m, 0x10, 0), Outcome::leave());
    EXPECT_EQ(read_msr(m, 0x3b), Outcome::next());
    EXPECT_LT(static_cast<i64>(pair(m)), 0) << "the time before the write was taken back";
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::TSD>(1);
    EXPECT_EQ(m.execute({0x0f, 0x31}), Outcome::next());
    m.enter_user();
    EXPECT_EQ(m.execute({0x0f, 0x31}), gp(0));
}

TEST(SystemControl, xcr0_is_checked) {
    SystemMachine m;
    auto const xsetbv = [&m](u32 value) {
        m.reg(eax) = value;
        m.reg(edx) = m.reg(ecx) = 0;
        return m.execute({0x0f, 0x01, 0xd1});
    };
    if (!m.model().has(insn::Feature::xsave)) GTEST_SKIP() << "the host has no XSAVE";
    EXPECT_EQ(xsetbv(3), ud()) << "CR4.OSXSAVE is clear";
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::OSXSAVE>(1);
    EXPECT_EQ(xsetbv(3), Outcome::leave());
    EXPECT_EQ(xsetbv(2), gp(0)) << "x87 cannot be switched off";
    EXPECT_EQ(xsetbv(5), gp(0)) << "AVX needs SSE";
    EXPECT_EQ(xsetbv(0x103), gp(0));
}

TEST(SystemControl, what_this_processor_lacks_is_undefined) {
    SystemMachine m;
    EXPECT_EQ(m.execute({0x0f, 0xaa}), ud()) << "RSM outside of SMM";
    EXPECT_EQ(m.execute({0x0f, 0x01, 0xc8}), ud()) << "MONITOR";
    EXPECT_EQ(m.execute({0x0f, 0x33}), gp(0)) << "RDPMC";
    m.enter_user();
    EXPECT_EQ(m.execute({0x0f, 0x01, 0xcb}), ud()) << "STAC in user mode";
}

TEST(SystemControl, hlt_is_privileged) {
    SystemMachine m;
    EXPECT_EQ(m.execute({0xf4}), Outcome::halt());
    EXPECT_TRUE(m.cpu.halted);
    EXPECT_EQ(m.v.deliver(32, EventKind::external, false, 0), Outcome::next());
    EXPECT_FALSE(m.cpu.halted);
    m.enter_user();
    EXPECT_EQ(m.execute({0xf4}), gp(0));
}

} // namespace
} // namespace ring3
