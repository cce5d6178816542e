#include "monitor/devices/test_device.h"

namespace ring3 {

u64 TestDevice::Memory::read(u64 offset, unsigned count) {
    u64 value = 0;
    for (unsigned i = 0; i < count; ++i) value |= u64{bytes[(offset + i) % bytes.size()]} << (8 * i);
    return value;
}

void TestDevice::Memory::write(u64 offset, u64 value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) bytes[(offset + i) % bytes.size()] = static_cast<u8>(value >> (8 * i));
}

} // namespace ring3
