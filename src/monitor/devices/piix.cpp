#include "monitor/devices/piix.h"

namespace ring3 {

namespace {
constexpr u16 intel = 0x8086;
constexpr u32 host_bridge_class = 0x06'0000, isa_bridge_class = 0x06'0100, other_bridge_class = 0x06'8000;
} // namespace

// ---- 82441FX

HostBridge::HostBridge(ShadowRam& shadow, PowerOn state)
    : PciFunction{{intel, 0x1237, host_bridge_class, 0x02}}, shadow_{shadow}, state_{state} {
    HostBridge::reset();
}

void HostBridge::reset() {
    define(command, 0x0006, 2, 0x0100);
    define(status, 0x0280, 2, 0);
    for (unsigned offset = 0x50; offset < 0x74; ++offset)
        define(static_cast<u8>(offset), 0, 1, 0xff); // PMCCFG .. SMRAM
    constexpr u8 all_ram = 0x33;
    for (u8 i = 0; i < pams; ++i)
        define(static_cast<u8>(first_pam + i), state_ == PowerOn::as_firmware_leaves ? all_ram : 0, 1, 0x33);
    switch_memory();
}

void HostBridge::config_written(u8 offset, unsigned bytes) {
    if (offset < first_pam + pams && offset + bytes > first_pam) switch_memory();
}

/// PAM0's high half is for the last segment; the others have two segments each, the lower one in the low half.
void HostBridge::switch_memory() {
    auto const access = [this](unsigned pam, unsigned shift) {
        unsigned const bits = byte(static_cast<u8>(first_pam + pam)) >> shift;
        return ShadowRam::Access{.read_ram = (bits & 1) != 0, .write_ram = (bits & 2) != 0};
    };
    shadow_.set(ShadowRam::last_segment, access(0, 4));
    for (unsigned segment = 0; segment < ShadowRam::last_segment; ++segment)
        shadow_.set(segment, access(1 + segment / 2, 4 * (segment % 2)));
}

// ---- 82371SB function 0

IsaBridge::IsaBridge(IrqLines irqs, std::array<u8, pirq_count> routes, PowerOn state)
    : PciFunction{{intel, 0x7000, isa_bridge_class, 0x00, true}}, irqs_{irqs}, firmware_routes_{routes}, state_{state} {
    IsaBridge::reset();
}

void IsaBridge::reset() {
    define(command, 0x0007, 2, 0x0008);
    define(status, 0x0200, 2, 0);
    define(0x4c, 0x4d, 1, 0xff);     // IORT
    define(0x4e, 0x0003, 2, 0xffff); // XBCS
    bool const routed = state_ == PowerOn::as_firmware_leaves;
    for (u8 i = 0; i < pirq_count; ++i)
        define(static_cast<u8>(first_route + i), routed ? firmware_routes_[i] : Route::Disabled::mask, 1, 0x8f);
    define(0x69, 0x02, 1, 0xfe);         // TOM
    define(0x82, 0x00, 1, 0x0f);         // DLC
    define(0xa0, 0x00000008, 4, ~u32{}); // SMI control and the registers behind it
    drive();
}

void IsaBridge::set_pirq(unsigned number, bool asserted) {
    u8 const bit = static_cast<u8>(1u << number % pirq_count);
    asserted_ = static_cast<u8>(asserted ? asserted_ | bit : asserted_ & ~bit);
    drive();
}

void IsaBridge::config_written(u8 offset, unsigned bytes) {
    if (offset < first_route + pirq_count && offset + bytes > first_route) drive();
}

/// Several PIRQs may share an IRQ: its line is high while one of them is.
void IsaBridge::drive() {
    u16 levels = 0;
    for (u8 i = 0; i < pirq_count; ++i) {
        Route const route{{byte(static_cast<u8>(first_route + i))}};
        if ((asserted_ >> i & 1) && !route.has<Route::Disabled>())
            levels |= static_cast<u16>(1u << route.get<Route::Irq>());
    }
    for (unsigned irq = 0; irq < irq_count; ++irq)
        if (irqs_[irq]) irqs_[irq]->set((levels >> irq & 1) != 0);
}

// ---- 82371AB function 3

PowerManagementFunction::PowerManagementFunction(PortBus& ports, AcpiPm& pm, u16 base, u8 sci_irq, PowerOn state)
    : PciFunction{{intel, 0x7113, other_bridge_class, 0x03}},
      ports_{ports},
      pm_{pm},
      firmware_base_{base},
      sci_irq_{sci_irq},
      state_{state} {
    PowerManagementFunction::reset();
}

void PowerManagementFunction::reset() {
    define(command, 0x0000, 2, 0x0001);
    define(status, 0x0280, 2, 0);
    define(interrupt_line, sci_irq_, 1, 0xff);
    define(interrupt_pin, 1, 1, 0);
    bool const placed = state_ == PowerOn::as_firmware_leaves;
    define(pm_base, (placed ? firmware_base_ : 0) | 1u, 4, 0xffc0);
    for (unsigned offset = 0x44; offset < 0x80; ++offset) define(static_cast<u8>(offset), 0, 1, 0xff);
    constexpr u32 smi_command_enabled = 1 << 25; // APMC_EN
    define(device_activity_b, smi_command_enabled, 4, ~u32{});
    define(misc, placed, 1, 1);
    define(0x90, 1, 4, 0xfff0); // SMBus base; the controller is not there
    define(0xd2, 0, 1, 0x0f);
    map();
}

void PowerManagementFunction::config_written(u8, unsigned) {
    map();
}

/// Where another device is already, the block cannot be reached.
void PowerManagementFunction::map() {
    u16 const wanted = byte(misc) & 1 ? word(pm_base) & 0xffc0 : 0;
    if (wanted == mapped_) return;
    if (mapped_) ports_.release({mapped_, AcpiPm::port_count});
    mapped_ = wanted && ports_.claim({wanted, AcpiPm::port_count}, pm_) ? wanted : u16{0};
}

} // namespace ring3
