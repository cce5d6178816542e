// The command line of `ring3 run`, and the machine that it means.
#pragma once

#include "app/default_guest.h"
#include "app/net_options.h"
#include "app/vm_settings.h"

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace ring3::app {

/// A virtio disk.
struct RunDisk {
    std::string path;    // or
    u64 scratch_bytes{}; // one that is empty, and forgotten at the end
    bool is_read_only{};
};

struct RunOptions {
    u64 memory{u64{256} << 20};
    std::string cpu{"max"};
    std::string kernel; // empty: the default guest's
    std::string initrd; // empty: the default guest's, where the kernel can use it; "none": none
    std::string append;
    std::string name;
    driver::LogMask log;
    std::string log_file;
    EngineSettings engine;
    std::optional<std::string> network; // -nic's argument
    std::optional<p9::ShareSettings> share;
    std::vector<RunDisk> disks;
    bool verbose{};
    driver::Sandbox sandbox{driver::Sandbox::on};
    std::vector<std::string> command; // empty: a shell
};

/// `arguments` are those behind "run".
Result<std::variant<RunOptions, PrintText>> parse_run_options(std::span<std::string const> arguments);

/// What is at the host's end of standard input.
enum class StandardInput : u8 { terminal, something_else };

/// The machine for these options.
Result<VmSettings> run_settings(RunOptions const& options, StandardInput input,
                                std::span<std::string const> guest_directories);

// ---- the default guest in a machine that somebody else has put together (lab_settings.h)

/// What its kernel is told in any case.
std::string default_guest_words();
/// What else its init is told, and the command itself; its console is hidden.
void run_guest_command(VmSettings& settings, std::span<std::string const> command);
/// Puts the modules for the first card behind the initial ram disk.
Result<void> add_network_modules(VmSettings& settings, std::span<std::string const> guest_directories);

} // namespace ring3::app
