// Session: a virtual machine as a person sees it. It connects the machine to the outside, does what its guest asks for,
// and knows what to do when the machine resets, powers off, or its monitor dies.
//
//     VmSettings --> Outputs (chardevs) --+-- SerialLine ------+
//                                         +-- OperatorConsole -+-- Session ---- Machine (RAM, channel, monitor)
//                                         +-- log -------------+
#pragma once

#include "app/block_host.h"
#include "app/machine.h"
#include "app/machine_watch.h"
#include "app/net_host.h"
#include "app/operator_console.h"
#include "app/outputs.h"
#include "app/run_statistics.h"
#include "app/serial_line.h"
#include "app/signals.h"
#include "app/virtio_host.h"
#include "app/vm_control.h"
#include "virtio/balloon.h"

#include <memory>
#include <optional>

namespace ring3::app {

/// How ring3 itself is to end.
struct Ending {
    int status{};
    int raise_signal{};    // not 0: die by this signal instead, as the shell expects it
    std::string message{}; // for standard error, after everything else was written; may have several lines
    RunStatistics statistics{};
};

class Session final : private VmControl {
public:
    Session(VmSettings settings, MonitorMain monitor);
    ~Session() override;

    /// Runs the machine to its end. An error means that it could not begin.
    Result<Ending> run();

private:
    // ---- beginning and end
    Result<void> begin();
    Result<void> make_virtio();
    void connect_users();
    Result<void> start_machine();
    void end_machine();
    void restart();
    void flush();
    void finish(Ending ending);
    void fail_with(std::string message);

    // ---- from the driver
    enum class Ring : u8 { empty, more };
    Ring drain();
    void turn();
    void on(driver::SerialOut const& message);
    void on(driver::SerialTaken const& message);
    void on(driver::ModemLines const& message);
    void on(driver::ParallelOut const& message);
    void on(driver::DebugconOut const& message);
    void on(driver::PowerOff const& message);
    void on(driver::Reset const& message);
    void on(driver::DebugExit const& message);
    void on(driver::TripleFault const& message);
    void on(driver::Stopped const& message);
    void on(driver::LogText const& message);
    void on(driver::InputWanted const& message);
    void on(driver::RegistersText const& message);
    void on(driver::ScreenState const& message);
    void on(driver::BlockRequest const& message);
    void on(driver::FrameOut const& message);
    void on(driver::FrameInTaken const& message);
    void on(driver::VirtioConfigured const& message) { obey_rules(virtio_->configured(message)); }
    void on(driver::VirtioKick const& message) { obey_rules(virtio_->kicked(message)); }
    void on(driver::VirtioConfigWrite const& message) { obey_rules(virtio_->config_written(message)); }
    void on(driver::VirtioReset const& message) { obey_rules(virtio_->reset(message)); }
    void on_reset(OnReset answer, std::string_view what_happened);
    void on_death();
    void on_disk_trouble(std::string const& why);
    void broke_the_rules(std::string_view how);
    void obey_rules(Result<void> const& taken);
    void keep_console(std::string_view bytes);

    // ---- from the host
    void on_signal(int signal);
    void on_job_control_stop();
    void on_output_failure(OutputFailure const& failure);

    // ---- VmControl
    void stop() override;
    void resume() override;
    void reset() override { reset_wanted_ = true; }
    void press_power_button() override { tell(driver::PowerButton{}); }
    void raise_nmi() override { tell(driver::Nmi{}); }
    void quit() override { finish({}); }
    void press_key(Key key) override { tell(driver::KeyEvent{key.code, key.extended, true}); }
    void release_key(Key key) override { tell(driver::KeyEvent{key.code, key.extended, false}); }
    std::string disks() const override { return disks_->list(); }
    std::string change_medium(std::string_view drive, std::string const& path) override;
    std::string status() const override;
    std::string network() const override { return network_ ? network_->describe() : ""; }
    bool set_link(std::string_view name, bool up) override { return network_ && network_->set_link(name, up); }
    std::optional<u64> guest_memory() const override;
    bool set_guest_memory(u64 bytes) override;
    void dump_screen(std::string path, std::function<void(std::string_view)> done) override;
    void query_registers(std::function<void(std::string_view)> answer) override;
    void tell(driver::ToMonitor const& message);

    VmSettings settings_;
    MonitorMain monitor_main_;
    boot::Images images_;
    Allocator allocator_{look_at_resources()};
    EventLoop loop_;
    SignalSource signals_;
    Alarm grace_; // after the power button, until the guest is ended anyway
    std::unique_ptr<Outputs> outputs_;
    std::array<std::unique_ptr<SerialLine>, driver::serial_ports> serial_;
    Chardev* parallel_{};
    Chardev* debugcon_{};
    std::vector<std::unique_ptr<OperatorConsole>> consoles_;
    std::unique_ptr<BlockHost> disks_;
    std::unique_ptr<NetHost> network_;
    std::unique_ptr<VirtioHost> virtio_;
    virtio::Balloon* balloon_{}; // one of virtio_'s
    std::unique_ptr<Machine> machine_;
    std::unique_ptr<MachineWatch> watch_; // only while the machine lives
    std::vector<std::function<void(std::string_view)>> register_queries_;
    struct ScreenQuery {
        std::string path;
        std::function<void(std::string_view)> done;
    };
    std::vector<ScreenQuery> screen_queries_;
    std::string console_tail_; // of a hidden console
    RunStatistics statistics_; // of the monitors that have ended
    std::optional<Ending> ending_;
    int ending_signal_{};
    bool paused_{}, disk_trouble_{}, powered_off_{}, reset_wanted_{}, hurry_{};
};

/// Runs a machine and reports what is to be reported: what both programs' main() return.
int run_session(VmSettings settings, MonitorMain monitor);

/// One line on standard error for an error, and its status.
int report(Error const& error);

} // namespace ring3::app
