#include "volume/volume_image.h"

#include "image/segments.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3::volume {

using image::IoResult;

namespace {

constexpr std::string_view prefix = "volume:";

} // namespace

bool is_volume_path(std::string_view path) {
    return path.starts_with(prefix);
}

Result<std::unique_ptr<image::Image>> open_disk(std::string const& path, image::OpenOptions const& options) {
    if (!is_volume_path(path)) return image::open_image(path, options);
    if (!options.is_snapshot) return VolumeImage::open(path, options);
    auto below = options;
    below.is_snapshot = false;
    below.access = image::Access::read_only;
    return image::throw_away_overlay(TRY(VolumeImage::open(path, below)));
}

VolumeImage::VolumeImage(std::string path, Volume volume, Volume::OpenDisk open, image::OpenOptions const& options)
    : Image{std::move(path), options.access}, volume_{std::move(volume)}, lock_{std::move(open.lock)} {
    set_disk(std::move(open.disk));
    if (options.cache == image::CacheMode::writethrough || options.cache == image::CacheMode::directsync) {
        flush_every_write();
    }
    if (options.discard == image::Discard::ignore) ignore_discards();
}

Result<std::unique_ptr<image::Image>> VolumeImage::open(std::string const& path, image::OpenOptions const& options) {
    auto const inner = std::string_view{path}.substr(prefix.size());
    auto const slash = inner.rfind('/');
    if (slash == inner.npos || slash == 0 || slash + 1 == inner.size()) {
        return fail(ExitStatus::usage, fmt::format("'{}': a disk of a volume is volume:FILE/NAME", path));
    }
    if (options.format && *options.format != image::Format::raw) {
        return fail(ExitStatus::usage, fmt::format("'{}': a disk of a volume is raw", path));
    }
    auto volume = TRY(Volume::open(std::string{inner.substr(0, slash)}, options));
    auto open = TRY(volume.open_disk(std::string{inner.substr(slash + 1)}, options.access));
    return std::unique_ptr<image::Image>{new VolumeImage{path, std::move(volume), std::move(open), options}};
}

void VolumeImage::set_disk(Disk disk) {
    runs_.clear();
    u64 offset = 0;
    for (auto const& run : disk.runs) {
        runs_.push_back({offset, first_unit_offset + run.first * unit_bytes, run.count * unit_bytes});
        offset += run.count * unit_bytes;
    }
    set_size(disk.bytes);
    disk_ = std::move(disk);
}

VolumeImage::Place VolumeImage::place_of(u64 offset, u64 bytes) const {
    auto const next = std::ranges::upper_bound(runs_, offset, {}, &Run::disk_offset);
    Run const& run = *std::prev(next); // the first begins at 0
    u64 const inside = offset - run.disk_offset;
    return {run.volume_offset + inside, std::min(bytes, run.bytes - inside)};
}

/// A host's error in the disk's own terms.
image::IoError VolumeImage::translate(image::IoError error) const {
    error.message = fmt::format("{}: {}", name(), error.message);
    return error;
}

template <class Visit> IoResult<void> VolumeImage::for_each_place(u64 offset, u64 bytes, Visit&& visit) {
    for (u64 done = 0; done < bytes;) {
        Place const place = place_of(offset + done, bytes - done);
        if (IoResult<void> result = visit(place, done); !result) return std::unexpected(translate(result.error()));
        done += place.bytes;
    }
    return {};
}

IoResult<void> VolumeImage::do_read(u64 offset, image::Segments segments) {
    return for_each_place(offset, image::total_bytes(segments), [&](Place place, u64 done) {
        return volume_.storage().read(place.offset, image::slice(segments, done, place.bytes));
    });
}

IoResult<void> VolumeImage::do_write(u64 offset, image::Segments segments) {
    return for_each_place(offset, image::total_bytes(segments), [&](Place place, u64 done) {
        return volume_.storage().write(place.offset, image::slice(segments, done, place.bytes));
    });
}

IoResult<void> VolumeImage::do_write_zeroes(u64 offset, u64 bytes, image::Unmap unmap) {
    return for_each_place(offset, bytes, [&](Place place, u64) {
        return volume_.storage().write_zeroes(place.offset, place.bytes, unmap);
    });
}

IoResult<void> VolumeImage::do_discard(u64 offset, u64 bytes) {
    return for_each_place(offset, bytes, [&](Place place, u64) {
        volume_.storage().discard(place.offset, place.bytes);
        return IoResult<void>{};
    });
}

IoResult<void> VolumeImage::do_flush() {
    if (auto const synced = volume_.storage().sync(); !synced) return std::unexpected(translate(synced.error()));
    return {};
}

IoResult<void> VolumeImage::do_resize(u64 bytes) {
    auto resized = volume_.resize_open(disk_, bytes);
    if (!resized) return image::io_failure(image::Fault::no_space, resized.error().message);
    set_disk(*std::move(resized));
    return {};
}

IoResult<image::Extent> VolumeImage::do_extent_at(u64 offset, u64 bytes) {
    Place const place = place_of(offset, bytes);
    return volume_.storage().extent_at(place.offset, place.bytes);
}

} // namespace ring3::volume
