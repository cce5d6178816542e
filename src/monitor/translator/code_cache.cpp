#include "monitor/translator/code_cache.h"

#include "base/assert.h"
#include "monitor/translator/emitted_check.h"

#include <algorithm>
#include <bit>

namespace ring3 {

Point const& CodeBlock::point_at(HostPc pc) const {
    auto const offset = static_cast<u32>(pc - start);
    auto const after = std::ranges::upper_bound(points, offset, {}, &Point::host);
    ASSERT(!points.empty());
    return after == points.begin() ? points.front() : *(after - 1);
}

CodeCache::CodeCache(host::NativeArena arena)
    : arena_{std::move(arena)},
      executable_{std::bit_cast<u64>(arena_.executable())},
      size_{arena_.writable().size()},
      table_(table_size) {}

Result<std::unique_ptr<CodeCache>> CodeCache::create(std::size_t bytes) {
    auto arena = TRY(host::NativeArena::create(bytes, host::NativeArena::Place::below_2_gib));
    return std::unique_ptr<CodeCache>{new CodeCache{std::move(arena)}};
}

// ---- looking up -------------------------------------------------------------------------------------------------

Entry* CodeCache::find(CodeKey const& key) {
    for (u64 slot = key.hash();; ++slot) {
        Entry& entry = table_[slot % table_size];
        if (!entry.block) return nullptr;
        if (entry.host != 0 && entry.key == key) return &entry;
    }
}

void CodeCache::add_entry(CodeKey const& key, HostPc host, HostPc loaded, CodeBlock* block) {
    ASSERT(entry_count_ < table_size - 1);
    Entry* place = nullptr;
    u64 slot = key.hash();
    for (; table_[slot % table_size].block; ++slot) {
        Entry& taken = table_[slot % table_size];
        if (taken.host != 0 && taken.key == key) return; // the older way in stays
        // A dead entry's place is used again: code that is rewritten often would make the way to its entries ever longer.
        if (taken.host == 0 && !place) place = &taken;
    }
    if (!place) {
        place = &table_[slot % table_size];
        ++entry_count_;
    }
    *place = {key, host, loaded, block, false};
}

CodeBlock const* CodeCache::block_at(HostPc pc) const {
    auto const after = std::ranges::upper_bound(blocks_, pc, {}, [](auto const& block) { return block->start; });
    if (after == blocks_.begin()) return nullptr;
    CodeBlock const& block = **(after - 1);
    return pc < block.start + block.size ? &block : nullptr;
}

std::span<u8 const> CodeCache::bytes(HostPc from, u32 size) const {
    return {arena_.executable() + (from - executable_), size};
}

// ---- placing ----------------------------------------------------------------------------------------------------

Assembler CodeCache::begin() {
    used_ = (used_ + 15) & ~std::size_t{15};
    auto const room = arena_.writable().subspan(used_, std::min(largest_block, size_ - used_));
    return {room, executable_ + used_};
}

CodeBlock* CodeCache::commit(CodeBlock block, u32 size, std::span<u32 const> ways_in) {
    block.size = size;
    block.alive = true;
    point_count_ += block.points.size();
    if (check_) check_->block(block, bytes(block.start, size), ways_in);
    used_ += size;
    blocks_.push_back(std::make_unique<CodeBlock>(std::move(block)));
    CodeBlock* const placed = blocks_.back().get();
    pages_[placed->key.where.page_number()].push_back(placed);
    if (placed->tail.raw != 0) pages_[placed->tail.page_number()].push_back(placed);
    return placed;
}

HostPc CodeCache::commit_stub(Assembler const& stub) {
    HostPc const start = executable_ + used_;
    used_ += stub.offset();
    return start;
}

void CodeCache::flush() {
    used_ = prefix_;
    std::ranges::fill(table_, Entry{});
    entry_count_ = point_count_ = 0;
    blocks_.clear();
    pages_.clear();
    if (check_) check_->flush();
}

// ---- links ------------------------------------------------------------------------------------------------------

void CodeCache::write_relative(HostPc field, HostPc target) {
    if (check_) check_->link(field, target);
    put_relative(field, target);
}

void CodeCache::put_relative(HostPc field, HostPc target) {
    auto const distance = static_cast<u32>(target - (field + 4));
    std::memcpy(writable(field), &distance, sizeof distance);
}

void CodeCache::write_jump(HostPc at, HostPc target) {
    ++unlinks_;
    if (check_) check_->cover(at, target);
    *writable(at) = 0xe9;
    put_relative(at + 1, target);
}

unsigned CodeCache::drop_page(GuestPhys page, HostPc miss, std::function<void(Entry const&)> const& ending) {
    auto const found = pages_.find(page.page_number());
    if (found == pages_.end()) return 0;
    unsigned dropped = 0;
    for (CodeBlock* block : found->second) {
        if (!block->alive) continue;
        ++dropped;
        block->alive = false;
        for (u32 const site : block->return_sites) write_jump(block->start + site, miss);
        for (Point const& point : block->points) {
            u64 const distance = (Linear{point.eip} - block->key.eip) & 0xffff'ffff;
            GuestPhys const where{(block->key.where.page().raw) | ((block->key.where.raw + distance) & page_mask)};
            Entry* const entry = find({where, {point.eip}, block->key.mode});
            if (!entry || entry->block != block) continue;
            ending(*entry);
            end_entry(*entry);
        }
    }
    pages_.erase(found);
    return dropped;
}

} // namespace ring3
