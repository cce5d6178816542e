// Fuzzes the decoder: any bytes, in any mode, decode to a status; what is ok has a length that lies within the input.
//
// The input is one byte that chooses the mode, and code.
#include "base/assert.h"
#include "insn/decoder.h"

#include <algorithm>

using namespace ring3;

namespace {

void check(std::span<u8 const> bytes, insn::DecodeStatus status, insn::Insn const& insn) {
    if (status != insn::DecodeStatus::ok) return;
    ASSERT(insn.def != nullptr && !insn::name(insn).empty());
    ASSERT(insn.length >= 1 && insn.length <= insn::max_length && insn.length <= bytes.size());
    ASSERT(std::equal(insn.bytes, insn.bytes + insn.length, bytes.begin()));
    ASSERT(insn.base <= insn::no_register && insn.index <= insn::no_register && insn.scale <= 3);
    ASSERT(insn.operand_size == 2 || insn.operand_size == 4);
    ASSERT(insn.address_width == 2 || insn.address_width == 4);
}

/// A cut instruction never decodes, and its bytes alone decode to the same.
void check_prefixes(std::span<u8 const> bytes, unsigned size, bool allow_vex, insn::Insn const& whole) {
    for (unsigned length = 0; length < whole.length; ++length) {
        insn::Insn cut;
        ASSERT(insn::decode(bytes.first(length), size, allow_vex, cut) != insn::DecodeStatus::ok);
    }
    insn::Insn again;
    ASSERT(insn::decode(bytes.first(whole.length), size, allow_vex, again) == insn::DecodeStatus::ok);
    ASSERT(again.def == whole.def && again.length == whole.length);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(u8 const* data, std::size_t size) {
    if (size == 0) return 0;
    unsigned const default_size = (data[0] & 1) ? 2 : 4;
    bool const allow_vex = (data[0] & 2) == 0;
    std::span<u8 const> rest{data + 1, size - 1};
    // A stream of instructions; a byte that begins none is stepped over.
    while (!rest.empty()) {
        insn::Insn insn;
        auto const status = insn::decode(rest, default_size, allow_vex, insn);
        check(rest, status, insn);
        bool const ok = status == insn::DecodeStatus::ok;
        if (ok) check_prefixes(rest, default_size, allow_vex, insn);
        rest = rest.subspan(ok ? insn.length : 1);
    }
    return 0;
}
