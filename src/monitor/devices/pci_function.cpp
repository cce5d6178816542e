#include "monitor/devices/pci_function.h"

namespace ring3 {

PciFunction::PciFunction(Identity identity) {
    define(0x00, identity.vendor, 2, 0);
    define(0x02, identity.device, 2, 0);
    define(0x08, identity.revision | identity.class_code << 8, 4, 0);
    define(0x0c, 0, 2, 0xffff); // cache line size, latency timer: kept, meaningless here
    define(0x0e, identity.multifunction ? 0x80 : 0, 1, 0);
}

u32 PciFunction::read_config(u8 offset, unsigned bytes) const {
    u32 value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= u32{config_[(offset + i) % 256]} << (8 * i);
    return value;
}

void PciFunction::write_config(u8 offset, u32 value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) {
        unsigned const at = (offset + i) % 256;
        u8 const mask = writable_[at];
        config_[at] = static_cast<u8>((config_[at] & ~mask) | ((value >> (8 * i)) & mask));
    }
    config_written(offset, bytes);
}

void PciFunction::define(u8 offset, u32 value, unsigned bytes, u32 writable) {
    for (unsigned i = 0; i < bytes; ++i) {
        config_[(offset + i) % 256] = static_cast<u8>(value >> (8 * i));
        writable_[(offset + i) % 256] = static_cast<u8>(writable >> (8 * i));
    }
}

} // namespace ring3
