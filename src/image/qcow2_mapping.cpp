#include "image/qcow2_mapping.h"

#include "image/big_endian.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace ring3::image::qcow2 {

namespace {

constexpr u64 cache_bytes = u64{4} << 20; // entries of 32 GiB with 64 KiB clusters

} // namespace

L2Entry Mapping::View::operator[](u64 index) const {
    return bytes_.empty() ? L2Entry{} : L2Entry{{load_be<u64>(bytes_, index * entry_bytes)}};
}

Mapping::Mapping(Storage& storage, Header& header, Regions& regions, Refcounts& refcounts)
    : storage_{storage},
      header_{header},
      regions_{regions},
      refcounts_{refcounts},
      geometry_{header.geometry},
      tables_{storage, header.geometry, cache_bytes} {}

std::unexpected<IoError> Mapping::bad(std::string_view what) const {
    return io_failure(Fault::bad_image, fmt::format("{}: is damaged: {}", storage_.name(), what));
}

IoResult<bool> Mapping::load() {
    std::vector<u8> bytes(u64{header_.l1_entries} * entry_bytes);
    TRY_VOID(storage_.read(header_.l1_offset, std::span{bytes}));
    l1_.resize(header_.l1_entries);
    bool is_sound = true;
    for (u64 index = 0; index < l1_.size(); ++index) {
        l1_[index] = {{load_be<u64>(bytes, index * entry_bytes)}};
        u64 const table = l1_[index].offset();
        if (table == 0) continue;
        if (!check_table(index) || !regions_.add_cluster(table)) is_sound = false;
    }
    return is_sound;
}

IoResult<void> Mapping::check_table(u64 l1_index) const {
    u64 const table = l1_[l1_index].offset();
    if (geometry_.is_aligned(table) && table < storage_.size()) return {};
    return bad(fmt::format("L2 table {} is said to lie at {:#x}", l1_index, table));
}

u64 Mapping::entry_offset(u64 guest_offset) const {
    return l1_[geometry_.l1_index(guest_offset)].offset() + geometry_.l2_index(guest_offset) * entry_bytes;
}

IoResult<std::span<u8>> Mapping::slice(u64 offset) {
    if (!tables_.has_room_for(offset)) TRY_VOID(write_back());
    return tables_.get(offset);
}

IoResult<Mapping::View> Mapping::look(u64 guest_offset) {
    u64 const index = geometry_.l1_index(guest_offset);
    if (l1_[index].offset() == 0) return View{{}, geometry_.l2_entries() - geometry_.l2_index(guest_offset)};
    TRY_VOID(check_table(index));
    u64 const offset = entry_offset(guest_offset);
    auto const entries = TRY(slice(offset)).subspan(offset % tables_.slice_bytes());
    return View{entries, entries.size() / entry_bytes};
}

void Mapping::mark_l1(u64 index) {
    bool const is_clean = first_dirty_ == last_dirty_;
    first_dirty_ = is_clean ? index : std::min(first_dirty_, index);
    last_dirty_ = is_clean ? index + 1 : std::max(last_dirty_, index + 1);
}

/// A new table's bytes go to disk at once: nothing points to it yet, and all of its slices are valid from then on.
IoResult<void> Mapping::copy_table(u64 from, u64 to) {
    if (from == 0) return storage_.write_zeroes(to, geometry_.cluster(), Unmap::yes);
    TRY_VOID(write_back()); // the cache may hold newer slices
    std::vector<u8> bytes(geometry_.cluster());
    TRY_VOID(storage_.read(from, std::span{bytes}));
    return storage_.write(to, std::span<u8 const>{bytes});
}

IoResult<void> Mapping::prepare(u64 guest_offset) {
    u64 const index = geometry_.l1_index(guest_offset);
    L1Entry const old = l1_[index];
    if (old.has<L1Entry::Copied>() && old.offset() != 0) return check_table(index);
    if (old.offset() != 0) TRY_VOID(check_table(index));
    u64 const table = TRY(refcounts_.allocate(1)).offset;
    tables_.forget(table, geometry_.cluster());
    if (auto const copied = copy_table(old.offset(), table); !copied) {
        TRY_VOID(refcounts_.release(table, 1));
        return copied;
    }
    l1_[index] = L1Entry::own(table);
    mark_l1(index);
    regions_.add_cluster(table);
    if (old.offset() == 0) return {};
    // A snapshot keeps the old table.
    regions_.remove_cluster(old.offset());
    refcounts_.release_later(old.offset(), 1, Refcounts::Space::keep);
    return {};
}

IoResult<void> Mapping::set(u64 guest_offset, L2Entry entry) {
    u64 const offset = entry_offset(guest_offset);
    auto const entries = TRY(slice(offset));
    store_be(entries, offset % tables_.slice_bytes(), entry.raw);
    tables_.mark_dirty(offset);
    return {};
}

IoResult<void> Mapping::write_l1() {
    std::vector<u8> bytes((last_dirty_ - first_dirty_) * entry_bytes);
    for (u64 n = 0; n < last_dirty_ - first_dirty_; ++n) store_be(bytes, n * entry_bytes, l1_[first_dirty_ + n].raw);
    TRY_VOID(storage_.write(header_.l1_offset + first_dirty_ * entry_bytes, std::span<u8 const>{bytes}));
    first_dirty_ = last_dirty_ = 0;
    return {};
}

IoResult<void> Mapping::write_back() {
    TRY_VOID(refcounts_.write_back());
    if (tables_.is_dirty()) {
        TRY_VOID(storage_.sync());
        TRY_VOID(tables_.write_back());
    }
    if (first_dirty_ < last_dirty_) {
        TRY_VOID(storage_.sync());
        TRY_VOID(write_l1());
    }
    if (!refcounts_.has_releases()) return {};
    TRY_VOID(storage_.sync());
    return refcounts_.apply_releases();
}

IoResult<void> Mapping::grow(u64 l1_entries) {
    if (l1_entries <= l1_.size()) return {};
    if (l1_entries * entry_bytes > most_l1_bytes) {
        return io_failure(
            Fault::no_space,
            fmt::format("{}: its L1 table cannot grow so far; larger clusters are needed", storage_.name()));
    }
    TRY_VOID(write_back());
    return move_l1(l1_entries);
}

/// The table is written anew; then the header names its place and size, which stand side by side, in one write.
IoResult<void> Mapping::move_l1(u64 l1_entries) {
    u64 const clusters = geometry_.clusters_for(l1_entries * entry_bytes);
    u64 const place = TRY(refcounts_.allocate_exactly(clusters));
    std::vector<u8> bytes(clusters << geometry_.cluster_bits);
    for (u64 n = 0; n < l1_.size(); ++n) store_be(bytes, n * entry_bytes, l1_[n].raw);
    TRY_VOID(refcounts_.write_back());
    TRY_VOID(storage_.write(place, std::span<u8 const>{bytes}));
    TRY_VOID(storage_.sync());
    std::array<u8, 12> fields{};
    store_be(fields, 0, static_cast<u32>(l1_entries));
    store_be(fields, 4, place);
    TRY_VOID(storage_.write(at::l1_entries, std::span<u8 const>{fields}));
    TRY_VOID(storage_.sync());

    u64 const old_bytes = std::max<u64>(l1_.size() * entry_bytes, 1);
    u64 const old_place = header_.l1_offset;
    bool const had_table = header_.l1_entries != 0;
    header_.l1_offset = place;
    header_.l1_entries = static_cast<u32>(l1_entries);
    l1_.resize(l1_entries);
    regions_.add_range(place, bytes.size());
    if (!had_table) return {};
    regions_.remove_range(old_place);
    return refcounts_.release(old_place, geometry_.clusters_for(old_bytes));
}

} // namespace ring3::image::qcow2
