// A slot of the PCI bus as people write it in addr=.
#pragma once

#include "base/types.h"

#include <optional>
#include <string_view>

namespace ring3::app {

/// "3", "0x3" or "3.0", in hexadecimal as QEMU has it.
std::optional<u8> parse_slot(std::string_view text);

} // namespace ring3::app
