#include "app/pci_slot.h"

#include "app/comma_list.h"

#include <fmt/format.h>

namespace ring3::app {

std::optional<u8> parse_slot(std::string_view text) {
    auto const dot = text.find('.');
    if (dot != text.npos && text.substr(dot) != ".0") return {};
    auto const digits = text.substr(0, dot);
    auto const slot = parse_number(digits.starts_with("0x") ? std::string{digits} : fmt::format("0x{}", digits), 31);
    return slot ? std::optional{static_cast<u8>(*slot)} : std::nullopt;
}

} // namespace ring3::app
