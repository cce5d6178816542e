// The words of a disk request. A drive's front end in the monitor says them, the driver carries them, the app obeys.
#pragma once

#include "base/types.h"

#include <string>

namespace ring3 {

enum class BlockOperation : u8 {
    read,
    write,
    flush,       // everything that was written before is on the disk's medium when this is done
    discard,     // the contents may be forgotten
    write_zeroes // and read as zeroes
};
inline constexpr auto last_block_operation = BlockOperation::write_zeroes;

enum class BlockStatus : u8 {
    done,
    io_error,     // the host could not read or write
    no_space,     // the host's disk is full
    read_only,    // nobody may write to this disk
    out_of_range, // beyond the disk's end
};
inline constexpr auto last_block_status = BlockStatus::out_of_range;

/// A piece of guest RAM that a request's bytes come from or go to.
struct BlockSegment {
    GuestPhys address{};
    u32 bytes{};
    static void fields(auto& self, auto& wire) { wire.packed(self.address.raw), wire.packed(self.bytes); }
    friend constexpr bool operator==(BlockSegment, BlockSegment) = default;
};

/// A drive as the guest sees it, and where it is plugged in.
enum class DriveKind : u8 { ide_disk, ide_cdrom, floppy, virtio_disk };
struct DiskGeometry {
    u16 cylinders{}, heads{}, sectors{}; // heads 0: what follows from the size
    friend constexpr bool operator==(DiskGeometry, DiskGeometry) = default;
};
struct DriveDescription {
    DriveKind kind{};
    u8 unit{};   // IDE: 2 * channel + device; floppy: 0 is A:
    u64 bytes{}; // the medium's size; 0: none is in
    bool is_read_only{};
    std::string model, serial; // empty: the drive's own
    DiskGeometry geometry{};   // of a hard disk
    friend bool operator==(DriveDescription const&, DriveDescription const&) = default;
};
inline constexpr unsigned ide_units = 4, floppy_units = 2;

/// Drives with a buffer in the memory that app and monitor share, for transfers that the processor makes itself.
inline constexpr unsigned max_disks = 16;
inline constexpr u32 disk_buffer_bytes = 64 << 10;

/// Limits of one request; whoever wants more asks again.
inline constexpr unsigned max_block_segments = 320; // 12 bytes each in a message
inline constexpr u32 max_block_bytes = 1 << 20;

} // namespace ring3
