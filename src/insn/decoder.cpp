#include "insn/decoder.h"

#include "insn/lookup.h"

#include <algorithm>
#include <cstring>

namespace ring3::insn {
namespace {

/// Reads the instruction's bytes in order. Past the end it yields zeros and remembers; one question at the end answers
/// for all reads, and no read needs a check of its own.
class Cursor {
public:
    explicit Cursor(std::span<u8 const> bytes)
        : bytes_{bytes.data()}, limit_{static_cast<unsigned>(std::min<std::size_t>(bytes.size(), max_length))} {}

    u8 peek() const { return position_ < limit_ ? bytes_[position_] : u8{0}; }
    u8 byte() {
        u8 const value = peek();
        ++position_;
        return value;
    }
    u16 word() { return read<u16>(); }
    u32 dword() { return read<u32>(); }

    unsigned position() const { return position_; }
    bool overrun() const { return position_ > limit_; }
    DecodeStatus why_overrun() const { return limit_ == max_length ? DecodeStatus::too_long : DecodeStatus::truncated; }
    u8 const* data() const { return bytes_; }

private:
    template <class T> T read() {
        T value{};
        if (position_ + sizeof value <= limit_) std::memcpy(&value, bytes_ + position_, sizeof value);
        position_ += sizeof value;
        return value;
    }
    u8 const* bytes_;
    unsigned limit_;
    unsigned position_{};
};

// ---- prefixes (SDM 2A 2.1.1)

/// Of each group the last one counts; all may be repeated and in any order.
struct Prefixes {
    u8 repeat{}; // F2, F3 or 0
    bool operand_size{}, address_size{}, lock{};
    bool has_segment{};
    SegmentIndex segment{};

    bool forbid_vex() const { return repeat != 0 || operand_size || lock; }
    /// As VEX.pp numbers them. F2 and F3 come before 66, wherever they stand.
    unsigned mandatory() const { return repeat == 0xf3 ? 2 : repeat == 0xf2 ? 3 : operand_size ? 1 : 0; }
    void set_segment(SegmentIndex index) {
        has_segment = true;
        segment = index;
    }
};

/// Takes `byte` in if it is a prefix.
bool take_prefix(u8 byte, Prefixes& prefixes) {
    switch (byte) {
    case 0x26: prefixes.set_segment(SegmentIndex::es); return true;
    case 0x2e: prefixes.set_segment(SegmentIndex::cs); return true;
    case 0x36: prefixes.set_segment(SegmentIndex::ss); return true;
    case 0x3e: prefixes.set_segment(SegmentIndex::ds); return true;
    case 0x64: prefixes.set_segment(SegmentIndex::fs); return true;
    case 0x65: prefixes.set_segment(SegmentIndex::gs); return true;
    case 0x66: return prefixes.operand_size = true;
    case 0x67: return prefixes.address_size = true;
    case 0xf0: return prefixes.lock = true;
    case 0xf2:
    case 0xf3: prefixes.repeat = byte; return true;
    default: return false;
    }
}

// ---- opcodes

struct Opcode {
    unsigned map{}; // map_index()
    u8 byte{};
    Selection selection{};
    bool names_vvvv{}; // VEX.vvvv is not 1111b
};

/// SDM 2A 2.3.5: C5 has R vvvv L pp, C4 has RXB mmmmm, W vvvv L pp. R and X are 1 here (else it were LES or LDS), and B
/// is ignored outside 64-bit mode. So is vvvv[3] where vvvv names a register; where it does not, all four bits must be 1.
Opcode read_vex(Cursor& cursor, u8 escape, Insn& insn) {
    Opcode opcode{};
    unsigned map = 1;
    if (escape == 0xc4) map = cursor.byte() & 0x1f;
    u8 const payload = cursor.byte();
    insn.vex = true;
    insn.vvvv = static_cast<u8>(~payload >> 3) & 7;
    opcode.names_vvvv = (payload & 0x78) != 0x78;
    insn.vex_l = opcode.selection.l = (payload & 4) != 0;
    insn.vex_w = opcode.selection.w = escape == 0xc4 && (payload & 0x80) != 0;
    opcode.selection.prefix = payload & 3;
    opcode.byte = cursor.byte();
    // Maps other than 1 to 3 are reserved; map 0 of VEX has no rows.
    opcode.map = map_index(Encoding::vex, map <= 3 ? static_cast<Map>(map) : Map::one_byte);
    return opcode;
}

Opcode read_legacy(Cursor& cursor, u8 first, Prefixes const& prefixes) {
    Opcode opcode{map_index(Encoding::legacy, Map::one_byte), first, {}, false};
    opcode.selection.prefix = prefixes.mandatory();
    if (first != 0x0f) return opcode;
    opcode.map = map_index(Encoding::legacy, Map::two_byte);
    opcode.byte = cursor.byte();
    if (opcode.byte != 0x38 && opcode.byte != 0x3a) return opcode;
    opcode.map = map_index(Encoding::legacy, opcode.byte == 0x38 ? Map::map_0f38 : Map::map_0f3a);
    opcode.byte = cursor.byte();
    return opcode;
}

/// Reads ModRM if the opcode has one, and looks the row up.
u16 select_row(Cursor& cursor, Opcode& opcode, Insn& insn) {
    Slot const& slot = lookup.slots[opcode.map][opcode.byte];
    if (slot.has_modrm) {
        insn.has_modrm = true;
        insn.modrm_offset = static_cast<u8>(cursor.position());
        insn.modrm = opcode.selection.modrm = cursor.byte();
    }
    return lookup.cells[slot.first + cell_of(slot.selectors, opcode.selection)];
}

// ---- memory operands (SDM 2A 2.1.5)

constexpr u8 ebx = 3, esp = 4, ebp = 5, esi = 6, edi = 7;

struct BaseIndex {
    u8 base, index;
};
/// Table 2-1, by ModRM.rm.
constexpr BaseIndex forms16[8]{{ebx, esi},         {ebx, edi},         {ebp, esi},         {ebp, edi},
                               {esi, no_register}, {edi, no_register}, {ebp, no_register}, {ebx, no_register}};

void read_address16(Cursor& cursor, Insn& insn) {
    auto const [base, index] = forms16[insn.rm()];
    insn.base = base;
    insn.index = index;
    if (insn.mod() == 1)
        insn.displacement = static_cast<i8>(cursor.byte());
    else if (insn.mod() == 2)
        insn.displacement = static_cast<i16>(cursor.word());
    else if (insn.rm() == 6) { // no base: a 16-bit address
        insn.base = no_register;
        insn.displacement = cursor.word();
    }
}

/// Tables 2-2 and 2-3.
void read_address32(Cursor& cursor, Insn& insn) {
    insn.base = insn.rm();
    if (insn.rm() == esp) {
        u8 const sib = cursor.byte();
        insn.base = sib & 7;
        insn.scale = sib >> 6;
        u8 const index = (sib >> 3) & 7;
        insn.index = index == esp ? no_register : index;
    }
    if (insn.mod() == 1)
        insn.displacement = static_cast<i8>(cursor.byte());
    else if (insn.mod() == 2)
        insn.displacement = static_cast<i32>(cursor.dword());
    else if (insn.base == ebp) {
        insn.base = no_register;
        insn.displacement = static_cast<i32>(cursor.dword());
    }
}

void read_address(Cursor& cursor, Prefixes const& prefixes, Insn& insn) {
    insn.has_memory = true;
    if (insn.address_width == 2)
        read_address16(cursor, insn);
    else
        read_address32(cursor, insn);
    if (!prefixes.has_segment && (insn.base == ebp || insn.base == esp)) insn.segment = SegmentIndex::ss;
}

// ---- immediates

u64 sign_extended(i64 value) {
    return static_cast<u64>(value);
}

u32 read_offset(Cursor& cursor, unsigned width) {
    return width == 2 ? cursor.word() : cursor.dword();
}

void read_immediate(Cursor& cursor, Immediate kind, Insn& insn) {
    switch (kind) {
    case Immediate::none: break;
    case Immediate::implied_one: insn.imm = 1; break;
    case Immediate::byte: insn.imm = cursor.byte(); break;
    case Immediate::byte_signed: insn.imm = sign_extended(static_cast<i8>(cursor.byte())); break;
    case Immediate::word: insn.imm = cursor.word(); break;
    case Immediate::operand_size:
        insn.imm = insn.operand_size == 2 ? sign_extended(static_cast<i16>(cursor.word()))
                                          : sign_extended(static_cast<i32>(cursor.dword()));
        break;
    case Immediate::far_pointer:
        insn.imm = read_offset(cursor, insn.operand_size);
        insn.imm2 = cursor.word();
        break;
    case Immediate::enter:
        insn.imm = cursor.word();
        insn.imm2 = cursor.byte();
        break;
    case Immediate::moffs:
        insn.imm = read_offset(cursor, insn.address_width);
        insn.displacement = static_cast<i32>(insn.imm);
        insn.has_memory = true;
        break;
    }
}

// ---- operands

constexpr RegRef full_register(unsigned number) {
    return static_cast<RegRef>(number * 8);
}
/// AL CL DL BL AH CH DH BH.
constexpr RegRef byte_register(unsigned number) {
    return static_cast<RegRef>(number < 4 ? number * 8 : (number - 4) * 8 + 1);
}

RegRef reference(Field field, u8 opcode, Insn const& insn) {
    switch (field) {
    case Field::none:
    case Field::accumulator: return full_register(0);
    case Field::cl: return full_register(1);
    case Field::dx: return full_register(2);
    case Field::reg: return full_register(insn.reg());
    case Field::reg_byte: return byte_register(insn.reg());
    case Field::rm: return full_register(insn.rm());
    case Field::rm_byte: return byte_register(insn.rm());
    case Field::opcode: return full_register(opcode & 7u);
    case Field::opcode_byte: return byte_register(opcode & 7u);
    case Field::vvvv: return full_register(insn.vvvv);
    }
    return 0;
}

u8 width_of(Size size, Insn const& insn) {
    switch (size) {
    case Size::operand: return insn.operand_size;
    case Size::word_in_memory: return insn.has_memory ? u8{2} : insn.operand_size;
    case Size::vector: return insn.vex_l ? 32 : 16;
    default: return static_cast<u8>(size);
    }
}

void resolve_operands(Plan const& plan, u8 opcode, Insn& insn) {
    insn.shape = insn.has_memory ? plan.with_memory : plan.with_register;
    insn.width = width_of(plan.width, insn);
    insn.source_width = width_of(plan.source_width, insn);
    insn.dst = reference(plan.dst, opcode, insn);
    insn.src = reference(plan.src, opcode, insn);
}

// ---- what the cells cannot say

constexpr u8 cs_number = 1, segment_register_count = 6;

bool names_control_register(u8 number) {
    return number == 0 || (number >= 2 && number <= 4);
}

/// Gathers need a SIB byte, and three different vector registers (SDM 2C VGATHERDPS: else #UD).
bool is_legal_gather(Insn const& insn, Cursor const& cursor) {
    if (insn.address_width != 4 || insn.rm() != esp) return false; // without a SIB byte there is none to look at
    u8 const sib = cursor.data()[insn.modrm_offset + 1];
    u8 const index = (sib >> 3) & 7, destination = insn.reg(), mask = insn.vvvv;
    return index != destination && index != mask && destination != mask;
}

bool is_legal(Plan const& plan, Insn const& insn, Cursor const& cursor) {
    if (plan.segment_register && insn.reg() >= segment_register_count) return false;
    if (plan.writes_segment && insn.reg() == cs_number) return false;
    if (plan.control_register && !names_control_register(insn.reg())) return false;
    return !plan.gather || is_legal_gather(insn, cursor);
}

void set_sizes(unsigned default_size, Prefixes const& prefixes, Insn& insn) {
    u8 const size = static_cast<u8>(default_size), other = static_cast<u8>(6 - default_size);
    insn.operand_size = prefixes.operand_size ? other : size;
    insn.address_width = prefixes.address_size ? other : size;
    insn.operand_prefix = prefixes.operand_size;
    insn.address_prefix = prefixes.address_size;
    insn.segment_prefix = prefixes.has_segment;
    insn.segment = prefixes.has_segment ? prefixes.segment : SegmentIndex::ds;
    insn.rep = prefixes.repeat == 0xf3;
    insn.repne = prefixes.repeat == 0xf2;
    insn.lock = prefixes.lock;
}

} // namespace

DecodeStatus decode(std::span<u8 const> bytes, unsigned default_size, bool allow_vex, Insn& insn) {
    insn = Insn{};
    Cursor cursor{bytes};
    Prefixes prefixes{};
    u8 first = cursor.byte();
    while (take_prefix(first, prefixes)) first = cursor.byte();
    set_sizes(default_size, prefixes, insn);

    bool const is_vex = (first == 0xc4 || first == 0xc5) && allow_vex && cursor.peek() >= 0xc0;
    if (is_vex && prefixes.forbid_vex()) return prefixes.lock ? DecodeStatus::illegal_lock : DecodeStatus::invalid;
    Opcode opcode = is_vex ? read_vex(cursor, first, insn) : read_legacy(cursor, first, prefixes);
    u16 const row = select_row(cursor, opcode, insn);
    if (cursor.overrun()) return cursor.why_overrun();
    if (row == no_row) return DecodeStatus::invalid;
    insn.def = &lookup.rows[row];
    Plan const& plan = lookup.plans[row];

    if (insn.has_modrm && insn.mod() != 3 && !plan.mod_ignored) read_address(cursor, prefixes, insn);
    read_immediate(cursor, plan.immediate, insn);
    if (cursor.overrun()) return cursor.why_overrun();
    if ((plan.vvvv_unused && opcode.names_vvvv) || !is_legal(plan, insn, cursor)) return DecodeStatus::invalid;
    if (insn.lock && !(insn.def->lockable && insn.has_memory)) return DecodeStatus::illegal_lock;

    if (plan.gather) insn.index = no_register;
    resolve_operands(plan, opcode.byte, insn);
    insn.length = static_cast<u8>(cursor.position());
    std::memcpy(insn.bytes, bytes.data(), insn.length);
    return DecodeStatus::ok;
}

JoinedBytes::JoinedBytes(std::span<u8 const> head, std::span<u8 const> tail) {
    auto const first = head.first(std::min(head.size(), bytes_.size()));
    auto const second = tail.first(std::min(tail.size(), bytes_.size() - first.size()));
    std::ranges::copy(second, std::ranges::copy(first, bytes_.begin()).out);
    size_ = first.size() + second.size();
}

std::string_view name(Insn const& insn) {
    return insn.def->name;
}

} // namespace ring3::insn
