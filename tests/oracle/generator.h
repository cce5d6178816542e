// Makes test cases: encodings from rows of the instruction table or from random bytes, and a state under which they
// mostly do something.
#pragma once

#include "tests/oracle/encoder.h"

namespace ring3::oracle {

/// Why a row cannot be compared in user mode, or nullptr if it can. Guest programs cover those.
char const* excluded(insn::InsnDef const& row);

class Generator {
public:
    Generator(u64 seed, Native32 const& native);
    /// A case whose encoding decodes to this very row; nothing if the attempt came out as another row.
    std::optional<Case> make(Mode mode, insn::InsnDef const& row);
    /// A case of random bytes, an instruction or none; nothing if they must not run here.
    std::optional<Case> make_random(Mode mode);
    /// Fills memory with new values.
    void fill(std::span<u8> bytes);
    /// The segments that cases use; change_ldt() makes some of them new.
    Tables const& tables() const { return tables_; }
    void change_ldt() { oracle::change_ldt(random_, tables_.ldt); }

private:
    Random random_;
    Tables tables_{};
    Encoder encoder_{random_};
};

} // namespace ring3::oracle
