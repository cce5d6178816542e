#include "monitor/translator/jump_space.h"

#include "base/assert.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace ring3 {

Result<JumpSpace> JumpSpace::create(HostPc miss, HostPc underflow) {
    auto returns = TRY(host::GuardedMemory::create(return_bytes));
    auto table = TRY(host::SparseMemory::create(table_bytes));
    return JumpSpace{std::move(returns), std::move(table), miss, underflow};
}

JumpSpace::JumpSpace(host::GuardedMemory returns, host::SparseMemory table, HostPc miss, HostPc underflow)
    : returns_{std::move(returns)}, table_{std::move(table)}, miss_{miss}, underflow_{underflow} {
    clear();
}

// ---- targets ------------------------------------------------------------------------------------------------------

JumpSpace::Place& JumpSpace::place(u32 eip) const {
    void* const start = table_.data();
    return static_cast<Place*>(start)[eip];
}

u64 JumpSpace::table_address() const {
    return std::bit_cast<u64>(table_.data());
}

void emit_table_look_up(Assembler& a, HostPc miss) {
    ASSERT(miss <= u64{std::numeric_limits<i32>::max()});
    a.load32(Host::r9, {.base = Host::r13, .index = Host::r8, .scale = 2});
    a.lea(Host::r9, {.base = Host::r9, .disp = static_cast<i32>(miss)});
}

void JumpSpace::set(u32 eip, HostPc entry) {
    ASSERT(entry > miss_ && entry - miss_ <= std::numeric_limits<Place>::max());
    Place& here = place(eip);
    if (here == 0) known_.push_back(eip);
    here = static_cast<Place>(entry - miss_);
    note_part(eip);
}

void JumpSpace::remove(u32 eip, HostPc entry) {
    if (get(eip) == entry) place(eip) = 0;
}

void JumpSpace::note_miss(u32 eip) {
    // A page of the host's page tables covers 512 parts: what reading them costs is bounded like what writing them does.
    constexpr u32 covered = 512;
    note_part(eip - eip % (part_size * covered));
}

void JumpSpace::note_part(u32 eip) {
    parts_.insert(eip / part_size);
    if (too_large()) unverified = true;
}

void JumpSpace::clear() {
    ++generation_;
    if (parts_.size() > kept_parts) {
        table_.reset();
        parts_.clear();
    } else {
        for (u32 const eip : known_) place(eip) = 0;
    }
    known_.clear();
    void* const top = returns_.data() + return_bytes - sizeof(HostPc);
    *static_cast<HostPc*>(top) = underflow_;
    clear_returns();
    pages.clear();
    last_noted_ = {{~u64{0}}, {}};
    unverified = false;
}

// ---- returns ------------------------------------------------------------------------------------------------------

u64 JumpSpace::return_top() const {
    return std::bit_cast<u64>(returns_.data()) + return_bytes - sizeof(HostPc);
}

bool JumpSpace::overflows_at(u64 address) const {
    u64 const start = std::bit_cast<u64>(returns_.data());
    return address < start && address >= start - page_size;
}

// ---- pages --------------------------------------------------------------------------------------------------------

void JumpSpace::note_page(Linear linear, GuestPhys physical) {
    Page const page{linear.page(), physical.page()};
    if (page == last_noted_) return;
    last_noted_ = page;
    // A page may be noted at two places: until it is flushed, either of them is right.
    auto const place = std::ranges::lower_bound(pages, page);
    if (place == pages.end() || *place != page) pages.insert(place, page);
    if (pages.size() >= most_pages) unverified = true;
}

bool JumpSpace::leads_into(Linear first, u64 size) const {
    auto const place = std::ranges::lower_bound(pages, first, {}, &Page::linear);
    return place != pages.end() && place->linear < first + size;
}

} // namespace ring3
