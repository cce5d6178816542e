#include "boot/guest_memory.h"

#include "base/assert.h"
#include "base/pc_addresses.h"

#include <algorithm>

namespace ring3::boot {

std::vector<MemoryRange> memory_map(u64 low_bytes, u64 high_bytes) {
    u64 const low = std::min<u64>(low_bytes, pc::pci_hole) & ~page_mask;
    u64 const high = high_bytes & ~page_mask;
    std::vector<MemoryRange> map;
    auto const add = [&map](u64 base, u64 end, RangeKind kind) {
        if (base < end) map.push_back({base, end - base, kind});
    };
    add(0, std::min<u64>(low, pc::ebda), RangeKind::ram);
    add(pc::ebda, pc::video_memory, RangeKind::reserved);
    add(pc::firmware, pc::extended_memory, RangeKind::reserved);
    add(pc::extended_memory, low, RangeKind::ram);
    add(pc::io_apic, u64{pc::io_apic} + page_size, RangeKind::reserved);
    add(pc::local_apic, u64{pc::local_apic} + page_size, RangeKind::reserved);
    add(pc::high_memory, pc::high_memory + high, RangeKind::ram);
    return map;
}

std::vector<MemoryRange> memory_map(GuestMemory const& memory) {
    return memory_map(memory.low.size(), memory.high.size());
}

void write_bytes(GuestMemory memory, u64 gpa, std::span<u8 const> bytes) {
    if (bytes.empty()) return;
    ASSERT(gpa <= memory.low.size() && bytes.size() <= memory.low.size() - gpa);
    std::memcpy(memory.low.data() + gpa, bytes.data(), bytes.size());
}

} // namespace ring3::boot
