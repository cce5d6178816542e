// The two programs behind one library: `ring3` with its subcommands, and ring3-system-i386 with QEMU's options.
#pragma once

#include "app/machine.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ring3::app {

/// What the app needs from the monitor's side of the house; the programs fill in the real one, tests one of their own.
struct MonitorParts {
    MonitorMain run;
    std::function<Result<std::vector<std::string>>(std::string_view)> check_cpu; // what the guest will lack
    std::vector<std::string_view> cpu_names;
};

/// main() of ring3, without the program's name; gives the exit status.
int ring3_main(std::span<std::string const> arguments, MonitorParts const& monitor);

/// main() of ring3-system-i386.
int system_main(std::span<std::string const> arguments, MonitorParts const& monitor);

} // namespace ring3::app
