// The header of a qcow2 image, version 2 or 3: read, checked field by field, and written for new images.
//
// Nothing of it is believed before it is checked: afterwards every table that it names has an allowed size, is aligned,
// and lies at an offset that can be computed with.
//
// Missing: extended L2 entries, external data files, encryption; refused by name.
// Source:  QEMU's docs/interop/qcow2.txt, "Header".
#pragma once

#include "image/image.h"
#include "image/qcow2_entry.h"
#include "image/storage.h"

#include <optional>
#include <string>
#include <vector>

namespace ring3::image::qcow2 {

enum class Compression : u8 { zlib = 0, zstd = 1 };

struct Incompatible : Reg<Incompatible, u64> {
    using Dirty = Field<0>;
    using Corrupt = Field<1>;
    using ExternalData = Field<2>;
    using CompressionType = Field<3>;
    using ExtendedL2 = Field<4>;
};
struct Compatible : Reg<Compatible, u64> {
    using LazyRefcounts = Field<0>;
};
struct Autoclear : Reg<Autoclear, u64> {
    using Bitmaps = Field<0>;
};

/// Where the directory of persistent dirty bitmaps lies. They are counted, but not used.
struct BitmapDirectory {
    u32 count{};
    u64 bytes{};
    u64 offset{};
};

struct Header {
    u32 version{3};
    u64 size{}; // of the disk
    u32 l1_entries{};
    u64 l1_offset{};
    u64 refcount_table_offset{};
    u32 refcount_table_clusters{};
    u32 snapshots{};
    u64 snapshots_offset{};
    Incompatible incompatible{};
    Compatible compatible{};
    Autoclear autoclear{};
    Geometry geometry{};
    Compression compression{Compression::zlib};
    std::string backing_file{};
    std::string backing_format{};
    std::optional<BitmapDirectory> bitmaps{};
};

/// Where the fields lie that change in an open image.
namespace at {
inline constexpr u64 backing_offset = 8, backing_bytes = 16, size = 24, l1_entries = 36, l1_offset = 40,
                     refcount_table_offset = 48, refcount_table_clusters = 56, incompatible = 72, compatible = 80,
                     autoclear = 88;
}

/// The error says what is wrong, or which feature is missing.
Result<Header> read_header(Storage& storage);

/// The first cluster of a new image. Fails if names and extensions do not fit into it.
Result<std::vector<u8>> header_cluster(Header const& header);

} // namespace ring3::image::qcow2
