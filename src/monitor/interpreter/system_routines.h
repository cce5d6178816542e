// The routines of the system chapters, by file; system_handlers.cpp puts them into the table.
#pragma once

#include "monitor/interpreter/vcpu.h"

namespace ring3 {

// far_jump.cpp, far_return.cpp, iret.cpp
Outcome jmp_far(Vcpu& vcpu, insn::Insn const& insn);
Outcome jmp_far_indirect(Vcpu& vcpu, insn::Insn const& insn);
Outcome call_far(Vcpu& vcpu, insn::Insn const& insn);
Outcome call_far_indirect(Vcpu& vcpu, insn::Insn const& insn);
Outcome ret_far(Vcpu& vcpu, insn::Insn const& insn);
Outcome iret(Vcpu& vcpu, insn::Insn const& insn);

// software_interrupt.cpp
Outcome int_n(Vcpu& vcpu, insn::Insn const& insn);
Outcome int3(Vcpu& vcpu, insn::Insn const& insn);
Outcome int1(Vcpu& vcpu, insn::Insn const& insn);
Outcome into(Vcpu& vcpu, insn::Insn const& insn);

// interrupt_flag.cpp
Outcome cli(Vcpu& vcpu, insn::Insn const& insn);
Outcome sti(Vcpu& vcpu, insn::Insn const& insn);
Outcome pushf(Vcpu& vcpu, insn::Insn const& insn);
Outcome popf(Vcpu& vcpu, insn::Insn const& insn);

// io.cpp, io_string.cpp
Outcome in(Vcpu& vcpu, insn::Insn const& insn);
Outcome out(Vcpu& vcpu, insn::Insn const& insn);
Outcome ins(Vcpu& vcpu, insn::Insn const& insn);
Outcome outs(Vcpu& vcpu, insn::Insn const& insn);

// segment_moves.cpp
Outcome mov_from_segment(Vcpu& vcpu, insn::Insn const& insn);
Outcome mov_to_segment(Vcpu& vcpu, insn::Insn const& insn);
Outcome push_segment(Vcpu& vcpu, insn::Insn const& insn);
Outcome pop_segment(Vcpu& vcpu, insn::Insn const& insn);
Outcome load_far_pointer_register(Vcpu& vcpu, insn::Insn const& insn);

// control_registers.cpp
Outcome mov_from_cr(Vcpu& vcpu, insn::Insn const& insn);
Outcome mov_to_cr(Vcpu& vcpu, insn::Insn const& insn);
Outcome clts(Vcpu& vcpu, insn::Insn const& insn);
Outcome lmsw(Vcpu& vcpu, insn::Insn const& insn);
Outcome smsw(Vcpu& vcpu, insn::Insn const& insn);
Outcome xgetbv(Vcpu& vcpu, insn::Insn const& insn);
Outcome xsetbv(Vcpu& vcpu, insn::Insn const& insn);
Outcome clac(Vcpu& vcpu, insn::Insn const& insn);
Outcome stac(Vcpu& vcpu, insn::Insn const& insn);

// debug_registers.cpp
Outcome mov_from_dr(Vcpu& vcpu, insn::Insn const& insn);
Outcome mov_to_dr(Vcpu& vcpu, insn::Insn const& insn);

// table_registers.cpp
Outcome lgdt(Vcpu& vcpu, insn::Insn const& insn);
Outcome lidt(Vcpu& vcpu, insn::Insn const& insn);
Outcome sgdt(Vcpu& vcpu, insn::Insn const& insn);
Outcome sidt(Vcpu& vcpu, insn::Insn const& insn);
Outcome lldt(Vcpu& vcpu, insn::Insn const& insn);
Outcome sldt(Vcpu& vcpu, insn::Insn const& insn);
Outcome ltr(Vcpu& vcpu, insn::Insn const& insn);
Outcome str(Vcpu& vcpu, insn::Insn const& insn);

// segment_queries.cpp
Outcome lar(Vcpu& vcpu, insn::Insn const& insn);
Outcome lsl(Vcpu& vcpu, insn::Insn const& insn);
Outcome verr(Vcpu& vcpu, insn::Insn const& insn);
Outcome verw(Vcpu& vcpu, insn::Insn const& insn);
Outcome arpl(Vcpu& vcpu, insn::Insn const& insn);

// caches.cpp
Outcome invd(Vcpu& vcpu, insn::Insn const& insn);
Outcome wbinvd(Vcpu& vcpu, insn::Insn const& insn);
Outcome invlpg(Vcpu& vcpu, insn::Insn const& insn);
Outcome invpcid(Vcpu& vcpu, insn::Insn const& insn);

// processor.cpp
Outcome hlt(Vcpu& vcpu, insn::Insn const& insn);
Outcome rdtsc(Vcpu& vcpu, insn::Insn const& insn);
Outcome rdtscp(Vcpu& vcpu, insn::Insn const& insn);
Outcome rdpmc(Vcpu& vcpu, insn::Insn const& insn);
Outcome cpuid(Vcpu& vcpu, insn::Insn const& insn);
Outcome rsm(Vcpu& vcpu, insn::Insn const& insn);
Outcome monitor(Vcpu& vcpu, insn::Insn const& insn);
Outcome mwait(Vcpu& vcpu, insn::Insn const& insn);

// msr.cpp
Outcome rdmsr(Vcpu& vcpu, insn::Insn const& insn);
Outcome wrmsr(Vcpu& vcpu, insn::Insn const& insn);

// sysenter.cpp
Outcome sysenter(Vcpu& vcpu, insn::Insn const& insn);
Outcome sysexit(Vcpu& vcpu, insn::Insn const& insn);

} // namespace ring3
