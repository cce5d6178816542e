// The sixteen conditions of Jcc, SETcc and CMOVcc (SDM 1 appendix B), in the encoding of the opcode's low four bits.
#pragma once

#include "monitor/interpreter/operands.h"

#include <array>
#include <utility>

namespace ring3 {

/// Does condition `code` hold? Odd codes are the negations of the even ones before them.
template <unsigned code> constexpr bool condition_holds(Eflags flags) {
    bool const less = flags.has<Eflags::SF>() != flags.has<Eflags::OF>();
    bool holds = false;
    switch (code >> 1) {
    case 0: holds = flags.has<Eflags::OF>(); break;
    case 1: holds = flags.has<Eflags::CF>(); break;
    case 2: holds = flags.has<Eflags::ZF>(); break;
    case 3: holds = flags.has<Eflags::CF>() || flags.has<Eflags::ZF>(); break;
    case 4: holds = flags.has<Eflags::SF>(); break;
    case 5: holds = flags.has<Eflags::PF>(); break;
    case 6: holds = less; break;
    default: holds = less || flags.has<Eflags::ZF>(); break;
    }
    return holds != ((code & 1) != 0);
}

/// The choice among the sixteen instances `Family<code>`: each is a routine with its own `pick`.
template <template <unsigned> class Family> Handler by_condition(Insn const& insn) {
    using Pick = Handler (*)(Insn const&);
    static constexpr auto picks = []<std::size_t... code>(std::index_sequence<code...>) {
        return std::array<Pick, sizeof...(code)>{&Family<code>::pick...};
    }
    (std::make_index_sequence<16>{});
    return picks[insn.def->opcode & 0xf](insn);
}

} // namespace ring3
