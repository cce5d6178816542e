#include "tests/oracle/host_only.h"

#include "tests/oracle/test_case.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace ring3::oracle {

namespace {

ZydisDecoder make_decoder(Mode mode) {
    ZydisDecoder decoder;
    bool const wide = mode == Mode::flat32;
    ZydisDecoderInit(&decoder, wide ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16,
                     wide ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16);
    return decoder;
}

ZydisDecoder const& decoder_for(Mode mode) {
    static ZydisDecoder const flat32 = make_decoder(Mode::flat32), code16 = make_decoder(Mode::code16);
    return mode == Mode::flat32 ? flat32 : code16;
}

/// Beginnings of Zydis's names of instruction sets.
constexpr std::array<std::string_view, 24> sets{
    "AVX512", "AVX_VNNI", "AMX",    "RTM",     "TSX",       "XSAVEC", "XSAVES", "PKU",
    "CET",    "MOVDIR",   "ENQCMD", "WAITPKG", "SERIALIZE", "PT",     "UINTR",  "KEYLOCKER",
    "HRESET", "PCONFIG",  "SGX",    "VTX",     "VMFUNC",    "SMX",    "SVM",    "TDX",
};

/// VMCALL and VMMCALL, with whatever prefixes: a hypervisor under us would take them for calls.
bool is_hypercall(std::span<u8 const> bytes) {
    auto const rest = bytes.subspan(prefix_count(bytes));
    constexpr u8 vmcall = 0xc1, vmmcall = 0xd9;
    return rest.size() >= 3 && rest[0] == 0x0f && rest[1] == 0x01 && (rest[2] == vmcall || rest[2] == vmmcall);
}

} // namespace

bool host_only(Mode mode, std::span<u8 const> bytes) {
    if (is_hypercall(bytes)) return true;
    ZydisDecodedInstruction insn;
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder_for(mode), nullptr, bytes.data(), bytes.size(), &insn)))
        return false;
    if (insn.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX || insn.encoding == ZYDIS_INSTRUCTION_ENCODING_MVEX)
        return true;
    bool const leaves = insn.mnemonic == ZYDIS_MNEMONIC_SYSCALL || insn.mnemonic == ZYDIS_MNEMONIC_SYSENTER ||
                        insn.mnemonic == ZYDIS_MNEMONIC_SYSRET || insn.mnemonic == ZYDIS_MNEMONIC_SYSEXIT;
    std::string_view const set = ZydisISASetGetString(insn.meta.isa_set);
    return leaves || std::ranges::any_of(sets, [&](std::string_view name) { return set.starts_with(name); });
}

} // namespace ring3::oracle
