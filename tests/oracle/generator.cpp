#include "tests/oracle/generator.h"

#include "tests/oracle/aim.h"
#include "tests/oracle/host_only.h"
#include "tests/oracle/values.h"

#include <cstring>

namespace ring3::oracle {

using namespace insn;

char const* excluded(InsnDef const& row) {
    switch (row.op) {
    case Op::sgdt:
    case Op::sidt:
    case Op::sldt:
    case Op::str:
    case Op::smsw: return "faults on hosts with UMIP, and their kernel answers in the processor's place";
    case Op::sysenter: return "enters the host's kernel, which does not come back to where it was called";
    default: return nullptr;
    }
}

Generator::Generator(u64 seed, Native32 const& native) : random_{seed} {
    tables_.gdt = native.gdt();
    tables_.has_ldt = native.offers(Mode::code16);
    if (tables_.has_ldt) tables_.ldt = new_ldt(random_);
}

/// The bytes that decode() takes; none if it refuses them.
static DecodeStatus decode_case(Case& test) {
    DecodeStatus const status =
        decode(std::span{test.bytes}.first(max_length), default_size(test.mode), true, test.insn);
    test.length = status == DecodeStatus::ok ? test.insn.length : static_cast<u8>(test.bytes.size());
    return status;
}

/// Linux's system call for 32-bit programs: not a fault, and it would do something.
static bool calls_linux(Insn const& insn) {
    constexpr i32 vector = 0x80;
    return insn.def->op == Op::int_n && (insn.imm & 0xff) == vector;
}

/// State that the host has enabled in XCR0 and guests have not, of which the address's registers made a demand.
static bool asks_for_host_state(Case const& test) {
    Op const op = test.insn.def->op;
    bool const by_mask = op == Op::xsave || op == Op::xsaveopt || op == Op::xrstor;
    return by_mask && ((test.image.gpr[eax] & ~7u) != 0 || test.image.gpr[edx] != 0);
}

/// Can this instruction of a row that is compared not be run all the same?
static bool incomparable(Case const& test) {
    return calls_linux(test.insn) || asks_for_host_state(test);
}

std::optional<Case> Generator::make(Mode mode, InsnDef const& row) {
    Case test{.mode = mode, .bytes = encoder_.encode(row)};
    if (decode_case(test) != DecodeStatus::ok || test.insn.def != &row) return {};
    aim(random_, tables_, test);
    if (decode_case(test) != DecodeStatus::ok || incomparable(test)) return {};
    return test;
}

/// The fault of bytes that are no instruction.
static std::optional<Vector> fault_of(DecodeStatus status) {
    if (status == DecodeStatus::ok) return {};
    return status == DecodeStatus::too_long ? Vector::gp : Vector::ud;
}

std::optional<Case> Generator::make_random(Mode mode) {
    Case test{.mode = mode, .bytes = encoder_.encode_random()};
    test.refused = fault_of(decode_case(test));
    if (test.refused ? host_only(test.mode, test.bytes) : excluded(*test.insn.def) != nullptr) return {};
    aim(random_, tables_, test);
    if (!test.refused && (decode_case(test) != DecodeStatus::ok || incomparable(test))) return {};
    return test;
}

void Generator::fill(std::span<u8> bytes) {
    for (std::size_t i = 0; i + sizeof(u64) <= bytes.size(); i += sizeof(u64)) {
        u64 const value = random_operand(random_);
        std::memcpy(&bytes[i], &value, sizeof value);
    }
}

} // namespace ring3::oracle
