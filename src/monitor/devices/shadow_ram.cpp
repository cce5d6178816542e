#include "monitor/devices/shadow_ram.h"

#include "base/assert.h"

namespace ring3 {

ShadowRam::ShadowRam(MemoryMap& map, std::span<u8> ram, std::span<u8> rom) : map_{map}, ram_{ram}, rom_{rom} {
    ASSERT((ram.empty() || ram.size() == size) && rom.size() % page_size == 0);
    access_.fill({true, true});
}

/// The ROM ends where the range of segments ends.
std::span<u8> ShadowRam::rom_at(Range range) const {
    u64 const from_end = size - range.offset;
    if (from_end > 0x2'0000 || from_end > rom_.size()) return {};
    return rom_.subspan(rom_.size() - from_end, range.size);
}

void ShadowRam::set(unsigned segment, Access access) {
    if (ram_.empty() || segment >= segments || access_[segment] == access) return;
    // A write bit that changes while the ROM is read changes only what write() does.
    bool const same_map = !access.read_ram && !access_[segment].read_ram;
    access_[segment] = access;
    if (same_map) return;
    Range const range = range_of(segment);
    GuestPhys const start{base + range.offset};
    if (access.read_ram) {
        auto const kind = access.write_ram ? MemoryMap::Kind::ram : MemoryMap::Kind::rom;
        return map_.map_over(start, ram_.subspan(range.offset, range.size), kind);
    }
    auto const rom = rom_at(range);
    if (rom.empty())
        map_.unmap(start, range.size);
    else
        map_.map_over(start, rom, MemoryMap::Kind::rom);
}

u64 ShadowRam::read(u64, unsigned) {
    return ~u64{};
}

void ShadowRam::write(u64 offset, u64 value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) {
        Access const access = access_[segment_of(offset + i)];
        if (access.write_ram && !access.read_ram) ram_[offset + i] = static_cast<u8>(value >> (8 * i));
    }
}

} // namespace ring3
