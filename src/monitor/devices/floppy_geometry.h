// What a floppy disk image of a given size is taken for, and the drive that it needs.
#pragma once

#include "base/types.h"

#include <algorithm>
#include <array>

namespace ring3 {

/// CMOS types (byte 10h, a nibble for each drive).
enum class FloppyDriveType : u8 { none = 0, kb_360 = 1, mb_1_2 = 2, kb_720 = 3, mb_1_44 = 4, mb_2_88 = 5 };

/// Data rates as the CCR and DSR number them (82077AA 2.1.8): the rate that the medium was written with.
enum class FloppyRate : u8 { kbit_500 = 0, kbit_300 = 1, kbit_250 = 2, mbit_1 = 3 };

struct FloppyGeometry {
    u8 tracks{}, heads{}, sectors{}; // no sectors: no medium
    FloppyRate rate{};
    FloppyDriveType drive{FloppyDriveType::mb_1_44};
    constexpr u64 bytes() const { return u64{tracks} * heads * sectors * 512; }
};

inline constexpr std::array floppy_geometries{
    FloppyGeometry{80, 2, 18, FloppyRate::kbit_500, FloppyDriveType::mb_1_44},
    FloppyGeometry{80, 2, 20, FloppyRate::kbit_500, FloppyDriveType::mb_1_44},
    FloppyGeometry{80, 2, 21, FloppyRate::kbit_500, FloppyDriveType::mb_1_44}, // 1,680 KiB
    FloppyGeometry{82, 2, 21, FloppyRate::kbit_500, FloppyDriveType::mb_1_44},
    FloppyGeometry{83, 2, 21, FloppyRate::kbit_500, FloppyDriveType::mb_1_44},
    FloppyGeometry{80, 2, 22, FloppyRate::kbit_500, FloppyDriveType::mb_1_44},
    FloppyGeometry{80, 2, 36, FloppyRate::mbit_1, FloppyDriveType::mb_2_88},
    FloppyGeometry{80, 2, 15, FloppyRate::kbit_500, FloppyDriveType::mb_1_2},
    FloppyGeometry{80, 2, 9, FloppyRate::kbit_250, FloppyDriveType::mb_1_44},
    FloppyGeometry{40, 2, 9, FloppyRate::kbit_300, FloppyDriveType::mb_1_2},
    FloppyGeometry{40, 1, 9, FloppyRate::kbit_300, FloppyDriveType::mb_1_2},
    FloppyGeometry{40, 2, 8, FloppyRate::kbit_300, FloppyDriveType::mb_1_2},
    FloppyGeometry{40, 1, 8, FloppyRate::kbit_300, FloppyDriveType::mb_1_2},
};

/// An image of another size is a piece of the smallest common disk that holds it: boot sectors come that way. What lies
/// behind its end reads as zeroes.
constexpr FloppyGeometry guess_floppy_geometry(u64 bytes) {
    if (bytes == 0) return {};
    auto const exact = std::ranges::find(floppy_geometries, bytes, &FloppyGeometry::bytes);
    if (exact != floppy_geometries.end()) return *exact;
    constexpr FloppyGeometry common = floppy_geometries[0], large = floppy_geometries[6];
    return bytes <= common.bytes() ? common : large;
}
static_assert(guess_floppy_geometry(1'474'560).sectors == 18 && guess_floppy_geometry(2'949'120).sectors == 36 &&
              guess_floppy_geometry(737'280).sectors == 9 && guess_floppy_geometry(1'228'800).sectors == 15 &&
              guess_floppy_geometry(368'640).tracks == 40 && guess_floppy_geometry(512).sectors == 18);

} // namespace ring3
