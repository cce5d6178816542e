// LabSession: the machines of a file, side by side. Each is an app process of its own with its monitor; what joins them
// is here: the terminal, signals, the ways out of their switches, and the status in the end.
//
//     LabSession --+-- LabProcess web --- Session --- monitor
//       terminal   +-- LabProcess db  --- Session --- monitor
//       uplinks ...... switch "lab-lan" between them (net/switch_service.h)
#pragma once

#include "app/lab_console.h"
#include "app/lab_process.h"
#include "app/lab_settings.h"
#include "app/net_host.h"
#include "app/signals.h"
#include "app/terminal.h"

namespace ring3::app {

struct LabOptions {
    std::string file;
    std::vector<std::string> names; // empty: all machines
    std::string until;              // the machine whose end is the end of all; empty: the last one's
};

class LabSession {
public:
    LabSession(LabFile file, LabOptions options, MonitorMain monitor);
    ~LabSession();

    /// Runs the machines to their end. Gives the status, or by which signal to die.
    struct Ending {
        int status{};
        int raise_signal{};
    };
    Result<Ending> run();

private:
    Result<void> open_uplinks();
    Result<void> start_machines();
    void on_signal(int signal);
    void on_job_control_stop();
    void on_output_failure(int error);
    void on_end(std::size_t machine);
    void on_output(std::size_t machine, std::string_view bytes);
    void on_shown(std::optional<std::size_t> machine);
    void stop_all(int signal);
    void end_all();
    void kill_all();
    void signal_all(int signal);
    bool all_have_ended() const;
    std::string state_of(std::size_t machine) const;
    Ending ending() const;
    void flush_output();
    std::optional<std::size_t> until() const;

    LabFile file_;
    LabOptions options_;
    MonitorMain monitor_;
    bool terminal_;
    EventLoop loop_;
    SignalSource signals_;
    std::optional<RawTerminal> raw_;
    std::unique_ptr<OutputQueue> out_;
    std::unique_ptr<InputStream> keyboard_;
    std::unique_ptr<LabConsole> console_;
    std::unique_ptr<NetHost> uplinks_;
    std::vector<std::unique_ptr<LabProcess>> machines_;
    std::vector<std::size_t> ended_; // in their order
    std::vector<bool> told_to_stop_;
    Alarm quiet_; // nothing has come for a moment
    Alarm patience_;
    int stopped_by_{};
    bool output_failed_{};
};

/// `ring3 run FILE.toml ...`: what main() returns.
int run_lab(std::span<std::string const> arguments, MonitorParts const& monitor);

} // namespace ring3::app
