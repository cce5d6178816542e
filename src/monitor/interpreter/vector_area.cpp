#include "monitor/interpreter/vector_area.h"

#include "monitor/interpreter/vector_checks.h"
#include "monitor/interpreter/x87_pointers.h"

#include <algorithm>
#include <cstring>

namespace ring3 {
namespace {

using insn::Insn;
using X = XComponents;

constexpr unsigned fx_alignment = 16, x_alignment = 64;
constexpr unsigned moved_registers = 8;
constexpr unsigned slots_size = moved_registers * sizeof(XmmSlot);
constexpr unsigned fx_used = offsetof(FxImage, xmm) + slots_size; // FXSAVE writes no further outside 64-bit mode

// ---- parts of an area, as the components own them (SDM 1 13.5) ----

struct Part {
    unsigned offset, size;
};
constexpr Part x87_head{0, offsetof(FxImage, mxcsr)};
constexpr Part mxcsr_part{offsetof(FxImage, mxcsr), 2 * sizeof(u32)};
constexpr Part x87_registers{offsetof(FxImage, st), sizeof(FxImage::st)};
constexpr Part xmm_part{offsetof(FxImage, xmm), slots_size};
constexpr Part header_part{offsetof(XImage, header), sizeof(XHeader)};
constexpr Part xstate_bv_part{offsetof(XImage, header), sizeof(u64)};
constexpr Part ymm_part{offsetof(XImage, ymm_high), slots_size};

u8* bytes_of(XImage& area) {
    return static_cast<u8*>(static_cast<void*>(&area));
}

Outcome store_part(Vcpu& v, Linear area, XImage& from, Part part) {
    return v.mmu.write_bytes(area + part.offset, v.privilege(), bytes_of(from) + part.offset, part.size);
}

Outcome load_part(Vcpu& v, Linear area, XImage& to, Part part) {
    return v.mmu.read_bytes(area + part.offset, v.privilege(), bytes_of(to) + part.offset, part.size);
}

void copy_part(XImage& to, XImage& from, Part part) {
    std::memcpy(bytes_of(to) + part.offset, bytes_of(from) + part.offset, part.size);
}

// ---- what is loaded from memory is cleaned as processors do ----

bool is_legal(Mxcsr value) {
    return (value.raw & ~Mxcsr::writable) == 0;
}

void accept_x87(Vcpu& v, XImage& area) {
    XImage& state = image(v.cpu.fpu);
    copy_part(state, area, x87_head);
    copy_part(state, area, x87_registers);
    state.fx.fcw = Fcw::from_guest(state.fx.fcw.raw);
    state.fx.reserved0 = 0;
    for (FpuSlot& slot : state.fx.st) std::ranges::fill(slot.reserved, u8{0});
    sanitize_x87_pointers(v);
    x87_errors_changed(v);
}

// ---- XSAVE family ----

Outcome check_xsave(Vcpu& v) {
    if (!v.cpu.cr4.has<Cr4::OSXSAVE>()) return Outcome::fault(Vector::ud);
    return check_not_switched(v);
}

/// RFBM of SDM 1 13.7: what is asked for and enabled.
X requested(Vcpu const& v) {
    u64 const asked = u64{v.cpu.read<u32>(reg_ref(edx))} << 32 | v.cpu.read<u32>(reg_ref(eax));
    return {{asked & v.cpu.xcr0 & X::all}};
}

unsigned area_size(X components) {
    return components.has<X::avx>() ? sizeof(XImage) : unsigned{offsetof(XImage, ymm_high)};
}

/// Stores the parts of `components`. MXCSR goes with SSE and AVX, whatever the optimisations leave out (SDM 1 13.7).
Outcome store_components(Vcpu& v, Linear area, XImage& state, X components, X mxcsr_for) {
    if (components.has<X::x87>()) {
        TRY_GUEST(store_part(v, area, state, x87_head));
        TRY_GUEST(store_part(v, area, state, x87_registers));
    }
    if (mxcsr_for.has<X::sse>() || mxcsr_for.has<X::avx>()) TRY_GUEST(store_part(v, area, state, mxcsr_part));
    if (components.has<X::sse>()) TRY_GUEST(store_part(v, area, state, xmm_part));
    if (components.has<X::avx>()) TRY_GUEST(store_part(v, area, state, ymm_part));
    return Outcome::next();
}

enum class InitOptimisation : u8 { no, yes };

/// SDM 1 13.7, 13.9. All pages are checked before the first byte is written.
template <InitOptimisation optimisation> Outcome save(Vcpu& v, Insn const& insn) {
    TRY_GUEST(check_xsave(v));
    X const rfbm = requested(v);
    Linear area;
    TRY_GUEST(aligned_operand(v, insn, area_size(rfbm), x_alignment, Access::write, area));
    TRY_GUEST(v.mmu.probe(area, v.privilege(), Access::write, area_size(rfbm)));
    u64 old = 0;
    TRY_GUEST(v.mmu.read<u64>(area + xstate_bv_part.offset, v.privilege(), old));

    XImage state = image(v.cpu.fpu);
    u64 const in_use = components_in_use(state).raw;
    state.header.xstate_bv.raw = (old & ~rfbm.raw) | (in_use & rfbm.raw);
    X const stored = optimisation == InitOptimisation::yes ? X{{rfbm.raw & in_use}} : rfbm;
    TRY_GUEST(store_components(v, area, state, stored, rfbm));
    return store_part(v, area, state, xstate_bv_part);
}

/// SDM 1 13.8.1: a standard header, with no component that XCR0 does not enable.
bool is_legal(XHeader const& header, u64 xcr0) {
    return (header.xstate_bv.raw & ~xcr0) == 0 && header.xcomp_bv == 0 && header.reserved[0] == 0;
}

void restore_components(Vcpu& v, XImage& area, X rfbm) {
    XImage& state = image(v.cpu.fpu);
    X const present{{rfbm.raw & area.header.xstate_bv.raw}};
    if (rfbm.has<X::sse>() || rfbm.has<X::avx>()) state.fx.mxcsr = area.fx.mxcsr;
    if (present.has<X::sse>()) copy_part(state, area, xmm_part);
    if (present.has<X::avx>()) copy_part(state, area, ymm_part);
    init_components(state, {{rfbm.raw & ~present.raw}});
    if (present.has<X::x87>()) accept_x87(v, area);
    x87_errors_changed(v);
}

} // namespace

Outcome fxsave(Vcpu& v, Insn const& insn) {
    TRY_GUEST(check_x87_available(v));
    Linear area;
    TRY_GUEST(aligned_operand(v, insn, sizeof(FxImage), fx_alignment, Access::write, area));
    TRY_GUEST(v.mmu.probe(area, v.privilege(), Access::write, sizeof(FxImage))); // also what is not written
    return v.mmu.write_bytes(area, v.privilege(), &fx_of(v), fx_used);
}

Outcome fxrstor(Vcpu& v, Insn const& insn) {
    TRY_GUEST(check_x87_available(v));
    Linear address;
    TRY_GUEST(aligned_operand(v, insn, sizeof(FxImage), fx_alignment, Access::read, address));
    XImage area{};
    TRY_GUEST(load_part(v, address, area, {0, sizeof(FxImage)}));
    if (!is_legal(area.fx.mxcsr)) return Outcome::fault(Vector::gp, 0);
    accept_x87(v, area);
    fx_of(v).mxcsr = area.fx.mxcsr;
    copy_part(image(v.cpu.fpu), area, xmm_part);
    return Outcome::next();
}

Outcome xsave(Vcpu& v, Insn const& insn) {
    return save<InitOptimisation::no>(v, insn);
}

Outcome xsaveopt(Vcpu& v, Insn const& insn) {
    return save<InitOptimisation::yes>(v, insn);
}

Outcome xrstor(Vcpu& v, Insn const& insn) {
    TRY_GUEST(check_xsave(v));
    X const rfbm = requested(v);
    Linear address;
    TRY_GUEST(aligned_operand(v, insn, area_size(rfbm), x_alignment, Access::read, address));
    XImage area{};
    TRY_GUEST(load_part(v, address, area, header_part));
    if (!is_legal(area.header, v.cpu.xcr0)) return Outcome::fault(Vector::gp, 0);
    TRY_GUEST(load_part(v, address, area, {0, fx_used}));
    if (rfbm.has<X::avx>()) TRY_GUEST(load_part(v, address, area, ymm_part));
    bool const loads_mxcsr = rfbm.has<X::sse>() || rfbm.has<X::avx>();
    if (loads_mxcsr && !is_legal(area.fx.mxcsr)) return Outcome::fault(Vector::gp, 0);
    restore_components(v, area, rfbm);
    return Outcome::next();
}

Outcome ldmxcsr(Vcpu& v, Insn const& insn) {
    TRY_GUEST(insn.vex ? check_avx(v) : check_sse(v));
    Mxcsr value;
    TRY_GUEST(v.load<u32>(Vcpu::segment_of(insn), v.effective_address(insn), value.raw));
    if (!is_legal(value)) return Outcome::fault(Vector::gp, 0);
    fx_of(v).mxcsr = value;
    return Outcome::next();
}

Outcome stmxcsr(Vcpu& v, Insn const& insn) {
    TRY_GUEST(insn.vex ? check_avx(v) : check_sse(v));
    return v.store<u32>(Vcpu::segment_of(insn), v.effective_address(insn), fx_of(v).mxcsr.raw);
}

} // namespace ring3
