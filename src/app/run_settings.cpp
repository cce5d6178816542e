#include "app/run_options.h"

#include "app/guest_modules.h"
#include "app/images.h"
#include "app/virtio_options.h"

#include <fmt/format.h>

namespace ring3::app {

namespace {

void add_chardev(VmSettings& settings, unsigned port, SerialSettings serial, Backend backend,
                 bool multiplexed = false) {
    serial.chardev = settings.chardevs.size();
    settings.chardevs.push_back({fmt::format("COM{}", port + 1), std::move(backend), multiplexed});
    settings.serial[port] = serial;
}

/// A shell on the terminal, with the operator's console behind Ctrl-a c.
void connect_shell(VmSettings& settings, StandardInput input) {
    bool const person = input == StandardInput::terminal;
    SerialSettings const serial{.far_end = person ? FarEnd::unknown : FarEnd::reads_lines,
                                .wait_until_wanted = !person,
                                .flow_control = !person};
    add_chardev(settings, 0, serial, StdioBackend{TerminalSignals::to_guest, TerminalInput::raw}, person);
    if (person) settings.monitors.push_back(settings.serial[0]->chardev);
}

void connect_command(VmSettings& settings, bool verbose) {
    SerialSettings const streams{.far_end = FarEnd::reads_lines, .wait_until_wanted = true, .flow_control = true};
    add_chardev(settings, 0, {}, verbose ? Backend{StderrBackend{}} : Backend{NullBackend{}});
    add_chardev(settings, 1, streams, StdioBackend{TerminalSignals::end_ring3, TerminalInput::lines});
    add_chardev(settings, 2, {}, StderrBackend{});
    settings.console_is_hidden = !verbose;
    settings.policy.reset = OnReset::fail;
}

/// Most of a kernel's start that a guest without modules, plug-and-play cards and signatures to check has no use for:
/// self-tests of the cryptographic code, the search for ISA cards, the keys of module signatures.
constexpr std::string_view time_savers = " cryptomgr.notests noisapnp initcall_blacklist=load_system_certificate_list";

std::string kernel_command_line(RunOptions const& options, StandardInput input) {
    std::string line{"console=ttyS0"};
    line += time_savers;
    if (!options.verbose) line += " quiet";
    if (!options.command.empty())
        line += " panic=-1 ring3.mode=command"; // a panic is a reset, which ends the run at once
    else
        line += input == StandardInput::terminal ? " ring3.mode=shell" : " ring3.mode=shell ring3.input=lines";
    if (options.network) line += " ring3.net=dhcp";
    if (!options.append.empty()) line += " " + options.append;
    return line;
}

/// The card, and what the default guest needs to use it.
Result<void> connect_network(VmSettings& settings, RunOptions const& options,
                             std::span<std::string const> directories) {
    NetOptions network;
    // The default guest has drivers for all cards; another one more likely for a real one.
    if (options.initrd.empty()) network.set_default_model("virtio");
    TRY_VOID(network.add_nic(options.network.value_or("none")));
    settings.net = TRY(network.finish());
    add_virtio_cards(settings);
    if (!options.network || !options.initrd.empty() || settings.net.nics.empty()) return {};
    return add_network_modules(settings, directories);
}

/// The guest's root works on the folder with this user's rights.
Result<void> connect_share(VmSettings& settings, RunOptions const& options, std::span<std::string const> directories) {
    if (!options.share) return {};
    settings.virtio.push_back({"share", {}, VirtioShareSettings{*options.share, "share"}});
    if (!options.initrd.empty()) return {};
    settings.boot.command_line += options.share->is_read_only ? " ring3.share=ro" : " ring3.share=rw";
    return add_guest_modules(settings.boot, "share", directories);
}

Result<void> connect_disks(VmSettings& settings, RunOptions const& options, std::span<std::string const> directories) {
    if (options.disks.empty()) return {};
    std::string words = " ring3.disk=yes";
    for (RunDisk const& disk : options.disks) {
        auto const number = settings.drives.size();
        DriveSettings drive;
        drive.drive.kind = DriveKind::virtio_disk;
        drive.drive.unit = static_cast<u8>(number);
        drive.path = disk.path;
        drive.scratch_bytes = disk.scratch_bytes;
        if (disk.is_read_only) drive.options.access = image::Access::read_only;
        if (disk.scratch_bytes != 0) words += fmt::format(" ring3.scratch=vd{:c}", 'a' + number);
        settings.drives.push_back(std::move(drive));
        settings.virtio.push_back({fmt::format("disk{}", number), {}, VirtioDiskSettings{number}});
    }
    if (!options.initrd.empty()) return {};
    settings.boot.command_line += words;
    return add_guest_modules(settings.boot, "disk", directories);
}

/// Which files to boot; the default guest need not be there if none of its files is needed.
Result<void> choose_files(BootSettings& boot, RunOptions const& options, std::span<std::string const> directories) {
    bool wants_initrd = options.initrd.empty();
    boot.kernel = options.kernel;
    boot.initrd_option = options.initrd == "none" ? "" : options.initrd;
    if (!options.kernel.empty() && wants_initrd && options.command.empty()) {
        // Only a Linux kernel can do anything with the default guest's files.
        auto const kernel = TRY(read_file("kernel", options.kernel, options.memory));
        wants_initrd = boot::detect(kernel) == boot::Format::linux_image;
    }
    if (!options.kernel.empty() && !wants_initrd) return {};
    auto const guest = TRY(find_default_guest(directories));
    if (boot.kernel.empty()) boot.kernel = guest.kernel;
    if (wants_initrd) boot.initrd_option = guest.initrd;
    return {};
}

} // namespace

std::string default_guest_words() {
    return fmt::format("console=ttyS0{} quiet", time_savers);
}

void run_guest_command(VmSettings& settings, std::span<std::string const> command) {
    settings.guest_ports = driver::GuestPorts::present;
    settings.boot.command_line += " panic=-1 ring3.mode=command";
    append_archive(settings.boot.extra_initrd, command_archive(command));
    settings.policy.triple_fault = OnReset::fail;
    connect_command(settings, false);
}

Result<void> add_network_modules(VmSettings& settings, std::span<std::string const> guest_directories) {
    NicModel const model = settings.net.nics.at(0).card.model;
    std::string const feature = model == NicModel::e1000    ? "net-e1000"
                                : model == NicModel::virtio ? "net-virtio"
                                                            : "net-rtl8139";
    settings.boot.command_line += " ring3.card=" + feature;
    return add_guest_modules(settings.boot, feature, guest_directories);
}

Result<VmSettings> run_settings(RunOptions const& options, StandardInput input,
                                std::span<std::string const> guest_directories) {
    VmSettings settings;
    TRY_VOID(choose_files(settings.boot, options, guest_directories));
    settings.memory = options.memory;
    settings.cpu = options.cpu;
    settings.name =
        options.name.empty() ? settings.boot.kernel.substr(settings.boot.kernel.rfind('/') + 1) : options.name;
    settings.log = options.log;
    settings.log_file = options.log_file;
    settings.engine = options.engine;
    settings.sandbox = options.sandbox;
    settings.guest_ports = driver::GuestPorts::present;
    settings.policy.signal = OnSignal::press_power_button;
    settings.policy.triple_fault = OnReset::fail;
    settings.boot.command_line = kernel_command_line(options, input);
    if (options.command.empty()) {
        connect_shell(settings, input);
    } else {
        connect_command(settings, options.verbose);
        settings.boot.extra_initrd = command_archive(options.command);
    }
    TRY_VOID(connect_network(settings, options, guest_directories));
    TRY_VOID(connect_disks(settings, options, guest_directories));
    TRY_VOID(connect_share(settings, options, guest_directories));
    return settings;
}

} // namespace ring3::app
