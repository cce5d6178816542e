#include "tests/oracle/aim_save.h"

#include "tests/oracle/mode.h"

#include <cstring>

namespace ring3::oracle {

u32 save_area_offset(Random& random) {
    constexpr u32 alignment = 64, largest = 1024;
    auto const aligned = [&](u32 space) { return random.below(space - largest) / alignment * alignment; };
    u32 offset = aligned(data_size - largest);
    if (random.one_in(16)) offset += data_size; // the hole behind
    if (random.one_in(16)) offset = read_only_offset + aligned(data_span - read_only_offset);
    if (random.one_in(16)) offset += random.below(alignment);
    return offset;
}

std::vector<u8> save_area_header(Random& random) {
    XHeader header{{{random.below(8)}}, 0, {}};
    if (random.one_in(8)) header.reserved[random.below(6)] = random.byte();
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
