// The stack (SDM 1 6.2-6.4, 6.5, 7.3.1.4): PUSH, POP, PUSHA, POPA, ENTER, LEAVE.
//
// Two sizes play: the operand size says how wide an element is, SS.B whether SP or ESP points to it. ESP is written last;
// a fault on the way leaves it as it was.
#include "monitor/interpreter/integer_handlers.h"
#include "monitor/interpreter/operands.h"

#include <array>

namespace ring3 {
namespace {

constexpr auto stack_segment = SegmentName::ss;

struct Push {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T value; // PUSH ESP pushes the value from before the push
        if constexpr (shape == Shape::i)
            value = static_cast<T>(insn.imm);
        else
            TRY_GUEST((load_destination<T, shape>(v, insn, value)));
        return v.push<T>(value);
    }
};

struct Pop {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        if constexpr (shape == Shape::m) return to_memory<T>(v, insn);
        T value;
        TRY_GUEST(v.pop<T>(value));
        v.cpu.write<T>(insn.dst, value); // after the increment: POP ESP leaves the popped value
        return Outcome::next();
    }
    /// An address with ESP in it is computed after the increment (SDM 2B POP); a fault of the store undoes that.
    template <class T> static Outcome to_memory(Vcpu& v, Insn const& insn) {
        u64 const old_esp = v.cpu.gpr[esp];
        T value;
        TRY_GUEST(v.pop<T>(value));
        Outcome const stored = v.store<T>(Vcpu::segment_of(insn), v.effective_address(insn), value);
        if (!stored.is_next()) v.cpu.gpr[esp] = old_esp;
        return stored;
    }
};

struct PushAll {
    template <class T> static Outcome run(Vcpu& v, Insn const&) {
        u32 offset = v.stack_pointer();
        for (u32 i = 0; i < 8; ++i) { // EAX lies highest, and stays if a later one faults
            offset = (offset - u32{sizeof(T)}) & v.stack_mask();
            TRY_GUEST(v.store<T>(stack_segment, offset, static_cast<T>(v.cpu.gpr[i])));
        }
        v.set_stack_pointer(offset);
        return Outcome::next();
    }
};

struct PopAll {
    template <class T> static Outcome run(Vcpu& v, Insn const&) {
        for (u8 i = 0; i < 8; ++i) { // EDI lies lowest, and stays if a later one faults
            u8 const number = 7 - i;
            T value; // also of ESP, which is dropped
            TRY_GUEST(v.load<T>(stack_segment, (v.stack_pointer() + i * u32{sizeof(T)}) & v.stack_mask(), value));
            if (number != esp) v.cpu.write<T>(reg_ref(number), value);
        }
        v.set_stack_pointer(v.stack_pointer() + 8 * u32{sizeof(T)});
        return Outcome::next();
    }
};

/// SDM 2A ENTER: pushes eBP, copies level - 1 frame pointers of enclosing procedures, pushes its own, reserves space.
struct Enter {
    template <class T> static Outcome run(Vcpu& v, Insn const& insn) {
        unsigned const level = insn.imm2 & 31;
        u32 const mask = v.stack_mask();
        u32 top = v.stack_pointer();
        u32 enclosing = static_cast<u32>(v.cpu.gpr[ebp]);
        auto const push = [&](T value) {
            top = (top - u32{sizeof(T)}) & mask;
            return v.store<T>(stack_segment, top, value);
        };
        TRY_GUEST(push(static_cast<T>(v.cpu.gpr[ebp])));
        // On a 16-bit stack the upper half of ESP is no part of the frame's address but of its 32-bit image.
        u32 const frame = (static_cast<u32>(v.cpu.gpr[esp]) & ~mask) | top;
        for (unsigned i = 1; i < level; ++i) {
            enclosing -= u32{sizeof(T)};
            T pointer;
            TRY_GUEST(v.load<T>(stack_segment, enclosing & mask, pointer));
            TRY_GUEST(push(pointer));
        }
        if (level > 0) TRY_GUEST(push(static_cast<T>(frame)));
        top = (top - static_cast<u16>(insn.imm)) & mask;
        Linear address; // the new top must be writable, though nothing is written there
        TRY_GUEST(v.linear_for(stack_segment, top, sizeof(T), Access::write, address));
        TRY_GUEST(v.mmu.probe(address, v.privilege(), Access::write, sizeof(T)));
        v.cpu.write<T>(reg_ref(ebp), static_cast<T>(frame));
        v.set_stack_pointer(top);
        return Outcome::next();
    }
};

struct Leave {
    template <class T> static Outcome run(Vcpu& v, Insn const&) {
        u32 const frame = static_cast<u32>(v.cpu.gpr[ebp]);
        T value;
        TRY_GUEST(v.load<T>(stack_segment, frame & v.stack_mask(), value));
        v.set_stack_pointer(frame + u32{sizeof(T)});
        v.cpu.write<T>(reg_ref(ebp), value);
        return Outcome::next();
    }
};

constexpr std::array rows{
    HandlerRow{Op::push, choose<Push, WordWidths, Shape::r, Shape::m, Shape::i>},
    HandlerRow{Op::pop, choose<Pop, WordWidths, Shape::r, Shape::m>},
    HandlerRow{Op::pusha, by_operand_size<PushAll>},
    HandlerRow{Op::popa, by_operand_size<PopAll>},
    HandlerRow{Op::enter, by_operand_size<Enter>},
    HandlerRow{Op::leave, by_operand_size<Leave>},
};

} // namespace

std::span<HandlerRow const> stack_handlers() {
    return rows;
}

} // namespace ring3
