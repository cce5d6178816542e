// FuzzMachine: a small machine in which any bytes may run as code, in any mode, through the dispatcher's own loop.
//
//     00000  interrupt table of real mode: every vector at 7000, an IRET
//     01000  the input's code
//     02000  GDT, LDT, TSS          03000  IDT
//     07000  handlers               below B000: stack of ring 0, below F000: of ring 3
//     10000  page directory         11000  page table: the 256 KiB identical, ring 3 allowed
//
// All of RAM and all registers start the same for every input.
#pragma once

#include "monitor/cpu/cpu_model.h"
#include "monitor/dispatcher/dispatcher.h"

#include <array>
#include <memory>
#include <span>

namespace ring3::fuzz {

/// What the input chooses besides its code. Every bit pattern is meaningful.
struct Setup {
    u8 mode{};            // of Mode, modulo their number
    u8 interrupt_every{}; // external interrupts: one in so many questions; 0: none
    u8 vector{};
    u8 port_value{};
    u32 flags{};
    std::array<u32, 8> registers{};
};
static_assert(sizeof(Setup) == 40);

enum class Mode : u8 { real, virtual8086, flat16, flat32, user32, paged32, paged_user32, count_ };

class FuzzMachine final : Platform, MmioHandler, Dispatcher::Host {
public:
    FuzzMachine();
    /// Runs a few hundred blocks, and asserts what must hold at any instruction boundary.
    void run(Setup const& setup, std::span<u8 const> code);

private:
    static constexpr u32 memory_size = 0x4'0000;
    static constexpr unsigned most_blocks = 300; // code that goes in circles has shown by then what it does

    // Platform
    u32 port_read(u16 port, unsigned bytes) override;
    void port_write(u16, u32, unsigned) override {}
    bool interrupt_pending() override;
    u8 acknowledge_interrupt() override { return setup_.vector; }
    void set_ferr(bool) override {}
    u64 tsc() override { return ++time_; }
    bool msr_read(u32, u64&) override { return false; }
    bool msr_write(u32, u64) override { return false; }
    bool stop_requested() override { return ++blocks_ > most_blocks; }
    // MmioHandler
    u64 mmio_read(GuestPhys address, unsigned) override { return address.raw * 0x0101'0101; }
    void mmio_write(GuestPhys, u64, unsigned) override {}
    // Dispatcher::Host
    bool service() override;

    void build_image();
    void reset_processor();
    void enter(Mode mode);
    void check() const;
    template <class T> void poke(u32 address, T value);

    std::vector<u8> image_, ram_;
    PhysicalMemory memory_;
    CpuModel model_;
    std::unique_ptr<NativeRunner> native_;
    std::unique_ptr<TraceRing> trace_;
    Vcpu vcpu_;
    Dispatcher dispatcher_;
    Setup setup_{};
    u64 time_{};
    unsigned questions_{}, blocks_{};
};

} // namespace ring3::fuzz
