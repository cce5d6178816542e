#include "monitor/translator/code_cache.h"

#include <cstring>
#include <gtest/gtest.h>

namespace ring3 {
namespace {

constexpr HostPc miss_offset = 0x100; // where jumps to dead code go, from the cache's start

class CodeCacheTest : public testing::Test {
protected:
    CodeCacheTest() {
        auto made = CodeCache::create(std::size_t{4} << 20);
        EXPECT_TRUE(made.has_value());
        cache_ = std::move(*made);
        start_ = cache_->begin().here();
    }

    static CodeKey key(u64 gpa, TranslationMode mode = {}) { return {{gpa}, {0xc000'0000 + gpa}, mode}; }

    /// A block of `size` bytes with one instruction.
    CodeBlock* place(CodeKey const& key, u32 size = 32, GuestPhys tail = {}) {
        Assembler a = cache_->begin();
        CodeBlock block{.start = a.here(), .key = key, .tail = tail};
        block.points.push_back({.eip = static_cast<u32>(key.eip.raw)});
        for (u32 i = 0; i < size; ++i) a.byte(0x90);
        CodeBlock* const placed = cache_->commit(std::move(block), size, {});
        cache_->add_entry(key, placed->start, 0, placed);
        return placed;
    }
    HostPc miss() const { return start_ + miss_offset; }
    unsigned drop(u64 page) {
        return cache_->drop_page({page}, miss(), [](Entry const&) {});
    }
    /// Where the near jump at `at` goes; 0 if there is none.
    HostPc jump_at(HostPc at) const {
        auto const bytes = cache_->bytes(at, 5);
        i32 distance = 0;
        std::memcpy(&distance, &bytes[1], sizeof distance);
        return bytes[0] == 0xe9 ? at + 5 + static_cast<u64>(i64{distance}) : 0;
    }

    std::unique_ptr<CodeCache> cache_;
    HostPc start_{};
};

// ---- looking up

TEST_F(CodeCacheTest, finds_a_block_by_its_whole_key_only) {
    auto const user = TranslationMode{}.with<TranslationMode::User>(1);
    CodeBlock const* const block = place(key(0x1000));
    CodeBlock const* const for_user = place(key(0x1000, user));
    EXPECT_EQ(cache_->find(key(0x1000))->block, block);
    EXPECT_EQ(cache_->find(key(0x1000, user))->block, for_user);
    EXPECT_EQ(cache_->find(key(0x1001)), nullptr);
    EXPECT_EQ(cache_->find({{0x1000}, {0x1000}, {}}), nullptr);
}

TEST_F(CodeCacheTest, keeps_the_older_of_two_ways_in) {
    CodeBlock const* const older = place(key(0x1000));
    place(key(0x1000));
    EXPECT_EQ(cache_->find(key(0x1000))->block, older);
}

TEST_F(CodeCacheTest, finds_the_block_of_a_host_pc) {
    CodeBlock const* const first = place(key(0x1000), 20);
    CodeBlock const* const second = place(key(0x1010), 20);
    EXPECT_EQ(second->start % 16, 0u);
    EXPECT_EQ(cache_->block_at(first->start), first);
    EXPECT_EQ(cache_->block_at(first->start + 19), first);
    EXPECT_EQ(cache_->block_at(first->start + 20), nullptr);
    EXPECT_EQ(cache_->block_at(second->start), second);
    EXPECT_EQ(cache_->block_at(first->start - 1), nullptr);
}

TEST_F(CodeCacheTest, a_point_reaches_up_to_the_next) {
    CodeBlock block{.start = 0x5000};
    block.points = {{.host = 0, .eip = 0x10}, {.host = 4, .eip = 0x12, .esp_delta = -4}, {.host = 4, .eip = 0x15}};
    EXPECT_EQ(block.point_at(0x5000).eip, 0x10u);
    EXPECT_EQ(block.point_at(0x5003).eip, 0x10u);
    EXPECT_EQ(block.point_at(0x5004).eip, 0x15u); // an instruction without code of its own ends where it begins
    EXPECT_EQ(block.point_at(0x5999).eip, 0x15u);
}

// ---- placing

TEST_F(CodeCacheTest, is_full_before_a_largest_block_would_not_fit) {
    unsigned blocks = 0;
    for (; cache_->has_room(); ++blocks) place(key(blocks * 16), 60'000);
    EXPECT_GT(blocks, 60u);
    EXPECT_FALSE(cache_->begin().overflowed());
    EXPECT_LE(cache_->used(), std::size_t{4} << 20);
}

TEST_F(CodeCacheTest, a_flush_keeps_what_was_there_at_first) {
    Assembler a = cache_->begin();
    a.ret();
    HostPc const thunk = cache_->commit_stub(a);
    cache_->keep_prefix();
    CodeBlock const* const block = place(key(0x1000));
    HostPc const was_at = block->start;
    EXPECT_TRUE(cache_->in_blocks(was_at));
    cache_->flush();
    EXPECT_EQ(cache_->find(key(0x1000)), nullptr);
    EXPECT_EQ(cache_->block_at(was_at), nullptr);
    EXPECT_EQ(drop(0x1000), 0u);
    EXPECT_FALSE(cache_->in_blocks(thunk));
    EXPECT_EQ(cache_->bytes(thunk, 1)[0], 0xc3);
    EXPECT_EQ(place(key(0x2000))->start, was_at);
}

// ---- the end of blocks

TEST_F(CodeCacheTest, dropping_a_page_ends_the_blocks_made_from_it) {
    CodeBlock const* const here = place(key(0x1000));
    CodeBlock const* const too = place(key(0x1ff0));
    CodeBlock const* const elsewhere = place(key(0x2000));
    cache_->find(key(0x1ff0))->known = true;
    std::vector<u64> ended;
    auto const note = [&](Entry const& entry) {
        ended.push_back(entry.host);
        EXPECT_EQ(entry.known, ended.size() == 2);
    };
    EXPECT_EQ(cache_->drop_page({0x1000}, miss(), note), 2u);
    EXPECT_EQ(ended, (std::vector<u64>{here->start, too->start}));
    EXPECT_FALSE(here->alive);
    EXPECT_FALSE(too->alive);
    EXPECT_TRUE(elsewhere->alive);
    EXPECT_EQ(cache_->find(key(0x1000)), nullptr);
    EXPECT_EQ(cache_->find(key(0x2000))->block, elsewhere);
    EXPECT_EQ(drop(0x1000), 0u);
}

TEST_F(CodeCacheTest, a_block_over_a_border_ends_with_either_page) {
    place(key(0x1ffe), 32, {0x7000});
    place(key(0x3ffe), 32, {0x8000});
    EXPECT_EQ(drop(0x7000), 1u);
    EXPECT_EQ(drop(0x1000), 0u);
    EXPECT_EQ(drop(0x3000), 1u);
    EXPECT_EQ(cache_->find(key(0x3ffe)), nullptr);
}

TEST_F(CodeCacheTest, returns_into_a_dropped_block_miss) {
    CodeBlock* const block = place(key(0x1000));
    block->return_sites.push_back(8);
    drop(0x1000);
    EXPECT_EQ(jump_at(block->start + 8), miss());
    EXPECT_EQ(cache_->unlinks(), 1u);
}

TEST_F(CodeCacheTest, a_block_that_lost_its_entry_still_ends_with_its_page) {
    CodeBlock* const block = place(key(0x1ffe), 32, {0x7000});
    block->return_sites.push_back(8);
    cache_->end_entry(*cache_->find(key(0x1ffe)));
    CodeBlock const* const successor = place(key(0x1ffe), 32, {0x9000});
    EXPECT_EQ(cache_->find(key(0x1ffe))->block, successor);
    EXPECT_EQ(drop(0x7000), 1u);
    EXPECT_EQ(jump_at(block->start + 8), miss());
    EXPECT_EQ(cache_->find(key(0x1ffe))->block, successor);
}

TEST_F(CodeCacheTest, code_that_is_rewritten_forever_needs_no_more_entries) {
    constexpr unsigned more_than_entries = 140'000;
    for (unsigned i = 0; i < more_than_entries; ++i) {
        place(key(0x1000), 1);
        ASSERT_EQ(drop(0x1000), 1u);
    }
    EXPECT_TRUE(cache_->has_room());
}

TEST_F(CodeCacheTest, writes_jumps_for_the_place_where_they_run) {
    CodeBlock const* const block = place(key(0x1000));
    Assembler a = cache_->begin();
    a.jump(a.here());
    HostPc const stub = cache_->commit_stub(a);
    cache_->write_relative(stub + 1, block->start);
    EXPECT_EQ(jump_at(stub), block->start);
    cache_->write_relative(stub + 1, stub + 0x1234);
    EXPECT_EQ(jump_at(stub), stub + 0x1234);
}

} // namespace
} // namespace ring3
