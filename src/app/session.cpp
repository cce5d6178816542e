#include "app/session.h"

#include "app/images.h"
#include "app/screen_dump.h"
#include "app/statistics_output.h"
#include "app/terminal.h"
#include "app/virtio_devices.h"
#include "host/process.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>

namespace ring3::app {

namespace {

constexpr std::chrono::seconds stall_grace{1};
constexpr std::size_t shown_events = 8;
constexpr std::size_t kept_console = 2048;

Result<void> write_pid_file(std::string const& path) {
    std::FILE* const file = std::fopen(path.c_str(), "we");
    if (!file) return host::fail_errno(ExitStatus::io, fmt::format("cannot open '{}' for writing", path));
    fmt::print(file, "{}\n", ::getpid());
    if (std::fclose(file) != 0) return host::fail_errno(ExitStatus::io, fmt::format("cannot write '{}'", path));
    return {};
}

} // namespace

Session::Session(VmSettings settings, MonitorMain monitor)
    : settings_{std::move(settings)},
      monitor_main_{std::move(monitor)},
      signals_{loop_, [this](int signal) { on_signal(signal); }},
      grace_{loop_, [this] { finish({.raise_signal = ending_signal_}); }} {}

Session::~Session() {
    if (machine_ && !settings_.pid_file.empty()) ::unlink(settings_.pid_file.c_str());
}

// ---- beginning and end

Result<Ending> Session::run() {
    TRY_VOID(begin());
    while (!ending_) turn();
    end_machine();
    if (auto const closed = disks_->close(); !closed && ending_->message.empty())
        ending_ = Ending{.status = static_cast<int>(closed.error().status), .message = closed.error().message};
    flush();
    ending_->statistics = statistics_;
    return *std::move(ending_);
}

Result<void> Session::begin() {
    // Whatever can be wrong with files is found out before the terminal changes its mode.
    images_ = TRY(read_images(settings_));
    outputs_ = TRY(Outputs::open(
        loop_, settings_, [this](OutputFailure const& failure) { on_output_failure(failure); }, [this] { quit(); }));
    disks_ = TRY(BlockHost::open(loop_, settings_.drives, [this](std::string const& why) { on_disk_trouble(why); }));
    if (!settings_.firmware.image.empty()) TRY_VOID(load_roms(settings_.net));
    network_ =
        TRY(NetHost::open(loop_, settings_.net, [this](std::string text) { outputs_->log().write(text + "\n"); }));
    TRY_VOID(make_virtio());
    connect_users();
    while (!outputs_->are_connected() && !ending_) loop_.turn(EventLoop::Sleep::may);
    if (ending_) return {};
    paused_ = settings_.start_paused;
    TRY_VOID(start_machine());
    settings_.start_paused = false; // that was for the first time
    if (!settings_.pid_file.empty()) TRY_VOID(write_pid_file(settings_.pid_file));
    return {};
}

Result<void> Session::make_virtio() {
    virtio_ = std::make_unique<VirtioHost>(loop_, [this](std::string text) { outputs_->log().write(text + "\n"); });
    for (VirtioSettings const& wanted : settings_.virtio)
        virtio_->add(TRY(make_virtio_device(wanted, {loop_, *disks_, *network_, *outputs_,
                                                     [this](virtio::Balloon& balloon) { balloon_ = &balloon; }})),
                     wanted.place);
    return {};
}

void Session::connect_users() {
    for (u8 port = 0; port < driver::serial_ports; ++port) {
        auto const& serial = settings_.serial[port];
        if (serial)
            serial_[port] = std::make_unique<SerialLine>(loop_, outputs_->connect(serial->chardev), port, *serial);
    }
    if (settings_.parallel) parallel_ = &outputs_->connect(*settings_.parallel);
    if (settings_.debugcon) debugcon_ = &outputs_->connect(settings_.debugcon->chardev);
    VmControl& control = *this;
    for (auto const index : settings_.monitors) {
        consoles_.push_back(std::make_unique<OperatorConsole>(outputs_->connect(index), control));
        if (!outputs_->is_multiplexed(index)) consoles_.back()->focused();
    }
}

Result<void> Session::start_machine() {
    auto const opened = disks_->descriptions();
    for (std::size_t i = 0; i < opened.size(); ++i) settings_.drives[i].drive = opened[i];
    machine_ = TRY(Machine::start(settings_, virtio_->descriptions(), images_, monitor_main_, allocator_));
    watch_ = std::make_unique<MachineWatch>(loop_, *machine_, [this] { return outputs_->has_room(); });
    disks_->attach(machine_->driver(), machine_->ram());
    network_->attach(&machine_->driver());
    virtio_->attach(machine_->driver(), machine_->ram());
    for (auto const& line : serial_)
        if (line) line->attach(&machine_->driver());
    return {};
}

void Session::end_machine() {
    for (auto const& line : serial_)
        if (line) line->attach(nullptr);
    bool const lived = watch_ != nullptr;
    watch_.reset();
    if (machine_) machine_->end();
    if (network_) network_->attach(nullptr);
    if (virtio_) virtio_->detach();
    if (disks_) disks_->detach();                                // their memory goes with the machine
    if (lived) statistics_.add(machine_->driver().statistics()); // whatever ended it: the counters outlive the process
    for (auto const& answer : std::exchange(register_queries_, {})) answer("the machine has ended\n");
    for (auto const& query : std::exchange(screen_queries_, {})) query.done("the machine has ended");
}

void Session::restart() {
    images_.firmware.boot_order = settings_.firmware.order; // -boot once= was for the first start
    reset_wanted_ = powered_off_ = false;
    end_machine();
    if (auto const started = start_machine(); !started)
        return finish({.status = static_cast<int>(started.error().status), .message = started.error().message});
    if (paused_) tell(driver::Pause{});
}

void Session::flush() {
    using Patience = Outputs::Patience;
    Patience patience = Patience::all;
    Alarm impatience{loop_, [&] { patience = Patience::only_those_that_cannot_stall; }};
    impatience.set(stall_grace);
    hurry_ = false; // the next signal sets it
    while (outputs_ && !outputs_->drained(patience) && !hurry_) loop_.turn(EventLoop::Sleep::may);
}

void Session::finish(Ending ending) {
    if (!ending_) ending_ = std::move(ending);
}

void Session::fail_with(std::string message) {
    if (!console_tail_.empty()) message += fmt::format("\nthe end of its console:\n{}", printable(console_tail_));
    finish({.status = static_cast<int>(ExitStatus::internal), .message = std::move(message)});
}

// ---- the loop

void Session::turn() {
    if (reset_wanted_) return restart();
    Ring const ring = watch_ ? drain() : Ring::empty;
    if (ending_ || reset_wanted_) return;
    bool const readable = watch_ && outputs_->has_room();
    if (readable && ring == Ring::empty && watch_->monitor_died()) return on_death();
    bool const may_sleep = ring == Ring::empty && (!readable || machine_->driver().prepare_wait());
    loop_.turn(may_sleep ? EventLoop::Sleep::may : EventLoop::Sleep::must_not);
    if (watch_) machine_->driver().finish_wait();
}

Session::Ring Session::drain() {
    // Not without end: a monitor that talks all the time must not keep us from the keyboard.
    for (int i = 0; i < 256; ++i) {
        if (ending_ || reset_wanted_ || !watch_ || !outputs_->has_room()) return Ring::empty;
        auto const received = machine_->driver().receive();
        if (!received) {
            broke_the_rules(received.error().message);
            return Ring::empty;
        }
        if (!*received) return Ring::empty;
        std::visit([this](auto const& message) { on(message); }, **received);
    }
    return Ring::more;
}

// ---- messages

void Session::broke_the_rules(std::string_view how) {
    fail_with(fmt::format("VM '{}' was ended: {}", settings_.name, how));
}

void Session::keep_console(std::string_view bytes) {
    console_tail_ += bytes;
    if (console_tail_.size() > 2 * kept_console) console_tail_.erase(0, console_tail_.size() - kept_console);
}

void Session::on(driver::SerialOut const& message) {
    if (!serial_[message.port]) return broke_the_rules("output on a serial port that is not there");
    if (settings_.console_is_hidden && message.port == 0) keep_console(message.bytes);
    serial_[message.port]->output(message.bytes);
}

void Session::on(driver::SerialTaken const& message) {
    if (!serial_[message.port] || !serial_[message.port]->taken(message.count))
        broke_the_rules("more serial input taken than there was");
}

void Session::on(driver::ModemLines const& message) {
    if (!serial_[message.port]) return broke_the_rules("modem lines of a serial port that is not there");
    serial_[message.port]->set_modem_lines(message.rts);
}

void Session::on(driver::ParallelOut const& message) {
    if (!parallel_) return broke_the_rules("output on a parallel port that is not there");
    parallel_->write(message.bytes);
}

void Session::on(driver::DebugconOut const& message) {
    if (!debugcon_) return broke_the_rules("output on a debug console that is not there");
    debugcon_->write(message.bytes);
}

void Session::on(driver::LogText const& message) {
    outputs_->log().write(message.text);
}

void Session::on(driver::InputWanted const&) {
    for (auto const& line : serial_)
        if (line) line->input_wanted();
}

void Session::on(driver::RegistersText const& message) {
    // Without a question there is nobody to give the answer to.
    for (auto const& answer : std::exchange(register_queries_, {})) answer(message.text);
}

void Session::on(driver::ScreenState const& message) {
    for (auto const& query : std::exchange(screen_queries_, {})) {
        auto const dumped = app::dump_screen(query.path, message.registers, machine_->video_memory());
        query.done(dumped ? "" : dumped.error().message);
    }
}

void Session::obey_rules(Result<void> const& taken) {
    if (!taken) broke_the_rules(taken.error().message);
}

void Session::on(driver::BlockRequest const& message) {
    obey_rules(disks_->request(message));
}

void Session::on(driver::FrameOut const& message) {
    obey_rules(network_->sent(message));
}

void Session::on(driver::FrameInTaken const& message) {
    obey_rules(network_->taken(message));
}

/// A host's error that is to stop the machine (werror, rerror). Whoever can make room says `cont`.
void Session::on_disk_trouble(std::string const& why) {
    if (!std::exchange(disk_trouble_, true))
        outputs_->log().write(fmt::format("VM '{}' is paused: {}; 'cont' tries again\n", settings_.name, why));
    if (!paused_) stop();
}

void Session::on(driver::PowerOff const& message) {
    if (settings_.policy.power_off == OnPowerOff::exit) return finish({.status = message.status});
    powered_off_ = true;
    end_machine();
}

void Session::on(driver::DebugExit const& message) {
    finish({.status = static_cast<int>((message.value << 1 | 1) & 0xff)}); // what a process status can carry
}

void Session::on(driver::Reset const&) {
    on_reset(settings_.policy.reset, "the guest reset its machine instead of powering it off");
}

void Session::on(driver::TripleFault const&) {
    on_reset(settings_.policy.triple_fault, "the guest's processor shut down (triple fault)");
}

void Session::on_reset(OnReset answer, std::string_view what_happened) {
    switch (answer) {
    case OnReset::restart: reset_wanted_ = true; break;
    case OnReset::exit: finish({}); break;
    case OnReset::fail: fail_with(fmt::format("VM '{}': {}", settings_.name, what_happened)); break;
    }
}

void Session::on(driver::Stopped const& message) {
    fail_with(fmt::format("VM '{}' stopped: {}", settings_.name, printable(message.reason)));
    // Of the monitor's word for the status, only our own even ones are believed.
    if (message.status == static_cast<u8>(ExitStatus::host_lacks)) ending_->status = message.status;
}

void Session::on_death() {
    watch_->read_last_words();
    fail_with(describe_death(settings_.name, machine_->wait_status(), watch_->last_words(),
                             machine_->driver().last_events(shown_events)));
}

// ---- the host

void Session::on_signal(int signal) {
    if (signal == SIGTSTP) return on_job_control_stop();
    if (signal == SIGCONT) return RawTerminal::make_raw_again(); // the shell may have changed it meanwhile
    hurry_ = true;
    bool const press = settings_.policy.signal == OnSignal::press_power_button && watch_ && !grace_.is_set();
    if (settings_.policy.signal == OnSignal::exit)
        return finish({.message = fmt::format("ended by {}", host::signal_text(signal))});
    if (!press) return finish({.raise_signal = signal});
    ending_signal_ = signal;
    press_power_button();
    grace_.set(settings_.policy.power_button_grace);
}

void Session::on_job_control_stop() {
    if (!paused_) tell(driver::Pause{});
    RawTerminal::restore_now();
    ::raise(SIGSTOP);
    RawTerminal::make_raw_again();
    if (!paused_) tell(driver::Resume{});
}

void Session::on_output_failure(OutputFailure const& failure) {
    // This replaces even a good ending that was being flushed: what could not be written is lost.
    if (failure.standard_output && failure.error == EPIPE)
        ending_ = Ending{.raise_signal = SIGPIPE}; // quietly, like every other tool in a pipeline
    else
        ending_ =
            Ending{.status = static_cast<int>(ExitStatus::io),
                   .message = fmt::format("cannot write to {}: {}", failure.what, host::errno_text(failure.error))};
}

// ---- VmControl

void Session::tell(driver::ToMonitor const& message) {
    // The ring takes thousands of these. If it is full, the monitor hangs, and only quit or reset will help anyway.
    if (watch_) machine_->driver().try_send(message);
}

void Session::stop() {
    paused_ = true;
    tell(driver::Pause{});
}

void Session::resume() {
    paused_ = disk_trouble_ = false;
    disks_->retry();
    tell(driver::Resume{});
}

std::optional<u64> Session::guest_memory() const {
    if (!balloon_) return std::nullopt;
    return settings_.memory - std::min(settings_.memory, balloon_->given());
}

bool Session::set_guest_memory(u64 bytes) {
    if (balloon_) balloon_->ask_for(settings_.memory - std::min(settings_.memory, bytes));
    return balloon_ != nullptr;
}

std::string Session::change_medium(std::string_view drive, std::string const& path) {
    auto const changed = disks_->change_medium(drive, path);
    return changed ? "" : changed.error().message;
}

std::string Session::status() const {
    if (powered_off_) return "paused (shutdown)";
    if (disk_trouble_) return "paused (io-error)";
    return paused_ ? "paused" : "running";
}

void Session::query_registers(std::function<void(std::string_view)> answer) {
    if (!watch_) return answer("the machine has ended\n");
    register_queries_.push_back(std::move(answer));
    tell(driver::QueryRegisters{});
}

void Session::dump_screen(std::string path, std::function<void(std::string_view)> done) {
    if (!watch_) return done("the machine has ended");
    screen_queries_.push_back({std::move(path), std::move(done)});
    tell(driver::QueryScreen{});
}

// ---- for main

int report(Error const& error) {
    fmt::print(stderr, "ring3: {}\n", error.message);
    return static_cast<int>(error.status);
}

int run_session(VmSettings settings, MonitorMain monitor) {
    auto statistics = StatisticsOutput::open(settings.engine);
    if (!statistics) return report(statistics.error());
    auto const ending = Session{std::move(settings), std::move(monitor)}.run();
    // The session is gone, and the terminal is as it was.
    if (!ending) return report(ending.error());
    if (!ending->message.empty()) fmt::print(stderr, "ring3: {}\n", ending->message);
    if (auto const written = statistics->write(ending->statistics); !written) return report(written.error());
    if (ending->raise_signal != 0) die_by(ending->raise_signal);
    return ending->status;
}

} // namespace ring3::app
