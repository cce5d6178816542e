#include "monitor/machine.h"

#include "base/pc_addresses.h"
#include "host/time.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <utility>

namespace ring3 {

namespace {

/// What firmware leaves in IA32_MTRR_DEF_TYPE (SDM 3A 11.11.2.1): MTRRs and fixed MTRRs on, memory is write-back.
constexpr u64 mtrrs_enabled_write_back = 0xc06;

PcConfig board_config(driver::MachineConfig const& config, unsigned physical_bits) {
    pc::RamSplit const split = pc::split_ram(config.ram.size());
    PcConfig board;
    board.ram_below_4g = split.low;
    board.ram_above_4g = split.high;
    board.rtc_epoch = static_cast<i64>(config.rtc_base);
    board.physical_address_bits = physical_bits;
    board.serial = config.serial;
    board.parallel = config.parallel;
    if (config.debugcon) board.debug_console = config.debugcon->base;
    if (config.debug_exit) board.debug_exit = PortRange{config.debug_exit->base, config.debug_exit->size};
    board.isa_test_device = config.isa_test_device;
    board.pci_test_device = config.pci_test_device;
    board.drives = config.drives;
    board.nics = config.nics;
    board.virtio = config.virtio;
    board.graphics = config.graphics;
    board.firmware = config.firmware;
    board.run_control = config.guest_ports == driver::GuestPorts::present;
    return board;
}

} // namespace

/// With --stats: adds the time of its life to the devices'.
class Machine::DeviceTime {
public:
    explicit DeviceTime(Machine& machine)
        : machine_{machine}, start_{machine.config_.engine.count ? host::monotonic_nanoseconds() : 0} {}
    ~DeviceTime() {
        if (start_ == 0) return;
        u64 const spent = host::monotonic_nanoseconds() - start_;
        machine_.device_ns_ += spent;
        if (machine_.engine_) machine_.engine_->spent_elsewhere(spent);
    }
    DeviceTime(DeviceTime const&) = delete;

private:
    Machine& machine_;
    u64 start_;
};

Machine::Machine(driver::MachineConfig const& config, driver::MonitorEnd& channel, CpuModel model,
                 std::unique_ptr<NativeRunner> native)
    : config_{config},
      channel_{channel},
      clock_{model.tsc_khz()},
      model_{std::move(model)},
      native_{std::move(native)},
      memory_{*this},
      vcpu_{memory_, *this, model_, *native_, channel_.trace()},
      memory_map_{vcpu_.mmu, config.ram},
      a20_{vcpu_.mmu},
      serial_{{{channel, 0}, {channel, 1}, {channel, 2}, {channel, 3}}},
      parallel_{channel},
      debugcon_{channel},
      board_{board_config(config, model_.physical_bits()), clock_, outside(), *this, a20_},
      dispatcher_{vcpu_, *this},
      log_{channel, config.log} {
    vcpu_.mmu.set_physical_bits(model_.physical_bits());
    memory_map_.set_registers(board_.mmio());
    for (unsigned nic = 0; nic < nics_.size(); ++nic) nics_[nic]->connect(board_.network_card(nic));
    for (unsigned i = 0; i < virtio_.size(); ++i) virtio_[i]->connect(board_.virtio_device(i));
    vcpu_.listener = &log_;
    dispatcher_.set_wants_blocks(config.log.execution);
    board_.ports().set_unclaimed(this);
    board_.mmio().set_unclaimed(this);
    vcpu_.reset();
    if (!config.firmware.present()) start(config.start);
}

Machine::~Machine() = default;

Result<void> Machine::prepare_engine() {
    if (config_.engine.engine == driver::Engine::interpret || config_.log.execution) return {};
    engine_ = TRY(Engine::create(
        vcpu_, config_.engine,
        GuestRam{config_.ram_fd, {config_.ram.data(), config_.ram.size() + config_.video_memory.size()}}));
    timer_.emplace(TRY(host::PreemptionTimer::create()));
    dispatcher_.set_engine(engine_.get());
    return {};
}

/// The far ends of the board's plugs.
PcOutside Machine::outside() {
    PcOutside ends;
    for (unsigned port = 0; port < driver::serial_ports; ++port)
        if (config_.serial[port]) ends.serial[port] = &serial_[port];
    ends.parallel = &parallel_;
    ends.debug_console = &debugcon_;
    ends.dma = &dma_;
    ends.memory_map = &memory_map_;
    ends.video_memory = config_.video_memory;
    ends.shadow_memory = config_.ram.subspan(ShadowRam::base, ShadowRam::size);
    for (DriveDescription const& drive : config_.drives) {
        u8 const number = static_cast<u8>(disks_.size());
        disks_.push_back(std::make_unique<BlockEnd>(channel_, dma_, number, drive, config_.ram.size()));
        ends.disks.push_back(disks_.back().get());
    }
    for (u8 nic = 0; nic < config_.nics.size() && nic < max_nics; ++nic)
        ends.nics.push_back(nics_.emplace_back(std::make_unique<NetEnd>(channel_, nic)).get());
    for (u8 device = 0; device < config_.virtio.size() && device < max_virtio; ++device)
        ends.virtio.push_back(virtio_.emplace_back(std::make_unique<VirtioEnd>(channel_, dma_, device)).get());
    return ends;
}

/// The state a boot protocol asks for, in the place of what firmware would have done.
void Machine::start(StartState const& state) {
    GuestCpu& cpu = vcpu_.cpu;
    cpu.cr0 = cpu.cr0.with<Cr0::PE>(1).with<Cr0::CD>(0).with<Cr0::NW>(0);
    auto const flat = [&cpu](SegmentName name, u16 selector, u64 descriptor) {
        cpu.seg(name) = Segment::from_descriptor({{selector}}, {descriptor});
    };
    flat(SegmentName::cs, 0x10, 0x00cf'9b00'0000'ffff);
    for (auto const name : {SegmentName::ds, SegmentName::es, SegmentName::ss, SegmentName::fs, SegmentName::gs})
        flat(name, 0x18, 0x00cf'9300'0000'ffff);
    cpu.gdtr = {state.gdt_base, state.gdt_limit};
    cpu.mtrr_def_type = mtrrs_enabled_write_back;
    cpu.gpr[eax] = state.eax;
    cpu.gpr[ebx] = state.ebx;
    cpu.gpr[edx] = 0;
    cpu.gpr[esi] = state.esi;
    cpu.gpr[edi] = state.edi;
    cpu.gpr[ebp] = state.ebp;
    cpu.gpr[esp] = state.esp;
    cpu.eip = state.eip;
    vcpu_.update_mode();
    vcpu_.mmu.flush_all();
    a20_.set(true);
}

// ---- the run loop's owner ---------------------------------------------------------------------------------------

void Machine::run() {
    if (config_.start_paused) clock_.pause();
    while (!ended_) {
        if (clock_.paused()) {
            pump_serial();
            update_statistics();
            channel_.wait(std::nullopt);
            take_messages();
            continue;
        }
        switch (dispatcher_.run()) {
        case Dispatcher::Exit::stopped: check_verification(); break;
        case Dispatcher::Exit::halted: sleep(); break;
        case Dispatcher::Exit::shutdown: triple_fault(); break;
        }
    }
}

/// --verify found a difference: the run ends with everything that is known about it.
void Machine::check_verification() {
    if (!engine_ || engine_->divergence().empty()) return;
    log_.always(engine_->divergence());
    end(driver::Stopped{"translated and interpreted code differ (see above)", static_cast<u8>(ExitStatus::internal)});
}

bool Machine::service() {
    {
        DeviceTime const time{*this};
        board_.timers().run_expired();
    }
    if (channel_.attention()) take_messages();
    take_nmi();
    pump_serial();
    pump_disks();
    pump_network();
    pump_virtio();
    update_statistics();
    arm_timer();
    return !ended_ && !clock_.paused();
}

/// Translated code does not ask what time it is: a signal tells it when the next timer is due, and now and then that
/// characters wait to be passed on.
void Machine::arm_timer() {
    constexpr Nanoseconds longest = 5'000'000;
    if (!timer_) return;
    Nanoseconds const now = clock_.now();
    Nanoseconds const due = std::min(board_.timers().next_deadline(), now + longest);
    bool const still_armed = armed_for_ > now;
    if (still_armed && due >= armed_for_) return; // it rings early: then the next one is armed
    armed_for_ = due;
    timer_->arm(due > now ? due - now : 1);
}

void Machine::pump_serial() {
    for (u8 port = 0; port < driver::serial_ports; ++port)
        if (config_.serial[port]) serial_[port].pump(board_.serial(port));
    parallel_.flush();
    debugcon_.flush();
}

void Machine::pump_network() {
    for (auto const& nic : nics_) nic->pump();
}

void Machine::pump_virtio() {
    for (auto const& device : virtio_) device->pump();
}

void Machine::pump_disks() {
    for (auto const& disk : disks_) disk->pump();
}

void Machine::take_nmi() {
    if (!board_.nmi_pending()) [[likely]]
        return;
    board_.acknowledge_nmi();
    vcpu_.cpu.nmi_pending = true;
}

/// HLT: sleep on the host until the next timer, a message, or what a full ring waits for.
void Machine::sleep() {
    if (!service()) return;
    if (vcpu_.nmi_waiting() || (board_.interrupt_pending() && vcpu_.cpu.eflags.has<Eflags::IF>())) return;
    Nanoseconds const before = clock_.now();
    Nanoseconds const deadline = board_.timers().next_deadline();
    if (deadline <= before) return;
    // The signal that is due anyway ends the sleep. If it comes between here and the host's poll, the time-out does.
    constexpr Nanoseconds margin = 500'000;
    bool const rings = timer_ && armed_for_ > before && armed_for_ <= deadline;
    if (deadline == Timer::never)
        channel_.wait(std::nullopt);
    else
        channel_.wait(std::chrono::nanoseconds{deadline - before + (rings ? margin : 0)});
    halted_ns_ += clock_.now() - before;
    service();
}

void Machine::update_statistics() {
    driver::Statistics& statistics = channel_.statistics();
    auto const publish = [](std::atomic<u64>& word, u64 value) { word.store(value, std::memory_order_relaxed); };
    publish(statistics.instructions, dispatcher_.counters().instructions);
    publish(statistics.exceptions, dispatcher_.counters().faults);
    publish(statistics.interrupts, dispatcher_.counters().interrupts);
    publish(statistics.port_accesses, port_accesses_);
    publish(statistics.halted_nanoseconds, halted_ns_);
    publish(statistics.virtual_nanoseconds, clock_.now());
    driver::EngineStatistics engine = engine_ ? engine_->statistics() : driver::EngineStatistics{};
    engine.interpreted += dispatcher_.counters().instructions;
    engine.time_halted = halted_ns_;
    engine.time_devices = device_ns_;
    u64 const accounted = halted_ns_ + device_ns_ + engine.time_translated + engine.time_translator;
    u64 const lived = clock_.now();
    // What remains is the interpreter's; only known if the rest was measured.
    if (config_.engine.count && lived > accounted) engine.time_interpreter = lived - accounted;
    statistics.publish(engine);
}

// ---- messages of the app ----------------------------------------------------------------------------------------

void Machine::take_messages() {
    while (auto const message = channel_.receive()) obey(*message);
}

driver::ScreenState Machine::screen_state() const {
    driver::ScreenState answer;
    if (VgaCard const* const card = board_.graphics()) {
        answer.registers.resize(sizeof(VgaState));
        std::memcpy(answer.registers.data(), &card->state(), sizeof(VgaState));
    }
    return answer;
}

void Machine::obey(driver::ToMonitor const& message) {
    struct Visitor {
        Machine& machine;
        void operator()(driver::SerialIn const& in) const { machine.serial_[in.port].queue(in.bytes); }
        void operator()(driver::SerialBreak const& in) const { machine.serial_[in.port].queue_break(); }
        void operator()(driver::Pause) const { machine.clock_.pause(); }
        void operator()(driver::Resume) const {
            auto const stood = machine.clock_.resume();
            if (machine.config_.rtc_clock == driver::RtcClock::host_time) machine.board_.skip_rtc(stood);
        }
        void operator()(driver::PowerButton) const { machine.board_.press_power_button(); }
        void operator()(driver::Nmi) const { machine.board_.raise_nmi(); }
        void operator()(driver::QueryRegisters) const {
            machine.channel_.send(
                driver::RegistersText{EventLog::describe(machine.vcpu_).substr(0, driver::max_payload)});
        }
        void operator()(driver::FrameIn const& in) const {
            if (in.nic < machine.nics_.size()) machine.nics_[in.nic]->arrived(in);
        }
        void operator()(driver::FrameOutTaken const& taken) const {
            if (taken.nic < machine.nics_.size()) machine.nics_[taken.nic]->taken(taken.count);
        }
        void operator()(driver::Cable const& cable) const {
            if (cable.nic < machine.nics_.size()) machine.nics_[cable.nic]->set_cable(cable.plugged);
        }
        void operator()(driver::MediumChanged const& medium) const {
            if (medium.disk >= machine.disks_.size()) return;
            machine.disks_[medium.disk]->set_medium(medium);
            DriveDescription const& drive = machine.config_.drives[medium.disk];
            machine.board_.drives().medium_changed(drive.kind, drive.unit);
        }
        void operator()(driver::BlockDone const& answer) const {
            if (answer.disk < machine.disks_.size()) machine.disks_[answer.disk]->done(answer);
            machine.vcpu_.mmu.attention = true; // its drive may have changed its interrupt line
        }
        void operator()(driver::VirtioUsed const& used) const {
            if (used.device < machine.virtio_.size()) machine.virtio_[used.device]->used(used);
            machine.vcpu_.mmu.attention = true; // the device may have changed its interrupt line
        }
        void operator()(driver::VirtioResetDone const& done) const {
            if (done.device < machine.virtio_.size()) machine.virtio_[done.device]->reset_done();
        }
        void operator()(driver::VirtioBroken const& broken) const {
            if (broken.device < machine.virtio_.size()) machine.virtio_[broken.device]->broken();
            machine.vcpu_.mmu.attention = true;
        }
        void operator()(driver::VirtioConfigChanged const& changed) const {
            if (changed.device < machine.virtio_.size()) machine.virtio_[changed.device]->config_changed(changed);
            machine.vcpu_.mmu.attention = true;
        }
        void operator()(driver::KeyEvent const& key) const {
            Ps2Keyboard::Key const which{key.code, key.extended};
            key.pressed ? machine.board_.keyboard().press(which) : machine.board_.keyboard().release(which);
        }
        void operator()(driver::QueryScreen) const { machine.channel_.send(machine.screen_state()); }
        void operator()(driver::Quit) const { machine.ended_ = true; }
    };
    std::visit(Visitor{*this}, message);
}

// ---- ends -------------------------------------------------------------------------------------------------------

/// Says what happened, after everything that the guest has written before.
void Machine::end(driver::FromMonitor const& last_words) {
    if (ended_) return;
    ended_ = true;
    for (u8 port = 0; port < driver::serial_ports; ++port) {
        if (config_.serial[port]) board_.serial(port).drain();
        serial_[port].flush();
    }
    parallel_.flush();
    debugcon_.flush();
    update_statistics();
    channel_.send(last_words);
}

void Machine::power_off() {
    vcpu_.record(TraceKind::power, 0, 0);
    end(driver::PowerOff{exit_status_});
}

void Machine::reset() {
    vcpu_.record(TraceKind::power, 1, 0);
    log_.registers(vcpu_, "CPU Reset (CPU 0)");
    end(driver::Reset{});
}

void Machine::debug_exit(u32 value) {
    end(driver::DebugExit{value});
}

void Machine::triple_fault() {
    vcpu_.record(TraceKind::triple_fault, 0, vcpu_.cpu.eip);
    log_.registers(vcpu_, "Triple fault");
    end(driver::TripleFault{});
}

u64 Machine::mmio_read(GuestPhys address, unsigned bytes) {
    DeviceTime const time{*this};
    return board_.mmio().read(address, bytes);
}

void Machine::mmio_write(GuestPhys address, u64 value, unsigned bytes) {
    DeviceTime const time{*this};
    board_.mmio().write(address, value, bytes);
    take_nmi(); // the local APIC sends them to itself
    arm_timer();
}

// ---- accesses ---------------------------------------------------------------------------------------------------

u32 Machine::port_read(u16 port, unsigned bytes) {
    vcpu_.mmu.attention = true; // a device may have changed its interrupt line
    ++port_accesses_;
    DeviceTime const time{*this};
    return board_.ports().read(port, bytes);
}

void Machine::port_write(u16 port, u32 value, unsigned bytes) {
    vcpu_.mmu.attention = true;
    ++port_accesses_;
    DeviceTime const time{*this};
    board_.ports().write(port, value, bytes);
    take_nmi();
    arm_timer();
}

void Machine::unclaimed_read(u16 port, unsigned bytes) {
    vcpu_.record(TraceKind::port_unclaimed, port | u64{bytes} << 16, 0);
    if (log_.takes_guest_errors()) log_.guest_error(fmt::format("read of port {:#x}, which no device has", port));
}

void Machine::unclaimed_write(u16 port, u32 value, unsigned bytes) {
    vcpu_.record(TraceKind::port_unclaimed, port | u64{bytes} << 16, value);
    if (log_.takes_guest_errors())
        log_.guest_error(fmt::format("write of {:#x} to port {:#x}, which no device has", value, port));
}

void Machine::unclaimed_mmio_read(GuestPhys address, unsigned) {
    vcpu_.record(TraceKind::mmio_unclaimed, address.raw, 0);
    if (log_.takes_guest_errors())
        log_.guest_error(fmt::format("read of physical address {:#x}, where nothing is", address.raw));
}

void Machine::unclaimed_mmio_write(GuestPhys address, u64 value, unsigned) {
    vcpu_.record(TraceKind::mmio_unclaimed, address.raw, value);
    if (log_.takes_guest_errors())
        log_.guest_error(fmt::format("write of {:#x} to physical address {:#x}, where nothing is", value, address.raw));
}

} // namespace ring3
