// ShadowView: one window with the record of what it maps: a shadow page table as data (D3).
//
// The host's kernel holds the real table and does not tell what is in it, so every page has a cell here: which page of
// RAM it shows and whether it may be written. The record also knows how many mappings the host counts for this window:
// neighbours that continue each other in RAM with the same rights are one mapping, and so is each gap between them.
#pragma once

#include "host/window.h"

#include <array>
#include <memory>

namespace ring3 {

/// One page of a window: inaccessible, or a page of RAM.
struct ShadowCell {
    u32 raw{};

    static ShadowCell of(u64 ram_page, host::WindowAccess access) {
        return {u32(ram_page << 2) | (access == host::WindowAccess::read_write ? 3u : 1u)};
    }
    bool mapped() const { return raw != 0; }
    bool writable() const { return (raw & 2) != 0; }
    host::WindowAccess access() const { return writable() ? host::WindowAccess::read_write : host::WindowAccess::read; }
    u32 ram_page() const { return raw >> 2; }
    ShadowCell read_only() const { return {raw & ~2u}; }
    /// The cell `count` pages on, if one mapping holds both.
    ShadowCell after(u32 count) const { return mapped() ? ShadowCell{raw + 4 * count} : *this; }
    friend bool operator==(ShadowCell, ShadowCell) = default;
};

class ShadowView {
public:
    static constexpr u32 page_count = 1u << 20;

    explicit ShadowView(host::Window window) : window_{std::move(window)} {}

    u64 base() const { return window_.base(); }
    /// What linear page `page` shows.
    ShadowCell cell(u32 page) const {
        auto const& leaf = leaves_[page / leaf_pages];
        return leaf ? (*leaf)[page % leaf_pages] : ShadowCell{};
    }
    /// Makes `count` pages from `page` on show what begins with `first`. False: the host refused, and nothing is mapped.
    bool map(u32 page, ShadowCell first, u32 count);
    void unmap(u32 page, u32 count);
    void clear();

    u32 mapped_pages() const { return mapped_pages_; }
    /// As the host counts them, gaps included.
    u32 host_mappings() const { return borders_ + 1; }
    /// The first page at or behind `from` that shows exactly this; page_count if none does.
    u32 find(ShadowCell cell, u32 from) const;

private:
    static constexpr u32 leaf_pages = 1024;
    using Leaf = std::array<ShadowCell, leaf_pages>;

    /// Pages in [first, end] that begin a mapping or a gap.
    u32 count_borders(u32 first, u32 end) const;
    void record(u32 page, ShadowCell first, u32 count);

    host::Window window_;
    std::array<std::unique_ptr<Leaf>, page_count / leaf_pages> leaves_{};
    u32 mapped_pages_{};
    u32 borders_{};
};

} // namespace ring3
