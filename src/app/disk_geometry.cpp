#include "app/disk_geometry.h"

namespace ring3::app {

DiskGeometry guess_disk_geometry(std::span<u8 const, 512> first_sector, u64 sectors) {
    constexpr std::size_t table = 446, entry_bytes = 16, entries = 4;
    constexpr unsigned most_cylinders = 16383, most_heads = 16;
    if (first_sector[510] != 0x55 || first_sector[511] != 0xaa) return {};
    for (std::size_t i = 0; i < entries; ++i) {
        auto const entry = first_sector.subspan(table + i * entry_bytes, entry_bytes);
        u32 const length = u32{entry[12]} | u32{entry[13]} << 8 | u32{entry[14]} << 16 | u32{entry[15]} << 24;
        unsigned const heads = entry[5] + 1u, per_track = entry[6] & 0x3f;
        if (length == 0 || heads == 1 || per_track == 0) continue;
        u64 const cylinders = sectors / (heads * per_track);
        if (cylinders < 1 || cylinders > most_cylinders) continue;
        if (heads > most_heads) return {}; // what a BIOS shows, not a drive
        return {static_cast<u16>(cylinders), static_cast<u16>(heads), static_cast<u16>(per_track)};
    }
    return {};
}

} // namespace ring3::app
