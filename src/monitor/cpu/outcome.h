// Outcome: how one guest instruction ended. An ordinary value: a guest's faults are never exceptions or asserts.
#pragma once

#include "base/types.h"

namespace ring3 {

/// SDM 3A 6.3.1, table 6-1.
enum class Vector : u8 {
    de = 0, // divide error
    db = 1, // debug
    nmi = 2,
    bp = 3,  // breakpoint
    of = 4,  // overflow
    br = 5,  // BOUND range exceeded
    ud = 6,  // invalid opcode
    nm = 7,  // device not available
    df = 8,  // double fault
    ts = 10, // invalid TSS
    np = 11, // segment not present
    ss = 12, // stack fault
    gp = 13, // general protection
    pf = 14, // page fault
    mf = 16, // x87 floating-point error
    ac = 17, // alignment check
    mc = 18, // machine check
    xm = 19, // SIMD floating-point error
};

/// Eight bytes, so that it travels in a register and `is_next` is one test: this is on the path of every instruction.
class [[nodiscard]] Outcome {
public:
    enum class Kind : u8 {
        next,     // completed; go on at the next instruction
        fault,    // did not complete: deliver vector(), error(); nothing guest-visible has changed but what SDM allows
        halt,     // HLT completed: wait for an interrupt
        leave,    // completed, and what was decoded ahead may no longer hold (mode, mapping or code changed)
        again,    // a REP iteration completed and more remain: let interrupts in, then come back to the same eip
        shutdown, // a fault while delivering a double fault (SDM 3A 6.15, "triple fault")
        stop,     // the platform asked the processor to stop: reset, power-off, pause
    };

    static constexpr Outcome next() { return Outcome{Kind::next}; }
    static constexpr Outcome halt() { return Outcome{Kind::halt}; }
    static constexpr Outcome leave() { return Outcome{Kind::leave}; }
    static constexpr Outcome again() { return Outcome{Kind::again}; }
    static constexpr Outcome shutdown() { return Outcome{Kind::shutdown}; }
    static constexpr Outcome stop() { return Outcome{Kind::stop}; }
    static constexpr Outcome fault(Vector vector) { return Outcome{Kind::fault, vector, 0, false}; }
    static constexpr Outcome fault(Vector vector, u16 error) { return Outcome{Kind::fault, vector, error, true}; }

    constexpr bool is_next() const { return raw_ == 0; }
    constexpr Kind kind() const { return Kind(raw_ & 0xff); }
    constexpr bool is_fault() const { return kind() == Kind::fault; }
    constexpr Vector vector() const { return Vector((raw_ >> 8) & 0xff); }
    constexpr bool has_error() const { return ((raw_ >> 16) & 1) != 0; }
    constexpr u16 error() const { return u16(raw_ >> 32); }
    friend constexpr bool operator==(Outcome, Outcome) = default;

private:
    constexpr explicit Outcome(Kind kind) : raw_{u64(kind)} {}
    constexpr Outcome(Kind kind, Vector vector, u16 error, bool has_error)
        : raw_{u64(kind) | u64(vector) << 8 | u64{has_error} << 16 | u64{error} << 32} {}
    u64 raw_;
};

} // namespace ring3

/// Go on only if the guest operation completed; otherwise hand its Outcome to the caller.
#define TRY_GUEST(operation)                                                                                           \
    do {                                                                                                               \
        if (::ring3::Outcome const outcome_ = (operation); !outcome_.is_next()) [[unlikely]]                           \
            return outcome_;                                                                                           \
    } while (0)
