#include "image/qcow2_slice_cache.h"

#include "base/assert.h"

#include <algorithm>

namespace ring3::image::qcow2 {

SliceCache::SliceCache(Storage& storage, Geometry geometry, u64 most_bytes)
    : storage_{storage},
      slice_bytes_{std::min<u64>(geometry.cluster(), 4096)},
      most_slices_{std::max<std::size_t>(most_bytes / slice_bytes_, 16)} {}

bool SliceCache::has_room_for(u64 offset) const {
    // A quarter stays clean, so that one to replace is found soon.
    return places_.contains(start_of(offset)) || slices_.size() < most_slices_ || dirty_ <= most_slices_ / 4 * 3;
}

SliceCache::Slices::iterator SliceCache::oldest_clean() {
    auto const found =
        std::find_if(slices_.rbegin(), slices_.rend(), [](Slice const& slice) { return !slice.is_dirty; });
    ASSERT(found != slices_.rend());
    return std::prev(found.base());
}

IoResult<std::span<u8>> SliceCache::get(u64 offset) {
    u64 const start = start_of(offset);
    if (!slices_.empty() && slices_.front().offset == start) return std::span{slices_.front().bytes};
    if (auto const place = places_.find(start); place != places_.end()) {
        slices_.splice(slices_.begin(), slices_, place->second);
        return std::span{slices_.front().bytes};
    }
    std::vector<u8> bytes;
    if (slices_.size() >= most_slices_) {
        auto const old = oldest_clean();
        bytes = std::move(old->bytes);
        places_.erase(old->offset);
        slices_.erase(old);
    }
    bytes.resize(slice_bytes_);
    TRY_VOID(storage_.read(start, std::span{bytes}));
    slices_.push_front({.offset = start, .bytes = std::move(bytes)});
    places_[start] = slices_.begin();
    return std::span{slices_.front().bytes};
}

void SliceCache::mark_dirty(u64 offset) {
    auto const place = places_.find(start_of(offset));
    ASSERT(place != places_.end());
    if (!std::exchange(place->second->is_dirty, true)) ++dirty_;
}

IoResult<void> SliceCache::write_back() {
    if (dirty_ == 0) return {};
    std::vector<Slice*> waiting;
    for (auto& slice : slices_) {
        if (slice.is_dirty) waiting.push_back(&slice);
    }
    std::ranges::sort(waiting, {}, &Slice::offset);
    for (Slice* const slice : waiting) {
        TRY_VOID(storage_.write(slice->offset, std::span<u8 const>{slice->bytes}));
        slice->is_dirty = false;
        --dirty_;
    }
    return {};
}

void SliceCache::forget(u64 offset, u64 bytes) {
    for (u64 start = start_of(offset); start < offset + bytes; start += slice_bytes_) {
        auto const place = places_.find(start);
        if (place == places_.end()) continue;
        if (place->second->is_dirty) --dirty_;
        slices_.erase(place->second);
        places_.erase(place);
    }
}

} // namespace ring3::image::qcow2
