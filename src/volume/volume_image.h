// A virtual disk of a volume as an Image: "volume:FILE/NAME".
#pragma once

#include "image/image.h"
#include "volume/volume.h"

namespace ring3::volume {

/// Does that name mean a disk of a volume?
bool is_volume_path(std::string_view path);

/// "volume:FILE/NAME" as a disk, everything else by image::open_image. This is what opens the disks of machines.
Result<std::unique_ptr<image::Image>> open_disk(std::string const& path, image::OpenOptions const& options);

class VolumeImage final : public image::Image {
public:
    static Result<std::unique_ptr<image::Image>> open(std::string const& path, image::OpenOptions const& options);
    std::string_view format() const override { return "raw"; }

protected:
    image::IoResult<void> do_read(u64 offset, image::Segments segments) override;
    image::IoResult<void> do_write(u64 offset, image::Segments segments) override;
    image::IoResult<void> do_write_zeroes(u64 offset, u64 bytes, image::Unmap unmap) override;
    image::IoResult<void> do_discard(u64 offset, u64 bytes) override;
    image::IoResult<void> do_flush() override;
    image::IoResult<void> do_resize(u64 bytes) override;
    image::IoResult<image::Extent> do_extent_at(u64 offset, u64 bytes) override;

private:
    VolumeImage(std::string path, Volume volume, Volume::OpenDisk open, image::OpenOptions const& options);

    /// Where a part of the disk lies in the volume, as far as it is in one piece there.
    struct Place {
        u64 offset{}, bytes{};
    };
    Place place_of(u64 offset, u64 bytes) const;
    /// Calls visit(place, done) for the pieces of a range.
    template <class Visit> image::IoResult<void> for_each_place(u64 offset, u64 bytes, Visit&& visit);
    image::IoError translate(image::IoError error) const;

    struct Run {
        u64 disk_offset{}, volume_offset{}, bytes{};
    };
    void set_disk(Disk disk);

    Volume volume_;
    ByteLock lock_; // before the volume, whose file it is a lock of, is closed
    Disk disk_{};
    std::vector<Run> runs_;
};

} // namespace ring3::volume
