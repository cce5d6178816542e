// The guest's page tables, as data: one description per paging mode, all used by one walk (SDM 3A 4.3, 4.4).
//
//     32-bit paging             31      22 21      12 11         0
//                               | directory | table  |  offset   |      4-KiB pages; 4-MiB ones with CR4.PSE
//
//     PAE paging        31 30 29     21 20     12 11         0
//                       | ptr | directory | table |  offset   |         4-KiB and 2-MiB pages, execute-disable
//
// Long mode adds levels to the second form; the walk does not depend on their number.
#pragma once

#include "base/reg.h"

namespace ring3 {

/// A page-table entry of any level and mode (SDM 3A tables 4-4 to 4-6, 4-8 to 4-11).
struct PageEntry : Reg<PageEntry, u64> {
    using P = Field<0>;
    using RW = Field<1>;
    using US = Field<2>;
    using A = Field<5>;
    using D = Field<6>;
    using PS = Field<7>;
    using G = Field<8>;
    using XD = Field<63>;
};

/// The #PF error code (SDM 3A 4.7).
struct PageFaultError : Reg<PageFaultError, u16> {
    using P = Field<0>;    // 1: protection or reserved bit, 0: not present
    using W = Field<1>;    // a write
    using U = Field<2>;    // at user privilege
    using RSVD = Field<3>; // a reserved bit was set
    using ID = Field<4>;   // an instruction fetch
};

/// Bits low..high, inclusive.
constexpr u64 bit_range(unsigned high, unsigned low) {
    return (~u64{0} >> (63 - high)) & (~u64{0} << low);
}

/// 32-bit paging: two levels of 1,024 four-byte entries.
struct TwoLevelPaging {
    static constexpr unsigned entry_bytes = 4;
    static constexpr unsigned index_bits = 10;
    static constexpr unsigned top_level = 2;
    static constexpr bool has_execute_disable = false;

    static constexpr u64 reserved(PageEntry entry, bool large, unsigned physical_bits) {
        // PSE-36: bits 20:13 of a 4-MiB entry are address bits 39:32; those beyond MAXPHYADDR and bit 21 are reserved.
        if (!large) return 0;
        unsigned const extra = physical_bits < 32 ? 0 : physical_bits > 40 ? 8 : physical_bits - 32;
        return entry.raw & bit_range(21, 13 + extra);
    }
    static constexpr u64 large_frame(PageEntry entry) {
        return (entry.raw & bit_range(31, 22)) | ((entry.raw & bit_range(20, 13)) << 19);
    }
};

/// PAE paging: two levels of 512 eight-byte entries below four pointers, which the processor keeps in registers.
struct PaePaging {
    static constexpr unsigned entry_bytes = 8;
    static constexpr unsigned index_bits = 9;
    static constexpr unsigned top_level = 2;
    static constexpr bool has_execute_disable = true;

    static constexpr u64 reserved(PageEntry entry, bool large, unsigned physical_bits) {
        u64 const mask = bit_range(62, physical_bits) | (large ? bit_range(20, 13) : 0);
        return entry.raw & mask;
    }
    static constexpr u64 large_frame(PageEntry entry) { return entry.raw & bit_range(51, 21); }
};

} // namespace ring3
