// `ring3 isa`: the classes of the instruction table (C1), and the theorem's check on this processor (C5).
//
//     Popek and Goldberg, theorem 1 (1974): a virtual machine monitor can be built if the set of sensitive instructions
//     is a subset of the set of privileged instructions.
//
// Privileged means: traps in user mode. So each sensitive instruction is executed in user mode, in a child process, and
// those that do not trap are critical here: they are why guest code cannot simply be run, but must be translated.
#pragma once

#include "host/isa_probe.h"
#include "insn/insn.h"

#include <span>
#include <string>
#include <vector>

namespace ring3::app {

/// One sensitive instruction form, and what became of it.
struct IsaFinding {
    insn::InsnDef const* row{};
    std::string form;      // "lgdt ptr [edi]"
    std::vector<u8> bytes; // what was executed
    host::ProbeOutcome outcome;
    std::string observed;
    /// Did it not trap? What enters the host's kernel instead of the VMM counts as not trapped.
    bool is_critical() const { return outcome.end != host::ProbeOutcome::End::trapped; }
};

/// How many forms of the table are in each class.
struct IsaClasses {
    unsigned forms{}, innocuous{}, sensitive{};
    unsigned privileged{};  // sensitive ones for CPL 0
    unsigned conditional{}; // sensitive ones that IOPL, the I/O bitmap or CR4 can make trap
    unsigned critical{};    // sensitive ones that nothing makes trap, by the manual
};

struct IsaReport {
    std::string processor;
    IsaClasses classes;
    std::vector<IsaFinding> findings; // each sensitive row, in the table's order

    bool condition_holds() const;
    /// The names of those that break it, each once.
    std::vector<std::string_view> breakers() const;
};

IsaClasses classify(std::span<insn::InsnDef const> rows);

/// Runs them all; an error if this host cannot run 32-bit code.
Result<IsaReport> survey_isa(std::string processor);

std::string as_text(IsaReport const& report);
std::string as_json(IsaReport const& report);

} // namespace ring3::app
