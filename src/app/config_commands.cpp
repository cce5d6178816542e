#include "app/config_commands.h"

#include "app/default_guest.h"
#include "app/lab_settings.h"
#include "app/session.h"
#include "config/schema.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>

namespace ring3::app {

namespace {

using Words = std::span<std::string const>;

struct ConfigCommand {
    std::string_view name;
    std::string_view form;
    std::string_view help;
    std::size_t least, most; // words
    Result<void> (*run)(Words, MonitorParts const&);
};

Result<void> print(std::string_view text) {
    bool const written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    if (written) return {};
    return fail(ExitStatus::io, "cannot write to standard output");
}

std::string quoted(std::string_view word) {
    auto const is_harmless = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view{"-_=,.:/+@%"}.find(c) != std::string_view::npos;
    };
    if (!word.empty() && std::ranges::all_of(word, is_harmless)) return std::string{word};
    std::string text{"'"};
    for (char const c : word) text += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return text + "'";
}

Result<LabFile> open(Words words, MonitorParts const& monitor) {
    return open_lab_file(words[0], words.subspan(1), monitor, guest_directories());
}

Result<void> check(Words words, MonitorParts const& monitor) {
    auto const file = TRY(open(words, monitor));
    return report_problems(file);
}

/// An uplink is shown with the first machine at its switch.
std::vector<std::string> uplink_words(config::Lab const& lab, std::size_t machine) {
    std::vector<std::string> words;
    auto const is_at = [](config::Machine const& one, config::Uplink const& uplink) {
        return std::ranges::find(one.switches, uplink.switch_name) != one.switches.end();
    };
    for (auto const& uplink : lab.uplinks) {
        auto const first = std::ranges::find_if(lab.machines, [&](auto const& one) { return is_at(one, uplink); });
        if (first != lab.machines.begin() + static_cast<std::ptrdiff_t>(machine)) continue;
        for (auto const& argument : config::uplink_arguments(uplink)) words.push_back(argument.text);
    }
    return words;
}

Result<void> show(Words words, MonitorParts const& monitor) {
    auto const file = TRY(open(words, monitor));
    TRY_VOID(report_problems(file));
    std::string text;
    if (!file.folder.empty()) text += fmt::format("cd {}\n", quoted(file.folder));
    for (std::size_t i = 0; i < file.machines.size(); ++i) {
        auto const& machine = file.machines[i];
        for (auto const& remark : machine.remarks) text += fmt::format("# {}: {}\n", machine.name, remark);
        text += "ring3-system-i386";
        for (auto const& word : machine.arguments) text += " " + quoted(word);
        for (auto const& word : uplink_words(file.lab, i)) text += " " + quoted(word);
        text += "\n";
    }
    return print(text);
}

Result<void> keys(Words, MonitorParts const&) {
    return print(config::key_list());
}

constexpr ConfigCommand commands[] = {
    {"check", "check FILE [MACHINE...]", "say where a machine file is wrong: line, column and what", 1, 1000, check},
    {"show", "show FILE [MACHINE...]", "print the command lines of ring3-system-i386 that it means", 1, 1000, show},
    {"keys", "keys", "list all keys: name, form, meaning, with tabs between them", 0, 0, keys},
};

std::string overview() {
    std::string text = "usage: ring3 config COMMAND\n\nMachine files: several machines, their switches and volumes "
                       "(man ring3.toml).\n\n";
    for (auto const& command : commands) text += fmt::format("  {:<24} {}\n", command.form, command.help);
    return text + "\n'ring3 run FILE.toml' starts the machines.\n";
}

Error usage_error(std::string const& text) {
    return {ExitStatus::usage, text + " ('ring3 help config' lists the commands)"};
}

Result<void> run(Words arguments, MonitorParts const& monitor) {
    if (arguments.empty()) return std::unexpected(usage_error("'ring3 config' needs a command"));
    auto const& name = arguments[0];
    if (name == "--help" || name == "-h") return print(overview());
    auto const command = std::ranges::find(commands, name, &ConfigCommand::name);
    if (command == std::end(commands))
        return std::unexpected(usage_error(fmt::format("'ring3 config' does not know '{}'", name)));
    Words const words = arguments.subspan(1);
    if (std::ranges::find(words, "--help") != words.end())
        return print(fmt::format("usage: ring3 config {}\n\n  {}\n", command->form, command->help));
    for (auto const& word : words)
        if (word.starts_with('-') && word != "-")
            return std::unexpected(usage_error(fmt::format("unknown option '{}'", word)));
    if (words.size() < command->least || words.size() > command->most)
        return std::unexpected(usage_error(fmt::format("usage: ring3 config {}", command->form)));
    return command->run(words, monitor);
}

} // namespace

int config_command(std::span<std::string const> arguments, MonitorParts const& monitor) {
    auto const done = run(arguments, monitor);
    if (done) return 0;
    // Problems of a file have been said, a line each.
    return done.error().message.empty() ? static_cast<int>(done.error().status) : report(done.error());
}

} // namespace ring3::app
