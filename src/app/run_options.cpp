#include "app/run_options.h"

#include "app/engine_switches.h"
#include "app/guest_modules.h"
#include "app/images.h"
#include "app/system_options.h"
#include "app/values.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>

namespace ring3::app {

namespace {

/// One of the engine's switches, as typed.
struct TypedSwitch {
    EngineSwitch const* which{};
    std::optional<std::string> value;
};

struct RawOptions {
    std::vector<std::string> memory; // sizes, and words for the engine
    std::string log_words;
    std::string sandbox{"on"};
    std::vector<TypedSwitch> engine;
    std::vector<std::string> shares;
};

/// CLI11's help without its usage line, which cannot speak of "--", and with --stats as people would write it.
struct HelpFormatter final : CLI::Formatter {
    std::string make_option_name(CLI::Option const* option, bool positional) const override {
        auto const name = CLI::Formatter::make_option_name(option, positional);
        auto const brace = name.find('{');
        return brace == name.npos ? name : name.substr(0, brace) + "[=FILE]";
    }
    std::string make_usage(CLI::App const*, std::string) const override { return ""; }
};

/// What the parser gives for a --stats without a value.
constexpr std::string_view no_value = "-";

CLI::Option* add_engine_switch(CLI::App& app, EngineSwitch const& which, std::vector<TypedSwitch>& typed) {
    std::string const name = fmt::format("--{}", which.name), help{which.help};
    auto const keep_value = [&](std::string const& value) { typed.push_back({&which, value}); };
    switch (which.takes) {
    case SwitchValue::none: break;
    case SwitchValue::required:
        return app.add_option_function<std::string>(name, keep_value, help)
            ->take_last()
            ->option_text(std::string{which.form});
    case SwitchValue::optional:
        // A flag that may have a value takes only one behind '=', never the next word.
        return app.add_flag(fmt::format("{}{{{}}}", name, no_value), help)
            ->each([&](std::string const& value) {
                typed.push_back({&which, value == no_value ? std::nullopt : std::optional{value}});
            })
            ->option_text(fmt::format("[={}]", which.form));
    }
    auto const keep = [&] { typed.push_back({&which, {}}); };
    return app.add_flag_callback(name, keep, help)->disable_flag_override();
}

void describe(CLI::App& app, RunOptions& options, RawOptions& raw) {
    app.description(
        "usage: ring3 run [OPTIONS] [-- COMMAND ARGUMENTS...]\n\n"
        "Boots the default guest (Debian's i386 kernel) to a shell on this terminal, or runs COMMAND in it and\n"
        "ends with its status.");
    app.formatter(std::make_shared<HelpFormatter>());
    app.get_formatter()->label("TEXT", "VALUE");
    app.set_help_flag("-h,--help", "show this text");
    app.add_option("-m,--memory", raw.memory, "the guest's memory (default 256M), or how translated code reaches it")
        ->option_text("SIZE|soft|window|auto")
        ->allow_extra_args(false);
    app.add_option("--cpu", options.cpu, "processor model with +feature and -feature (default max)");
    app.add_option("--kernel", options.kernel, "boot this bzImage or multiboot kernel instead");
    app.add_option("--initrd", options.initrd, "and this initial ram disk; 'none' for none");
    app.add_option("--append", options.append, "more words for the kernel's command line");
    app.add_option("--name", options.name, "the machine's name in messages");
    for (auto const& which : engine_switches())
        if (which.name != "memory") add_engine_switch(app, which, raw.engine);
    std::string const network_help = "a network card: NAT to the host's networks, or what QEMU's -nic takes";
    app.add_flag(fmt::format("--net{{{}}}", no_value), network_help)
        ->each([&](std::string const& value) { options.network = value == no_value ? "user" : value; })
        ->option_text("[=BACKEND]");
    app.add_option("--share", raw.shares,
                   "the guest sees this folder at /share, and starts there; :ro: it may only read")
        ->option_text("DIRECTORY[:ro]")
        ->allow_extra_args(false);
    app.add_flag("--verbose", options.verbose, "show the kernel's console, on standard error if COMMAND is given");
    app.add_option("-d,--debug", raw.log_words, "log int,cpu_reset,guest_errors,exec");
    app.add_option("-D,--log-file", options.log_file, "log to this file instead of standard error");
    app.add_option("--sandbox", raw.sandbox, "confine the monitor process: on (default) or off");
}

/// --memory has two meanings that cannot be mistaken for each other: no size is a word of the engine's.
Result<void> take_memory(RunOptions& options, std::string const& text) {
    if (is_memory_policy(text))
        return apply_engine_switch(options.engine, *find_engine_switch("memory"), "--memory", text);
    auto const size = parse_memory_size(text);
    if (!size) return fail(ExitStatus::usage, size.error().message + ", nor is it soft, window or auto");
    options.memory = *size;
    return check_memory_size("--memory", options.memory);
}

/// A folder whose name ends in ":ro" can be named with a slash behind it.
p9::ShareSettings parse_share(std::string text) {
    bool const is_read_only = text.ends_with(":ro");
    if (is_read_only || text.ends_with(":rw")) text.resize(text.size() - 3);
    return {.path = std::move(text), .is_read_only = is_read_only};
}

Result<void> convert(RunOptions& options, RawOptions const& raw) {
    for (auto const& text : raw.memory) TRY_VOID(take_memory(options, text));
    for (auto const& [which, value] : raw.engine)
        TRY_VOID(apply_engine_switch(options.engine, *which, fmt::format("--{}", which->name), value));
    if (raw.shares.size() > 1) return fail(ExitStatus::usage, "option '--share': a guest has one shared folder");
    if (!raw.shares.empty()) options.share = parse_share(raw.shares.front());
    options.log = TRY(parse_log_words("--debug", raw.log_words));
    if (raw.sandbox != "on" && raw.sandbox != "off")
        return fail(ExitStatus::usage, fmt::format("option '--sandbox' takes on or off, not '{}'", raw.sandbox));
    options.sandbox = raw.sandbox == "on" ? driver::Sandbox::on : driver::Sandbox::off;
    return {};
}

/// The parser's complaints span lines and name types; ours is one line with a hint.
Error usage_error(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    return {ExitStatus::usage, text + " ('ring3 help run' lists the options)"};
}

} // namespace

Result<std::variant<RunOptions, PrintText>> parse_run_options(std::span<std::string const> arguments) {
    auto const dashes = std::ranges::find(arguments, "--");
    RunOptions options;
    RawOptions raw;
    CLI::App app;
    describe(app, options, raw);
    // CLI11 takes the words from the back.
    std::vector<std::string> words(arguments.begin(), dashes);
    std::ranges::reverse(words);
    try {
        app.parse(words);
    } catch (CLI::CallForHelp const&) {
        return PrintText{app.help()};
    } catch (CLI::ExtrasError const&) {
        auto const extra = app.remaining().front();
        return std::unexpected(usage_error(extra.starts_with('-')
                                               ? fmt::format("unknown option '{}'", extra)
                                               : fmt::format("unexpected '{}': a command goes behind '--'", extra)));
    } catch (CLI::ParseError const& error) {
        return std::unexpected(usage_error(error.what()));
    }
    TRY_VOID(convert(options, raw));
    if (dashes != arguments.end()) {
        options.command.assign(dashes + 1, arguments.end());
        if (options.command.empty()) return std::unexpected(usage_error("there is no command behind '--'"));
    }
    return options;
}

// ---- the machine

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
    TRY_VOID(network.add_nic(options.network.value_or("none")));
    settings.net = TRY(network.finish());
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
    std::string const feature = settings.net.nics.at(0).card.model == NicModel::e1000 ? "net-e1000" : "net-rtl8139";
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
    TRY_VOID(connect_share(settings, options, guest_directories));
    return settings;
}

} // namespace ring3::app
