#include "monitor/dispatcher/decode_cache.h"

#include <algorithm>
#include <array>

namespace ring3 {

namespace {

Outcome invalid_opcode(Vcpu&, insn::Insn const&) {
    return Outcome::fault(Vector::ud);
}
Outcome too_long(Vcpu&, insn::Insn const&) {
    return Outcome::fault(Vector::gp, 0);
}

bool ends_block(insn::Insn const& insn) {
    return insn.def == nullptr || insn.def->ends != insn::Ends::no;
}

} // namespace

DecodeCache::DecodeCache(Mmu& mmu, CpuModel const& model)
    : mmu_{mmu},
      model_{model},
      table_(std::size_t{1} << table_bits),
      insns_{std::make_unique<insn::Insn[]>(arena_instructions)},
      handlers_{std::make_unique<Handler[]>(arena_instructions)} {
    flush();
    counters_ = {};
}

DecodeCache::~DecodeCache() = default;

void DecodeCache::flush() {
    ++counters_.flushes;
    used_ = 0;
    for (Set& set : table_) set.fill({.key = {~u64{0}}});
}

void DecodeCache::ensure_generation(GuestPhys address) {
    if (generations_.size() <= address.page_number()) generations_.resize(address.page_number() + 1);
}

void DecodeCache::code_page_written(GuestPhys page) {
    ++counters_.invalidated_pages;
    ensure_generation(page);
    ++generations_[page.page_number()];
}

/// From now on writes to these bytes are seen.
void DecodeCache::watch(GuestPhys address, unsigned size) {
    ensure_generation(address);
    if (mmu_.memory().mark_code(address, size)) mmu_.flush_writes_to(address);
}

bool DecodeCache::decode_one(std::span<u8 const> bytes, DecodeMode mode, insn::Insn& insn, Handler& handler) const {
    auto const status = insn::decode(bytes, mode.default_size(), mode.protected_, insn);
    if (status == insn::DecodeStatus::truncated) return false;
    if (status == insn::DecodeStatus::ok) {
        handler = pick_handler(insn, model_);
        return true;
    }
    // What cannot be decoded is an instruction too: one that only faults. It may depend on every byte it could have.
    handler = status == insn::DecodeStatus::too_long ? too_long : invalid_opcode;
    insn = {};
    insn.length = static_cast<u8>(std::min(bytes.size(), std::size_t{insn::max_length}));
    return true;
}

Block const* DecodeCache::insert(BlockKey key, DecodeMode mode, Source const& source) {
    if (used_ + most_instructions > arena_instructions) flush();
    Block block{.key = key, .insns = &insns_[used_], .handlers = &handlers_[used_]};
    std::size_t offset = 0;
    while (block.count < most_instructions && offset < source.head.size()) {
        insn::Insn& insn = insns_[used_ + block.count];
        if (!decode_one(source.head.subspan(offset), mode, insn, handlers_[used_ + block.count])) break;
        offset += insn.length;
        ++block.count;
        if (ends_block(insn)) break;
    }
    if (block.count == 0) { // the first instruction crosses into the next page
        insn::JoinedBytes const bytes{source.head, source.tail};
        if (!decode_one(bytes.all(), mode, insns_[used_], handlers_[used_])) return nullptr;
        block.count = 1;
        offset = insns_[used_].length;
        block.tail = source.tail_start;
    }
    block.bytes = static_cast<u16>(offset);
    counters_.instructions += block.count;
    ++counters_.blocks;

    auto const in_head = static_cast<unsigned>(std::min(offset, source.head.size()));
    watch(source.start, in_head);
    block.generation = generation(source.start);
    if (block.has_tail()) {
        watch(block.tail, static_cast<unsigned>(offset) - in_head);
        block.tail_generation = generation(block.tail);
    }
    used_ += block.count;
    Set& set = table_[set_of(key)];
    set[1] = set[0];
    set[0] = block;
    return &set[0];
}

} // namespace ring3
