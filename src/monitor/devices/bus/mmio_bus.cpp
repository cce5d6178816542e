#include "monitor/devices/bus/mmio_bus.h"

#include <algorithm>

namespace ring3 {

namespace {
constexpr u64 ones(unsigned bytes) {
    return bytes >= 8 ? ~u64{} : (u64{1} << (8 * bytes)) - 1;
}
} // namespace

bool MmioBus::is_claimed(MmioRange range) const {
    u64 const first = range.first.raw;
    u64 const last = first + (range.size - 1);
    return range.size != 0 &&
           std::ranges::any_of(claims_, [&](Claim const& c) { return first <= c.last && c.first <= last; });
}

bool MmioBus::claim(MmioRange range, MmioDevice& device) {
    u64 const first = range.first.raw;
    u64 const last = first + (range.size - 1);
    if (range.size == 0 || last < first || is_claimed(range)) return false;
    claims_.insert(std::ranges::upper_bound(claims_, first, {}, &Claim::first), {&device, first, last});
    return true;
}

void MmioBus::release(MmioRange range) {
    if (range.size == 0) return;
    u64 const last = range.first.raw + (range.size - 1);
    std::erase_if(claims_, [&](Claim const& c) { return range.first.raw <= c.first && c.last <= last; });
}

MmioBus::Claim const* MmioBus::find(u64 address) const {
    auto const after = std::ranges::upper_bound(claims_, address, {}, &Claim::first);
    if (after == claims_.begin()) return nullptr;
    Claim const& candidate = *std::prev(after);
    return address <= candidate.last ? &candidate : nullptr;
}

u64 MmioBus::read(GuestPhys address, unsigned bytes) {
    Claim const* c = find(address.raw);
    if (c && bytes - 1 <= c->last - address.raw) return c->device->read(address.raw - c->first, bytes) & ones(bytes);
    if (bytes == 1) {
        if (listener_) listener_->unclaimed_mmio_read(address, bytes);
        return 0xff;
    }
    u64 value = 0; // across a range's end: byte by byte
    for (unsigned i = 0; i < bytes; ++i) value |= read(address + i, 1) << (8 * i);
    return value;
}

void MmioBus::write(GuestPhys address, u64 value, unsigned bytes) {
    Claim const* c = find(address.raw);
    if (c && bytes - 1 <= c->last - address.raw)
        return c->device->write(address.raw - c->first, value & ones(bytes), bytes);
    if (bytes == 1) {
        if (listener_) listener_->unclaimed_mmio_write(address, value & 0xff, bytes);
        return;
    }
    for (unsigned i = 0; i < bytes; ++i) write(address + i, (value >> (8 * i)) & 0xff, 1);
}

} // namespace ring3
