#include "tests/oracle/generator.h"

#include "tests/oracle/aim.h"
#include "tests/oracle/host_only.h"
#include "tests/oracle/values.h"

#include <cstring>

namespace ring3::oracle {

using namespace insn;

char const* excluded(InsnDef const& row) {
    switch (row.op) {
    case Op::cpuid:
    case Op::rdtsc:
    case Op::rdtscp:
    case Op::rdpmc:
    case Op::rdrand:
    case Op::rdseed:
    case Op::rdpid:
    case Op::xgetbv: return "result is the host's own";
    case Op::sgdt:
    case Op::sidt:
    case Op::sldt:
    case Op::str:
    case Op::smsw:
    case Op::lar:
    case Op::lsl:
    case Op::verr:
    case Op::verw:
    case Op::mov_from_segment:
    case Op::mov_to_segment:
    case Op::push_segment:
    case Op::pop_segment:
    case Op::load_far_pointer: return "depends on the host's descriptor tables";
    case Op::jmp_far:
    case Op::jmp_far_indirect:
    case Op::call_far:
    case Op::call_far_indirect:
    case Op::ret_far:
    case Op::iret:
    case Op::int_n:
    case Op::int3:
    case Op::int1:
    case Op::into:
    case Op::sysenter: return "leaves the instruction under test";
    case Op::monitor:
    case Op::mwait: return "not announced to guests";
    case Op::xsave:
    case Op::xsaveopt:
    case Op::xrstor: return "the host's XCR0 differs from the guest's";
    case Op::fence: return row.name == "serialize" ? "not announced to guests" : nullptr;
    default: return nullptr;
    }
}

/// The bytes that decode() takes; none if it refuses them.
static DecodeStatus decode_case(Case& test) {
    DecodeStatus const status =
        decode(std::span{test.bytes}.first(max_length), default_size(test.mode), true, test.insn);
    test.length = status == DecodeStatus::ok ? test.insn.length : static_cast<u8>(test.bytes.size());
    return status;
}

std::optional<Case> Generator::make(Mode mode, InsnDef const& row) {
    Case test{.mode = mode, .bytes = encoder_.encode(row)};
    if (decode_case(test) != DecodeStatus::ok || test.insn.def != &row) return {};
    aim(random_, test);
    if (decode_case(test) != DecodeStatus::ok) return {};
    return test;
}

/// The fault of bytes that are no instruction.
static std::optional<Vector> fault_of(DecodeStatus status) {
    if (status == DecodeStatus::ok) return {};
    return status == DecodeStatus::too_long ? Vector::gp : Vector::ud;
}

/// FS and GS are the host's: its thread's data lie there.
static bool uses_host_segment(Insn const& insn) {
    return insn.segment == SegmentIndex::fs || insn.segment == SegmentIndex::gs;
}

std::optional<Case> Generator::make_random(Mode mode) {
    Case test{.mode = mode, .bytes = encoder_.encode_random()};
    test.refused = fault_of(decode_case(test));
    if (test.refused ? host_only(test.mode, test.bytes) : excluded(*test.insn.def) || uses_host_segment(test.insn))
        return {};
    aim(random_, test);
    if (!test.refused && decode_case(test) != DecodeStatus::ok) return {};
    return test;
}

void Generator::fill(std::span<u8> bytes) {
    for (std::size_t i = 0; i + sizeof(u64) <= bytes.size(); i += sizeof(u64)) {
        u64 const value = random_operand(random_);
        std::memcpy(&bytes[i], &value, sizeof value);
    }
}

} // namespace ring3::oracle
