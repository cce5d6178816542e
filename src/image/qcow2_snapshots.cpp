#include "image/qcow2_snapshots.h"

#include "image/big_endian.h"

#include <fmt/format.h>

namespace ring3::image::qcow2 {

namespace {

constexpr u64 most_table_bytes = u64{64} << 20;
constexpr u64 fixed_bytes = 40, most_extra_bytes = 1024;

} // namespace

IoResult<SnapshotTable> read_snapshots(Storage& storage, Header const& header) {
    SnapshotTable table;
    for (u32 n = 0; n < header.snapshots; ++n) {
        u64 const position = header.snapshots_offset + table.bytes;
        std::vector<u8> bytes(fixed_bytes);
        TRY_VOID(storage.read(position, std::span{bytes}));
        u64 const id = load_be<u16>(bytes, 12), name = load_be<u16>(bytes, 14), extra = load_be<u32>(bytes, 36);
        u64 const length = (fixed_bytes + extra + id + name + 7) & ~u64{7};
        if (extra > most_extra_bytes || table.bytes + length > most_table_bytes || position >= storage.size()) {
            return io_failure(Fault::bad_image, fmt::format("{}: its snapshot table is damaged", storage.name()));
        }
        bytes.resize(length);
        TRY_VOID(storage.read(position, std::span{bytes}));
        auto const text = [&](u64 from, u64 count) {
            auto const letters = std::span{bytes}.subspan(from, count);
            return std::string(letters.begin(), letters.end());
        };
        Snapshot snapshot{.id = text(fixed_bytes + extra, id), .name = text(fixed_bytes + extra + id, name)};
        snapshot.l1_offset = load_be<u64>(bytes, 0);
        snapshot.l1_entries = load_be<u32>(bytes, 8);
        snapshot.seconds = load_be<u32>(bytes, 16);
        snapshot.nanoseconds = load_be<u32>(bytes, 20);
        snapshot.guest_nanoseconds = load_be<u64>(bytes, 24);
        snapshot.state_bytes = extra >= 8 ? load_be<u64>(bytes, fixed_bytes) : load_be<u32>(bytes, 32);
        table.snapshots.push_back(std::move(snapshot));
        table.bytes += length;
    }
    return table;
}

} // namespace ring3::image::qcow2
