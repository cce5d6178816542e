// Where things are on the board: the addresses that the chips answer to and that the firmware tables announce.
//
// Two sides need them: the devices, which claim them, and the boot loader, which tells the guest about them (e820,
// ACPI, MP table). They stand here once, so that the two cannot disagree. Everything is where a PC with an i440FX and a
// PIIX4 has it, since that is what guests have seen most.
//
//     gpa          0 +-----------------------------+
//                    | conventional RAM            |
//              9FC00 +-----------------------------+
//                    | extended BIOS data area     |
//              A0000 +-----------------------------+
//                    | video memory, option ROMs   |
//              F0000 +-----------------------------+
//                    | firmware: ACPI, MP tables   |
//             100000 +-----------------------------+
//                    | low RAM, 3 GiB at most      |
//           C0000000 +-----------------------------+
//                    | PCI hole                    |
//           FEC00000 |   I/O APIC                  |
//           FEE00000 |   local APIC                |
//        1'0000'0000 +-----------------------------+
//                    | high RAM: what is left      |
#pragma once

#include "base/types.h"

#include <algorithm>
#include <optional>

namespace ring3::pc {

// ---- memory
inline constexpr u32 ebda = 0x9'fc00;
inline constexpr u32 video_memory = 0xa'0000;
inline constexpr u32 text_memory = 0xb'8000;
inline constexpr u32 option_roms = 0xc'0000;
inline constexpr u32 firmware = 0xf'0000;
inline constexpr u32 extended_memory = 0x10'0000;
inline constexpr u32 pci_hole = 0xc000'0000;
inline constexpr u32 io_apic = 0xfec0'0000;
inline constexpr u32 local_apic = 0xfee0'0000;
inline constexpr u64 high_memory = 0x1'0000'0000;

/// How `-m` falls apart: RAM below the PCI hole, and the rest from 4 GiB on.
struct RamSplit {
    u64 low{}, high{};
};
constexpr RamSplit split_ram(u64 bytes) {
    u64 const low = std::min<u64>(bytes, pci_hole);
    return {low, bytes - low};
}

/// Where in the bytes of `-m` a piece of guest-physical memory lies; nothing if not all of it is RAM.
constexpr std::optional<u64> ram_offset(u64 ram_bytes, GuestPhys address, u64 bytes) {
    RamSplit const split = split_ram(ram_bytes);
    auto const within = [&](u64 first, u64 size) {
        return address.raw >= first && address.raw - first <= size && bytes <= size - (address.raw - first);
    };
    if (within(0, split.low)) return address.raw;
    if (within(high_memory, split.high)) return address.raw - high_memory + split.low;
    return std::nullopt;
}

// ---- interrupts: ISA numbers, which are also the I/O APIC's inputs, but for the timer's (SDM 3A 11; ACPI 5.2.12)
inline constexpr u8 timer_irq = 0;
inline constexpr u8 timer_gsi = 2;
inline constexpr u8 keyboard_irq = 1;
inline constexpr u8 com2_irq = 3;
inline constexpr u8 com1_irq = 4;
inline constexpr u8 rtc_irq = 8;
inline constexpr u8 sci_irq = 9;
inline constexpr u8 mouse_irq = 12;
/// Vectors that firmware gives to IRQ 0-7 and 8-15, as IBM did.
inline constexpr u8 master_vectors = 0x08;
inline constexpr u8 slave_vectors = 0x70;
inline constexpr u8 io_apic_id = 1;
inline constexpr u8 io_apic_inputs = 24;

/// PCI interrupt pin (0 is INTA#) of a slot: the pins are rotated from slot to slot, and firmware leads two inputs of the
/// ISA bridge to IRQ 10 and two to 11.
constexpr u8 pci_irq(unsigned slot, unsigned pin) {
    return (slot + 3 + pin) % 4 < 2 ? 10 : 11;
}

// ---- ports
inline constexpr u16 com1 = 0x3f8;
inline constexpr u16 com2 = 0x2f8;
inline constexpr u16 pci_config_address = 0xcf8;
inline constexpr u16 reset_control = 0xcf9;
inline constexpr u8 reset_control_full = 0x06; // reset the processor and the board

// ---- ACPI fixed hardware (ACPI 4.8): the PM block
inline constexpr u16 pm_base = 0x600;
inline constexpr u16 pm1a_event = pm_base;
inline constexpr u16 pm1a_control = pm_base + 4;
inline constexpr u16 pm_timer = pm_base + 8; // 24 bits wide
inline constexpr u16 gpe0 = pm_base + 12;    // status and enable, 16 bits each
inline constexpr u8 gpe0_length = 4;
inline constexpr u16 smi_command = 0xb2;
inline constexpr u8 acpi_enable = 0xf1; // written to smi_command: sets PM1_CNT.SCI_EN
inline constexpr u8 acpi_disable = 0xf0;
inline constexpr u8 s5_sleep_type = 0; // PM1_CNT.SLP_TYP of soft-off: `out 604h, 2000h` powers off

} // namespace ring3::pc
