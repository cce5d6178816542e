#include "monitor/devices/e1000_eeprom.h"

namespace ring3 {

namespace {
/// Words that drivers look at (table 5-3); 0: the hardware's defaults hold.
enum Word : u8 {
    mac = 0x00,
    control_1 = 0x0a,
    subsystem = 0x0b,
    subsystem_vendor = 0x0c,
    device = 0x0d,
    vendor = 0x0e,
    sum = 0x3f
};
/// Load the vendor and device identifiers, and those of the subsystem, from here (5.6.5).
constexpr u16 load_identifiers = 0x0003;
constexpr u16 microwire_read = 0b110;    // start bit and opcode
constexpr unsigned command_bits = 3 + 6; // with a six-bit address
constexpr u16 address_mask = 0x3f;
} // namespace

E1000Eeprom::E1000Eeprom(MacBytes const& address, Pci const& pci) {
    for (unsigned i = 0; i < 3; ++i)
        contents_[Word::mac + i] = static_cast<u16>(address[2 * i] | address[2 * i + 1] << 8);
    contents_[control_1] = load_identifiers;
    contents_[subsystem] = pci.subsystem;
    contents_[subsystem_vendor] = pci.subsystem_vendor;
    contents_[device] = pci.device;
    contents_[vendor] = pci.vendor;
    u16 total = 0;
    for (u16 const value : contents_) total = static_cast<u16>(total + value);
    contents_[sum] = static_cast<u16>(checksum - total);
    reset();
}

void E1000Eeprom::reset() {
    control_ = Control{}.with<Control::Present>(1).with<Control::FlashWrite>(1);
    read_register_ = {};
    bits_in_ = 0;
    reading_ = false;
}

u32 E1000Eeprom::read_control() const {
    // Between commands the pin floats high: "ready".
    bool const pin = reading_ ? (shift_out_ >> 16 & 1) != 0 : true;
    return control_.with<Control::DataOut>(pin).raw;
}

void E1000Eeprom::write_control(u32 value) {
    constexpr u64 writable =
        mask_of<Control::Clock, Control::Select, Control::DataIn, Control::FlashWrite, Control::Request>();
    Control const before = control_;
    control_.raw = static_cast<u32>((before.raw & ~writable) | (value & writable));
    control_ = control_.with<Control::Grant>(control_.get<Control::Request>()); // nobody else wants it
    if (!control_.has<Control::Select>()) {
        bits_in_ = 0;
        reading_ = false;
    } else if (control_.has<Control::Clock>() && !before.has<Control::Clock>()) {
        clock_rises(control_.has<Control::DataIn>());
    }
}

void E1000Eeprom::clock_rises(bool data) {
    if (reading_) {
        shift_out_ <<= 1;
        return;
    }
    if (bits_in_ == 0 && !data) return; // before the start bit
    shift_in_ = static_cast<u16>(shift_in_ << 1 | (data ? 1 : 0));
    if (++bits_in_ < command_bits) return;
    bits_in_ = 0;
    reading_ = (shift_in_ >> 6 & 7) == microwire_read;
    shift_out_ = contents_[shift_in_ & address_mask]; // a zero goes before it
}

void E1000Eeprom::write_word_register(u32 value) {
    Read const wanted{{value}};
    read_register_ = Read{}.with<Read::Address>(wanted.get<Read::Address>());
    if (!wanted.has<Read::Start>()) return;
    u32 const address = wanted.get<Read::Address>();
    read_register_ =
        read_register_.with<Read::Data>(address < words ? contents_[address] : 0xffffu).with<Read::Done>(1);
}

} // namespace ring3
