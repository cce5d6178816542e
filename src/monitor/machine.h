// Machine: one whole VM inside its monitor: processor, memory, board, and the ends that lead to the app.
//
//       Dispatcher --- Vcpu --- Mmu --- PhysicalMemory
//            |           |                    |
//            |      (Platform)          (MmioHandler)
//            +-------- Machine ---------------+
//                        |
//                    Pc (board) --- SerialEnd ... --- driver::MonitorEnd
//
// Everything runs on the one thread of the process: there is no lock in a monitor.
#pragma once

#include "driver/channel.h"
#include "driver/machine_config.h"
#include "monitor/block_end.h"
#include "monitor/cpu/cpu_model.h"
#include "monitor/devices/board/pc.h"
#include "monitor/dispatcher/dispatcher.h"
#include "monitor/event_log.h"
#include "monitor/guest_memory.h"
#include "monitor/interpreter/native_runner.h"
#include "monitor/net_end.h"
#include "monitor/serial_end.h"
#include "monitor/virtio_end.h"
#include "monitor/virtual_clock.h"

#include <memory>
#include <optional>

namespace ring3 {

class Machine final : Platform, MmioHandler, PowerSwitch, Dispatcher::Host, UnclaimedPorts, UnclaimedMmio {
public:
    Machine(driver::MachineConfig const& config, driver::MonitorEnd& channel, CpuModel model,
            std::unique_ptr<NativeRunner> native);
    ~Machine() override;

    /// Takes what the configured engine needs of the host. Before the process confines itself.
    Result<void> prepare_engine();
    /// Runs the guest to its end; every way out has been told to the app when this returns.
    void run();

private:
    // ---- Platform: what the processor sees
    u32 port_read(u16 port, unsigned bytes) override;
    void port_write(u16 port, u32 value, unsigned bytes) override;
    bool interrupt_pending() override { return board_.interrupt_pending(); }
    u8 acknowledge_interrupt() override { return board_.acknowledge_interrupt(); }
    void set_ferr(bool raised) override { board_.set_ferr(raised); }
    u64 tsc() override { return clock_.tsc(); }
    u64 now() override { return clock_.now(); }
    bool msr_read(u32 index, u64& value) override { return board_.msr_read(index, value); }
    bool msr_write(u32 index, u64 value) override { return board_.msr_write(index, value); }
    bool stop_requested() override { return ended_ || channel_.attention(); }

    // ---- MmioHandler
    u64 mmio_read(GuestPhys address, unsigned bytes) override;
    void mmio_write(GuestPhys address, u64 value, unsigned bytes) override;

    // ---- PowerSwitch: what the guest does to its machine
    void power_off() override;
    void reset() override;
    void debug_exit(u32 value) override;
    void set_exit_status(u8 status) override { exit_status_ = status; }
    void input_wanted() override { channel_.send(driver::InputWanted{}); }

    // ---- Dispatcher::Host
    bool service() override;
    void entering_block(Block const&) override { log_.block(vcpu_); }

    // ---- accesses that no device answers
    void unclaimed_read(u16 port, unsigned bytes) override;
    void unclaimed_write(u16 port, u32 value, unsigned bytes) override;
    void unclaimed_mmio_read(GuestPhys address, unsigned bytes) override;
    void unclaimed_mmio_write(GuestPhys address, u64 value, unsigned bytes) override;

    PcOutside outside();
    void start(StartState const& state);
    void end(driver::FromMonitor const& last_words);
    void obey(driver::ToMonitor const& message);
    driver::ScreenState screen_state() const;
    void take_messages();
    void pump_serial();
    void pump_disks();
    void pump_network();
    void pump_virtio();
    void take_nmi();
    void sleep();
    void triple_fault();
    void update_statistics();
    void arm_timer();
    void check_verification();

    class DeviceTime;

    /// The A20 gate's wire.
    class A20Line final : public Line {
    public:
        explicit A20Line(Mmu& mmu) : mmu_{mmu} {}
        void set(bool high) override {
            if (mmu_.a20() != high) mmu_.set_a20(high);
        }

    private:
        Mmu& mmu_;
    };
    /// Where parallel-port and debug-console characters go.
    template <class Message> class CharEnd final : public CharSink {
    public:
        explicit CharEnd(driver::MonitorEnd& channel) : channel_{channel} {}
        void write(u8 character) override {
            text_ += static_cast<char>(character);
            if (text_.size() >= 1024) flush();
        }
        void flush() {
            if (!text_.empty()) channel_.send(Message{text_});
            text_.clear();
        }

    private:
        driver::MonitorEnd& channel_;
        std::string text_;
    };

    driver::MachineConfig const& config_;
    driver::MonitorEnd& channel_;
    VirtualClock clock_;
    CpuModel model_;
    std::unique_ptr<NativeRunner> native_;
    PhysicalMemory memory_;
    Vcpu vcpu_;
    GuestDma dma_{memory_};
    GuestMemoryMap memory_map_;
    std::vector<std::unique_ptr<BlockEnd>> disks_;
    std::vector<std::unique_ptr<NetEnd>> nics_;
    std::vector<std::unique_ptr<VirtioEnd>> virtio_;
    A20Line a20_;
    std::array<SerialEnd, driver::serial_ports> serial_;
    CharEnd<driver::ParallelOut> parallel_;
    CharEnd<driver::DebugconOut> debugcon_;
    Pc board_;
    std::unique_ptr<Engine> engine_; // nullptr: everything is interpreted
    std::optional<host::PreemptionTimer> timer_;
    Nanoseconds armed_for_{}; // the virtual time at which timer_ will ring
    Dispatcher dispatcher_;
    EventLog log_;
    u8 exit_status_{};
    u64 halted_ns_{}, device_ns_{};
    u64 port_accesses_{};
    bool ended_{};
};

} // namespace ring3
