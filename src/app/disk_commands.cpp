#include "app/disk_commands.h"

#include "app/session.h"
#include "image/new_image.h"
#include "volume/volume.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ring3::app {

namespace {

using namespace volume;
using Words = std::vector<std::string>;

Result<void> print(std::string_view text) {
    bool const written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    if (written) return {};
    return fail(ExitStatus::io, "cannot write to standard output");
}

Result<u64> take_size(std::string_view text) {
    if (auto const size = image::parse_size(text)) return *size;
    return fail(ExitStatus::usage, fmt::format("'{}' is no size: 512M and 10G are", text));
}

/// Takes a switch out of the words.
bool take(Words& words, std::string_view name) {
    return std::erase(words, name) != 0;
}

Result<void> init(Words words) {
    auto const force = take(words, "--force") ? Volume::Force::yes : Volume::Force::no;
    std::optional<u64> size;
    if (words.size() > 1) size = TRY(take_size(words[1]));
    return Volume::format(words[0], size, force);
}

Result<void> create(Words words) {
    u64 const size = TRY(take_size(words[2]));
    auto pool = TRY(Volume::open(words[0], {}));
    return pool.create(words[1], size);
}

Result<void> resize(Words words) {
    bool const may_shrink = take(words, "--shrink");
    auto const& text = words[2];
    bool const is_relative = text.starts_with('+') || text.starts_with('-');
    u64 const number = TRY(take_size(std::string_view{text}.substr(is_relative ? 1 : 0)));
    auto pool = TRY(Volume::open(words[0], {}));
    auto table = TRY(pool.table());
    Disk const* const disk = table.find(words[1]);
    if (!disk) return fail(ExitStatus::configuration, fmt::format("'{}' has no disk '{}'", words[0], words[1]));
    if (text.starts_with('-') && number >= disk->bytes) {
        return fail(ExitStatus::usage, fmt::format("the disk has only {} bytes", disk->bytes));
    }
    u64 const size = !is_relative ? number : (text[0] == '+' ? disk->bytes + number : disk->bytes - number);
    if (size < disk->bytes && !may_shrink) {
        return fail(ExitStatus::usage, fmt::format("{} bytes are less than the disk's {}: what is behind would be lost "
                                                   "(--shrink)",
                                                   size, disk->bytes));
    }
    return pool.resize(words[1], size);
}

Result<void> remove(Words words) {
    auto pool = TRY(Volume::open(words[0], {}));
    return pool.remove(words[1]);
}

std::string as_json(std::string const& path, Table const& table, std::vector<std::string_view> const& states) {
    nlohmann::ordered_json json{{"volume", path},
                                {"bytes", table.units * unit_bytes},
                                {"free-bytes", table.free_units() * unit_bytes},
                                {"disks", nlohmann::ordered_json::array()}};
    for (std::size_t n = 0; n < table.disks.size(); ++n) {
        auto const& disk = table.disks[n];
        json["disks"].push_back(
            {{"name", disk.name}, {"bytes", disk.bytes}, {"pieces", disk.runs.size()}, {"state", states[n]}});
    }
    return json.dump(4, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string as_text(Table const& table, std::vector<std::string_view> const& states) {
    auto text = fmt::format("{:<32}{:>20}{:>8}  {}\n", "NAME", "BYTES", "PIECES", "STATE");
    for (std::size_t n = 0; n < table.disks.size(); ++n) {
        auto const& disk = table.disks[n];
        text += fmt::format("{:<32}{:>20}{:>8}  {}\n", disk.name, disk.bytes, disk.runs.size(), states[n]);
    }
    return text + fmt::format("{} MiB of {} MiB are free.\n", table.free_units(), table.units);
}

Result<void> list(Words words) {
    bool const wants_json = take(words, "--json");
    auto pool = TRY(Volume::open(words[0], {.access = image::Access::read_only}));
    auto const table = TRY(pool.table());
    std::vector<std::string_view> states;
    for (auto const& disk : table.disks) states.push_back(pool.is_in_use(disk) ? "in use" : "idle");
    return print(wants_json ? as_json(words[0], table, states) : as_text(table, states));
}

struct DiskCommand {
    std::string_view name;
    std::string_view form;
    std::string_view help;
    std::size_t least, most; // words, without switches
    std::string_view switches;
    Result<void> (*run)(Words);
};

constexpr DiskCommand commands[] = {
    {"init", "init [--force] VOLUME [SIZE]", "make a volume of a file (of that size) or block device", 1, 2, "--force",
     init},
    {"create", "create VOLUME NAME SIZE", "make a virtual disk", 3, 3, "", create},
    {"resize", "resize [--shrink] VOLUME NAME [+|-]SIZE", "change a disk's size", 3, 3, "--shrink", resize},
    {"remove", "remove VOLUME NAME", "remove a disk and its contents", 2, 2, "", remove},
    {"list", "list [--json] VOLUME", "show the disks, and who is in use", 1, 1, "--json", list},
};

std::string overview() {
    std::string text =
        "usage: ring3 disk COMMAND\n\nCuts a physical volume, a file or block device, into virtual disks.\n\n";
    for (auto const& command : commands) text += fmt::format("  {:<42} {}\n", command.form, command.help);
    return text + "\nA machine takes a disk as file=volume:VOLUME/NAME,format=raw.\n";
}

Error usage_error(std::string const& text) {
    return {ExitStatus::usage, text + " ('ring3 help disk' lists the commands)"};
}

Result<void> run(std::span<std::string const> arguments) {
    if (arguments.empty()) return std::unexpected(usage_error("'ring3 disk' needs a command"));
    auto const& name = arguments[0];
    if (name == "--help" || name == "-h") return print(overview());
    auto const command = std::ranges::find(commands, name, &DiskCommand::name);
    if (command == std::end(commands)) {
        return std::unexpected(usage_error(fmt::format("'ring3 disk' does not know '{}'", name)));
    }
    Words words(arguments.begin() + 1, arguments.end());
    if (std::ranges::find(words, "--help") != words.end()) {
        return print(fmt::format("usage: ring3 disk {}\n\n  {}\n", command->form, command->help));
    }
    std::size_t count = 0;
    for (auto const& word : words) {
        bool const is_switch = word.starts_with("--");
        if (is_switch && word != command->switches) {
            return std::unexpected(usage_error(fmt::format("unknown option '{}'", word)));
        }
        if (!is_switch) ++count;
    }
    if (count < command->least || count > command->most) {
        return std::unexpected(usage_error(fmt::format("usage: ring3 disk {}", command->form)));
    }
    return command->run(std::move(words));
}

} // namespace

int disk_command(std::span<std::string const> arguments) {
    auto const done = run(arguments);
    return done ? 0 : report(done.error());
}

} // namespace ring3::app
