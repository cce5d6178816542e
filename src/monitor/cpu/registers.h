// The system registers, each with the manual's fields and rules (SDM 3A 2.3-2.5, 3B 18.2, 3A 4).
#pragma once

#include "base/reg.h"

namespace ring3 {

/// SDM 3A 2.3, and the status flags of SDM 1 3.4.3.
struct Eflags : Reg<Eflags, u32> {
    using CF = Field<0>;
    using PF = Field<2>;
    using AF = Field<4>;
    using ZF = Field<6>;
    using SF = Field<7>;
    using TF = Field<8>;
    using IF = Field<9>;
    using DF = Field<10>;
    using OF = Field<11>;
    using IOPL = Field<13, 12>;
    using NT = Field<14>;
    using RF = Field<16>;
    using VM = Field<17>;
    using AC = Field<18>;
    using VIF = Field<19>;
    using VIP = Field<20>;
    using ID = Field<21>;
    static_assert(disjoint<CF, PF, AF, ZF, SF, TF, IF, DF, OF, IOPL, NT, RF, VM, AC, VIF, VIP, ID>());
    static constexpr u32 fixed_one = 1u << 1; // bit 1 always reads as 1
    static constexpr u32 status = mask_of<CF, PF, AF, ZF, SF, OF>();
    static constexpr u32 defined = mask_of<CF, PF, AF, ZF, SF, TF, IF, DF, OF, IOPL, NT, RF, VM, AC, VIF, VIP, ID>();
    static constexpr u32 reset_value = fixed_one;
};

/// SDM 3A 2.5.
struct Cr0 : Reg<Cr0, u32> {
    using PE = Field<0>;
    using MP = Field<1>;
    using EM = Field<2>;
    using TS = Field<3>;
    using ET = Field<4>;
    using NE = Field<5>;
    using WP = Field<16>;
    using AM = Field<18>;
    using NW = Field<29>;
    using CD = Field<30>;
    using PG = Field<31>;
    static_assert(disjoint<PE, MP, EM, TS, ET, NE, WP, AM, NW, CD, PG>());
    static constexpr u32 writable = mask_of<PE, MP, EM, TS, NE, WP, AM, NW, CD, PG>();
    static constexpr u32 reset_value = 0x6000'0010;
    /// The combinations that MOV to CR0 answers with #GP(0).
    constexpr bool legal() const { return (has<PE>() || !has<PG>()) && (has<CD>() || !has<NW>()); }
    /// What the register holds after `value` is written: ET is fixed to 1, reserved bits stay 0.
    static constexpr Cr0 from_guest(u32 value) { return {{(value & writable) | u32{ET::mask}}}; }
};

/// SDM 3A 2.5; the physical address of the page directory or of the PAE page-directory-pointer table.
struct Cr3 : Reg<Cr3, u64> {
    using PWT = Field<3>;
    using PCD = Field<4>;
    using Directory = Field<51, 12>;
    using PointerTable = Field<31, 5>;
};

/// SDM 3A 2.5. Which bits may be set is the CPUID model's matter: see CpuModel::cr4_allowed().
struct Cr4 : Reg<Cr4, u32> {
    using VME = Field<0>;
    using PVI = Field<1>;
    using TSD = Field<2>;
    using DE = Field<3>;
    using PSE = Field<4>;
    using PAE = Field<5>;
    using MCE = Field<6>;
    using PGE = Field<7>;
    using PCE = Field<8>;
    using OSFXSR = Field<9>;
    using OSXMMEXCPT = Field<10>;
    using UMIP = Field<11>;
    using FSGSBASE = Field<16>;
    using OSXSAVE = Field<18>;
    using SMEP = Field<20>;
    using SMAP = Field<21>;
    static_assert(disjoint<VME, PVI, TSD, DE, PSE, PAE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT, UMIP, FSGSBASE, OSXSAVE,
                           SMEP, SMAP>());
};

/// SDM 3A 2.2.1, IA32_EFER. Only NXE (and the dormant SCE) can be set until 64-bit guests come.
struct Efer : Reg<Efer, u64> {
    using SCE = Field<0>;
    using LME = Field<8>;
    using LMA = Field<10>;
    using NXE = Field<11>;
};

/// SDM 3B 18.2.3: debug status.
struct Dr6 : Reg<Dr6, u32> {
    using B = Field<3, 0>;
    using BD = Field<13>;
    using BS = Field<14>;
    using BT = Field<15>;
    static constexpr u32 reset_value = 0xffff'0ff0;
    static constexpr u32 writable = mask_of<B, BD, BS, BT>();
    static constexpr Dr6 from_guest(u32 value) { return {{(value & writable) | (reset_value & ~writable)}}; }
};

/// SDM 3B 18.2.4: debug control. Breakpoint i is enabled by bits 2i, 2i+1; its condition is at 16+4i, length at 18+4i.
struct Dr7 : Reg<Dr7, u32> {
    using Enables = Field<7, 0>;
    using LE = Field<8>;
    using GE = Field<9>;
    using GD = Field<13>;
    using Conditions = Field<31, 16>;
    static constexpr u32 reset_value = 0x400;
    static constexpr u32 writable = mask_of<Enables, LE, GE, GD, Conditions>();
    static constexpr Dr7 from_guest(u32 value) { return {{(value & writable) | reset_value}}; }
    enum class Condition : u8 { execute = 0, write = 1, io = 2, read_write = 3 };
    constexpr bool enabled(unsigned i) const { return ((raw >> (2 * i)) & 3) != 0; }
    constexpr Condition condition(unsigned i) const { return Condition((raw >> (16 + 4 * i)) & 3); }
    /// Bytes watched: 1, 2, 4 or (only with 64-bit processors) 8.
    constexpr u32 length(unsigned i) const {
        constexpr u32 lengths[] = {1, 2, 8, 4};
        return lengths[(raw >> (18 + 4 * i)) & 3];
    }
};

} // namespace ring3
