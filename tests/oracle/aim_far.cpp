#include "tests/oracle/aim_far.h"

#include <cstring>

namespace ring3::oracle {

namespace {

void append(std::vector<u8>& bytes, u32 value, unsigned size) {
    for (unsigned i = 0; i < size; ++i) bytes.push_back(static_cast<u8>(value >> 8 * i));
}

/// Now and then SS of the other size (stacks of 16 bits in 32-bit code, and the other way round), or whatever there is:
/// stacks that expand down, or end soon.
u16 stack_selector(Random& random, Tables const& tables, Mode mode) {
    if (random.one_in(16)) {
        u16 const selector = loadable_selector(random, tables);
        if (tables.at(selector).rights().is_writable_data()) return selector;
    }
    bool const narrow = (mode == Mode::code16) != (tables.has_ldt && random.one_in(16));
    return narrow ? SELECTOR_DATA16 : SELECTOR_DATA;
}

} // namespace

void choose_segments(Random& random, Tables const& tables, Case& test) {
    CpuImage& image = test.image;
    bool const flat = test.mode == Mode::flat32;
    u16 const data = flat ? SELECTOR_DATA : SELECTOR_DATA16;
    image.selector(SegmentName::cs) = home_selector(random, tables, test.mode);
    image.selector(SegmentName::ss) = stack_selector(random, tables, test.mode);
    for (SegmentName name : {SegmentName::ds, SegmentName::es})
        image.selector(name) = random.one_in(8) ? loadable_selector(random, tables) : data;
    for (SegmentName name : {SegmentName::fs, SegmentName::gs})
        image.selector(name) = random.one_in(6) ? data : loadable_selector(random, tables);
}

FarTarget far_target(Random& random, Tables const& tables) {
    u16 const selector = random.one_in(3) ? any_selector(random, tables) : code_selector(random, tables);
    if ((selector | 3) == SELECTOR_CODE64) return far_target(random, tables); // the guest has no 64-bit code
    u32 const base = tables.at(selector).base();
    u32 const offset = random.one_in(12) ? random.word32() : ORACLE_CODE + Native32::far_offset - base;
    return {offset, selector};
}

std::vector<u8> pointer_bytes(FarTarget target, unsigned operand_size) {
    std::vector<u8> bytes;
    append(bytes, target.offset, operand_size);
    append(bytes, target.selector, sizeof target.selector);
    return bytes;
}

std::vector<u8> frame_bytes(FarTarget target, u32 flags, unsigned operand_size) {
    std::vector<u8> bytes;
    append(bytes, target.offset, operand_size);
    append(bytes, target.selector, operand_size);
    append(bytes, flags, operand_size);
    return bytes;
}

} // namespace ring3::oracle
