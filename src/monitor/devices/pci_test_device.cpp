#include "monitor/devices/pci_test_device.h"

namespace ring3 {

namespace {
constexpr u32 test_at = 0, width_at = 1, target_at = 4, data_at = 8, writes_at = 12, name_at = 16;
constexpr u8 data = 0xfa;

constexpr u8 byte_of(u32 value, u32 number) {
    return static_cast<u8>(value >> (8 * number));
}
} // namespace

PciTestDevice::PciTestDevice()
    : PciFunction{
          {.vendor = 0x1b36, .device = 5, .class_code = 0x00'ff00, .subsystem_vendor = 0x1af4, .subsystem = 0x1100}} {
    define_memory_bar(0, memory_size, memory_);
    define_port_bar(1, port_count, ports_);
}

void PciTestDevice::reset() {
    PciFunction::reset();
    memory_.bar.chosen = ports_.bar.chosen = false;
}

u8 PciTestDevice::Bar::read(u32 offset) const {
    if (!chosen) return 0;
    if (offset == width_at) return 1;
    if (offset >= target_at && offset < data_at) return byte_of(target, offset - target_at);
    if (offset == data_at) return data;
    if (offset >= writes_at && offset < name_at) return byte_of(writes, offset - writes_at);
    u32 const letter = offset - name_at;
    return offset >= name_at && letter < name.size() ? static_cast<u8>(name[letter]) : 0;
}

void PciTestDevice::Bar::write(u32 offset, u8 value) {
    if (offset == test_at) {
        chosen = value == 0;
        writes = 0;
    } else if (chosen && offset == target && value == data) {
        ++writes;
    }
}

u64 PciTestDevice::Memory::read(u64 offset, unsigned bytes) {
    u64 value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= u64{bar.read(static_cast<u32>(offset + i))} << (8 * i);
    return value;
}

void PciTestDevice::Memory::write(u64 offset, u64 value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) bar.write(static_cast<u32>(offset + i), static_cast<u8>(value >> (8 * i)));
}

} // namespace ring3
