#include "monitor/checker/allow_list.h"

#include "base/types.h"

#include <bitset>

namespace ring3 {

namespace {

using Mnemonics = std::bitset<ZYDIS_MNEMONIC_MAX_VALUE + 1>;

/// What works on general registers, flags and memory alone. Not here, though user code may use them elsewhere: PUSH and
/// POP (rsp belongs to returns), PUSHF and POPF (TF, AC), STD and CLD (DF), CPUID, RDTSC and XGETBV (they tell of the
/// host), XLAT (an address in rbx alone), ENTER and LEAVE.
Mnemonics const& integer_instructions() {
    static Mnemonics const all = [] {
        Mnemonics set;
        for (ZydisMnemonic m :
             {ZYDIS_MNEMONIC_ADD,    ZYDIS_MNEMONIC_OR,      ZYDIS_MNEMONIC_ADC,       ZYDIS_MNEMONIC_SBB,
              ZYDIS_MNEMONIC_AND,    ZYDIS_MNEMONIC_SUB,     ZYDIS_MNEMONIC_XOR,       ZYDIS_MNEMONIC_CMP,
              ZYDIS_MNEMONIC_TEST,   ZYDIS_MNEMONIC_INC,     ZYDIS_MNEMONIC_DEC,       ZYDIS_MNEMONIC_NEG,
              ZYDIS_MNEMONIC_NOT,    ZYDIS_MNEMONIC_MUL,     ZYDIS_MNEMONIC_IMUL,      ZYDIS_MNEMONIC_DIV,
              ZYDIS_MNEMONIC_IDIV,   ZYDIS_MNEMONIC_CBW,     ZYDIS_MNEMONIC_CWDE,      ZYDIS_MNEMONIC_CWD,
              ZYDIS_MNEMONIC_CDQ,    ZYDIS_MNEMONIC_ROL,     ZYDIS_MNEMONIC_ROR,       ZYDIS_MNEMONIC_RCL,
              ZYDIS_MNEMONIC_RCR,    ZYDIS_MNEMONIC_SHL,     ZYDIS_MNEMONIC_SHR,       ZYDIS_MNEMONIC_SAR,
              ZYDIS_MNEMONIC_SHLD,   ZYDIS_MNEMONIC_SHRD,    ZYDIS_MNEMONIC_BSF,       ZYDIS_MNEMONIC_BSR,
              ZYDIS_MNEMONIC_LZCNT,  ZYDIS_MNEMONIC_TZCNT,   ZYDIS_MNEMONIC_POPCNT,    ZYDIS_MNEMONIC_BSWAP,
              ZYDIS_MNEMONIC_CRC32,  ZYDIS_MNEMONIC_ADCX,    ZYDIS_MNEMONIC_ADOX,      ZYDIS_MNEMONIC_ANDN,
              ZYDIS_MNEMONIC_BEXTR,  ZYDIS_MNEMONIC_BLSI,    ZYDIS_MNEMONIC_BLSMSK,    ZYDIS_MNEMONIC_BLSR,
              ZYDIS_MNEMONIC_BZHI,   ZYDIS_MNEMONIC_PDEP,    ZYDIS_MNEMONIC_PEXT,      ZYDIS_MNEMONIC_MULX,
              ZYDIS_MNEMONIC_RORX,   ZYDIS_MNEMONIC_SARX,    ZYDIS_MNEMONIC_SHLX,      ZYDIS_MNEMONIC_SHRX,
              ZYDIS_MNEMONIC_MOV,    ZYDIS_MNEMONIC_MOVZX,   ZYDIS_MNEMONIC_MOVSX,     ZYDIS_MNEMONIC_MOVBE,
              ZYDIS_MNEMONIC_XCHG,   ZYDIS_MNEMONIC_CMPXCHG, ZYDIS_MNEMONIC_CMPXCHG8B, ZYDIS_MNEMONIC_XADD,
              ZYDIS_MNEMONIC_CMOVO,  ZYDIS_MNEMONIC_CMOVNO,  ZYDIS_MNEMONIC_CMOVB,     ZYDIS_MNEMONIC_CMOVNB,
              ZYDIS_MNEMONIC_CMOVZ,  ZYDIS_MNEMONIC_CMOVNZ,  ZYDIS_MNEMONIC_CMOVBE,    ZYDIS_MNEMONIC_CMOVNBE,
              ZYDIS_MNEMONIC_CMOVS,  ZYDIS_MNEMONIC_CMOVNS,  ZYDIS_MNEMONIC_CMOVP,     ZYDIS_MNEMONIC_CMOVNP,
              ZYDIS_MNEMONIC_CMOVL,  ZYDIS_MNEMONIC_CMOVNL,  ZYDIS_MNEMONIC_CMOVLE,    ZYDIS_MNEMONIC_CMOVNLE,
              ZYDIS_MNEMONIC_SETO,   ZYDIS_MNEMONIC_SETNO,   ZYDIS_MNEMONIC_SETB,      ZYDIS_MNEMONIC_SETNB,
              ZYDIS_MNEMONIC_SETZ,   ZYDIS_MNEMONIC_SETNZ,   ZYDIS_MNEMONIC_SETBE,     ZYDIS_MNEMONIC_SETNBE,
              ZYDIS_MNEMONIC_SETS,   ZYDIS_MNEMONIC_SETNS,   ZYDIS_MNEMONIC_SETP,      ZYDIS_MNEMONIC_SETNP,
              ZYDIS_MNEMONIC_SETL,   ZYDIS_MNEMONIC_SETNL,   ZYDIS_MNEMONIC_SETLE,     ZYDIS_MNEMONIC_SETNLE,
              ZYDIS_MNEMONIC_LEA,    ZYDIS_MNEMONIC_CLC,     ZYDIS_MNEMONIC_STC,       ZYDIS_MNEMONIC_CMC,
              ZYDIS_MNEMONIC_LAHF,   ZYDIS_MNEMONIC_SAHF,    ZYDIS_MNEMONIC_NOP,       ZYDIS_MNEMONIC_PAUSE,
              ZYDIS_MNEMONIC_BT,     ZYDIS_MNEMONIC_BTS,     ZYDIS_MNEMONIC_BTR,       ZYDIS_MNEMONIC_BTC,
              ZYDIS_MNEMONIC_LFENCE, ZYDIS_MNEMONIC_MFENCE,  ZYDIS_MNEMONIC_SFENCE})
            set.set(m);
        return set;
    }();
    return all;
}

/// x87 to AVX2: these work on vector registers, flags and their operands. The extension says what an instruction is part
/// of, so XSAVE, gathers, AVX-512 and everything newer stay out.
bool is_vector(ZydisDecodedInstruction const& insn) {
    switch (insn.meta.isa_ext) {
    case ZYDIS_ISA_EXT_X87:
    case ZYDIS_ISA_EXT_MMX:
    case ZYDIS_ISA_EXT_SSE:
    case ZYDIS_ISA_EXT_SSE2:
    case ZYDIS_ISA_EXT_SSE3:
    case ZYDIS_ISA_EXT_SSSE3:
    case ZYDIS_ISA_EXT_SSE4:
    case ZYDIS_ISA_EXT_AES:
    case ZYDIS_ISA_EXT_PCLMULQDQ:
    case ZYDIS_ISA_EXT_SHA:
    case ZYDIS_ISA_EXT_AVX:
    case ZYDIS_ISA_EXT_AVX2:
    case ZYDIS_ISA_EXT_AVXAES:
    case ZYDIS_ISA_EXT_F16C:
    case ZYDIS_ISA_EXT_FMA:
    case ZYDIS_ISA_EXT_GFNI:
    case ZYDIS_ISA_EXT_VAES:
    case ZYDIS_ISA_EXT_VPCLMULQDQ: break;
    default: return false;
    }
    switch (insn.mnemonic) { // images of the whole state: they hold the host's code addresses, or change too much
    case ZYDIS_MNEMONIC_FXSAVE:
    case ZYDIS_MNEMONIC_FXSAVE64:
    case ZYDIS_MNEMONIC_FXRSTOR:
    case ZYDIS_MNEMONIC_FXRSTOR64: return false;
    default: return insn.meta.category != ZYDIS_CATEGORY_PREFETCH;
    }
}

bool is_allowed_string(ZydisDecodedInstruction const& insn) {
    switch (insn.mnemonic) {
    case ZYDIS_MNEMONIC_MOVSB:
    case ZYDIS_MNEMONIC_MOVSW:
    case ZYDIS_MNEMONIC_MOVSD:
    case ZYDIS_MNEMONIC_CMPSB:
    case ZYDIS_MNEMONIC_CMPSW:
    case ZYDIS_MNEMONIC_CMPSD:
    case ZYDIS_MNEMONIC_SCASB:
    case ZYDIS_MNEMONIC_SCASW:
    case ZYDIS_MNEMONIC_SCASD:
    case ZYDIS_MNEMONIC_LODSB:
    case ZYDIS_MNEMONIC_LODSW:
    case ZYDIS_MNEMONIC_LODSD:
    case ZYDIS_MNEMONIC_STOSB:
    case ZYDIS_MNEMONIC_STOSW:
    case ZYDIS_MNEMONIC_STOSD: return true;
    default: return false;
    }
}

bool takes_short_address(ZydisDecodedInstruction const& insn) {
    return insn.meta.category == ZYDIS_CATEGORY_COND_BR; // JECXZ, LOOP
}

/// A prefix means what it says or is refused: what one decoder ignores, a processor may not.
char const* refused_prefix(ZydisDecodedInstruction const& insn) {
    bool gs = false, short_address = false;
    for (unsigned i = 0; i < insn.raw.prefix_count; ++i) {
        auto const& prefix = insn.raw.prefixes[i];
        bool const ignored = prefix.type == ZYDIS_PREFIX_TYPE_IGNORED;
        switch (prefix.value) {
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x64: return "a segment other than GS";
        case 0x65: gs = true; break;
        case 0x67: short_address = true; break;
        case 0x66:
            if (ignored || is_branch(insn)) return "a prefix without a meaning";
            break;
        case 0xf2:
        case 0xf3:
            if (prefix.type != ZYDIS_PREFIX_TYPE_MANDATORY && !is_string(insn) && insn.mnemonic != ZYDIS_MNEMONIC_PAUSE)
                return "a repetition of what does not repeat";
            break;
        default: // REX, LOCK
            if (ignored && prefix.value == 0xf0) return "a prefix without a meaning";
        }
    }
    if (gs != short_address && !(short_address && takes_short_address(insn)))
        return "GS and the 32-bit address size only together";
    if (gs && (is_string(insn) || is_branch(insn) || insn.mnemonic == ZYDIS_MNEMONIC_LEA))
        return "GS in the wrong place";
    return nullptr;
}

} // namespace

bool is_branch(ZydisDecodedInstruction const& insn) {
    switch (insn.meta.category) {
    case ZYDIS_CATEGORY_COND_BR:
    case ZYDIS_CATEGORY_UNCOND_BR:
    case ZYDIS_CATEGORY_CALL:
    case ZYDIS_CATEGORY_RET: return insn.meta.isa_ext == ZYDIS_ISA_EXT_BASE;
    default: return false;
    }
}

char const* refused_instruction(ZydisDecodedInstruction const& insn) {
    if (insn.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY && insn.encoding != ZYDIS_INSTRUCTION_ENCODING_VEX)
        return "an encoding that is not on the list";
    if ((insn.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED) != 0) return "a privileged instruction";
    bool const listed =
        is_branch(insn) ||
        (is_string(insn) ? is_allowed_string(insn) : integer_instructions().test(insn.mnemonic) || is_vector(insn));
    if (!listed) return "an instruction that is not on the list";
    return refused_prefix(insn);
}

} // namespace ring3
