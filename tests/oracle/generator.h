// Makes test cases from rows of the instruction table: an encoding, and registers under which it mostly does something.
#pragma once

#include "insn/decoder.h"
#include "tests/oracle/native32.h"
#include "tests/oracle/random.h"

#include <optional>

namespace ring3::oracle {

struct Case {
    insn::Insn insn{};
    CpuImage image{};
    std::span<u8 const> code() const { return {insn.bytes, insn.length}; }
};

/// Why a row cannot be compared in user mode, or nullptr if it can: its result depends on the host's configuration, or it
/// would leave the test. Guest programs cover those.
char const* excluded(insn::InsnDef const& row);

class Generator {
public:
    explicit Generator(u64 seed) : random_{seed} {}
    /// A case whose encoding decodes to this very row; nothing if the attempt came out as another row.
    std::optional<Case> make(insn::InsnDef const& row);
    /// Fills memory with new bytes now and then.
    void fill(std::span<u8> bytes);

private:
    void put_prefixes(insn::InsnDef const& row);
    void put_opcode(insn::InsnDef const& row);
    void put_vex(insn::InsnDef const& row);
    void put_modrm(insn::InsnDef const& row);
    void put(u8 byte) { bytes_[size_++] = byte; }
    void aim(Case& test);
    void aim_branch(Case& test);
    u32 address(unsigned size, unsigned alignment);
    u32 value();
    void fill_fpu(ExtendedState& fpu);

    Random random_;
    u8 bytes_[64]{};
    unsigned size_{};
};

} // namespace ring3::oracle
