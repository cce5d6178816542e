// Machine: what is known of the registers between two instructions of a piece.
//
// Values are numbered: each write of a register makes a new number, a copy keeps it. So "r9 is the TLB's index of what is
// in r8" stays a fact about two numbers, however the registers are moved or overwritten in between.
#pragma once

#include "base/types.h"

#include <array>

namespace ring3 {

enum class Kind : u8 {
    unknown,   // anything
    host,      // a host address that a look-up has checked for `size` bytes
    count,     // of executed instructions
    window,    // r14 + a 32-bit value
    moved,     // the same, advanced by a string instruction
    target,    // an address from the jump table
    distance,  // what the jump table holds: the distance of an address
    clean,     // below 2^32; so are all that follow
    shifted,   // value `number` >> the TLB's shift
    index,     // the distance of value `number`'s entry in the TLB
    last_byte, // value `number` + size - 1, cut to 32 bits
    last_page, // the page of that
};

constexpr bool is_clean(Kind kind) {
    return kind >= Kind::clean;
}

struct Value {
    Kind kind{Kind::unknown};
    u8 size{};
    bool writable{};
    u32 number{};
    friend bool operator==(Value const&, Value const&) = default;
};

/// Host registers by number; and one place in memory.
constexpr unsigned reg_rax = 0, reg_rcx = 1, reg_rsp = 4, reg_rsi = 6, reg_rdi = 7, reg_r8 = 8, reg_r13 = 13,
                   reg_r14 = 14, reg_r15 = 15, saved_rax_slot = 16;
constexpr unsigned guest_registers = 0x10ef; // rax rcx rdx rbx rbp rsi rdi r12
constexpr unsigned scratch_registers = 0x0f00;
constexpr bool is_ordinary(unsigned r) {
    return r <= saved_rax_slot && ((guest_registers | scratch_registers) >> r & 1) != 0;
}

class Machine {
public:
    /// Where other code may come in: guest registers are clean, of the rest nothing is known.
    static Machine at_entry(u32& numbers) {
        Machine m;
        for (unsigned r = 0; r < 16; ++r)
            if ((guest_registers >> r & 1) != 0) m.values_[r] = {Kind::clean, 0, false, ++numbers};
        m.dirty_ = 0;
        return m;
    }

    Value const& operator[](unsigned r) const { return values_[r]; }
    void set(unsigned r, Value value) {
        values_[r] = value;
        unsigned const bit = 1u << r & guest_registers;
        dirty_ = is_clean(value.kind) ? dirty_ & ~bit : dirty_ | bit;
    }
    /// Guest registers, as bits, that are not clean.
    unsigned dirty() const { return dirty_; }

    /// Two ways meet: what both agree on.
    void meet(Machine const& other, u32& numbers) {
        for (unsigned r = 0; r < values_.size(); ++r) {
            if (values_[r] == other.values_[r]) continue;
            bool const clean = is_clean(values_[r].kind) && is_clean(other.values_[r].kind);
            set(r, clean ? Value{Kind::clean, 0, false, ++numbers} : Value{});
        }
    }
    void forget_scratch_but(unsigned kept) {
        for (unsigned r = 8; r < 12; ++r)
            if ((kept >> r & 1) == 0) values_[r] = {};
        if (kept == 0) values_[saved_rax_slot] = {};
    }

private:
    std::array<Value, 17> values_{};
    unsigned dirty_{};
};

/// A look-up in the software TLB between its comparison and the use of the bias.
struct Proof {
    enum class Stage : u8 { none, compared, passed } stage{};
    u8 size{};
    bool writable{};
    u32 number{}; // of the value that was looked up
};

} // namespace ring3
