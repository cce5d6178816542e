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

GuestTables::GuestTables(GuestCpu const& cpu, Mmu& mmu)
    : cpu_{cpu},
      memory_{mmu.memory()},
      address_mask_{mmu.a20() ? ~u64{0} : ~(u64{1} << 20)},
      physical_bits_{mmu.physical_bits()},
      pae_{cpu.cr4.has<Cr4::PAE>()} {
    if (!pae_) {
        directories_[0] = memory_.page({cpu.cr3.raw & bit_range(31, 12) & address_mask_});
        return;
    }
    for (u32 i = 0; i < directories_.size(); ++i) {
        E const pointer{{cpu.pdpte[i]}};
        if (pointer.has<E::P>()) directories_[i] = table(pointer);
    }
}

PageEntry GuestTables::directory_entry(u32 region) const {
    u8 const* const directory = directories_[pae_ ? region / 512 : 0];
    return directory ? entry(directory, region % region_pages()) : E{};
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
