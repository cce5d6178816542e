#include "monitor/mmu/physical.h"

#include "base/assert.h"

#include <algorithm>
#include <cstring>

namespace ring3 {

namespace {

constexpr u64 granule = 64;

/// The granules that [address, address + size) touches; the range lies within one page.
u64 granules(GuestPhys address, u64 size) {
    if (size == 0) return 0;
    u64 const first = address.page_offset() / granule;
    u64 const last = (address.page_offset() + size - 1) / granule;
    return (~u64{0} >> (63 - (last - first))) << first;
}

u64 all_ones(unsigned bytes) {
    return ~u64{0} >> (64 - 8 * bytes);
}

/// Bytes of [address, ...) that lie on address's page, at most `size`.
u64 on_this_page(GuestPhys address, u64 size) {
    return std::min(size, page_size - address.page_offset());
}

} // namespace

PhysicalMemory::Page const* PhysicalMemory::find(GuestPhys address) const {
    bool const high = address.raw >= high_start;
    auto const& pages = high ? high_ : low_;
    u64 const index = (high ? address.raw - high_start : address.raw) / page_size;
    if (index < pages.size()) [[likely]]
        return &pages[index];
    u64 const number = address.page_number();
    for (Island const& island : islands_)
        if (number >= island.first && number - island.first < island.pages.size())
            return &island.pages[number - island.first];
    return nullptr;
}

/// The entries of pages that are going to be mapped. What continues RAM extends its table; what lies apart becomes an
/// island.
std::span<PhysicalMemory::Page> PhysicalMemory::make_room(u64 first, u64 count) {
    constexpr u64 high_page = high_start / page_size;
    bool const high = first >= high_page;
    auto& pages = high ? high_ : low_;
    u64 const index = high ? first - high_page : first;
    if (index <= pages.size()) {
        if (pages.size() < index + count) pages.resize(index + count);
        return std::span{pages}.subspan(index, count);
    }
    for (Island& island : islands_)
        if (first >= island.first && first + count <= island.first + island.pages.size())
            return std::span{island.pages}.subspan(first - island.first, count);
    bool const partly = std::ranges::any_of(islands_, [&](Island const& island) {
        return first < island.first + island.pages.size() && island.first < first + count;
    });
    ASSERT(!partly); // overlaps_memory() was to be asked
    islands_.push_back({first, std::vector<Page>(count)});
    return islands_.back().pages;
}

void PhysicalMemory::replace(Page& page, u64 number, Page with) {
    bool const had_code = page.code != 0;
    page = with;
    if (had_code && watcher_) watcher_->code_page_written({number * page_size});
}

void PhysicalMemory::map(GuestPhys start, std::span<u8> bytes, Kind kind) {
    ASSERT(start.page_offset() == 0 && bytes.size() % page_size == 0 && kind != Kind::mmio);
    ASSERT(start.raw >= high_start || start.raw + bytes.size() <= high_start);
    u64 const first = start.page_number();
    auto const pages = make_room(first, bytes.size() / page_size);
    for (u64 i = 0; i < pages.size(); ++i) replace(pages[i], first + i, {bytes.data() + i * page_size, 0, kind});
}

void PhysicalMemory::unmap(GuestPhys start, u64 size) {
    u64 const first = start.page_number();
    for (u64 i = 0; i < size / page_size; ++i)
        if (Page* page = find(start + i * page_size)) replace(*page, first + i, {});
    std::erase_if(islands_, [](Island const& island) {
        return std::ranges::none_of(island.pages, [](Page const& page) { return page.host != nullptr; });
    });
}

bool PhysicalMemory::overlaps_memory(GuestPhys start, u64 size) const {
    for (u64 offset = 0; offset < size; offset += page_size)
        if (page(start + offset)) return true;
    return false;
}

u8* PhysicalMemory::page(GuestPhys address) const {
    Page const* page = find(address);
    return page ? page->host : nullptr;
}

PhysicalMemory::Kind PhysicalMemory::kind(GuestPhys address) const {
    Page const* page = find(address);
    return page ? page->kind : Kind::mmio;
}

u64 PhysicalMemory::read(GuestPhys address, unsigned bytes) {
    u8 const* host = page(address);
    if (!host) return mmio_.mmio_read(address, bytes) & all_ones(bytes);
    u64 value = 0;
    std::memcpy(&value, host + address.page_offset(), bytes);
    return value;
}

void PhysicalMemory::write(GuestPhys address, u64 value, unsigned bytes) {
    Page* page = find(address);
    if (!page || page->kind != Kind::ram) return mmio_.mmio_write(address, value & all_ones(bytes), bytes);
    before_write(address, bytes);
    std::memcpy(page->host + address.page_offset(), &value, bytes);
}

void PhysicalMemory::read_bytes(GuestPhys address, std::span<u8> out) {
    while (!out.empty()) {
        auto const piece = out.first(on_this_page(address, out.size()));
        if (u8 const* host = page(address))
            std::memcpy(piece.data(), host + address.page_offset(), piece.size());
        else
            std::ranges::fill(piece, u8{0xff});
        address = address + piece.size();
        out = out.subspan(piece.size());
    }
}

void PhysicalMemory::write_bytes(GuestPhys address, std::span<u8 const> bytes) {
    while (!bytes.empty()) {
        auto const piece = bytes.first(on_this_page(address, bytes.size()));
        if (kind(address) == Kind::ram) {
            before_write(address, piece.size());
            std::memcpy(page(address) + address.page_offset(), piece.data(), piece.size());
        }
        address = address + piece.size();
        bytes = bytes.subspan(piece.size());
    }
}

bool PhysicalMemory::mark_code(GuestPhys address, unsigned size) {
    Page* page = find(address);
    if (!page || !page->host) return false;
    bool const first = page->code == 0;
    page->code |= granules(address, size);
    return first && size != 0;
}

bool PhysicalMemory::holds_code(GuestPhys address) const {
    Page const* page = find(address);
    return page && page->code != 0;
}

void PhysicalMemory::before_write(GuestPhys address, u64 size) {
    Page* page = find(address);
    if (!page || (page->code & granules(address, size)) == 0) [[likely]]
        return;
    page->code = 0;
    if (watcher_) watcher_->code_page_written(address.page());
}

} // namespace ring3
