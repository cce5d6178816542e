#include "monitor/mmu/shadow_view.h"

#include "base/assert.h"

#include <algorithm>

namespace ring3 {

namespace {

/// Pages of a mapping that are filled at once. Behind a larger one the host fills page by page as it is used: a guest's
/// kernel maps all of RAM with a few large pages, and RAM that nobody touched should cost nothing.
constexpr u32 max_filled = 64;

} // namespace

u32 ShadowView::count_borders(u32 first, u32 end) const {
    u32 borders = 0;
    u32 const from = std::max(first, 1u), to = std::min(end, page_count - 1);
    ShadowCell before = cell(from - 1);
    for (u32 page = from; page <= to;) {
        Leaf const* const leaf = leaves_[page / leaf_pages].get();
        for (u32 const stop = std::min(to + 1, (page / leaf_pages + 1) * leaf_pages); page < stop; ++page) {
            ShadowCell const here = leaf ? (*leaf)[page % leaf_pages] : ShadowCell{};
            borders += here != before.after(1);
            before = here;
        }
    }
    return borders;
}

void ShadowView::record(u32 page, ShadowCell first, u32 count) {
    borders_ -= count_borders(page, page + count);
    for (u32 i = 0; i < count; ++i) {
        auto& leaf = leaves_[(page + i) / leaf_pages];
        if (!leaf) {
            if (!first.mapped()) continue;
            leaf = std::make_unique<Leaf>();
        }
        ShadowCell& here = (*leaf)[(page + i) % leaf_pages];
        mapped_pages_ += u32{first.mapped()} - u32{here.mapped()};
        here = first.after(i);
    }
    borders_ += count_borders(page, page + count);
}

bool ShadowView::map(u32 page, ShadowCell first, u32 count) {
    ASSERT(first.mapped() && count != 0 && page < page_count && count <= page_count - page);
    auto const fill = count <= max_filled ? host::WindowFill::now : host::WindowFill::when_used;
    bool const done = window_.map(u32(page * page_size), first.ram_page() * page_size, count, first.access(), fill);
    record(page, done ? first : ShadowCell{}, count);
    return done;
}

void ShadowView::unmap(u32 page, u32 count) {
    window_.unmap(u32(page * page_size), count);
    record(page, {}, count);
}

void ShadowView::clear() {
    if (mapped_pages_ == 0) return;
    window_.clear();
    for (auto& leaf : leaves_) leaf.reset();
    mapped_pages_ = borders_ = 0;
}

u32 ShadowView::find(ShadowCell cell, u32 from) const {
    for (u32 page = from; page < page_count;) {
        u32 const next = (page / leaf_pages + 1) * leaf_pages;
        if (auto const& leaf = leaves_[page / leaf_pages]) {
            auto const found = std::find(leaf->begin() + page % leaf_pages, leaf->end(), cell);
            if (found != leaf->end()) return u32(next - leaf_pages + u32(found - leaf->begin()));
        }
        page = next;
    }
    return page_count;
}

} // namespace ring3
