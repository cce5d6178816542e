#include "image/qcow2_check.h"

#include "image/big_endian.h"
#include "image/qcow2_snapshots.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace ring3::image::qcow2 {

namespace {

constexpr u64 most_bitmaps = 65535;
constexpr u64 most_directory_bytes = u64{64} << 20;

class Checker {
public:
    Checker(Storage& storage, Header& header, CheckObserver const& observer)
        : storage_{storage}, header_{header}, geometry_{header.geometry}, observer_{observer} {}

    IoResult<CheckResult> run(Repair repair) {
        TRY_VOID(count_references());
        TRY_VOID(count_refcount_structure());
        TRY_VOID(load_stored());
        compare(repair);
        if (repair == Repair::all) repair_flags_ = true;
        TRY_VOID(check_flags());
        found_.total_clusters = geometry_.clusters_for(header_.size);
        if (must_rebuild_) {
            TRY_VOID(storage_.sync());
            TRY_VOID(rebuild_refcounts(storage_, header_, wanted_, end_of_use_));
        }
        if (repair == Repair::all && found_.corruptions == 0) TRY_VOID(clear_marks());
        found_.image_end = end_of_use_ << geometry_.cluster_bits;
        return found_;
    }

private:
    void problem(std::string const& text) {
        if (observer_.problem) observer_.problem(text);
    }
    void corruption(std::string const& text) {
        ++found_.corruptions;
        problem("ERROR " + text);
    }
    u64 file_clusters() const { return geometry_.clusters_for(storage_.size()); }

    IoResult<std::vector<u8>> load(u64 offset, u64 bytes) {
        std::vector<u8> data(bytes);
        TRY_VOID(storage_.read(offset, std::span{data}));
        return data;
    }

    /// One reference to each cluster of the range; false and a report if it does not lie in the file.
    bool refer(std::string_view what, u64 offset, u64 bytes) {
        u64 const end_of_file = file_clusters() << geometry_.cluster_bits;
        if (offset > end_of_file || bytes > end_of_file - offset) {
            corruption(fmt::format("{} at {:#x} lies outside of the file", what, offset));
            return false;
        }
        for (u64 cluster = offset >> geometry_.cluster_bits; cluster << geometry_.cluster_bits < offset + bytes;
             ++cluster) {
            references_.add(cluster);
            end_of_use_ = std::max(end_of_use_, cluster + 1);
        }
        return true;
    }

    bool refer_aligned(std::string_view what, u64 offset, u64 bytes) {
        if (geometry_.is_aligned(offset)) return refer(what, offset, bytes);
        corruption(fmt::format("{} at {:#x} is not at a cluster's border", what, offset));
        return false;
    }

    IoResult<void> clear_marks() {
        auto const sound = header_.incompatible.with<Incompatible::Dirty>(0).with<Incompatible::Corrupt>(0);
        if (header_.version == 2 || sound == header_.incompatible) return {};
        std::vector<u8> bytes(8);
        store_be(bytes, 0, sound.raw);
        TRY_VOID(storage_.sync());
        TRY_VOID(storage_.write(at::incompatible, std::span<u8 const>{bytes}));
        TRY_VOID(storage_.sync());
        header_.incompatible = sound;
        return {};
    }

    // ---- everything that refers to clusters, besides the refcount structure

    IoResult<void> count_references() {
        refer("the header", 0, geometry_.cluster());
        TRY_VOID(walk_l1("the L1 table", header_.l1_offset, header_.l1_entries, Table::active));
        TRY_VOID(walk_snapshots());
        return walk_bitmaps();
    }

    enum class Table : u8 { active, snapshot };

    IoResult<void> walk_l1(std::string_view what, u64 offset, u64 entries, Table table) {
        if (entries == 0) {
            if (offset != 0) refer_aligned(what, offset, 1);
            return {};
        }
        if (!refer_aligned(what, offset, entries * entry_bytes)) return {};
        auto const l1 = TRY(load(offset, entries * entry_bytes));
        for (u64 n = 0; n < entries; ++n) {
            if (observer_.progress && table == Table::active) observer_.progress(n, entries);
            u64 const l2 = L1Entry{{load_be<u64>(l1, n * entry_bytes)}}.offset();
            if (l2 != 0 && refer_aligned("an L2 table", l2, geometry_.cluster())) TRY_VOID(walk_l2(l2, table));
        }
        return {};
    }

    IoResult<void> walk_l2(u64 offset, Table table) {
        auto const entries = TRY(load(offset, geometry_.cluster()));
        for (u64 n = 0; n < geometry_.l2_entries(); ++n) {
            L2Entry const entry{{load_be<u64>(entries, n * entry_bytes)}};
            refer_entry(entry);
            if (table == Table::active) count_entry(entry);
        }
        return {};
    }

    void refer_entry(L2Entry entry) {
        switch (entry.kind()) {
        case ClusterKind::absent:
        case ClusterKind::zeroes: return;
        case ClusterKind::compressed: {
            auto const place = geometry_.place_of(entry);
            if (entry.has<L2Entry::Copied>()) {
                corruption(fmt::format("compressed data at {:#x} is marked as one's own", place.offset));
            }
            // The last sectors that it names may lie behind the end of a file whose data ended before.
            u64 const end_of_file = file_clusters() << geometry_.cluster_bits;
            u64 const there =
                place.offset < end_of_file ? std::min(place.bytes, end_of_file - place.offset) : place.bytes;
            refer("compressed data", place.offset, there);
            return;
        }
        case ClusterKind::reserved_zeroes:
        case ClusterKind::data:
            if (entry.has<L2Entry::Zero>() && header_.version == 2) {
                corruption(fmt::format("a zero cluster at {:#x} in a version 2 image", entry.offset()));
            }
            refer_aligned("a cluster", entry.offset(), geometry_.cluster());
        }
    }

    /// The statistics, as qemu-img makes them: a cluster is fragmented if it does not follow the one before it.
    void count_entry(L2Entry entry) {
        auto const kind = entry.kind();
        if (kind == ClusterKind::compressed) {
            ++found_.compressed_clusters;
            ++found_.allocated_clusters;
            ++found_.fragmented_clusters;
        }
        if (kind != ClusterKind::data && kind != ClusterKind::reserved_zeroes) return;
        ++found_.allocated_clusters;
        if (next_in_row_ != 0 && entry.offset() != next_in_row_) ++found_.fragmented_clusters;
        next_in_row_ = entry.offset() + geometry_.cluster();
    }

    IoResult<void> walk_snapshots() {
        if (header_.snapshots == 0) return {};
        auto const table = read_snapshots(storage_, header_);
        if (!table && table.error().fault != Fault::bad_image) return std::unexpected(table.error());
        if (!table) {
            corruption("the snapshot table is damaged");
            return {};
        }
        for (auto const& snapshot : table->snapshots) {
            if (snapshot.l1_entries * entry_bytes > most_l1_bytes) {
                corruption(fmt::format("a snapshot's L1 table has {} entries", snapshot.l1_entries));
                continue;
            }
            TRY_VOID(walk_l1("a snapshot's L1 table", snapshot.l1_offset, snapshot.l1_entries, Table::snapshot));
        }
        refer_aligned("the snapshot table", header_.snapshots_offset, table->bytes);
        return {};
    }

    /// Directory -> table of each bitmap -> clusters. Source: docs/interop/qcow2.txt, "Bitmaps".
    IoResult<void> walk_bitmaps() {
        if (!header_.autoclear.has<Autoclear::Bitmaps>() || !header_.bitmaps) return {};
        auto const& directory = *header_.bitmaps;
        if (directory.bytes > most_directory_bytes || directory.count > most_bitmaps) {
            corruption("the bitmap directory is too long");
            return {};
        }
        if (!refer_aligned("the bitmap directory", directory.offset, directory.bytes)) return {};
        auto const entries = TRY(load(directory.offset, directory.bytes));
        for (u64 n = 0, position = 0; n < directory.count && position + 24 <= entries.size(); ++n) {
            u64 const table = load_be<u64>(entries, position);
            u64 const table_entries = load_be<u32>(entries, position + 8);
            u64 const bytes = 24 + u64{load_be<u16>(entries, position + 18)} + load_be<u32>(entries, position + 20);
            position += (bytes + 7) & ~u64{7};
            TRY_VOID(walk_bitmap(table, table_entries));
        }
        return {};
    }

    IoResult<void> walk_bitmap(u64 table, u64 entries) {
        if (entries * entry_bytes > most_directory_bytes) {
            corruption("a bitmap's table is too long");
            return {};
        }
        if (!refer_aligned("a bitmap's table", table, entries * entry_bytes)) return {};
        auto const clusters = TRY(load(table, entries * entry_bytes));
        for (u64 n = 0; n < entries; ++n) {
            u64 const offset = load_be<u64>(clusters, n * entry_bytes) & L2Entry::Offset::mask;
            if (offset != 0) refer_aligned("a bitmap's cluster", offset, geometry_.cluster());
        }
        return {};
    }

    // ---- the refcount structure

    IoResult<void> count_refcount_structure() {
        wanted_ = references_; // a structure built anew counts itself
        u64 const bytes = u64{header_.refcount_table_clusters} << geometry_.cluster_bits;
        if (!refer_aligned("the refcount table", header_.refcount_table_offset, bytes)) return {};
        auto const table = TRY(load(header_.refcount_table_offset, bytes));
        std::set<u64> seen;
        for (u64 n = 0; n < bytes / entry_bytes; ++n) {
            u64 const block = load_be<u64>(table, n * entry_bytes);
            if (block == 0) continue;
            if (!refer_aligned("a refcount block", block, geometry_.cluster())) {
                is_structure_bad_ = true;
                continue;
            }
            if (!seen.insert(block).second) {
                corruption(fmt::format("the refcount block at {:#x} is named twice", block));
                is_structure_bad_ = true;
                continue;
            }
            blocks_.push_back({n, block});
        }
        return {};
    }

    u64 stored_entry(std::span<u8 const> block, u64 index) const {
        u64 const bit = index << geometry_.refcount_order;
        switch (geometry_.refcount_order) {
        case 3: return block[index];
        case 4: return load_be<u16>(block, index * 2);
        case 5: return load_be<u32>(block, index * 4);
        case 6: return load_be<u64>(block, index * 8);
        default: return block[bit / 8] >> (bit % 8) & geometry_.most_references();
        }
    }

    IoResult<void> load_stored() {
        for (auto const& [index, offset] : blocks_) {
            auto const block = TRY(load(offset, geometry_.cluster()));
            u64 const first = index << geometry_.block_bits();
            for (u64 n = 0; n < geometry_.block_clusters(); ++n) {
                u64 const count = stored_entry(block, n);
                // Any more references than can be counted here are as wrong as that.
                if (count != 0) stored_.set(first + n, std::min<u64>(count, ~u32{0}));
            }
        }
        return {};
    }

    void compare(Repair repair) {
        bool const fixes_corruptions = repair == Repair::all;
        if (is_structure_bad_ && fixes_corruptions) must_rebuild_ = true;
        std::set<u64> chunks;
        for (u64 const start : references_.chunk_starts()) chunks.insert(start);
        for (u64 const start : stored_.chunk_starts()) chunks.insert(start);
        for (u64 const start : chunks) {
            for (u64 cluster = start; cluster < start + ClusterCounts::per_chunk; ++cluster) {
                compare_cluster(cluster, repair);
            }
        }
    }

    void compare_cluster(u64 cluster, Repair repair) {
        u64 const references = references_.get(cluster), stored = stored_.get(cluster);
        if (references == stored) return;
        // As in QEMU, counts of clusters that the file does not have are no leak.
        if (references == 0 && cluster >= file_clusters()) return;
        bool const is_leak = stored > references;
        bool const fixes = repair == Repair::all || (repair == Repair::leaks && is_leak);
        problem(fmt::format("{} cluster {} refcount={} reference={}",
                            fixes ? "Repairing" : (is_leak ? "Leaked" : "ERROR"), cluster, stored, references));
        if (fixes) {
            must_rebuild_ = true;
            ++(is_leak ? found_.leaks_fixed : found_.corruptions_fixed);
            return;
        }
        ++(is_leak ? found_.leaks : found_.corruptions);
        // A repair of leaks only leaves a count that is too low as it is.
        if (repair == Repair::leaks) wanted_.set(cluster, stored);
    }

    // ---- the flags "refcount is one" of the active tables

    IoResult<void> check_flags() {
        u64 const bytes = header_.l1_entries * entry_bytes;
        if (bytes == 0 || !geometry_.is_aligned(header_.l1_offset)) return {};
        auto l1 = TRY(load(header_.l1_offset, bytes));
        bool is_changed = false;
        for (u64 n = 0; n < header_.l1_entries; ++n) {
            L1Entry entry{{load_be<u64>(l1, n * entry_bytes)}};
            u64 const l2 = entry.offset();
            if (l2 == 0 || !geometry_.is_aligned(l2) || l2 >= storage_.size()) continue;
            if (u64 const mended = check_flag("L2 table", entry.raw, l2); mended != entry.raw) {
                store_be(l1, n * entry_bytes, mended);
                is_changed = true;
            }
            TRY_VOID(check_l2_flags(l2));
        }
        return is_changed ? storage_.write(header_.l1_offset, std::span<u8 const>{l1}) : IoResult<void>{};
    }

    IoResult<void> check_l2_flags(u64 offset) {
        auto entries = TRY(load(offset, geometry_.cluster()));
        bool is_changed = false;
        for (u64 n = 0; n < geometry_.l2_entries(); ++n) {
            L2Entry const entry{{load_be<u64>(entries, n * entry_bytes)}};
            auto const kind = entry.kind();
            if (kind != ClusterKind::data && kind != ClusterKind::reserved_zeroes) continue;
            if (!geometry_.is_aligned(entry.offset())) continue;
            u64 const mended = check_flag("data cluster", entry.raw, entry.offset());
            if (mended == entry.raw) continue;
            store_be(entries, n * entry_bytes, mended);
            is_changed = true;
        }
        return is_changed ? storage_.write(offset, std::span<u8 const>{entries}) : IoResult<void>{};
    }

    /// The entry as it should be, if flags are repaired.
    u64 check_flag(std::string_view what, u64 entry, u64 offset) {
        // With a repair of the counts, they will be what the references say.
        u64 const cluster = offset >> geometry_.cluster_bits;
        u64 const count = must_rebuild_ && repair_flags_ ? wanted_.get(cluster) : stored_.get(cluster);
        bool const is_own = (entry & L2Entry::Copied::mask) != 0;
        if (is_own == (count == 1)) return entry;
        problem(fmt::format("{} OFLAG_COPIED {}: entry={:x} refcount={}", repair_flags_ ? "Repairing" : "ERROR", what,
                            entry, count));
        ++(repair_flags_ ? found_.corruptions_fixed : found_.corruptions);
        return repair_flags_ ? entry ^ L2Entry::Copied::mask : entry;
    }

    struct Block {
        u64 index{}, offset{};
    };

    Storage& storage_;
    Header& header_;
    Geometry geometry_;
    CheckObserver const& observer_;
    CheckResult found_{};
    ClusterCounts references_, wanted_, stored_;
    std::vector<Block> blocks_;
    u64 end_of_use_{};
    u64 next_in_row_{};
    bool is_structure_bad_{}, must_rebuild_{}, repair_flags_{};
};

} // namespace

std::vector<u64> ClusterCounts::chunk_starts() const {
    std::vector<u64> starts;
    starts.reserve(chunks_.size());
    for (auto const& [index, counts] : chunks_) starts.push_back(index * per_chunk);
    return starts;
}

IoResult<CheckResult> check(Storage& storage, Header& header, Repair repair, CheckObserver const& observer) {
    return Checker{storage, header, observer}.run(repair);
}

} // namespace ring3::image::qcow2
