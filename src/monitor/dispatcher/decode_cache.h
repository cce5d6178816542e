// The decode cache: guest code as arrays of decoded instructions with their routines already chosen.
//
//     (gpa of the first byte, mode)  --hash-->  Block { insn 0, insn 1, ... up to the first branch or page end }
//
// Keyed by guest-physical address, so that a page mapped at many linear addresses is decoded once, and CR3 writes cost
// nothing here. A page's blocks die together when one of their bytes is about to be written (PhysicalMemory reports it):
// the page's generation moves on, and blocks that carry an older one no longer match. Their memory stays readable until
// the whole cache starts afresh, so a block that overwrites itself is safe to finish its instruction in.
#pragma once

#include "insn/decoder.h"
#include "monitor/interpreter/handlers.h"
#include "monitor/mmu/physical.h"

#include <array>
#include <memory>
#include <span>
#include <vector>

namespace ring3 {

/// What decoding depends on besides the bytes (SDM 1 3.6, 2A 2.3).
struct DecodeMode {
    bool code32{};     // CS.D
    bool protected_{}; // protected mode proper: VEX prefixes exist
    static DecodeMode of(GuestCpu const& cpu) { return {cpu.code_is_32bit(), cpu.uses_descriptors()}; }
    unsigned default_size() const { return code32 ? 4 : 2; }
};

/// Guest-physical start and mode, packed in this one place.
struct BlockKey {
    u64 raw{};
    static BlockKey of(GuestPhys start, DecodeMode mode) {
        return {start.raw << 2 | u64{mode.code32} << 1 | u64{mode.protected_}};
    }
    friend bool operator==(BlockKey, BlockKey) = default;
};

struct Block {
    BlockKey key{};
    u32 generation{};        // of the page of its first byte
    u32 tail_generation{};   // of the second page, if its only instruction crosses a page border
    GuestPhys tail{no_tail}; // first byte on the second page
    static constexpr GuestPhys no_tail{~u64{0}};
    bool has_tail() const { return tail != no_tail; }
    u16 count{};
    u16 bytes{};
    insn::Insn const* insns{};
    Handler const* handlers{};
};

struct DecodeCounters {
    u64 blocks{}, instructions{}, flushes{}, invalidated_pages{};
};

class DecodeCache final : public CodeWatcher {
public:
    static constexpr unsigned most_instructions = 32; // in a block
    static constexpr unsigned most_bytes = most_instructions * insn::max_length;

    DecodeCache(Mmu& mmu, CpuModel const& model);
    ~DecodeCache() override;
    DecodeCache(DecodeCache const&) = delete;

    /// The block for this key if it is cached and still true.
    Block const* find(BlockKey key) const {
        for (Block const& candidate : table_[set_of(key)])
            if (candidate.key == key && is_true(candidate)) return &candidate;
        return nullptr;
    }
    /// Where the bytes of a block-to-be lie: `head` within one page; `tail` on the following page, if it is needed.
    struct Source {
        GuestPhys start;
        std::span<u8 const> head;
        GuestPhys tail_start{};
        std::span<u8 const> tail{};
    };
    /// Decodes and caches a block. nullptr: even the first instruction needs bytes beyond the source.
    Block const* insert(BlockKey key, DecodeMode mode, Source const& source);

    void flush();
    void code_page_written(GuestPhys page) override;
    DecodeCounters const& counters() const { return counters_; }

private:
    static constexpr unsigned table_bits = 14;
    /// Two blocks that would share a place do not push each other out at every turn of a loop.
    using Set = std::array<Block, 2>;
    static constexpr std::size_t arena_instructions = 1 << 16;
    /// Fibonacci hashing: the low bits of a key are nearly always the same.
    static std::size_t set_of(BlockKey key) { return key.raw * 0x9e37'79b9'7f4a'7c15 >> (64 - table_bits); }

    u32 generation(GuestPhys address) const {
        u64 const page = address.page_number();
        return page < generations_.size() ? generations_[page] : 0;
    }
    bool is_true(Block const& block) const {
        return block.generation == generation({block.key.raw >> 2}) &&
               (!block.has_tail() || block.tail_generation == generation(block.tail));
    }
    void ensure_generation(GuestPhys address);
    void watch(GuestPhys address, unsigned size);
    bool decode_one(std::span<u8 const> bytes, DecodeMode mode, insn::Insn& insn, Handler& handler) const;

    Mmu& mmu_;
    CpuModel const& model_;
    std::vector<Set> table_;
    std::unique_ptr<insn::Insn[]> insns_;
    std::unique_ptr<Handler[]> handlers_;
    std::size_t used_{};
    std::vector<u32> generations_; // by page number
    DecodeCounters counters_{};
};

} // namespace ring3
