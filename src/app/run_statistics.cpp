#include "app/run_statistics.h"

#include "app/engine_switches.h"

#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ring3::app {

namespace {

using S = RunStatistics;
using enum CounterGroup;
using enum Unit;

// In the order of the table that people see.
constexpr std::array all_counters{
    Counter{"direct", &S::direct, CounterGroup::instructions, count, "unchanged, from the code cache"},
    Counter{"inlined", &S::inlined, CounterGroup::instructions, count, "sensitive, emulated in the code cache"},
    Counter{"callouts", &S::callouts, CounterGroup::instructions, count,
            "sensitive or rare, one call out of the code cache"},
    Counter{"interpreted", &S::interpreted, CounterGroup::instructions, count, "by the interpreter's own loop"},

    Counter{"blocks", &S::blocks, blocks, count, "blocks translated"},
    Counter{"translated_instructions", &S::translated_instructions, blocks, count, "guest instructions in them"},
    Counter{"translated_guest_bytes", &S::translated_guest_bytes, blocks, bytes, "guest code in them"},
    Counter{"translated_host_bytes", &S::translated_host_bytes, blocks, bytes, "host code made of it"},
    Counter{"links", &S::links, blocks, count, "exits that were joined to their successor"},
    Counter{"unlinks", &S::unlinks, blocks, count, "ways into dropped blocks that were closed"},
    Counter{"reemitted_blocks", &S::reemitted_blocks, blocks, count,
            "translated again, for what an instruction turned out to do"},
    Counter{"invalidated_blocks", &S::invalidated_blocks, blocks, count,
            "dropped, for their guest code was written to"},
    Counter{"cache_flushes", &S::cache_flushes, blocks, count, "times that the code cache was full"},
    Counter{"verified_blocks", &S::verified_blocks, blocks, count, "run twice and compared (--verify)"},
    Counter{"checked_blocks", &S::checked_blocks, blocks, count, "decoded again before they ran (--check-code)"},

    Counter{"exits_unlinked", &S::exits_unlinked, exits, count, "the successor was not known yet"},
    Counter{"exits_indirect", &S::exits_indirect, exits, count, "an indirect jump's target was not in the table"},
    Counter{"exits_callout", &S::exits_callout, exits, count, "the interpreter had to do an instruction"},
    Counter{"exits_signal", &S::exits_signal, exits, count, "an interrupt, a timer or a message"},
    Counter{"exits_fault", &S::exits_fault, exits, count, "a fault, the guest's or the VMM's"},

    Counter{"hidden_faults", &S::hidden_faults, faults, count, "of the VMM's making, which the guest does not see"},
    Counter{"true_faults", &S::true_faults, faults, count, "of the guest's making, reflected to it"},
    Counter{"host_signals", &S::host_signals, faults, count, "signals from the host's kernel"},

    Counter{"soft_misses", &S::soft_misses, memory, count, "refills of the software TLB"},
    Counter{"mappings_made", &S::mappings_made, memory, count, "host mappings in windows"},
    Counter{"mappings_evicted", &S::mappings_evicted, memory, count, "taken away again"},
    Counter{"windows_made", &S::windows_made, memory, count, "windows on a guest address space"},
    Counter{"windows_evicted", &S::windows_evicted, memory, count, "given to another address space"},
    Counter{"address_space_switches", &S::address_space_switches, memory, count, "page tables activated by the guest"},
    Counter{"tlb_flushes", &S::tlb_flushes, memory, count, "times that cached translations were dropped"},

    Counter{"monitors", &S::monitors, machine, count, "lives of the machine: one, and one for each reset"},
    Counter{"instructions", &S::instructions, machine, count, "the dispatcher's own count"},
    Counter{"exceptions", &S::exceptions, machine, count, "delivered to the guest"},
    Counter{"interrupts", &S::interrupts, machine, count, "accepted by the guest"},
    Counter{"port_accesses", &S::port_accesses, machine, count, "IN and OUT that were executed"},
    Counter{"halted_nanoseconds", &S::halted_nanoseconds, machine, nanoseconds, "asleep in HLT, in guest time"},
    Counter{"virtual_nanoseconds", &S::virtual_nanoseconds, machine, nanoseconds, "guest time since power-on"},

    Counter{"time_translated", &S::time_translated, CounterGroup::time, nanoseconds, "in translated code"},
    Counter{"time_interpreter", &S::time_interpreter, CounterGroup::time, nanoseconds, "in the interpreter"},
    Counter{"time_translator", &S::time_translator, CounterGroup::time, nanoseconds, "translating"},
    Counter{"time_devices", &S::time_devices, CounterGroup::time, nanoseconds, "in devices"},
    Counter{"time_halted", &S::time_halted, CounterGroup::time, nanoseconds, "asleep"},
};
static_assert(all_counters.size() * sizeof(u64) == sizeof(RunStatistics), "every counter has one row");

struct Heading {
    CounterGroup group;
    std::string_view text;
    bool shares; // of the group's sum
};

constexpr std::array headings{
    Heading{CounterGroup::instructions, "guest instructions, by how they ran", true},
    Heading{blocks, "blocks of translated code", false},
    Heading{exits, "exits from the code cache, by cause", true},
    Heading{faults, "faults and signals", false},
    Heading{memory, "memory", false},
    Heading{machine, "the machine", false},
    Heading{CounterGroup::time, "host time, by where it went", true},
};

/// 1234567 as 1,234,567.
std::string with_commas(u64 number) {
    std::string text = fmt::format("{}", number);
    for (auto i = static_cast<int>(text.size()) - 3; i > 0; i -= 3) text.insert(static_cast<std::size_t>(i), 1, ',');
    return text;
}

std::string amount(u64 value, Unit unit) {
    switch (unit) {
    case count: return with_commas(value);
    case bytes: return fmt::format("{} B", with_commas(value));
    case nanoseconds: return fmt::format("{:.3f} s", static_cast<double>(value) / 1e9);
    }
    return "";
}

std::string share(u64 part, u64 whole) {
    if (whole == 0) return "";
    return fmt::format("{:.2f} %", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

void add_group(std::string& text, RunStatistics const& statistics, Heading const& heading) {
    u64 whole = 0;
    for (auto const& counter : all_counters)
        if (counter.group == heading.group) whole += statistics.*counter.value;
    text += fmt::format("\n{}\n", heading.text);
    for (auto const& counter : all_counters) {
        if (counter.group != heading.group) continue;
        u64 const value = statistics.*counter.value;
        text += fmt::format("  {:<24}{:>18} {:>10}  {}\n", counter.name, amount(value, counter.unit),
                            heading.shares ? share(value, whole) : "", counter.description);
    }
}

} // namespace

std::span<Counter const> counters() {
    return all_counters;
}

void RunStatistics::add(driver::Statistics const& monitor) {
    RunStatistics one{monitor.engine()};
    one.monitors = 1;
    one.instructions = monitor.instructions;
    one.exceptions = monitor.exceptions;
    one.interrupts = monitor.interrupts;
    one.port_accesses = monitor.port_accesses;
    one.halted_nanoseconds = monitor.halted_nanoseconds;
    one.virtual_nanoseconds = monitor.virtual_nanoseconds;
    for (auto const& counter : all_counters) this->*counter.value += one.*counter.value;
}

double RunStatistics::efficiency() const {
    u64 const all = guest_instructions();
    return all == 0 ? 0 : static_cast<double>(direct) / static_cast<double>(all);
}

std::string as_text(RunStatistics const& statistics) {
    std::string text = fmt::format("{} guest instructions, {:.2f} % of them directly\n",
                                   with_commas(statistics.guest_instructions()), 100 * statistics.efficiency());
    for (auto const& heading : headings) add_group(text, statistics, heading);
    return text;
}

std::string as_json(RunStatistics const& statistics, driver::EngineOptions const& options) {
    nlohmann::ordered_json document{
        {"version", RING3_VERSION},
        {"options",
         {{"engine", word_of(options.engine)},
          {"optimize", words_of(options.optimize)},
          {"memory", word_of(options.memory)},
          {"tlb", word_of(options.tlb)},
          {"verify", word_of(options.verify)},
          {"check_code", options.check_code},
          {"cache_mib", options.cache_mib}}},
        {"guest_instructions", statistics.guest_instructions()},
        {"efficiency", statistics.efficiency()},
    };
    for (auto const& counter : all_counters) document[std::string{counter.name}] = statistics.*counter.value;
    std::string json = document.dump(2);
    json += "\n";
    return json;
}

} // namespace ring3::app
