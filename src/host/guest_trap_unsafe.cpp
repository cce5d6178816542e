// Signal frames to Traps and back (guest_trap.h). All mutable state here is written once, by install_traps().
#include "host/guest_trap.h"

#include "base/assert.h"
#include "host/file_descriptor.h"
#include "host/native_entry.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <x86intrin.h>

namespace ring3::host {
namespace {

constexpr std::array handled{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGALRM};

TrapOwner* owner;
std::span<u8 const> code;
std::array<struct sigaction, NSIG> previous; // by signal number

// ---- the frame

/// Where the kernel's frame keeps each register, in encoding order.
constexpr std::array frame_index{REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                 REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

HostRegisters registers_of(gregset_t const& frame) {
    HostRegisters registers;
    for (std::size_t i = 0; i < frame_index.size(); ++i) registers.gpr[i] = static_cast<u64>(frame[frame_index[i]]);
    registers.rip = static_cast<u64>(frame[REG_RIP]);
    registers.rflags = static_cast<u64>(frame[REG_EFL]);
    return registers;
}

void write_back(HostRegisters const& registers, gregset_t& frame) {
    for (std::size_t i = 0; i < frame_index.size(); ++i) frame[frame_index[i]] = static_cast<greg_t>(registers.gpr[i]);
    frame[REG_RIP] = static_cast<greg_t>(registers.rip);
    frame[REG_EFL] = static_cast<greg_t>(registers.rflags);
}

bool in_code(u64 rip) {
    return rip - reinterpret_cast<u64>(code.data()) < code.size();
}

// ---- the kind

TrapCause cause_of(int signal) {
    switch (signal) {
    case SIGFPE: return TrapCause::arithmetic;
    case SIGILL: return TrapCause::illegal;
    case SIGTRAP: return TrapCause::step;
    case SIGALRM: return TrapCause::preempt;
    default: return TrapCause::memory;
    }
}

/// Raised by the processor for an instruction of translated code? Not by kill(2), whose codes are not positive, and not
/// by an INT3 (SI_KERNEL): those fill the gaps between blocks, so one that is run is an error of ours.
bool is_guests(int signal, siginfo_t const& info, gregset_t const& frame) {
    if (info.si_code <= 0) return false;
    // A single step is the owner's wherever it ends: it may lead out of `code`.
    // Hypervisors have been seen to lose DR6.BS; the kernel then takes the step for an ICEBP (TRAP_BRKPT).
    constexpr greg_t trap_flag = 0x100;
    if (signal == SIGTRAP)
        return info.si_code == TRAP_TRACE || (info.si_code == TRAP_BRKPT && (frame[REG_EFL] & trap_flag) != 0);
    return in_code(static_cast<u64>(frame[REG_RIP]));
}

/// SDM 3A 4.7: the error code of a page fault has a bit for writes. That of #GP, for an address that is not canonical,
/// is a selector.
bool is_write(gregset_t const& frame) {
    constexpr int page_fault = 14, error_write = 1 << 1;
    return frame[REG_TRAPNO] == page_fault && (frame[REG_ERR] & error_write) != 0;
}

// ---- the handler

/// Ends the process by the default action: the signal stays blocked, thus pending, until the handler has returned.
void die_by(int signal) {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
    ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), signal);
}

/// To whoever handled the signal before.
void pass_on(int signal, siginfo_t* info, void* context) {
    auto const& action = previous[static_cast<std::size_t>(signal)];
    if ((action.sa_flags & SA_SIGINFO) != 0) return action.sa_sigaction(signal, info, context);
    if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) return die_by(signal);
    action.sa_handler(signal);
}

[[gnu::noinline]] void answer(int signal, siginfo_t* info, void* context) {
    int const saved_errno = errno;
    auto& frame = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    if (signal == SIGALRM || is_guests(signal, *info, frame)) {
        Trap trap{.cause = cause_of(signal), .registers = registers_of(frame)};
        if (trap.cause == TrapCause::memory) {
            trap.address = reinterpret_cast<u64>(info->si_addr);
            trap.write = is_write(frame);
        }
        if (owner->on_trap(trap))
            write_back(trap.registers, frame);
        else
            die_by(signal);
    } else {
        pass_on(signal, info, context);
    }
    errno = saved_errno;
}

/// A guest's AC, in the host's flags, would make our own unaligned accesses fault; the kernel clears DF and TF only.
/// A function of its own, so that nothing comes before.
void on_signal(int signal, siginfo_t* info, void* context) {
    constexpr u64 alignment_check = 1 << 18;
    __writeeflags(__readeflags() & ~alignment_check);
    answer(signal, info, context);
}

// ---- installation

/// A stack for the handlers, with a page below it that stops an overflow. It is never given back.
Result<void> use_alternate_stack() {
    // The frame holds all vector registers: 3.5 KiB with AVX-512, 11 KiB with AMX. The kernel tells.
    constexpr u64 for_us = 64 * 1024;
    u64 const frame = static_cast<u64>(std::max(::sysconf(_SC_MINSIGSTKSZ), long{MINSIGSTKSZ}));
    u64 const bytes = (frame + for_us + page_size - 1) & ~u64{page_size - 1};
    void* const start = ::mmap(nullptr, page_size + bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return fail_errno(ExitStatus::host_lacks, "no memory for a signal stack");
    if (::mprotect(start, page_size, PROT_NONE) < 0)
        return fail_errno(ExitStatus::host_lacks, "cannot protect the signal stack");
    stack_t stack{};
    stack.ss_sp = static_cast<u8*>(start) + page_size;
    stack.ss_size = bytes;
    if (::sigaltstack(&stack, nullptr) < 0) return fail_errno(ExitStatus::host_lacks, "cannot use a signal stack");
    return {};
}

/// All of them wait while one is handled: they share the stack. A fault in a handler therefore ends the process, as the
/// kernel does not let a blocked fault wait.
Result<void> handle(int signal) {
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    // SA_RESTART: a doorbell must not cut our writes short. It does not keep ppoll(2) asleep, which is as we want it.
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (int const other : handled) sigaddset(&action.sa_mask, other);
    if (::sigaction(signal, &action, &previous[static_cast<std::size_t>(signal)]) < 0)
        return fail_errno(ExitStatus::host_lacks, "cannot handle a signal");
    return {};
}

} // namespace

Result<void> install_traps(TrapOwner& new_owner, std::span<u8 const> new_code) {
    ASSERT(owner == nullptr);
    TRY_VOID(install_native_fault_handler()); // first, so that ours decides and passes on
    TRY_VOID(use_alternate_stack());
    code = new_code;
    owner = &new_owner;
    for (int const signal : handled) TRY_VOID(handle(signal));
    return {};
}

} // namespace ring3::host
