#include "monitor/devices/pci_function.h"

#include "base/assert.h"

#include <bit>
#include <utility>

namespace ring3 {

namespace {
constexpr u32 port_bar = 1;                    // bit 0 of a BAR (6.2.5.1)
constexpr u32 memory_64 = 4, prefetchable = 8; // bits 2..1 and 3
constexpr u32 rom_enable = 1;                  // bit 0 of the expansion ROM's register (6.2.5.2)
constexpr u16 has_capabilities = 0x10, interrupt_status = 0x08;
constexpr u16 command_writable = 0x0547; // ports, memory, bus master, parity, SERR#, interrupt disable
} // namespace

PciFunction::PciFunction(Identity identity) {
    define(0x00, identity.vendor, 2, 0);
    define(0x02, identity.device, 2, 0);
    define(command, 0, 2, command_writable);
    define(0x08, identity.revision | identity.class_code << 8, 4, 0);
    define(0x0c, 0, 2, 0xffff); // cache line size, latency timer: kept, meaningless here
    define(0x0e, identity.multifunction ? 0x80 : 0, 1, 0);
    define(0x2c, identity.subsystem_vendor, 2, 0);
    define(0x2e, identity.subsystem, 2, 0);
    define(interrupt_line, 0, 1, 0xff);
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
    drive_intx();
    config_written(offset, bytes);
}

void PciFunction::define(u8 offset, u32 value, unsigned bytes, u32 writable) {
    set(offset, value, bytes);
    for (unsigned i = 0; i < bytes; ++i) writable_[(offset + i) % 256] = static_cast<u8>(writable >> (8 * i));
}

void PciFunction::set(u8 offset, u32 value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) config_[(offset + i) % 256] = static_cast<u8>(value >> (8 * i));
}

void PciFunction::plug_into(PciSpaces& spaces, PciInterrupts& interrupts, Place where) {
    spaces_ = &spaces;
    interrupts_ = &interrupts;
    place_ = where;
    map_windows();
    drive_intx();
}

void PciFunction::reset() {
    set(command, word(command) & ~command_writable, 2);
    for (unsigned i = 0; i < windows_.size(); ++i) {
        if (windows_[i].decodes == Decodes::nothing) continue;
        u8 const at = register_of(i);
        u32 const type = i == rom_bar ? 0 : dword(at) & (windows_[i].decodes == Decodes::ports ? 0x3 : 0xf);
        set(at, type, 4);
        if (windows_[i].width == Width::bits64) set(static_cast<u8>(at + 4), 0, 4);
    }
    map_windows();
    set_intx(false);
}

// ---- windows ------------------------------------------------------------------------------------------------------

void PciFunction::define_window(unsigned number, Window const& window, u32 type_bits) {
    ASSERT(number <= rom_bar && std::has_single_bit(window.size) && windows_[number].decodes == Decodes::nothing);
    ASSERT(window.width == Width::bits32 || number + 1 < bar_count);
    windows_[number] = window;
    u64 const address_bits = ~(window.size - 1);
    u8 const at = register_of(number);
    define(at, type_bits, 4, static_cast<u32>(address_bits) | (number == rom_bar ? rom_enable : 0));
    if (window.width == Width::bits64) define(static_cast<u8>(at + 4), 0, 4, static_cast<u32>(address_bits >> 32));
}

void PciFunction::define_port_bar(unsigned number, u16 size, PortDevice& device) {
    ASSERT(size >= 4 && size <= 256);
    define_window(number, {.decodes = Decodes::ports, .size = size, .ports = &device}, port_bar);
}

void PciFunction::define_memory_bar(unsigned number, u64 size, MmioDevice& device, Width width, Prefetch prefetch) {
    ASSERT(size >= 16);
    u32 const type = (width == Width::bits64 ? memory_64 : 0) | (prefetch == Prefetch::yes ? prefetchable : 0);
    Window const window{
        .decodes = Decodes::registers, .width = width, .prefetch = prefetch, .size = size, .registers = &device};
    define_window(number, window, type);
}

void PciFunction::define_memory_bar(unsigned number, std::span<u8> bytes) {
    ASSERT(bytes.size() >= page_size);
    define_window(number, {.decodes = Decodes::bytes, .prefetch = Prefetch::yes, .size = bytes.size(), .bytes = bytes},
                  prefetchable);
}

void PciFunction::define_rom(std::span<u8> image) {
    ASSERT(image.size() >= page_size);
    define_window(rom_bar, {.decodes = Decodes::rom, .size = image.size(), .bytes = image}, 0);
}

PciFunction::WindowNeeds PciFunction::needs(unsigned window) const {
    if (window >= windows_.size()) return {};
    Window const& w = windows_[window];
    return {w.size, w.decodes == Decodes::ports, w.prefetch == Prefetch::yes};
}

std::optional<u64> PciFunction::window_base(unsigned number) const {
    if (number >= windows_.size() || windows_[number].mapped == 0) return std::nullopt;
    return windows_[number].mapped;
}

/// 0 stands for "not assigned", as QEMU has it: a machine with a device at address 0 would be of no use.
u64 PciFunction::wanted_base(unsigned number) const {
    Window const& window = windows_[number];
    Command const enabled{{word(command)}};
    u8 const at = register_of(number);
    u64 const raw = dword(at) | (window.width == Width::bits64 ? u64{dword(static_cast<u8>(at + 4))} << 32 : 0);
    u64 const base = raw & ~(window.size - 1);
    switch (window.decodes) {
    case Decodes::nothing: break;
    case Decodes::ports: return enabled.has<Command::Ports>() && base <= 0xffff ? base : 0;
    case Decodes::registers:
    case Decodes::bytes: return enabled.has<Command::Memory>() ? base : 0;
    case Decodes::rom: return enabled.has<Command::Memory>() && (raw & rom_enable) ? base : 0;
    }
    return 0;
}

bool PciFunction::map(Window const& window, u64 base) {
    switch (window.decodes) {
    case Decodes::nothing: break;
    case Decodes::ports:
        return spaces_->ports.claim({static_cast<u16>(base), static_cast<u16>(window.size)}, *window.ports);
    case Decodes::registers: return spaces_->mmio.claim({{base}, window.size}, *window.registers);
    case Decodes::bytes: return spaces_->memory.map({base}, window.bytes, MemoryMap::Kind::ram);
    case Decodes::rom: return spaces_->memory.map({base}, window.bytes, MemoryMap::Kind::rom);
    }
    return false;
}

void PciFunction::unmap(Window& window) {
    u64 const base = std::exchange(window.mapped, 0);
    switch (window.decodes) {
    case Decodes::nothing: break;
    case Decodes::ports: return spaces_->ports.release({static_cast<u16>(base), static_cast<u16>(window.size)});
    case Decodes::registers: return spaces_->mmio.release({{base}, window.size});
    case Decodes::bytes:
    case Decodes::rom: return spaces_->memory.unmap({base}, window.size);
    }
}

void PciFunction::map_windows() {
    if (!spaces_) return;
    for (unsigned i = 0; i < windows_.size(); ++i)
        if (windows_[i].mapped != 0 && windows_[i].mapped != wanted_base(i)) unmap(windows_[i]);
    for (unsigned i = 0; i < windows_.size(); ++i) {
        u64 const wanted = wanted_base(i);
        if (wanted != 0 && windows_[i].mapped == 0 && map(windows_[i], wanted)) windows_[i].mapped = wanted;
    }
}

// ---- capabilities, interrupts ---------------------------------------------------------------------------------------

u8 PciFunction::add_capability(u8 id, u8 length) {
    ASSERT(length >= 2 && next_capability_ + length <= 256);
    u8 const at = static_cast<u8>(next_capability_);
    next_capability_ = (next_capability_ + length + 3u) & ~3u; // dword-aligned (6.7)
    define(at, id | u32{byte(capabilities)} << 8, 2, 0);
    define(capabilities, at, 1, 0);
    set(status, word(status) | has_capabilities, 2);
    return at;
}

void PciFunction::set_intx(bool asserted) {
    intx_ = asserted;
    drive_intx();
}

void PciFunction::drive_intx() {
    u16 const state = word(status);
    set(status, intx_ ? state | interrupt_status : state & ~u32{interrupt_status}, 2);
    bool const level = intx_ && !Command{{word(command)}}.has<Command::InterruptDisable>();
    u8 const pin = byte(interrupt_pin);
    if (!interrupts_ || pin == 0 || level == driven_) return;
    driven_ = level;
    interrupts_->set_intx(place_.slot, place_.function, pin - 1u, level);
}

} // namespace ring3
