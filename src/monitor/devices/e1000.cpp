#include "monitor/devices/e1000.h"

#include <algorithm>

namespace ring3 {

namespace {

/// Registers of table 13-2 that do something.
enum Register : u32 {
    ctrl = 0x0000,
    ctrl_alias = 0x0004,
    device_status = 0x0008,
    eecd = 0x0010,
    eerd = 0x0014,
    mdic = 0x0020,
    icr = 0x00c0,
    itr = 0x00c4,
    ics = 0x00c8,
    ims = 0x00d0,
    imc = 0x00d8,
    rctl = 0x0100,
    tctl = 0x0400,
    receive_ring = 0x2800,
    transmit_ring = 0x3800,
    rxcsum = 0x5000,
    multicast_table = 0x5200,
    receive_addresses = 0x5400,
    vlan_table = 0x5600,
};
constexpr u32 ring_size = 0x20, table_size = 4 * E1000Filter::table_words, addresses_size = 8 * E1000Filter::addresses;

/// Registers that keep what is written, and no more: offset, which bits, value after reset. VET is the first one.
struct Kept {
    u16 offset;
    u32 writable, initial;
};
constexpr Kept kept_registers[] = {
    {0x0038, 0x0000'ffff, 0x8100},      // VET
    {0x0018, 0xffff'ffff, 0},           // CTRL_EXT
    {0x0028, 0xffff'ffff, 0x00c2'8001}, // FCAL
    {0x002c, 0x0000'ffff, 0x0100},      // FCAH
    {0x0030, 0x0000'ffff, 0x8808},      // FCT
    {0x0170, 0x0000'ffff, 0},           // FCTTV
    {0x0178, 0xffff'ffff, 0},           // TXCW
    {0x0410, 0x3fff'ffff, 0x0060'2008}, // TIPG
    {0x0458, 0x0000'ffff, 0},           // AIFS
    {0x0e00, 0xffff'ffff, 0x0706'8302}, // LEDCTL
    {0x1000, 0xffff'ffff, 0x0010'0030}, // PBA: 48 KiB for receiving, 16 for sending
    {0x2160, 0x8000'fff8, 0},           // FCRTL
    {0x2168, 0x0000'fff8, 0},           // FCRTH
    {0x2820, 0x0000'ffff, 0},           // RDTR
    {0x2828, 0xffff'ffff, 0x0100'0000}, // RXDCTL
    {0x282c, 0x0000'ffff, 0},           // RADV
    {0x3000, 0x0000'0003, 0},           // TXDMAC
    {0x3820, 0x0000'ffff, 0},           // TIDV
    {0x3828, 0xffff'ffff, 0},           // TXDCTL
    {0x382c, 0x0000'ffff, 0},           // TADV
    {0x3830, 0xffff'ffff, 0x0100'0400}, // TSPMT
    {0x5800, 0x0000'001f, 0},           // WUC
    {0x5808, 0x000f'80ff, 0},           // WUFC
    {0x5820, 0xffff'ffff, 0},           // MANC
    {0x2c00, 0x0000'0fff, 0},           // RSRPD
    {0x5b50, 0x0000'0003, 0},           // SWSM
};
constexpr u32 address_valid = u32{1} << 31;
constexpr u32 mdic_write = 1, mdic_read = 2;

bool within(u32 offset, u32 first, u32 size) {
    return offset >= first && offset < first + size;
}

} // namespace

E1000::E1000(TimerQueue& timers, DmaMemory& memory, FramePort& port, MacBytes const& mac, std::span<u8> rom)
    : PciFunction{identity},
      port_{port},
      mac_{mac},
      eeprom_{mac, {identity.vendor, identity.device, identity.subsystem_vendor, identity.subsystem}},
      interrupts_{timers, [this](bool high) { set_intx(high); }},
      receiver_{{memory, interrupts_, statistics_, filter_}},
      transmitter_{{timers, memory, port, interrupts_, statistics_},
                   [this] { return transmit_conditions(); },
                   [this](std::span<u8 const> frame) { receive(frame); }} {
    static_assert(std::size(kept_registers) == kept_count);
    define_memory_bar(0, register_space, *this);
    define_port_bar(1, port_space, port_window_);
    if (!rom.empty()) define_rom(rom);
    define_interrupt_pin(1);
    reset_registers();
}

void E1000::reset() {
    PciFunction::reset();
    reset_registers();
}

void E1000::reset_registers() {
    control_ = Control{}.with<Control::FullDuplex>(1).with<Control::Speed>(2);
    mdic_ = 0;
    port_address_ = 0;
    for (std::size_t i = 0; i < kept_count; ++i) kept_[i] = kept_registers[i].initial;
    eeprom_.reset();
    phy_.reset();
    interrupts_.reset();
    statistics_.reset();
    filter_.reset();
    receiver_.reset();
    transmitter_.reset();
    filter_.set_address(0, u32{mac_[0]} | u32{mac_[1]} << 8 | u32{mac_[2]} << 16 | u32{mac_[3]} << 24);
    filter_.set_address(1, u32{mac_[4]} | u32{mac_[5]} << 8 | address_valid);
}

E1000Transmitter::Conditions E1000::transmit_conditions() const {
    return {bus_master(), cable_, phy_.loopback(), control_.has<Control::VlanMode>(), tag_type()};
}

E1000Receiver::Conditions E1000::receive_conditions() const {
    return {bus_master() && (cable_ || phy_.loopback()), control_.has<Control::VlanMode>(), tag_type()};
}

void E1000::set_link(bool up) {
    if (cable_ == up) return;
    cable_ = up;
    phy_.set_link(up);
    interrupts_.raise<E1000Interrupts::Cause::LinkChange>();
    tell_port_if_receiving_begins(false);
    transmitter_.run();
}

void E1000::config_written(u8 offset, unsigned bytes) {
    if (offset > command + 1 || offset + bytes <= command) return;
    // The driver may switch the bus master on last of all.
    tell_port_if_receiving_begins(false);
    transmitter_.run();
}

void E1000::tell_port_if_receiving_begins(bool before) {
    if (!before && can_receive()) port_.card_ready();
}

u32 E1000::status() const {
    // STATUS, 13.4.2: full duplex, link up, 1000 Mbit/s twice (configured and detected).
    constexpr u32 full_duplex = 1, link_up = 2, speed_1000 = 2 << 6, detected_1000 = 2 << 8;
    return full_duplex | (cable_ ? link_up : 0) | speed_1000 | detected_1000;
}

// ---- registers

u32* E1000::kept(u32 offset) {
    auto const found = std::ranges::find(kept_registers, offset, &Kept::offset);
    return found == std::end(kept_registers) ? nullptr : &kept_[static_cast<std::size_t>(found - kept_registers)];
}

bool E1000::read_block(u32 offset, u32& value) {
    if (within(offset, receive_ring, ring_size) && !kept(offset))
        value = receiver_.ring().read(offset - receive_ring);
    else if (within(offset, transmit_ring, ring_size) && !kept(offset))
        value = transmitter_.ring().read(offset - transmit_ring);
    else if (within(offset, E1000Statistics::base, E1000Statistics::size))
        value = statistics_.read(offset - E1000Statistics::base);
    else if (within(offset, multicast_table, table_size))
        value = filter_.multicast((offset - multicast_table) / 4);
    else if (within(offset, receive_addresses, addresses_size))
        value = filter_.address((offset - receive_addresses) / 4);
    else if (within(offset, vlan_table, table_size))
        value = filter_.vlan((offset - vlan_table) / 4);
    else
        return false;
    return true;
}

u32 E1000::read_register(u32 offset) {
    u32 value = 0;
    switch (offset) {
    case ctrl:
    case ctrl_alias: return control_.raw;
    case device_status: return status();
    case eecd: return eeprom_.read_control();
    case eerd: return eeprom_.read_word_register();
    case mdic: return mdic_;
    case icr: return interrupts_.read_and_clear();
    case itr: return interrupts_.throttle();
    case ims: return interrupts_.mask();
    case rctl: return receiver_.control();
    case tctl: return transmitter_.control();
    case rxcsum: return receiver_.checksum_control();
    default: break;
    }
    if (u32 const* const plain = kept(offset)) return *plain;
    return read_block(offset, value) ? value : 0;
}

bool E1000::write_block(u32 offset, u32 value) {
    if (within(offset, receive_ring, ring_size)) {
        bool const before = can_receive();
        receiver_.ring().write(offset - receive_ring, value);
        tell_port_if_receiving_begins(before);
    } else if (within(offset, transmit_ring, ring_size)) {
        transmitter_.ring().write(offset - transmit_ring, value);
        if (offset - transmit_ring == E1000Ring::tail) transmitter_.run();
    } else if (within(offset, multicast_table, table_size)) {
        filter_.set_multicast((offset - multicast_table) / 4, value);
    } else if (within(offset, receive_addresses, addresses_size)) {
        filter_.set_address((offset - receive_addresses) / 4, value);
    } else if (within(offset, vlan_table, table_size)) {
        filter_.set_vlan((offset - vlan_table) / 4, value);
    } else {
        return false;
    }
    return true;
}

void E1000::write_register(u32 offset, u32 value) {
    switch (offset) {
    case ctrl:
    case ctrl_alias: return write_control(value);
    case eecd: return eeprom_.write_control(value);
    case eerd: return eeprom_.write_word_register(value);
    case mdic: return write_mdic(value);
    case icr: return interrupts_.clear(value);
    case itr: return interrupts_.set_throttle(value);
    case ics: return interrupts_.set(value);
    case ims: return interrupts_.enable(value);
    case imc: return interrupts_.disable(value);
    case rctl: {
        bool const before = can_receive();
        receiver_.set_control(value);
        return tell_port_if_receiving_begins(before);
    }
    case tctl: return transmitter_.set_control(value);
    case rxcsum: return receiver_.set_checksum_control(value);
    default: break;
    }
    auto const found = std::ranges::find(kept_registers, offset, &Kept::offset);
    if (found != std::end(kept_registers))
        kept_[static_cast<std::size_t>(found - kept_registers)] = value & found->writable;
    else
        write_block(offset, value);
}

void E1000::write_control(u32 value) {
    Control const wanted{{value}};
    if (wanted.has<Control::Reset>()) return reset_registers();
    if (wanted.has<Control::PhyReset>()) phy_.reset();
    control_ = wanted.with<Control::PhyReset>(0);
}

void E1000::write_mdic(u32 value) {
    Mdic request{{value}};
    if (request.get<Mdic::Phy>() != E1000Phy::address)
        request = request.with<Mdic::Error>(1);
    else if (request.get<Mdic::Operation>() == mdic_read)
        request = request.with<Mdic::Data>(phy_.read(request.get<Mdic::Register>())).with<Mdic::Error>(0);
    else if (request.get<Mdic::Operation>() == mdic_write)
        phy_.write(request.get<Mdic::Register>(), static_cast<u16>(request.get<Mdic::Data>()));
    mdic_ = request.with<Mdic::Ready>(1).raw;
    if (request.has<Mdic::Interrupt>()) interrupts_.raise<E1000Interrupts::Cause::MdioComplete>();
}

// ---- accesses

u64 E1000::read(u64 offset, unsigned bytes) {
    u32 const at = static_cast<u32>(offset);
    if (bytes == 8) return read_register(at & ~3u) | u64{read_register((at & ~3u) + 4)} << 32;
    return read_register(at & ~3u) >> (8 * (at & 3));
}

void E1000::write(u64 offset, u64 value, unsigned bytes) {
    u32 const at = static_cast<u32>(offset);
    if (at % 4 != 0 || bytes < 4) return;
    write_register(at, static_cast<u32>(value));
    if (bytes == 8) write_register(at + 4, static_cast<u32>(value >> 32));
}

u8 E1000::PortWindow::read(u16 offset) {
    return static_cast<u8>(read_wide(offset & 0xfffc, 4) >> (8 * (offset & 3)));
}

u32 E1000::PortWindow::read_wide(u16 offset, unsigned bytes) {
    if (bytes != 4 || offset % 4 != 0) return PortDevice::read_wide(offset, bytes);
    if (offset == 0) return card_.port_address_;
    return offset == 4 && card_.port_address_ < register_space ? card_.read_register(card_.port_address_ & ~3u) : 0;
}

void E1000::PortWindow::write_wide(u16 offset, u32 value, unsigned bytes) {
    if (bytes != 4) return;
    if (offset == 0) card_.port_address_ = value;
    if (offset == 4 && card_.port_address_ < register_space && card_.port_address_ % 4 == 0)
        card_.write_register(card_.port_address_, value);
}

} // namespace ring3
