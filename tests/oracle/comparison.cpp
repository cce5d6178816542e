#include "tests/oracle/comparison.h"

#include "insn/disassemble.h"
#include "monitor/interpreter/fpu_state.h"
#include "tests/oracle/leeway.h"

#include <fmt/format.h>

#include <algorithm>

namespace ring3::oracle {

namespace {

std::string name_of(Case const& test) {
    return test.refused ? "(no instruction)" : std::string{insn::name(test.insn)};
}

/// Where the guest went, if neither on nor to a landing: the host must fault there, unless there is code of ours.
enum class Destination : u8 { landing, stray, harness };

bool in_harness(u32 linear) {
    return linear >= ORACLE_STATE - 64 && linear < ORACLE_TRAMPOLINE + 2 * page_size;
}

Destination destination(Case const& test, Ending const& guest, u32 code_base) {
    u32 const linear = guest.eip + code_base, offset = linear - ORACLE_CODE;
    if (guest.faulted || offset == test.length || offset == Native32::taken_offset || offset == Native32::far_offset)
        return Destination::landing;
    return in_harness(linear) ? Destination::harness : Destination::stray;
}

/// The GDT's 64-bit code segment, which the guest takes for a 32-bit one.
bool is_64bit_code(u16 selector) {
    return (selector | 3) == SELECTOR_CODE64;
}

/// Did the guest fault where the host process has the test's own pages? Then the two cannot be compared.
bool hit_the_harness(Ending const& guest) {
    return guest.faulted && guest.vector == static_cast<u8>(Vector::pf) && in_harness(guest.cr2);
}

/// What the host must say about a jump into nowhere: the fetch faults (it was no fetch of a present page if our page is
/// not executable; the error code's bit 0 tells, and does not matter).
Ending fetch_fault(u32 eip, u32 code_base, Ending const& native) {
    constexpr u32 user_fetch = 0x14, present = 1;
    return {true, static_cast<u8>(Vector::pf), user_fetch | (native.error & present), eip + code_base, eip};
}

std::string text_of(Ending const& e) {
    return fmt::format("{} vector {} error {:x} cr2 {:x} eip {:x}", e.faulted ? "fault" : "ok", e.vector, e.error,
                       e.cr2, e.eip);
}

} // namespace

void Comparison::refill(Generator& generator) {
    generator.change_ldt();
    native_.set_ldt(generator.tables().ldt);
    guest_.set_tables(generator.tables());
    ldt_ = generator.tables().ldt;
    generator.fill(native_.data());
    generator.fill(native_.read_only_data());
    copy_to_guest();
}

void Comparison::copy_to_guest() {
    std::ranges::copy(native_.data(), guest_.data().begin());
    std::ranges::copy(native_.read_only_data(), guest_.read_only_data().begin());
}

void Comparison::poke(Case const& test) {
    for (Poke const& poke : test.pokes) {
        std::ranges::copy(poke.bytes, native_.data().begin() + poke.offset);
        std::ranges::copy(poke.bytes, guest_.data().begin() + poke.offset);
    }
}

std::string Comparison::memory_difference() const {
    auto const host = native_.data(), ring3 = guest_.data();
    std::string text;
    for (std::size_t i = 0; i < host.size(); ++i) {
        if (host[i] == ring3[i]) continue;
        text += fmt::format("; byte at {:x} host {:02x} ring3 {:02x}", ORACLE_DATA + i, host[i], ring3[i]);
        if (!options_.verbose) break;
    }
    return text;
}

std::string Comparison::fpu_difference(Case const& test, CpuImage const& native, CpuImage const& guest) const {
    constexpr std::size_t legacy_end = 160 + 8 * 16, ymm_start = 576, ymm_end = 576 + 8 * 16;
    std::string text;
    for (std::size_t i = 0; i < ymm_end; ++i) {
        bool const compared = (i < 28 || i >= 32) && (i < legacy_end || i >= ymm_start);
        if (!compared || native.fpu.bytes[i] == guest.fpu.bytes[i]) continue;
        text += fmt::format("; fpu byte {} was {:02x} host {:02x} ring3 {:02x}", i, test.image.fpu.bytes[i],
                            native.fpu.bytes[i], guest.fpu.bytes[i]);
        if (!options_.verbose) break;
    }
    return text;
}

std::string Comparison::segment_difference(CpuImage const& native, CpuImage const& guest) {
    constexpr char const* names[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    std::string text;
    for (unsigned i = 0; i < native.selectors.size(); ++i) {
        bool const unseen = native.selectors[i] == 0 && names[i] == std::string_view{"cs"};
        if (!unseen && !same_selector(native.selectors[i], guest.selectors[i]))
            text += fmt::format("; {} host {:04x} ring3 {:04x}", names[i], native.selectors[i], guest.selectors[i]);
    }
    return text;
}

std::string Comparison::difference(Case const& test, CpuImage native, CpuImage guest, Ending ending) const {
    constexpr char const* names[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    std::string text = segment_difference(native, guest);
    hide_host_values(test, native, guest);
    for (unsigned i = 0; i < 8; ++i)
        if (native.gpr[i] != guest.gpr[i])
            text += fmt::format("; {} host {:08x} ring3 {:08x}", names[i], native.gpr[i], guest.gpr[i]);
    u32 const flags = (native.eflags ^ guest.eflags) & compared_flags(test);
    if (flags != 0) text += fmt::format("; eflags host {:08x} ring3 {:08x}", native.eflags, guest.eflags);
    if (!std::ranges::equal(native_.data(), guest_.data())) text += memory_difference();
    make_comparable(test, ending, native);
    make_comparable(test, ending, guest);
    return text + fpu_difference(test, native, guest);
}

void Comparison::report(Case const& test, std::string const& what) {
    u64& count = failures_by_row_[name_of(test)];
    ++tally_.failures;
    if (++count > 3 || failures_by_row_.size() > options_.most_rows) return;
    std::string const text = test.refused ? "" : insn::disassemble(test.insn, ORACLE_CODE);
    fmt::print("{}{}: {:02x} [{}]{}\n", name_of(test), test.mode == Mode::code16 ? " (16-bit)" : "",
               fmt::join(test.code(), " "), text, what);
    if (!options_.verbose) return;
    fmt::print("    registers {:08x} eflags {:08x}\n", fmt::join(test.image.gpr, " "), test.image.eflags);
    fmt::print("    es cs ss ds fs gs {:04x}\n    ldt {:016x}\n", fmt::join(test.image.selectors, " "),
               fmt::join(ldt_, " "));
    for (Poke const& poke : test.pokes) fmt::print("    +{:x}: {:02x}\n", poke.offset, fmt::join(poke.bytes, " "));
    std::span const state{test.image.fpu.bytes};
    fmt::print("    x87 {:02x}\n", fmt::join(state.first(32), " "));
    for (unsigned i = 0; i < 8; ++i)
        fmt::print("    st{} {:02x} ymm{} {:02x} {:02x}\n", i, fmt::join(state.subspan(32 + 16 * i, 10), ""), i,
                   fmt::join(state.subspan(160 + 16 * i, 16), ""), fmt::join(state.subspan(576 + 16 * i, 16), ""));
}

void Comparison::run(Case const& test) {
    poke(test);
    last_ = {test.bytes, test.length, test.mode};
    CpuImage native = test.image, guest = test.image;
    Ending guest_ending = guest_.run(test, guest);
    u32 const code_base = guest_.code_base();
    Destination const where = destination(test, guest_ending, code_base);
    bool const leaves_32bit = is_64bit_code(guest.selector(SegmentName::cs));
    if (hit_the_harness(guest_ending) || where == Destination::harness || leaves_32bit) return copy_to_guest();
    Ending const native_ending = native_.run(test.code(), native);
    // Stacks of 64-bit code have no limits: the host may get there where the guest met a fault.
    if (is_64bit_code(native.selector(SegmentName::cs))) return copy_to_guest();
    ++tally_.cases;
    if (native_ending.faulted) ++tally_.faults[native_ending.vector % tally_.faults.size()];
    if (where == Destination::stray) guest_ending = fetch_fault(guest_ending.eip, code_base, native_ending);
    if (may_store_partly(test, native_ending) || may_copy_otherwise(test)) copy_to_guest();
    std::string what = difference(test, native, guest, native_ending);
    if (!same_ending(test, native_ending, guest_ending))
        what += fmt::format("; ends: host {}, ring3 {}", text_of(native_ending), text_of(guest_ending));
    if (what.empty()) return;
    report(test, what);
    copy_to_guest();
}

} // namespace ring3::oracle
