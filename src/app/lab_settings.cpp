#include "app/lab_settings.h"

#include "app/default_guest.h"
#include "app/guest_modules.h"
#include "app/images.h"
#include "app/net_options.h"
#include "app/run_options.h"
#include "app/system_options.h"
#include "config/suggest.h"
#include "host/file_descriptor.h"
#include "volume/volume.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

namespace ring3::app {

namespace {

using config::Argument;
using config::Machine;
using config::Place;

constexpr u64 most_text = 1 << 20;

class Loader {
public:
    Loader(LabFile& file, MonitorParts const& monitor, std::span<std::string const> guest_directories)
        : file_{file}, monitor_{monitor}, guest_directories_{guest_directories} {}
    void load(std::span<std::string const> names);

private:
    void complain(Place place, std::string message) { file_.lab.problems.push_back({place, std::move(message)}); }
    void choose(std::span<std::string const> names);
    void give_uplinks();
    void check_uplinks();
    void check_files(std::span<config::FileNeeded const> files);
    void check_disks(Machine const& machine);
    void make_settings(Machine const& machine);
    Result<void> add_guest(Machine& machine);
    Result<void> finish_guest(Machine const& machine, LabMachine& made);
    void blame(Machine const& machine, Error const& error, std::size_t word);

    LabFile& file_;
    MonitorParts const& monitor_;
    std::span<std::string const> guest_directories_;
};

// ---- what the file names

void Loader::choose(std::span<std::string const> names) {
    auto& machines = file_.lab.machines;
    std::vector<std::string_view> known;
    for (auto const& machine : machines) known.push_back(machine.name);
    for (auto const& name : names)
        if (std::ranges::find(known, name) == known.end())
            complain({}, fmt::format("there is no machine '{}'{}", name, config::did_you_mean(name, known)));
    if (names.empty()) return;
    std::erase_if(machines,
                  [&](Machine const& machine) { return std::ranges::find(names, machine.name) == names.end(); });
    std::erase_if(file_.lab.uplinks, [&](config::Uplink const& uplink) {
        return std::ranges::none_of(machines, [&](Machine const& machine) {
            return std::ranges::find(machine.switches, uplink.switch_name) != machine.switches.end();
        });
    });
}

/// A single machine holds its switches' uplinks itself; of several, none does (lab_session.h).
void Loader::give_uplinks() {
    if (file_.lab.machines.size() != 1) return;
    for (auto const& uplink : std::exchange(file_.lab.uplinks, {}))
        for (auto& argument : config::uplink_arguments(uplink))
            file_.lab.machines[0].arguments.push_back(std::move(argument));
}

void Loader::check_uplinks() {
    for (auto const& uplink : file_.lab.uplinks) {
        NetOptions options;
        options.no_defaults();
        auto const words = config::uplink_arguments(uplink);
        auto checked = options.add_netdev(words[1].text);
        if (checked) checked = options.add_netdev(words[3].text);
        if (auto const done = options.finish(); checked && !done) checked = std::unexpected(done.error());
        if (!checked) complain(uplink.place, fmt::format("'uplink': {}", checked.error().message));
    }
}

void Loader::check_files(std::span<config::FileNeeded const> files) {
    for (auto const& needed : files) {
        bool const is_elsewhere = needed.path.find(':') != needed.path.npos; // nbd://..., volume:...
        if (is_elsewhere || ::access(needed.path.c_str(), F_OK) == 0) continue;
        complain(needed.argument.place,
                 fmt::format("'{}': cannot find '{}': {}", needed.argument.key, needed.path, host::errno_text(errno)));
    }
}

void Loader::check_disks(Machine const& machine) {
    for (auto const& needed : machine.disks) {
        if (::access(needed.volume.c_str(), F_OK) != 0) continue; // said already
        auto opened = volume::Volume::open(needed.volume, {.access = image::Access::read_only});
        auto table = opened ? opened->table() : std::unexpected(opened.error());
        if (!table) {
            complain(needed.place, table.error().message);
            continue;
        }
        std::vector<std::string_view> names;
        for (auto const& disk : table->disks) names.push_back(disk.name);
        if (!table->find(needed.disk))
            complain(needed.place, fmt::format("the volume '{}' has no disk '{}'{}", needed.volume, needed.disk,
                                               config::did_you_mean(needed.disk, names)));
    }
}

// ---- the default guest

Result<void> Loader::add_guest(Machine& machine) {
    if (!machine.guest) return {};
    auto const files = TRY(find_default_guest(guest_directories_));
    auto words = default_guest_words();
    if (machine.guest->command.empty()) words += " ring3.mode=shell";
    if (!machine.switches.empty() || machine.guest->has_dhcp)
        words += machine.guest->has_dhcp ? " ring3.net=dhcp" : " ring3.net=static";
    if (!machine.guest->append.empty()) words += " " + machine.guest->append;
    for (auto const& word :
         {std::string{"-kernel"}, files.kernel, std::string{"-initrd"}, files.initrd, std::string{"-append"}, words})
        machine.arguments.push_back({word, machine.guest->place, "guest"});
    return {};
}

Result<void> Loader::finish_guest(Machine const& machine, LabMachine& made) {
    if (!machine.guest) return {};
    if (!made.settings.net.nics.empty()) {
        TRY_VOID(add_network_modules(made.settings, guest_directories_));
        made.remarks.push_back("its card's modules are put behind the initial ram disk");
    }
    auto const is_disk = [](VirtioSettings const& one) {
        return std::holds_alternative<VirtioDiskSettings>(one.device);
    };
    if (std::ranges::any_of(made.settings.virtio, is_disk)) {
        made.settings.boot.command_line += " ring3.disk=yes";
        TRY_VOID(add_guest_modules(made.settings.boot, "disk", guest_directories_));
        made.remarks.push_back("the modules for virtio disks are put behind the initial ram disk");
    }
    for (auto const& device : made.settings.virtio) {
        auto const* const share = std::get_if<VirtioShareSettings>(&device.device);
        if (!share || share->tag != "share") continue; // others are the guest's affair
        made.settings.boot.command_line += share->folder.is_read_only ? " ring3.share=ro" : " ring3.share=rw";
        TRY_VOID(add_guest_modules(made.settings.boot, "share", guest_directories_));
        made.remarks.push_back("the modules for shared folders are put behind the initial ram disk");
    }
    if (machine.guest->command.empty()) return {};
    run_guest_command(made.settings, std::vector<std::string>{"sh", "-c", machine.guest->command});
    made.remarks.push_back(fmt::format("its guest runs: {}", machine.guest->command));
    return {};
}

// ---- settings

/// What the reader of options says, in the file's words and at its place there.
void Loader::blame(Machine const& machine, Error const& error, std::size_t word) {
    if (word >= machine.arguments.size())
        return complain(machine.place, fmt::format("machine '{}': {}", machine.name, error.message));
    Argument const& argument = machine.arguments[word];
    std::string_view message = error.message;
    constexpr std::string_view start = "option '";
    auto const end = message.find('\'', start.size());
    bool const names_option = message.starts_with(start) && end != message.npos && argument.key != "options";
    if (!names_option) return complain(argument.place, fmt::format("'{}': {}", argument.key, message));
    complain(argument.place, fmt::format("'{}'{}", argument.key, message.substr(end + 1)));
}

void Loader::make_settings(Machine const& machine) {
    LabMachine made{.name = machine.name, .arguments = {}, .settings = {}, .remarks = {}};
    for (auto const& argument : machine.arguments) made.arguments.push_back(argument.text);
    std::size_t at = 0;
    auto parsed = parse_system_options(made.arguments, monitor_.cpu_names, &at);
    if (!parsed) return blame(machine, parsed.error(), at);
    if (!std::holds_alternative<VmSettings>(*parsed))
        return blame(machine, {ExitStatus::configuration, "this asks for a text, not for a machine"}, at);
    made.settings = std::get<VmSettings>(*std::move(parsed));
    made.settings.policy.signal = OnSignal::press_power_button;
    made.settings.policy.power_button_grace = std::chrono::seconds{machine.stop_timeout};
    // A machine file says what is meant: a feature that the guest would not have is a mistake in it.
    if (auto const missing = monitor_.check_cpu(made.settings.cpu); !missing || !missing->empty()) {
        auto const cpu = std::ranges::find(machine.arguments, "cpu", &Argument::key);
        return complain(cpu == machine.arguments.end() ? machine.place : cpu->place,
                        missing ? missing->front() : missing.error().message);
    }
    if (auto const done = finish_guest(machine, made); !done)
        return complain(machine.guest->place, done.error().message);
    file_.machines.push_back(std::move(made));
}

void Loader::load(std::span<std::string const> names) {
    auto& lab = file_.lab;
    choose(names);
    give_uplinks();
    check_uplinks();
    check_files(lab.volumes);
    for (auto& machine : lab.machines) {
        check_files(machine.files);
        check_disks(machine);
        if (auto const added = add_guest(machine); !added) complain(machine.guest->place, added.error().message);
    }
    // A machine of which something is wrong already would only give consequences of that.
    if (lab.problems.empty())
        for (auto const& machine : lab.machines) make_settings(machine);
    std::ranges::stable_sort(lab.problems);
}

} // namespace

bool is_machine_file(std::string_view word) {
    return !word.starts_with('-') && word.ends_with(".toml");
}

Result<LabFile> open_lab_file(std::string const& path, std::span<std::string const> names, MonitorParts const& monitor,
                              std::span<std::string const> guest_directories) {
    auto const bytes = read_file("machine file", path, most_text);
    if (!bytes && bytes.error().status == ExitStatus::configuration)
        return fail(ExitStatus::configuration, fmt::format("the machine file '{}' is larger than 1 MiB", path));
    if (!bytes) return std::unexpected(bytes.error());
    LabFile file{.path = path, .folder = {}, .lab = {}, .machines = {}};
    // Those of the default guest are relative to where we are now.
    std::vector<std::string> guest_paths;
    for (auto const& directory : guest_directories) guest_paths.push_back(std::filesystem::absolute(directory));
    auto const slash = path.rfind('/');
    auto stem = slash == path.npos ? path : path.substr(slash + 1);
    if (stem.ends_with(".toml")) stem.resize(stem.size() - 5);
    if (slash != path.npos) file.folder = slash == 0 ? "/" : path.substr(0, slash);
    if (!file.folder.empty() && ::chdir(file.folder.c_str()) < 0)
        return host::fail_errno(ExitStatus::io, fmt::format("cannot enter '{}'", file.folder));
    file.lab = config::read_lab(std::string(bytes->begin(), bytes->end()), stem);
    Loader{file, monitor, guest_paths}.load(names);
    return file;
}

std::string describe_problems(LabFile const& file) {
    std::string text;
    for (auto const& [place, message] : file.lab.problems)
        text += place.line == 0 ? fmt::format("{}: {}\n", file.path, message)
                                : fmt::format("{}:{}:{}: {}\n", file.path, place.line, place.column, message);
    return text;
}

Result<void> report_problems(LabFile const& file) {
    if (file.lab.problems.empty()) return {};
    fmt::print(stderr, "{}", describe_problems(file));
    return fail(ExitStatus::configuration, "");
}

} // namespace ring3::app
