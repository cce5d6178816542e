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
} // namespace

E1000Eeprom::E1000Eeprom(MacBytes const& address, Pci const& pci) {
    for (unsigned i = 0; i < 3; ++i)
        chip_.contents[Word::mac + i] = static_cast<u16>(address[2 * i] | address[2 * i + 1] << 8);
    chip_.contents[control_1] = load_identifiers;
    chip_.contents[subsystem] = pci.subsystem;
    chip_.contents[subsystem_vendor] = pci.subsystem_vendor;
    chip_.contents[device] = pci.device;
    chip_.contents[vendor] = pci.vendor;
    u16 total = 0;
    for (u16 const value : chip_.contents) total = static_cast<u16>(total + value);
    chip_.contents[sum] = static_cast<u16>(checksum - total);
    reset();
}

void E1000Eeprom::reset() {
    control_ = Control{}.with<Control::Present>(1).with<Control::FlashWrite>(1);
    read_register_ = {};
    chip_.reset();
}

u32 E1000Eeprom::read_control() const {
    return control_.with<Control::DataOut>(chip_.output()).raw;
}

void E1000Eeprom::write_control(u32 value) {
    constexpr u64 writable =
        mask_of<Control::Clock, Control::Select, Control::DataIn, Control::FlashWrite, Control::Request>();
    control_.raw = static_cast<u32>((control_.raw & ~writable) | (value & writable));
    control_ = control_.with<Control::Grant>(control_.get<Control::Request>()); // nobody else wants it
    chip_.set_pins(control_.has<Control::Select>(), control_.has<Control::Clock>(), control_.has<Control::DataIn>());
}

void E1000Eeprom::write_word_register(u32 value) {
    Read const wanted{{value}};
    read_register_ = Read{}.with<Read::Address>(wanted.get<Read::Address>());
    if (!wanted.has<Read::Start>()) return;
    u32 const address = wanted.get<Read::Address>();
    read_register_ =
        read_register_.with<Read::Data>(address < words ? chip_.contents[address] : 0xffffu).with<Read::Done>(1);
}

} // namespace ring3
