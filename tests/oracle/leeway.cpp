#include "tests/oracle/leeway.h"

#include "insn/operands.h"
#include "monitor/interpreter/fpu_state.h"
#include "monitor/interpreter/native_code.h"

namespace ring3::oracle {

using insn::Op;

namespace {

bool is_page_fault(Ending const& ending) {
    return ending.faulted && ending.vector == static_cast<u8>(Vector::pf);
}

bool is_memory_fault(Ending const& ending) {
    auto const vector = static_cast<Vector>(ending.vector);
    return ending.faulted &&
           (vector == Vector::ss || vector == Vector::gp || vector == Vector::pf || vector == Vector::ac);
}

bool is_save(Op op) {
    return op == Op::xsave || op == Op::xsaveopt;
}

/// SDM 3A 8.1.1: accesses of more than a quadword may be several; so may masked ones, and the words of a far transfer's
/// frame are. Processors make them in an order of their own (RET reads CS before EIP); so which byte is the first to fault, and with which fault, is not architectural.
bool in_pieces(Case const& test) {
    if (test.refused) return false;
    insn::Insn const& insn = test.insn;
    Op const op = insn.def->op;
    constexpr unsigned extended = 10;
    if (insn::memory_bytes(insn) == extended) return true;
    bool const area = op == Op::fnstenv || op == Op::fnsave || op == Op::fldenv || op == Op::frstor ||
                      op == Op::fxsave || op == Op::fxrstor || op == Op::xrstor || is_save(op);
    bool const frame = op == Op::ret_far || op == Op::iret || op == Op::call_far || op == Op::call_far_indirect;
    return area || frame || op == Op::maskmov || op == Op::vmaskmov || op == Op::gather;
}

/// Bytes that are no instruction have no length by the manual: is there an immediate, is there a ModRM byte? With many
/// prefixes they may get too long, which is #GP instead of #UD.
bool may_be_too_long(Case const& test) {
    constexpr unsigned longest_rest = 11; // three bytes of VEX or opcode, opcode, ModRM, SIB, displacement, imm8
    return prefix_count(test.bytes) + longest_rest > insn::max_length;
}

} // namespace

u32 compared_flags(Case const& test) {
    u32 const visible = Eflags::status | u32{Eflags::DF::mask} | u32{Eflags::AC::mask} | u32{Eflags::ID::mask};
    return test.refused ? visible : visible & ~u32{test.insn.def->undefined};
}

/// SDM 3A 5.3 on accesses beyond a limit: "When the effective limit is FFFFFFFFH (4 GBytes), these accesses may or may
/// not cause the indicated exceptions." Processors let them wrap if the base is 0, and so does ring3 with any base.
bool same_ending(Case const& test, Ending native, Ending guest) {
    // CR2 is of a page fault, or old.
    if (!is_page_fault(native)) native.cr2 = 0;
    if (!is_page_fault(guest)) guest.cr2 = 0;
    bool const any_memory_fault = in_pieces(test) || (!test.refused && test.may_wrap);
    if (is_memory_fault(native) && is_memory_fault(guest) && any_memory_fault) guest = native;
    if (test.refused && may_be_too_long(test)) guest.vector = native.vector;
    return native == guest;
}

/// SDM 3A 8.1.1: a store of more than a quadword may be made of several accesses, "some of which may complete (writing to
/// memory) while another causes the operation to fault". A far CALL whose target lies beyond its segment's limit may have
/// written its frame below ESP: SDM 2A CALL does not, processors do.
bool may_store_partly(Case const& test, Ending native) {
    if (!native.faulted || test.refused) return false;
    constexpr unsigned quadword = 8;
    Op const op = test.insn.def->op;
    bool const pushes_frame = op == Op::call_far || op == Op::call_far_indirect;
    return pushes_frame || is_save(op) || insn::memory_bytes(test.insn) > quadword;
}

bool may_copy_otherwise(Case const& test) {
    return !test.refused && test.aliased && (test.insn.rep || test.insn.repne);
}

bool same_selector(u16 native, u16 guest) {
    return native == guest || (Selector{{native}}.is_null() && Selector{{guest}}.is_null());
}

void hide_host_values(Case const& test, CpuImage const& native, CpuImage& guest) {
    if (test.refused) return;
    auto const hide = [&](u8 gpr) { guest.gpr[gpr] = native.gpr[gpr]; };
    switch (test.insn.def->op) {
    case Op::cpuid: return hide(eax), hide(ebx), hide(ecx), hide(edx);
    case Op::rdtscp: return hide(eax), hide(ecx), hide(edx);
    case Op::rdtsc:
    case Op::xgetbv: return hide(eax), hide(edx);
    case Op::rdrand:
    case Op::rdseed: guest.eflags = (guest.eflags & ~u32{1}) | (native.eflags & 1); [[fallthrough]];
    case Op::rdpid: return hide(test.insn.rm());
    default: return;
    }
}

/// SDM 1 9.5.1 has an MMX instruction set TOP and the tags, but not when: processors may have done it, or half of it,
/// when the instruction faults. Run again it does the same.
void make_comparable(Case const& test, Ending native, CpuImage& image) {
    if (!native.faulted || test.refused || !uses_mmx(*test.insn.def)) return;
    enter_mmx(ring3::image(image.fpu).fx);
}

} // namespace ring3::oracle
