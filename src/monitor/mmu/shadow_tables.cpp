#include "monitor/mmu/shadow_tables.h"

#include <cstring>

namespace ring3 {

namespace {

using E = PageEntry;

constexpr u64 accessed_and_dirty = mask_of<E::A, E::D>();
constexpr u64 for_software = bit_range(11, 9);
constexpr u64 cache_control = bit_range(4, 3); // PWT, PCD: guest memory is ordinary memory

PageEntry read_entry(u8 const* at, u32 bytes) {
    PageEntry entry{};
    std::memcpy(&entry.raw, at, bytes);
    return entry;
}

bool cleared_or_changed(E before, E now, u64 ignored, u64 may_be_set) {
    u64 const changed = (before.raw ^ now.raw) & ~ignored;
    return (changed & (before.raw | ~may_be_set)) != 0;
}

} // namespace

PageEntry GuestTables::directory_entry(u32 region) const {
    u64 directory = cpu_.cr3.raw & Cr3::Directory::mask;
    u32 index = region;
    if (pae_) {
        E const pointer{{cpu_.pdpte[region / 512 % 4]}};
        if (!pointer.has<E::P>()) return {};
        directory = pointer.raw & bit_range(51, 12);
        index = region % 512;
    }
    u8 const* const host = memory_.page({directory & address_mask_});
    return host ? read_entry(host + index * entry_bytes(), entry_bytes()) : E{};
}

bool GuestTables::is_large(PageEntry directory) const {
    return directory.has<E::PS>() && (pae_ || cpu_.cr4.has<Cr4::PSE>());
}

u8 const* GuestTables::table(PageEntry directory) const {
    return memory_.page({frame(directory)});
}

PageEntry GuestTables::entry(u8 const* table, u32 index) const {
    return read_entry(table + index * entry_bytes(), entry_bytes());
}

bool GuestTables::reserved(PageEntry entry, bool large) const {
    if (!pae_) return TwoLevelPaging::reserved(entry, large, physical_bits_) != 0;
    bool const execute_disable = cpu_.efer.has<Efer::NXE>();
    return PaePaging::reserved(entry, large, physical_bits_) != 0 || (!execute_disable && entry.has<E::XD>());
}

std::optional<GuestPage> GuestTables::page(PageEntry directory, PageEntry entry) const {
    constexpr u64 needed = mask_of<E::P, E::A>();
    if ((directory.raw & entry.raw & needed) != needed || reserved(directory, false) || reserved(entry, false))
        return std::nullopt;
    u64 const both = directory.raw & entry.raw;
    return GuestPage{
        {frame(entry)}, (both & E::US::mask) != 0, (both & E::RW::mask) != 0, entry.has<E::D>(), entry.has<E::G>()};
}

std::optional<GuestPage> GuestTables::piece(PageEntry directory, u32 index) const {
    constexpr u64 needed = mask_of<E::P, E::A>();
    if ((directory.raw & needed) != needed || reserved(directory, true)) return std::nullopt;
    u64 const base = pae_ ? PaePaging::large_frame(directory) : TwoLevelPaging::large_frame(directory);
    return GuestPage{{(base + index * page_size) & address_mask_},
                     directory.has<E::US>(),
                     directory.has<E::RW>(),
                     directory.has<E::D>(),
                     directory.has<E::G>()};
}

bool GuestTables::differs(PageEntry before, PageEntry now) {
    return cleared_or_changed(before, now, for_software | cache_control, accessed_and_dirty);
}

bool GuestTables::table_differs(PageEntry before, PageEntry now) {
    return cleared_or_changed(before, now, for_software | cache_control | E::D::mask | E::G::mask, E::A::mask);
}

} // namespace ring3
