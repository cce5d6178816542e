// Each rule by pieces of code that keep it and pieces that break it. Code is written as bytes; `@leave`, `@callout`,
// `@fpu`, `@other` and `@+N` stand for the rel32 that leads to a thunk, to a checked piece, or N bytes into this one.
#include "monitor/checker/checker.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <sstream>

namespace ring3 {

namespace {

constexpr u64 cache = 0x1000'0000, leave = cache + 0x10, callout = cache + 0x20, load_fpu = cache + 0x30,
              other = cache + 0x100, here = cache + 0x1000;

std::vector<u8> code(std::string const& text, u64 start = here) {
    std::map<std::string, u64> const names{
        {"@leave", leave}, {"@callout", callout}, {"@fpu", load_fpu}, {"@other", other}};
    std::vector<u8> bytes;
    std::istringstream words{text};
    for (std::string word; words >> word;) {
        if (word[0] != '@') {
            bytes.push_back(static_cast<u8>(std::stoul(word, nullptr, 16)));
            continue;
        }
        u64 const target = word[1] == '+' ? start + std::stoul(word.substr(2)) : names.at(word);
        auto const distance = static_cast<u32>(target - (start + bytes.size() + 4));
        for (unsigned shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<u8>(distance >> shift));
    }
    return bytes;
}

CheckerRules rules() {
    CheckerRules r;
    r.fields = {{0x20, 4, false}, {0x40, 4, true}, {0x80, 1, false}, {0x90, 4, false}};
    r.counters = {0x100};
    r.tlb = {TlbFields{0x1000, 0x1008, 0x1020}, TlbFields{0x21000, 0x21008, 0x21020}};
    r.tlb_shift = 6;
    r.tlb_index_mask = 0xffc0;
    r.saved_rax = 0xc0;
    r.table_miss = 0x4000'1000;
    return r;
}

std::unique_ptr<CodeChecker> make_checker() {
    auto checker = std::make_unique<CodeChecker>(rules(), cache, 1 << 20);
    checker->add_thunk({leave, false, 0});
    checker->add_thunk({callout, true, 0});
    checker->add_thunk({load_fpu, true, 1 << 8 | 1 << 11});
    auto const bytes = code("e9 @leave", other);
    EXPECT_TRUE(checker->check({.start = other, .bytes = bytes, .entries = {0}, .landings = {0}, .window = true}));
    return checker;
}

enum class Path { window, soft };

/// Why it is refused; nothing if it passes. `end`: what the code ends with.
std::string verdict(std::string const& text, Path path = Path::window, char const* end = " e9 @leave",
                    std::vector<u32> entries = {0}) {
    auto const bytes = code(text + end);
    CodePiece const piece{here, bytes, std::move(entries), {}, path == Path::window, 0};
    auto const done = make_checker()->check(piece);
    return done ? "" : done.error().text;
}

/// The software TLB's look-up, in parts, for reading four bytes at [ecx + 8].
struct LookUp {
    std::string address{"44 8d 41 08 "};             // lea r8d, [rcx+8]
    std::string copy{"45 89 c1 "};                   // mov r9d, r8d
    std::string shift{"41 c1 e9 06 "};               // shr r9d, 6
    std::string mask{"41 81 e1 c0 ff 00 00 "};       // and r9d, 0xffc0
    std::string last{"45 8d 50 03 "};                // lea r10d, [r8+3]
    std::string page{"41 81 e2 00 f0 ff ff "};       // and r10d, 0xfffff000
    std::string compare{"4f 3b 94 0f 00 10 00 00 "}; // cmp r10, [r15+r9+read_tag]
    std::string miss{"0f 85 @leave "};               // jne
    std::string bias{"4f 03 84 0f 20 10 00 00 "};    // add r8, [r15+r9+bias]
    std::string use{"41 8b 10 "};                    // mov edx, [r8]
    std::string text() const { return address + copy + shift + mask + last + page + compare + miss + bias + use; }
};

struct Case {
    char const* what;
    char const* text;
    char const* reason{""}; // part of the refusal
};

void expect_passes(std::span<Case const> cases, Path path = Path::window) {
    for (Case const& c : cases) EXPECT_EQ(verdict(c.text, path), "") << c.what;
}
void expect_refused(std::span<Case const> cases, Path path = Path::window) {
    for (Case const& c : cases) {
        std::string const why = verdict(c.text, path);
        EXPECT_NE(why, "") << c.what << " passed";
        EXPECT_NE(why.find(c.reason), std::string::npos) << c.what << ": " << why;
    }
}

} // namespace

TEST(Checker, lets_numbers_of_64_bits_stay_in_scratch_registers) {
    Case const passing[] = {
        {"an offset against a room", "4d 8d 50 02 49 f7 d2 4d 8d 54 0a 01 c4 43 fb f0 d2 20 44 89 d1 45 31 d2"},
    };
    expect_passes(passing);
    Case const refused[] = {
        {"lea rcx,[r8+2]", "49 8d 48 02", "64"},
        {"not rax", "48 f7 d0", "64"},
        {"lea r10,[r14+2]", "4d 8d 56 02", "64"},
        {"lea r10,[rsp]", "4c 8d 14 24", "64"},
        {"mov rcx,r10 behind not r10", "49 f7 d2 4c 89 d1", "clean"},
        {"a use as an address", "49 f7 d2 43 8b 04 16", "clean"},
        {"a use as another address", "49 f7 d2 41 8b 02", "nothing has checked"},
    };
    expect_refused(refused);
}

TEST(Checker, lets_ordinary_instructions_pass) {
    Case const cases[] = {
        {"add eax,ebx", "01 d8"},
        {"add r12d,16", "41 83 c4 10"},
        {"mov al,ah", "88 e0"},
        {"imul ecx,edx,5", "6b ca 05"},
        {"cmovz esi,edi", "0f 44 f7"},
        {"lock xadd gs:[eax],ecx", "f0 65 67 0f c1 08"},
        {"bts gs:[eax],3", "65 67 0f ba 28 03"},
        {"addps xmm0,xmm1", "0f 58 c1"},
        {"movups xmm0,gs:[eax+ecx*4]", "65 67 0f 10 04 88"},
        {"fld dword [r14+rax]", "41 d9 04 06"},
        {"pmovmskb eax,xmm0", "66 0f d7 c0"},
        {"vpaddd ymm0,ymm1,ymm2", "c5 f5 fe c2"},
        {"pause", "f3 90"},
        {"lea ecx,[rax+rdx*8-4]", "8d 4c d0 fc"},
        {"lahf; seto; add al,7fh; sahf", "49 89 c3 9f 0f 90 c0 04 7f 9e 4c 89 d8"},
        {"rorx r10d,eax,8", "c4 63 7b f0 d0 08"},
    };
    expect_passes(cases);
}

TEST(Checker, refuses_instructions_that_leave_the_guest) {
    Case const cases[] = {
        {"syscall", "0f 05", "not on the list"},
        {"sysenter", "0f 34", "not"},
        {"int 80h", "cd 80", "not on the list"},
        {"int3", "cc", "not on the list"},
        {"int1", "f1", "not on the list"},
        {"ud2", "0f 0b", "not on the list"},
        {"hlt", "f4", "privileged"},
        {"cli", "fa", "not on the list"},
        {"sti", "fb", "not on the list"},
        {"in al,dx", "ec", "not on the list"},
        {"outsb", "6e", "not on the list"},
        {"wrgsbase rax", "f3 48 0f ae d8", "not on the list"},
        {"wrfsbase eax", "f3 0f ae d0", "not on the list"},
        {"rdgsbase eax", "f3 0f ae c8", "not on the list"},
        {"mov gs,eax", "8e e8", "no business"},
        {"mov eax,ds", "8c d8", "no business"},
        {"mov cr0,rax", "0f 22 c0", "privileged"},
        {"lgs eax,[r14+rax]", "41 0f b5 04 06", "not on the list"},
        {"wrpkru", "0f 01 ef", "not on the list"},
        {"xsave [r14+rax]", "41 0f ae 24 06", "not on the list"},
        {"xrstor [r14+rax]", "41 0f ae 2c 06", "not on the list"},
        {"fxsave [r14+rax]", "41 0f ae 04 06", "not on the list"},
        {"xbegin", "c7 f8 00 00 00 00", "not on the list"},
        {"cpuid", "0f a2", "not on the list"},
        {"rdtsc", "0f 31", "not on the list"},
        {"std", "fd", "not on the list"},
        {"cld", "fc", "not on the list"},
        {"pushf", "9c", "not on the list"},
        {"popf", "9d", "not on the list"},
        {"push rax", "50", "not on the list"},
        {"pop rax", "58", "not on the list"},
        {"leave", "c9", "not on the list"},
        {"xlat", "d7", "not on the list"},
        {"iret", "48 cf", "not on the list"},
        {"far return", "cb", "branch"},
        {"vpgatherdd", "c4 c2 69 90 04 0e", "not on the list"},
        {"zmm", "62 f1 7d 48 fe c2", "an encoding"},
        {"maskmovdqu", "66 0f f7 c1", "nothing has checked"},
    };
    expect_refused(cases);
}

TEST(Checker, refuses_prefixes_without_a_purpose) {
    Case const cases[] = {
        {"fs: mov eax,[ecx]", "64 67 8b 01", "segment other than GS"},
        {"cs: jz", "2e 74 00", "segment other than GS"},
        {"gs: without 67h", "65 8b 01", "only together"},
        {"67h without gs:", "67 8b 01", "only together"},
        {"rep add", "f3 01 d8", "repetition"},
        {"repne jmp", "f2 e9 @leave", "repetition"},
        {"16-bit jump", "66 e9 00 00 00 00", ""},
        {"gs: lods", "65 67 ac", "GS in the wrong place"},
    };
    expect_refused(cases);
}

TEST(Checker, confines_operands_to_the_window) {
    Case const good[] = {
        {"gs:[eax+ecx*4+5]", "65 67 8b 44 88 05"}, {"gs:[disp]", "65 67 8b 04 25 00 00 00 80"},
        {"[r14+rax-8]", "41 8b 44 06 f8"},         {"[r14+8]", "41 8b 46 08"},
        {"[r14+r12+16]", "43 8b 44 26 10"},        {"[r14+r8] after movzx r8d,cx", "44 0f b7 c1 43 8b 04 06"},
    };
    expect_passes(good);
    Case const bad[] = {
        {"[rax]", "8b 00", "nothing has checked"},
        {"[rax+rcx]", "8b 04 08", "nothing has checked"},
        {"[disp32]", "8b 04 25 00 00 00 10", "nothing has checked"},
        {"[rip+0]", "8b 05 00 00 00 00", "nothing has checked"},
        {"movabs eax,[]", "a1 00 00 00 00 00 00 00 00", "nothing has checked"},
        {"[rsp]", "8b 04 24", "nothing has checked"},
        {"[r13]", "41 8b 45 00", "nothing has checked"},
        {"[r14+rax*2]", "41 8b 04 46", "not 32-bit clean"},
        {"[r14+r8], r8 unknown", "43 8b 04 06", "not 32-bit clean"},
        {"[r14+r15]", "43 8b 04 3e", "not 32-bit clean"},
        {"[r15+r14]", "43 8b 04 37", "with an index"},
        {"gs:[esp]", "65 67 8b 04 24", "not made of guest registers"},
        {"gs:[eip]", "65 67 8b 05 00 00 00 00", "not made of guest registers"},
        {"gs:[r14d]", "65 67 41 8b 06", "not made of guest registers"},
        {"bt gs:[eax],ecx", "65 67 0f a3 08", "bit string"},
        {"bts [r14+rax],ecx", "41 0f ab 0c 06", "bit string"},
    };
    expect_refused(bad);
    Case const without_window[] = {
        {"gs:[eax]", "65 67 8b 00", "without window"},
        {"[r14+rax]", "41 8b 04 06", "without window"},
        {"movs", "a4", "without window"},
    };
    expect_refused(without_window, Path::soft);
}

TEST(Checker, opens_only_listed_fields_of_the_state) {
    Case const good[] = {
        {"mov r9d,[r15+20h]", "45 8b 4f 20"},
        {"or byte [r15+41h],2", "41 80 4f 41 02"},
        {"movzx ecx,byte [r15+80h]", "41 0f b6 8f 80 00 00 00"},
        {"add to a counter", "4d 8b 87 00 01 00 00 4d 8d 40 05 4d 89 87 00 01 00 00"},
    };
    expect_passes(good, Path::soft);
    Case const bad[] = {
        {"[r15]", "41 8b 07", "not a field"},
        {"beyond", "41 8b 87 00 00 10 00", "not a field"},
        {"overlapping the end", "45 8b 4f 22", "not a field"},
        {"eight bytes of four", "f3 41 0f 7e 47 20", "not a field"},
        {"write to a field for reading", "41 c7 47 20 00 00 00 00", "only read"},
        {"write to saved rax by 32 bits", "41 89 87 c0 00 00 00", "not a field"},
        {"a counter as an address", "4d 8b 87 00 01 00 00 41 8b 00", "nothing has checked"},
        {"a counter as data", "4d 8b 87 00 01 00 00 44 89 c0", "as data"},
        {"rax into a counter", "49 89 87 00 01 00 00", "move of 64 bits"},
    };
    expect_refused(bad, Path::soft);
}

TEST(Checker, keeps_guest_registers_clean) {
    Case const good[] = {
        {"mov r11,rax; mov rax,r11", "49 89 c3 4c 89 d8"},
        {"rax through its slot", "49 89 87 c0 00 00 00 9f 49 8b 87 c0 00 00 00"},
        {"mov r9,rcx; mov rcx,r9", "49 89 c9 4c 89 c9"},
        {"jecxz", "67 e3 00"},
        {"loop with ecx", "67 e2 00"},
    };
    expect_passes(good);
    Case const bad[] = {
        {"mov rax,-1", "48 c7 c0 ff ff ff ff", "64 bits"},
        {"movabs rax", "48 b8 00 00 00 00 01 00 00 00", "move of 64 bits"},
        {"add rax,rax", "48 01 c0", "64 bits"},
        {"inc rax", "48 ff c0", "64 bits"},
        {"movsxd rax,eax", "48 63 c0", "not on the list"},
        {"cdqe", "48 98", "not on the list"},
        {"imul rdx", "48 f7 ea", "64 bits"},
        {"bswap rax", "48 0f c8", "64 bits"},
        {"movq rax,xmm0", "66 48 0f 7e c0", "64 bits"},
        {"mov rax,r8, unknown", "4c 89 c0", "not known to be clean"},
        {"slot, unknown", "49 8b 87 c0 00 00 00", "not known to be clean"},
        {"mov rax,[r15+20h]", "49 8b 47 20", "move of 64 bits"},
        {"lea rax,[rax+rax]", "48 8d 04 00", "64-bit sum"},
        {"lea rsi,[r14+rdi]", "49 8d 34 3e", "64-bit sum"},
        {"lea rsi,[r14+rsi+8]", "49 8d 74 36 08", "64-bit sum"},
        {"loop with rcx", "e2 00", "LOOP"},
        {"xchg rax,rcx", "48 91", "64 bits"},
    };
    expect_refused(bad);
}

TEST(Checker, leaves_the_engines_registers_alone) {
    Case const cases[] = {
        {"mov esp,eax", "89 c4", "as an operand"},         {"mov spl,al", "40 88 c4", "as an operand"},
        {"mov eax,esp", "89 e0", "as an operand"},         {"add rsp,8", "48 83 c4 08", "64 bits"},
        {"mov r13d,eax", "41 89 c5", "as an operand"},     {"xor r14d,r14d", "45 31 f6", "as an operand"},
        {"mov r15b,al", "41 88 c7", "as an operand"},      {"mov eax,r14d", "44 89 f0", "as an operand"},
        {"mov r14,rax", "49 89 c6", "move of 64 bits"},    {"lea eax,[rsp+8]", "8d 44 24 08", "as data"},
        {"lea eax,[rip]", "8d 05 00 00 00 00", "as data"}, {"lea eax,[r14]", "41 8d 06", "as data"},
        {"lea r15d,[rax]", "44 8d 38", "as an operand"},   {"pextrw r13d,xmm0,0", "66 44 0f c5 e8 00", "as an operand"},
    };
    expect_refused(cases);
}

TEST(Checker, follows_the_whole_look_up) {
    EXPECT_EQ(verdict(LookUp{}.text(), Path::soft), "");
    LookUp with_flags;
    with_flags.copy = "49 89 c3 9f 0f 90 c0 " + with_flags.copy;
    with_flags.bias += "04 7f 9e 4c 89 d8 ";
    EXPECT_EQ(verdict(with_flags.text(), Path::soft), "");
    LookUp byte;
    byte.last = "45 89 c2 "; // mov r10d, r8d
    byte.use = "41 8a 10 ";  // mov dl, [r8]
    EXPECT_EQ(verdict(byte.text(), Path::soft), "");
    LookUp store;
    store.compare = "4f 3b 94 0f 08 10 00 00 ";
    store.use = "41 89 10 ";
    EXPECT_EQ(verdict(store.text(), Path::soft), "");
}

TEST(Checker, refuses_any_gap_in_a_look_up) {
    auto refused = [](auto change, char const* reason) {
        LookUp l;
        change(l);
        std::string const why = verdict(l.text(), Path::soft);
        EXPECT_NE(why, "") << reason << " passed";
        EXPECT_NE(why.find(reason), std::string::npos) << why;
    };
    refused([](LookUp& l) { l.bias = ""; }, "nothing has checked");
    refused([](LookUp& l) { l.compare = ""; }, "bias without a look-up");
    refused([](LookUp& l) { l.miss = ""; }, "bias without a look-up");
    refused([](LookUp& l) { l.miss = "0f 84 @leave "; }, "bias without a look-up");       // JE
    refused([](LookUp& l) { l.miss = "90 0f 85 @leave "; }, "bias without a look-up");    // not next to it
    refused([](LookUp& l) { l.miss += "90 "; }, "bias without a look-up");                // not next to it
    refused([](LookUp& l) { l.shift = "41 c1 e9 05 "; }, "not the look-up's comparison"); // shifted by 5
    refused([](LookUp& l) { l.shift = ""; }, "not the look-up's comparison");             // not shifted
    refused([](LookUp& l) { l.mask = "41 81 e1 c0 ff 0f 00 "; }, "not the look-up's");    // index beyond the table
    refused([](LookUp& l) { l.mask = ""; }, "not the look-up's comparison");              // not masked
    refused([](LookUp& l) { l.copy = "41 89 c9 "; }, "not the look-up's comparison");     // another value's index
    refused([](LookUp& l) { l.page = ""; }, "not the look-up's comparison");              // offset kept
    refused([](LookUp& l) { l.last = "44 8d 51 03 "; }, "not the look-up's comparison");  // another value's page
    refused([](LookUp& l) { l.page += "44 8d 41 09 "; }, "bias without a look-up");       // r8 changed meanwhile
    refused([](LookUp& l) { l.miss = "45 31 c9 " + l.miss; }, "bias without a look-up");  // r9 changed meanwhile
    refused([](LookUp& l) { l.compare = "4f 3b 94 0f 00 10 02 00 "; }, "not a tag of this privilege's");
    refused([](LookUp& l) { l.compare = "4f 3b 94 0f 10 10 00 00 "; }, "not a tag");          // the fetch tag
    refused([](LookUp& l) { l.compare = "45 39 ca "; }, "bias without a look-up");            // cmp r10d, r9d
    refused([](LookUp& l) { l.bias = "4f 03 84 0f 20 10 02 00 "; }, "not the entry's bias");  // of the other TLB
    refused([](LookUp& l) { l.bias = "4f 03 84 4f 20 10 00 00 "; }, "not the entry's bias");  // scaled
    refused([](LookUp& l) { l.use = "f3 41 0f 7e 00 "; }, "beyond the bytes");                // 8 of 4 bytes
    refused([](LookUp& l) { l.use = "41 8b 50 01 "; }, "beyond the bytes");                   // [r8+1]
    refused([](LookUp& l) { l.use = "41 8b 14 08 "; }, "beyond the bytes");                   // [r8+rcx]
    refused([](LookUp& l) { l.use = "41 89 10 "; }, "reading was looked up");                 // store
    refused([](LookUp& l) { l.use = "44 89 c0 "; }, "host address as data");                  // mov eax, r8d
    refused([](LookUp& l) { l.use = "41 8d 00 "; }, "host address as data");                  // lea eax, [r8]
    refused([](LookUp& l) { l.use = "41 80 c0 04 41 8b 10 "; }, "host address as data");      // add r8b, 4
    refused([](LookUp& l) { l.use = "49 83 c0 04 41 8b 10 "; }, "64 bits");                   // add r8, 4
    refused([](LookUp& l) { l.use = "eb 00 e8 @callout 41 8b 10 "; }, "nothing has checked"); // across a call
}

TEST(Checker, lets_no_entry_inherit_a_look_up) {
    LookUp l;
    auto const offset = static_cast<u32>(code(l.text()).size() - 3);
    EXPECT_NE(verdict(l.text(), Path::soft, " e9 @leave", {0, offset}).find("nothing has checked"), std::string::npos);
    // A jump around the look-up meets the checked address: both must agree.
    EXPECT_NE(verdict("72 33 " + l.text(), Path::soft).find("nothing has checked"), std::string::npos);
}

TEST(Checker, moves_string_pointers_into_the_window_and_back) {
    std::string const in = "49 8d 34 36 49 8d 3c 3e ", out = " 89 f6 89 ff"; // lea rsi,[r14+rsi] ...; mov esi,esi ...
    for (char const* body : {"a4", "f3 a5", "66 a5", "f3 a6", "f2 a7"}) EXPECT_EQ(verdict(in + body + out), "") << body;
    EXPECT_EQ(verdict("49 8d 3c 3e f3 aa 89 ff"), "");
    EXPECT_EQ(verdict("49 8d 34 36 ac 89 f6"), "");
    auto refused = [](std::string const& text, char const* reason) {
        std::string const why = verdict(text);
        EXPECT_NE(why.find(reason), std::string::npos) << text << ": " << why;
    };
    refused("a4", "not moved into the window");
    refused("49 8d 34 36 a4 89 f6", "not moved into the window");        // rdi stays
    refused(in + "67 a4" + out, "only together");                        // cut pointers
    refused(in + "f3 48 a5" + out, "not on the list");                   // movsq
    refused(in + "a4 89 ff", "a branch while a guest register");         // no mov esi,esi
    refused(in + "a4 a4" + out, "not moved into the window");            // moved on already
    refused(in + "a4 89 f7 89 f6", "host address as data");              // mov edi,esi
    refused("49 8d 34 36 65 67 8b 01 89 f6", "guest memory is touched"); // a fault with rsi in the window
    refused("49 8d 34 36 8b 06 89 f6", "nothing has checked");           // mov eax,[rsi]
    refused("49 8d 34 36 eb 00 89 f6", "a branch while a guest register");
}

TEST(Checker, knows_where_branches_lead) {
    Case const good[] = {
        {"over an instruction", "74 02 01 d8"},
        {"to the start", "0f 84 @+0"},
        {"to another piece", "0f 84 @other"},
        {"call of itself", "e8 @+0"},
        {"callout", "e8 @callout"},
        {"load_fpu keeps r8", "49 89 c8 0f b6 c9 e3 02 eb 05 e8 @fpu 4c 89 c1"},
        {"through the table", "41 89 c0 47 8b 4c 85 00 4d 8d 89 00 10 00 40 41 ff e1"},
        {"call through the table", "45 8b 54 8d 00 4d 8d 92 00 10 00 40 41 ff d2"},
    };
    expect_passes(good);
    Case const bad[] = {
        {"into the middle", "74 01 01 d8", "middle of an instruction"},
        {"backwards into the middle", "01 d8 0f 84 @+1", "backwards"},
        {"backwards to what is no entry", "01 d8 01 d8 0f 84 @+2", "backwards"},
        {"nowhere", "e9 00 10 00 00", "not an entry"},
        {"into another piece", "e9 fd f0 ff ff", "not an entry"},
        {"jump to a thunk that returns", "e9 @callout", "reached otherwise"},
        {"call of a thunk that leaves", "e8 @leave", "reached otherwise"},
        {"callout keeps nothing", "49 89 c8 e8 @callout 4c 89 c1", "not known to be clean"},
        {"jmp rax", "ff e0", "jump table"},
        {"call [rax]", "ff 10", "jump table"},
        {"jmp [rip]", "ff 25 00 00 00 00", "jump table"},
        {"jmp [r15+20h]", "41 ff 67 20", "jump table"},
        {"jmp gs:[eax]", "65 67 ff 20", ""},
        {"jmp [r13]", "41 ff 65 00", "jump table"},
        {"jmp [r13+r8*8]", "43 ff 64 c5 00", "jump table"},
        {"a place displaced", "41 89 c0 47 8b 4c 85 04", "nothing has checked"},
        {"a place between places", "41 89 c0 47 8b 4c 45 00", "nothing has checked"},
        {"a place of an unknown number", "47 8b 54 9d 00", "nothing has checked"},
        {"a place as a guest's register", "42 8b 44 85 00", "nothing has checked"},
        {"a write to the table", "41 89 c0 47 89 4c 85 00", "nothing has checked"},
        {"a distance as a target", "41 89 c0 47 8b 4c 85 00 41 ff e1", "jump table"},
        {"a distance from elsewhere", "41 89 c0 47 8b 4c 85 00 4d 8d 89 04 10 00 40", "64-bit sum"},
        {"a distance as data", "41 89 c0 47 8b 4c 85 00 44 01 c8", "host address as data"},
        {"a target as data", "41 89 c0 47 8b 4c 85 00 4d 8d 89 00 10 00 40 44 01 c8", "host address as data"},
        {"a target changed", "41 89 c0 47 8b 4c 85 00 4d 8d 89 00 10 00 40 41 ff c1 41 ff e1", "host address as data"},
        {"far jump", "41 ff 6d 00", "far"},
        {"ret 8", "c2 08 00", "unusual"},
        {"rep ret", "f3 c3", ""},
    };
    expect_refused(bad);
}

TEST(Checker, lets_nothing_run_over_the_end) {
    EXPECT_EQ(verdict("c3", Path::soft, ""), "");
    EXPECT_NE(verdict("01 d8", Path::soft, "").find("over the end"), std::string::npos);
    EXPECT_NE(verdict("e8 @callout", Path::soft, "").find("over the end"), std::string::npos);
    EXPECT_NE(verdict("c3 01", Path::soft, ""), ""); // cut off
    EXPECT_NE(verdict("", Path::soft, ""), "");
    EXPECT_NE(verdict("01 d8", Path::soft, " c3", {1}).find("entry in the middle"), std::string::npos);
}

TEST(Checker, keeps_code_for_windows_and_other_code_apart) {
    EXPECT_EQ(verdict("0f 84 @other", Path::window), "");
    EXPECT_NE(verdict("0f 84 @other", Path::soft).find("not an entry"), std::string::npos);
}

TEST(Checker, looks_at_later_links_too) {
    auto const checker = make_checker();
    auto const bytes = code("01 d8 e9 @leave");
    ASSERT_TRUE(checker->check({here, bytes, {0}, {2}, true, 0}));
    EXPECT_TRUE(checker->may_link(here + 3, other));
    EXPECT_TRUE(checker->may_link(here + 3, here));
    EXPECT_TRUE(checker->may_link(here + 3, leave));
    EXPECT_FALSE(checker->may_link(here + 3, here + 2)) << "not an entry";
    EXPECT_FALSE(checker->may_link(here + 3, callout)) << "returns";
    EXPECT_FALSE(checker->may_link(here + 3, 0x40'0000)) << "outside";
    EXPECT_FALSE(checker->may_link(here + 2, other)) << "not a jump's field";
    EXPECT_TRUE(checker->may_cover(here + 2, leave));
    EXPECT_FALSE(checker->may_cover(here + 1, leave)) << "not a landing";
    checker->forget_all();
    EXPECT_FALSE(checker->may_link(here + 3, here));
    EXPECT_FALSE(checker->is_entry(here, true));
}

TEST(Checker, wants_room_for_a_jump_over_a_landing) {
    auto const checker = make_checker();
    auto const bytes = code("01 d8 01 d8 e9 @leave");
    EXPECT_TRUE(checker->check({here, bytes, {0}, {0}, true, 0}));
    EXPECT_FALSE(checker->check({here, bytes, {0, 2}, {0}, true, 0})) << "an entry would be cut";
    EXPECT_FALSE(checker->check({here, bytes, {0}, {1}, true, 0})) << "not an instruction's start";
    auto const short_one = code("90 90 90 c3");
    EXPECT_FALSE(checker->check({here, short_one, {0}, {0}, true, 0})) << "no room";
}

TEST(Checker, says_what_it_refuses) {
    EXPECT_EQ(verdict("0f 05"), "an instruction that is not on the list: 0f 05 (syscall)");
}

} // namespace ring3
