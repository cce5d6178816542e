#include "tests/oracle/encoder.h"

#include <algorithm>

namespace ring3::oracle {

using namespace insn;

namespace {

bool uses_vvvv(InsnDef const& row) {
    return std::ranges::any_of(row.operands, [](OperandDef const& o) {
        return o.code == insn::Code::Hdq || o.code == insn::Code::Hx || o.code == insn::Code::Hqq ||
               o.code == insn::Code::By;
    });
}

} // namespace

// ---- rows -------------------------------------------------------------------------------------------------------

void Encoder::put_prefixes(InsnDef const& row) {
    if (random_.one_in(6)) put(random_.pick<u8>({0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65}));
    if (random_.one_in(10)) put(0x67);
    bool const integer = row.prefix == Prefix::any && row.encoding == Encoding::legacy;
    if (integer && random_.one_in(4)) put(0x66);
    if (integer && row.repeatable && random_.one_in(2)) put(random_.pick<u8>({0xf2, 0xf3}));
    if (integer && !row.repeatable && random_.one_in(20)) put(random_.pick<u8>({0xf2, 0xf3}));
    if (row.lockable && random_.one_in(4)) put(0xf0);
}

void Encoder::put_vex(InsnDef const& row) {
    unsigned const pp = row.prefix == Prefix::p66   ? 1
                        : row.prefix == Prefix::pf3 ? 2
                        : row.prefix == Prefix::pf2 ? 3
                                                    : 0;
    unsigned const l = row.vex_l == Bit::any ? random_.below(2) : row.vex_l == Bit::one ? 1 : 0;
    unsigned const w = row.vex_w == Bit::any ? random_.below(2) : row.vex_w == Bit::one ? 1 : 0;
    unsigned const vvvv = uses_vvvv(row) ? 15 - random_.below(8) : 15;
    unsigned const tail = vvvv << 3 | l << 2 | pp;
    if (row.map == Map::two_byte && w == 0 && random_.one_in(2)) {
        put(0xc5);
        put(0x80 | tail);
    } else {
        put(0xc4);
        put(0xe0 | static_cast<unsigned>(row.map));
        put(w << 7 | tail);
    }
    put(row.opcode);
}

void Encoder::put_opcode(InsnDef const& row) {
    if (row.encoding == Encoding::vex) return put_vex(row);
    if (row.prefix == Prefix::p66) put(0x66);
    if (row.prefix == Prefix::pf3) put(0xf3);
    if (row.prefix == Prefix::pf2) put(0xf2);
    if (row.map != Map::one_byte) put(0x0f);
    if (row.map == Map::map_0f38) put(0x38);
    if (row.map == Map::map_0f3a) put(0x3a);
    put(row.opcode);
}

void Encoder::put_modrm(InsnDef const& row) {
    unsigned const reg = row.group >= 0 ? static_cast<u8>(row.group) : random_.below(8);
    unsigned const rm = row.rm >= 0 ? static_cast<u8>(row.rm) : random_.below(8);
    bool const memory = row.mod == ModKind::memory || (row.mod == ModKind::any && random_.one_in(2));
    unsigned const mod = memory ? random_.below(3) : 3;
    put(mod << 6 | reg << 3 | rm);
}

Encoder::Code Encoder::with_noise() {
    while (size_ < bytes_.size()) put(random_.one_in(3) ? 0 : random_.byte());
    return bytes_;
}

Encoder::Code Encoder::encode(InsnDef const& row) {
    size_ = 0;
    put_prefixes(row);
    put_opcode(row);
    put_modrm(row);
    return with_noise();
}

// ---- random bytes -----------------------------------------------------------------------------------------------

/// Now and then so many that the instruction gets too long.
void Encoder::put_random_prefixes() {
    unsigned const count = random_.one_in(2) ? 0 : random_.one_in(16) ? random_.below(16) : random_.below(4);
    for (unsigned i = 0; i < count; ++i)
        put(random_.pick<u8>({0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0x66}));
}

void Encoder::put_random_opcode() {
    switch (random_.below(8)) {
    case 0:
    case 1: break; // one byte
    case 2:
    case 3: put(0x0f); break;
    case 4: put(0x0f), put(0x38); break;
    case 5: put(0x0f), put(0x3a); break;
    case 6: put(0xc5), put(0x80 | random_.byte()); break;
    case 7: put(0xc4), put(0xe0 | random_.below(random_.one_in(4) ? 32 : 4)), put(random_.byte()); break;
    }
    put(random_.byte());
}

Encoder::Code Encoder::encode_random() {
    size_ = 0;
    put_random_prefixes();
    put_random_opcode();
    put(random_.byte());
    return with_noise();
}

} // namespace ring3::oracle
