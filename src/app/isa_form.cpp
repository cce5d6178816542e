#include "app/isa_form.h"

#include "insn/decoder.h"
#include "insn/disassemble.h"
#include "insn/lookup.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace ring3::app {

namespace {

using host::IsaProbe;
using host::ProbeRegisters;
using insn::Code;
using insn::InsnDef;
using insn::Op;

constexpr unsigned eax = 0, ecx = 1, edx = 2, ebx = 3, esp = 4, edi = 7; // as encoded, and in ProbeRegisters

constexpr u8 linux_system_call = 0x80;
constexpr u8 diagnostic_port = 0x80; // an OUT to it would light a lamp at most
constexpr u32 getpid = 20;           // of Linux's i386 system calls: harmless, were it made
constexpr u32 flag_if = 0x200, flag_of = 0x800, flag_iopl = 0x3000, flag_always = 2, flag_zf = 0x40;
constexpr u32 x87_sse_avx = 7; // of the state components that XSAVE knows

bool has_operand(InsnDef const& row, Code code) {
    return std::ranges::find(row.operands, code, &insn::OperandDef::code) != row.operands.end();
}

// ---- encoding

void put_opcode(std::vector<u8>& bytes, InsnDef const& row) {
    using insn::Map, insn::Prefix;
    if (row.prefix == Prefix::p66) bytes.push_back(0x66);
    if (row.prefix == Prefix::pf3) bytes.push_back(0xf3);
    if (row.prefix == Prefix::pf2) bytes.push_back(0xf2);
    if (row.map != Map::one_byte) bytes.push_back(0x0f);
    if (row.map == Map::map_0f38) bytes.push_back(0x38);
    if (row.map == Map::map_0f3a) bytes.push_back(0x3a);
    bytes.push_back(row.opcode);
}

u8 modrm_of(InsnDef const& row) {
    bool const memory = row.mod == insn::ModKind::memory;
    unsigned reg = row.group >= 0 ? static_cast<unsigned>(row.group) : eax;
    if (row.op == Op::mov_from_segment)
        reg = static_cast<unsigned>(insn::SegmentIndex::cs); // it shows the privilege level
    unsigned const rm = row.rm >= 0 ? static_cast<unsigned>(row.rm) : memory ? edi : ecx;
    return static_cast<u8>((memory ? 0 : 0xc0) | reg << 3 | rm);
}

void put_word(std::vector<u8>& bytes, u32 value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<u8>(value >> 8 * i));
}

void put_immediate(std::vector<u8>& bytes, InsnDef const& row, u32 target) {
    if (has_operand(row, Code::Ib)) bytes.push_back(row.op == Op::int_n ? linux_system_call : diagnostic_port);
    if (has_operand(row, Code::Iw)) put_word(bytes, 0, 2);
    if (!has_operand(row, Code::Ap)) return;
    put_word(bytes, target, 4);
    put_word(bytes, IsaProbe::code_selector, 2);
}

// ---- preparation

void put_words(std::span<u8> memory, std::initializer_list<u32> words) {
    std::ranges::copy(std::as_bytes(std::span{words.begin(), words.size()}),
                      std::as_writable_bytes(memory.first(words.size() * sizeof(u32))).begin());
}

/// What the instruction pops, or finds at [EDI].
void prepare_memory(InsnDef const& row, IsaProbe& probe, u32 target) {
    probe.clear();
    u32 const code = IsaProbe::code_selector, data = IsaProbe::data_selector;
    switch (row.op) {
    case Op::ret_far: return put_words(probe.stack(), {target, code});
    case Op::iret: return put_words(probe.stack(), {target, code, flag_always | flag_iopl});
    case Op::popf: return put_words(probe.stack(), {flag_always | flag_iopl});
    case Op::pop_segment: return put_words(probe.stack(), {data});
    case Op::jmp_far_indirect:
    case Op::call_far_indirect: return put_words(probe.data(), {target, code});
    case Op::load_far_pointer: return put_words(probe.data(), {0, data});
    default: return;
    }
}

// ---- observation

std::string flags_kept(u32 flags) {
    bool const changed = (flags & flag_if) == 0 || (flags & flag_iopl) != 0;
    return changed ? "changed IF or IOPL" : "silently kept IF and IOPL, which it was to change";
}

std::string table_register(IsaProbe& probe) {
    u16 limit = 0;
    u32 base = 0;
    std::memcpy(&limit, probe.data().data(), sizeof limit);
    std::memcpy(&base, probe.data().data() + sizeof limit, sizeof base);
    // With UMIP the processor traps, and Linux answers in its place: base FFFE0000H or FFFF0000H, limit 0.
    bool const dummy = limit == 0 && base >= 0xfffe'0000;
    return fmt::format("stored base {:08x}, limit {:04x}: {}", base, limit,
                       dummy ? "dummies of the host's kernel (UMIP)" : "the host's");
}

std::string selector_shown(u32 selector) {
    if ((selector & 0xffff) == 0) return "showed the null selector";
    return fmt::format("showed selector {:04x}, privilege level {}", selector & 0xffff, selector & 3);
}

std::string vendor(ProbeRegisters const& after) {
    std::array<u32, 3> const words{after.gpr[ebx], after.gpr[edx], after.gpr[ecx]};
    std::string text(sizeof words, ' ');
    std::memcpy(text.data(), words.data(), sizeof words);
    std::ranges::replace_if(
        text, [](char c) { return c < ' ' || c > '~'; }, '?');
    return text;
}

} // namespace

std::vector<u8> encode_form(InsnDef const& row, u32 target) {
    std::vector<u8> bytes;
    put_opcode(bytes, row);
    if (insn::lookup.slots[insn::map_index(row.encoding, row.map)][row.opcode].has_modrm)
        bytes.push_back(modrm_of(row));
    put_immediate(bytes, row, target);
    return bytes;
}

std::string form_text(InsnDef const& row) {
    insn::Insn decoded;
    auto const bytes = encode_form(row, 0);
    constexpr unsigned size32 = 4;
    if (insn::decode(bytes, size32, true, decoded) != insn::DecodeStatus::ok) return std::string{row.name};
    return insn::disassemble(decoded, 0);
}

ProbeRegisters prepare_form(InsnDef const& row, IsaProbe& probe, u32 target) {
    prepare_memory(row, probe, target);
    u32 const data = probe.data_address(), selector = IsaProbe::data_selector;
    ProbeRegisters registers{.gpr = {0, selector, diagnostic_port, data, 0, probe.stack_address(), data, data}};
    auto& gpr = registers.gpr;
    switch (row.op) {
    case Op::into: registers.eflags |= flag_of; break;
    case Op::int_n:
    case Op::sysenter: gpr[eax] = getpid; break;
    case Op::xgetbv:
    case Op::xsetbv:
    case Op::rdpmc:
    case Op::rdmsr:
    case Op::wrmsr: gpr[ecx] = 0; break;
    case Op::xsave:
    case Op::xsaveopt:
    case Op::xrstor: gpr[eax] = x87_sse_avx, gpr[edx] = 0; break;
    case Op::monitor: gpr[eax] = data, gpr[ecx] = gpr[edx] = 0; break;
    case Op::mwait: gpr[ecx] = 0; break;
    default: break;
    }
    return registers;
}

std::string observe_form(InsnDef const& row, ProbeRegisters const& after, IsaProbe& probe) {
    auto const& gpr = after.gpr;
    bool const zero_flag = (after.eflags & flag_zf) != 0;
    switch (row.op) {
    case Op::popf:
    case Op::iret: return flags_kept(after.eflags);
    case Op::pushf: {
        u32 const flags = probe.stack_word(gpr[esp]);
        return fmt::format("showed IF = {}, IOPL = {} of the host", (flags & flag_if) != 0 ? 1 : 0,
                           (flags & flag_iopl) >> 12);
    }
    case Op::push_segment: return selector_shown(probe.stack_word(gpr[esp]));
    case Op::mov_from_segment: return selector_shown(gpr[ecx]);
    case Op::pop_segment:
    case Op::mov_to_segment:
    case Op::load_far_pointer: return "loaded a descriptor of the host's table";
    case Op::jmp_far:
    case Op::jmp_far_indirect:
    case Op::call_far:
    case Op::call_far_indirect:
    case Op::ret_far: return "went through a descriptor of the host's table";
    case Op::sgdt:
    case Op::sidt: return table_register(probe);
    case Op::sldt:
    case Op::str: return fmt::format("showed selector {:04x}", gpr[ecx] & 0xffff);
    case Op::smsw: return fmt::format("showed CR0 = {:08x}", gpr[ecx]);
    case Op::lar: return fmt::format("showed access rights {:08x} of the host's descriptor", gpr[eax]);
    case Op::lsl: return fmt::format("showed limit {:08x} of the host's descriptor", gpr[eax]);
    case Op::verr:
    case Op::verw: return fmt::format("answered {} for the host's descriptor", zero_flag ? "yes" : "no");
    case Op::cpuid: return fmt::format("showed the host's processor, '{}'", vendor(after));
    case Op::rdtsc:
    case Op::rdtscp: return "showed the host's time-stamp counter";
    case Op::rdpid: return fmt::format("showed number {} of the host's processor", gpr[ecx]);
    case Op::xgetbv: return fmt::format("showed XCR0 = {:x}", u64{gpr[edx]} << 32 | gpr[eax]);
    case Op::xsave:
    case Op::xsaveopt:
    case Op::xrstor: return "chose the state by the host's XCR0";
    default: return "was executed";
    }
}

} // namespace ring3::app
