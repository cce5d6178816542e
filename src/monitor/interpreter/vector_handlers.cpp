#include "monitor/interpreter/vector_handlers.h"

#include "monitor/interpreter/vector_area.h"
#include "monitor/interpreter/vector_masked.h"
#include "monitor/interpreter/vector_native.h"
#include "monitor/interpreter/x87_control.h"
#include "monitor/interpreter/x87_environment.h"

namespace ring3 {
namespace {

template <Handler handler> Handler always(insn::Insn const&) {
    return handler;
}

using insn::Op;

constexpr HandlerRow rows[] = {
    {Op::x87, pick_x87},
    {Op::fldenv, always<fldenv>},
    {Op::fnstenv, always<fnstenv>},
    {Op::frstor, always<frstor>},
    {Op::fnsave, always<fnsave>},
    {Op::fwait, always<fwait>},
    {Op::fninit, always<fninit>},
    {Op::fnclex, always<fnclex>},
    {Op::fnstsw_ax, always<fnstsw_ax>},
    {Op::fnstcw, always<fnstcw>},
    {Op::fldcw, always<fldcw>},
    {Op::fxsave, always<fxsave>},
    {Op::fxrstor, always<fxrstor>},
    {Op::xsave, always<xsave>},
    {Op::xsaveopt, always<xsaveopt>},
    {Op::xrstor, always<xrstor>},
    {Op::ldmxcsr, always<ldmxcsr>},
    {Op::stmxcsr, always<stmxcsr>},
    {Op::vector, pick_vector},
    {Op::maskmov, always<maskmov>},
    {Op::vmaskmov, always<vmaskmov>},
    {Op::gather, always<gather>},
};

} // namespace

std::span<HandlerRow const> vector_handlers() {
    return rows;
}

} // namespace ring3
