// Instructions that run as they are: the same opcode, with the operands where they live on the host (C1: innocuous).
#include "base/assert.h"
#include "insn/operands.h"
#include "monitor/cpu/engine_context.h"
#include "monitor/translator/block_writer.h"

#include <algorithm>

namespace ring3 {

using enum Host;
using insn::Code;
using insn::Insn;
using insn::Op;

namespace {

enum class RegisterKind : u8 { other, general, byte };

RegisterKind kind_of(Code code) {
    switch (code) {
    case Code::Eb:
    case Code::Gb:
    case Code::Zb: return RegisterKind::byte;
    case Code::Ew:
    case Code::Ed:
    case Code::Ev:
    case Code::Gw:
    case Code::Gd:
    case Code::Gv:
    case Code::Rd:
    case Code::Rw:
    case Code::Rv:
    case Code::Zv:
    case Code::By:
    case Code::Edb:
    case Code::Edw:
    case Code::Edd: return RegisterKind::general;
    default: return RegisterKind::other;
    }
}

bool in_rm(Code code) {
    switch (code) {
    case Code::Eb:
    case Code::Ew:
    case Code::Ed:
    case Code::Ev:
    case Code::Rd:
    case Code::Rw:
    case Code::Rv:
    case Code::Edb:
    case Code::Edw:
    case Code::Edd: return true;
    default: return false;
    }
}
bool in_reg(Code code) {
    return code == Code::Gb || code == Code::Gw || code == Code::Gd || code == Code::Gv;
}

struct ModrmKinds {
    RegisterKind reg{}, rm{};
    bool vvvv{}; // a general register
};
ModrmKinds kinds_of(Insn const& insn) {
    ModrmKinds kinds;
    for (auto const& operand : insn.def->operands) {
        if (in_rm(operand.code)) kinds.rm = kind_of(operand.code);
        if (in_reg(operand.code)) kinds.reg = kind_of(operand.code);
        if (operand.code == Code::By) kinds.vvvv = true;
    }
    return kinds;
}

/// A register field with ESP moved to r12.
u8 host_number(u8 field, RegisterKind kind) {
    return kind == RegisterKind::general ? number(home(field)) : field;
}

/// Bytes of the immediate, which is the instruction's end.
unsigned immediate_size(Insn const& insn) {
    if (!insn.has_modrm) return 0;
    unsigned end = insn.modrm_offset + 1u;
    unsigned const mod = insn.mod(), rm = insn.rm();
    if (mod == 3) return insn.length - end;
    if (insn.address_width == 2) return insn.length - end - (mod == 1 ? 1 : mod == 2 || rm == 6 ? 2 : 0);
    bool const sib = rm == 4;
    bool const disp_only = mod == 0 && (rm == 5 || (sib && (insn.bytes[end] & 7) == 5));
    end += sib + (mod == 1 ? 1u : mod == 2 || disp_only ? 4u : 0u);
    return insn.length - end;
}

u8 mandatory_repeat(insn::Prefix prefix) {
    return prefix == insn::Prefix::pf2 ? 0xf2 : prefix == insn::Prefix::pf3 ? 0xf3 : 0;
}

/// Does 66H stand for 16-bit operands here? Not for operands of a size of their own (MOVNTI, CMPXCHG8B).
bool takes_operand_size(insn::InsnDef const& def) {
    auto const has = [&def](std::initializer_list<Code> codes) {
        return std::ranges::any_of(def.operands,
                                   [codes](auto const& o) { return std::ranges::find(codes, o.code) != codes.end(); });
    };
    bool const fixed = has({Code::Gd, Code::Ed, Code::Rd, Code::Md, Code::Mq}) && !has({Code::Ev, Code::Gv});
    return def.vector == insn::VectorType::none && !fixed;
}

Opcode opcode_of(Insn const& insn) {
    insn::InsnDef const& def = *insn.def;
    bool const sized =
        takes_operand_size(def) && insn.operand_size == 2 && def.op != Op::prefetch && def.op != Op::fence;
    constexpr u8 alias = 0x82, original = 0x80; // 64-bit mode has only one of them
    bool const renamed = def.map == insn::Map::one_byte && def.opcode == alias;
    return {.map = static_cast<u8>(def.map),
            .byte = renamed ? original : def.opcode,
            .operand16 = def.prefix == insn::Prefix::p66 || sized,
            .repeat = mandatory_repeat(def.prefix),
            .lock = insn.lock != 0};
}

u8 vex_pp(insn::Prefix prefix) {
    return prefix == insn::Prefix::p66 ? 1 : prefix == insn::Prefix::pf3 ? 2 : prefix == insn::Prefix::pf2 ? 3 : 0;
}

/// VPCMPESTRI and VPCMPESTRM take lengths from EAX and EDX.
bool takes_lengths(insn::InsnDef const& def) {
    return def.map == insn::Map::map_0f3a && (def.opcode == 0x60 || def.opcode == 0x61);
}

/// VEX.W means 64-bit operands in 64-bit mode and nothing outside it, where a general register is meant.
VexOpcode vex_of(Insn const& insn, ModrmKinds kinds) {
    bool const general = kinds.vvvv || kinds.reg == RegisterKind::general || kinds.rm == RegisterKind::general ||
                         takes_lengths(*insn.def);
    u8 const vvvv = insn.vvvv & 7;
    bool const names_vvvv = std::ranges::any_of(insn.def->operands, [](auto const& operand) {
        return operand.code == Code::By || operand.code == Code::Hdq || operand.code == Code::Hx ||
               operand.code == Code::Hqq;
    });
    return {.map = static_cast<u8>(insn.def->map),
            .byte = insn.def->opcode,
            .pp = vex_pp(insn.def->prefix),
            .l = insn.vex_l != 0,
            .w = insn.vex_w != 0 && !general,
            .vvvv = kinds.vvvv ? number(home(vvvv)) : vvvv,
            .no_vvvv = !names_vvvv};
}

/// Does the instruction name ESP as a register, other than in an address?
bool names_esp(Insn const& insn) {
    if (!insn.has_modrm) {
        bool const in_opcode =
            std::ranges::any_of(insn.def->operands, [](auto const& o) { return o.code == Code::Zv; });
        return in_opcode && (insn.def->opcode & 7) == esp;
    }
    ModrmKinds const kinds = kinds_of(insn);
    return (kinds.reg == RegisterKind::general && insn.reg() == esp) ||
           (kinds.rm == RegisterKind::general && insn.mod() == 3 && insn.rm() == esp) ||
           (kinds.vvvv && (insn.vvvv & 7) == esp);
}

bool is_nop(Insn const& insn) {
    Op const op = insn.def->op;
    // LEA of a register to itself is what compilers pad with. XCHG EAX,EAX is NOP's opcode.
    bool const padding = op == Op::lea && insn.operand_size == 4 && insn.address_width == 4 &&
                         insn.index == insn::no_register && insn.base == insn.reg() && insn.displacement == 0;
    return op == Op::nop || op == Op::cld || padding;
}

} // namespace

void BlockWriter::immediate_bytes(Insn const& insn) {
    for (unsigned i = insn.length - immediate_size(insn); i < insn.length; ++i) a_.byte(insn.bytes[i]);
}

/// ADD and SUB of an immediate to ESP, LEA ESP,[ESP+n]: nothing but a change of the pending displacement.
std::optional<i32> BlockWriter::change_of_esp(Scanned const& s) const {
    Insn const& insn = s.insn;
    Op const op = insn.def->op;
    bool const dword = insn.operand_size == 4 && insn.width == 4;
    if (s.treatment != Treatment::direct || !dword || key_.mode.has<TranslationMode::Stack16>()) return std::nullopt;
    if (op == Op::lea) {
        bool const own = insn.reg() == esp && insn.base == esp && insn.index == insn::no_register;
        return own && insn.address_width == 4 ? std::optional{insn.displacement} : std::nullopt;
    }
    bool const sum = op == Op::add || op == Op::sub;
    auto const amount = static_cast<i32>(insn.imm);
    bool const small = amount <= 4096 && amount >= -4096;
    if (!sum || insn.shape != insn::Shape::ri || insn.dst != reg_ref(esp) || amount == 0 || !small) return std::nullopt;
    return op == Op::add ? amount : -amount;
}

void BlockWriter::fold(Scanned const& s, i32 change) {
    sp_ += change;
    if (s.insn.def->op == Op::lea) return; // touches no flag
    folded_ = {static_cast<i16>(s.insn.imm), static_cast<i16>(sp_), s.insn.def->op == Op::sub};
}

/// Can the flags of a folded change of ESP stay in the air past this instruction? Only if it leaves all flags alone, or
/// overwrites all of them, comes to its end in this block, and does not replace ESP.
bool BlockWriter::passes_folded_flags(Scanned const& s, Treatment treatment) const {
    insn::InsnDef const& def = *s.insn.def;
    bool const moves = def.op == Op::push || def.op == Op::pop || def.op == Op::movs || def.op == Op::stos ||
                       def.op == Op::lods || def.op == Op::jmp;
    if (treatment == Treatment::expand ? !moves || needs_exact_esp(s) : treatment != Treatment::direct) return false;
    if (def.op == Op::pop && s.insn.shape == insn::Shape::r && s.insn.dst == reg_ref(esp)) return false;
    if (treatment == Treatment::direct && names_esp(s.insn) && !change_of_esp(s)) return false;
    bool const untouched = def.reads == 0 && def.writes == 0 && def.undefined == 0;
    return untouched || s.overwrites_flags;
}

/// Sets the flags that the last folded change of ESP would have set.
void BlockWriter::settle_flags() {
    if (folded_.amount == 0) return;
    constexpr u8 add_digit = 0, subtract_digit = 5;
    i32 const change = folded_.subtracts ? -folded_.amount : folded_.amount;
    a_.lea32(r10, {.base = r12, .disp = folded_.at - change});
    a_.alu_imm32(folded_.subtracts ? subtract_digit : add_digit, r10, static_cast<u32>(i32{folded_.amount}));
    folded_ = {};
}

/// Does it use ESP in a way that cannot be put into an address?
bool BlockWriter::needs_exact_esp(Scanned const& s) const {
    Insn const& insn = s.insn;
    // What is pending for a stack of 64 KiB is a change of SP.
    if (key_.mode.has<TranslationMode::Stack16>() && insn.has_memory && insn.base == esp) return true;
    bool const by_register = insn.shape == insn::Shape::r && insn.dst == reg_ref(esp);
    switch (insn.def->op) {
    case Op::push:
    case Op::call_indirect:
    case Op::jmp_indirect: return by_register;
    case Op::mov_from_segment: return !insn.has_memory && insn.rm() == esp;
    default: return s.treatment == Treatment::direct && names_esp(insn) && !change_of_esp(s);
    }
}

void BlockWriter::direct(Scanned const& s) {
    if (is_nop(s.insn)) return;
    if (s.insn.def->vector != insn::VectorType::none) vector_prologue(s);
    if (s.insn.def->op == Op::lea) return lea(s);
    if (!s.insn.has_modrm && s.insn.has_memory) return moffs(s);
    s.insn.has_modrm ? direct_modrm(s) : direct_opcode(s);
}

void BlockWriter::direct_modrm(Scanned const& s) {
    Insn const& insn = s.insn;
    ModrmKinds const kinds = kinds_of(insn);
    u8 const reg = host_number(insn.reg(), kinds.reg);
    if (!insn.has_memory) {
        u8 const rm = host_number(insn.rm(), kinds.rm);
        if (insn.vex)
            a_.vex(vex_of(insn, kinds), reg, Host(rm));
        else
            a_.op(opcode_of(insn), reg, Host(rm));
        return immediate_bytes(insn);
    }
    GuestAddress const address = address_of(insn);
    if (kinds.reg == RegisterKind::byte && insn.reg() >= 4) return high_byte_memory(s, address);
    insn::Access const access = insn::memory_access(insn);
    bool const touches = access != insn::Access::none;
    bool const writes = access == insn::Access::write || access == insn::Access::read_write;
    if (!touches) return; // prefetches and NOPs with an operand
    Mem const mem = lower(address, insn::memory_bytes(insn), writes ? Access::write : Access::read);
    if (insn.vex)
        a_.vex(vex_of(insn, kinds), reg, mem);
    else
        a_.op(opcode_of(insn), reg, mem);
    immediate_bytes(insn);
}

/// AH, CH, DH and BH do not exist beside an operand that needs a REX prefix: the byte travels through r10, or the
/// register is turned by eight bits while the instruction runs. Memory is touched while all registers are as they were.
void BlockWriter::high_byte_memory(Scanned const& s, GuestAddress const& address) {
    Insn const& insn = s.insn;
    Host const parent = Host(insn.reg() - 4);
    insn::Access const access = insn::memory_access(insn);
    bool const writes = access == insn::Access::write || access == insn::Access::read_write;
    bool const to_register = insn.shape == insn::Shape::rm;
    Mem const mem = lower(address, 1, writes ? Access::write : Access::read);
    if (!to_register) {
        a_.rorx32(r10, parent, 8);
        a_.op(opcode_of(insn), number(r10), mem);
        return;
    }
    a_.op({.map = 1, .byte = 0xb6}, number(r10), mem); // MOVZX R10D, m8
    a_.rorx32(parent, parent, 8);
    // The low byte of EAX..EBX needs no REX, r10 does: "op reg8, r/m8".
    a_.op(opcode_of(insn), number(parent), r10);
    a_.rorx32(parent, parent, 24);
}

void BlockWriter::lea(Scanned const& s) {
    Insn const& insn = s.insn;
    GuestAddress const address = address_of(insn);
    Host const to = home(insn.reg());
    if (insn.address_width == 4 && insn.operand_size == 4) return a_.lea32(to, host_address(address));
    offset(address);
    a_.op({.byte = 0x89, .operand16 = insn.operand_size == 2}, number(r8), to);
}

void BlockWriter::moffs(Scanned const& s) {
    Insn const& insn = s.insn;
    bool const stores = insn.shape == insn::Shape::mr;
    Mem const mem = lower(address_of(insn), insn.width, stores ? Access::write : Access::read);
    u8 const byte_form = insn.width == 1 ? 0 : 1;
    u8 const opcode = static_cast<u8>((stores ? 0x88 : 0x8a) | byte_form);
    a_.op({.byte = opcode, .operand16 = insn.width == 2}, number(rax), mem);
}

/// No ModRM byte: the register, if any, lies in the opcode.
void BlockWriter::direct_opcode(Scanned const& s) {
    Insn const& insn = s.insn;
    insn::InsnDef const& def = *insn.def;
    bool const in_opcode =
        std::ranges::any_of(def.operands, [](auto const& o) { return o.code == Code::Zv || o.code == Code::Zb; });
    bool const one_byte = def.map == insn::Map::one_byte;
    if (one_byte && (def.op == Op::inc || def.op == Op::dec)) { // 40-4F are REX prefixes here
        Host const rm = home(def.opcode & 7);
        return a_.op({.byte = 0xff, .operand16 = insn.operand_size == 2}, def.op == Op::dec, rm);
    }
    Opcode code = opcode_of(insn);
    if (def.op == Op::pause) code.repeat = 0xf3;
    if (code.operand16) a_.byte(0x66);
    if (code.repeat != 0) a_.byte(code.repeat);
    bool const esp_in_opcode = in_opcode && (def.opcode & 7) == esp && def.operands[0].code != Code::Zb;
    if (esp_in_opcode) a_.byte(0x41); // REX.B: r12
    if (!one_byte) a_.byte(0x0f);
    a_.byte(def.opcode);
    unsigned size = 0;
    for (auto const& operand : def.operands) {
        if (operand.code == Code::Ib || operand.code == Code::Ibs) size = 1;
        if (operand.code == Code::Iz) size = insn.operand_size;
    }
    for (unsigned i = insn.length - size; i < insn.length; ++i) a_.byte(insn.bytes[i]);
}

// ---- x87, MMX, SSE, AVX -------------------------------------------------------------------------------------------

void BlockWriter::vector_prologue(Scanned const&) {
    if (!fpu_valid_) ensure_fpu();
}

/// The guest's vector state is brought into the processor by the first instruction that needs it, and stays there until
/// C++ runs. Touches no flag.
void BlockWriter::ensure_fpu() {
    Mem const loaded = field(&map_.context().fpu_loaded);
    a_.mov(r8, rcx);
    a_.op({.map = 1, .byte = 0xb6}, number(rcx), loaded); // MOVZX ECX, m8
    u32 const absent = a_.jrcxz();
    u32 const present = a_.jump_short();
    a_.land(absent);
    a_.call(thunks_.load_fpu);
    a_.land(present);
    a_.mov(rcx, r8);
    fpu_valid_ = true;
}

} // namespace ring3
