// Gathers (SDM 2C VGATHERDPS and its kin): each chosen element from an address of its own.
//
// A fault in the middle leaves what was done: finished elements are in the destination, their mask bits are clear, and
// the restarted instruction does the rest. So state is committed element by element, lowest first. What lies above the
// register's width becomes zero with the first one: the oracle test has that from a processor.
#include "insn/operands.h"
#include "monitor/interpreter/vector_checks.h"
#include "monitor/interpreter/vector_masked.h"
#include "monitor/interpreter/vector_register.h"

#include <algorithm>

namespace ring3 {
namespace {

using insn::Insn;

struct Gather {
    unsigned destination, index, mask; // register numbers
    unsigned element_size, index_size;
    unsigned width; // of the registers in use: what lies above becomes zero
    unsigned count; // of elements

    explicit Gather(Insn const& insn)
        : destination{insn.reg()},
          index{insn::vsib_index(insn)},
          mask{insn.vvvv & 7u},
          element_size{insn.vex_w ? 8u : 4u},
          index_size{(insn.def->opcode & 1) != 0 ? 8u : 4u},
          width{insn.vex_l ? VectorRegister::ymm_size : VectorRegister::xmm_size},
          count{width / std::max(element_size, index_size)} {}
    /// SDM 2A table 2-27: the three registers must differ; an index needs a SIB byte, 16-bit addresses have none.
    bool is_legal(Insn const& insn) const {
        constexpr u8 sib = 4;
        bool const distinct = destination != index && destination != mask && index != mask;
        return distinct && insn.has_memory && insn.rm() == sib && insn.address_width != 2;
    }
};

/// Outside 64-bit mode addresses are 32 bits wide: of a 64-bit index only the lower half counts.
u32 address_of(Vcpu const& v, Insn const& insn, Gather const& g, VectorRegister const& index, unsigned i) {
    u32 const scaled = (g.index_size == 8 ? static_cast<u32>(index.element<u64>(i)) : index.element<u32>(i))
                       << insn.scale;
    return static_cast<u32>(v.cpu.gpr[insn.base]) + scaled + static_cast<u32>(insn.displacement);
}

void set_element(VectorRegister& r, unsigned i, unsigned size, u8 const* bytes) {
    std::copy_n(bytes, size, &r.bytes[i * size]);
}

void clear_above(VectorRegister& r, unsigned size) {
    std::fill(r.bytes.begin() + size, r.bytes.end(), u8{0});
}

/// The elements' top bits become whole elements, as the manual's first loop does: in the whole register, also where its
/// elements are narrower than the indices and the upper ones have no use. A fault leaves the mask so.
void widen_mask(VectorRegister& mask, Gather const& g) {
    for (unsigned i = 0; i < g.width / g.element_size; ++i)
        std::fill_n(&mask.bytes[i * g.element_size], g.element_size, mask.chosen(i, g.element_size) ? u8{0xff} : u8{0});
    clear_above(mask, g.width);
}

Outcome gather_elements(Vcpu& v, Insn const& insn, Gather const& g, VectorRegister& destination, VectorRegister& mask) {
    constexpr u8 done[8]{};
    WithoutAlignmentChecks const guard{v};
    VectorRegister const index = read_ymm(image(v.cpu.fpu), g.index);
    for (unsigned i = 0; i < g.count; ++i) {
        if (!mask.chosen(i, g.element_size)) continue;
        u8 bytes[8];
        TRY_GUEST(v.load_bytes(Vcpu::segment_of(insn), address_of(v, insn, g, index, i), bytes, g.element_size));
        set_element(destination, i, g.element_size, bytes);
        clear_above(destination, g.width);
        set_element(mask, i, g.element_size, done);
    }
    return Outcome::next();
}

} // namespace

Outcome gather(Vcpu& v, Insn const& insn) {
    TRY_GUEST(check_avx(v));
    Gather const g{insn};
    if (!g.is_legal(insn)) return Outcome::fault(Vector::ud);
    XImage& state = image(v.cpu.fpu);
    VectorRegister destination = read_ymm(state, g.destination);
    VectorRegister mask = read_ymm(state, g.mask);
    widen_mask(mask, g);
    Outcome const outcome = gather_elements(v, insn, g, destination, mask);
    if (outcome.is_next()) {
        clear_above(destination, g.count * g.element_size);
        mask = {};
    }
    write_ymm(state, g.destination, destination);
    write_ymm(state, g.mask, mask);
    return outcome;
}

} // namespace ring3
