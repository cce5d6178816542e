// Control transfer within the code segment (SDM 1 7.3.8). T is the operand size: 16-bit branches cut eip to 16 bits.
// The target is held against CS's limit before anything else changes.
#include "monitor/interpreter/condition.h"
#include "monitor/interpreter/integer_handlers.h"

namespace ring3 {
namespace {

/// Where a relative branch leads.
template <class T> u32 relative_target(Vcpu const& v, Insn const& insn) {
    return static_cast<T>(v.next_eip + insn.imm);
}

template <unsigned code> struct JumpOnCondition {
    template <class T> static Outcome run(Vcpu& v, Insn const& insn) {
        if (!condition_holds<code>(v.cpu.eflags)) return Outcome::next();
        return v.jump_to(relative_target<T>(v, insn));
    }
    static Handler pick(Insn const& insn) { return by_operand_size<JumpOnCondition>(insn); }
};

struct Jump {
    template <class T> static Outcome run(Vcpu& v, Insn const& insn) { return v.jump_to(relative_target<T>(v, insn)); }
};

struct JumpIndirect {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T target;
        TRY_GUEST((load_destination<T, shape>(v, insn, target)));
        return v.jump_to(target);
    }
};

/// SDM 2A CALL has the limit checked before the return address is stored; processors do it in this order.
template <class T> Outcome call_to(Vcpu& v, u32 target) {
    u32 const top = (static_cast<u32>(v.cpu.gpr[esp]) - u32{sizeof(T)}) & v.stack_mask();
    TRY_GUEST(v.store<T>(SegmentName::ss, top, static_cast<T>(v.next_eip)));
    TRY_GUEST(v.jump_to(target));
    v.set_stack_pointer(top);
    return Outcome::next();
}

struct Call {
    template <class T> static Outcome run(Vcpu& v, Insn const& insn) {
        return call_to<T>(v, relative_target<T>(v, insn));
    }
};

struct CallIndirect {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T target;
        TRY_GUEST((load_destination<T, shape>(v, insn, target)));
        return call_to<T>(v, target);
    }
};

/// RET and RET imm16: the immediate is 0 where there is none.
struct Return {
    template <class T> static Outcome run(Vcpu& v, Insn const& insn) {
        T target;
        TRY_GUEST(v.load<T>(SegmentName::ss, v.stack_pointer(), target));
        TRY_GUEST(v.jump_to(target));
        u32 const released = insn.shape == Shape::i ? static_cast<u16>(insn.imm) : 0u;
        v.set_stack_pointer(static_cast<u32>(v.cpu.gpr[esp]) + u32{sizeof(T)} + released);
        return Outcome::next();
    }
};

// ---- JCXZ and LOOP: the address size says whether CX or ECX counts -----------------------------------------------

Outcome branch(Vcpu& v, Insn const& insn) {
    return v.jump_to(insn.operand_size == 2 ? relative_target<u16>(v, insn) : relative_target<u32>(v, insn));
}

struct JumpOnZeroCount {
    template <class A> static Outcome run(Vcpu& v, Insn const& insn) {
        return v.cpu.read<A>(reg_ref(ecx)) == 0 ? branch(v, insn) : Outcome::next();
    }
};

enum class While : u8 { always, zero, not_zero };

/// LOOP, LOOPE, LOOPNE: the count is committed only if the branch does not fault.
template <While condition> struct Loop {
    template <class A> static Outcome run(Vcpu& v, Insn const& insn) {
        auto const count = static_cast<A>(v.cpu.read<A>(reg_ref(ecx)) - 1);
        bool const zero = v.cpu.eflags.has<Eflags::ZF>();
        bool const goes_on = condition == While::always || zero == (condition == While::zero);
        if (count != 0 && goes_on) TRY_GUEST(branch(v, insn));
        v.cpu.write<A>(reg_ref(ecx), count);
        return Outcome::next();
    }
};

constexpr std::array rows{
    HandlerRow{Op::jcc, by_condition<JumpOnCondition>},
    HandlerRow{Op::jcxz, by_address_size<JumpOnZeroCount>},
    HandlerRow{Op::loop, by_address_size<Loop<While::always>>},
    HandlerRow{Op::loope, by_address_size<Loop<While::zero>>},
    HandlerRow{Op::loopne, by_address_size<Loop<While::not_zero>>},
    HandlerRow{Op::jmp, by_operand_size<Jump>},
    HandlerRow{Op::jmp_indirect, choose<JumpIndirect, WordWidths, Shape::r, Shape::m>},
    HandlerRow{Op::call, by_operand_size<Call>},
    HandlerRow{Op::call_indirect, choose<CallIndirect, WordWidths, Shape::r, Shape::m>},
    HandlerRow{Op::ret, by_operand_size<Return>},
};

} // namespace

std::span<HandlerRow const> branch_handlers() {
    return rows;
}

} // namespace ring3
