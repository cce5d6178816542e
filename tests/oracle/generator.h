// Makes test cases: encodings from rows of the instruction table or from random bytes, and a state under which they
// mostly do something.
#pragma once

#include "tests/oracle/encoder.h"

namespace ring3::oracle {

/// Why a row cannot be compared in user mode, or nullptr if it can: its result depends on the host's configuration, or it
/// would leave the test. Guest programs cover those.
char const* excluded(insn::InsnDef const& row);

class Generator {
public:
    explicit Generator(u64 seed) : random_{seed} {}
    /// A case whose encoding decodes to this very row; nothing if the attempt came out as another row.
    std::optional<Case> make(Mode mode, insn::InsnDef const& row);
    /// A case of random bytes, an instruction or none; nothing if they must not run here.
    std::optional<Case> make_random(Mode mode);
    /// Fills memory with new values.
    void fill(std::span<u8> bytes);

private:
    Random random_;
    Encoder encoder_{random_};
};

} // namespace ring3::oracle
