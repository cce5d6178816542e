// Writes encodings: of a given row, with random choices in all fields that are left; or of random bytes that look like
// instructions.
#pragma once

#include "tests/oracle/random.h"
#include "tests/oracle/test_case.h"

namespace ring3::oracle {

class Encoder {
public:
    explicit Encoder(Random& random) : random_{random} {}
    using Code = std::array<u8, 16>;
    Code encode(insn::InsnDef const& row);
    Code encode_random();

private:
    void put_prefixes(insn::InsnDef const& row);
    void put_opcode(insn::InsnDef const& row);
    void put_vex(insn::InsnDef const& row);
    void put_modrm(insn::InsnDef const& row);
    void put_random_prefixes();
    void put_random_opcode();
    Code with_noise();
    void put(unsigned byte) {
        if (size_ < bytes_.size()) bytes_[size_++] = static_cast<u8>(byte);
    }

    Random& random_;
    Code bytes_{};
    std::size_t size_{};
};

} // namespace ring3::oracle
