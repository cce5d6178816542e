#include "monitor/devices/board/pc.h"

#include "base/assert.h"

#include <algorithm>

namespace ring3 {

Pc::Pc(PcConfig const& config, Clock const& clock, PcOutside const& outside, PowerSwitch& power, Line& a20)
    : physical_address_bits_{config.physical_address_bits},
      timers_{clock},
      local_apic_{timers_, intr_, nmi_, pc::local_apic_id},
      reset_line_{power},
      a20_gate_{a20},
      pm_{timers_, sci_irq_, power},
      port61_{clock, pit_},
      rtc_{timers_, rtc_irq_, config.rtc_epoch} {
    local_apic_.set_eoi_listener(&io_apic_);
    auto const plugged = [this](CharSink* sink) -> CharSink& { return sink ? *sink : no_sink_; };
    for (unsigned i = 0; i < serial_.size(); ++i)
        if (config.serial[i])
            serial_[i] = std::make_unique<Uart16550>(timers_, serial_irqs_[i], plugged(outside.serial[i]));
    claim_ports();
    claim_mmio();
    fill_cmos(config);
    reset();
}

/// Every port of the board.
void Pc::claim_ports() {
    auto const claim = [this](PortRange range, PortDevice& device) { ASSERT(ports_.claim(range, device)); };
    claim(PicPair::master_ports, pic_.master());
    claim(PicPair::slave_ports, pic_.slave());
    claim(PicPair::elcr_ports, pic_.elcr());
    claim(Pit8254::ports, pit_);
    claim(Port61::ports, port61_);
    claim(Mc146818::ports, rtc_);
    claim(Port92::ports, port92_);
    claim(SmiCommandPort::ports, smi_command_);
    claim({pc::pm_base, AcpiPm::port_count}, pm_);
    for (unsigned i = 0; i < serial_.size(); ++i)
        if (serial_[i]) claim({pc::com_ports[i], Uart16550::port_count}, *serial_[i]);
}

void Pc::claim_mmio() {
    ASSERT(mmio_.claim({{IoApic::default_base}, IoApic::size}, io_apic_));
    map_local_apic();
}

/// The guest may move its APIC page or switch it off. Over another device's registers it cannot be reached.
void Pc::map_local_apic() {
    if (local_apic_mapped_) mmio_.release({{local_apic_mapping_}, LocalApic::size});
    local_apic_mapping_ = local_apic_.base();
    local_apic_mapped_ =
        local_apic_.globally_enabled() && mmio_.claim({{local_apic_mapping_}, LocalApic::size}, local_apic_);
}

bool Pc::msr_read(u32 index, u64& value) const {
    if (index != msr_apic_base) return false;
    value = local_apic_.base_msr();
    return true;
}

bool Pc::msr_write(u32 index, u64 value) {
    if (index != msr_apic_base || !local_apic_.write_base_msr(value, physical_address_bits_)) return false;
    map_local_apic();
    return true;
}

u8 Pc::acknowledge_interrupt() {
    if (auto const vector = local_apic_.acknowledge()) return *vector;
    return pic_.acknowledge();
}

/// Bit 7 of port 70h gates the NMI pin.
void Pc::raise_nmi() {
    if (!rtc_.nmi_masked()) lint1_.pulse();
}

void Pc::reset() {
    nmi_.pending = false;
    pic_.reset();
    io_apic_.reset();
    io_apic_.set_id(pc::io_apic_id); // as firmware does
    local_apic_.power_up();
    map_local_apic();
    port92_.reset();
    a20_gate_.set_input(0, true);
    pm_.reset();
    smi_command_.reset();
    pit_.reset();
    port61_.reset();
    rtc_.reset();
    for (auto& uart : serial_)
        if (uart) uart->reset();
}

/// What PC firmware leaves in the CMOS, as QEMU's and Bochs's do: memory sizes, equipment, no floppies, boot from disk.
void Pc::fill_cmos(PcConfig const& config) {
    constexpr u64 kib = 1024, mib = kib * kib;
    auto const word = [this](u8 index, u64 value, u64 most) {
        u64 const clamped = std::min(value, most);
        rtc_.set_cmos(index, static_cast<u8>(clamped));
        rtc_.set_cmos(static_cast<u8>(index + 1), static_cast<u8>(clamped >> 8));
    };
    u64 const low = config.ram_below_4g;
    u64 const above_1m = low > mib ? low - mib : 0;
    u64 const above_16m = low > 16 * mib ? low - 16 * mib : 0;
    word(0x15, std::min<u64>(low / kib, 640), 640);
    word(0x17, above_1m / kib, 0xffff);
    word(0x30, above_1m / kib, 0xffff);
    word(0x34, above_16m / (64 * kib), 0xffff);
    u64 const high_blocks = std::min<u64>(config.ram_above_4g / (64 * kib), 0xff'ffff);
    word(0x5b, high_blocks & 0xffff, 0xffff);
    rtc_.set_cmos(0x5d, static_cast<u8>(high_blocks >> 16));
    rtc_.set_cmos(0x10, 0x00); // no floppy drives
    rtc_.set_cmos(0x14, 0x06); // coprocessor, PS/2 mouse
    rtc_.set_cmos(0x3d, 0x12); // boot order: disk, then floppy
    unsigned sum = 0;
    for (u8 i = 0x10; i < 0x2e; ++i) sum += rtc_.cmos(i);
    rtc_.set_cmos(0x2e, static_cast<u8>(sum >> 8)); // the AT's checksum, high byte first
    rtc_.set_cmos(0x2f, static_cast<u8>(sum));
}

} // namespace ring3
