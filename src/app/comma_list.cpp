#include "app/comma_list.h"

#include <array>
#include <charconv>
#include <fmt/format.h>

namespace ring3::app {

namespace {

KeyValue split_pair(std::string const& piece) {
    auto const equals = piece.find('=');
    if (equals == std::string::npos) return {piece, "on", false};
    return {piece.substr(0, equals), piece.substr(equals + 1), true};
}

std::optional<bool> parse_switch(std::string_view text) {
    for (auto const word : {"on", "yes", "true", "y"})
        if (text == word) return true;
    for (auto const word : {"off", "no", "false", "n"})
        if (text == word) return false;
    return std::nullopt;
}

} // namespace

std::vector<std::string> split_commas(std::string_view text) {
    std::vector<std::string> pieces;
    if (text.empty()) return pieces;
    pieces.emplace_back();
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool const comma = text[i] == ',';
        bool const doubled = comma && i + 1 < text.size() && text[i + 1] == ',';
        if (comma && !doubled) {
            pieces.emplace_back();
            continue;
        }
        pieces.back() += text[i];
        i += doubled;
    }
    return pieces;
}

CommaList::CommaList(std::string_view text, std::string_view head_key) {
    for (auto const& piece : split_commas(text)) {
        auto pair = split_pair(piece);
        if (pairs_.empty() && !head_key.empty() && !pair.has_value) pair = {std::string{head_key}, piece, true};
        pairs_.push_back(std::move(pair));
    }
}

std::optional<std::string> CommaList::take(std::string_view key) {
    std::optional<std::string> result;
    std::erase_if(pairs_, [&](KeyValue const& pair) {
        if (pair.key != key) return false;
        result = pair.value;
        return true;
    });
    return result;
}

std::vector<std::string> CommaList::take_all(std::string_view key) {
    std::vector<std::string> values;
    std::erase_if(pairs_, [&](KeyValue const& pair) {
        if (pair.key != key) return false;
        values.push_back(pair.value);
        return true;
    });
    return values;
}

Result<std::optional<bool>> CommaList::take_switch(std::string_view key) {
    if (take(fmt::format("no{}", key))) return std::optional{false};
    auto const text = take(key);
    if (!text) return std::optional<bool>{};
    auto const value = parse_switch(*text);
    if (!value) return fail(ExitStatus::usage, fmt::format("'{}' takes on or off, not '{}'", key, *text));
    return value;
}

Result<std::optional<u64>> CommaList::take_number(std::string_view key, u64 most) {
    auto const text = take(key);
    if (!text) return std::optional<u64>{};
    auto const value = parse_number(*text, most);
    if (!value)
        return fail(ExitStatus::usage, fmt::format("'{}' takes a number up to {:#x}, not '{}'", key, most, *text));
    return value;
}

Result<void> CommaList::finish(std::string_view option) const {
    if (pairs_.empty()) return {};
    return fail(ExitStatus::usage, fmt::format("option '{}' does not know '{}'", option, pairs_.front().key));
}

std::optional<u64> parse_number(std::string_view text, u64 most) {
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        base = 16;
        text.remove_prefix(2);
    }
    u64 value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
    return value;
}

} // namespace ring3::app
