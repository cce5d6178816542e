#include "monitor/checker/checker.h"

#include "monitor/checker/piece_check.h"

#include <algorithm>

namespace ring3 {

CodeChecker::CodeChecker(CheckerRules rules, u64 cache_start, std::size_t cache_bytes)
    : rules_{std::move(rules)}, start_{cache_start}, marks_(cache_bytes / chunk_size + 1) {}

CodeChecker::~CodeChecker() = default;

std::expected<void, CheckError> CodeChecker::check(CodePiece const& piece) {
    PieceCheck pass{*this, piece};
    if (auto const done = pass.run(); !done) return done;
    for (u32 const offset : piece.entries) mark(piece.start + offset, piece.window ? window_entry : entry);
    for (u32 const offset : piece.landings) mark(piece.start + offset, piece.window ? window_landing : landing);
    for (u32 const offset : pass.fields()) mark(piece.start + offset, piece.window ? window_field : field);
    return {};
}

void CodeChecker::mark(u64 address, Mark kind) {
    u64 const place = address - start_;
    auto& chunk = marks_.at(place / chunk_size);
    if (!chunk) chunk = std::make_unique<Chunk>();
    (*chunk)[place % chunk_size] |= kind;
}

bool CodeChecker::marked(u64 address, unsigned kinds) const {
    u64 const place = address - start_;
    if (place / chunk_size >= marks_.size()) return false;
    auto const& chunk = marks_[place / chunk_size];
    return chunk && ((*chunk)[place % chunk_size] & kinds) != 0;
}

bool CodeChecker::is_entry(u64 address, bool window) const {
    return marked(address, window ? window_entry : entry);
}

KnownThunk const* CodeChecker::thunk_at(u64 address) const {
    auto const found = std::ranges::find(thunks_, address, &KnownThunk::address);
    return found == thunks_.end() ? nullptr : &*found;
}

bool CodeChecker::leads_right(u64 target, bool window) const {
    KnownThunk const* const thunk = thunk_at(target);
    return is_entry(target, window) || (thunk && !thunk->called);
}

bool CodeChecker::may_link(u64 at, u64 target) const {
    if (marked(at, field)) return leads_right(target, false);
    return marked(at, window_field) && leads_right(target, true);
}

bool CodeChecker::may_cover(u64 at, u64 target) const {
    if (marked(at, landing)) return leads_right(target, false);
    return marked(at, window_landing) && leads_right(target, true);
}

void CodeChecker::forget_all() {
    for (auto& chunk : marks_) chunk.reset();
}

} // namespace ring3
