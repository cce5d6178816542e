// Qcow2Image: reading.
#include "image/qcow2_image.h"

#include "image/qcow2_compression.h"
#include "image/segments.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3::image {

using namespace qcow2;

IoResult<void> Qcow2Image::do_read(u64 offset, Segments segments) {
    u64 const bytes = total_bytes(segments);
    for (u64 done = 0; done < bytes;) {
        Run const run = TRY(find_run(offset + done, bytes - done));
        TRY_VOID(read_run(run, {offset + done, run.bytes, segments, done}));
        done += run.bytes;
    }
    return {};
}

IoResult<void> Qcow2Image::read_run(Run const& run, Part const& part) {
    switch (run.kind) {
    case ClusterKind::data: return storage_->read(run.file_offset, slice(part.segments, part.skip, part.bytes));
    case ClusterKind::compressed: return read_compressed(part);
    case ClusterKind::absent: return read_backing(part);
    case ClusterKind::zeroes:
    case ClusterKind::reserved_zeroes: break;
    }
    fill_with_zeroes(slice(part.segments, part.skip, part.bytes));
    return {};
}

IoResult<void> Qcow2Image::read_backing(Part const& part) {
    u64 const end = backing_ ? backing_->size() : 0;
    u64 const there = part.offset < end ? std::min(part.bytes, end - part.offset) : 0;
    if (there != 0) TRY_VOID(backing_->read(part.offset, slice(part.segments, part.skip, there)));
    fill_with_zeroes(slice(part.segments, part.skip + there, part.bytes - there));
    return {};
}

IoResult<void> Qcow2Image::read_compressed(Part const& part) {
    auto const entries = TRY(mapping_.look(part.offset));
    L2Entry const entry = entries[0];
    if (unpacked_from_ != entry.raw) {
        auto const place = geometry_.place_of(entry);
        std::vector<u8> packed(place.bytes);
        TRY_VOID(storage_->read(place.offset, std::span{packed}));
        unpacked_from_ = 0;
        unpacked_.resize(geometry_.cluster());
        if (!unpack(header_.compression, packed, unpacked_)) {
            return bad(fmt::format("the compressed cluster at {:#x} cannot be unpacked", part.offset));
        }
        unpacked_from_ = entry.raw;
    }
    copy_to(part.segments, part.skip,
            std::span<u8 const>{unpacked_}.subspan(geometry_.in_cluster(part.offset), part.bytes));
    return {};
}

/// The disk's bytes, with zeroes behind its end: what fills up a cluster.
IoResult<void> Qcow2Image::read_zero_filled(u64 offset, std::span<u8> bytes) {
    u64 const there = offset < size() ? std::min<u64>(bytes.size(), size() - offset) : 0;
    std::ranges::fill(bytes.subspan(there), u8{0});
    if (there == 0) return {};
    iovec const segment = segment_of(bytes.first(there));
    return do_read(offset, {&segment, 1});
}

} // namespace ring3::image
