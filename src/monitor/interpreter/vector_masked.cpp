#include "monitor/interpreter/vector_masked.h"

#include "monitor/interpreter/native_code.h"
#include "monitor/interpreter/vector_checks.h"
#include "monitor/interpreter/vector_register.h"

#include <algorithm>
#include <bit>

namespace ring3 {
namespace {

using insn::Insn;

/// One bit for each byte that is chosen.
using ByteMask = u32;

ByteMask byte_mask(VectorRegister const& mask, unsigned element_size, unsigned size) {
    ByteMask const element = (u32{1} << element_size) - 1;
    ByteMask result = 0;
    for (unsigned i = 0; i < size / element_size; ++i)
        if (mask.chosen(i, element_size)) result |= element << (i * element_size);
    return result;
}

struct Place {
    SegmentName segment;
    u32 offset;
};

/// Calls `action(first byte, linear address, count)` for each run of chosen bytes, lowest first.
template <class F> Outcome for_each_run(Vcpu& v, Place place, ByteMask mask, Access access, F action) {
    while (mask != 0) {
        unsigned const first = static_cast<unsigned>(std::countr_zero(mask));
        unsigned const count = static_cast<unsigned>(std::countr_one(mask >> first));
        Linear address;
        TRY_GUEST(v.linear_for(place.segment, place.offset + first, count, access, address));
        TRY_GUEST(action(first, address, count));
        mask &= static_cast<ByteMask>(~(((u64{1} << count) - 1) << first));
    }
    return Outcome::next();
}

/// All runs are checked before the first is written.
Outcome store_chosen(Vcpu& v, Place place, ByteMask mask, VectorRegister const& value) {
    Privilege const privilege = v.privilege();
    TRY_GUEST(for_each_run(v, place, mask, Access::write, [&](unsigned, Linear address, unsigned count) {
        return v.mmu.probe(address, privilege, Access::write, count);
    }));
    return for_each_run(v, place, mask, Access::write, [&](unsigned first, Linear address, unsigned count) {
        return v.mmu.write_bytes(address, privilege, &value.bytes[first], count);
    });
}

Outcome load_chosen(Vcpu& v, Place place, ByteMask mask, VectorRegister& value) {
    return for_each_run(v, place, mask, Access::read, [&](unsigned first, Linear address, unsigned count) {
        return v.mmu.read_bytes(address, v.privilege(), &value.bytes[first], count);
    });
}

/// DS:EDI or DS:DI; DS may be overridden.
Place implicit_destination(Vcpu const& v, Insn const& insn) {
    u32 const offset = v.cpu.read<u32>(reg_ref(edi));
    return {Vcpu::segment_of(insn), insn.address_width == 2 ? offset & 0xffff : offset};
}

/// MASKMOV's operand as a whole: processors check it so, whatever the mask chooses (SDM 2B MASKMOVDQU leaves it to them).
Outcome check_whole(Vcpu& v, Place place, unsigned size) {
    Linear address;
    TRY_GUEST(v.linear_for(place.segment, place.offset, size, Access::write, address));
    if (v.mmu.misaligned(address, v.privilege(), sizeof(u64))) return Outcome::fault(Vector::ac, 0);
    return v.mmu.probe(address, v.privilege(), Access::write, size);
}

Outcome maskmovq(Vcpu& v, Insn const& insn) {
    TRY_GUEST(check_mmx(v));
    FxImage& fx = fx_of(v);
    ByteMask const mask = byte_mask(read_mmx(fx, insn.rm()), 1, sizeof(u64));
    TRY_GUEST(check_whole(v, implicit_destination(v, insn), sizeof(u64)));
    WithoutAlignmentChecks const guard{v};
    TRY_GUEST(store_chosen(v, implicit_destination(v, insn), mask, read_mmx(fx, insn.reg())));
    enter_mmx(fx);
    return Outcome::next();
}

Outcome maskmovdqu(Vcpu& v, Insn const& insn) {
    TRY_GUEST(insn.vex ? check_avx(v) : check_sse(v));
    XImage const& state = image(v.cpu.fpu);
    ByteMask const mask = byte_mask(read_ymm(state, insn.rm()), 1, sizeof(XmmSlot));
    TRY_GUEST(check_whole(v, implicit_destination(v, insn), sizeof(XmmSlot)));
    WithoutAlignmentChecks const guard{v};
    return store_chosen(v, implicit_destination(v, insn), mask, read_ymm(state, insn.reg()));
}

/// Bit 1 of the opcodes 2C-2F, 8C and 8E says "store", bit 0 of 2C-2F and VEX.W of the others "8 bytes".
bool is_store(Insn const& insn) {
    return (insn.def->opcode & 2) != 0;
}
unsigned element_size(Insn const& insn) {
    bool const integer = (insn.def->opcode & 0x80) != 0;
    bool const wide = integer ? insn.vex_w : (insn.def->opcode & 1) != 0;
    return wide ? 8 : 4;
}

} // namespace

Outcome maskmov(Vcpu& v, Insn const& insn) {
    return uses_mmx(*insn.def) ? maskmovq(v, insn) : maskmovdqu(v, insn);
}

Outcome vmaskmov(Vcpu& v, Insn const& insn) {
    TRY_GUEST(check_avx(v));
    WithoutAlignmentChecks const guard{v};
    XImage& state = image(v.cpu.fpu);
    unsigned const size = insn.vex_l ? VectorRegister::ymm_size : VectorRegister::xmm_size;
    ByteMask const mask = byte_mask(read_ymm(state, insn.vvvv & 7), element_size(insn), size);
    Place const place{Vcpu::segment_of(insn), v.effective_address(insn)};
    if (is_store(insn)) return store_chosen(v, place, mask, read_ymm(state, insn.reg()));
    VectorRegister value; // zero where not chosen, and above `size`
    TRY_GUEST(load_chosen(v, place, mask, value));
    write_ymm(state, insn.reg(), value);
    return Outcome::next();
}

} // namespace ring3
