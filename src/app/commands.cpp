#include "app/commands.h"

#include "app/config_commands.h"
#include "app/disk_commands.h"
#include "app/doctor.h"
#include "app/image_commands.h"
#include "app/isa.h"
#include "app/lab_session.h"
#include "app/run_options.h"
#include "app/session.h"
#include "app/system_options.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>

namespace ring3::app {

namespace {

/// Text for standard output; a full disk or a closed pipe must not look like success.
int print(std::string_view text) {
    bool const written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    if (written) return 0;
    return report({ExitStatus::io, "cannot write to standard output"});
}

Error usage_error(std::string const& message) {
    return {ExitStatus::usage, message + " ('ring3 help' lists the commands)"};
}

int run_machine(VmSettings settings, MonitorParts const& monitor) {
    auto const missing = monitor.check_cpu(settings.cpu);
    if (!missing) return report(missing.error());
    for (auto const& what : *missing) fmt::print(stderr, "ring3: warning: {}; the guest goes without it\n", what);
    return run_session(std::move(settings), monitor.run);
}

// ---- the commands of ring3

using Arguments = std::span<std::string const>;

int run(Arguments arguments, MonitorParts const& monitor) {
    auto const dashes = std::ranges::find(arguments, "--");
    if (std::any_of(arguments.begin(), dashes, is_machine_file)) return run_lab(arguments, monitor);
    auto const options = parse_run_options(arguments);
    if (!options) return report(options.error());
    if (auto const* text = std::get_if<PrintText>(&*options)) return print(text->text);
    auto const input = ::isatty(STDIN_FILENO) ? StandardInput::terminal : StandardInput::something_else;
    auto settings = run_settings(std::get<RunOptions>(*options), input, guest_directories());
    if (!settings) return report(settings.error());
    return run_machine(*std::move(settings), monitor);
}

/// For commands whose only option is --json: is it there?
Result<bool> wants_json(std::string_view command, Arguments arguments) {
    bool const json = arguments.size() == 1 && arguments[0] == "--json";
    if (arguments.empty() || json) return json;
    return std::unexpected(usage_error(fmt::format("'ring3 {}' does not know '{}'", command, arguments.back())));
}

int doctor(Arguments arguments, MonitorParts const&) {
    auto const json = wants_json("doctor", arguments);
    if (!json) return report(json.error());
    auto const findings = diagnose(look_at_host());
    int const printed = print(*json ? as_json(findings) : as_text(findings));
    return printed != 0 ? printed : doctor_status(findings);
}

int isa(Arguments arguments, MonitorParts const&) {
    auto const json = wants_json("isa", arguments);
    if (!json) return report(json.error());
    auto const survey = survey_isa(processor_name());
    if (!survey) return report(survey.error());
    return print(*json ? as_json(*survey) : as_text(*survey));
}

int disk_image(Arguments arguments, MonitorParts const&) {
    return image_command(arguments);
}

int volume_disk(Arguments arguments, MonitorParts const&) {
    return disk_command(arguments);
}

int machine_file(Arguments arguments, MonitorParts const& monitor) {
    return config_command(arguments, monitor);
}

int version(Arguments arguments, MonitorParts const&) {
    if (!arguments.empty()) return report(usage_error(fmt::format("'ring3 version' does not know '{}'", arguments[0])));
    return print("ring3 " RING3_VERSION "\n");
}

int help(Arguments arguments, MonitorParts const& monitor);

struct Command {
    std::string_view name;
    std::string_view form;
    std::string_view help;
    int (*run)(Arguments, MonitorParts const&);
};

constexpr Command commands[] = {
    {"run", "run [OPTIONS] [-- CMD]", "boot the default guest to a shell, or run CMD in it", run},
    {"run", "run FILE.toml [MACHINE...]", "start the machines of a file", run},
    {"image", "image COMMAND", "create, convert, check, compare disk images (qemu-img's options)", disk_image},
    {"disk", "disk COMMAND", "cut a file or block device into virtual disks of several machines", volume_disk},
    {"config", "config COMMAND", "check machine files, show them as command lines", machine_file},
    {"doctor", "doctor [--json]", "say what this host can and cannot do", doctor},
    {"isa", "isa [--json]", "show which instructions are sensitive, and which of them trap on this processor", isa},
    {"version", "version", "print the version", version},
    {"help", "help [COMMAND]", "print this text, or a command's options", help},
};

Command const* find_command(std::string_view name) {
    if (name == "--help" || name == "-h") name = "help";
    if (name == "--version" || name == "-V") name = "version";
    auto const found = std::ranges::find(commands, name, &Command::name);
    return found == std::end(commands) ? nullptr : found;
}

std::string overview() {
    std::string text = "usage: ring3 COMMAND\n\nRuns whole x86 operating systems in an ordinary process.\n\n";
    for (auto const& command : commands) text += fmt::format("  {:<26} {}\n", command.form, command.help);
    return text + "\nring3-system-i386 takes QEMU's options. See also: man ring3\n";
}

int help(Arguments arguments, MonitorParts const& monitor) {
    if (arguments.empty()) return print(overview());
    Command const* const command = find_command(arguments[0]);
    if (!command) return report(usage_error(fmt::format("unknown command '{}'", arguments[0])));
    std::string const help_option[] = {"--help"};
    bool const has_own_help = command->run == run || command->run == disk_image || command->run == volume_disk ||
                              command->run == machine_file;
    if (has_own_help) return command->run(Arguments{help_option}, monitor);
    return print(fmt::format("usage: ring3 {}\n\n  {}\n", command->form, command->help));
}

} // namespace

int ring3_main(std::span<std::string const> arguments, MonitorParts const& monitor) {
    if (arguments.empty()) {
        fmt::print(stderr, "{}", overview());
        return static_cast<int>(ExitStatus::usage);
    }
    Command const* const command = find_command(arguments[0]);
    if (!command) return report(usage_error(fmt::format("unknown command '{}'", arguments[0])));
    return command->run(arguments.subspan(1), monitor);
}

int system_main(std::span<std::string const> arguments, MonitorParts const& monitor) {
    auto parsed = parse_system_options(arguments, monitor.cpu_names);
    if (!parsed) return report(parsed.error());
    if (auto const* text = std::get_if<PrintText>(&*parsed)) return print(text->text);
    return run_machine(std::get<VmSettings>(*std::move(parsed)), monitor);
}

} // namespace ring3::app
