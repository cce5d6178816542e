#include "app/run_options.h"

#include "app/engine_switches.h"
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
    std::vector<std::string> shares, disks;
};

/// CLI11's help without its usage line, which cannot speak of "--", and with --stats as people would write it.
struct HelpFormatter final : CLI::Formatter {
    std::string make_option_name(CLI::Option const* option, bool positional) const override {
        auto const name = CLI::Formatter::make_option_name(option, positional);
        return name.substr(0, name.find('{'));
    }
    std::string make_option_opts(CLI::Option const* option) const override {
        auto const& text = option->get_option_text();
        return text.starts_with("[=") ? text : CLI::Formatter::make_option_opts(option);
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
        "ends with its status. 'ring3 run FILE.toml' starts the machines of a file (man ring3.toml).");
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
    app.add_option("--disk", raw.disks,
                   "an empty disk at /scratch, forgotten at the end, or an image as /dev/vda, vdb ...")
        ->option_text("SIZE|FILE[:ro]")
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

/// Takes ":ro" or ":rw" off the end. Who has a file or folder with such a name writes ":rw" behind it.
bool take_read_only(std::string& path) {
    bool const is_read_only = path.ends_with(":ro");
    if (is_read_only || path.ends_with(":rw")) path.resize(path.size() - 3);
    return is_read_only;
}

Result<void> take_share(RunOptions& options, std::vector<std::string> const& texts) {
    if (texts.size() > 1) return fail(ExitStatus::usage, "option '--share': a guest has one shared folder");
    if (texts.empty()) return {};
    if (texts.front().empty()) return fail(ExitStatus::usage, "option '--share' needs a folder");
    p9::ShareSettings share{.path = texts.front()};
    share.is_read_only = take_read_only(share.path);
    options.share = std::move(share);
    return {};
}

/// "512M" is a size, "./512M" a file.
bool is_size(std::string_view text) {
    auto const unit = text.find_first_not_of("0123456789.");
    return unit != 0 && unit != text.npos && unit + 1 == text.size() &&
           std::string_view{"KMGkmg"}.find(text[unit]) != text.npos;
}

Result<void> take_disk(RunOptions& options, std::string text) {
    constexpr u64 least = u64{1} << 20;
    if (text.empty()) return fail(ExitStatus::usage, "option '--disk' needs a size or a file");
    if (!is_size(text)) {
        bool const is_read_only = take_read_only(text);
        options.disks.push_back({std::move(text), 0, is_read_only});
        return {};
    }
    auto const bytes = parse_memory_size(text);
    if (!bytes || *bytes < least)
        return fail(ExitStatus::usage, fmt::format("option '--disk': '{}' is no size of a disk (1M or more)", text));
    if (std::ranges::any_of(options.disks, [](auto const& disk) { return disk.scratch_bytes != 0; }))
        return fail(ExitStatus::usage, "option '--disk': a guest has one empty disk, at /scratch");
    options.disks.push_back({{}, *bytes, false});
    return {};
}

Result<void> convert(RunOptions& options, RawOptions const& raw) {
    for (auto const& text : raw.memory) TRY_VOID(take_memory(options, text));
    for (auto const& [which, value] : raw.engine)
        TRY_VOID(apply_engine_switch(options.engine, *which, fmt::format("--{}", which->name), value));
    TRY_VOID(take_share(options, raw.shares));
    for (auto const& text : raw.disks) TRY_VOID(take_disk(options, text));
    if (options.disks.size() > max_disks)
        return fail(ExitStatus::usage, fmt::format("option '--disk': a guest has at most {} disks", max_disks));
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

} // namespace ring3::app
