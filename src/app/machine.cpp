#include "app/machine.h"

#include "app/images.h"
#include "host/process.h"
#include "host/sandbox.h"
#include "host/time.h"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ring3::app {

namespace {

struct ChildNeeds {
    pid_t parent;
    int last_words; // becomes standard error
    std::array<int, 3> keep;
};

/// Between fork and the monitor proper: cut the ties to the app's terminal, signals and descriptors.
Result<void> become_monitor(ChildNeeds const& needs) {
    TRY_VOID(host::die_with_parent(needs.parent));
    ::setsid(); // Ctrl-C at the terminal is for the app, which decides what it means for the guest
    ::dup2(needs.last_words, STDERR_FILENO);
    std::array const keep{STDERR_FILENO, needs.keep[0], needs.keep[1], needs.keep[2]};
    TRY_VOID(host::close_everything_but(keep));
    host::reset_signals();
    return {};
}

[[noreturn]] void run_child(ChildNeeds const& needs, driver::MachineConfig const& config, driver::MonitorEnd channel,
                            MonitorMain const& monitor) {
    auto const ready = become_monitor(needs);
    if (!ready) {
        fmt::print(stderr, "{}\n", ready.error().message);
        ::_exit(static_cast<int>(ready.error().status));
    }
    ::_exit(monitor(config, channel)); // without the app's atexit handlers and destructors
}

} // namespace

driver::MachineConfig machine_config(VmSettings const& settings) {
    driver::MachineConfig config;
    config.name = settings.name;
    config.cpu = settings.cpu;
    config.rtc_clock = settings.rtc_clock;
    config.start_paused = settings.start_paused;
    config.rtc_base = settings.rtc_base.value_or(host::wall_clock_seconds());
    std::ranges::transform(settings.serial, config.serial.begin(), [](auto const& port) { return port.has_value(); });
    config.parallel = settings.parallel.has_value();
    for (auto const& nic : settings.net.nics) // those of virtio are the last ones
        if (nic.card.model != NicModel::virtio) config.nics.push_back(nic.card);
    for (DriveSettings const& drive : settings.drives) // virtio disks are the last ones
        if (drive.drive.kind != DriveKind::virtio_disk) config.drives.push_back(drive.drive);
    if (settings.debugcon) config.debugcon = settings.debugcon->port;
    config.debug_exit = settings.debug_exit;
    config.isa_test_device = settings.isa_test_device;
    config.pci_test_device = settings.pci_test_device;
    config.graphics = settings.firmware.graphics;
    config.guest_ports = settings.guest_ports;
    config.log = settings.log;
    config.engine = settings.engine.options;
    config.engine.count = settings.engine.statistics_table || !settings.engine.statistics_file.empty();
    config.sandbox = host::sanitizer_build() ? driver::Sandbox::off : settings.sandbox;
    return config;
}

Machine::Machine(MemoryGrant grant, host::GuestRam ram, driver::Channel channel)
    : grant_{std::move(grant)}, ram_{std::move(ram)}, channel_{std::move(channel)}, driver_{channel_.app_end()} {}

Result<std::unique_ptr<Machine>> Machine::start(VmSettings const& settings, std::vector<VirtioDescription> virtio,
                                                boot::Images const& images, MonitorMain const& monitor,
                                                Allocator& allocator) {
    auto grant = TRY(allocator.grant_memory(settings.memory));
    auto ram = TRY(host::GuestRam::create("ring3-ram", settings.memory + video_memory_size));
    auto const start = TRY(load_images(images, ram.bytes().first(settings.memory)));
    auto channel = TRY(driver::Channel::create());
    std::unique_ptr<Machine> machine{new Machine{std::move(grant), std::move(ram), std::move(channel)}};
    TRY_VOID(machine->fork_monitor(settings, std::move(virtio), images, start, monitor, allocator.grant_mappings()));
    return machine;
}

Result<void> Machine::fork_monitor(VmSettings const& settings, std::vector<VirtioDescription> virtio,
                                   boot::Images const& images, StartState const& start, MonitorMain const& monitor,
                                   u32 max_mappings) {
    auto words = TRY(host::create_pipe());
    auto config = machine_config(settings);
    config.ram = ram();
    config.virtio = std::move(virtio);
    if (settings.firmware.graphics == Graphics::standard_vga) config.video_memory = video_memory();
    config.ram_fd = ram_.fd();
    config.start = start;
    config.firmware = images.firmware;
    config.engine.max_mappings = max_mappings;
    auto const events = channel_.monitor_fds();
    ChildNeeds const needs{::getpid(), words.write_end.number(), {events[0], events[1], ram_.fd()}};
    pid_ = host::fork_with_signals_blocked();
    if (pid_ < 0) return host::fail_errno(ExitStatus::host_lacks, "cannot start the monitor process");
    if (pid_ == 0) run_child(needs, config, channel_.monitor_end(), monitor);
    driver_.set_doorbell(pid_);
    last_words_ = std::move(words.read_end);
    pidfd_ = TRY(host::open_pidfd(pid_));
    return {};
}

void Machine::end() {
    if (pid_ <= 0 || wait_status_) return;
    ::kill(pid_, SIGKILL);
    wait_status();
}

int Machine::wait_status() {
    if (!wait_status_) {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        driver_.set_doorbell(0);
        wait_status_ = status;
        grant_.give_back();
    }
    return *wait_status_;
}

Machine::~Machine() {
    end();
}

} // namespace ring3::app
