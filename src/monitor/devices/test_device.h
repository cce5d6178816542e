// pc-testdev: what test kernels ask for to raise interrupts at will and to have registers that remember.
//
//     E0h-E3h        a dword that holds what was written, in any width
//     E4h            a dword: the address of a page that QEMU drops from its own page tables; nothing for a guest to see
//     E8h-EBh        the dword at E0h again, byte by byte
//     2000h + n      the level of ISA interrupt n
//     FF000000h      64 KiB that hold what was written, reached as registers are and not as RAM
//
// Models: all of it. Missing: interrupts 16-23, which are no ISA interrupts.
// Totality: ports of lines that are not there take anything; reads of the lines give 0.
// Source: behaviour of QEMU's device of that name.
#pragma once

#include "monitor/devices/bus/mmio_bus.h"
#include "monitor/devices/bus/port_bus.h"

#include <array>

namespace ring3 {

/// Where the device's interrupt ports end.
class TestLines {
public:
    virtual ~TestLines() = default;
    virtual void set_line(unsigned irq, bool high) = 0;
};

class TestDevice {
public:
    static constexpr PortRange dword_ports{0xe0, 4}, flush_ports{0xe4, 4}, byte_ports{0xe8, 4}, line_ports{0x2000, 24};
    static constexpr u64 memory_base = 0xff00'0000;
    static constexpr u64 memory_size = 0x1'0000;

    explicit TestDevice(TestLines& lines) : line_port_{lines} {}
    TestDevice(TestDevice const&) = delete;

    PortDevice& dword_port() { return dword_port_; }
    PortDevice& flush_port() { return flush_port_; }
    PortDevice& byte_port() { return dword_port_; }
    PortDevice& line_port() { return line_port_; }
    MmioDevice& memory() { return memory_; }

    void visit(auto&& archive) {
        archive("testdev.dword", dword_port_.bytes);
        archive("testdev.memory", memory_.bytes);
    }

private:
    struct DwordPort final : PortDevice {
        u8 read(u16 offset) override { return bytes[offset % bytes.size()]; }
        void write(u16 offset, u8 value) override { bytes[offset % bytes.size()] = value; }
        std::array<u8, 4> bytes{};
    };
    struct FlushPort final : PortDevice {
        u8 read(u16) override { return 0; }
        void write(u16, u8) override {}
    };
    struct LinePort final : PortDevice {
        explicit LinePort(TestLines& where) : lines{where} {}
        u8 read(u16) override { return 0; }
        void write(u16 offset, u8 value) override { lines.set_line(offset, value != 0); }
        TestLines& lines;
    };
    struct Memory final : MmioDevice {
        u64 read(u64 offset, unsigned count) override;
        void write(u64 offset, u64 value, unsigned count) override;
        std::array<u8, memory_size> bytes{};
    };

    DwordPort dword_port_;
    FlushPort flush_port_;
    LinePort line_port_;
    Memory memory_;
};

} // namespace ring3
