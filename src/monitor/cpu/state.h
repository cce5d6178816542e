// GuestCpu: the architectural state of one virtual processor (B4: the shadow copy of everything the guest's kernel
// believes it controls). A plain object: snapshots, dumps and the later translator read it by offset.
#pragma once

#include "monitor/cpu/registers.h"
#include "monitor/cpu/segment.h"

#include <cstring>
#include <type_traits>

namespace ring3 {

/// Byte offset of a register within GuestCpu::gpr. AH..BH are offsets 1, 9, 17, 25; so one kind of reference serves
/// every width, and the access needs no decision.
using RegRef = u8;

enum Gpr : u8 { eax, ecx, edx, ebx, esp, ebp, esi, edi };

/// x87, SSE and AVX state, in the processor's own XSAVE format (standard form; SDM 1 13.4): 512 bytes legacy region,
/// 64 bytes header, 256 bytes AVX. The interpreter runs x87 and vector instructions natively on it.
struct alignas(64) ExtendedState {
    static constexpr std::size_t size = 832;
    u8 bytes[size];
};

struct alignas(64) GuestCpu {
    // Hot part: what nearly every instruction touches.
    static constexpr unsigned gpr_count = 16; // 8 in 32-bit modes
    static constexpr u8 no_register = 16;     // index of a slot that is always zero: "no base", "no index"
    u64 gpr[gpr_count + 1]{};                 // invariant in 32-bit modes: upper halves are zero
    u64 eip{};
    Eflags eflags{{Eflags::reset_value}};
    u8 cpl{};                // current privilege level, 0..3
    bool interrupt_shadow{}; // after STI or MOV/POP SS: hold back interrupts (and debug traps) for one instruction
    bool debug_shadow{};     // after MOV/POP SS only
    bool halted{};
    bool nmi_pending{};
    bool nmi_blocked{}; // from an NMI's delivery to the next IRET
    Segment segment[segment_count]{};

    // Control state.
    Cr0 cr0{{Cr0::reset_value}};
    Cr4 cr4{};
    u32 cr2{};
    Cr3 cr3{};
    Efer efer{};
    u64 pdpte[4]{}; // PAE: the four pointers as they were when CR3 was loaded (SDM 3A 4.4.1)
    TableRegister gdtr{0, 0xffff};
    TableRegister idtr{0, 0xffff};
    u32 dr[4]{};
    Dr6 dr6{{Dr6::reset_value}};
    Dr7 dr7{{Dr7::reset_value}};
    u32 pending_debug{}; // DR6 bits of data breakpoints and single-step hit by the instruction that just completed

    // Model-specific registers that are mere storage; the ones with effects live with their owners.
    u64 sysenter_cs{}, sysenter_esp{}, sysenter_eip{};
    u64 tsc_offset{}; // guest TSC = platform TSC + offset
    u64 tsc_adjust{}; // IA32_TSC_ADJUST
    u32 tsc_aux{};
    u64 pat{0x0007'0406'0007'0406};
    u64 misc_enable{1};
    u64 xcr0{1};
    u64 mtrr_def_type{};
    u64 mtrr_fixed[11]{};
    u64 mtrr_base[8]{}, mtrr_mask[8]{};
    u64 microcode_revision{};

    ExtendedState fpu{};

    u8 const* register_bytes() const { return static_cast<u8 const*>(static_cast<void const*>(gpr)); }
    u8* register_bytes() { return static_cast<u8*>(static_cast<void*>(gpr)); }

    template <class T> T read(RegRef reference) const {
        T value;
        std::memcpy(&value, register_bytes() + reference, sizeof value);
        return value;
    }
    /// 8- and 16-bit writes keep the rest of the register; 32-bit writes clear the upper half (SDM 1 3.4.1.1).
    template <class T> void write(RegRef reference, T value) {
        if constexpr (sizeof(T) == 4) {
            u64 const wide = value;
            std::memcpy(register_bytes() + reference, &wide, sizeof wide);
        } else {
            std::memcpy(register_bytes() + reference, &value, sizeof value);
        }
    }

    Segment& seg(SegmentName name) { return segment[static_cast<u8>(name)]; }
    Segment const& seg(SegmentName name) const { return segment[static_cast<u8>(name)]; }

    bool protected_mode() const { return cr0.has<Cr0::PE>(); }
    bool virtual8086() const { return eflags.has<Eflags::VM>(); }
    /// Protected mode proper: selectors name descriptors.
    bool uses_descriptors() const { return protected_mode() && !virtual8086(); }
    bool code_is_32bit() const { return seg(SegmentName::cs).is_32bit(); }
    bool stack_is_32bit() const { return seg(SegmentName::ss).is_32bit(); }
    bool paging() const { return cr0.has<Cr0::PG>(); }
};

static_assert(std::is_standard_layout_v<GuestCpu>, "emitted code will reach the fields by offset");
static_assert(std::is_trivially_copyable_v<GuestCpu>, "snapshots and lockstep copy it as bytes");

/// Register file offset of a 16-, 32- or 64-bit register.
constexpr RegRef reg_ref(u8 number) {
    return RegRef(number * 8);
}
/// Register file offset of an 8-bit register without REX: AL CL DL BL AH CH DH BH.
constexpr RegRef byte_reg_ref(u8 number) {
    return RegRef(number < 4 ? number * 8 : (number - 4) * 8 + 1);
}

} // namespace ring3
