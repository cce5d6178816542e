#include "monitor/guest_memory.h"

#include "base/pc_addresses.h"

#include <algorithm>

namespace ring3 {

namespace {

bool wraps(GuestPhys address, u64 bytes) {
    return address.raw + bytes < address.raw;
}

} // namespace

// ---- bus masters

bool GuestDma::is_ram(GuestPhys address, u64 bytes) const {
    u64 const pages = bytes == 0 ? 0 : (address.page_offset() + bytes - 1) / page_size + 1;
    for (u64 i = 0; i < pages; ++i)
        if (memory_.kind(address.page() + i * page_size) != PhysicalMemory::Kind::ram) return false;
    return true;
}

bool GuestDma::read(GuestPhys address, std::span<u8> out) {
    if (wraps(address, out.size())) {
        std::ranges::fill(out, u8{0xff});
        return false;
    }
    memory_.read_bytes(address, out);
    return is_ram(address, out.size());
}

bool GuestDma::write(GuestPhys address, std::span<u8 const> bytes) {
    if (wraps(address, bytes.size())) return false;
    memory_.write_bytes(address, bytes);
    return is_ram(address, bytes.size());
}

void GuestDma::note_written(GuestPhys address, u64 bytes) {
    if (wraps(address, bytes)) return;
    while (bytes != 0 && memory_.page(address)) {
        u64 const piece = std::min(bytes, page_size - address.page_offset());
        memory_.before_write(address, piece);
        address = address + piece;
        bytes -= piece;
    }
}

// ---- bytes of devices

GuestMemoryMap::GuestMemoryMap(Mmu& mmu, std::span<u8> ram) : mmu_{mmu} {
    PhysicalMemory& memory = mmu.memory();
    pc::RamSplit const split = pc::split_ram(ram.size());
    memory.map({0}, ram.first(split.low), PhysicalMemory::Kind::ram);
    memory.unmap({pc::video_memory}, pc::option_roms - pc::video_memory);
    if (split.high != 0) memory.map({pc::high_memory}, ram.subspan(split.low), PhysicalMemory::Kind::ram);
}

bool GuestMemoryMap::map(GuestPhys start, std::span<u8> bytes, Kind kind) {
    bool const possible = !wraps(start, bytes.size()) && start.raw >> mmu_.physical_bits() == 0 &&
                          (start.raw >= pc::high_memory || start.raw + bytes.size() <= pc::high_memory);
    if (!possible || mmu_.memory().overlaps_memory(start, bytes.size())) return false;
    if (registers_ && registers_->is_claimed({start, bytes.size()})) return false;
    map_over(start, bytes, kind);
    return true;
}

void GuestMemoryMap::map_over(GuestPhys start, std::span<u8> bytes, Kind kind) {
    mmu_.memory().map(start, bytes, kind == Kind::ram ? PhysicalMemory::Kind::ram : PhysicalMemory::Kind::rom);
    mmu_.memory_map_changed();
}

void GuestMemoryMap::unmap(GuestPhys start, u64 size) {
    mmu_.memory().unmap(start, size);
    mmu_.memory_map_changed();
}

} // namespace ring3
