// The code cache: where translated blocks lie, how they are found, and how they go (C9).
//
//     (gpa, linear address, mode)  --hash-->  Entry { where in which block }
//     host pc                      --search-> CodeBlock, Point { guest eip, pending ESP change }      (precise state)
//     gpa page                     ---------> the blocks made from its bytes                      (self-modifying code)
//
// The arena is mapped twice, once writable and once executable (W^X). Blocks are placed one after the other; when arena
// or table are full, everything goes at once. A block whose bytes were written dies alone: it is taken out of the table,
// jump tables lose it, and the places where returns enter it become jumps to the dispatcher. Its memory is not used again
// before the next flush, so code that overwrites itself can finish its instruction.
#pragma once

#include "host/native_arena.h"
#include "monitor/mmu/physical.h"
#include "monitor/translator/assembler.h"
#include "monitor/translator/translation_mode.h"

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace ring3 {

/// Where a block begins, in the guest; packed in this one place.
struct CodeKey {
    GuestPhys where{};
    Linear eip{}; // the pc, see TranslationMode
    TranslationMode mode{};
    friend bool operator==(CodeKey const& a, CodeKey const& b) {
        return a.where == b.where && a.eip == b.eip && a.mode == b.mode;
    }
    u64 hash() const {
        u64 const mixed = (a_of() ^ (u64{mode.raw} << 44) ^ (u64{mode.raw >> 20} << 32)) * 0x9e37'79b9'7f4a'7c15;
        return mixed ^ (mixed >> 29);
    }

private:
    u64 a_of() const { return where.raw ^ (eip.raw << 20); }
};

/// An ADD or SUB of an immediate to ESP that became part of the pending change: the flags it would have set are worked
/// out only if somebody sees them. Between two points that is a fault or an interrupt.
struct FoldedFlags {
    i16 amount{}; // the immediate; 0: the flags are in the processor
    i16 at{};     // ESP after it was r12 + at
    bool subtracts{};
};

/// With --stats: instructions from a point on that have been counted already, as they run together unless one faults.
struct CountedRun {
    u8 length : 7 {};
    bool inlined : 1 {};
};

/// A guest instruction's place in a block's code. At that host pc the guest's ESP is r12 + esp_delta.
struct Point {
    u32 host{}; // offset from the block's start
    u32 eip{};
    i16 esp_delta{};
    bool no_stop{};   // in the shadow of STI or MOV SS, or flags are stale: not a place to take an interrupt
    bool fpu_valid{}; // the code from here on takes the FPU state to be loaded
    u8 repeat{};      // distance from `host` to a repeated string instruction, where a repetition can be left; or 0
    CountedRun counted{};
    FoldedFlags folded{};
};

struct CodeBlock {
    HostPc start{};
    u32 size{};
    CodeKey key{};
    GuestPhys tail{}; // page of the last bytes, if the block's one instruction crosses a page border; else 0
    bool alive{};
    std::vector<Point> points{};
    u32 guest_count{}; // instructions in it
    bool has_callout{};
    u32 unit{};                      // in --verify: its place in the engine's list, from 1 on; 0: none yet
    std::vector<u32> return_sites{}; // offsets of the checks where returns arrive
    u32 by_table{};                  // with a tail: offset of the way here through the jump table, else 0
    /// The last point at or before a host pc in the block.
    Point const& point_at(HostPc pc) const;
};

/// A way into a block.
struct Entry {
    CodeKey key{};
    HostPc host{};   // 0: a free place or a dead one
    HostPc loaded{}; // the way in for code that has loaded the FPU state; 0: the same
    CodeBlock* block{};
    bool known{}; // jump tables may lead to it
    /// Where direct jumps of the same page lead, which stay for good: if the block ends on another page, only the jump
    /// table knows whether that is still mapped there.
    HostPc for_links(bool fpu_loaded) const {
        if (block->by_table != 0) return block->start + block->by_table;
        return fpu_loaded && loaded != 0 ? loaded : host;
    }
};

class EmittedCheck;

class CodeCache {
public:
    static Result<std::unique_ptr<CodeCache>> create(std::size_t bytes);

    Entry* find(CodeKey const& key);

    // ---- making a block: begin, emit, commit.
    bool has_room() const {
        return used_ + largest_block < size_ && entry_count_ < max_entries && point_count_ < max_points;
    }
    /// An assembler at the place of the next block.
    Assembler begin();
    /// Takes the code into the cache. `block.start` must be begin()'s place. `ways_in`: offsets of entries to come.
    CodeBlock* commit(CodeBlock block, u32 size, std::span<u32 const> ways_in);
    void add_entry(CodeKey const& key, HostPc host, HostPc loaded, CodeBlock* block);
    /// Takes code that is no block: thunks.
    HostPc commit_stub(Assembler const& stub);
    /// From now on, what is committed and linked is checked (--check-code).
    void check_with(EmittedCheck* check) { check_ = check; }

    /// All blocks and entries go; what lies before (thunks) stays.
    void flush();
    /// Keeps what has been emitted so far through all flushes.
    void keep_prefix() { prefix_ = used_; }

    /// From now on this entry is not found.
    void end_entry(Entry& entry) { entry.host = 0; }
    /// Ends the blocks made from this page's bytes; `ending` is called for each entry of theirs. Returns that arrive there
    /// go to `miss`.
    unsigned drop_page(GuestPhys page, HostPc miss, std::function<void(Entry const&)> const& ending);
    /// Ways in that became jumps to the dispatcher, so far.
    u64 unlinks() const { return unlinks_; }

    /// Writes a jump's rel32, wherever it lies: all links and unlinks go through here.
    void write_relative(HostPc field, HostPc target);

    CodeBlock const* block_at(HostPc pc) const;
    bool contains(HostPc pc) const { return pc >= executable_ && pc < executable_ + size_; }
    bool in_blocks(HostPc pc) const { return pc >= executable_ + prefix_ && pc < executable_ + used_; }
    std::span<u8 const> bytes(HostPc from, u32 size) const;
    std::span<u8 const> executable() const { return {arena_.executable(), size_}; }
    std::size_t used() const { return used_; }

private:
    static constexpr std::size_t largest_block = 64 << 10;
    static constexpr unsigned table_bits = 17;
    static constexpr std::size_t table_size = std::size_t{1} << table_bits;
    static constexpr std::size_t max_entries = table_size * 3 / 4;
    /// Instructions that need no host code (NOPs) have points all the same.
    static constexpr std::size_t max_points = 1 << 21;

    explicit CodeCache(host::NativeArena arena);
    u8* writable(HostPc pc) { return arena_.writable().data() + (pc - executable_); }
    void write_jump(HostPc at, HostPc target);
    void put_relative(HostPc field, HostPc target);

    host::NativeArena arena_;
    EmittedCheck* check_{};
    HostPc executable_{};
    std::size_t size_{}, used_{}, prefix_{};
    std::vector<Entry> table_;
    std::size_t entry_count_{}, point_count_{};
    u64 unlinks_{};
    std::vector<std::unique_ptr<CodeBlock>> blocks_; // in the order of their addresses
    std::unordered_map<u64, std::vector<CodeBlock*>> pages_;
};

} // namespace ring3
