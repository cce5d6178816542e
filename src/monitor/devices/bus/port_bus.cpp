#include "monitor/devices/bus/port_bus.h"

#include <algorithm>

namespace ring3 {

namespace {
constexpr u32 ones(unsigned bytes) {
    return bytes >= 4 ? ~u32{} : (u32{1} << (8 * bytes)) - 1;
}
} // namespace

u32 PortDevice::read_wide(u16 offset, unsigned bytes) {
    u32 value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= u32{read(static_cast<u16>(offset + i))} << (8 * i);
    return value;
}

void PortDevice::write_wide(u16 offset, u32 value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) write(static_cast<u16>(offset + i), static_cast<u8>(value >> (8 * i)));
}

bool PortBus::claim(PortRange range, PortDevice& device) {
    u32 const end = u32{range.first} + range.count;
    auto const overlaps = [&](Claim const& c) { return range.first < c.end && c.first < end; };
    if (range.count == 0 || end > 0x1'0000 || std::ranges::any_of(claims_, overlaps)) return false;
    claims_.insert(std::ranges::upper_bound(claims_, range.first, {}, &Claim::first), {&device, range.first, end});
    return true;
}

void PortBus::release(PortRange range) {
    u32 const end = u32{range.first} + range.count;
    std::erase_if(claims_, [&](Claim const& c) { return range.first <= c.first && c.end <= end; });
}

PortBus::Claim const* PortBus::find(u16 port) const {
    auto const after = std::ranges::upper_bound(claims_, port, {}, &Claim::first);
    if (after == claims_.begin()) return nullptr;
    Claim const& candidate = *std::prev(after);
    return port < candidate.end ? &candidate : nullptr;
}

u32 PortBus::read(u16 port, unsigned bytes) {
    if (Claim const* c = find(port)) {
        u16 const offset = static_cast<u16>(port - c->first);
        if (bytes == 1) return c->device->read(offset);
        if (u32{port} + bytes <= c->end) return c->device->read_wide(offset, bytes) & ones(bytes);
    } else if (bytes == 1) {
        if (listener_) listener_->unclaimed_read(port, bytes);
        return 0xff;
    }
    // Partly or not claimed: byte by byte, wrapping at the end of the port space.
    u32 value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= read(static_cast<u16>(port + i), 1) << (8 * i);
    return value;
}

void PortBus::write(u16 port, u32 value, unsigned bytes) {
    if (Claim const* c = find(port)) {
        u16 const offset = static_cast<u16>(port - c->first);
        if (bytes == 1) return c->device->write(offset, static_cast<u8>(value));
        if (u32{port} + bytes <= c->end) return c->device->write_wide(offset, value & ones(bytes), bytes);
    } else if (bytes == 1) {
        if (listener_) listener_->unclaimed_write(port, value & 0xff, bytes);
        return;
    }
    for (unsigned i = 0; i < bytes; ++i) write(static_cast<u16>(port + i), (value >> (8 * i)) & 0xff, 1);
}

} // namespace ring3
