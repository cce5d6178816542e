#include "monitor/devices/board/pc.h"

#include "base/assert.h"
#include "monitor/devices/board/pci_setup.h"

#include <algorithm>

namespace ring3 {

namespace {

CharSink& plugged(CharSink* sink, CharSink& otherwise) {
    return sink ? *sink : otherwise;
}

PowerOn power_on_state(PcConfig const& config) {
    return config.firmware.present() ? PowerOn::as_reset : PowerOn::as_firmware_leaves;
}

} // namespace

Pc::Pc(PcConfig const& config, Clock const& clock, PcOutside const& outside, PowerSwitch& power, Line& a20)
    : dma_{outside.dma ? *outside.dma : no_dma_},
      memory_map_{outside.memory_map ? *outside.memory_map : no_memory_map_},
      rom_{config.firmware.image},
      physical_address_bits_{config.physical_address_bits},
      timers_{clock},
      local_apic_{timers_, intr_, nmi_, pc::local_apic_id},
      reset_line_{power},
      a20_gate_{a20},
      pm_{timers_, sci_irq_, power},
      shadow_ram_{memory_map_, outside.shadow_memory, rom_},
      host_bridge_{shadow_ram_, power_on_state(config)},
      isa_bridge_{pci_irqs_.lines(), std::to_array(pc::pirq_irqs), power_on_state(config)},
      pm_function_{ports_, pm_, pc::pm_base, pc::sci_irq, power_on_state(config)},
      port61_{clock, pit_},
      rtc_{timers_, rtc_irq_, config.rtc_epoch},
      parallel_{timers_, parallel_irq_, plugged(outside.parallel, no_sink_)},
      vga_rom_{config.firmware.vga_rom},
      debug_exit_{power},
      debug_console_{plugged(outside.debug_console, no_sink_)},
      run_control_{power} {
    local_apic_.set_eoi_listener(&io_apic_);
    for (unsigned i = 0; i < serial_.size(); ++i)
        if (config.serial[i])
            serial_[i] = std::make_unique<Uart16550>(timers_, serial_irqs_[i], plugged(outside.serial[i], no_sink_));
    ASSERT(pci_.plug(pc::host_bridge_slot, 0, host_bridge_));
    ASSERT(pci_.plug(pc::isa_bridge_slot, 0, isa_bridge_));
    drives_.attach(config.drives, outside.disks);
    ASSERT(pci_.plug(pc::isa_bridge_slot, 1, drives_.ide()));
    ASSERT(pci_.plug(pc::isa_bridge_slot, 3, pm_function_));
    network_.attach(config.nics, outside.nics, pci_);
    virtio_.attach(config.virtio, outside.virtio, pci_);
    if (config.pci_test_device) test_cards_.attach_pci(pci_);
    if (config.graphics == Graphics::standard_vga) plug_graphics(config, clock, outside.video_memory);
    claim_ports();
    claim_configured_ports(config);
    claim_mmio();
    fill_cmos(config);
    fill_fw_cfg(config);
    map_firmware();
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
    claim(PciBus::ports, pci_); // the PM block is the PM function's to place
    claim(I8042::data_ports, keyboard_.data_port());
    claim(I8042::command_ports, keyboard_.command_port());
    claim(FpuError::ports, fpu_error_);
    claim(FwCfg::ports, fw_cfg_);
    claim(FwCfg::dma_ports, fw_cfg_.dma_port());
    drives_.claim_ports(ports_);
}

/// What is there only if somebody asked for it. A debug port that the user put onto another device's is not reached.
void Pc::claim_configured_ports(PcConfig const& config) {
    auto const claim = [this](PortRange range, PortDevice& device) { return ports_.claim(range, device); };
    for (unsigned i = 0; i < serial_.size(); ++i)
        if (serial_[i]) ASSERT(claim({pc::com_ports[i], Uart16550::port_count}, *serial_[i]));
    if (config.parallel) ASSERT(claim({pc::lpt1, ParallelPort::port_count}, parallel_));
    if (config.run_control) ASSERT(claim({pc::run_control, RunControl::port_count}, run_control_));
    if (config.debug_console) static_cast<void>(claim({*config.debug_console, 1}, debug_console_));
    if (config.debug_exit) static_cast<void>(claim(*config.debug_exit, debug_exit_));
    if (config.isa_test_device) test_cards_.attach_isa(ports_, mmio_);
}

void Pc::claim_mmio() {
    ASSERT(mmio_.claim({{IoApic::default_base}, IoApic::size}, io_apic_));
    ASSERT(mmio_.claim({{ShadowRam::base}, ShadowRam::size}, shadow_ram_));
    map_local_apic();
}

/// The card's ports and its window at A0000h are its own in any case; what the BARs decode, software places.
void Pc::plug_graphics(PcConfig const& config, Clock const& clock, std::span<u8> memory) {
    if (memory.empty()) {
        own_video_memory_.resize(VgaMemory::planes_size);
        memory = own_video_memory_;
    }
    auto const start = config.firmware.present() ? VgaCard::Start::off : VgaCard::Start::text_mode;
    vga_ = std::make_unique<VgaCard>(clock, memory, vga_rom_, start);
    ASSERT(pci_.plug(pc::graphics_slot, 0, *vga_));
    ASSERT(ports_.claim(VgaRegisters::mono_ports, vga_->registers().mono()));
    ASSERT(ports_.claim(VgaRegisters::common_ports, vga_->registers().common()));
    ASSERT(ports_.claim(VgaRegisters::color_ports, vga_->registers().color()));
    ASSERT(ports_.claim(VgaCard::display_ports, vga_->display_port()));
    ASSERT(mmio_.claim({{VgaMemory::base}, VgaMemory::size}, vga_->window()));
}

/// The firmware's ROM ends where the first 4 GiB end; its last 128 KiB are at E0000h, too (ShadowRam).
void Pc::map_firmware() {
    if (!rom_.empty()) ASSERT(memory_map_.map({pc::high_memory - rom_.size()}, rom_, MemoryMap::Kind::rom));
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
    keyboard_.reset(); // A20 on
    pm_.reset();
    smi_command_.reset();
    pci_.reset(); // and the functions on it
    if (rom_.empty()) assign_pci_resources(pci_);
    pit_.reset();
    port61_.reset();
    rtc_.reset();
    for (auto& uart : serial_)
        if (uart) uart->reset();
    parallel_.reset();
    fpu_error_.reset();
    drives_.reset();
    fw_cfg_.reset();
    if (rom_.empty()) start_interrupts();
}

/// What PC firmware leaves running: both 8259As initialized, only the timer and the cascade let through, counter 0 in
/// mode 2 at its slowest (18.2 Hz). The real-mode handlers are the boot loader's (boot/interrupt_vectors.h).
void Pc::start_interrupts() {
    constexpr u8 icw1_four_words = 0x11, icw4_8086 = 0x01;
    constexpr u8 cascade_irq = 2;
    auto const initialize = [](PortDevice& pic, u8 vectors, u8 cascade, u8 mask) {
        pic.write(0, icw1_four_words);
        for (u8 const word : {vectors, cascade, icw4_8086, mask}) pic.write(1, word);
    };
    constexpr u8 let_through = 1u << pc::timer_irq | 1u << cascade_irq;
    initialize(pic_.master(), pc::master_vectors, 1u << cascade_irq, static_cast<u8>(~let_through));
    initialize(pic_.slave(), pc::slave_vectors, cascade_irq, 0xff);
    constexpr u16 command_port = 3, counter_0 = 0;
    constexpr u8 counter_0_both_bytes_mode_2 = 0x34;
    pit_.write(command_port, counter_0_both_bytes_mode_2);
    for (int byte = 0; byte < 2; ++byte) pit_.write(counter_0, 0); // 0 stands for 65536
}

/// What PC firmware leaves in the CMOS, as QEMU's and Bochs's do: memory sizes, equipment, drives, boot order.
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
    rtc_.set_cmos(0x14, 0x06); // coprocessor, PS/2 mouse
    drives_.fill_cmos(rtc_);
    auto const boot = [&](unsigned i) { return static_cast<u8>(config.firmware.boot_order[i]); };
    rtc_.set_cmos(0x3d, static_cast<u8>(boot(0) | boot(1) << 4));
    rtc_.set_cmos(0x38, static_cast<u8>((config.firmware.check_floppy_signature ? 0 : 1) | boot(2) << 4));
    unsigned sum = 0;
    for (u8 i = 0x10; i < 0x2e; ++i) sum += rtc_.cmos(i);
    rtc_.set_cmos(0x2e, static_cast<u8>(sum >> 8)); // the AT's checksum, high byte first
    rtc_.set_cmos(0x2f, static_cast<u8>(sum));
}

void Pc::fill_fw_cfg(PcConfig const& config) {
    constexpr u64 cpus = 1;
    fw_cfg_.add_number(FwCfg::ram_size, config.ram_below_4g + config.ram_above_4g, 8);
    fw_cfg_.add_number(FwCfg::cpu_count, cpus, 2);
    fw_cfg_.add_number(FwCfg::most_cpus, cpus, 2);
    fw_cfg_.add_number(FwCfg::no_graphics, config.firmware.serial_console, 2);
    fw_cfg_.add_number(FwCfg::boot_menu, config.firmware.boot_menu, 2);
    fw_cfg_.add_number(FwCfg::irq0_override, 1, 4);
    for (FirmwareFile const& file : config.firmware.files) fw_cfg_.add_file(file.name, file.bytes);
}

} // namespace ring3
