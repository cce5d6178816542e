// Thunks: the fixed pieces of code between C++ and translated code. They are emitted once, at the start of the cache.
//
//     C++ --enter--> translated code --leave_*--> back behind enter       any exit: all guest state is in GuestCpu
//                    translated code --callout--> C++ --> translated code  one instruction by the interpreter's routine
#pragma once

#include "monitor/translator/assembler.h"

#include <span>

namespace ring3 {

struct GuestCpu;
struct EngineContext;

/// Why translated code was left.
enum class ExitKind : u8 {
    link,        // a direct exit without a successor yet; r9 = its link record
    indirect,    // an indirect jump whose target is in no table; r8 = eip
    soft_access, // the software TLB has no entry; r9 = its access record
    callout,     // a callout's routine says that the dispatcher must look
    trap,        // a signal's handler moved us here
    count_,
};

struct Thunks {
    HostPc enter{};
    HostPc leave[static_cast<unsigned>(ExitKind::count_)]{};
    HostPc callout{};
    HostPc load_fpu{};
    HostPc by_table{}; // to r8d, through the jump table
    HostPc return_underflow{};
    HostPc leaving{},
        left{}; // between them lies all that leads to C++, which will look for itself whether it is asked to
    bool leads_to_cpp(HostPc pc) const { return pc >= leaving && pc < left; }
};

/// Reaches the fields of a context from r15, which points at the GuestCpu in front of it.
class ContextMap {
public:
    ContextMap(GuestCpu const& cpu, EngineContext const& context) : cpu_{&cpu}, context_{&context} {}
    GuestCpu const& cpu() const { return *cpu_; }
    EngineContext const& context() const { return *context_; }
    /// The operand for any object near them.
    Mem at(void const* field) const;

private:
    GuestCpu const* cpu_;
    EngineContext const* context_;
};

Thunks emit_thunks(Assembler& a, ContextMap const& map);

} // namespace ring3
