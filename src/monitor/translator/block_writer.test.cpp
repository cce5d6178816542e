// Golden translations: what some instructions become, so that a change of the translator shows as one here. Each test
// gives guest code with a few instructions more than it looks at. All of it is read by the checker, too.
#include "monitor/translator/test_translator.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace ring3 {
namespace {

using Text = std::vector<std::string>;

Text operator+(Text a, Text const& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

/// The look-up of `address` in the software TLB, for an access of four bytes. RAX waits in r11 or, if that holds
/// something else, in saved_rax.
Text looked_up(std::string const& address, std::string const& tag, std::string const& rax_waits_in = "r11") {
    return {
        "lea r8d, [" + address + "]",
        "mov " + rax_waits_in + ", rax",
        "lahf",
        "seto al",
        "mov r9d, r8d",
        "shr r9d, 0x6",
        "and r9d, 0xffc0",
        "lea r10d, [r8+0x3]",
        "and r10d, 0xfffff000",
        "cmp r10, [" + tag + "+r9]",
        "jnz elsewhere",
        "add r8, [bias+r9]",
        "add al, 0x7f",
        "sahf",
        "mov rax, " + rax_waits_in,
    };
}

/// Where r8d says whether a jump belongs here: it goes on behind itself, at instruction `own_place + 6`.
Text target_check(unsigned own_place, std::string const& eip) {
    return {
        "mov r9, rcx",
        "lea ecx, [r8-" + eip + "]",
        fmt::format("jrcxz #{}", own_place + 5),
        "mov rcx, r9",
        "jmp by_table",
        "mov rcx, r9",
    };
}

Text const look_up_r8{"mov r9d, [r13+r8*4]", "lea r9, [r9+indirect]"};

class BlockWriterTest : public testing::Test {
protected:
    /// The host code of the first instructions.
    Text window(unsigned count, std::initializer_list<u8> bytes) { return code(true, count, bytes); }
    Text software(unsigned count, std::initializer_list<u8> bytes) { return code(false, count, bytes); }
    /// Of all, and of what lies behind for the rare cases.
    Text whole(std::initializer_list<u8> bytes) {
        forget();
        t.translate(bytes);
        return t.whole_listing();
    }

    TestTranslator t;

private:
    Text code(bool windows, unsigned count, std::initializer_list<u8> bytes) {
        forget();
        t.windows = windows;
        t.translate(bytes);
        return t.listing(count);
    }
    void forget() {
        t.cache->flush();
        t.records.clear();
    }
};

// ---- instructions that stay as they are

TEST_F(BlockWriterTest, registers_keep_their_numbers) {
    EXPECT_EQ(window(1, {0x01, 0xd8, 0x90}), Text{"add eax, ebx"});
    EXPECT_EQ(window(1, {0xc1, 0xe8, 0x05, 0x90}), Text{"shr eax, 0x5"});
    EXPECT_EQ(window(1, {0x00, 0xec, 0x90}), Text{"add ah, ch"});
    EXPECT_EQ(window(1, {0x66, 0x05, 0x34, 0x12, 0x90}), Text{"add ax, 0x1234"});
}

TEST_F(BlockWriterTest, one_byte_increments_are_prefixes_here) {
    EXPECT_EQ(window(2, {0x40, 0x66, 0x4b, 0x90}), (Text{"inc eax", "dec bx"}));
}

TEST_F(BlockWriterTest, esp_is_r12) {
    EXPECT_EQ(window(1, {0x89, 0xe5, 0x90}), Text{"mov ebp, r12d"});
    EXPECT_EQ(window(2, {0x94, 0x0f, 0xcc, 0x90}), (Text{"xchg r12d, eax", "bswap r12d"}));
    EXPECT_EQ(window(1, {0x66, 0x01, 0xc4, 0x90}), Text{"add r12w, ax"});
    EXPECT_EQ(window(1, {0x8b, 0x44, 0x24, 0x08, 0x90}), Text{"mov eax, [r14+r12*1+0x8]"});
}

TEST_F(BlockWriterTest, padding_becomes_nothing) {
    EXPECT_EQ(window(4, {0x90, 0x8d, 0x76, 0x00, 0x0f, 0x1f, 0x40, 0x00, 0xfc, 0x90}), Text{});
}

// ---- instructions counted for --stats

/// Of each instruction: how many from it on are counted with it; those that are inlined are negative.
std::vector<int> counted(TestTranslator& t, std::initializer_list<u8> bytes) {
    t.settings.count = true;
    std::vector<int> runs;
    for (Point const& point : t.translate(bytes)->points)
        runs.push_back(point.counted.inlined ? -point.counted.length : point.counted.length);
    return runs;
}

TEST_F(BlockWriterTest, instructions_up_to_a_branch_are_counted_at_once) {
    // inc eax; mov [ebx],eax; jz; inc eax; ret; and the way out
    EXPECT_EQ(counted(t, {0x40, 0x89, 0x03, 0x74, 0x10, 0x40, 0xc3}), (std::vector{3, 2, 1, 2, 1}));
    Text const code = t.whole_listing();
    EXPECT_EQ(std::ranges::count(code, "lea r8, [r8+0x3]"), 1);
    EXPECT_EQ(std::ranges::count(code, "lea r8, [r8+0x2]"), 1);
}

TEST_F(BlockWriterTest, a_branchs_target_and_what_runs_otherwise_are_counted_apart) {
    // inc eax; inc ecx; push ds; inc eax; cpuid; inc eax; jmp to the second
    EXPECT_EQ(counted(t, {0x40, 0x41, 0x1e, 0x40, 0x0f, 0xa2, 0x40, 0xeb, 0xf8}),
              (std::vector{1, 1, -1, 1, 0, 2, 1, 0}));
}

TEST_F(BlockWriterTest, without_stats_nothing_is_counted) {
    EXPECT_EQ(t.translate({0x40, 0x40, 0xc3})->points.front().counted.length, 0);
}

// ---- memory operands

TEST_F(BlockWriterTest, a_register_and_a_displacement_are_added_in_the_window) {
    EXPECT_EQ(window(1, {0x8b, 0x43, 0x08, 0x90}), Text{"mov eax, [r14+rbx*1+0x8]"});
    EXPECT_EQ(window(1, {0x83, 0x05, 0x78, 0x56, 0x34, 0x12, 0x05, 0x90}), Text{"add dword [r14+0x12345678], 0x5"});
    EXPECT_EQ(window(1, {0xf0, 0x0f, 0xb1, 0x0b, 0x90}), Text{"lock cmpxchg [r14+rbx*1], ecx"});
}

TEST_F(BlockWriterTest, larger_sums_are_cut_to_32_bits) {
    EXPECT_EQ(window(1, {0x89, 0x44, 0x91, 0xf8, 0x90}), Text{"mov gs:[ecx+edx*4-0x8], eax"});
    EXPECT_EQ(window(1, {0x8b, 0x0d, 0x00, 0x00, 0x00, 0xff, 0x90}),
              (Text{"mov r8d, 0xff000000", "mov ecx, [r14+r8*1]"}));
    EXPECT_EQ(window(1, {0x67, 0x8b, 0x00, 0x90}), // mov eax,[bx+si]
              (Text{"lea r8d, [rbx+rsi*1]", "movzx r8d, r8w", "mov eax, [r14+r8*1]"}));
}

TEST_F(BlockWriterTest, a_segments_base_is_added) {
    t.machine.cpu.seg(SegmentName::fs).base = 0x7000;
    t.machine.cpu.seg(SegmentName::fs).refresh();
    EXPECT_EQ(window(1, {0x64, 0xa1, 0x14, 0, 0, 0, 0x90}), // mov eax,fs:[14h]
              (Text{"mov r8d, 0x14", "mov r9d, [fs.base]", "lea r8d, [r8+r9*1]", "mov eax, [r14+r8*1]"}));
}

TEST_F(BlockWriterTest, without_a_window_the_software_tlb_is_asked) {
    EXPECT_EQ(software(1, {0x8b, 0x43, 0x08, 0x90}), looked_up("rbx+0x8", "read_tag") + Text{"mov eax, [r8]"});
    EXPECT_EQ(software(1, {0x01, 0x43, 0x08, 0x90}), looked_up("rbx+0x8", "write_tag") + Text{"add [r8], eax"});
}

TEST_F(BlockWriterTest, a_miss_leaves_with_flags_and_rax_as_they_were) {
    t.windows = false;
    Text const text = whole({0x89, 0x03, 0xf4}); // mov [ebx],eax; hlt
    EXPECT_EQ(text[10], "jnz #21");
    EXPECT_EQ((Text{text.begin() + 21, text.begin() + 26}),
              (Text{"add al, 0x7f", "sahf", "mov rax, r11", "mov r9d, 0x0", "jmp soft_access"}));
    ASSERT_EQ(t.records.accesses.size(), 1u);
    EXPECT_EQ(t.records.accesses[0].retry, t.block->start);
    EXPECT_EQ(t.records.accesses[0].size, 4);
    EXPECT_TRUE(t.records.accesses[0].write);
}

TEST_F(BlockWriterTest, high_bytes_do_not_exist_beside_the_window) {
    EXPECT_EQ(window(1, {0x88, 0x23, 0x90}), (Text{"rorx r10d, eax, 0x8", "mov [r14+rbx*1], r10b"}));
    EXPECT_EQ(window(1, {0x02, 0x23, 0x90}),
              (Text{"movzx r10d, byte [r14+rbx*1]", "rorx eax, eax, 0x8", "add al, r10b", "rorx eax, eax, 0x18"}));
}

// ---- the stack

TEST_F(BlockWriterTest, changes_of_esp_wait_until_they_are_needed) {
    EXPECT_EQ(window(3, {0x50, 0x53, 0x5e, 0x90}), // push eax; push ebx; pop esi
              (Text{"mov [r14+r12*1-0x4], eax", "mov [r14+r12*1-0x8], ebx", "mov esi, [r14+r12*1-0x8]"}));
    EXPECT_EQ(t.block->points[2].esp_delta, -8);
    EXPECT_EQ(t.block->points[3].esp_delta, -4);
    EXPECT_EQ(window(2, {0x50, 0x94, 0x90}),
              (Text{"mov [r14+r12*1-0x4], eax", "lea r12d, [r12-0x4]", "xchg r12d, eax"}));
}

TEST_F(BlockWriterTest, pop_and_leave_load_esp_anew) {
    EXPECT_EQ(window(2, {0x50, 0x5c, 0x90}), (Text{"mov [r14+r12*1-0x4], eax", "mov r12d, [r14+r12*1-0x4]"}));
    EXPECT_EQ(window(1, {0xc9, 0x90}), (Text{"mov r10d, [r14+rbp*1]", "lea r12d, [rbp+0x4]", "mov ebp, r10d"}));
}

TEST_F(BlockWriterTest, a_push_from_memory_touches_both_places_first) {
    EXPECT_EQ(window(1, {0xff, 0x33, 0x90}), (Text{"mov r11d, [r14+rbx*1]", "mov [r14+r12*1-0x4], r11d"}));
    EXPECT_EQ(software(1, {0xff, 0x33, 0x90}), looked_up("rbx", "read_tag") + Text{"mov r11d, [r8]"} +
                                                   looked_up("r12-0x4", "write_tag", "[saved_rax]") +
                                                   Text{"mov [r8], r11d"});
}

TEST_F(BlockWriterTest, flags_of_a_stack_change_are_set_only_where_they_can_be_seen) {
    // sub esp,8; xor eax,eax
    EXPECT_EQ(window(2, {0x83, 0xec, 0x08, 0x31, 0xc0, 0x90}), Text{"xor eax, eax"});
    // add esp,8; mov ebx,[ecx]; xor eax,eax: a fault of the load works them out
    EXPECT_EQ(window(3, {0x83, 0xc4, 0x08, 0x8b, 0x19, 0x31, 0xc0, 0x90}),
              (Text{"mov ebx, [r14+rcx*1]", "xor eax, eax"}));
    EXPECT_EQ(t.block->points[1].folded.amount, 8);
    EXPECT_EQ(t.block->points[2].folded.amount, 8);
    EXPECT_EQ(t.block->points[3].folded.amount, 0);
    // add esp,8; sbb eax,eax
    EXPECT_EQ(window(2, {0x83, 0xc4, 0x08, 0x19, 0xc0, 0x90}),
              (Text{"lea r10d, [r12]", "add r10d, 0x8", "sbb eax, eax"}));
    // sub esp,8; pop esp
    EXPECT_EQ(window(2, {0x83, 0xec, 0x08, 0x5c, 0x90}),
              (Text{"lea r10d, [r12]", "sub r10d, 0x8", "mov r12d, [r14+r12*1-0x8]"}));
}

TEST_F(BlockWriterTest, a_place_with_flags_of_a_stack_change_in_the_air_is_no_way_in) {
    auto const entry_at = [&](u32 eip) { return t.cache->find({{eip}, {eip}, t.mode()}); };
    // push eax; add esp,4; mov ebx,[ecx]; xor eax,eax; jmp to the load
    window(4, {0x50, 0x83, 0xc4, 0x04, 0x8b, 0x19, 0x31, 0xc0, 0xeb, 0xfa});
    EXPECT_EQ(t.block->points[2].esp_delta, 0);
    EXPECT_EQ(entry_at(TestMachine::code_start + 4), nullptr);
    // without the ADD it is one: push eax; pop eax; ...
    window(4, {0x50, 0x58, 0x90, 0x90, 0x8b, 0x19, 0x31, 0xc0, 0xeb, 0xfa});
    EXPECT_NE(entry_at(TestMachine::code_start + 4), nullptr);
}

// ---- branches

TEST_F(BlockWriterTest, a_call_is_paired_with_the_hosts) {
    EXPECT_EQ(whole({0xe8, 0x10, 0, 0, 0, 0xf4}), // call +10h; hlt
              (Text{"mov dword [r14+r12*1-0x4], 0x1005", "lea r12d, [r12-0x4]", "call #12"} +
               target_check(3, "0x1005") + Text{"mov r9d, 0x0", "call callout", "jmp #14"} +
               Text{"mov r9d, 0x0", "jmp link", "mov r9d, 0x1", "jmp link"}));
    ASSERT_EQ(t.block->return_sites.size(), 1u);
    EXPECT_EQ(t.records.links[0].target, 0x1015u);
}

TEST_F(BlockWriterTest, calls_of_other_pages_go_through_the_jump_table) {
    Text const text = whole({0xe8, 0, 0x10, 0, 0, 0xf4});
    EXPECT_EQ(text[2], "mov r8d, 0x2005");
    EXPECT_EQ((Text{text.begin() + 3, text.begin() + 6}), look_up_r8 + Text{"call r9"});
}

TEST_F(BlockWriterTest, indirect_calls_store_their_return_address_before_they_jump) {
    Text const text = whole({0xff, 0x13, 0xf4}); // call [ebx]; hlt
    EXPECT_EQ(
        (Text{text.begin(), text.begin() + 13}),
        (Text{"mov r11d, [r14+rbx*1]", "mov dword [r14+r12*1-0x4], 0x1002", "lea r12d, [r12-0x4]", "mov r8d, r11d"} +
         look_up_r8 + Text{"call r9"} + target_check(7, "0x1002")));
}

TEST_F(BlockWriterTest, a_return_hands_its_target_to_the_place_it_arrives_at) {
    EXPECT_EQ(whole({0xc3}), (Text{"mov r8d, [r14+r12*1]", "lea r12d, [r12+0x4]", "ret"}));
    EXPECT_EQ(whole({0xc2, 8, 0}), (Text{"mov r8d, [r14+r12*1]", "lea r12d, [r12+0xc]", "ret"}));
}

TEST_F(BlockWriterTest, without_pairing_calls_and_returns_are_jumps) {
    t.settings.paired_returns = false;
    EXPECT_EQ(whole({0xe8, 0x10, 0, 0, 0, 0xf4})[2], "jmp #6");
    EXPECT_EQ(whole({0xc3}), (Text{"mov r8d, [r14+r12*1]", "lea r12d, [r12+0x4]"} + look_up_r8 + Text{"jmp r9"}));
}

TEST_F(BlockWriterTest, a_loop_jumps_to_itself) {
    Text const text = whole({0x40, 0x75, 0xfd, 0xc3}); // inc eax; jnz; ret
    EXPECT_EQ((Text{text.begin(), text.begin() + 2}), (Text{"inc eax", "jnz #0"}));
}

TEST_F(BlockWriterTest, a_count_register_branch_jumps_over_the_long_way) {
    Text const text = whole({0xe2, 0xfe, 0xc3}); // loop; ret
    EXPECT_EQ((Text{text.begin(), text.begin() + 3}), (Text{"loop #2", "jmp #3", "jmp #0"}));
}

TEST_F(BlockWriterTest, an_unknown_successor_is_asked_for_behind_the_code) {
    EXPECT_EQ(whole({0x74, 0x10, 0xc3}), // jz +10h; ret
              (Text{"jz #4", "mov r8d, [r14+r12*1]", "lea r12d, [r12+0x4]", "ret", "mov r9d, 0x0", "jmp link"}));
    EXPECT_EQ(t.records.links[0].target, 0x1012u);
}

TEST_F(BlockWriterTest, a_known_successor_is_jumped_to) {
    t.translate({0x40, 0xc3}, 0x1800);
    t.rules.follow_jumps = false;
    t.records.clear();
    t.translate({0x40, 0xe9, 0xfa, 0x07, 0, 0}); // inc eax; jmp 1800h
    EXPECT_EQ(t.whole_listing(), (Text{"inc eax", "jmp elsewhere"}));
    EXPECT_TRUE(t.records.links.empty());
}

TEST_F(BlockWriterTest, code_that_ends_on_another_page_is_jumped_to_by_the_jump_table) {
    t.translate({0xbb, 1, 0, 0, 0, 0xc3}, 0x1ffe); // mov ebx, 1
    u64 const way = t.block->start + t.block->by_table;
    Text const text = t.whole_listing();
    EXPECT_EQ((Text{text.end() - 2, text.end()}), (Text{"mov r8d, 0x1ffe", "jmp by_table"}));
    t.translate({0x74, 0x1c, 0xc3}, 0x1fe0); // jz 1ffeh
    auto const jump = t.cache->bytes(t.block->start + t.block->points[0].host + 2, 4);
    i32 distance;
    std::memcpy(&distance, jump.data(), sizeof distance);
    EXPECT_EQ(t.block->start + t.block->points[0].host + 6 + static_cast<u64>(i64{distance}), way);
}

TEST_F(BlockWriterTest, a_conditional_branch_to_another_page_is_turned_around) {
    Text const text = whole({0x0f, 0x84, 0, 0x10, 0, 0, 0xc3}); // jz 2006h; ret
    EXPECT_EQ((Text{text.begin(), text.begin() + 5}),
              (Text{"jnz #5", "mov r8d, 0x2006"} + look_up_r8 + Text{"jmp r9"}));
}

// ---- strings, vectors

TEST_F(BlockWriterTest, strings_run_with_pointers_into_the_window) {
    EXPECT_EQ(window(1, {0xf3, 0xa5, 0x90}),
              (Text{"lea rsi, [r14+rsi*1]", "lea rdi, [r14+rdi*1]", "rep movsd", "mov esi, esi", "mov edi, edi"}));
    EXPECT_EQ(window(1, {0xac, 0x90}), (Text{"lea rsi, [r14+rsi*1]", "lodsb", "mov esi, esi"}));
    EXPECT_EQ(software(1, {0xf3, 0xa5, 0x90}), (Text{"mov r9d, 0x0", "call callout"}));
}

TEST_F(BlockWriterTest, the_first_vector_instruction_loads_the_state) {
    Text const load{"mov r8, rcx", "movzx ecx, byte [fpu_loaded]", "jrcxz #4", "jmp #5", "call load_fpu",
                    "mov rcx, r8"};
    EXPECT_EQ(window(2, {0x0f, 0x28, 0x03, 0x0f, 0x58, 0xc1, 0x90}), // movaps xmm0,[ebx]; addps xmm0,xmm1
              load + (Text{"movaps xmm0, [r14+rbx*1]", "addps xmm0, xmm1"}));
    EXPECT_EQ(window(1, {0xc5, 0xf4, 0x58, 0x13, 0x90}), load + Text{"vaddps ymm2, ymm1, [r14+rbx*1]"});
    EXPECT_EQ(window(1, {0xdc, 0x03, 0x90}), load + Text{"fadd [r14+rbx*1]"});
}

TEST_F(BlockWriterTest, a_loop_loads_the_state_once) {
    // 0: movaps xmm0,[ebx]; dec ecx; jnz 0
    Text const all = whole({0x0f, 0x28, 0x03, 0x49, 0x75, 0xfa, 0x90});
    ASSERT_GE(all.size(), 9u);
    EXPECT_EQ(all[6], "movaps xmm0, [r14+rbx*1]");
    EXPECT_EQ(all[7], "dec ecx");
    EXPECT_EQ(all[8], "jnz #6");
}

TEST_F(BlockWriterTest, code_amid_vectors_has_a_way_in_that_loads_the_state) {
    // 0: movaps xmm0,[ebx]; jz 7; dec ecx; 6: dec ecx; 7: addps xmm0,xmm1; ret
    Text const all = whole({0x0f, 0x28, 0x03, 0x74, 0x01, 0x49, 0x0f, 0x58, 0xc1, 0xc3});
    ASSERT_GE(all.size(), 10u);
    EXPECT_EQ(all[9], "addps xmm0, xmm1");
    EXPECT_EQ((Text{all.end() - 7, all.end()}), (Text{"mov r8, rcx", "movzx ecx, byte [fpu_loaded]", "jrcxz #19",
                                                      "jmp #20", "call load_fpu", "mov rcx, r8", "jmp #9"}));
    u32 const eip = TestMachine::code_start + 6;
    Entry const* const entry = t.cache->find({{eip}, {eip}, t.mode()});
    ASSERT_NE(entry, nullptr);
    EXPECT_GT(entry->host, entry->loaded);
    EXPECT_EQ(entry->for_links(true), entry->loaded);
    EXPECT_EQ(entry->for_links(false), entry->host);
}

// ---- sensitive instructions

TEST_F(BlockWriterTest, the_interrupt_flag_is_a_bit_in_memory) {
    Text const cli{"mov r11, rax", "lahf", "seto al",     "and byte [eflags+1], 0xfd",
                   "add al, 0x7f", "sahf", "mov rax, r11"};
    EXPECT_EQ(window(1, {0xfa, 0x90, 0x90}), cli);
    EXPECT_EQ(window(1, {0xfa, 0x31, 0xc0, 0x90}), Text{"and byte [eflags+1], 0xfd"}); // cli; xor eax,eax
    EXPECT_TRUE(t.block->points[1].no_stop);                                           // nobody may see the flags there
    EXPECT_FALSE(t.block->points[2].no_stop);
}

TEST_F(BlockWriterTest, pushf_gathers_the_flags) {
    EXPECT_EQ(window(1, {0x9c, 0x90}),
              (Text{"mov r11, rax", "lahf", "seto al", "movzx r8d, al", "shl r8d, 0xb", "movzx r9d, ax", "shr r9d, 0x8",
                    "or r8d, r9d", "mov r9d, [eflags]", "and r9d, 0xfffcf72a", "or r8d, r9d", "add al, 0x7f", "sahf",
                    "mov rax, r11", "mov [r14+r12*1-0x4], r8d"}));
    EXPECT_EQ(t.block->points[1].esp_delta, -4);
}

TEST_F(BlockWriterTest, popf_may_fault_before_it_makes_pending_changes_of_esp_good) {
    Text const text = window(2, {0x50, 0x9d, 0x90}); // push eax; popf
    EXPECT_EQ((Text{text.begin(), text.begin() + 3}),
              (Text{"mov [r14+r12*1-0x4], eax", "mov r8d, [r14+r12*1-0x4]", "lea r12d, [r12-0x4]"}));
}

TEST_F(BlockWriterTest, popf_calls_its_routine_for_unusual_flags) {
    Text const text = window(1, {0x9d, 0x90});
    EXPECT_EQ((Text{text.begin(), text.begin() + 9}),
              (Text{"mov r8d, [r14+r12*1]", "mov r9d, r8d", "xor r9d, [eflags]", "test r9d, 0x3f7500", "jnz #22",
                    "test r8d, 0x200", "jz #9", "cmp byte [event_pending], 0x0", "jnz #22"}));
    EXPECT_EQ((Text{text.begin() + 9, text.end()}),
              (Text{"and r9d, 0x200", "xor [eflags], r9d", "mov r11, rax", "mov eax, r8d", "shl eax, 0x8",
                    "shr r8d, 0xb", "and r8d, 0x1", "or eax, r8d", "add al, 0x7f", "sahf", "mov rax, r11",
                    "lea r12d, [r12+0x4]", "jmp elsewhere", "mov r9d, 0x0", "call callout"}));
}

TEST_F(BlockWriterTest, sti_calls_its_routine_if_something_waits) {
    EXPECT_EQ(window(1, {0xfb, 0x90, 0x90}),
              (Text{"mov r11, rax", "lahf", "seto al", "cmp byte [event_pending], 0x0", "jnz #10",
                    "or byte [eflags+1], 0x2", "add al, 0x7f", "sahf", "mov rax, r11", "jmp elsewhere", "add al, 0x7f",
                    "sahf", "mov rax, r11", "mov r9d, 0x0", "call callout"}));
    EXPECT_TRUE(t.block->points[1].no_stop);
    EXPECT_FALSE(t.records.callouts[0].leaves);
}

TEST_F(BlockWriterTest, sti_at_the_end_of_a_trace_leaves_its_shadow_to_the_dispatcher) {
    t.rules.most = 1;
    EXPECT_EQ(window(1, {0xfb, 0x90}), (Text{"mov r9d, 0x0", "call callout"}));
    EXPECT_TRUE(t.records.callouts[0].leaves);
}

TEST_F(BlockWriterTest, selectors_are_fields) {
    EXPECT_EQ(window(1, {0x1e, 0x90}), (Text{"movzx r11d, word [ds.selector]", "mov [r14+r12*1-0x4], r11w"}));
    EXPECT_EQ(window(1, {0x8c, 0xd8, 0x90}), (Text{"movzx r11d, word [ds.selector]", "mov eax, r11d"}));
}

TEST_F(BlockWriterTest, other_sensitive_instructions_are_one_call) {
    EXPECT_EQ(window(1, {0x0f, 0x22, 0xd8, 0x90}), (Text{"mov r9d, 0x0", "call callout"}));
    EXPECT_EQ(window(2, {0x50, 0x0f, 0xa2, 0x90}),
              (Text{"mov [r14+r12*1-0x4], eax", "lea r12d, [r12-0x4]", "mov r9d, 0x0", "call callout"}));
    EXPECT_EQ(t.records.callouts[0].eip, 0x1001u);
}

// ---- what was learnt while the code ran

TEST_F(BlockWriterTest, an_instruction_may_get_the_software_path_in_spite_of_windows) {
    t.settings.software_path = [](u32 eip) { return eip == TestMachine::code_start + 2; };
    EXPECT_EQ(window(2, {0x8b, 0x03, 0x8b, 0x0b, 0x90}),
              Text{"mov eax, [r14+rbx*1]"} + looked_up("rbx", "read_tag") + Text{"mov ecx, [r8]"});
    t.settings.software_path = [](u32) { return true; };
    EXPECT_EQ(window(1, {0xa4, 0x90}), (Text{"mov r9d, 0x0", "call callout"})); // strings have none
}

TEST_F(BlockWriterTest, an_instruction_that_always_fails_is_called_out) {
    t.settings.always_callout = [](u32) { return true; };
    EXPECT_EQ(window(2, {0x83, 0xc4, 0x08, 0x8b, 0x03, 0x90}).back(), "call callout");
}

} // namespace
} // namespace ring3
