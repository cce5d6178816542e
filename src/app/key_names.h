// The names of keys, as QEMU's `sendkey` has them.
#pragma once

#include "base/types.h"

#include <optional>
#include <string_view>
#include <vector>

namespace ring3::app {

/// A key by its code of scan code set 2; extended keys send E0h first (IBM PS/2 Technical Reference, "Keyboards").
struct Key {
    u8 code{};
    bool extended{};
    friend constexpr bool operator==(Key, Key) = default;
};

/// "ctrl-alt-delete": the keys in the order in which they are pressed. Nothing if one of them is unknown, or there are
/// more than a hand holds down.
std::optional<std::vector<Key>> keys_named(std::string_view names);

} // namespace ring3::app
