#include "monitor/interpreter/native_runner.h"

#include "insn/decoder.h"
#include "monitor/interpreter/native_code.h"
#include "monitor/interpreter/test_vector_machine.h"

#include <algorithm>
#include <cfenv>
#include <gtest/gtest.h>

namespace ring3 {
namespace {

using insn::Insn;
using insn::InsnDef;
using Ending = NativeRunner::Ending;

constexpr u8 memory_modrm = 0x06; // mod 0, rm 6: [esi] or, in 16-bit code, a displacement
constexpr u8 register_modrm = 0xc2;

bool is_run_natively(InsnDef const& def) {
    return def.op == insn::Op::vector || (def.op == insn::Op::x87 && def.vector == insn::VectorType::x87);
}

std::vector<u8> legacy_bytes(InsnDef const& def, u8 modrm) {
    std::vector<u8> bytes;
    if (def.prefix == insn::Prefix::p66) bytes.push_back(0x66);
    if (def.prefix == insn::Prefix::pf3) bytes.push_back(0xf3);
    if (def.prefix == insn::Prefix::pf2) bytes.push_back(0xf2);
    if (def.map != insn::Map::one_byte) bytes.push_back(0x0f);
    if (def.map == insn::Map::map_0f38) bytes.push_back(0x38);
    if (def.map == insn::Map::map_0f3a) bytes.push_back(0x3a);
    bytes.insert(bytes.end(), {def.opcode, modrm});
    return bytes;
}

std::vector<u8> vex_bytes(InsnDef const& def, u8 modrm, bool wide) {
    unsigned const pp = def.prefix == insn::Prefix::p66   ? 1
                        : def.prefix == insn::Prefix::pf3 ? 2
                        : def.prefix == insn::Prefix::pf2 ? 3
                                                          : 0;
    unsigned const w = def.vex_w == insn::Bit::one ? 0x80 : 0;
    bool const has_h = std::ranges::any_of(def.operands, [](auto const& operand) {
        return operand.code == insn::Code::Hx || operand.code == insn::Code::Hdq || operand.code == insn::Code::Hqq;
    });
    unsigned const vvvv = has_h ? (~3u & 0xf) << 3 : 0x78;
    return {0xc4, static_cast<u8>(0xe0 | static_cast<unsigned>(def.map)),
            static_cast<u8>(w | vvvv | (wide ? 4 : 0) | pp), def.opcode, modrm};
}

/// Every way to encode a row that this test tries: register and memory, VEX of both lengths.
std::vector<std::vector<u8>> encodings(InsnDef const& def) {
    std::vector<std::vector<u8>> all;
    u8 const group = def.group < 0 ? 0x08 : static_cast<u8>(def.group << 3);
    for (u8 const form : {memory_modrm, register_modrm}) {
        bool const memory = form == memory_modrm;
        if (memory ? def.mod == insn::ModKind::reg : def.mod == insn::ModKind::memory) continue;
        u8 modrm = static_cast<u8>((form & 0xc7) | group);
        if (!memory && def.rm >= 0) modrm = static_cast<u8>((modrm & 0xf8) | def.rm);
        if (def.encoding == insn::Encoding::legacy) {
            all.push_back(legacy_bytes(def, modrm));
            continue;
        }
        if (def.vex_l != insn::Bit::one) all.push_back(vex_bytes(def, modrm, false));
        if (def.vex_l != insn::Bit::zero) all.push_back(vex_bytes(def, modrm, true));
    }
    for (auto& bytes : all) bytes.resize(15); // an immediate of 0
    return all;
}

/// Calls `check(insn, plan)` for every form of every row that this host can run.
template <class F> unsigned for_every_form(VectorMachine& m, F check) {
    unsigned forms = 0;
    for (InsnDef const& def : insn::all_rows()) {
        if (!is_run_natively(def) || lacks(m, def.feature)) continue;
        for (auto const& bytes : encodings(def)) {
            Insn insn;
            EXPECT_EQ(insn::decode(bytes, 4, true, insn), insn::DecodeStatus::ok) << def.name;
            if (insn.def != &def) continue; // another row owns this ModRM
            NativePlan const* plan = m.v.native.plan(insn);
            EXPECT_NE(plan, nullptr) << def.name;
            if (plan == nullptr) continue;
            check(insn, *plan);
            ++forms;
        }
    }
    return forms;
}

TEST(native_runner, runs_every_row_of_the_table_in_every_form) {
    VectorMachine m;
    unsigned const forms = for_every_form(m, [&](Insn const& insn, NativePlan const& plan) {
        ExtendedState state = m.cpu.fpu;
        host::NativeFrame frame;
        EXPECT_EQ(NativeRunner::run(plan, state, frame), Ending::completed) << insn.def->name;
    });
    EXPECT_GT(forms, 1000u);
}

/// A run on registers full of patterns, with a memory operand whose bytes are known, and all others `beyond`.
struct PatternRun {
    PatternRun(VectorMachine& m, NativePlan const& plan, u8 beyond) {
        for (unsigned i = 0; i < 8; ++i) m.fill_ymm(i, static_cast<u8>(31 * i + 3));
        m.fx().st[0] = {~u64{0}, 0x4003, {}};
        m.fx().tags = 1;
        std::ranges::fill(frame.memory, beyond);
        for (unsigned i = 0; i < plan.memory_bytes; ++i) frame.memory[i] = pattern(i);
        state = m.cpu.fpu;
        NativeRunner::run(plan, state, frame);
    }
    static u8 pattern(unsigned i) { return static_cast<u8>(0x11 + 13 * i); }
    bool wrote_operand(unsigned size) const {
        for (unsigned i = 0; i < size; ++i)
            if (frame.memory[i] != pattern(i)) return true;
        return false;
    }
    bool wrote_beyond(unsigned size, u8 beyond) const {
        return !std::all_of(frame.memory + size, std::end(frame.memory), [&](u8 byte) { return byte == beyond; });
    }
    ExtendedState state;
    host::NativeFrame frame;
};

TEST(native_runner, accesses_exactly_the_memory_that_the_table_says) {
    VectorMachine m;
    for_every_form(m, [&](Insn const& insn, NativePlan const& plan) {
        if (!insn.has_memory || plan.memory_bytes == 0) return;
        unsigned const size = plan.memory_bytes;
        PatternRun const zeros{m, plan, 0}, ones{m, plan, 0xff};
        bool const same_state = std::memcmp(&zeros.state, &ones.state, sizeof zeros.state) == 0;
        EXPECT_TRUE(same_state && zeros.frame.rax == ones.frame.rax) << insn.def->name << " reads beyond " << size;
        EXPECT_FALSE(zeros.wrote_beyond(size, 0) || ones.wrote_beyond(size, 0xff)) << insn.def->name;
        EXPECT_EQ(zeros.wrote_operand(size), plan.memory != insn::Access::read) << insn.def->name;
    });
}

TEST(native_runner, keeps_going_when_the_arena_is_full) {
    VectorMachine m;
    // More than 4,096 distinct encodings: SHUFPS with all register pairs and immediates.
    for (unsigned modrm = 0xc0; modrm < 0x100; ++modrm)
        for (unsigned immediate = 0; immediate < 256; immediate += 2) {
            std::array<u8, 15> const bytes{0x0f, 0xc6, static_cast<u8>(modrm), static_cast<u8>(immediate)};
            Insn insn;
            ASSERT_EQ(insn::decode(bytes, 4, true, insn), insn::DecodeStatus::ok);
            m.set_xmm<u32>(insn.reg(), {1, 2, 3, 4});
            m.set_xmm<u32>(insn.rm(), {1, 2, 3, 4});
            host::NativeFrame frame;
            ASSERT_EQ(NativeRunner::run(*m.v.native.plan(insn), m.cpu.fpu, frame), Ending::completed);
            ASSERT_EQ(m.xmm<u32>(insn.reg(), 0), (immediate & 3) + 1);
            ASSERT_EQ(m.xmm<u32>(insn.reg(), 3), (immediate >> 6) + 1);
        }
}

TEST(native_runner, drops_prefixes_and_addresses_from_the_encoding) {
    std::array<u8, 15> const bytes{0x66, 0x2e, 0x0f, 0x10, 0x84, 0x4b, 0x10, 0x20, 0, 0};
    Insn insn;
    ASSERT_EQ(insn::decode(bytes, 4, true, insn), insn::DecodeStatus::ok);
    NativeCode const code = native_code(insn);
    EXPECT_EQ(std::vector<u8>(code.view().begin(), code.view().end()), (std::vector<u8>{0x66, 0x0f, 0x10, 0x07}));
}

TEST(native_runner, leaves_the_hosts_own_floating_point_state_as_the_abi_wants_it) {
    VectorMachine m;
    m.fx().fcw.raw = 0x0340;                                   // all x87 exceptions unmasked
    m.fx().mxcsr.raw = 0x7f80;                                 // round toward zero
    EXPECT_EQ(m.execute({0xd9, 0xee}), Outcome::next());       // fldz
    EXPECT_EQ(m.execute({0xd9, 0xe8}), Outcome::next());       // fld1
    EXPECT_EQ(m.execute({0xde, 0xf1}), Outcome::next());       // fdivrp: zero divide, pending
    EXPECT_EQ(m.execute({0x0f, 0x58, 0xc1}), Outcome::next()); // addps
    std::fenv_t host;
    std::fegetenv(&host);
    EXPECT_EQ(host.__control_word, 0x37f);
    EXPECT_EQ(host.__tags, 0xffff);
    EXPECT_EQ(host.__mxcsr & ~0x3fu, 0x1f80u);
    EXPECT_EQ(1.0L + 2.0L, 3.0L); // would trap if an exception were pending
}

} // namespace
} // namespace ring3
