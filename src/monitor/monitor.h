// The monitor (G3): the system-level VMM of one VM, in a process of its own. The app forks it, hands it the guest's RAM
// and the driver's end, and from then on hears from it only through messages.
#pragma once

#include "base/result.h"
#include "driver/channel.h"
#include "driver/machine_config.h"

#include <string>
#include <string_view>
#include <vector>

namespace ring3 {

/// Is this a CPU model that run_monitor() would accept? For the app, before it forks. What it asks for in vain comes back,
/// a line each.
Result<std::vector<std::string>> check_cpu(std::string_view specification);
/// The models' names, for `-cpu help`.
std::vector<std::string_view> cpu_names();

/// Builds the machine, confines the process (unless the configuration says not to) and runs the guest until it powers
/// off, resets, breaks or is told to quit. Returns the process's exit status: 0 after a message that says what happened.
int run_monitor(driver::MachineConfig const& config, driver::MonitorEnd channel);

} // namespace ring3
