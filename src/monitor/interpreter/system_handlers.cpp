#include "monitor/interpreter/system_handlers.h"

#include "monitor/interpreter/operands.h"
#include "monitor/interpreter/system_routines.h"

#include <array>

namespace ring3 {

namespace {

constexpr std::array rows{
    HandlerRow{Op::jmp_far, always<jmp_far>},
    HandlerRow{Op::jmp_far_indirect, always<jmp_far_indirect>},
    HandlerRow{Op::call_far, always<call_far>},
    HandlerRow{Op::call_far_indirect, always<call_far_indirect>},
    HandlerRow{Op::ret_far, always<ret_far>},
    HandlerRow{Op::iret, always<iret>},

    HandlerRow{Op::int_n, always<int_n>},
    HandlerRow{Op::int3, always<int3>},
    HandlerRow{Op::int1, always<int1>},
    HandlerRow{Op::into, always<into>},

    HandlerRow{Op::cli, always<cli>},
    HandlerRow{Op::sti, always<sti>},
    HandlerRow{Op::pushf, always<pushf>},
    HandlerRow{Op::popf, always<popf>},

    HandlerRow{Op::in, always<in>},
    HandlerRow{Op::out, always<out>},
    HandlerRow{Op::ins, always<ins>},
    HandlerRow{Op::outs, always<outs>},

    HandlerRow{Op::mov_from_segment, always<mov_from_segment>},
    HandlerRow{Op::mov_to_segment, always<mov_to_segment>},
    HandlerRow{Op::push_segment, always<push_segment>},
    HandlerRow{Op::pop_segment, always<pop_segment>},
    HandlerRow{Op::load_far_pointer, always<load_far_pointer_register>},

    HandlerRow{Op::mov_from_cr, always<mov_from_cr>},
    HandlerRow{Op::mov_to_cr, always<mov_to_cr>},
    HandlerRow{Op::mov_from_dr, always<mov_from_dr>},
    HandlerRow{Op::mov_to_dr, always<mov_to_dr>},
    HandlerRow{Op::clts, always<clts>},
    HandlerRow{Op::lmsw, always<lmsw>},
    HandlerRow{Op::smsw, always<smsw>},
    HandlerRow{Op::xgetbv, always<xgetbv>},
    HandlerRow{Op::xsetbv, always<xsetbv>},
    HandlerRow{Op::clac, always<clac>},
    HandlerRow{Op::stac, always<stac>},

    HandlerRow{Op::lgdt, always<lgdt>},
    HandlerRow{Op::lidt, always<lidt>},
    HandlerRow{Op::sgdt, always<sgdt>},
    HandlerRow{Op::sidt, always<sidt>},
    HandlerRow{Op::lldt, always<lldt>},
    HandlerRow{Op::sldt, always<sldt>},
    HandlerRow{Op::ltr, always<ltr>},
    HandlerRow{Op::str, always<str>},

    HandlerRow{Op::lar, always<lar>},
    HandlerRow{Op::lsl, always<lsl>},
    HandlerRow{Op::verr, always<verr>},
    HandlerRow{Op::verw, always<verw>},
    HandlerRow{Op::arpl, always<arpl>},

    HandlerRow{Op::invd, always<invd>},
    HandlerRow{Op::wbinvd, always<wbinvd>},
    HandlerRow{Op::invlpg, always<invlpg>},
    HandlerRow{Op::invpcid, always<invpcid>},

    HandlerRow{Op::hlt, always<hlt>},
    HandlerRow{Op::rdtsc, always<rdtsc>},
    HandlerRow{Op::rdtscp, always<rdtscp>},
    HandlerRow{Op::rdpmc, always<rdpmc>},
    HandlerRow{Op::cpuid, always<cpuid>},
    HandlerRow{Op::rsm, always<rsm>},
    HandlerRow{Op::monitor, always<monitor>},
    HandlerRow{Op::mwait, always<mwait>},

    HandlerRow{Op::rdmsr, always<rdmsr>},
    HandlerRow{Op::wrmsr, always<wrmsr>},
    HandlerRow{Op::sysenter, always<sysenter>},
    HandlerRow{Op::sysexit, always<sysexit>},
};

} // namespace

std::span<HandlerRow const> system_handlers() {
    return rows;
}

} // namespace ring3
