// Feeds whatever bytes come as a volume's table. The checksum is made right, or nothing would come through; a table that
// is taken must be one that can be written, and disks of it resized.
#include "volume/table.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <zlib.h>

using namespace ring3;
using namespace ring3::volume;

namespace {

void expect(bool is_true) {
    if (!is_true) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(u8 const* data, std::size_t size) {
    std::vector<u8> slot(slot_bytes);
    std::copy_n(data, std::min<std::size_t>(size, slot.size()), slot.begin());
    u32 const sum = static_cast<u32>(::crc32(0, slot.data() + 16, static_cast<uInt>(slot.size() - 16)));
    std::memcpy(slot.data() + 12, &sum, sizeof sum);
    auto table = decode(slot);
    // Bitmaps of large volumes are slow, and no different.
    if (!table || table->units > 100'000) return 0;
    auto const again = encode(*table);
    expect(again && decode(*again));
    u64 bytes = size;
    for (auto& disk : table->disks) {
        bytes = bytes * 6364136223846793005u + 1442695040888963407u;
        static_cast<void>(set_size(*table, disk, bytes % ((table->units + 1) * unit_bytes) + 1));
    }
    if (auto const resized = encode(*table)) expect(decode(*resized).has_value());
    return 0;
}
