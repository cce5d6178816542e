// The table of a physical volume: which virtual disk owns which pieces of it.
//
//     | slot 0 | slot 1 |   unit 0   |   unit 1   | ...          a unit is 1 MiB
//       256 KiB each     1 MiB in
//
// A slot holds a whole table with a generation and a checksum. A change writes the slot with the older generation and
// leaves the newer one alone; the table is the valid slot with the higher generation. So a kill or a power failure in
// the middle of a write leaves the table as it was before.
#pragma once

#include "base/result.h"
#include "base/types.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ring3::volume {

inline constexpr u64 slot_bytes = u64{256} << 10;
inline constexpr u64 unit_bytes = u64{1} << 20;
inline constexpr u64 first_unit_offset = unit_bytes;
inline constexpr u32 most_units = u32{1} << 26; // 64 TiB
inline constexpr std::size_t most_name_bytes = 63;

/// Adjacent units.
struct UnitRun {
    u32 first{}, count{};
    friend bool operator==(UnitRun, UnitRun) = default;
};

struct Disk {
    u32 id{}; // never used twice in a volume
    std::string name{};
    u64 bytes{};
    std::vector<UnitRun> runs{}; // in the order of the disk's addresses
};

struct Table {
    u64 generation{};
    u32 units{}; // that the volume has
    u32 next_id{1};
    std::vector<Disk> disks{};

    Disk* find(std::string_view name);
    u64 free_units() const;
};

constexpr u64 units_for(u64 bytes) {
    return bytes / unit_bytes + (bytes % unit_bytes != 0 ? 1 : 0);
}

/// Units for that many bytes more or less: takes free ones, or gives the disk's last ones back. Fails if too few are free.
/// Gives the runs that are new.
Result<std::vector<UnitRun>> set_size(Table& table, Disk& disk, u64 bytes);

/// Letters, digits, dots, dashes and underscores; no dot or dash first.
bool is_disk_name(std::string_view name);

/// A slot's bytes; fails if the table does not fit.
Result<std::vector<u8>> encode(Table const& table);
/// Nothing if these bytes are no table: whatever they are.
std::optional<Table> decode(std::span<u8 const> slot);

} // namespace ring3::volume
