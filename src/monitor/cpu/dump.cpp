#include "monitor/cpu/dump.h"

#include <fmt/format.h>
#include <iterator>

namespace ring3 {

namespace {

std::string flag_letters(Eflags eflags) {
    auto const letter = [](bool set, char c) { return set ? c : '-'; };
    return fmt::format("{}{}{}{}{}{}{}", letter(eflags.has<Eflags::DF>(), 'D'), letter(eflags.has<Eflags::OF>(), 'O'),
                       letter(eflags.has<Eflags::SF>(), 'S'), letter(eflags.has<Eflags::ZF>(), 'Z'),
                       letter(eflags.has<Eflags::AF>(), 'A'), letter(eflags.has<Eflags::PF>(), 'P'),
                       letter(eflags.has<Eflags::CF>(), 'C'));
}

/// "DPL=0 CS32 [-R-]" for code, "DPL=0 DS   [-WA]" for data, the type's name for system segments.
std::string type_text(SegmentRights rights) {
    constexpr char const* system_types[] = {
        "Reserved", "TSS16-avl", "LDT",      "TSS16-busy", "CallGate16", "TaskGate", "IntGate16", "TrapGate16",
        "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved", "IntGate32", "TrapGate32"};
    std::string text = fmt::format("DPL={} ", rights.get<SegmentRights::DPL>());
    if (!rights.has<SegmentRights::S>()) return text + system_types[rights.get<SegmentRights::Type>()];
    bool const code = rights.has<SegmentRights::Code>();
    bool const big = rights.has<SegmentRights::DB>();
    text += code ? (big ? "CS32" : "CS16") : (big ? "DS  " : "DS16");
    char const second = rights.has<SegmentRights::ExpandDown>() ? (code ? 'C' : 'E') : '-';
    char const third = rights.has<SegmentRights::Writable>() ? (code ? 'R' : 'W') : '-';
    char const fourth = rights.has<SegmentRights::Accessed>() ? 'A' : '-';
    return text + fmt::format(" [{}{}{}]", second, third, fourth);
}

/// The descriptor's upper doubleword as it would lie in memory, but for the base.
u32 flags_word(Segment const& segment) {
    u32 const field = segment.rights.has<SegmentRights::G>() ? segment.limit >> 12 : segment.limit;
    return segment.rights.raw | (field & 0xf'0000);
}

void append_segment(std::string& out, char const* name, Segment const& segment) {
    fmt::format_to(std::back_inserter(out), "{:<3}={:04x} {:08x} {:08x} {:08x}", name, segment.selector.raw,
                   segment.base, segment.limit, flags_word(segment));
    if (segment.is_usable()) fmt::format_to(std::back_inserter(out), " {}", type_text(segment.rights));
    out += '\n';
}

} // namespace

std::string dump_registers(GuestCpu const& cpu, bool a20) {
    std::string out;
    auto const add = [&out]<class... A>(fmt::format_string<A...> format, A&&... arguments) {
        fmt::format_to(std::back_inserter(out), format, std::forward<A>(arguments)...);
    };
    auto const& r = cpu.gpr;
    add("EAX={:08x} EBX={:08x} ECX={:08x} EDX={:08x}\n", r[eax], r[ebx], r[ecx], r[edx]);
    add("ESI={:08x} EDI={:08x} EBP={:08x} ESP={:08x}\n", r[esi], r[edi], r[ebp], r[esp]);
    add("EIP={:08x} EFL={:08x} [{}] CPL={} II={:d} A20={:d} SMM=0 HLT={:d}\n", cpu.eip, cpu.eflags.raw,
        flag_letters(cpu.eflags), cpu.cpl, cpu.interrupt_shadow, a20, cpu.halted);
    constexpr char const* names[] = {"ES", "CS", "SS", "DS", "FS", "GS", "LDT", "TR"};
    for (unsigned i = 0; i < segment_count; ++i) append_segment(out, names[i], cpu.segment[i]);
    add("GDT=     {:08x} {:08x}\n", cpu.gdtr.base, cpu.gdtr.limit);
    add("IDT=     {:08x} {:08x}\n", cpu.idtr.base, cpu.idtr.limit);
    add("CR0={:08x} CR2={:08x} CR3={:08x} CR4={:08x}\n", cpu.cr0.raw, cpu.cr2, cpu.cr3.raw, cpu.cr4.raw);
    add("DR0={:08x} DR1={:08x} DR2={:08x} DR3={:08x}\n", cpu.dr[0], cpu.dr[1], cpu.dr[2], cpu.dr[3]);
    add("DR6={:08x} DR7={:08x}\n", cpu.dr6.raw, cpu.dr7.raw);
    add("EFER={:016x}\n", cpu.efer.raw);
    return out;
}

std::string dump_code(std::span<u8 const> bytes, std::size_t before) {
    std::string out = "Code=";
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i != 0) out += ' ';
        out += i == before ? fmt::format("<{:02x}>", bytes[i]) : fmt::format("{:02x}", bytes[i]);
    }
    return out + '\n';
}

} // namespace ring3
