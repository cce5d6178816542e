// In which segments the instruction under test runs.
//
//     flat32   Linux's own for 32-bit programs: base 0, limit 4 GiB, CS.D = SS.B = 1
//     code16   ours in the LDT: CS.D = SS.B = 0, bases and limits that count. As close to real mode as a 64-bit kernel
//              lets us come
//
//     offset in DS, ES, SS      flat32                        code16
//     data, 2 pages             ORACLE_DATA and ORACLE_LOW    ORACLE_LOW
//     hole, 2 pages             behind it                     behind it
//     read-only page            behind that                   behind that, to the segments' limit
#pragma once

#include "base/types.h"
#include "tests/oracle/layout.h"

namespace ring3::oracle {

enum class Mode : u8 { flat32, code16 };

/// A segment as both sides make it. Limits are in bytes.
struct SegmentPlan {
    u16 selector;
    u32 base, limit;
};
/// Two writable data pages, a hole of two, and a read-only page; holes before and behind.
inline constexpr u32 data_size = 0x2000;
inline constexpr u32 read_only_offset = 0x4000;
inline constexpr u32 data_span = read_only_offset + 0x1000;
inline constexpr u32 code_size = 0x2000;

inline constexpr SegmentPlan code16_segment{SELECTOR_CODE16, ORACLE_CODE, 0xffff};
inline constexpr SegmentPlan data16_segment{SELECTOR_DATA16, ORACLE_DATA - ORACLE_LOW, ORACLE_LOW + data_span - 1};

constexpr unsigned default_size(Mode mode) {
    return mode == Mode::flat32 ? 4 : 2;
}

} // namespace ring3::oracle
