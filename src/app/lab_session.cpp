#include "app/lab_session.h"

#include "app/default_guest.h"
#include "app/net_options.h"
#include "app/session.h"
#include "host/process.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ring3::app {

namespace {

constexpr std::chrono::milliseconds quiet_time{300}; // after which a prompt is shown although its line has no end
constexpr std::chrono::seconds extra_patience{5};    // for processes whose own time has run out

/// What a shell would say of it.
int status_of(int wait_status) {
    if (WIFEXITED(wait_status)) return WEXITSTATUS(wait_status);
    return static_cast<int>(ExitStatus::internal);
}

std::string describe_end(int wait_status, bool told_to_stop) {
    if (WIFSIGNALED(wait_status) && told_to_stop) return "was ended";
    if (WIFSIGNALED(wait_status)) return fmt::format("was ended by {}", host::signal_text(WTERMSIG(wait_status)));
    int const status = WEXITSTATUS(wait_status);
    return status == 0 ? "has ended" : fmt::format("has ended with status {}", status);
}

} // namespace

LabSession::LabSession(LabFile file, LabOptions options, MonitorMain monitor)
    : file_{std::move(file)},
      options_{std::move(options)},
      monitor_{std::move(monitor)},
      terminal_{::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0},
      signals_{loop_, [this](int signal) { on_signal(signal); }},
      told_to_stop_(file_.machines.size()),
      quiet_{loop_, [this] { console_->flush(); }},
      patience_{loop_, [this] { kill_all(); }} {}

LabSession::~LabSession() = default;

// ---- beginning

/// In this process, so that a way out does not go with the machine that happened to have it.
Result<void> LabSession::open_uplinks() {
    if (file_.lab.uplinks.empty()) return {};
    NetOptions options;
    options.no_defaults();
    for (auto const& uplink : file_.lab.uplinks) {
        auto const words = config::uplink_arguments(uplink);
        for (std::size_t i = 1; i < words.size(); i += 2) TRY_VOID(options.add_netdev(words[i].text));
    }
    auto const settings = TRY(options.finish());
    uplinks_ = TRY(NetHost::open(loop_, settings, [](std::string text) { fmt::print(stderr, "ring3: {}\n", text); }));
    return {};
}

Result<void> LabSession::start_machines() {
    std::vector<std::string> names;
    for (auto const& machine : file_.machines) names.push_back(machine.name);
    bool const colours = ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
    out_ = std::make_unique<OutputQueue>(loop_, STDOUT_FILENO, [this](int error) { on_output_failure(error); });
    console_ = std::make_unique<LabConsole>(
        std::move(names), colours,
        LabConsole::Hooks{.write = [this](std::string_view text) { out_->write(text); },
                          .type = [this](std::size_t i, std::string_view bytes) { machines_[i]->type(bytes); },
                          .state = [this](std::size_t i) { return state_of(i); },
                          .shown = [this](std::optional<std::size_t> i) { on_shown(i); },
                          .end_all = [this] { end_all(); }});
    for (std::size_t i = 0; i < file_.machines.size(); ++i) {
        machines_.push_back(
            TRY(LabProcess::start(loop_, file_.machines[i], terminal_ ? LabInput::typed : LabInput::none, monitor_,
                                  {.output = [this, i](std::string_view bytes) { on_output(i, bytes); },
                                   .message = [this, i](std::string_view bytes) { console_->message(i, bytes); },
                                   .has_room = [this] { return out_->has_room(); },
                                   .ended = [this, i] { on_end(i); }})));
    }
    return {};
}

Result<LabSession::Ending> LabSession::run() {
    TRY_VOID(open_uplinks());
    TRY_VOID(start_machines());
    if (terminal_) {
        raw_.emplace(STDIN_FILENO, TerminalSignals::end_ring3);
        keyboard_ = std::make_unique<InputStream>(
            loop_, STDIN_FILENO,
            InputStream::Handler{.wanted = [] { return true; },
                                 .arrived = [this](std::string_view bytes) { console_->input(bytes); },
                                 .ended = [] {}});
    }
    while (!all_have_ended()) loop_.turn(EventLoop::Sleep::may);
    flush_output();
    return ending();
}

void LabSession::flush_output() {
    bool patient = true;
    Alarm impatience{loop_, [&] { patient = false; }};
    impatience.set(std::chrono::seconds{1});
    while (patient && !output_failed_ && !out_->empty()) loop_.turn(EventLoop::Sleep::may);
}

// ---- what happens

void LabSession::on_output(std::size_t machine, std::string_view bytes) {
    console_->output(machine, bytes);
    if (console_->has_begun_lines()) quiet_.set(quiet_time);
}

/// Ctrl-C ends the lab, or is a key for the machine that is shown.
void LabSession::on_shown(std::optional<std::size_t> machine) {
    raw_.reset();
    raw_.emplace(STDIN_FILENO, machine ? TerminalSignals::to_guest : TerminalSignals::end_ring3);
}

std::optional<std::size_t> LabSession::until() const {
    auto const found = std::ranges::find(file_.machines, options_.until, &LabMachine::name);
    if (found == file_.machines.end()) return {};
    return static_cast<std::size_t>(found - file_.machines.begin());
}

void LabSession::on_end(std::size_t machine) {
    ended_.push_back(machine);
    console_->ended(machine);
    auto const how = describe_end(machines_[machine]->wait_status(), told_to_stop_[machine]);
    fmt::print(stderr, "ring3: {} {}\n", file_.machines[machine].name, how);
    if (until() == machine) stop_all(SIGTERM);
}

std::string LabSession::state_of(std::size_t machine) const {
    LabProcess const& process = *machines_[machine];
    return process.runs() ? "running" : describe_end(process.wait_status(), told_to_stop_[machine]);
}

bool LabSession::all_have_ended() const {
    return ended_.size() == machines_.size();
}

void LabSession::signal_all(int signal) {
    for (auto const& machine : machines_) machine->send(signal);
}

/// The first time the guests' power buttons are pressed, the second time their processes end at once: they see to that
/// (Session::on_signal).
void LabSession::stop_all(int signal) {
    i64 longest = 0;
    for (std::size_t i = 0; i < machines_.size(); ++i) {
        if (!machines_[i]->runs()) continue;
        told_to_stop_[i] = true;
        longest = std::max(longest, file_.lab.machines[i].stop_timeout);
        machines_[i]->send(signal);
    }
    if (!patience_.is_set()) patience_.set(std::chrono::seconds{longest} + extra_patience);
}

/// Without the power button: two different signals, as two equal ones may arrive as one.
void LabSession::end_all() {
    told_to_stop_.assign(machines_.size(), true);
    signal_all(SIGTERM);
    signal_all(SIGINT);
    patience_.set(extra_patience);
}

void LabSession::kill_all() {
    told_to_stop_.assign(machines_.size(), true);
    signal_all(SIGKILL);
}

void LabSession::on_signal(int signal) {
    if (signal == SIGTSTP) return on_job_control_stop();
    if (signal == SIGCONT) return raw_ ? RawTerminal::make_raw_again() : void();
    stopped_by_ = signal;
    stop_all(SIGTERM);
}

/// The machines' processes stop in their own way, with their guests' time.
void LabSession::on_job_control_stop() {
    signal_all(SIGTSTP);
    if (raw_) RawTerminal::restore_now();
    ::raise(SIGSTOP);
    if (raw_) RawTerminal::make_raw_again();
    signal_all(SIGCONT);
}

/// As every tool in a pipeline whose reader has gone.
void LabSession::on_output_failure(int) {
    output_failed_ = true;
    stopped_by_ = SIGPIPE;
    end_all();
}

// ---- the end

/// Zero if all went well; otherwise what ended first with something else. Who was told to stop and did not, is no
/// failure of its own: then the lab ends by the signal that asked for it.
LabSession::Ending LabSession::ending() const {
    if (auto const machine = until(); machine && !told_to_stop_[*machine])
        return {.status = status_of(machines_[*machine]->wait_status())};
    bool killed = output_failed_;
    for (auto const machine : ended_) {
        int const status = machines_[machine]->wait_status();
        if (WIFSIGNALED(status) && told_to_stop_[machine])
            killed = true;
        else if (status_of(status) != 0)
            return {.status = status_of(status)};
    }
    return {.status = 0, .raise_signal = killed ? stopped_by_ : 0};
}

// ---- for main

namespace {

constexpr std::string_view usage =
    "usage: ring3 run FILE.toml [MACHINE...] [--until MACHINE]\n\n"
    "Starts the machines of a file, or those that are named. One alone has the terminal; of several, each line\n"
    "stands behind its machine's name, and Ctrl-a 1 gives the first one the keyboard (Ctrl-a h lists the keys).\n\n"
    "  --until MACHINE   when that machine ends, stop the others; its status is the lab's\n\n"
    "'ring3 config check FILE.toml' says what is wrong in a file. See also: man ring3.toml\n";

Result<LabOptions> parse_lab_options(std::span<std::string const> arguments) {
    LabOptions options;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        auto const& word = arguments[i];
        if (word == "--until" && i + 1 < arguments.size())
            options.until = arguments[++i];
        else if (word.starts_with("--until="))
            options.until = word.substr(8);
        else if (word.starts_with('-'))
            return fail(ExitStatus::usage,
                        fmt::format("option '{}' is none of a machine file's: what a machine has stands in the file "
                                    "('ring3 run FILE.toml --help' lists the options)",
                                    word));
        else if (options.file.empty())
            options.file = word;
        else
            options.names.push_back(word);
    }
    return options;
}

Result<int> run_machines(LabOptions options, MonitorParts const& monitor) {
    auto file = TRY(open_lab_file(options.file, options.names, monitor, guest_directories()));
    TRY_VOID(report_problems(file));
    bool const known = std::ranges::find(file.machines, options.until, &LabMachine::name) != file.machines.end();
    if (!options.until.empty() && !known)
        return fail(ExitStatus::usage, fmt::format("option '--until': there is no machine '{}'", options.until));
    if (file.machines.size() == 1) return run_session(std::move(file.machines[0].settings), monitor.run);
    auto const ending = TRY((LabSession{std::move(file), std::move(options), monitor.run}.run()));
    if (ending.raise_signal != 0) die_by(ending.raise_signal);
    return ending.status;
}

} // namespace

int run_lab(std::span<std::string const> arguments, MonitorParts const& monitor) {
    if (std::ranges::find(arguments, "--help") != arguments.end()) {
        fmt::print("{}", usage);
        return std::fflush(stdout) == 0 ? 0 : static_cast<int>(ExitStatus::io);
    }
    auto options = parse_lab_options(arguments);
    if (!options) return report(options.error());
    auto const status = run_machines(*std::move(options), monitor);
    if (status) return *status;
    return status.error().message.empty() ? static_cast<int>(status.error().status) : report(status.error());
}

} // namespace ring3::app
