// What --verify compares: two states of the guest after the same piece of code, one made by the interpreter and one by
// translated code (C3, C4).
//
// A *unit* is a basic block without instructions that the interpreter's routines run anyway. It cannot load a
// descriptor or a control register, so its state is small: general registers, EIP, EFLAGS, the vector state if it has
// instructions for that, and memory. Of memory the interpreter's stores are known one by one (WriteLog); compared is every
// cache line that they touched. So a store that is missing, wrong, too wide, or some bytes off is seen. What is not seen:
// a store of translated code to a line that the interpreter did not touch, beside all the right ones.
#pragma once

#include "monitor/interpreter/handlers.h"

#include <array>
#include <string>
#include <vector>

namespace ring3 {

/// An instruction of a unit, decoded once.
struct UnitStep {
    u32 eip{};
    insn::Insn insn{};
    Handler handler{};
    /// Status flags that have defined values behind it, and those that the manual leaves open. A count in CL decides
    /// about both each time.
    insn::FlagMask settled{}, open{};
    bool shifts_by_cl{};
    static UnitStep of(u32 eip, insn::Insn const& insn, CpuModel const& model);
    /// The flags without a defined value behind it, if `before` had none before.
    insn::FlagMask undefined_after(insn::FlagMask before, u8 cl) const {
        if (shifts_by_cl) return undefined_after_shift(before, cl);
        return static_cast<insn::FlagMask>((before & ~settled) | open);
    }

private:
    insn::FlagMask undefined_after_shift(insn::FlagMask before, u8 count) const;
};

struct VerifiedUnit {
    std::vector<UnitStep> steps{};
    u64 runs{};
    bool vectors{};  // some step uses x87, MMX, SSE or AVX registers
    bool segments{}; // some step loads a segment register without a descriptor
    UnitStep const* step_at(u32 eip) const;
};

/// The registers that a unit can change.
class UnitState {
public:
    void take(GuestCpu const& cpu, VerifiedUnit const& unit);
    void put_into(GuestCpu& cpu) const;
    /// Are the processor's the same? Not counting `undefined` flags.
    bool matches(GuestCpu const& cpu, insn::FlagMask undefined) const;
    /// How they differ, in words.
    std::string difference(GuestCpu const& cpu, insn::FlagMask undefined) const;

private:
    std::array<u64, GuestCpu::gpr_count> gpr_{};
    u64 eip_{};
    Eflags eflags_{};
    bool has_vectors_{}, has_segments_{};
    std::array<Segment, segment_count> segments_{};
    ExtendedState vectors_{};
};

/// The cache lines around the interpreter's stores.
class TouchedLines {
public:
    /// Remembers them as they are.
    void take(WriteLog const& log);
    bool match() const;
    std::string difference() const;

private:
    static constexpr std::size_t line_size = 64;
    struct Line {
        u8 const* host;
        std::array<u8, line_size> wanted;
    };
    void add(u8 const* place);
    std::vector<Line> lines_;
};

/// The stores of a log, undone in reverse order and done again.
void take_back(WriteLog const& log);
void make_again(WriteLog const& log);

} // namespace ring3
