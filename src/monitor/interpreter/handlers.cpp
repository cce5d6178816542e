#include "monitor/interpreter/handlers.h"

#include "monitor/cpu/cpu_model.h"
#include "monitor/interpreter/integer_handlers.h"
#include "monitor/interpreter/system_handlers.h"
#include "monitor/interpreter/vector_handlers.h"

#include <array>

namespace ring3 {
namespace {

using insn::Op;

constexpr auto op_count = static_cast<std::size_t>(Op::count_);
using Pick = Handler (*)(insn::Insn const&);
using PickTable = std::array<Pick, op_count>;

Outcome undefined_opcode(Vcpu&, insn::Insn const&) {
    return Outcome::fault(Vector::ud);
}

PickTable join_chapters() {
    PickTable table{};
    for (auto const rows :
         {arithmetic_handlers(), multiply_handlers(), decimal_handlers(), shift_handlers(), bit_handlers(),
          transfer_handlers(), exchange_handlers(), stack_handlers(), string_handlers(), branch_handlers(),
          flag_handlers(), miscellaneous_handlers(), system_handlers(), vector_handlers()})
        for (HandlerRow const& row : rows) table[static_cast<std::size_t>(row.op)] = row.pick;
    return table;
}

PickTable const& picks() {
    static PickTable const table = join_chapters();
    return table;
}

/// The operation a processor of this model performs. Without the feature, the F3 prefix of TZCNT and LZCNT means
/// nothing and they are BSF and BSR (SDM 2B TZCNT); every other instruction is then undefined: count_.
Op effective_op(insn::InsnDef const& def, CpuModel const& model) {
    if (model.has(def.feature)) return def.op;
    if (def.op == Op::tzcnt) return Op::bsf;
    if (def.op == Op::lzcnt) return Op::bsr;
    return Op::count_;
}

} // namespace

Handler pick_handler(insn::Insn const& insn, CpuModel const& model) {
    Op const op = effective_op(*insn.def, model);
    Pick const pick = op == Op::count_ ? nullptr : picks()[static_cast<std::size_t>(op)];
    Handler const handler = pick == nullptr ? nullptr : pick(insn);
    return handler == nullptr ? undefined_opcode : handler;
}

std::optional<Op> first_op_without_routine() {
    for (std::size_t i = 0; i < op_count; ++i)
        if (picks()[i] == nullptr) return static_cast<Op>(i);
    return std::nullopt;
}

} // namespace ring3
