// A TestMachine with the tables of a small protected-mode kernel, for tests of the system chapters.
#pragma once

#include "monitor/interpreter/protection.h"
#include "monitor/interpreter/test_machine.h"
#include "monitor/interpreter/tss.h"

#include <gtest/gtest.h>

namespace ring3 {

// Selectors of the GDT below, RPL as their owners use them.
namespace sel {
inline constexpr u16 code0 = 0x08, data0 = 0x10, code3 = 0x1b, data3 = 0x23, tss = 0x28, other_tss = 0x30, ldt = 0x38,
                     conforming = 0x40, absent = 0x48, call_gate = 0x53, task_gate = 0x5b, code16 = 0x60, tss16 = 0x68,
                     small_data = 0x70, absent_code = 0x78, read_only = 0x80, execute_only = 0x88, data16 = 0x90,
                     beyond = 0x100;
} // namespace sel

class SystemMachine : public TestMachine {
public:
    static constexpr u32 gdt = 0x1'0000, idt = 0x1'1000, tss = 0x1'2000, other_tss = 0x1'3000, handlers = 0x2'0000;
    static constexpr u32 kernel_stack = 0x9000, user_stack = 0xa000, other_stack = 0xb000;

    explicit SystemMachine(std::string_view model_name = "max") : TestMachine{TestMode::flat32, model_name} {
        cpu.gdtr = {gdt, 0xff};
        cpu.idtr = {idt, 0x7ff};
        fill_gdt();
        for (unsigned vector = 0; vector < 256; ++vector) set_gate(vector, 0xee);
        poke<u32>(tss + 4, kernel_stack);
        poke<u16>(tss + 8, sel::data0);
        poke<u16>(tss + Tss32::io_map, 0x68);
        cpu.seg(SegmentName::tr) = Segment::from_descriptor({{sel::tss}}, {peek<u64>(gdt + sel::tss)});
        cpu.seg(SegmentName::cs) = segment(sel::code0);
        for (auto name : {SegmentName::es, SegmentName::ss, SegmentName::ds, SegmentName::fs, SegmentName::gs})
            cpu.seg(name) = segment(sel::data0);
    }

    Segment segment(u16 selector) const {
        return Segment::from_descriptor({{selector}}, {peek<u64>(gdt + (selector & 0xfff8u))});
    }
    void set_descriptor(u16 selector, u64 raw) { poke<u64>(gdt + (selector & 0xfff8u), raw); }
    static constexpr u64 descriptor(u32 base, u32 limit, u8 access, u8 flags) {
        return (limit & 0xffff) | u64{base & 0xff'ffff} << 16 | u64{access} << 40 | u64{limit >> 16 & 0xf} << 48 |
               u64{flags} << 52 | u64{base >> 24} << 56;
    }
    static constexpr u64 gate(u16 selector, u32 offset, u8 access, u8 parameters = 0) {
        return (offset & 0xffff) | u64{selector} << 16 | u64{parameters} << 32 | u64{access} << 40 |
               u64{offset >> 16} << 48;
    }
    static constexpr u32 handler(unsigned vector) { return handlers + vector * 16; }
    void set_gate(unsigned vector, u8 access, u16 selector = sel::code0) {
        poke<u64>(idt + vector * 8, gate(selector, handler(vector), access));
    }

    void enter_user() {
        cpu.seg(SegmentName::cs) = segment(sel::code3);
        for (auto name : {SegmentName::es, SegmentName::ss, SegmentName::ds, SegmentName::fs, SegmentName::gs})
            cpu.seg(name) = segment(sel::data3);
        cpu.cpl = 3;
        cpu.gpr[esp] = user_stack;
        v.update_mode();
    }
    void enter_v86(unsigned iopl) {
        set_mode(TestMode::v86);
        cpu.eflags = cpu.eflags.with<Eflags::IOPL>(iopl);
    }
    /// The word `index` words above the top of the stack.
    u32 stack(unsigned index) const {
        return peek<u32>(static_cast<u32>(cpu.seg(SegmentName::ss).base + cpu.gpr[esp] + 4 * index));
    }
    u16 stack16(unsigned index) const {
        return peek<u16>(static_cast<u32>(cpu.seg(SegmentName::ss).base + (cpu.gpr[esp] & 0xffff) + 2 * index));
    }
    u16 selector(SegmentName name) const { return cpu.seg(name).selector.raw; }
    bool usable(SegmentName name) const { return cpu.seg(name).is_usable(); }

    /// A runnable image in the other task's TSS: at `eip`, on its own stack, level 0.
    void prepare_other_task(u32 eip) {
        poke<u32>(other_tss + Tss32::eip, eip);
        poke<u32>(other_tss + Tss32::eflags, 2);
        poke<u32>(other_tss + Tss32::gpr + 4 * esp, other_stack);
        u16 const segments[] = {sel::data0, sel::code0, sel::data0, sel::data0, 0, 0};
        for (u32 i = 0; i < 6; ++i) poke<u16>(other_tss + Tss32::segments + 4 * i, segments[i]);
    }

private:
    void fill_gdt() {
        set_descriptor(sel::code0, descriptor(0, 0xf'ffff, 0x9b, 0xc));
        set_descriptor(sel::data0, descriptor(0, 0xf'ffff, 0x93, 0xc));
        set_descriptor(sel::code3, descriptor(0, 0xf'ffff, 0xfb, 0xc));
        set_descriptor(sel::data3, descriptor(0, 0xf'ffff, 0xf3, 0xc));
        set_descriptor(sel::tss, descriptor(tss, 0x1fff, 0x8b, 0)); // busy: it is the current task's
        set_descriptor(sel::other_tss, descriptor(other_tss, 0x67, 0x89, 0));
        set_descriptor(sel::ldt, descriptor(gdt, 0xff, 0x82, 0));
        set_descriptor(sel::conforming, descriptor(0, 0xf'ffff, 0x9f, 0xc));
        set_descriptor(sel::absent, descriptor(0, 0xf'ffff, 0x13, 0xc));
        set_descriptor(sel::call_gate, gate(sel::code0, handlers, 0xec));
        set_descriptor(sel::task_gate, gate(sel::other_tss, 0, 0xe5));
        set_descriptor(sel::code16, descriptor(0, 0xffff, 0x9b, 0));
        set_descriptor(sel::tss16, descriptor(other_tss, 0x2b, 0x81, 0));
        set_descriptor(sel::small_data, descriptor(0x5000, 0xf, 0x92, 0x4));
        set_descriptor(sel::absent_code, descriptor(0, 0xf'ffff, 0x1b, 0xc));
        set_descriptor(sel::read_only, descriptor(0, 0xf'ffff, 0x91, 0xc));
        set_descriptor(sel::execute_only, descriptor(0, 0xf'ffff, 0x99, 0xc));
        set_descriptor(sel::data16, descriptor(0, 0xffff, 0x93, 0));
    }
};

/// Shorter names for what the tests expect.
inline Outcome gp(u16 error) {
    return Outcome::fault(Vector::gp, error);
}
inline Outcome np(u16 error) {
    return Outcome::fault(Vector::np, error);
}
inline Outcome ss_fault(u16 error) {
    return Outcome::fault(Vector::ss, error);
}
inline Outcome ts(u16 error) {
    return Outcome::fault(Vector::ts, error);
}
inline Outcome ud() {
    return Outcome::fault(Vector::ud);
}

/// How googletest shows an Outcome that was not expected.
inline void PrintTo(Outcome outcome, std::ostream* out) {
    *out << "kind " << int(outcome.kind()) << " vector " << int(outcome.vector()) << " error " << outcome.error()
         << (outcome.has_error() ? "" : " (none)");
}

} // namespace ring3
