// The signal handler of native_entry.h. It has no state of its own: what it must know lies on the stub's stack.
#include "host/native_entry.h"

#include <cerrno>
#include <cpuid.h>
#include <cstring>
#include <ucontext.h>

extern "C" {
// Labels in native_entry.S, where stubs return to and where their faults leave.
extern char const ring3_native_returned_x87[], ring3_native_returned_sse[], ring3_native_returned_avx[];
extern char const ring3_native_fault_x87[], ring3_native_fault_sse[], ring3_native_fault_avx[];
}

namespace ring3::host {
namespace {

struct sigaction previous_fpe, previous_ill; // written once, before the first guest instruction

u64 address_of(char const* label) {
    return reinterpret_cast<u64>(label);
}

/// The fault exit that belongs to a stub's return address; 0 if the signal was not a stub's.
u64 fault_exit_for(u64 return_address) {
    if (return_address == address_of(ring3_native_returned_sse)) return address_of(ring3_native_fault_sse);
    if (return_address == address_of(ring3_native_returned_avx)) return address_of(ring3_native_fault_avx);
    if (return_address == address_of(ring3_native_returned_x87)) return address_of(ring3_native_fault_x87);
    return 0;
}

void on_fault(int signal, siginfo_t*, void* context) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    u64 const* stack = reinterpret_cast<u64 const*>(registers[REG_RSP]);
    if (u64 const exit = fault_exit_for(*stack)) {
        registers[REG_RIP] = static_cast<greg_t>(exit);
        registers[REG_RAX] = signal;
        return;
    }
    // Not ours: the faulting instruction runs again under the action that was there before.
    sigaction(signal, signal == SIGFPE ? &previous_fpe : &previous_ill, nullptr);
}

Result<void> install() {
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGFPE, &action, &previous_fpe) != 0 || sigaction(SIGILL, &action, &previous_ill) != 0)
        return fail(ExitStatus::internal, std::string{"cannot handle SIGFPE and SIGILL: "} + std::strerror(errno));
    return {};
}

} // namespace

Result<void> install_native_fault_handler() {
    static Result<void> const result = install();
    return result;
}

void serialize_instruction_fetch() {
    u32 a = 0, b = 0, c = 0, d = 0;
    __cpuid(0, a, b, c, d);
}

} // namespace ring3::host
