// The words for network cards: what the app asks for, the driver carries and the board plugs in.
#pragma once

#include "base/types.h"

#include <array>
#include <optional>
#include <vector>

namespace ring3 {

enum class NicModel : u8 { e1000, rtl8139, virtio };

inline constexpr unsigned max_nics = 8;

/// A card as the board makes it.
struct NicDescription {
    NicModel model{};
    std::array<u8, 6> mac{};
    std::optional<u8> slot{}; // on the PCI bus; nothing: the first one that is free
    std::vector<u8> rom{};    // expansion ROM: whole pages, a power of two of them; empty: none
    bool link{true};          // the cable is plugged in at power-on
};

} // namespace ring3
