// IsaProbe: what becomes of one instruction that is executed in user mode on this host, as IA-32 code. The theorem of
// Popek and Goldberg asks it of every sensitive instruction: does it trap?
//
// Each instruction runs in a child process of its own, which may die, hang or break its registers as it likes. The child
// enters the 32-bit code segment that Linux gives to every process, and leaves it by a far jump behind the instruction:
//
//     64-bit --lretq 23h--> [instruction][ljmp 33h: landing] --> registers to shared memory, exit
//                                 |
//                                 +-- signal: its number and the exception's vector to shared memory, exit
//
// A system call that the instruction makes (INT 80H, SYSENTER) is refused by a seccomp filter and shows up as `system_call`.
#pragma once

#include "base/result.h"

#include <array>
#include <span>
#include <string_view>

namespace ring3::host {

/// EAX to EDI in the order of their encoding, and EFLAGS.
struct ProbeRegisters {
    std::array<u32, 8> gpr{};
    u32 eflags{0x202};
};

struct ProbeOutcome {
    enum class End : u8 {
        ran,         // it was executed, and `registers` are what it left
        trapped,     // the host's kernel turned an exception into `signal`
        system_call, // it entered the host's kernel as a system call
        hung,        // it had not ended within a second
    };
    End end{};
    int signal{};
    u32 vector{}; // of the exception, if it trapped
    ProbeRegisters registers{};
};

class IsaProbe {
public:
    static Result<IsaProbe> create();
    IsaProbe(IsaProbe&& other) noexcept;
    IsaProbe& operator=(IsaProbe&&) = delete;
    ~IsaProbe();

    // Addresses below 2 GiB, the same in each child: of the instruction, of 8 KiB of data, and of the middle of the stack.
    u32 code_address() const;
    u32 data_address() const;
    u32 stack_address() const;
    /// The data and the stack's upper half, before and after a run.
    std::span<u8> data();
    std::span<u8> stack();
    /// What the instruction pushed: the word at that address of the stack, 0 if it is elsewhere.
    u32 stack_word(u32 address) const;

    /// Data and stack are zero again.
    void clear();
    /// Runs one instruction; ESP is the stack's address whatever `start` says.
    Result<ProbeOutcome> run(std::span<u8 const> instruction, ProbeRegisters const& start);

    static constexpr u16 code_selector = 0x23, data_selector = 0x2b; // Linux's for 32-bit code, the same everywhere

private:
    struct Area; // what lies in the shared memory
    explicit IsaProbe(Area* area) : area_{area} {}
    void prepare(std::span<u8 const> instruction, ProbeRegisters const& start);
    Area* area_;
};

/// "#GP" for 13; "vector 99" for what has no name.
std::string_view exception_name(u32 vector);
/// "SIGSEGV".
std::string_view signal_name(int signal);

} // namespace ring3::host
