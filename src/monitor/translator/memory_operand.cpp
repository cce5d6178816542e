// How guest memory is reached: the one place (D3, D6).
//
//   window     [r14 + base + disp]         a register and a displacement that cannot lead beyond the guard zones
//              gs:[32-bit sum]             everything else: 67H cuts the sum to 32 bits, as the guest's processor does
//   checked    lea r8d, [EA]               see segmented.cpp; then the same with the segment's base added
//   software   lea r8d, [EA]               the page's entry is compared; if it matches, its bias is added
//              r9 = place of the entry
//              cmp (EA + size - 1) & ~FFFH with the entry's tag     an access that crosses into the next page misses, too
//              jne miss
//              add r8, bias  -->  [r8]
#include "base/assert.h"
#include "monitor/translator/block_writer.h"

namespace ring3 {

using enum Host;

namespace {

constexpr i32 most_below = -(1 << 20); // a displacement further down is more likely a wrap than a structure's field

bool absent(u8 r) {
    return r == insn::no_register;
}

} // namespace

BlockWriter::GuestAddress BlockWriter::address_of(insn::Insn const& insn) {
    return {insn.base,         insn.index, insn.scale, insn.displacement, static_cast<SegmentName>(insn.segment),
            insn.address_width};
}

/// The guest's sum in host registers, pending change of ESP included.
Mem BlockWriter::host_address(GuestAddress const& g) const {
    Mem m{.scale = g.scale, .disp = g.disp};
    if (!absent(g.base)) m.base = home(g.base);
    if (!absent(g.index)) m.index = home(g.index);
    if (g.base == esp) m.disp += sp_;
    return m;
}

void BlockWriter::offset(GuestAddress const& g) {
    Mem const sum = host_address(g);
    if (absent(g.base) && absent(g.index))
        a_.mov_imm(r8, static_cast<u32>(g.disp));
    else
        a_.lea32(r8, sum);
    if (g.width == 2) a_.op({.map = 1, .byte = 0xb7}, number(r8), r8); // MOVZX R8D, R8W
}

void BlockWriter::effective_address(GuestAddress const& g) {
    offset(g);
    if (key_.mode.segment(g.segment) != SegmentClass::flat) add_base(g.segment);
}

void BlockWriter::add_base(SegmentName name) {
    a_.load32(r9, field(&map_.cpu().seg(name).base));
    a_.lea32(r8, {.base = r8, .index = r9});
}

Mem BlockWriter::lower_window(GuestAddress const& g) {
    Mem sum = host_address(g);
    bool const plain = g.width == 4 && key_.mode.segment(g.segment) == SegmentClass::flat;
    if (plain && absent(g.index) && !absent(g.base) && sum.disp > most_below) {
        sum.index = sum.base;
        sum.base = r14;
        return sum;
    }
    if (plain && absent(g.index) && absent(g.base) && sum.disp >= 0) return {.base = r14, .disp = sum.disp};
    if (plain && !absent(g.index)) {
        sum.gs = sum.addr32 = true;
        return sum;
    }
    effective_address(g);
    return {.base = r14, .index = r8};
}

Mem BlockWriter::look_up(unsigned size, Access access, Keep keep) {
    ASSERT(size >= 1 && size <= 64);
    constexpr bool live = true; // the access may fault, and the fault shows the flags
    bool const in_r11 = keep == Keep::none;
    Mem const saved_rax = field(&map_.context().saved_rax);
    if (live) {
        in_r11 ? a_.mov(r11, rax) : a_.store(saved_rax, rax);
        a_.lahf_seto();
    }
    constexpr u8 shift_right = 5, and_digit = 4;
    constexpr u32 index_mask = ((1u << Mmu::tlb_index_bits) - 1) << Mmu::tlb_entry_shift;
    auto const view = vcpu_.mmu.tlb_view(key_.mode.user() ? Privilege::user : Privilege::supervisor);
    a_.mov32(r9, r8);
    a_.shift_imm(shift_right, r9, 12 - Mmu::tlb_entry_shift);
    a_.alu_imm32(and_digit, r9, index_mask);
    if (size > 1)
        a_.lea32(r10, {.base = r8, .disp = static_cast<i32>(size - 1)});
    else
        a_.mov32(r10, r8);
    a_.alu_imm32(and_digit, r10, ~u32{page_mask});
    Mem tag = field(access == Access::write ? view.write_tag : view.read_tag);
    tag.index = r9;
    a_.op({.byte = 0x3b, .wide = true}, number(r10), tag); // CMP R10, tag
    a_.byte(0x0f), a_.byte(0x85);                          // JNE miss
    cold_misses_.push_back({a_.offset(), static_cast<u32>(records_.accesses.size()), live, in_r11, false});
    records_.accesses.push_back({insn_start_, static_cast<u8>(size), access == Access::write});
    a_.word32(0);
    Mem bias = field(view.bias);
    bias.index = r9;
    a_.op({.byte = 0x03, .wide = true}, number(r8), bias); // ADD R8, bias
    if (live) {
        a_.sahf_from_packed();
        in_r11 ? a_.mov(rax, r11) : a_.load(rax, saved_rax);
    }
    return {.base = r8};
}

Mem BlockWriter::lower(GuestAddress const& address, unsigned size, Access access, Keep keep) {
    bool const window = key_.mode.has<TranslationMode::Window>() && !force_software_;
    if (needs_check(address, size)) {
        offset(address);
        check(address, size, access);
        add_base(address.segment);
        if (window) return {.base = r14, .index = r8};
        return look_up(size, access, keep);
    }
    if (window) return lower_window(address);
    effective_address(address);
    return look_up(size, access, keep);
}

} // namespace ring3
