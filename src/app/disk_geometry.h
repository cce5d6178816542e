// Cylinders, heads and sectors of disks that were partitioned when these still mattered: old boot loaders ask the BIOS for
// the very numbers that stand in the partition table.
#pragma once

#include "base/block.h"

#include <span>

namespace ring3::app {

/// The geometry by which the master boot record's partitions end at a cylinder's end, as QEMU and Bochs guess it; heads = 0
/// if it tells nothing, or if a BIOS had translated it: then the drive's usual geometry is right.
DiskGeometry guess_disk_geometry(std::span<u8 const, 512> first_sector, u64 sectors);

} // namespace ring3::app
