#include "monitor/translator/jump_space.h"

#include <algorithm>
#include <bit>

namespace ring3 {

Result<JumpSpace> JumpSpace::create(HostPc miss, HostPc underflow) {
    auto memory = TRY(host::GuardedMemory::create(bytes));
    return JumpSpace{std::move(memory), miss, underflow};
}

JumpSpace::JumpSpace(host::GuardedMemory memory, HostPc miss, HostPc underflow)
    : memory_{std::move(memory)}, miss_{miss}, underflow_{underflow} {
    clear();
}

std::span<HostPc> JumpSpace::table() const {
    void* const start = memory_.data() + return_bytes;
    return {static_cast<HostPc*>(start), targets};
}

u64 JumpSpace::table_address() const {
    return std::bit_cast<u64>(memory_.data()) + return_bytes;
}

void emit_table_index(Assembler& a, Mem const& mask) {
    a.rorx32(Host::r9, Host::r8, JumpSpace::mix);
    a.lea32(Host::r9, {.base = Host::r8, .index = Host::r9});
    a.pext32(Host::r9, Host::r9, mask);
}

bool JumpSpace::overflows_at(u64 address) const {
    u64 const start = std::bit_cast<u64>(memory_.data());
    return address < start && address >= start - page_size;
}

void JumpSpace::clear() {
    std::ranges::fill(table(), miss_);
    *(table().data() - 1) = underflow_;
    clear_returns();
    pages.clear();
    last_noted_ = {{~u64{0}}, {}};
    unverified = false;
}

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
