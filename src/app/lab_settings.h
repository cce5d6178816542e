// LabFile: a machine file as `ring3 run` and `ring3 config` use it: read, understood by the reader of
// ring3-system-i386's options, and held against what is on this host.
#pragma once

#include "app/commands.h"
#include "config/lab.h"

#include <span>

namespace ring3::app {

struct LabMachine {
    std::string name;
    std::vector<std::string> arguments; // for ring3-system-i386
    VmSettings settings;
    std::vector<std::string> remarks; // what the arguments alone do not say
};

struct LabFile {
    std::string path;   // as typed
    std::string folder; // where it lies; empty: here
    config::Lab lab;    // with all problems
    std::vector<LabMachine> machines;
};

/// Does that word mean a machine file?
bool is_machine_file(std::string_view word);

/// Reads and checks a file, or only its machines of these names, and makes its folder the current one: what the file
/// names lies relative to it. An error means that it could not even be read; what is wrong in it is in lab.problems.
Result<LabFile> open_lab_file(std::string const& path, std::span<std::string const> names, MonitorParts const& monitor,
                              std::span<std::string const> guest_directories);

/// "lab.toml:3:10: 'memory' is ...", a line each.
std::string describe_problems(LabFile const& file);

/// Writes the problems, if there are any, to standard error; then the result is an error without a message.
Result<void> report_problems(LabFile const& file);

} // namespace ring3::app
