// Flag control without privilege (SDM 1 7.3.13).
#include "monitor/interpreter/integer_handlers.h"
#include "monitor/interpreter/operands.h"

#include <array>

namespace ring3 {
namespace {

template <class Flag, bool value> Outcome set_flag(Vcpu& v, Insn const&) {
    v.cpu.eflags = v.cpu.eflags.with<Flag>(value);
    return Outcome::next();
}

Outcome cmc(Vcpu& v, Insn const&) {
    v.cpu.eflags = v.cpu.eflags.with<Eflags::CF>(!v.cpu.eflags.has<Eflags::CF>());
    return Outcome::next();
}

/// The flags that LAHF and SAHF move: the status flags but OF.
constexpr auto low_flags = static_cast<u8>(mask_of<Eflags::SF, Eflags::ZF, Eflags::AF, Eflags::PF, Eflags::CF>());

Outcome lahf(Vcpu& v, Insn const&) {
    v.cpu.write<u8>(ah, static_cast<u8>((v.cpu.eflags.raw & low_flags) | Eflags::fixed_one));
    return Outcome::next();
}

Outcome sahf(Vcpu& v, Insn const&) {
    v.cpu.eflags.raw = (v.cpu.eflags.raw & ~u32{low_flags}) | (v.cpu.read<u8>(ah) & low_flags);
    return Outcome::next();
}

/// SALC (undocumented, D6): AL = FFH if CF is set, else 0.
Outcome salc(Vcpu& v, Insn const&) {
    v.cpu.write<u8>(accumulator, v.cpu.eflags.has<Eflags::CF>() ? 0xff : 0);
    return Outcome::next();
}

constexpr std::array rows{
    HandlerRow{Op::clc, always<set_flag<Eflags::CF, false>>},
    HandlerRow{Op::stc, always<set_flag<Eflags::CF, true>>},
    HandlerRow{Op::cld, always<set_flag<Eflags::DF, false>>},
    HandlerRow{Op::std, always<set_flag<Eflags::DF, true>>},
    HandlerRow{Op::cmc, always<cmc>},
    HandlerRow{Op::lahf, always<lahf>},
    HandlerRow{Op::sahf, always<sahf>},
    HandlerRow{Op::salc, always<salc>},
};

} // namespace

std::span<HandlerRow const> flag_handlers() {
    return rows;
}

} // namespace ring3
