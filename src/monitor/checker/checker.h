// CodeChecker: reads emitted code once more before it can run, and refuses what could leave the guest's confines.
//
// The translator is large and works for speed; this is small, shares nothing with it but the plain structs below, and
// asks one question: whatever the guest's registers and memory hold, can this code touch anything else than the guest's
// window, the pages that the software TLB names, and the listed fields of the CPU state, or run anything that was not
// checked? What must never happen, not what the translator means to do, is written here:
//
//   instructions  only those on a list: no system call, no privileged one, nothing that changes segments, GS's base, DF
//                 or protection keys; no stack but through CALL and RET
//   memory        gs:[32-bit sum] or [r14 + 32-bit register + disp] in code for windows; [r15 + disp] for listed
//                 fields; [register] behind a complete look-up in the software TLB, within the size it compared
//   registers     r13, r14, r15 and rsp are never written or read as data; where code can be left or entered, and where
//                 guest memory is touched, all guest registers are below 2^32 (so they reach window and guards only)
//   branches      to starts of instructions in the same piece, to entries of checked pieces, to thunks, and to what the
//                 jump table holds for a value below 2^32
//
// The registers' part is a forward data flow over each piece (see machine.h): one pass, because a branch backwards may
// only lead to an entry, where nothing is known of the scratch registers.
//
// Trusted without proof: the thunks (fixed, made once, listed by address), the bases that C++ loads into r13, r14, r15 and
// GS, the TLB's contents, and what C++ writes into the jump table.
#pragma once

#include "base/types.h"

#include <array>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ring3 {

/// Bytes of the CPU state, by their distance from r15.
struct StateField {
    i32 place{};
    u8 size{};
    bool writable{};
};

/// Entry 0 of one privilege's software TLB, by the distance from r15. Entries lie side by side.
struct TlbFields {
    i32 read_tag{}, write_tag{}, bias{};
};

/// All that the checker is told about the translator.
struct CheckerRules {
    std::vector<StateField> fields; // that emitted code may touch
    std::vector<i32> counters;      // 64-bit fields that it may add to
    std::array<TlbFields, 2> tlb{}; // by the privilege of a piece
    u8 tlb_shift{};                 // from a linear address to an entry's distance...
    u32 tlb_index_mask{};           // ...of which these bits count
    i32 saved_rax{};                // where rax is kept across a look-up
    i32 table_miss{};               // what a place of the jump table is a distance from
};

/// A thunk that code may go to.
struct KnownThunk {
    u64 address{};
    bool called{};      // by CALL, and returns; else by JMP
    u16 kept_scratch{}; // bits of the scratch registers that hold their values across the call
};

/// Code to be checked: a block or a stub.
struct CodePiece {
    u64 start{};
    std::span<u8 const> bytes;
    std::vector<u32> entries;  // offsets where other code may come in
    std::vector<u32> landings; // offsets that a jump of five bytes may replace later
    bool window{};             // r14 and GS lead to a window
    u8 privilege{};            // which software TLB it may use
};

struct CheckError {
    u32 offset{};
    std::string text;
};

class CodeChecker {
public:
    CodeChecker(CheckerRules rules, u64 cache_start, std::size_t cache_bytes);
    ~CodeChecker();
    CodeChecker(CodeChecker const&) = delete;
    CodeChecker& operator=(CodeChecker const&) = delete;

    void add_thunk(KnownThunk thunk) { thunks_.push_back(thunk); }

    /// Nothing against it: from now on other code may lead to its entries.
    std::expected<void, CheckError> check(CodePiece const& piece);

    /// May the rel32 at `field` be made to lead to `target`?
    bool may_link(u64 field, u64 target) const;
    /// May a jump to `target` be written over what lies at `landing`?
    bool may_cover(u64 landing, u64 target) const;

    /// What was checked is gone.
    void forget_all();

    // ---- for the passes over a piece
    CheckerRules const& rules() const { return rules_; }
    bool is_entry(u64 address, bool window) const;
    KnownThunk const* thunk_at(u64 address) const;

private:
    enum Mark : u8 { entry = 1, window_entry = 2, field = 4, window_field = 8, landing = 16, window_landing = 32 };
    static constexpr std::size_t chunk_size = 64 << 10;
    using Chunk = std::array<u8, chunk_size>;

    void mark(u64 address, Mark kind);
    bool marked(u64 address, unsigned kinds) const;
    bool leads_right(u64 target, bool window) const;

    CheckerRules rules_;
    u64 start_;
    std::vector<KnownThunk> thunks_;
    std::vector<std::unique_ptr<Chunk>> marks_; // a byte for each byte of the cache, made when used
};

} // namespace ring3
