#include "monitor/interpreter/x87_environment.h"

#include "monitor/interpreter/vector_checks.h"
#include "monitor/interpreter/x87_pointers.h"

#include <array>
#include <cstring>

namespace ring3 {
namespace {

constexpr unsigned word_count = 7;
constexpr u32 reserved_ones = 0xffff'0000; // what processors store in the unused upper halves
constexpr u32 opcode_mask = 0x7ff;
constexpr unsigned register_bytes = 10; // of each data register in FNSAVE's image
constexpr unsigned registers_bytes = 8 * register_bytes;
constexpr unsigned largest_save = 28 + registers_bytes;

using Words = std::array<u32, word_count>;

bool is_wide(EnvironmentFormat format) {
    return environment_size(format) == word_count * sizeof(u32);
}
bool is_real(EnvironmentFormat format) {
    return format == EnvironmentFormat::real16 || format == EnvironmentFormat::real32;
}

EnvironmentFormat format_for(Vcpu const& v, insn::Insn const& insn) {
    if (v.cpu.uses_descriptors())
        return insn.operand_size == 2 ? EnvironmentFormat::protected16 : EnvironmentFormat::protected32;
    return insn.operand_size == 2 ? EnvironmentFormat::real16 : EnvironmentFormat::real32;
}

/// The four words after control, status and tag, in the real-address formats: bits 15:0 of a linear address, then its
/// higher ones from bit 12 on.
void put_real_pointers(FpuPointers const& p, Words& words) {
    u32 const instruction = p.fip + (u32{p.fcs} << 4);
    u32 const operand = p.fdp + (u32{p.fds} << 4);
    words[3] = reserved_ones | (instruction & 0xffff);
    words[4] = (instruction >> 16) << 12 | (p.fop & opcode_mask);
    words[5] = reserved_ones | (operand & 0xffff);
    words[6] = (operand >> 16) << 12;
}

void put_protected_pointers(FpuPointers const& p, Words& words) {
    words[3] = p.fip;
    words[4] = p.fcs | (p.fop & opcode_mask) << 16;
    words[5] = p.fdp;
    words[6] = reserved_ones | p.fds;
}

FpuPointers real_pointers(Words const& words) {
    FpuPointers p{};
    p.fop = static_cast<u16>(words[4] & opcode_mask);
    p.fip = (words[3] & 0xffff) | ((words[4] >> 12) & 0xffff) << 16;
    p.fdp = (words[5] & 0xffff) | ((words[6] >> 12) & 0xffff) << 16;
    return p;
}

FpuPointers protected_pointers(Words const& words) {
    FpuPointers p{};
    p.fip = words[3];
    p.fcs = static_cast<u16>(words[4] & 0xffff);
    p.fop = static_cast<u16>((words[4] >> 16) & opcode_mask);
    p.fdp = words[5];
    p.fds = static_cast<u16>(words[6] & 0xffff);
    return p;
}

void put_registers(FxImage const& fx, std::span<u8> bytes) {
    for (unsigned i = 0; i < 8; ++i) std::memcpy(&bytes[i * register_bytes], &fx.st[i], register_bytes);
}

void get_registers(FxImage& fx, std::span<u8 const> bytes) {
    for (unsigned i = 0; i < 8; ++i) {
        fx.st[i] = {};
        std::memcpy(&fx.st[i], &bytes[i * register_bytes], register_bytes);
    }
}

/// Areas are aligned if their words are (SDM 3A table 6-7).
Outcome store_area(Vcpu& v, insn::Insn const& insn, std::span<u8 const> bytes) {
    Linear address;
    unsigned const size = static_cast<unsigned>(bytes.size());
    TRY_GUEST(checked_operand(v, insn, size, insn.operand_size, Access::write, address));
    return v.mmu.write_bytes(address, v.privilege(), bytes.data(), size);
}

Outcome load_area(Vcpu& v, insn::Insn const& insn, std::span<u8> bytes) {
    Linear address;
    unsigned const size = static_cast<unsigned>(bytes.size());
    TRY_GUEST(checked_operand(v, insn, size, insn.operand_size, Access::read, address));
    return v.mmu.read_bytes(address, v.privilege(), bytes.data(), size);
}

void load_environment(Vcpu& v, EnvironmentFormat format, std::span<u8 const> bytes) {
    read_environment(fx_of(v), format, bytes);
    sanitize_x87_pointers(v);
    x87_errors_changed(v);
}

} // namespace

void write_environment(FxImage const& fx, EnvironmentFormat format, std::span<u8> bytes) {
    Words words{reserved_ones | fx.fcw.raw, reserved_ones | fx.fsw.raw, reserved_ones | full_tag_word(fx)};
    is_real(format) ? put_real_pointers(fx.pointers, words) : put_protected_pointers(fx.pointers, words);
    if (is_wide(format)) {
        std::memcpy(bytes.data(), words.data(), sizeof words);
        return;
    }
    for (unsigned i = 0; i < word_count; ++i) {
        u16 const word = static_cast<u16>(words[i]);
        std::memcpy(&bytes[i * sizeof word], &word, sizeof word);
    }
}

void read_environment(FxImage& fx, EnvironmentFormat format, std::span<u8 const> bytes) {
    Words words{};
    unsigned const size = is_wide(format) ? sizeof(u32) : sizeof(u16);
    for (unsigned i = 0; i < word_count; ++i) std::memcpy(&words[i], &bytes[i * size], size);
    fx.fcw = Fcw::from_guest(static_cast<u16>(words[0]));
    Fsw const fsw{{static_cast<u16>(words[1])}};
    set_top(fx, fsw.get<Fsw::Top>());
    fx.fsw = fsw;
    fx.tags = abridged_tags(static_cast<u16>(words[2]));
    fx.pointers = is_real(format) ? real_pointers(words) : protected_pointers(words);
}

/// SDM 2A FSTENV: stores, then masks all exceptions.
Outcome fnstenv(Vcpu& v, insn::Insn const& insn) {
    TRY_GUEST(check_x87_available(v));
    EnvironmentFormat const format = format_for(v, insn);
    std::array<u8, 28> bytes{};
    FxImage& fx = fx_of(v);
    write_environment(fx, format, bytes);
    TRY_GUEST(store_area(v, insn, std::span{bytes}.first(environment_size(format))));
    fx.fcw.raw |= static_cast<u16>(Fcw::Masks::mask);
    x87_errors_changed(v);
    return Outcome::next();
}

Outcome fldenv(Vcpu& v, insn::Insn const& insn) {
    TRY_GUEST(check_x87(v));
    EnvironmentFormat const format = format_for(v, insn);
    std::array<u8, 28> bytes{};
    TRY_GUEST(load_area(v, insn, std::span{bytes}.first(environment_size(format))));
    load_environment(v, format, bytes);
    return Outcome::next();
}

/// SDM 2A FSAVE: environment and data registers, then FNINIT.
Outcome fnsave(Vcpu& v, insn::Insn const& insn) {
    TRY_GUEST(check_x87_available(v));
    EnvironmentFormat const format = format_for(v, insn);
    unsigned const size = environment_size(format);
    std::array<u8, largest_save> bytes{};
    FxImage& fx = fx_of(v);
    write_environment(fx, format, bytes);
    put_registers(fx, std::span{bytes}.subspan(size, registers_bytes));
    TRY_GUEST(store_area(v, insn, std::span{bytes}.first(size + registers_bytes)));
    init_x87(fx);
    x87_errors_changed(v);
    return Outcome::next();
}

Outcome frstor(Vcpu& v, insn::Insn const& insn) {
    TRY_GUEST(check_x87(v));
    EnvironmentFormat const format = format_for(v, insn);
    unsigned const size = environment_size(format);
    std::array<u8, largest_save> bytes{};
    TRY_GUEST(load_area(v, insn, std::span{bytes}.first(size + registers_bytes)));
    load_environment(v, format, bytes);
    get_registers(fx_of(v), std::span{bytes}.subspan(size, registers_bytes));
    return Outcome::next();
}

} // namespace ring3
