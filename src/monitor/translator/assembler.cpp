#include "monitor/translator/assembler.h"

#include "base/assert.h"

namespace ring3 {

namespace {

bool extended(Host r) {
    return r != Host::none && number(r) >= 8;
}

constexpr u8 low3(Host r) {
    return number(r) & 7;
}

} // namespace

void Assembler::prefixes(Opcode code, Mem const* mem) {
    if (code.lock) byte(0xf0);
    if (code.repeat != 0) byte(code.repeat);
    if (code.operand16) byte(0x66);
    if (mem && mem->gs) byte(0x65);
    if (mem && mem->addr32) byte(0x67);
}

void Assembler::opcode_bytes(Opcode code) {
    if (code.map != 0) byte(0x0f);
    if (code.map == 2) byte(0x38);
    if (code.map == 3) byte(0x3a);
    byte(code.byte);
}

/// ModRM, SIB and displacement (SDM 2A tables 2-2, 2-3). Without a base the SIB form is used: mod 0, rm 5 alone would be
/// RIP-relative.
void Assembler::modrm(u8 reg, Mem const& mem) {
    unsigned const reg_field = (reg & 7u) << 3;
    unsigned const index = mem.index == Host::none ? 4u : low3(mem.index);
    ASSERT(mem.index != Host::rsp);
    unsigned const scale_index = (unsigned{mem.scale} << 6) | (index << 3);
    if (mem.base == Host::none) {
        byte(reg_field | 4);
        byte(scale_index | 5);
        word32(static_cast<u32>(mem.disp));
        return;
    }
    bool const no_disp = mem.disp == 0 && low3(mem.base) != 5;
    bool const short_disp = mem.disp >= -128 && mem.disp < 128;
    unsigned const mod = no_disp ? 0 : short_disp ? 1 : 2;
    bool const sib = mem.index != Host::none || low3(mem.base) == 4;
    byte((mod << 6) | reg_field | (sib ? 4u : low3(mem.base)));
    if (sib) byte(scale_index | low3(mem.base));
    if (mod == 1) byte(static_cast<u8>(mem.disp));
    if (mod == 2) word32(static_cast<u32>(mem.disp));
}

void Assembler::op(Opcode code, u8 reg, Mem const& mem, unsigned) {
    prefixes(code, &mem);
    unsigned const rex =
        (code.wide ? 8u : 0) | (reg >= 8 ? 4u : 0) | (extended(mem.index) ? 2u : 0) | (extended(mem.base) ? 1u : 0);
    if (rex != 0) byte(0x40 | rex);
    opcode_bytes(code);
    modrm(reg, mem);
}

void Assembler::op(Opcode code, u8 reg, Host rm) {
    prefixes(code, nullptr);
    unsigned const rex = (code.wide ? 8u : 0) | (reg >= 8 ? 4u : 0) | (extended(rm) ? 1u : 0);
    if (rex != 0) byte(0x40 | rex);
    opcode_bytes(code);
    byte(0xc0u | ((reg & 7u) << 3) | low3(rm));
}

/// The three-byte VEX form; R, X, B and vvvv are stored inverted (SDM 2A 2.3.5).
static void vex_prefix(Assembler& a, VexOpcode code, bool r, bool x, bool b) {
    unsigned const vvvv = code.no_vvvv ? 0 : code.vvvv;
    a.byte(0xc4);
    a.byte((r ? 0u : 0x80u) | (x ? 0u : 0x40u) | (b ? 0u : 0x20u) | code.map);
    a.byte((code.w ? 0x80u : 0u) | ((~vvvv & 15u) << 3) | (code.l ? 4u : 0u) | code.pp);
    a.byte(code.byte);
}

void Assembler::vex(VexOpcode code, u8 reg, Mem const& mem) {
    if (mem.gs) byte(0x65);
    if (mem.addr32) byte(0x67);
    vex_prefix(*this, code, reg >= 8, extended(mem.index), extended(mem.base));
    modrm(reg, mem);
}

void Assembler::vex(VexOpcode code, u8 reg, Host rm) {
    vex_prefix(*this, code, reg >= 8, false, extended(rm));
    byte(0xc0u | ((reg & 7u) << 3) | low3(rm));
}

void Assembler::mov_imm(Host to, u32 value) {
    if (extended(to)) byte(0x41);
    byte(0xb8u | low3(to));
    word32(value);
}

void Assembler::mov_imm64(Host to, u64 value) {
    if (value <= 0xffff'ffff) return mov_imm(to, static_cast<u32>(value));
    byte(extended(to) ? 0x49 : 0x48);
    byte(0xb8u | low3(to));
    word64(value);
}

void Assembler::store_imm32(Mem const& to, u32 value) {
    op({.byte = 0xc7}, 0, to);
    word32(value);
}

void Assembler::store_imm8(Mem const& to, u8 value) {
    op({.byte = 0xc6}, 0, to);
    byte(value);
}

void Assembler::rorx32(Host to, Host from, u8 bits) {
    vex({.map = 3, .byte = 0xf0, .pp = 3, .no_vvvv = true}, number(to), from);
    byte(bits);
}

void Assembler::rorx(Host to, Host from, u8 bits) {
    vex({.map = 3, .byte = 0xf0, .pp = 3, .w = true, .no_vvvv = true}, number(to), from);
    byte(bits);
}

void Assembler::alu_imm32(u8 digit, Host rm, u32 value) {
    op({.byte = 0x81}, digit, rm);
    word32(value);
}

void Assembler::compare_imm8(Mem const& mem, u8 value) {
    op({.byte = 0x80}, 7, mem);
    byte(value);
}

void Assembler::shift_imm(u8 digit, Host rm, u8 count) {
    op({.byte = 0xc1}, digit, rm);
    byte(count);
}

void Assembler::land(u32 jump) {
    u32 const distance = offset() - jump;
    ASSERT(distance < 128 || overflowed_);
    if (jump - 1 < bytes_.size()) bytes_[jump - 1] = static_cast<u8>(distance);
}

} // namespace ring3
