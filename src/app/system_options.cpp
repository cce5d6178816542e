#include "app/system_options.h"

#include "app/boot_order.h"
#include "app/engine_switches.h"
#include "app/help_lines.h"
#include "app/refused_options.h"
#include "app/system_parser.h"
#include "app/values.h"
#include "host/time.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace ring3::app {

namespace {

constexpr auto default_firmware = "bios-256k.bin";

/// One option: one row here, one function below.
struct Option {
    std::string_view name;
    std::string_view argument; // its form, for the help; empty: takes none
    std::string_view help;     // empty: accepted because it asks for what is so anyway
    Result<void> (SystemParser::*handle)(std::string const& argument);
};

constexpr std::array options{
    Option{"bios", "FILE", "start with firmware FILE (default bios-256k.bin, SeaBIOS)", &SystemParser::bios},
    Option{"kernel", "FILE", "boot FILE: a Linux bzImage or a multiboot kernel", &SystemParser::kernel},
    Option{"initrd", "FILE", "initial ram disk; \"FILE ARG...,FILE...\" are multiboot modules", &SystemParser::initrd},
    Option{"append", "TEXT", "the kernel's command line", &SystemParser::append},
    Option{"hda", "FILE", "first IDE disk; -hdb, -hdc, -hdd are the others", &SystemParser::hda},
    Option{"hdb", "FILE", "", &SystemParser::hdb},
    Option{"hdc", "FILE", "", &SystemParser::hdc},
    Option{"hdd", "FILE", "", &SystemParser::hdd},
    Option{"cdrom", "FILE", "CD-ROM or DVD image in the IDE drive that -hdc would be", &SystemParser::cdrom},
    Option{"fda", "FILE", "floppy disk image in drive A; -fdb for B", &SystemParser::fda},
    Option{"fdb", "FILE", "", &SystemParser::fdb},
    Option{"drive", "KEY=VALUE,...",
           "a disk: file=, if=ide|floppy|virtio|none, index=, media=, format=, snapshot=, ...", &SystemParser::drive},
    Option{"snapshot", "", "forget at the end what the guest has written to its disks", &SystemParser::snapshot},
    Option{"m", "SIZE", "memory in MiB, or with K, M, G (default 128)", &SystemParser::memory},
    Option{"smp", "N", "processors: 1", &SystemParser::smp},
    Option{"cpu", "MODEL", "processor model with +feature and -feature ('help' lists)", &SystemParser::cpu},
    Option{"machine", "TYPE", "machine type: pc ('help' lists)", &SystemParser::machine},
    Option{"M", "TYPE", "short for -machine", &SystemParser::machine},
    Option{"accel", "NAME", "engine: tcg or kvm, which stand for ring3's own ('help' lists)",
           &SystemParser::accelerator},
    Option{"enable-kvm", "", "", &SystemParser::enable_kvm},
    Option{"nographic", "", "no screen; serial port and monitor on the terminal", &SystemParser::nographic},
    Option{"display", "none", "no screen", &SystemParser::display},
    Option{"vga", "none|std", "graphics card (default std; the console's screendump shows it)", &SystemParser::vga},
    Option{"vnc", "none", "", &SystemParser::vnc},
    Option{"serial", "DEV", "next serial port: stdio, mon:stdio, file:PATH, null, none, pty, unix:, tcp:, chardev:ID",
           &SystemParser::serial},
    Option{"parallel", "DEV", "parallel port, same forms", &SystemParser::parallel},
    Option{"monitor", "DEV", "operator's console, same forms", &SystemParser::monitor},
    Option{"mon", "CHARDEV", "operator's console at -chardev CHARDEV", &SystemParser::console},
    Option{"debugcon", "DEV", "debug console at port 0xe9, same forms", &SystemParser::debugcon},
    Option{"chardev", "KIND,id=ID", "a named back-end: stdio, file, null, pty, socket", &SystemParser::chardev},
    Option{"device", "NAME", "add a device: isa-debug-exit, isa-debugcon ('help' lists)", &SystemParser::device},
    Option{"nic", "BACKEND", "network card with its network: user, tap, ...; model=e1000|rtl8139,mac=; or none",
           &SystemParser::nic},
    Option{"global", "isa-debugcon.iobase=PORT", "", &SystemParser::global},
    Option{"audiodev", "none,id=ID", "", &SystemParser::audio},
    Option{"netdev", "KIND,id=ID", "a network to plug cards in: user, tap, socket, stream, switch",
           &SystemParser::netdev},
    Option{"net", "nic|KIND", "the old form: one card and one network, plugged into each other", &SystemParser::net},
    Option{"object", "filter-dump", "id=,netdev=ID,file=: write a network's frames to a pcap file",
           &SystemParser::object},
    Option{"virtfs", "local,...",
           "share a folder: path=,mount_tag=,security_model=none|passthrough|mapped-xattr,readonly=",
           &SystemParser::virtfs},
    Option{"fsdev", "local,...",
           "a folder for -device virtio-9p-pci: id=,path=,security_model=,readonly=", &SystemParser::fsdev},
    Option{"nodefaults", "", "no device that was not asked for", &SystemParser::nodefaults},
    Option{"no-reboot", "", "end when the guest resets itself", &SystemParser::no_reboot},
    Option{"no-shutdown", "", "stay, paused, when the guest powers off", &SystemParser::no_shutdown},
    Option{"action", "EVENT=WHAT", "reboot=reset|shutdown, shutdown=poweroff|pause", &SystemParser::action},
    Option{"d", "WORDS", "log int,cpu_reset,guest_errors,exec ('help' explains)", &SystemParser::log},
    Option{"D", "FILE", "log to FILE instead of standard error", &SystemParser::log_file},
    Option{"name", "NAME", "the machine's name in messages", &SystemParser::name},
    Option{"pidfile", "FILE", "write the process number to FILE", &SystemParser::pid_file},
    Option{"rtc", "base=WHEN", "clock at power-on: utc, localtime or a date; clock=host goes on while paused",
           &SystemParser::rtc},
    Option{"boot", "ORDER", "order=cda,once=d,menu=on,splash-time=MS,reboot-timeout=MS", &SystemParser::boot},
    Option{"fw_cfg", "NAME,...", "an item for firmware and kernels: name=NAME,file=PATH or string=TEXT",
           &SystemParser::fw_cfg},
    Option{"smbios", "type=N,...", "what the machine calls itself: types 0, 1 and 11", &SystemParser::smbios},
    Option{"uuid", "UUID", "the machine's UUID in its SMBIOS", &SystemParser::uuid},
    Option{"L", "DIRECTORY", "look for firmware there first", &SystemParser::data_directory},
    Option{"sandbox", "on|off", "confine the monitor process (default on)", &SystemParser::sandbox},
    Option{"no-fd-bootchk", "", "boot from floppies without the signature of a boot sector",
           &SystemParser::no_floppy_check},
    Option{"option-rom", "FILE", "an option ROM for the firmware to run", &SystemParser::option_rom},
    Option{"S", "", "do not start before the console's 'cont'", &SystemParser::start_paused},
    Option{"k", "LAYOUT", "", &SystemParser::nothing_to_do}, // of a window's or VNC client's keyboard
    Option{"no-user-config", "", "", &SystemParser::nothing_to_do},
    Option{"nodefconfig", "", "", &SystemParser::nothing_to_do},
    Option{"no-hpet", "", "", &SystemParser::nothing_to_do},
    Option{"version", "", "print the version", &SystemParser::version},
    Option{"help", "", "print this text", &SystemParser::help},
    Option{"h", "", "short for -help", &SystemParser::help},
};

std::string_view without_dashes(std::string_view argument) {
    if (argument.starts_with('-')) argument.remove_prefix(argument.starts_with("--") ? 2 : 1);
    return argument;
}

Option const* find_option(std::string_view argument) {
    if (!argument.starts_with('-')) return nullptr;
    auto const found = std::ranges::find(options, without_dashes(argument), &Option::name);
    return found == options.end() ? nullptr : &*found;
}

} // namespace

Result<Parsed> SystemParser::parse(std::span<std::string const> arguments) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        at_ = i;
        if (TRY(take_engine_switch(arguments, i))) continue;
        if (!arguments[i].starts_with('-')) { // a disk's image alone, as with QEMU
            TRY_VOID(hda(arguments[i]));
            continue;
        }
        Option const* const option = find_option(arguments[i]);
        if (!option) return std::unexpected(unknown_option(arguments[i]));
        bool const takes_argument = !option->argument.empty();
        if (takes_argument && i + 1 == arguments.size())
            return fail(ExitStatus::usage, fmt::format("option '{}' needs {}", arguments[i], option->argument));
        std::string const argument = takes_argument ? arguments[++i] : "";
        TRY_VOID((this->*option->handle)(argument));
        if (print_) return Parsed{*std::move(print_)};
    }
    at_ = arguments.size();
    return finish();
}

Result<bool> SystemParser::take_engine_switch(std::span<std::string const> arguments, std::size_t& i) {
    std::string_view const word = arguments[i];
    auto const equals = std::min(word.find('='), word.size());
    auto const option = word.substr(0, equals);
    EngineSwitch const* const found = word.starts_with('-') ? find_engine_switch(without_dashes(option)) : nullptr;
    if (!found) return false;
    std::optional<std::string> value;
    if (equals != word.size())
        value = word.substr(equals + 1);
    else if (found->takes == SwitchValue::required && i + 1 < arguments.size())
        value = arguments[++i];
    TRY_VOID(apply_engine_switch(settings_.engine, *found, option, value));
    return true;
}

Result<Parsed> SystemParser::finish() {
    TRY_VOID(add_devices());
    bool const no_kernel = settings_.boot.kernel.empty();
    if (no_kernel && !settings_.boot.initrd_option.empty())
        return fail(ExitStatus::usage, "option '-initrd' needs '-kernel': firmware finds both on a disk");
    if (no_kernel && !settings_.boot.command_line.empty())
        return fail(ExitStatus::usage, "option '-append' needs '-kernel': firmware finds both on a disk");
    if (no_kernel && settings_.firmware.image.empty()) settings_.firmware.image = default_firmware;
    if (!settings_.boot.kernel.empty() && !settings_.firmware.image.empty())
        return fail(ExitStatus::usage, "options '-kernel' and '-bios': a kernel is booted directly, without firmware");
    auto const card = graphics_.default_card ? Graphics::standard_vga : Graphics::none;
    settings_.firmware.graphics = graphics_.chosen.value_or(card);
    if (debugcon_) wiring_.add_debugcon(*debugcon_, debugcon_port_);
    TRY_VOID(wiring_.connect(settings_));
    settings_.net = TRY(network_.finish());
    TRY_VOID(virtio_.finish(settings_, drives_));
    for (auto& share : TRY(shares_.finish())) settings_.virtio.push_back(std::move(share));
    TRY_VOID(add_boot_order(settings_));
    auto const& what = settings_.boot.kernel.empty() ? settings_.firmware.image : settings_.boot.kernel;
    if (settings_.name.empty()) settings_.name = what.substr(what.rfind('/') + 1);
    return Parsed{std::move(settings_)};
}

Result<void> SystemParser::only(std::string_view option, std::string_view text,
                                std::initializer_list<std::string_view> known) {
    if (std::ranges::find(known, text) != known.end()) return {};
    return fail(ExitStatus::usage, fmt::format("option '{}' does not know '{}'", option, text));
}

// ---- the machine

Result<void> SystemParser::memory(std::string const& text) {
    CommaList list{text, "size"};
    settings_.memory = TRY(parse_memory_size(list.take("size").value_or("")));
    TRY_VOID(list.finish("-m"));
    return check_memory_size("-m", settings_.memory);
}

Result<void> SystemParser::smp(std::string const& text) {
    CommaList list{text, "cpus"};
    for (auto const* key : {"cpus", "maxcpus", "sockets", "dies", "clusters", "cores", "threads"}) {
        auto const count = list.take(key);
        if (count && *count != "1")
            return fail(ExitStatus::usage,
                        fmt::format("option '-smp' with {}={}: a guest has 1 processor", key, *count));
    }
    return list.finish("-smp");
}

Result<void> SystemParser::cpu(std::string const& text) {
    if (text != "help" && text != "?") return set(settings_.cpu, text);
    std::string lines = "Available CPUs:\n";
    for (auto const name : cpu_names_) lines += fmt::format("  {}\n", name);
    return print(lines);
}

Result<void> SystemParser::machine(std::string const& text) {
    if (text == "help" || text == "?")
        return print("Supported machines are:\npc                   Standard PC (i440FX + PIIX4) (default)\n");
    CommaList list{text, "type"};
    auto const type = list.take("type").value_or("pc");
    if (type != "pc" && !type.starts_with("pc-i440fx"))
        return fail(ExitStatus::usage, fmt::format("option '-machine' does not know '{}' ('help' lists)", type));
    if (auto const names = list.take("accel")) TRY_VOID(check_accelerators("-machine", *names));
    // Switches for what this board does not have may be off, and only off.
    for (auto const* key : {"usb", "vmport", "hpet", "smm", "graphics"}) {
        if (TRY(list.take_switch(key)).value_or(false))
            return fail(ExitStatus::usage, fmt::format("option '-machine': there is no '{}'", key));
    }
    list.take("pcspk-audiodev"); // -audiodev has said that it is silent
    return list.finish("-machine");
}

Result<void> SystemParser::check_accelerators(std::string_view option, std::string_view names) {
    // QEMU's list "kvm:tcg" means the first that works. Who asks for kvm wants the guest's code to run as it is, and that is
    // what ring3's own engine does without it.
    for (std::size_t start = 0; start <= names.size();) {
        auto const end = std::min(names.find(':', start), names.size());
        auto const name = names.substr(start, end - start);
        if (name == "tcg" || name == "kvm" || name == "ring3") return {};
        start = end + 1;
    }
    return fail(ExitStatus::usage,
                fmt::format("option '{}': no accelerator '{}' ('tcg' is ring3's own)", option, names));
}

Result<void> SystemParser::accelerator(std::string const& text) {
    if (text == "help" || text == "?") return print("Accelerators supported:\ntcg\nkvm\n");
    CommaList list{text, "accel"};
    TRY_VOID(check_accelerators("-accel", list.take("accel").value_or("")));
    if (auto const thread = list.take("thread")) TRY_VOID(only("-accel", *thread, {"single", "multi"}));
    // QEMU's translation block cache, in MiB too; there, 0 means the default.
    if (auto const cache = TRY(list.take_number("tb-size", 1 << 20)).value_or(0)) {
        auto const most = std::to_string(std::min<u64>(cache, most_cache_mib)); // a wish: QEMU gives less, too
        settings_.engine.options.cache_mib = TRY(parse_cache_size("-accel tcg,tb-size", most));
    }
    list.take("kernel-irqchip"), list.take("split-wx"); // of engines that ring3 is not
    return list.finish("-accel");
}

Result<void> SystemParser::name(std::string const& text) {
    CommaList list{text, "guest"};
    settings_.name = list.take("guest").value_or("");
    list.take("process"), list.take("debug-threads"); // what ps(1) shows stays ring3's
    return list.finish("-name");
}

Result<void> SystemParser::rtc(std::string const& text) {
    CommaList list{text};
    auto const base = list.take("base").value_or("utc");
    if (base == "localtime")
        settings_.rtc_base = local_time_seconds();
    else if (base != "utc")
        settings_.rtc_base = TRY(parse_date(base));
    if (auto const clock = list.take("clock")) {
        TRY_VOID(only("-rtc clock", *clock, {"host", "rt", "vm"}));
        settings_.rtc_clock = *clock == "vm" ? driver::RtcClock::guest_time : driver::RtcClock::host_time;
    }
    if (auto const fix = list.take("driftfix"); fix && *fix != "none")
        return fail(ExitStatus::usage, fmt::format("option '-rtc': driftfix={}: missed ticks are not repeated", *fix));
    return list.finish("-rtc");
}

Result<void> SystemParser::uuid(std::string const& text) {
    settings_.firmware.smbios.system.uuid = TRY(parse_uuid("-uuid", text));
    return {};
}

Result<void> SystemParser::data_directory(std::string const& path) {
    settings_.firmware.directories.push_back(path);
    return {};
}

Result<void> SystemParser::vga(std::string const& text) {
    if (text != "none" && text != "std")
        return fail(ExitStatus::usage, fmt::format("option '-vga' does not know '{}' (std, none)", text));
    graphics_.chosen = text == "none" ? Graphics::none : Graphics::standard_vga;
    return {};
}

// ---- characters

Result<void> SystemParser::display(std::string const& text) {
    if (text == "none") return {};
    return fail(ExitStatus::usage,
                fmt::format("option '-display' does not know '{}': there is no window yet (none, and the console's "
                            "screendump)",
                            text));
}

Result<void> SystemParser::nographic(std::string const&) {
    wiring_.use_terminal();
    settings_.firmware.serial_console = true;
    return {};
}

Result<void> SystemParser::serial(std::string const& text) {
    wiring_.add_serial(text);
    return {};
}

Result<void> SystemParser::parallel(std::string const& text) {
    wiring_.add_parallel(text);
    return {};
}

Result<void> SystemParser::monitor(std::string const& text) {
    wiring_.add_monitor(text);
    return {};
}

Result<void> SystemParser::debugcon(std::string const& text) {
    if (debugcon_) return fail(ExitStatus::usage, "option '-debugcon': there can be one debug console");
    debugcon_ = text;
    return {};
}

Result<void> SystemParser::console(std::string const& text) {
    CommaList list{text, "chardev"};
    TRY_VOID(only("-mon mode", list.take("mode").value_or("readline"), {"readline"}));
    auto const chardev = list.take("chardev");
    if (!chardev) return fail(ExitStatus::usage, "option '-mon' needs chardev=ID");
    wiring_.add_monitor("chardev:" + *chardev);
    return list.finish("-mon");
}

/// The speaker is there and nobody hears it.
Result<void> SystemParser::audio(std::string const& text) {
    CommaList list{text, "driver"};
    auto const driver = list.take("driver").value_or("");
    auto const id = list.take("id");
    if (driver != "none")
        return fail(ExitStatus::usage,
                    fmt::format("option '-audiodev' does not know '{}': there is no sound (none)", driver));
    return id ? list.finish("-audiodev") : fail(ExitStatus::usage, "option '-audiodev' needs id=ID");
}

Result<void> SystemParser::snapshot(std::string const&) {
    drives_.use_snapshots();
    return {};
}

Result<void> SystemParser::nodefaults(std::string const&) {
    wiring_.no_defaults();
    network_.no_defaults();
    drives_.no_defaults();
    graphics_.default_card = false;
    return {};
}

// ---- behaviour

Result<void> SystemParser::no_reboot(std::string const&) {
    settings_.policy.reset = settings_.policy.triple_fault = OnReset::exit;
    return {};
}

Result<void> SystemParser::no_shutdown(std::string const&) {
    settings_.policy.power_off = OnPowerOff::pause;
    return {};
}

Result<void> SystemParser::action(std::string const& text) {
    CommaList list{text};
    if (auto const reboot = list.take("reboot")) {
        TRY_VOID(only("-action reboot", *reboot, {"reset", "shutdown"}));
        auto const answer = *reboot == "reset" ? OnReset::restart : OnReset::exit;
        settings_.policy.reset = settings_.policy.triple_fault = answer;
    }
    if (auto const shutdown = list.take("shutdown")) {
        TRY_VOID(only("-action shutdown", *shutdown, {"poweroff", "pause"}));
        settings_.policy.power_off = *shutdown == "poweroff" ? OnPowerOff::exit : OnPowerOff::pause;
    }
    list.take("panic"), list.take("watchdog"); // events that no device here has
    return list.finish("-action");
}

Result<void> SystemParser::log(std::string const& words) {
    if (words == "help" || words == "?") return print(std::string{log_help()});
    settings_.log = TRY(parse_log_words("-d", words));
    return {};
}

Result<void> SystemParser::sandbox(std::string const& text) {
    CommaList list{text, "enable"};
    auto const enable = list.take("enable").value_or("on");
    TRY_VOID(only("-sandbox", enable, {"on", "off"}));
    settings_.sandbox = enable == "on" ? driver::Sandbox::on : driver::Sandbox::off;
    for (auto const* key : {"obsolete", "elevateprivileges", "spawn", "resourcecontrol"}) {
        // All of these are denied in any case.
        if (auto const value = list.take(key)) TRY_VOID(only("-sandbox", *value, {"deny"}));
    }
    return list.finish("-sandbox");
}

Result<void> SystemParser::version(std::string const&) {
    return print("ring3-system-i386 version " RING3_VERSION "\n");
}

Result<void> SystemParser::help(std::string const&) {
    std::string text = "usage: ring3-system-i386 [options] [disk image]\n\n"
                       "Runs a PC guest in an ordinary process. The options are QEMU's.\n\n";
    for (auto const& option : options)
        if (!option.help.empty()) text += help_line(fmt::format("{} {}", option.name, option.argument), option.help);
    text += help_of_engine_switches();
    return print(text + "\nOn the terminal of -nographic, Ctrl-a h lists the keys.\n");
}

Result<std::variant<VmSettings, PrintText>> parse_system_options(std::span<std::string const> arguments,
                                                                 std::span<std::string_view const> cpu_names,
                                                                 std::size_t* at) {
    SystemParser parser{cpu_names};
    auto parsed = parser.parse(arguments);
    if (at) *at = parser.at();
    return parsed;
}

} // namespace ring3::app
