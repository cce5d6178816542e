// Holds one decoded instruction against Zydis's view of it. Known differences are listed here, each with its reason.
#include "insn/zydis_reference.h"

#include <fmt/format.h>

#include <algorithm>

namespace ring3::insn {
namespace {

using Difference = std::optional<std::string>;

// ---- which encodings exist

/// What this machine has. Encodings of anything else (AVX-512, VMX, 3DNow!, TSX, CET ...) are #UD here.
bool is_present_feature(Reference const& reference) {
    switch (reference.insn.meta.isa_ext) {
    case ZYDIS_ISA_EXT_BASE: // SYSCALL and SYSRET: AMD's, outside 64-bit mode
        return !reference.is(ZYDIS_MNEMONIC_SYSCALL) && !reference.is(ZYDIS_MNEMONIC_SYSRET);
    case ZYDIS_ISA_EXT_ADOX_ADCX:
    case ZYDIS_ISA_EXT_AES:
    case ZYDIS_ISA_EXT_AMD3DNOW_PREFETCH:
    case ZYDIS_ISA_EXT_AVX:
    case ZYDIS_ISA_EXT_AVX2:
    case ZYDIS_ISA_EXT_AVX2GATHER:
    case ZYDIS_ISA_EXT_AVXAES:
    case ZYDIS_ISA_EXT_BMI1:
    case ZYDIS_ISA_EXT_BMI2:
    case ZYDIS_ISA_EXT_CLFLUSHOPT:
    case ZYDIS_ISA_EXT_CLFSH:
    case ZYDIS_ISA_EXT_CLWB:
    case ZYDIS_ISA_EXT_F16C:
    case ZYDIS_ISA_EXT_FMA:
    case ZYDIS_ISA_EXT_GFNI:
    case ZYDIS_ISA_EXT_INVPCID:
    case ZYDIS_ISA_EXT_LONGMODE:
    case ZYDIS_ISA_EXT_LZCNT:
    case ZYDIS_ISA_EXT_MMX:
    case ZYDIS_ISA_EXT_MONITOR:
    case ZYDIS_ISA_EXT_MOVBE:
    case ZYDIS_ISA_EXT_PAUSE:
    case ZYDIS_ISA_EXT_PCLMULQDQ:
    case ZYDIS_ISA_EXT_PREFETCHWT1:
    case ZYDIS_ISA_EXT_RDPID:
    case ZYDIS_ISA_EXT_RDRAND:
    case ZYDIS_ISA_EXT_RDSEED:
    case ZYDIS_ISA_EXT_RDTSCP:
    case ZYDIS_ISA_EXT_SHA:
    case ZYDIS_ISA_EXT_SMAP:
    case ZYDIS_ISA_EXT_SSE:
    case ZYDIS_ISA_EXT_SSE2:
    case ZYDIS_ISA_EXT_SSE3:
    case ZYDIS_ISA_EXT_SSE4:
    case ZYDIS_ISA_EXT_SSSE3:
    case ZYDIS_ISA_EXT_VAES:
    case ZYDIS_ISA_EXT_VPCLMULQDQ:
    case ZYDIS_ISA_EXT_X87:
    case ZYDIS_ISA_EXT_XSAVE:
    case ZYDIS_ISA_EXT_XSAVEOPT: return true;
    default: return false;
    }
}

Difference validity_difference(DecodeStatus status, Insn const& insn, Reference const& reference) {
    if (status != DecodeStatus::ok) {
        if (!reference.valid || !is_present_feature(reference)) return {};
        return fmt::format("{} is invalid here", reference.mnemonic());
    }
    if (reference.valid) return {};
    return fmt::format("{} is invalid there", name(insn));
}

// ---- names

/// The table has one name per operation, Zydis one per operand size; and Zydis calls FFREEP's kin after the 8087 and 287.
bool is_same_name(std::string_view ours, std::string_view theirs) {
    static constexpr std::pair<std::string_view, std::string_view> pairs[]{{"cbw", "cwde"},
                                                                           {"cwd", "cdq"},
                                                                           {"jcxz", "jecxz"},
                                                                           {"retf", "ret"},
                                                                           {"fneni", "feni8087_nop"},
                                                                           {"fndisi", "fdisi8087_nop"},
                                                                           {"fnsetpm", "fsetpm287_nop"}};
    if (ours == theirs || std::ranges::find(pairs, std::pair{ours, theirs}) != std::end(pairs)) return true;
    bool const has_suffix = theirs.size() == ours.size() + 1 && theirs.starts_with(ours);
    return has_suffix && std::string_view{"bwd"}.contains(theirs.back());
}

// ---- memory operands

constexpr u8 number_of(ZydisRegister reg) {
    return reg == ZYDIS_REGISTER_NONE ? no_register : static_cast<u8>(ZydisRegisterGetId(reg));
}

SegmentIndex segment_of(ZydisRegister reg) {
    return static_cast<SegmentIndex>(ZydisRegisterGetId(reg));
}

Access access_of(ZydisOperandActions actions) {
    bool const reads = (actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
    bool const writes = (actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
    return reads && writes ? Access::read_write : writes ? Access::write : reads ? Access::read : Access::none;
}

/// Operands whose size or access the table calls "only the address counts", or leaves to XCR0.
bool has_no_plain_access(Insn const& insn) {
    switch (insn.def->op) {
    case Op::lea:
    case Op::nop:
    case Op::ud:
    case Op::prefetch:
    case Op::invlpg:
    case Op::clflush:
    case Op::xsave:
    case Op::xsaveopt:
    case Op::xrstor: return true;
    default: return false;
    }
}

Difference address_difference(Insn const& insn, ZydisDecodedOperandMem const& memory) {
    bool const vsib = memory.type == ZYDIS_MEMOP_TYPE_VSIB;
    u8 const index = vsib ? vsib_index(insn) : insn.index;
    u64 const mask = insn.address_width == 2 ? 0xffff : 0xffff'ffff;
    bool const same_displacement =
        ((static_cast<u64>(i64{insn.displacement}) ^ static_cast<u64>(memory.disp.value)) & mask) == 0;
    if (insn.base != number_of(memory.base)) return "base";
    if (index != number_of(memory.index)) return "index";
    if (memory.index != ZYDIS_REGISTER_NONE && 1u << insn.scale != memory.scale) return "scale";
    if (!same_displacement) return "displacement";
    if (insn.def->op != Op::lea && insn.segment != segment_of(memory.segment)) return "segment";
    return {};
}

Difference memory_difference(Insn const& insn, Reference const& reference) {
    auto const* memory = reference.memory();
    if ((memory != nullptr) != insn.has_memory) return "has_memory";
    if (!memory) return {};
    if (insn.address_width * 8 != reference.insn.address_width) return "address width";
    if (auto const found = address_difference(insn, memory->mem)) return found;
    if (has_no_plain_access(insn)) return {};
    if (memory->size / 8 != memory_bytes(insn))
        return fmt::format("memory bytes {}, there {}", memory_bytes(insn), memory->size / 8);
    if (access_of(memory->actions) != memory_access(insn)) return "memory access";
    return {};
}

// ---- immediates

Difference immediate_difference(Insn const& insn, Reference const& reference) {
    if (auto const* pointer = reference.find(ZYDIS_OPERAND_TYPE_POINTER))
        if (pointer->ptr.offset != insn.imm || pointer->ptr.segment != insn.imm2) return "far pointer";
    auto const* operand = reference.find(ZYDIS_OPERAND_TYPE_IMMEDIATE);
    if (!operand) return {};
    // Zydis calls many byte immediates signed that are as wide as their destination.
    bool const is_byte = std::ranges::any_of(insn.def->operands, [](auto const& o) { return o.code == Code::Ib; });
    u64 const mask = is_byte ? 0xff : operand->imm.is_signed ? ~u64{} : (u64{1} << operand->size) - 1;
    return (operand->imm.value.u & mask) == (insn.imm & mask) ? Difference{} : "immediate";
}

// ---- general registers

bool is_gpr(ZydisDecodedOperand const& operand) {
    if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER) return false;
    auto const kind = ZydisRegisterGetClass(operand.reg.value);
    return kind == ZYDIS_REGCLASS_GPR8 || kind == ZYDIS_REGCLASS_GPR16 || kind == ZYDIS_REGCLASS_GPR32;
}

RegRef reference_of(ZydisRegister reg) {
    u8 const number = static_cast<u8>(ZydisRegisterGetId(reg));
    bool const is_high = ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_GPR8 && number >= 4;
    return static_cast<RegRef>(is_high ? (number - 4) * 8 + 1 : number * 8);
}

bool is_destination(Shape shape) {
    return shape == Shape::r || shape == Shape::rr || shape == Shape::rm || shape == Shape::ri;
}
bool is_source(Shape shape) {
    return shape == Shape::rr || shape == Shape::mr;
}

/// Where our conventions put another operand in second place: VEX.vvvv is never `src`, ports are not operands.
ZydisDecodedOperand const& source_operand(Insn const& insn, Reference const& reference) {
    bool const vvvv_second = insn.def->operands[1].code == Code::By;
    return reference.operands[vvvv_second ? 2 : 1];
}

Difference register_difference(Insn const& insn, Reference const& reference) {
    bool const is_hint = insn.def->op == Op::nop || insn.def->op == Op::ud; // nobody looks at its operands
    if (insn.def->op == Op::in || insn.def->op == Op::out || is_hint) return {};
    auto const& first = reference.operands[0];
    auto const& second = source_operand(insn, reference);
    if (is_gpr(first) && is_destination(insn.shape)) {
        if (insn.dst != reference_of(first.reg.value)) return "dst";
        if (insn.width * 8 != first.size) return "width";
    }
    if (is_source(insn.shape) && is_gpr(second) && insn.src != reference_of(second.reg.value)) return "src";
    return {};
}

/// Each general register that a vector instruction names must be the one that gpr_use() tells.
Difference gpr_use_difference(Insn const& insn, Reference const& reference) {
    if (insn.def->vector == VectorType::none || insn.def->op == Op::fnstsw_ax) return {};
    GprUse const use = gpr_use(insn);
    unsigned found = 0;
    for (unsigned i = 0; i < reference.insn.operand_count_visible; ++i) {
        auto const& operand = reference.operands[i];
        if (!is_gpr(operand)) continue;
        ++found;
        bool const in_reg = operand.encoding == ZYDIS_OPERAND_ENCODING_MODRM_REG;
        if (in_reg != (use.field == GprUse::Field::modrm_reg)) return "gpr_use: field";
        if (use.ref != reference_of(operand.reg.value)) return "gpr_use: register";
        if (use.access != access_of(operand.actions)) return "gpr_use: access";
    }
    return found == (use ? 1u : 0u) ? Difference{} : "gpr_use: missing";
}

Difference implicit_gpr_difference(Insn const& insn, Reference const& reference) {
    if (insn.def->vector == VectorType::none || insn.def->op != Op::vector) return {};
    bool reads = false, writes = false;
    for (unsigned i = reference.insn.operand_count_visible; i < reference.insn.operand_count; ++i) {
        if (!is_gpr(reference.operands[i])) continue;
        reads |= access_of(reference.operands[i].actions) == Access::read;
        writes |= access_of(reference.operands[i].actions) == Access::write;
    }
    if (insn.vex_w) return {}; // Zydis then has PCMPESTRI use RAX and RDX even outside 64-bit mode
    ImplicitGprs const ours = implicit_gprs(insn);
    return ours.reads_eax_edx == reads && ours.writes_ecx == writes ? Difference{} : "implicit_gprs";
}

// ---- columns

/// Where the table follows the manual and Zydis does not, or the table says more.
bool has_known_flag_difference(Insn const& insn) {
    switch (insn.def->op) {
    case Op::rol: // Zydis does not say that OF is written, and that a count of 0 changes nothing
    case Op::ror:
    case Op::rcl:
    case Op::rcr:
    case Op::shl:
    case Op::shr:
    case Op::sar:
    case Op::shld:
    case Op::shrd: return true;
    case Op::cmps: // ZF, tested after each iteration, is the iteration's own
    case Op::scas: return insn.rep || insn.repne;
    case Op::sbb:         // AF is defined
    case Op::bextr:       // CF and OF are cleared
    case Op::mov_from_cr: // the status flags are undefined
    case Op::mov_from_dr:
    case Op::mov_to_cr:
    case Op::mov_to_dr: return true;
    default: break;
    }
    // VPTEST and VTESTPx clear the other flags like PTEST.
    return insn.def->name == "vptest" || insn.def->name == "vtestps" || insn.def->name == "vtestpd";
}

Difference flag_difference(Insn const& insn, Reference const& reference) {
    if (has_known_flag_difference(insn)) return {};
    static constexpr FlagMask all = flag::status | flag::df;
    InsnDef const& def = *insn.def;
    auto const* flags = reference.insn.cpu_flags;
    auto const reads = static_cast<FlagMask>(flags->tested & all);
    auto const writes = static_cast<FlagMask>((flags->modified | flags->set_0 | flags->set_1) & all);
    auto const undefined = static_cast<FlagMask>(flags->undefined & all);
    if (def.reads == reads && def.writes == writes && def.undefined == undefined) return {};
    return fmt::format("flags: reads {:x} writes {:x} undefined {:x}, there {:x} {:x} {:x}", def.reads, def.writes,
                       def.undefined, reads, writes, undefined);
}

Difference privilege_difference(Insn const& insn, Reference const& reference) {
    if (insn.def->op == Op::lgdt) return {}; // privileged (SDM 3A 5.9), but not to Zydis
    bool const privileged = (reference.insn.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED) != 0;
    return privileged == (insn.def->privilege == Privilege::cpl0) ? Difference{} : "privilege";
}

Difference lock_difference(Insn const& insn, Reference const& reference) {
    bool const lockable = (reference.insn.attributes & ZYDIS_ATTRIB_ACCEPTS_LOCK) != 0;
    return lockable == (insn.def->lockable && insn.has_memory) ? Difference{} : "lockable";
}

/// Of the manual's exception class 4, but for alignment (SDM 2A 2.4.4, "4 with exceptions").
bool is_unaligned_move(Insn const& insn) {
    static constexpr std::string_view names[]{"movups", "movupd", "movdqu", "lddqu"};
    return std::ranges::find(names, name(insn)) != std::end(names) || name(insn).starts_with("pcmpestr") ||
           name(insn).starts_with("pcmpistr");
}

Difference alignment_difference(Insn const& insn, Reference const& reference) {
    bool aligned = false;
    if (insn.def->vector == VectorType::mmx_sse) return {}; // Zydis has no class for them
    if (is_unaligned_move(insn)) return memory_alignment(insn) == 1 ? Difference{} : "alignment";
    switch (reference.insn.meta.exception_class) {
    case ZYDIS_EXCEPTION_CLASS_SSE1:
    case ZYDIS_EXCEPTION_CLASS_SSE2:
    case ZYDIS_EXCEPTION_CLASS_SSE4:
    case ZYDIS_EXCEPTION_CLASS_AVX1: aligned = insn.has_memory && memory_bytes(insn) >= 16; break;
    default: break;
    }
    return aligned == (memory_alignment(insn) != 1) ? Difference{} : "alignment";
}

} // namespace

std::optional<std::string> difference(DecodeStatus status, Insn const& insn, Reference const& reference) {
    if (auto found = validity_difference(status, insn, reference)) return found;
    if (status != DecodeStatus::ok) return {};
    auto const titled = [&](std::string const& what) { return fmt::format("{}: {}", name(insn), what); };
    if (insn.length != reference.insn.length) return titled("length");
    if (!is_same_name(name(insn), reference.mnemonic())) return titled(fmt::format("there {}", reference.mnemonic()));
    for (auto const compare :
         {memory_difference, immediate_difference, register_difference, gpr_use_difference, implicit_gpr_difference,
          flag_difference, privilege_difference, lock_difference, alignment_difference})
        if (auto const found = compare(insn, reference)) return titled(*found);
    return {};
}

} // namespace ring3::insn
