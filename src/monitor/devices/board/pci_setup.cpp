#include "monitor/devices/board/pci_setup.h"

#include "monitor/devices/board/addresses.h"

#include <algorithm>
#include <vector>

namespace ring3 {

namespace {

struct Request {
    PciFunction* function;
    unsigned window;
    u64 size;
};

/// A range that is handed out from below.
struct Space {
    u64 next, end;
    u64 take(u64 size) {
        u64 const base = (next + size - 1) & ~(size - 1);
        if (base + size > end) return 0;
        next = base + size;
        return base;
    }
};

void place(std::vector<Request>& requests, Space space) {
    std::ranges::stable_sort(requests, std::greater{}, &Request::size);
    for (Request const& r : requests)
        if (u64 const base = space.take(r.size))
            r.function->write_config(static_cast<u8>(PciFunction::bars + 4 * r.window), static_cast<u32>(base), 4);
}

} // namespace

void assign_pci_resources(PciBus& bus) {
    std::vector<Request> ports, memory;
    bus.for_each([&](unsigned slot, unsigned, PciFunction& function) {
        for (unsigned window = 0; window < PciFunction::bar_count; ++window)
            if (auto const needs = function.needs(window); needs.size != 0)
                (needs.ports ? ports : memory).push_back({&function, window, needs.size});
        if (u8 const pin = function.interrupt_pin_number(); pin != 0 && slot != pc::isa_bridge_slot)
            function.write_config(PciFunction::interrupt_line, pc::pci_irq(slot, pin - 1u), 1);
    });
    place(ports, {pc::pci_ports, pc::pci_ports_end});
    place(memory, {pc::pci_memory, pc::io_apic});
    bus.for_each([](unsigned, unsigned, PciFunction& function) {
        u32 const command = function.read_config(PciFunction::command, 2);
        bool windows = false;
        for (unsigned window = 0; window < PciFunction::bar_count; ++window)
            windows |= function.needs(window).size != 0;
        using Command = PciFunction::Command;
        if (windows)
            function.write_config(PciFunction::command,
                                  static_cast<u32>(command | Command::Ports::mask | Command::Memory::mask), 2);
        function.map_windows();
    });
}

} // namespace ring3
