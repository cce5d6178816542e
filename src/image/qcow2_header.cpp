#include "image/qcow2_header.h"

#include "image/big_endian.h"

#include <array>
#include <fmt/format.h>

namespace ring3::image::qcow2 {

namespace {

constexpr u32 magic = 0x514649fb; // "QFI\xfb"
constexpr u64 v2_bytes = 72, v3_bytes = 104, v3_bytes_with_compression = 112;

enum class Extension : u32 {
    end = 0,
    backing_format = 0xe2792aca,
    feature_names = 0x6803f857,
    bitmaps = 0x23852875,
};

constexpr u64 extension_padding(u64 bytes) {
    return (bytes + 7) & ~u64{7};
}

/// The names of QEMU's feature name table; ours to write, and to say what an image needs.
struct FeatureName {
    u8 kind; // 0 incompatible, 1 compatible, 2 autoclear
    u8 bit;
    std::string_view name;
};
constexpr FeatureName feature_names[] = {
    {0, 0, "dirty bit"},        {0, 1, "corrupt bit"},         {0, 2, "external data file"},
    {0, 3, "compression type"}, {0, 4, "extended L2 entries"}, {1, 0, "lazy refcounts"},
    {2, 0, "bitmaps"},          {2, 1, "raw external data"},
};
constexpr u64 feature_name_bytes = 48;

/// One header being read: its bytes and the image's name for messages.
class Reader {
public:
    Reader(Storage& storage) : storage_{storage} {}

    Result<Header> read() {
        TRY_VOID(load(start_));
        TRY_VOID(read_version());
        TRY_VOID(read_geometry());
        bytes_.resize(header_.geometry.cluster());
        TRY_VOID(load(bytes_));
        TRY_VOID(read_extensions());
        TRY_VOID(read_features());
        TRY_VOID(read_tables());
        TRY_VOID(read_backing_file());
        return std::move(header_);
    }

private:
    std::unexpected<Error> bad(std::string_view what) const {
        return fail(ExitStatus::configuration, fmt::format("'{}' is no usable qcow2 image: {}", storage_.name(), what));
    }
    std::unexpected<Error> missing(std::string_view what) const {
        return fail(ExitStatus::configuration,
                    fmt::format("'{}' uses a qcow2 feature that is not supported: {}", storage_.name(), what));
    }

    Result<void> load(std::span<u8> bytes) {
        if (auto const read = storage_.read(0, bytes); !read) return std::unexpected(as_error(read.error()));
        return {};
    }

    Result<void> read_version() {
        if (load_be<u32>(start_, 0) != magic) return bad("it does not begin with \"QFI\\xfb\"");
        header_.version = load_be<u32>(start_, 4);
        if (header_.version != 2 && header_.version != 3) {
            return missing(fmt::format("version {} (2 and 3 are)", header_.version));
        }
        header_bytes_ = header_.version == 2 ? v2_bytes : load_be<u32>(start_, 100);
        if (load_be<u32>(start_, 32) != 0) return missing("encryption");
        return {};
    }

    Result<void> read_geometry() {
        u32 const bits = load_be<u32>(start_, 20);
        if (bits < least_cluster_bits || bits > most_cluster_bits) {
            return bad(fmt::format("clusters of 2^{} bytes (2^9 to 2^21 are possible)", bits));
        }
        header_.geometry.cluster_bits = bits;
        if (header_.version == 3) {
            if (header_bytes_ < v3_bytes || header_bytes_ % 8 != 0 || header_bytes_ > header_.geometry.cluster()) {
                return bad(fmt::format("a header of {} bytes", header_bytes_));
            }
            u32 const order = load_be<u32>(start_, 96);
            if (order > 6) return bad(fmt::format("refcounts of 2^{} bits (at most 2^6 are possible)", order));
            header_.geometry.refcount_order = order;
        }
        return {};
    }

    Result<void> read_features() {
        if (header_.version == 2) return {};
        header_.incompatible = {{load_be<u64>(start_, at::incompatible)}};
        header_.compatible = {{load_be<u64>(start_, at::compatible)}};
        header_.autoclear = {{load_be<u64>(start_, at::autoclear)}};
        constexpr u64 known = mask_of<Incompatible::Dirty, Incompatible::Corrupt, Incompatible::CompressionType>();
        if (u64 const unknown = header_.incompatible.raw & ~known; unknown != 0) {
            return missing(name_of_feature(static_cast<u8>(std::countr_zero(unknown))));
        }
        u8 const type = header_bytes_ > v3_bytes ? start_[v3_bytes] : u8{0};
        bool const is_said = header_.incompatible.has<Incompatible::CompressionType>();
        if (is_said != (type != 0)) return bad("compression type and its feature bit contradict each other");
        if (type > 1) return missing(fmt::format("compression type {}", type));
        header_.compression = Compression{type};
        return {};
    }

    /// The name that the image itself gives to an incompatible feature, or ours, or its number.
    std::string name_of_feature(u8 bit) const {
        for (u64 entry = 0; entry + feature_name_bytes <= feature_table_.size(); entry += feature_name_bytes) {
            if (feature_table_[entry] != 0 || feature_table_[entry + 1] != bit) continue;
            std::string name;
            for (u8 const letter : feature_table_.subspan(entry + 2, feature_name_bytes - 2)) {
                if (letter == 0) break;
                name += letter >= ' ' && letter < 0x7f ? static_cast<char>(letter) : '?';
            }
            return name;
        }
        for (auto const& feature : feature_names) {
            if (feature.kind == 0 && feature.bit == bit) return std::string{feature.name};
        }
        return fmt::format("incompatible feature bit {}", bit);
    }

    Result<void> read_tables() {
        auto const& geometry = header_.geometry;
        header_.size = load_be<u64>(start_, at::size);
        header_.l1_entries = load_be<u32>(start_, at::l1_entries);
        header_.l1_offset = load_be<u64>(start_, at::l1_offset);
        header_.refcount_table_offset = load_be<u64>(start_, at::refcount_table_offset);
        header_.refcount_table_clusters = load_be<u32>(start_, at::refcount_table_clusters);
        header_.snapshots = load_be<u32>(start_, 60);
        header_.snapshots_offset = load_be<u64>(start_, 64);
        if (header_.size > most_offset << 5) return bad(fmt::format("a disk of {} bytes", header_.size));
        if (u64{header_.l1_entries} * entry_bytes > most_l1_bytes) {
            return bad(fmt::format("an L1 table of {} entries (at most {})", header_.l1_entries, most_l1_bytes / 8));
        }
        if (header_.l1_entries < geometry.l1_entries_for(header_.size)) {
            return bad(
                fmt::format("the L1 table has {} entries, too few for {} bytes", header_.l1_entries, header_.size));
        }
        if (header_.refcount_table_clusters == 0) return bad("it has no refcount table");
        if (u64{header_.refcount_table_clusters} > most_refcount_table_bytes >> geometry.cluster_bits) {
            return bad(fmt::format("a refcount table of {} clusters", header_.refcount_table_clusters));
        }
        if (header_.snapshots > most_snapshots) return bad(fmt::format("{} snapshots", header_.snapshots));
        TRY_VOID(check_offset("L1 table", header_.l1_offset, header_.l1_entries != 0));
        TRY_VOID(check_offset("refcount table", header_.refcount_table_offset, true));
        return check_offset("snapshot table", header_.snapshots_offset, header_.snapshots != 0);
    }

    /// Behind the header, aligned, and where the file has bytes.
    Result<void> check_offset(std::string_view table, u64 offset, bool is_there) const {
        if (!is_there) return {};
        if (offset == 0 || !header_.geometry.is_aligned(offset) || offset >= storage_.size()) {
            return bad(fmt::format("its {} is said to lie at {:#x}", table, offset));
        }
        return {};
    }

    Result<void> read_extensions() {
        u64 const name = load_be<u64>(start_, at::backing_offset);
        u64 const end = name == 0 ? bytes_.size() : std::min<u64>(name, bytes_.size());
        for (u64 position = header_bytes_; position + 8 <= end;) {
            auto const type = Extension{load_be<u32>(bytes_, position)};
            u64 const length = load_be<u32>(bytes_, position + 4);
            position += 8;
            if (type == Extension::end) return {};
            if (length > end - position) return bad("a header extension is too long");
            take_extension(type, std::span<u8 const>{bytes_}.subspan(position, length));
            position += extension_padding(length);
        }
        return {};
    }

    void take_extension(Extension type, std::span<u8 const> data) {
        switch (type) {
        case Extension::backing_format: header_.backing_format.assign(data.begin(), data.end()); break;
        case Extension::feature_names: feature_table_ = data; break;
        case Extension::bitmaps:
            if (data.size() < 24) break;
            header_.bitmaps = BitmapDirectory{load_be<u32>(data, 0), load_be<u64>(data, 8), load_be<u64>(data, 16)};
            break;
        default: break;
        }
    }

    Result<void> read_backing_file() {
        u64 const offset = load_be<u64>(start_, at::backing_offset);
        u64 const length = load_be<u32>(start_, at::backing_bytes);
        if (offset == 0 || length == 0) return {};
        if (length > most_backing_name || offset > bytes_.size() || length > bytes_.size() - offset) {
            return bad("its backing file's name lies outside of the header");
        }
        auto const name = std::span<u8 const>{bytes_}.subspan(offset, length);
        header_.backing_file.assign(name.begin(), name.end());
        if (header_.backing_file.find('\0') != std::string::npos) return bad("its backing file's name has a zero byte");
        return {};
    }

    Storage& storage_;
    Header header_{};
    std::array<u8, 512> start_{}; // the fixed fields
    std::vector<u8> bytes_;       // the whole first cluster
    std::span<u8 const> feature_table_{};
    u64 header_bytes_{};
};

/// The growing end of a header that is being written.
void append_extension(std::vector<u8>& bytes, Extension type, std::span<u8 const> data) {
    u64 const start = bytes.size();
    bytes.resize(start + 8 + extension_padding(data.size()));
    store_be(bytes, start, static_cast<u32>(type));
    store_be(bytes, start + 4, static_cast<u32>(data.size()));
    std::ranges::copy(data, bytes.begin() + static_cast<std::ptrdiff_t>(start + 8));
}

std::vector<u8> feature_name_table() {
    std::vector<u8> table(std::size(feature_names) * feature_name_bytes);
    u64 entry = 0;
    for (auto const& feature : feature_names) {
        table[entry] = feature.kind;
        table[entry + 1] = feature.bit;
        std::ranges::copy(feature.name, table.begin() + static_cast<std::ptrdiff_t>(entry + 2));
        entry += feature_name_bytes;
    }
    return table;
}

std::span<u8 const> bytes_of(std::string const& text, std::vector<u8>& space) {
    space.assign(text.begin(), text.end());
    return space;
}

void store_fields(std::vector<u8>& bytes, Header const& header) {
    store_be(bytes, 0, magic);
    store_be(bytes, 4, header.version);
    store_be(bytes, 20, u32{header.geometry.cluster_bits});
    store_be(bytes, at::size, header.size);
    store_be(bytes, at::l1_entries, header.l1_entries);
    store_be(bytes, at::l1_offset, header.l1_offset);
    store_be(bytes, at::refcount_table_offset, header.refcount_table_offset);
    store_be(bytes, at::refcount_table_clusters, header.refcount_table_clusters);
    store_be(bytes, 60, header.snapshots);
    store_be(bytes, 64, header.snapshots_offset);
    if (header.version == 2) return;
    store_be(bytes, at::incompatible, header.incompatible.raw);
    store_be(bytes, at::compatible, header.compatible.raw);
    store_be(bytes, at::autoclear, header.autoclear.raw);
    store_be(bytes, 96, u32{header.geometry.refcount_order});
    store_be(bytes, 100, static_cast<u32>(v3_bytes_with_compression));
    bytes[v3_bytes] = static_cast<u8>(header.compression);
}

} // namespace

Result<Header> read_header(Storage& storage) {
    return Reader{storage}.read();
}

Result<std::vector<u8>> header_cluster(Header const& header) {
    std::vector<u8> bytes(header.version == 2 ? v2_bytes : v3_bytes_with_compression);
    std::vector<u8> space;
    store_fields(bytes, header);
    if (!header.backing_format.empty()) {
        append_extension(bytes, Extension::backing_format, bytes_of(header.backing_format, space));
    }
    // Small clusters have no room for it; it only serves messages.
    u64 const rest = 8 + header.backing_file.size();
    auto const names = feature_name_table();
    if (header.version == 3 && bytes.size() + 8 + names.size() + rest <= header.geometry.cluster()) {
        append_extension(bytes, Extension::feature_names, names);
    }
    append_extension(bytes, Extension::end, {});
    if (!header.backing_file.empty()) {
        store_be(bytes, at::backing_offset, u64{bytes.size()});
        store_be(bytes, at::backing_bytes, static_cast<u32>(header.backing_file.size()));
        bytes.insert(bytes.end(), header.backing_file.begin(), header.backing_file.end());
    }
    if (bytes.size() > header.geometry.cluster()) {
        return fail(
            ExitStatus::configuration,
            fmt::format("the backing file's name is too long for clusters of {} bytes", header.geometry.cluster()));
    }
    bytes.resize(header.geometry.cluster());
    return bytes;
}

} // namespace ring3::image::qcow2
