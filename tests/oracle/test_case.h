// One test case: code, and the state that both sides start from.
#pragma once

#include "insn/decoder.h"
#include "monitor/cpu/outcome.h"
#include "tests/oracle/native32.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace ring3::oracle {

/// Bytes that the data must hold at an offset from ORACLE_DATA: where random ones would only lead to the same fault.
struct Poke {
    u32 offset{};
    std::vector<u8> bytes;
};

struct Case {
    Mode mode{};
    insn::Insn insn{};               // unless `refused`
    std::optional<Vector> refused{}; // no instruction: the fault that the decoder's answer means
    std::array<u8, 16> bytes{};
    u8 length{};
    CpuImage image{};
    std::vector<Poke> pokes{};
    bool may_wrap{}; // an operand's segment has a base and a limit of 4 GiB
    bool aliased{};  // its two strings reach the data at different linear addresses

    std::span<u8 const> code() const { return std::span{bytes}.first(length); }
};

/// How many of the bytes are legacy prefixes.
inline std::size_t prefix_count(std::span<u8 const> bytes) {
    constexpr u8 prefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65};
    auto const is_prefix = [&](u8 byte) { return std::ranges::find(prefixes, byte) != std::end(prefixes); };
    return static_cast<std::size_t>(std::ranges::find_if_not(bytes, is_prefix) - bytes.begin());
}

} // namespace ring3::oracle
