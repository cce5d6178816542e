// Feeds whatever bytes come as a qcow2 file to everything that reads or writes one: open, read, write, zeroes, discard,
// resize, check, repair. Nothing may crash or go on for ever, and a repair that reports success must have been one.
//
// The input: | count | that many operations of 4 bytes | the file |
#include "image/qcow2_check.h"
#include "image/qcow2_image.h"
#include "image/qcow2_snapshots.h"
#include "image/raw_image.h"
#include "image/test_storage.h"

#include <cstdlib>

using namespace ring3;
using namespace ring3::image;

namespace {

constexpr u64 most_bytes = u64{24} << 20; // of a file

std::unique_ptr<MemoryStorage> storage_with(std::span<u8 const> file) {
    return std::make_unique<MemoryStorage>(std::vector<u8>(file.begin(), file.end()), nullptr, most_bytes);
}

/// Four bytes: what, where (as a part of the disk, and a little further), and how much.
void operate(Image& image, std::span<u8 const> code) {
    u64 const offset = std::min(image.size() / 256 * code[1] + u64{code[2]} * 64, image.size());
    u64 const bytes = std::min<u64>((code[3] & 0x3f) * (code[3] & 0x40 ? 2048 : 100), image.size() - offset);
    std::vector<u8> buffer(bytes, code[3]);
    switch (code[0] % 8) {
    case 0:
    case 1: static_cast<void>(image.read(offset, std::span{buffer})); break;
    case 2:
    case 3: static_cast<void>(image.write(offset, std::span<u8 const>{buffer})); break;
    case 4: static_cast<void>(image.write_zeroes(offset, bytes, code[0] & 8 ? Unmap::yes : Unmap::no)); break;
    case 5: static_cast<void>(image.discard(offset, bytes)); break;
    case 6: static_cast<void>(image.flush()); break;
    case 7:
        if (code[0] & 8)
            static_cast<void>(image.resize(offset));
        else
            static_cast<void>(image.extent_at(offset, image.size() - offset));
        break;
    }
}

void use(std::span<u8 const> file, std::span<u8 const> codes, Access access) {
    auto storage = storage_with(file);
    auto header = qcow2::read_header(*storage);
    if (!header) return;
    std::unique_ptr<Image> backing;
    if (!header->backing_file.empty()) {
        auto below = std::make_unique<MemoryStorage>(std::vector<u8>(3000, 0x5a));
        backing = std::make_unique<RawImage>(std::move(below), OpenOptions{.access = Access::read_only},
                                             RawImage::Origin::said);
    }
    auto const image = Qcow2Image::open(std::move(storage), {.access = access}, *std::move(header), std::move(backing));
    if (!image) return;
    for (u64 n = 0; n + 4 <= codes.size(); n += 4) operate(**image, codes.subspan(n, 4));
}

void check_and_repair(std::span<u8 const> file) {
    auto const storage = storage_with(file);
    auto header = qcow2::read_header(*storage);
    if (!header) return;
    static_cast<void>(qcow2::read_snapshots(*storage, *header));
    static_cast<void>(qcow2::check(*storage, *header, qcow2::Repair::leaks, {}));
    auto const repaired = qcow2::check(*storage, *header, qcow2::Repair::all, {});
    if (!repaired || repaired->corruptions != 0) return;
    auto const again = qcow2::check(*storage, *header, qcow2::Repair::nothing, {});
    if (!again || again->corruptions != 0 || again->leaks != 0) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(u8 const* data, std::size_t size) {
    std::span<u8 const> const input{data, size};
    if (input.empty()) return 0;
    u64 const codes = std::min<u64>(u64{input[0]} * 4, input.size() - 1);
    auto const file = input.subspan(1 + codes);
    use(file, input.subspan(1, codes), Access::read_write);
    use(file, input.subspan(1, codes), Access::read_only);
    check_and_repair(file);
    return 0;
}
