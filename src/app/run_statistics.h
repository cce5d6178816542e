// RunStatistics: what was counted over a whole run, summed over all monitors that it had (a guest that resets itself
// gets a new one). At exit it becomes a table for people (--stats) and JSON for programs (--stats=FILE); both, and the
// list of names in the manual page, come from one table of counters.
#pragma once

#include "app/vm_settings.h"
#include "driver/statistics.h"

#include <span>
#include <string>
#include <string_view>

namespace ring3::app {

struct RunStatistics : driver::EngineStatistics {
    u64 monitors{};      // how many lives the machine had
    u64 instructions{};  // the dispatcher's own count
    u64 exceptions{};    // delivered to the guest
    u64 interrupts{};    // accepted by the guest
    u64 port_accesses{}; // IN and OUT that were executed
    u64 halted_nanoseconds{};
    u64 virtual_nanoseconds{};

    /// One more monitor's.
    void add(driver::Statistics const& monitor);

    /// However they ran.
    u64 guest_instructions() const { return direct + inlined + callouts + interpreted; }
    /// The share of instructions that ran directly: C4's efficiency. 0 if nothing ran.
    double efficiency() const;
};

enum class Unit : u8 { count, bytes, nanoseconds };
/// The parts of the table; in the first three and `time`, each counter's share is shown too.
enum class CounterGroup : u8 { instructions, exits, time, blocks, faults, memory, machine };

struct Counter {
    std::string_view name; // the member's: the key in JSON
    u64 RunStatistics::*value;
    CounterGroup group;
    Unit unit;
    std::string_view description;
};

std::span<Counter const> counters();

std::string as_text(RunStatistics const& statistics);
/// One object: every counter by its name, guest_instructions, efficiency, and the switches that the run had.
std::string as_json(RunStatistics const& statistics, driver::EngineOptions const& options);

} // namespace ring3::app
