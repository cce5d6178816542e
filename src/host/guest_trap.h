// Traps of translated guest code: the host kernel's signals, as plain data.
//
// Translated code runs without a stack of ours and with the guest's registers in the processor, so whatever stops it
// arrives as a signal: a fault of a memory operand (SIGSEGV, SIGBUS), an arithmetic fault (SIGFPE), a single step
// (SIGTRAP), the preemption timer or the app's doorbell (SIGALRM). The handler turns the signal frame into a Trap,
// asks the owner, and writes the registers back. It runs on an alternate stack.
//
// What it costs (Emerald Rapids in a virtual machine, Linux 6.18; inside the sandbox the same):
//     a fault of translated code, to the owner and back              1.6 us
//     arm(), disarm()                                                0.33, 0.22 us; one in ten 10 us, see below
//     the timer's signal, as the gap that translated code sees       22 us, and the handler runs 10 us late
//     ring_doorbell() to a monitor on another core                   12 us for the app; its handler runs after 19 us
//     set_gs_base() with FSGSBASE                                    7 ns
// The dear ones are the hypervisor's: each reprogramming of the local APIC's timer and each interrupt between cores
// leaves the virtual machine. So a deadline that only moves away is better checked when the timer rings than set anew.
#pragma once

#include "base/result.h"

#include <span>

namespace ring3::host {

/// The interrupted processor state; gpr in encoding order (RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 .. R15).
struct HostRegisters {
    u64 gpr[16];
    u64 rip;
    u64 rflags;
};

enum class TrapCause : u8 {
    memory,     // SIGSEGV, SIGBUS: `address` was accessed
    arithmetic, // SIGFPE: #DE, #MF or #XM of the host
    illegal,    // SIGILL
    step,       // SIGTRAP with TF: one host instruction was run
    preempt,    // the timer or a doorbell; the interrupted code may be anything, the owner's C++ included
};

struct Trap {
    TrapCause cause{};
    u64 address{}; // cause == memory: what was accessed (0 if the processor did not say: a non-canonical address)
    bool write{};  // cause == memory
    HostRegisters registers{};
};

/// Who owns translated code.
class TrapOwner {
public:
    virtual ~TrapOwner() = default;
    /// Called in the signal handler: no allocation, no lock. It may change the registers. False: not ours, and the
    /// process ends by the signal's default action, so that the app can report it.
    virtual bool on_trap(Trap& trap) = 0;
};

/// Installs the handlers, once per process, on an alternate signal stack; before the process confines itself.
/// A signal that the processor did not raise for an instruction in `code` (rip outside, kill(2), INT3) is the owner's
/// only if it is `preempt`; others go to whoever handled them before (NativeRunner's handler for SIGFPE and SIGILL), or
/// to the default action.
Result<void> install_traps(TrapOwner& owner, std::span<u8 const> code);

/// A POSIX timer of CLOCK_MONOTONIC that raises `preempt` on the creating thread. To be created before the process
/// confines itself; arm() and disarm() are one system call each.
class PreemptionTimer {
public:
    static Result<PreemptionTimer> create();
    PreemptionTimer(PreemptionTimer&& other) noexcept;
    PreemptionTimer& operator=(PreemptionTimer&&) = delete;
    ~PreemptionTimer();
    /// Raises the signal once, `delay` nanoseconds from now (at least 1); replaces an earlier deadline.
    void arm(u64 delay);
    void disarm();

private:
    explicit PreemptionTimer(int id) : id_{id} {}
    int id_{-1};
};

/// Sends the signal that arrives as `preempt` to a monitor's process: the app's doorbell. No effect if it is gone.
void ring_doorbell(int pid);

/// May user code write the base of gs itself (WRGSBASE)? Linux 5.9 and later, on processors since 2012.
bool has_fsgsbase();

/// The base that `gs:` operands of translated code are relative to. Without has_fsgsbase() it is a system call.
void set_gs_base(u64 base);

} // namespace ring3::host
