// RDMSR and WRMSR: exactly the registers that our CPUID announces (SDM 4 2.1); any other index is #GP(0).
#include "monitor/cpu/cpu_model.h"
#include "monitor/interpreter/msr_rules.h"
#include "monitor/interpreter/protection.h"
#include "monitor/interpreter/system_operands.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

namespace {

/// Whether the register exists and, for a write, whether the value is legal.
enum class MsrResult : u8 { done, refused };

MsrResult done() {
    return MsrResult::done;
}

// ---- memory types (SDM 3A 11.11, 11.12) --------------------------------------------------------------------------

/// The storage behind an MTRR index, or nullptr: eight variable pairs, eleven fixed ones, the default type.
u64* mtrr_storage(GuestCpu& cpu, u32 index) {
    if (index >= msr::mtrr_base0 && index < msr::mtrr_base0 + 16) {
        u32 const pair = (index - msr::mtrr_base0) / 2;
        return index % 2 == 0 ? &cpu.mtrr_base[pair] : &cpu.mtrr_mask[pair];
    }
    if (index == msr::mtrr_fixed_64k) return &cpu.mtrr_fixed[0];
    if (index == msr::mtrr_fixed_16k || index == msr::mtrr_fixed_16k + 1)
        return &cpu.mtrr_fixed[1 + index - msr::mtrr_fixed_16k];
    if (index >= msr::mtrr_fixed_4k && index < msr::mtrr_fixed_4k + 8)
        return &cpu.mtrr_fixed[3 + index - msr::mtrr_fixed_4k];
    return index == msr::mtrr_def_type ? &cpu.mtrr_def_type : nullptr;
}

bool legal_mtrr(u32 index, u64 value, unsigned physical_bits) {
    if (index == msr::mtrr_def_type) return legal_mtrr_default(value);
    bool const variable = index >= msr::mtrr_base0 && index < msr::mtrr_base0 + 16;
    if (!variable) return all_bytes_are_memory_types(value);
    return index % 2 == 0 ? legal_mtrr_base(value, physical_bits) : legal_mtrr_mask(value, physical_bits);
}

MsrResult write_mtrr(Vcpu& vcpu, u32 index, u64 value) {
    if (!vcpu.model.has_mtrr() || !legal_mtrr(index, value, vcpu.model.physical_bits())) return MsrResult::refused;
    *mtrr_storage(vcpu.cpu, index) = value;
    return done();
}

// ---- time (SDM 3B 18.17) -----------------------------------------------------------------------------------------

/// Writing either register moves the other by the same amount.
MsrResult move_tsc(GuestCpu& cpu, u64 delta) {
    cpu.tsc_offset += delta;
    cpu.tsc_adjust += delta;
    return done();
}

// ---- extended features (SDM 3A 2.2.1) ----------------------------------------------------------------------------

MsrResult write_efer(Vcpu& vcpu, u64 value) {
    u64 const allowed = Efer::SCE::mask | (vcpu.model.has_nx() ? Efer::NXE::mask : 0);
    if ((value & ~allowed) != 0) return MsrResult::refused;
    bool const changed = ((vcpu.cpu.efer.raw ^ value) & Efer::NXE::mask) != 0;
    vcpu.cpu.efer.raw = value;
    if (changed) vcpu.mmu.flush_all();
    return done();
}

MsrResult write_misc_enable(GuestCpu& cpu, u64 value) {
    cpu.misc_enable = (value & msr::misc_enable_writable) | msr::misc_enable_fixed;
    return done();
}

template <class T> MsrResult store(T& place, u64 value) {
    place = static_cast<T>(value);
    return done();
}

// ---- the registers -----------------------------------------------------------------------------------------------

MsrResult read(Vcpu& vcpu, u32 index, u64& value) {
    GuestCpu& cpu = vcpu.cpu;
    CpuModel const& model = vcpu.model;
    auto const show_if = [&value](bool exists, u64 content) {
        value = content;
        return exists ? MsrResult::done : MsrResult::refused;
    };
    switch (index) {
    case msr::tsc: return show_if(true, vcpu.platform.tsc() + cpu.tsc_offset);
    case msr::platform_id: return show_if(model.family() >= 6, 0);
    case msr::tsc_adjust: return show_if(model.has_tsc_adjust(), cpu.tsc_adjust);
    case msr::bios_sign_id: return show_if(model.family() >= 6, msr::microcode_revision);
    case msr::mtrr_cap: return show_if(model.has_mtrr(), msr::mtrr_cap_value);
    case msr::sysenter_cs: return show_if(model.has(insn::Feature::sep), cpu.sysenter_cs);
    case msr::sysenter_esp: return show_if(model.has(insn::Feature::sep), cpu.sysenter_esp);
    case msr::sysenter_eip: return show_if(model.has(insn::Feature::sep), cpu.sysenter_eip);
    case msr::mcg_cap: return show_if(model.has_mca(), 0);    // no banks
    case msr::mcg_status: return show_if(model.has_mca(), 0); // no machine check in progress
    case msr::misc_enable: return show_if(model.family() >= 6, cpu.misc_enable | msr::misc_enable_fixed);
    case msr::pat: return show_if(model.has_pat(), cpu.pat);
    case msr::efer: return show_if(model.has_nx(), cpu.efer.raw);
    case msr::tsc_aux: return show_if(model.has_tsc_aux(), cpu.tsc_aux);
    default: break;
    }
    if (u64 const* mtrr = mtrr_storage(cpu, index)) return show_if(model.has_mtrr(), *mtrr);
    bool const on_board = index != msr::apic_base || model.has_apic();
    return on_board && vcpu.platform.msr_read(index, value) ? done() : MsrResult::refused;
}

MsrResult write(Vcpu& vcpu, u32 index, u64 value) {
    GuestCpu& cpu = vcpu.cpu;
    CpuModel const& model = vcpu.model;
    bool const fits_32 = value <= 0xffff'ffff;
    auto const store_if = [value](bool legal, auto& place) { return legal ? store(place, value) : MsrResult::refused; };
    switch (index) {
    case msr::tsc: return move_tsc(cpu, value - (vcpu.platform.tsc() + cpu.tsc_offset));
    case msr::tsc_adjust: return model.has_tsc_adjust() ? move_tsc(cpu, value - cpu.tsc_adjust) : MsrResult::refused;
    case msr::bios_update: // there is no microcode to update, and no other revision to show
    case msr::bios_sign_id: return model.family() >= 6 ? done() : MsrResult::refused;
    case msr::sysenter_cs: return store_if(model.has(insn::Feature::sep), cpu.sysenter_cs);
    case msr::sysenter_esp: return store_if(model.has(insn::Feature::sep), cpu.sysenter_esp);
    case msr::sysenter_eip: return store_if(model.has(insn::Feature::sep), cpu.sysenter_eip);
    case msr::mcg_status: return model.has_mca() && value == 0 ? done() : MsrResult::refused;
    case msr::misc_enable: return model.family() >= 6 ? write_misc_enable(cpu, value) : MsrResult::refused;
    case msr::pat: return store_if(model.has_pat() && legal_pat(value), cpu.pat);
    case msr::efer: return model.has_nx() ? write_efer(vcpu, value) : MsrResult::refused;
    case msr::tsc_aux: return store_if(model.has_tsc_aux() && fits_32, cpu.tsc_aux);
    default: break;
    }
    if (mtrr_storage(cpu, index)) return write_mtrr(vcpu, index, value);
    bool const on_board = index != msr::apic_base || model.has_apic();
    return on_board && vcpu.platform.msr_write(index, value) ? done() : MsrResult::refused;
}

} // namespace

Outcome rdmsr(Vcpu& vcpu, insn::Insn const&) {
    TRY_GUEST(require_cpl0(vcpu));
    u32 const index = static_cast<u32>(vcpu.cpu.gpr[ecx]);
    u64 value = 0;
    if (read(vcpu, index, value) == MsrResult::refused) {
        vcpu.record(TraceKind::msr_refused, index, vcpu.cpu.eip);
        return general_protection();
    }
    write_pair(vcpu.cpu, value);
    return Outcome::next();
}

Outcome wrmsr(Vcpu& vcpu, insn::Insn const&) {
    TRY_GUEST(require_cpl0(vcpu));
    u32 const index = static_cast<u32>(vcpu.cpu.gpr[ecx]);
    if (write(vcpu, index, read_pair(vcpu.cpu)) == MsrResult::refused) {
        vcpu.record(TraceKind::msr_refused, index | u64{1} << 32, vcpu.cpu.eip);
        return general_protection();
    }
    return Outcome::leave();
}

} // namespace ring3
