#include "monitor/devices/rtl8139.h"

#include <algorithm>

namespace ring3 {

namespace {

// CR (5.3), TSD (5.2), ISR (5.7), RCR (5.9), TCR (5.8), 9346CR (5.11).
constexpr u8 buffer_empty = 0x01, transmitter_on = 0x04, receiver_on = 0x08, soft_reset = 0x10;
constexpr u32 size_mask = 0x1fff, own = 1u << 13, transmit_ok = 1u << 15;
constexpr u16 rok = 0x0001, tok = 0x0004, overflow = 0x0010, link_change = 0x0020;
constexpr u32 all_physical = 0x01, physical_match = 0x02, multicast = 0x04, broadcast = 0x08, no_wrap = 0x80;
constexpr u32 loopback = 3u << 17;
constexpr u8 eeprom_select = 0x08, eeprom_clock = 0x04, eeprom_in = 0x02, eeprom_out = 0x01;
// Status in front of a received packet (5.1).
constexpr u16 status_ok = 0x0001, status_broadcast = 0x2000, status_physical = 0x4000, status_multicast = 0x8000;

constexpr u32 version_8139c = 0x7400'0000;
constexpr u8 link_down = 0x04; // MSR.LINKB
constexpr std::size_t least_frame = 60, longest = 1514 + 4, header_bytes = 4, check_sequence = 4;
constexpr u32 read_ahead = 16; // CAPR is that much behind what the driver has read

constexpr u16 eeprom_signature = 0x8129, eeprom_mac = 7;

/// Which byte of a register of several makes the card act: the last one.
constexpr bool is_last_byte_of_dword(u16 offset) {
    return offset % 4 == 3;
}

/// The upper six bits of the Ethernet CRC of the destination choose a bit of MAR.
unsigned hash_of(std::span<u8 const> address) {
    u32 crc = ~u32{};
    for (u8 byte : address) {
        for (int bit = 0; bit < 8; ++bit, byte = static_cast<u8>(byte >> 1)) {
            bool const carry = ((crc >> 31) ^ byte) & 1;
            crc = crc << 1 ^ (carry ? 0x04c1'1db7u : 0);
        }
    }
    return crc >> 26;
}

} // namespace

Rtl8139::Rtl8139(DmaMemory& memory, FramePort& port, MacBytes const& mac, std::span<u8> rom)
    : PciFunction{identity}, memory_{memory}, port_{port}, mac_{mac} {
    eeprom_.contents[0] = eeprom_signature;
    eeprom_.contents[1] = identity.vendor;
    eeprom_.contents[2] = identity.device;
    for (unsigned i = 0; i < 3; ++i)
        eeprom_.contents[eeprom_mac + i] = static_cast<u16>(mac[2 * i] | mac[2 * i + 1] << 8);
    define_port_bar(0, register_space, *this);
    define_memory_bar(1, register_space, memory_window_);
    if (!rom.empty()) define_rom(rom);
    define_interrupt_pin(1);
    reset_registers();
}

void Rtl8139::reset() {
    PciFunction::reset();
    reset_registers();
}

void Rtl8139::reset_registers() {
    registers_ = {};
    std::ranges::copy(mac_, registers_.begin() + idr);
    for (u16 i = 0; i < descriptors; ++i) set_dword(static_cast<u16>(tsd + 4 * i), own);
    registers_[cr] = buffer_empty;
    set_word(capr, static_cast<u16>(0 - read_ahead));
    set_dword(tcr, version_8139c);
    registers_[msr] = link_ ? 0 : link_down;
    set_word(bmcr, 0x3100); // 100 Mbit/s, full duplex, negotiates
    set_word(anar, 0x01e1);
    next_transmit_ = 0;
    eeprom_.reset();
    drive();
}

void Rtl8139::set_word(u16 offset, u16 value) {
    registers_[offset] = static_cast<u8>(value);
    registers_[offset + 1] = static_cast<u8>(value >> 8);
}

void Rtl8139::set_dword(u16 offset, u32 value) {
    set_word(offset, static_cast<u16>(value));
    set_word(static_cast<u16>(offset + 2), static_cast<u16>(value >> 16));
}

void Rtl8139::raise(u16 causes) {
    set_word(isr, static_cast<u16>(word_at(isr) | causes));
    drive();
}

void Rtl8139::set_link(bool up) {
    if (link_ == up) return;
    link_ = up;
    registers_[msr] = link_ ? 0 : link_down;
    raise(link_change);
    transmit();
    if (can_receive()) port_.card_ready();
}

void Rtl8139::config_written(u8 offset, unsigned bytes) {
    if (offset > PciFunction::command + 1 || offset + bytes <= PciFunction::command) return;
    transmit(); // the driver may switch the bus master on last of all
    if (can_receive()) port_.card_ready();
}

// ---- registers

u8 Rtl8139::read(u16 offset) {
    offset %= register_space;
    constexpr u16 negotiated = 0x7809 | 0x20 | 0x04, waiting = 0x7809; // BMSR: abilities, complete, link
    switch (offset) {
    case bmsr: return static_cast<u8>(link_ ? negotiated : waiting);
    case bmsr + 1: return static_cast<u8>((link_ ? negotiated : waiting) >> 8);
    case anlpar: return link_ ? 0xe1 : 0;
    case anlpar + 1: return link_ ? 0x45 : 0;
    case aner: return link_ ? 1 : 0;
    case eecr: return static_cast<u8>((registers_[eecr] & ~eeprom_out) | (eeprom_.output() ? eeprom_out : 0));
    default: return registers_[offset];
    }
}

u32 Rtl8139::read_wide(u16 offset, unsigned bytes) {
    u32 value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= u32{read(static_cast<u16>(offset + i))} << (8 * i);
    return value;
}

void Rtl8139::write(u16 offset, u8 value) {
    store(offset % register_space, value);
    act(offset % register_space);
}

/// All bytes first: a register acts once it is whole.
void Rtl8139::write_wide(u16 offset, u32 value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) store((offset + i) % register_space, static_cast<u8>(value >> (8 * i)));
    for (unsigned i = 0; i < bytes; ++i) act((offset + i) % register_space);
}

/// Which bits of a byte can be written.
void Rtl8139::store(u16 offset, u8 value) {
    switch (offset) {
    case cr: return command(value);
    case isr:
    case isr + 1: registers_[offset] = static_cast<u8>(registers_[offset] & ~value); return;
    case cbr:
    case cbr + 1:
    case msr:
    case bmsr:
    case bmsr + 1:
    case 0x34: // ERBCR, ERSR
    case 0x35:
    case 0x36:
    case 0x5e: return; // RERID
    case tcr + 3: registers_[offset] = static_cast<u8>((value & 0x03) | (version_8139c >> 24)); return;
    case eecr: return write_eeprom(value);
    case bmcr + 1: registers_[offset] = static_cast<u8>(value & 0x7d); return; // reset and negotiation are over at once
    default: registers_[offset] = value; return;
    }
}

/// What follows from a register's last byte.
void Rtl8139::act(u16 offset) {
    if (offset >= tsd && offset < tsd + 4 * descriptors && is_last_byte_of_dword(offset)) return transmit();
    switch (offset) {
    case isr:
    case isr + 1:
    case imr:
    case imr + 1: drive(); return port_.card_ready();
    case capr + 1:
    case rcr + 3:
    case rbstart + 3:
        if (ring_used() == 0) registers_[cr] = static_cast<u8>(registers_[cr] | buffer_empty);
        // A driver acknowledges a packet after it has moved CAPR on. What comes in between would be acknowledged unseen.
        if (can_receive() && !(word_at(isr) & rok)) port_.card_ready();
        return;
    default: return;
    }
}

void Rtl8139::command(u8 value) {
    if (value & soft_reset) return reset_registers();
    u8 const before = registers_[cr];
    registers_[cr] = static_cast<u8>((before & buffer_empty) | (value & (transmitter_on | receiver_on)));
    if ((value & receiver_on) && !(before & receiver_on)) {
        set_word(cbr, 0);
        set_word(capr, static_cast<u16>(0 - read_ahead));
        registers_[cr] = static_cast<u8>(registers_[cr] | buffer_empty);
        if (can_receive()) port_.card_ready();
    }
    if (value & transmitter_on) transmit();
}

void Rtl8139::write_eeprom(u8 value) {
    registers_[eecr] = static_cast<u8>(value & 0xce);
    constexpr u8 mode_program = 0x80; // EEM 10b: the pins are the driver's
    if ((value & 0xc0) == mode_program)
        eeprom_.set_pins((value & eeprom_select) != 0, (value & eeprom_clock) != 0, (value & eeprom_in) != 0);
    else
        eeprom_.set_pins(false, false, false);
}

u64 Rtl8139::MemoryWindow::read(u64 offset, unsigned bytes) {
    u16 const at = static_cast<u16>(offset);
    if (bytes <= 4) return card_.read_wide(at, bytes);
    return card_.read_wide(at, 4) | u64{card_.read_wide(static_cast<u16>(at + 4), 4)} << 32;
}

void Rtl8139::MemoryWindow::write(u64 offset, u64 value, unsigned bytes) {
    u16 const at = static_cast<u16>(offset);
    card_.write_wide(at, static_cast<u32>(value), std::min(bytes, 4u));
    if (bytes > 4) card_.write_wide(static_cast<u16>(at + 4), static_cast<u32>(value >> 32), 4);
}

// ---- sending

/// The descriptors are used one after the other; a cleared OWN bit hands one to the card.
void Rtl8139::transmit() {
    if (!(registers_[cr] & transmitter_on) || !bus_master()) return;
    for (unsigned i = 0; i < descriptors && port_.ready(); ++i) {
        u16 const at = static_cast<u16>(tsd + 4 * next_transmit_);
        if (dword_at(at) & own) return;
        send(next_transmit_);
        set_dword(at, dword_at(at) | own | transmit_ok);
        next_transmit_ = static_cast<u8>((next_transmit_ + 1) % descriptors);
        raise(tok);
    }
}

void Rtl8139::send(unsigned descriptor) {
    u32 const size = dword_at(static_cast<u16>(tsd + 4 * descriptor)) & size_mask;
    std::vector<u8> frame(size);
    memory_.read({dword_at(static_cast<u16>(tsad + 4 * descriptor))}, frame);
    if (frame.size() < ethernet_header) return;
    if (frame.size() < least_frame) frame.resize(least_frame);
    if ((dword_at(tcr) & loopback) == loopback)
        receive(frame);
    else if (link_)
        port_.send(frame, 0);
}

// ---- receiving

u32 Rtl8139::ring_bytes() const {
    return 8192u << (dword_at(rcr) >> 11 & 3);
}

/// Bytes between what the driver has read and what the card has written.
u32 Rtl8139::ring_used() const {
    u32 const size = ring_bytes();
    u32 const read_at = (word_at(capr) + read_ahead) % size, write_at = word_at(cbr) % size;
    return (write_at + size - read_at) % size;
}

bool Rtl8139::can_receive() const {
    if (!(registers_[cr] & receiver_on) || !bus_master()) return true; // and lose it
    return ring_bytes() - ring_used() > longest + header_bytes + check_sequence + 4;
}

bool Rtl8139::passes(std::span<u8 const> frame) const {
    u32 const control = dword_at(rcr);
    if (control & all_physical) return true;
    if (std::ranges::all_of(frame.first(6), [](u8 byte) { return byte == 0xff; })) return (control & broadcast) != 0;
    if (frame[0] & 1) {
        unsigned const bit = hash_of(frame.first(6));
        return (control & multicast) && (registers_[mar + bit / 8] >> bit % 8 & 1);
    }
    return (control & physical_match) && std::equal(frame.begin(), frame.begin() + 6, registers_.begin() + idr);
}

/// Writes into the ring; with WRAP set a packet goes on behind the ring's end, where the driver has room for one.
void Rtl8139::write_ring(u32 at, std::span<u8 const> bytes) {
    u64 const start = dword_at(rbstart);
    bool const goes_on = (dword_at(rcr) & no_wrap) != 0 && ring_bytes() != 65'536;
    std::size_t const first = goes_on ? bytes.size() : std::min<std::size_t>(bytes.size(), ring_bytes() - at);
    memory_.write({start + at}, bytes.first(first));
    memory_.write({start}, bytes.subspan(first));
}

/// The ring is full. That a driver has acknowledged its packets does not say that it has read them all.
void Rtl8139::frames_wait() {
    if (!(word_at(isr) & rok)) raise(rok);
}

void Rtl8139::receive(std::span<u8 const> frame) {
    bool const on = (registers_[cr] & receiver_on) && bus_master() && frame.size() >= ethernet_header;
    if (!on || frame.size() > longest || !passes(frame)) return;
    if (!can_receive()) return raise(overflow);
    bool const group = (frame[0] & 1) != 0;
    bool const to_all = std::ranges::all_of(frame.first(6), [](u8 byte) { return byte == 0xff; });
    u16 const kind = to_all ? status_broadcast : group ? status_multicast : status_physical;
    std::size_t const length = std::max(frame.size(), least_frame) + check_sequence;
    u16 const report = static_cast<u16>(status_ok | kind);
    buffer_.assign(
        {static_cast<u8>(report), static_cast<u8>(report >> 8), static_cast<u8>(length), static_cast<u8>(length >> 8)});
    buffer_.insert(buffer_.end(), frame.begin(), frame.end());
    buffer_.resize((header_bytes + length + 3) & ~std::size_t{3}); // the next one begins at a dword
    u32 const at = word_at(cbr) % ring_bytes();
    write_ring(at, buffer_);
    set_word(cbr, static_cast<u16>((at + buffer_.size()) % ring_bytes()));
    registers_[cr] = static_cast<u8>(registers_[cr] & ~buffer_empty);
    raise(rok);
}

} // namespace ring3
