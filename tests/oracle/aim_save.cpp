#include "tests/oracle/aim_save.h"

#include "tests/oracle/mode.h"

#include <cstring>

namespace ring3::oracle {

u32 save_area_offset(Random& random, insn::Op op) {
    constexpr u32 alignment = 64, largest = 1024;
    auto const aligned = [&](u32 space) { return random.below(space - largest) / alignment * alignment; };
    u32 offset = aligned(data_size - largest);
    if (random.one_in(16)) offset += data_size; // the hole behind
    if (op != insn::Op::xrstor && random.one_in(16)) offset = read_only_offset + aligned(data_span - read_only_offset);
    if (random.one_in(16)) offset += random.below(alignment);
    return offset;
}

std::vector<u8> save_area_header(Random& random) {
    XHeader header{{{random.below(8)}}, 0, {}};
    constexpr u64 compact = u64{1} << 63, unknown_component = u64{1} << 40; // of the compact form guests know nothing
    if (random.one_in(8)) header.reserved[random.below(6)] = random.byte();
    if (random.one_in(16)) header.xcomp_bv = random.next() & ~compact;
    if (random.one_in(16)) header.xstate_bv.raw |= unknown_component;
    std::vector<u8> bytes(sizeof header);
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
}

void set_components_in_use(Random& random, XImage& state) {
    state.fx.xmm[0].low |= 1;
    state.ymm_high[0].low |= 1;
    if (!random.one_in(4)) return;
    state.header.xstate_bv = {{XComponents::x87::mask | XComponents::sse::mask}};
    for (XmmSlot& slot : state.ymm_high) slot = {};
}

} // namespace ring3::oracle
