#include "monitor/devices/virtio/virtio_pci.h"

#include <bit>

namespace ring3 {

namespace {

constexpr u16 vendor = 0x1af4, transitional_devices = 0x1000, modern_devices = 0x1040;
constexpr u8 vendor_capability = 0x09;
constexpr u8 common_part = 1, notify_part = 2, isr_part = 3, config_part = 4, back_door_part = 5; // cfg_type, 4.1.4

/// Transitional devices were numbered in the order in which they came up (4.1.2.1).
u16 transitional_id(VirtioType type) {
    switch (type) {
    case VirtioType::net: return transitional_devices + 0;
    case VirtioType::block: return transitional_devices + 1;
    case VirtioType::balloon: return transitional_devices + 2;
    case VirtioType::console: return transitional_devices + 3;
    case VirtioType::entropy: return transitional_devices + 5;
    case VirtioType::plan9: return transitional_devices + 9;
    }
    return transitional_devices;
}

/// An access falls apart into aligned dwords: `act(number, value, mask)`.
void in_dwords(u64 offset, u64 value, unsigned bytes, auto&& act) {
    for (unsigned done = 0; done < bytes;) {
        unsigned const within = (offset + done) % 4;
        unsigned const count = std::min(4 - within, bytes - done);
        u64 const mask = ((u64{1} << 8 * count) - 1) << 8 * within;
        act(static_cast<unsigned>((offset + done) / 4), static_cast<u32>((value >> 8 * done) << 8 * within & mask),
            static_cast<u32>(mask));
        done += count;
    }
}

} // namespace

PciFunction::Identity VirtioPci::identity_of(VirtioDescription const& description) {
    u16 const type = static_cast<u16>(description.type);
    Identity identity{.vendor = vendor, .device = static_cast<u16>(modern_devices + type)};
    identity.class_code = description.pci_class;
    identity.revision = 1;
    identity.subsystem_vendor = vendor;
    identity.subsystem = 0x1100;
    if (description.legacy) {
        identity.device = transitional_id(description.type);
        identity.revision = 0;
        identity.subsystem = type;
    }
    return identity;
}

VirtioPci::VirtioPci(VirtioDescription const& description, DmaMemory& memory, VirtioPort& port)
    : PciFunction{identity_of(description)}, transport_{description, memory, port, interrupt_} {
    if (description.legacy) {
        auto const bytes = static_cast<unsigned>(VirtioTransport::legacy_bytes + 4 + description.config.size());
        define_port_bar(port_bar, static_cast<u16>(std::bit_ceil(bytes)), ports_);
    }
    if (description.modern) {
        define_memory_bar(memory_bar, window_size, window_);
        add_capabilities();
    }
    define_interrupt_pin(1);
}

void VirtioPci::reset() {
    PciFunction::reset();
    transport_.reset();
}

// ---- capabilities (4.1.4)

void VirtioPci::add_capabilities() {
    auto const add = [this](u8 type, u8 length, Part part, u32 bytes) {
        u8 const at = add_capability(vendor_capability, length);
        auto const put = [&](unsigned offset, u32 value, unsigned width) {
            define(static_cast<u8>(at + offset), value, width, 0);
        };
        put(2, length, 1);
        put(3, type, 1);
        put(4, memory_bar, 1);
        put(8, static_cast<u32>(part) * part_size, 4);
        put(12, bytes, 4);
        return at;
    };
    back_door_ = add(back_door_part, 20, Part::common, 0);
    define(static_cast<u8>(back_door_ + 4), 0, 1, 0xff);
    for (unsigned const offset : {8u, 12u, 16u}) define(static_cast<u8>(back_door_ + offset), 0, 4, 0xffff'ffff);
    u8 const notify = add(notify_part, 20, Part::notify, part_size);
    define(static_cast<u8>(notify + 16), notify_stride, 4, 0);
    add(config_part, 16, Part::config, part_size);
    add(isr_part, 16, Part::isr, part_size);
    add(common_part, 16, Part::common, part_size);
}

/// Where the back door leads now; false: nowhere.
bool VirtioPci::reaches_back_door(u64& offset, unsigned& bytes) const {
    offset = dword(static_cast<u8>(back_door_ + 8));
    bytes = dword(static_cast<u8>(back_door_ + 12));
    bool const width = bytes == 1 || bytes == 2 || bytes == 4;
    return byte(static_cast<u8>(back_door_ + 4)) == memory_bar && width && offset % bytes == 0 && offset < window_size;
}

void VirtioPci::config_reading(u8 offset, unsigned) {
    u64 where = 0;
    unsigned bytes = 0;
    if (!is_back_door(offset) || !reaches_back_door(where, bytes)) return;
    set(static_cast<u8>(back_door_ + 16), static_cast<u32>(window_.read(where, bytes)), 4);
}

void VirtioPci::config_written(u8 offset, unsigned) {
    u64 where = 0;
    unsigned bytes = 0;
    if (!is_back_door(offset) || !reaches_back_door(where, bytes)) return;
    window_.write(where, dword(static_cast<u8>(back_door_ + 16)), bytes);
}

// ---- the legacy interface

u8 VirtioPci::LegacyPorts::read(u16 offset) {
    if (offset == VirtioTransport::legacy_isr) return transport_.take_isr();
    if (offset >= VirtioTransport::legacy_bytes) return transport_.read_config(offset - VirtioTransport::legacy_bytes);
    return static_cast<u8>(transport_.read_legacy(offset / 4u) >> 8 * (offset % 4));
}

void VirtioPci::LegacyPorts::write_wide(u16 offset, u32 value, unsigned bytes) {
    if (offset >= VirtioTransport::legacy_bytes)
        return transport_.write_config(offset - VirtioTransport::legacy_bytes, value, bytes);
    in_dwords(offset, value, bytes,
              [this](unsigned dword, u32 part, u32 mask) { transport_.write_legacy(dword, part, mask); });
}

// ---- the modern interface

u8 VirtioPci::ModernWindow::read_byte(Part part, u64 offset) {
    switch (part) {
    case Part::common:
        return static_cast<u8>(transport_.read_common(static_cast<unsigned>(offset / 4)) >> 8 * (offset % 4));
    case Part::isr: return offset == 0 ? transport_.take_isr() : u8{0};
    case Part::config: return transport_.read_config(offset);
    case Part::notify: return 0;
    }
    return 0;
}

u64 VirtioPci::ModernWindow::read(u64 offset, unsigned bytes) {
    u64 value = 0;
    for (unsigned i = 0; i < bytes; ++i)
        value |= u64{read_byte(static_cast<Part>((offset + i) / part_size), (offset + i) % part_size)} << 8 * i;
    return value;
}

void VirtioPci::ModernWindow::write(u64 offset, u64 value, unsigned bytes) {
    u64 const within = offset % part_size;
    switch (static_cast<Part>(offset / part_size)) {
    case Part::common:
        return in_dwords(within, value, bytes,
                         [this](unsigned dword, u32 part, u32 mask) { transport_.write_common(dword, part, mask); });
    case Part::isr: return;
    case Part::config: return transport_.write_config(within, value, bytes);
    case Part::notify: return transport_.notify(static_cast<u16>(value)); // every place takes the queue's number
    }
}

} // namespace ring3
