// Assembler: writes x86-64 instructions into a buffer (SDM 2A 2.1, 2.2).
//
// It knows just the forms that translated code is made of. Operands are host registers by number and memory operands as
// `Mem`. Code is written to one address and runs at another (W^X), so everything relative is computed for the place
// where it will run.
#pragma once

#include "base/types.h"

#include <cstring>
#include <span>

namespace ring3 {

/// A host register, in encoding order.
enum class Host : u8 { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15, none };

constexpr u8 number(Host r) {
    return static_cast<u8>(r);
}

/// Where code lies when it runs.
using HostPc = u64;

/// A host memory operand. Without base and index it is an absolute 32-bit address, never RIP-relative.
struct Mem {
    Host base{Host::none}, index{Host::none};
    u8 scale{}; // log2
    i32 disp{};
    bool gs{};     // relative to the window through GS
    bool addr32{}; // the sum is cut to 32 bits (67H)
    constexpr bool needs_rex() const {
        return (base != Host::none && number(base) >= 8) || (index != Host::none && number(index) >= 8);
    }
};

/// Legacy prefixes and the opcode map of an instruction to emit.
struct Opcode {
    u8 map{}; // 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A
    u8 byte{};
    bool operand16{}; // 66H
    u8 repeat{};      // F2H, F3H or 0
    bool lock{};
    bool wide{}; // REX.W
};

/// The VEX-encoded forms.
struct VexOpcode {
    u8 map{}; // VEX.mmmmm
    u8 byte{};
    u8 pp{}; // 0 none, 1 66H, 2 F3H, 3 F2H
    bool l{}, w{};
    u8 vvvv{}; // register number, 0 if unused together with no_vvvv
    bool no_vvvv{};
};

/// A condition in the low nibble of Jcc (SDM 2D B.1.4.7).
enum class Condition : u8 { o, no, b, nb, z, nz, be, nbe, s, ns, p, np, l, nl, le, nle };

class Assembler {
public:
    Assembler() = default;
    /// Writes into `bytes`, for code that will run at `runs_at`. Past the end of `bytes` nothing is written and
    /// overflowed() turns true.
    Assembler(std::span<u8> bytes, HostPc runs_at) : bytes_{bytes}, start_{runs_at} {}

    HostPc here() const { return start_ + used_; }
    u32 offset() const { return static_cast<u32>(used_); }
    bool overflowed() const { return overflowed_; }

    void byte(unsigned value) {
        if (used_ < bytes_.size())
            bytes_[used_++] = static_cast<u8>(value);
        else
            overflowed_ = true;
    }
    void word32(u32 value) { raw(&value, sizeof value); }
    void word64(u64 value) { raw(&value, sizeof value); }

    // ---- general forms. `reg` is ModRM.reg: a register number or an opcode digit.
    void op(Opcode code, u8 reg, Mem const& mem, unsigned immediate_bytes = 0);
    void op(Opcode code, u8 reg, Host rm);
    void vex(VexOpcode code, u8 reg, Mem const& mem);
    void vex(VexOpcode code, u8 reg, Host rm);

    // ---- the usual ones
    void mov(Host to, Host from) { op({.byte = 0x89, .wide = true}, number(from), to); }
    void mov32(Host to, Host from) { op({.byte = 0x89}, number(from), to); }
    void mov_imm(Host to, u32 value); // zero-extends
    void mov_imm64(Host to, u64 value);
    void load(Host to, Mem const& from) { op({.byte = 0x8b, .wide = true}, number(to), from); }
    void load32(Host to, Mem const& from) { op({.byte = 0x8b}, number(to), from); }
    void store(Mem const& to, Host from) { op({.byte = 0x89, .wide = true}, number(from), to); }
    void store32(Mem const& to, Host from) { op({.byte = 0x89}, number(from), to); }
    void store_imm32(Mem const& to, u32 value);
    void store_imm8(Mem const& to, u8 value);
    void lea(Host to, Mem const& address) { op({.byte = 0x8d, .wide = true}, number(to), address); }
    void lea32(Host to, Mem const& address) { op({.byte = 0x8d}, number(to), address); }
    /// Copies, rotated right by `bits`; touches no flag (BMI2).
    void rorx32(Host to, Host from, u8 bits);
    void rorx(Host to, Host from, u8 bits);
    void alu_imm32(u8 digit, Host rm, u32 value); // 81 /digit
    void compare_imm8(Mem const& mem, u8 value);  // byte
    void shift_imm(u8 digit, Host rm, u8 count);  // C1 /digit, 32 bits
    void lahf_seto() {
        byte(0x9f);
        byte(0x0f), byte(0x90), byte(0xc0);
    }
    void sahf_from_packed() { // ADD AL,7FH; SAHF
        byte(0x04), byte(0x7f);
        byte(0x9e);
    }

    // ---- control transfer
    void jump(HostPc target) { byte(0xe9), relative(target); }
    void call(HostPc target) { byte(0xe8), relative(target); }
    void jump(Condition condition, HostPc target) {
        byte(0x0f), byte(0x80u | static_cast<u8>(condition));
        relative(target);
    }
    void jump(Mem const& target) { op({.byte = 0xff}, 4, target); }
    void call(Mem const& target) { op({.byte = 0xff}, 2, target); }
    void jump(Host target) { op({.byte = 0xff}, 4, target); }
    void call(Host target) { op({.byte = 0xff}, 2, target); }
    void ret() { byte(0xc3); }
    void relative(HostPc target) { word32(static_cast<u32>(target - (here() + 4))); }
    /// A short jump forward whose distance is filled in by `land`.
    u32 jrcxz() { return byte(0xe3), byte(0), offset(); }
    u32 jump_short() { return byte(0xeb), byte(0), offset(); }
    u32 jump_short(Condition condition) { return byte(0x70u | static_cast<u8>(condition)), byte(0), offset(); }
    void land(u32 jump);

    /// Rewrites a rel32 that was emitted at `at`.
    void patch_relative(u32 at, HostPc target) {
        u32 const distance = static_cast<u32>(target - (start_ + at + 4));
        if (at + 4 <= bytes_.size()) std::memcpy(&bytes_[at], &distance, sizeof distance);
    }
    void align(unsigned boundary) {
        while (here() % boundary != 0 && !overflowed_) byte(0xcc);
    }

private:
    void raw(void const* data, std::size_t size) {
        if (used_ + size <= bytes_.size()) {
            std::memcpy(&bytes_[used_], data, size);
            used_ += size;
        } else {
            overflowed_ = true;
        }
    }
    void prefixes(Opcode code, Mem const* mem);
    void opcode_bytes(Opcode code);
    void modrm(u8 reg, Mem const& mem);

    std::span<u8> bytes_{};
    HostPc start_{};
    std::size_t used_{};
    bool overflowed_{};
};

} // namespace ring3
