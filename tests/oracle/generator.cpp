#include "tests/oracle/generator.h"

#include "insn/operands.h"
#include "monitor/interpreter/fpu_state.h"

#include <algorithm>
#include <cstring>

namespace ring3::oracle {

using namespace insn;

namespace {

bool uses_vvvv(InsnDef const& row) {
    return std::ranges::any_of(row.operands, [](OperandDef const& o) {
        return o.code == Code::Hdq || o.code == Code::Hx || o.code == Code::Hqq || o.code == Code::By;
    });
}

bool is_string(Op op) {
    return op >= Op::movs && op <= Op::stos;
}

} // namespace

char const* excluded(InsnDef const& row) {
    switch (row.op) {
    case Op::cpuid:
    case Op::rdtsc:
    case Op::rdtscp:
    case Op::rdpmc:
    case Op::rdrand:
    case Op::rdseed:
    case Op::rdpid:
    case Op::xgetbv: return "result is the host's own";
    case Op::sgdt:
    case Op::sidt:
    case Op::sldt:
    case Op::str:
    case Op::smsw:
    case Op::lar:
    case Op::lsl:
    case Op::verr:
    case Op::verw:
    case Op::mov_from_segment:
    case Op::mov_to_segment:
    case Op::push_segment:
    case Op::pop_segment:
    case Op::load_far_pointer: return "depends on the host's descriptor tables";
    case Op::jmp_far:
    case Op::jmp_far_indirect:
    case Op::call_far:
    case Op::call_far_indirect:
    case Op::ret_far:
    case Op::iret:
    case Op::int_n:
    case Op::int3:
    case Op::int1:
    case Op::into:
    case Op::sysenter:
    case Op::jmp_indirect:
    case Op::call_indirect:
    case Op::ret: return "leaves the instruction under test";
    case Op::monitor:
    case Op::mwait: return "not announced to guests";
    case Op::xsave:
    case Op::xsaveopt:
    case Op::xrstor: return "the host's XCR0 differs from the guest's";
    case Op::fence: return row.name == "serialize" ? "not announced to guests" : nullptr;
    default: return nullptr;
    }
}

// ---- encodings --------------------------------------------------------------------------------------------------

void Generator::put_prefixes(InsnDef const& row) {
    if (random_.one_in(8)) put(random_.pick<u8>({0x2e, 0x36, 0x3e, 0x26}));
    if (random_.one_in(10)) put(0x67);
    bool const integer = row.prefix == Prefix::any && row.encoding == Encoding::legacy;
    if (integer && random_.one_in(4)) put(0x66);
    if (integer && row.repeatable && random_.one_in(2)) put(random_.pick<u8>({0xf2, 0xf3}));
    if (integer && !row.repeatable && random_.one_in(20)) put(random_.pick<u8>({0xf2, 0xf3}));
    if (row.lockable && random_.one_in(4)) put(0xf0);
}

void Generator::put_vex(InsnDef const& row) {
    u8 const pp = row.prefix == Prefix::p66 ? 1 : row.prefix == Prefix::pf3 ? 2 : row.prefix == Prefix::pf2 ? 3 : 0;
    u8 const l = row.vex_l == Bit::any ? static_cast<u8>(random_.below(2)) : row.vex_l == Bit::one ? 1 : 0;
    u8 const w = row.vex_w == Bit::any ? static_cast<u8>(random_.below(2)) : row.vex_w == Bit::one ? 1 : 0;
    u8 const vvvv = uses_vvvv(row) ? static_cast<u8>(15 - random_.below(8)) : 15;
    u8 const tail = static_cast<u8>(vvvv << 3 | l << 2 | pp);
    if (row.map == Map::two_byte && w == 0 && random_.one_in(2)) {
        put(0xc5);
        put(static_cast<u8>(0x80 | tail));
    } else {
        put(0xc4);
        put(static_cast<u8>(0xe0 | static_cast<u8>(row.map)));
        put(static_cast<u8>(w << 7 | tail));
    }
    put(row.opcode);
}

void Generator::put_opcode(InsnDef const& row) {
    if (row.encoding == Encoding::vex) return put_vex(row);
    if (row.prefix == Prefix::p66) put(0x66);
    if (row.prefix == Prefix::pf3) put(0xf3);
    if (row.prefix == Prefix::pf2) put(0xf2);
    if (row.map != Map::one_byte) put(0x0f);
    if (row.map == Map::map_0f38) put(0x38);
    if (row.map == Map::map_0f3a) put(0x3a);
    put(row.opcode);
}

void Generator::put_modrm(InsnDef const& row) {
    u8 const reg = row.group >= 0 ? static_cast<u8>(row.group) : static_cast<u8>(random_.below(8));
    u8 const rm = row.rm >= 0 ? static_cast<u8>(row.rm) : static_cast<u8>(random_.below(8));
    bool const memory = row.mod == ModKind::memory || (row.mod == ModKind::any && random_.one_in(2));
    u8 const mod = memory ? static_cast<u8>(random_.below(3)) : 3;
    put(static_cast<u8>(mod << 6 | reg << 3 | rm));
}

/// Branches go to the second landing.
void Generator::aim_branch(Case& test) {
    Op const op = test.insn.def->op;
    bool const relative = op == Op::jcc || op == Op::jmp || op == Op::call || op == Op::jcxz || op == Op::loop ||
                          op == Op::loope || op == Op::loopne;
    if (!relative) return;
    unsigned const code = static_cast<u8>(test.insn.def->operands[0].code);
    bool const short_form = code == static_cast<u8>(Code::Jb);
    unsigned const size = short_form ? 1 : test.insn.operand_size;
    u32 const displacement = Native32::taken_offset - test.insn.length;
    std::memcpy(test.insn.bytes + test.insn.length - size, &displacement, size);
}

std::optional<Case> Generator::make(InsnDef const& row) {
    size_ = 0;
    put_prefixes(row);
    put_opcode(row);
    put_modrm(row);
    while (size_ < sizeof bytes_) put(random_.one_in(3) ? 0 : random_.byte());
    Case test;
    if (decode({bytes_, max_length}, 4, true, test.insn) != DecodeStatus::ok || test.insn.def != &row) return {};
    aim_branch(test);
    if (row.ends == Ends::branch && test.insn.operand_size == 2) return {}; // would jump to IP < 10000H
    aim(test);
    Insn const aimed = test.insn;
    if (decode(aimed.bytes, 4, true, test.insn) != DecodeStatus::ok) return {};
    return test;
}

// ---- registers --------------------------------------------------------------------------------------------------

u32 Generator::value() {
    switch (random_.below(6)) {
    case 0: return random_.below(40);
    case 1:
        return random_.pick<u32>(
            {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff'ffff, 0x8000'0000, 0xffff'ffff});
    case 2: return 0u - random_.below(40);
    default: return random_.word32();
    }
}

/// An address for `size` bytes: mostly in the middle of the data, sometimes where it hurts.
u32 Generator::address(unsigned size, unsigned alignment) {
    u32 where = ORACLE_DATA + 0x400 + random_.below(data_size - 0x800);
    switch (random_.below(24)) {
    case 0: where = ORACLE_DATA + 0x1000 - random_.below(size + 1); break;        // over a page border
    case 1: where = ORACLE_DATA + data_size - random_.below(2 * size + 1); break; // into the hole behind
    case 2: where = ORACLE_DATA - random_.below(size + 1); break;                 // from the hole before
    case 3: where = read_only_page + random_.below(0x800); break;
    default: break;
    }
    return random_.one_in(16) && alignment <= 1 ? where : where & ~(alignment - 1);
}

void Generator::aim(Case& test) {
    Insn& insn = test.insn;
    CpuImage& image = test.image;
    for (u32& gpr : image.gpr) gpr = value();
    image.eflags = 0x202 | (random_.word32() & (Eflags::status | (random_.one_in(4) ? u32{Eflags::DF::mask} : 0)));
    fill_fpu(image.fpu);

    unsigned const size = std::max(memory_bytes(insn), 1u);
    // A locked access over a cache line may be trapped by the host; an aligned one is what programs use.
    bool const atomic = insn.lock || insn.def->op == Op::xchg;
    unsigned const wanted = std::max(memory_alignment(insn), atomic ? 8u : 1u);
    unsigned const alignment = !atomic && random_.one_in(8) ? 1 : wanted;
    image.gpr[esp] = ORACLE_DATA + 0x800 + random_.below(0x1000 - 64) / 4 * 4;
    image.gpr[ebp] = random_.one_in(2) ? ORACLE_DATA + 0x800 + random_.below(0x800) : image.gpr[ebp];
    if (is_string(insn.def->op) || insn.def->op == Op::maskmov || insn.def->op == Op::xlat) {
        image.gpr[esi] = address(insn.width, 1);
        image.gpr[edi] = address(insn.width, 1);
        image.gpr[ebx] = address(1, 1) - random_.below(256);
        if (!random_.one_in(6)) image.gpr[ecx] = random_.below(40);
    }
    if (insn.def->op == Op::bt || insn.def->op == Op::bts || insn.def->op == Op::btr || insn.def->op == Op::btc)
        for (u32& gpr : image.gpr)
            if (random_.one_in(2) && &gpr != &image.gpr[esp]) gpr = random_.below(0x4000);
    if (!insn.has_memory) return;

    u32 const target = address(size, alignment);
    u32 const displacement = static_cast<u32>(insn.displacement);
    if (insn.base != no_register) {
        u32 const index = insn.index == no_register ? 0 : image.gpr[insn.index] << insn.scale;
        image.gpr[insn.base] = target - index - displacement;
        // With base = index the sum moves along: let the index be small then.
        if (insn.base == insn.index) image.gpr[insn.base] = (target - displacement) / ((1u << insn.scale) + 1);
    } else if (insn.index != no_register) {
        image.gpr[insn.index] = (target - displacement) >> insn.scale;
    } else if (insn.address_width == 4) {
        // An absolute address: it stands in the code.
        bool const moffs = !insn.has_modrm;
        unsigned const sib = !moffs && insn.rm() == 4 ? 1 : 0;
        unsigned const at = moffs ? insn.length - 4 : insn.modrm_offset + 1u + sib;
        std::memcpy(insn.bytes + at, &target, sizeof target);
    }
}

void Generator::fill_fpu(ExtendedState& state) {
    for (std::size_t i = 0; i < sizeof state.bytes; i += 8) {
        u64 const bits = random_.next();
        std::memcpy(state.bytes + i, &bits, sizeof bits);
    }
    XImage& x = image(state);
    x.header = {{{XComponents::all}}, 0, {}};
    x.fx.fcw = Fcw::from_guest(static_cast<u16>(random_.one_in(4) ? random_.word32() | 0x3f : Fcw::init_value));
    x.fx.fsw = {
        {static_cast<u16>(random_.word32() & (Fsw::Top::mask | Fsw::ConditionCodes::mask | Fsw::C3::mask | 0x3f))}};
    x.fx.reserved0 = 0;
    x.fx.pointers = {};
    constexpr u64 free_bits = 0x3f | Mxcsr::RC::mask | Mxcsr::FTZ::mask | Mxcsr::DAZ::mask;
    x.fx.mxcsr.raw = Mxcsr::init_value | (random_.word32() & static_cast<u32>(free_bits));
    if (random_.one_in(8)) x.fx.mxcsr.raw &= random_.word32() | ~u32{Mxcsr::Masks::mask}; // some exceptions unmasked
    x.fx.mxcsr_mask = 0;
    // Values of all kinds: floats and integers of moderate size beside the plain noise.
    for (auto& slot : x.fx.st) {
        std::memset(slot.reserved, 0, sizeof slot.reserved);
        if (random_.one_in(4)) continue;
        slot.significand |= u64{1} << 63;
        slot.exponent = static_cast<u16>(0x3fff - 40 + random_.below(80)) | static_cast<u16>(random_.below(2) << 15);
    }
    for (auto& slot : x.fx.xmm) {
        if (random_.one_in(2)) continue;
        for (u64* half : {&slot.low, &slot.high}) {
            float const pair[2] = {static_cast<float>(static_cast<i32>(random_.word32())) / 1024,
                                   static_cast<float>(static_cast<i32>(random_.below(2000))) - 1000};
            double const wide = static_cast<double>(static_cast<i64>(random_.next())) / 4096;
            std::memcpy(half, random_.one_in(2) ? static_cast<void const*>(&wide) : pair, sizeof *half);
        }
    }
}

void Generator::fill(std::span<u8> bytes) {
    for (u8& b : bytes) b = random_.byte();
}

} // namespace ring3::oracle
