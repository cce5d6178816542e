// The serial EEPROM beside an 82540EM: a 93C46, 64 words of 16 bits, which hold the station's address and a checksum.
//
// Models: reading, clocked by hand over the Microwire pins in EECD or by the controller through EERD.
// Source: 317453 (8254x Software Developer's Manual) 5.3, 5.6 and 13.4.3, 13.4.4; 93C46 data sheets.
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/frame_port.h"
#include "monitor/devices/eeprom_93c46.h"

namespace ring3 {

class E1000Eeprom {
public:
    static constexpr std::size_t words = Eeprom93C46::words;
    static constexpr u16 checksum = 0xbaba; // what all words add up to (5.6.35)
    struct Pci {
        u16 vendor{}, device{}, subsystem_vendor{}, subsystem{};
    };
    E1000Eeprom(MacBytes const& mac, Pci const& pci);

    u16 word(unsigned address) const { return chip_.contents[address % words]; }

    // ---- EECD
    u32 read_control() const;
    void write_control(u32 value);
    // ---- EERD: the word is there at once
    u32 read_word_register() const { return read_register_.raw; }
    void write_word_register(u32 value);
    void reset();

    void visit(auto&& archive) {
        archive("e1000.eecd", control_.raw);
        archive("e1000.eerd", read_register_.raw);
        chip_.visit(archive);
    }

private:
    struct Control : Reg<Control, u32> {
        using Clock = Field<0>;
        using Select = Field<1>;
        using DataIn = Field<2>;
        using DataOut = Field<3>;
        using FlashWrite = Field<5, 4>;
        using Request = Field<6>;
        using Grant = Field<7>;
        using Present = Field<8>;
    };
    struct Read : Reg<Read, u32> {
        using Start = Field<0>;
        using Done = Field<4>;
        using Address = Field<15, 8>;
        using Data = Field<31, 16>;
    };

    Eeprom93C46 chip_;
    Control control_{};
    Read read_register_{};
};

} // namespace ring3
