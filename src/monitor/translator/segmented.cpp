// Segments that are not flat, and code of 16 bits (D4; SDM 3A 5.3, 3B 21.1, 21.4).
//
//     r8d = offset ; ecx = 0 if offset + size <= the segment's room ; jrcxz ok ; jmp interpret ; ok: r8d += base
//
// The comparison touches no flag and no register but scratch ones (ecx is brought back). Where it fails nothing has
// happened yet: the interpreter runs the instruction and finds the fault, or the access that the room left out (segments
// that grow down, the last byte of 4 GiB). What fails often is called out.
#include "insn/operands.h"
#include "monitor/cpu/engine_context.h"
#include "monitor/translator/block_writer.h"

namespace ring3 {

using enum Host;
using insn::Insn;
using insn::Op;

namespace {
constexpr u8 movzx16 = 0xb7; // 0F B7
} // namespace

u32 BlockWriter::code_base() const {
    return key_.mode.segmented() ? vcpu_.cpu.seg(SegmentName::cs).base : 0;
}
u32 BlockWriter::code_limit() const {
    return vcpu_.cpu.seg(SegmentName::cs).limit;
}

// ---- limits -------------------------------------------------------------------------------------------------------

bool BlockWriter::needs_check(GuestAddress const& g, unsigned size) const {
    SegmentClass const kind = key_.mode.segment(g.segment);
    return kind == SegmentClass::checked || (kind == SegmentClass::small && (g.width != 2 || size > 1));
}

void BlockWriter::check(GuestAddress const& g, unsigned size, Access access) {
    Segment const& segment = map_.cpu().seg(g.segment);
    a_.mov(r9, rcx);
    if (key_.mode.segment(g.segment) == SegmentClass::small && g.width == 2) {
        a_.lea32(rcx, {.base = r8, .disp = static_cast<i32>(size - 1)});
        a_.rorx32(rcx, rcx, 16);
        a_.op({.map = 1, .byte = movzx16}, number(rcx), rcx); // beyond FFFFH, or 0
    } else {
        a_.load32(rcx, field(access == Access::write ? &segment.write_room : &segment.read_room));
        compare_with_room(r8, size);
    }
    interpret_unless_zero();
}

/// ecx = 0 if offset + size <= ecx: the upper half of their difference, in 64 bits.
void BlockWriter::compare_with_room(Host offset, unsigned size) {
    constexpr u8 not_digit = 2;
    a_.lea(r10, {.base = offset, .disp = static_cast<i32>(size)});
    a_.op({.byte = 0xf7, .wide = true}, not_digit, r10);
    a_.lea(r10, {.base = r10, .index = rcx, .disp = 1});
    a_.rorx(r10, r10, 32);
    a_.mov32(rcx, r10);
}

/// Goes on, with rcx as it is in r9, if ecx is 0.
void BlockWriter::interpret_unless_zero() {
    u32 const allowed = a_.jrcxz();
    a_.byte(0xe9);
    cold_misses_.push_back({a_.offset(), static_cast<u32>(records_.accesses.size()), false, false, true});
    records_.accesses.push_back({insn_start_, 0, false});
    a_.word32(0);
    a_.land(allowed);
    a_.mov(rcx, r9);
}

/// Does an indirect branch stay within CS?
void BlockWriter::check_target(Host eip, unsigned slot) {
    if (!key_.mode.segmented() || code_limit() == ~u32{0} || (slot == 2 && code_limit() >= 0xffff)) return;
    a_.mov(r9, rcx);
    a_.mov_imm(rcx, code_limit() + 1);
    compare_with_room(eip, 1);
    interpret_unless_zero();
}

/// As TranslationMode::place_of().
void BlockWriter::place_of(Host to, Host eip) {
    u32 const base = place_of(code_base());
    if (base != 0)
        a_.lea32(to, {.base = eip, .disp = static_cast<i32>(base)});
    else if (to != eip)
        a_.mov32(to, eip);
}

// ---- operands of two sizes ----------------------------------------------------------------------------------------

void BlockWriter::load_slot(Host to, Mem const& from, unsigned slot) {
    slot == 2 ? a_.op({.map = 1, .byte = movzx16}, number(to), from) : a_.load32(to, from);
}

void BlockWriter::store_slot(Mem const& to, Host from, unsigned slot) {
    a_.op({.byte = 0x89, .operand16 = slot == 2}, number(from), to);
}

void BlockWriter::store_slot(Mem const& to, u32 value, unsigned slot) {
    if (slot == 4) return a_.store_imm32(to, value);
    a_.op({.byte = 0xc7, .operand16 = true}, 0, to);
    a_.byte(value & 0xff), a_.byte(value >> 8 & 0xff);
}

void BlockWriter::move_low_half(Host to, Host from) {
    a_.op({.byte = 0x89, .operand16 = true}, number(from), to);
}

/// JCXZ and LOOP with CX.
void BlockWriter::count_short_register(Scanned const& s) {
    bool const counts = s.insn.def->op == Op::loop;
    if (counts) {
        a_.lea32(r8, {.base = rcx, .disp = -1});
        move_low_half(rcx, r8);
    }
    a_.mov(r9, rcx);
    a_.op({.map = 1, .byte = movzx16}, number(rcx), rcx);
    u32 const zero = a_.jrcxz();
    a_.mov(rcx, r9);
    u32 past = 0;
    if (counts)
        go_to(s.target());
    else
        past = a_.jump_short();
    a_.land(zero);
    a_.mov(rcx, r9);
    if (counts) return;
    go_to(s.target());
    a_.land(past);
}

// ---- strings, one element -----------------------------------------------------------------------------------------

void BlockWriter::element(Scanned const& s) {
    Insn const& insn = s.insn;
    Op const op = insn.def->op;
    u8 const size = insn.width;
    GuestAddress const source{
        .base = esi, .segment = static_cast<SegmentName>(insn.segment), .width = insn.address_width};
    GuestAddress const destination{.base = edi, .segment = SegmentName::es, .width = insn.address_width};
    auto run = [&](u8 byte_opcode, Host reg, Mem const& mem) {
        u8 const opcode = size == 1 ? byte_opcode : static_cast<u8>(byte_opcode | 1);
        a_.op({.byte = opcode, .operand16 = size == 2}, number(reg), mem);
    };
    constexpr u8 store = 0x88, load = 0x8a, compare = 0x3a;
    bool const two = op == Op::movs || op == Op::cmps;
    if (two) run(load, r11, lower(source, size, Access::read));
    switch (op) {
    case Op::movs: run(store, r11, lower(destination, size, Access::write, Keep::r11)); break;
    case Op::cmps: run(compare, r11, lower(destination, size, Access::read, Keep::r11)); break;
    case Op::scas: run(compare, rax, lower(destination, size, Access::read)); break;
    case Op::stos: run(store, rax, lower(destination, size, Access::write)); break;
    default: run(load, rax, lower(source, size, Access::read)); break;
    }
    if (two || op == Op::lods) advance(s, rsi);
    if (op != Op::lods) advance(s, rdi);
}

void BlockWriter::advance(Scanned const& s, Host pointer) {
    i32 const size = s.insn.width;
    Mem const next{.base = pointer, .disp = key_.mode.has<TranslationMode::Backwards>() ? -size : size};
    if (s.insn.address_width == 4) return a_.lea32(pointer, next);
    a_.lea32(r8, next);
    move_low_half(pointer, r8);
}

// ---- segment registers of real-address and virtual-8086 mode ------------------------------------------------------

/// r11d: selector and offset.
void BlockWriter::load_code_paragraph(Host pointer) {
    a_.rorx32(r9, pointer, 16);
    a_.op({.map = 1, .byte = movzx16}, number(r9), r9);
    set_paragraph(SegmentName::cs, r9);
}

/// As Segment::load_real_mode() and Segment::virtual8086(), of a small segment; changes the register.
void BlockWriter::set_paragraph(SegmentName name, Host selector) {
    constexpr u8 present_writable_data = 0x93;
    Segment const& segment = map_.cpu().seg(name);
    a_.op({.byte = 0x89, .operand16 = true}, number(selector), field(&segment.selector));
    a_.rorx32(selector, selector, 28); // * 16
    a_.store32(field(&segment.base), selector);
    a_.store_imm32(field(&segment.source.selector), SegmentSource::nowhere);
    if (!key_.mode.user()) a_.store_imm8(field(segment.rights_type_byte()), present_writable_data);
}

/// MOV, POP, LDS and its kind, where only selector and base change: see treatment_segmented.cpp.
void BlockWriter::load_paragraph(Scanned const& s) {
    Insn const& insn = s.insn;
    Op const op = insn.def->op;
    auto const name = static_cast<SegmentName>(insn::segment_operand(insn));
    if (op == Op::load_far_pointer) {
        a_.load32(r11, lower(address_of(insn), sizeof(u32), Access::read));
        a_.rorx32(r8, r11, 16);
        move_low_half(home(insn.reg()), r11);
        a_.op({.map = 1, .byte = movzx16}, number(r11), r8);
    } else if (op == Op::pop_segment) {
        load_slot(r11, lower(stack_address(0), sizeof(u16), Access::read), sizeof(u16));
        sp_ += insn.operand_size;
    } else if (insn.has_memory) {
        load_slot(r11, lower(address_of(insn), sizeof(u16), Access::read), sizeof(u16));
    } else {
        a_.op({.map = 1, .byte = movzx16}, number(r11), home(insn.rm()));
    }
    set_paragraph(name, r11);
}

// ---- far transfers between paragraphs: r8d = selector and IP is a place of the jump table ---------------------------

/// CS and IP in one store: where SP wraps between them, the interpreter has the instruction.
void BlockWriter::push_far_return(Scanned const& s) {
    Mem const top = lower(stack_address(-4), sizeof(u32), Access::write, Keep::r11);
    a_.op({.map = 1, .byte = movzx16}, number(r10), field(&map_.cpu().seg(SegmentName::cs).selector));
    a_.rorx32(r10, r10, 16);
    a_.lea32(r10, {.base = r10, .disp = static_cast<i32>((s.next() - code_base()) & 0xffff)});
    a_.store32(top, r10);
    sp_ -= 4;
}

/// Into r11d, as it lies in memory.
void BlockWriter::far_pointer(Scanned const& s) {
    Insn const& insn = s.insn;
    if (insn.has_memory)
        a_.load32(r11, lower(address_of(insn), sizeof(u32), Access::read));
    else
        a_.mov_imm(r11, u32{insn.imm2} << 16 | (static_cast<u32>(insn.imm) & 0xffff));
}

void BlockWriter::far_call(Scanned const& s) {
    far_pointer(s);
    push_far_return(s);
    flush_sp();
    load_code_paragraph(r11);
    fpu_after_call();
    a_.mov32(r8, r11);
    if (!pairs_return(s)) return indirect(Via::jump);
    indirect(Via::call);
    return_site(s);
}

void BlockWriter::far_jump(Scanned const& s) {
    far_pointer(s);
    flush_sp();
    load_code_paragraph(r11);
    a_.mov32(r8, r11);
    indirect(Via::jump);
}

void BlockWriter::far_return(Scanned const& s) {
    a_.load32(r11, lower(stack_address(0), sizeof(u32), Access::read));
    sp_ += 4 + (s.insn.shape == insn::Shape::i ? static_cast<i32>(s.insn.imm & 0xffff) : 0);
    flush_sp();
    load_code_paragraph(r11);
    a_.mov32(r8, r11);
    settings_.paired_returns ? a_.ret() : indirect(Via::jump);
}

} // namespace ring3
