// One function of a PCI device: 256 bytes of configuration space, each bit of which a guest may write or not, and the
// windows through which the guest reaches the device's registers.
//
// How a device uses it (all of it in the constructor, before PciBus::plug()):
//
//     define_port_bar(0, 0x20, my_port_device);            // BAR 0: 32 I/O ports; offsets count from the BAR's base
//     define_memory_bar(1, 0x1000, my_mmio_device);        // BAR 1: 4 KiB of registers
//     define_memory_bar(2, frame_buffer);                  // BAR 2: bytes that the guest reads and writes directly
//     define_rom(image);                                   // expansion ROM
//     u8 const msi = add_capability(0x05, 14);             // then define(msi + 2, ...) for its registers
//     define_interrupt_pin(1);                             // INTA#; set_intx(true) and set_intx(false) drive it
//
// and then: bus_master() before each DMA; config_written() for registers of its own; reset(), overridden, calls this one.
//
// Models: the type 0 header; read-only and writable bits; BARs with size probing, that answer while their command bit is
//         set and their place is free; the expansion ROM; INTx with its disable bit; the capability list.
// Missing: write-1-to-clear status bits (no bus errors happen), BARs below 1 MiB by type (01b).
// Totality: a window whose place another one has, or memory, or that wraps, does not answer until either moves away.
// Source: PCI Local Bus Specification 2.3, chapter 6.
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/memory_map.h"
#include "monitor/devices/bus/mmio_bus.h"
#include "monitor/devices/bus/port_bus.h"

#include <array>
#include <optional>
#include <span>

namespace ring3 {

/// Where base address registers put what they decode.
struct PciSpaces {
    PortBus& ports;
    MmioBus& mmio;
    MemoryMap& memory;
};

/// Where the interrupt pins of all functions lead.
class PciInterrupts {
public:
    virtual ~PciInterrupts() = default;
    /// `pin` 0 is INTA#.
    virtual void set_intx(unsigned slot, unsigned function, unsigned pin, bool asserted) = 0;
};

class PciFunction {
public:
    struct Identity {
        u16 vendor{}, device{};
        u32 class_code{}; // class, subclass, programming interface
        u8 revision{};
        bool multifunction{};
        u16 subsystem_vendor{}, subsystem{};
    };
    static constexpr unsigned bar_count = 6;
    static constexpr unsigned rom_bar = bar_count; // in lists of all windows

    explicit PciFunction(Identity identity);
    virtual ~PciFunction() = default;
    PciFunction(PciFunction const&) = delete;

    /// `bytes` is 1, 2 or 4 and the access does not leave the aligned dword.
    u32 read_config(u8 offset, unsigned bytes) const;
    void write_config(u8 offset, u32 value, unsigned bytes);
    /// The same as the guest reads it, which may have side effects.
    u32 guest_reads_config(u8 offset, unsigned bytes) {
        config_reading(offset, bytes);
        return read_config(offset, bytes);
    }

    // ---- for the bus
    struct Place {
        unsigned slot{}, function{};
    };
    void plug_into(PciSpaces& spaces, PciInterrupts& interrupts, Place where);
    /// RST#: the command register and the windows' addresses as at power-on.
    virtual void reset();
    /// Moves the windows to where the registers say. Those that found no place try again.
    void map_windows();

    /// A window as whoever assigns addresses has to know it; size 0: there is none.
    struct WindowNeeds {
        u64 size{};
        bool ports{}, prefetchable{};
    };
    WindowNeeds needs(unsigned window) const;
    u8 interrupt_pin_number() const { return byte(interrupt_pin); } // 1: INTA#; 0: none

    enum class Width : u8 { bits32, bits64 };
    enum class Prefetch : u8 { no, yes };

    void visit(auto&& archive) {
        archive("pci.config", config_);
        archive("pci.intx", intx_);
        archive("pci.intx_driven", driven_);
        map_windows();
        config_written(0, 256);
    }

    /// Offsets of the header that devices and firmware name (figure 6-1).
    enum Header : u8 {
        command = 0x04,
        status = 0x06,
        bars = 0x10,
        expansion_rom = 0x30,
        capabilities = 0x34,
        interrupt_line = 0x3c,
        interrupt_pin = 0x3d
    };
    struct Command : Reg<Command, u16> {
        using Ports = Field<0>;
        using Memory = Field<1>;
        using BusMaster = Field<2>;
        using InterruptDisable = Field<10>;
    };

protected:
    u8 byte(u8 offset) const { return config_[offset]; }
    u16 word(u8 offset) const { return static_cast<u16>(read_config(offset, 2)); }
    u32 dword(u8 offset) const { return read_config(offset, 4); }
    /// Sets a register and which of its bits the guest may write.
    void define(u8 offset, u32 value, unsigned bytes, u32 writable);
    /// Changes a register's value for the guest to see.
    void set(u8 offset, u32 value, unsigned bytes);

    // ---- windows. Sizes are powers of two, ports at least 4, memory at least 16 (bytes: 4096). A 64-bit window takes two
    // numbers.
    void define_port_bar(unsigned number, u16 size, PortDevice& device);
    void define_memory_bar(unsigned number, u64 size, MmioDevice& device, Width width = Width::bits32,
                           Prefetch prefetch = Prefetch::no);
    void define_memory_bar(unsigned number, std::span<u8> bytes);
    /// `image`'s size is a power of two of whole pages; it outlives the function.
    void define_rom(std::span<u8> image);
    /// Where the guest has put a window just now; nothing while it does not answer.
    std::optional<u64> window_base(unsigned number) const;

    /// Puts an empty capability of `length` bytes, ID and next pointer included, at the list's head; answers its offset.
    /// The registers that a device has at fixed offsets from 40h on come first: keep_free_below().
    u8 add_capability(u8 id, u8 length);
    void keep_free_below(u8 offset) { next_capability_ = offset; }

    void define_interrupt_pin(u8 pin) { define(interrupt_pin, pin, 1, 0); }
    void set_intx(bool asserted);
    bool bus_master() const { return Command{{word(command)}}.has<Command::BusMaster>(); }

    /// The guest is about to read [offset, offset + bytes): the last moment to set() what is there.
    virtual void config_reading(u8 /*offset*/, unsigned /*bytes*/) {}
    /// The guest wrote to [offset, offset + bytes).
    virtual void config_written(u8 /*offset*/, unsigned /*bytes*/) {}

private:
    enum class Decodes : u8 { nothing, ports, registers, bytes, rom };
    struct Window {
        Decodes decodes{};
        Width width{};
        Prefetch prefetch{};
        u64 size{};
        PortDevice* ports{};
        MmioDevice* registers{};
        std::span<u8> bytes{};
        u64 mapped{}; // where it answers; 0: nowhere
    };
    u8 register_of(unsigned window) const {
        return static_cast<u8>(window == rom_bar ? unsigned{expansion_rom} : bars + 4 * window);
    }
    void define_window(unsigned number, Window const& window, u32 type_bits);
    u64 wanted_base(unsigned window) const;
    bool map(Window const& window, u64 base);
    void unmap(Window& window);
    void drive_intx();

    std::array<u8, 256> config_{};
    std::array<u8, 256> writable_{};
    std::array<Window, bar_count + 1> windows_{};
    unsigned next_capability_{0x40};
    bool intx_{};         // what the device asks for
    bool driven_{};       // what the pin does
    PciSpaces* spaces_{}; // nullptr: not plugged in
    PciInterrupts* interrupts_{};
    Place place_{};
};

} // namespace ring3
