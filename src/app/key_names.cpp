#include "app/key_names.h"

#include <algorithm>
#include <array>

namespace ring3::app {

namespace {

struct Name {
    std::string_view name;
    u8 code;
    bool extended{};
};

constexpr std::array names{
    Name{"a", 0x1c},
    Name{"b", 0x32},
    Name{"c", 0x21},
    Name{"d", 0x23},
    Name{"e", 0x24},
    Name{"f", 0x2b},
    Name{"g", 0x34},
    Name{"h", 0x33},
    Name{"i", 0x43},
    Name{"j", 0x3b},
    Name{"k", 0x42},
    Name{"l", 0x4b},
    Name{"m", 0x3a},
    Name{"n", 0x31},
    Name{"o", 0x44},
    Name{"p", 0x4d},
    Name{"q", 0x15},
    Name{"r", 0x2d},
    Name{"s", 0x1b},
    Name{"t", 0x2c},
    Name{"u", 0x3c},
    Name{"v", 0x2a},
    Name{"w", 0x1d},
    Name{"x", 0x22},
    Name{"y", 0x35},
    Name{"z", 0x1a},
    Name{"0", 0x45},
    Name{"1", 0x16},
    Name{"2", 0x1e},
    Name{"3", 0x26},
    Name{"4", 0x25},
    Name{"5", 0x2e},
    Name{"6", 0x36},
    Name{"7", 0x3d},
    Name{"8", 0x3e},
    Name{"9", 0x46},
    Name{"minus", 0x4e},
    Name{"equal", 0x55},
    Name{"backspace", 0x66},
    Name{"tab", 0x0d},
    Name{"bracket_left", 0x54},
    Name{"bracket_right", 0x5b},
    Name{"ret", 0x5a},
    Name{"semicolon", 0x4c},
    Name{"apostrophe", 0x52},
    Name{"grave_accent", 0x0e},
    Name{"backslash", 0x5d},
    Name{"comma", 0x41},
    Name{"dot", 0x49},
    Name{"slash", 0x4a},
    Name{"spc", 0x29},
    Name{"esc", 0x76},
    Name{"ctrl", 0x14},
    Name{"shift", 0x12},
    Name{"alt", 0x11},
    Name{"shift_r", 0x59},
    Name{"ctrl_r", 0x14, true},
    Name{"alt_r", 0x11, true},
    Name{"meta_l", 0x1f, true},
    Name{"menu", 0x2f, true},
    Name{"caps_lock", 0x58},
    Name{"num_lock", 0x77},
    Name{"scroll_lock", 0x7e},
    Name{"asterisk", 0x7c},
    Name{"f1", 0x05},
    Name{"f2", 0x06},
    Name{"f3", 0x04},
    Name{"f4", 0x0c},
    Name{"f5", 0x03},
    Name{"f6", 0x0b},
    Name{"f7", 0x83},
    Name{"f8", 0x0a},
    Name{"f9", 0x01},
    Name{"f10", 0x09},
    Name{"f11", 0x78},
    Name{"f12", 0x07},
    Name{"up", 0x75, true},
    Name{"down", 0x72, true},
    Name{"left", 0x6b, true},
    Name{"right", 0x74, true},
    Name{"home", 0x6c, true},
    Name{"end", 0x69, true},
    Name{"pgup", 0x7d, true},
    Name{"pgdn", 0x7a, true},
    Name{"insert", 0x70, true},
    Name{"delete", 0x71, true},
    Name{"kp_enter", 0x5a, true},
    Name{"kp_add", 0x79},
    Name{"kp_subtract", 0x7b},
};

} // namespace

std::optional<std::vector<Key>> keys_named(std::string_view text) {
    constexpr std::size_t most = 3; // their presses and releases fit the keyboard's buffer
    std::vector<Key> keys;
    for (std::size_t start = 0; start <= text.size();) {
        auto const end = std::min(text.find('-', start), text.size());
        auto const found = std::ranges::find(names, text.substr(start, end - start), &Name::name);
        if (found == names.end() || keys.size() == most) return std::nullopt;
        keys.push_back({found->code, found->extended});
        start = end + 1;
    }
    return keys;
}

} // namespace ring3::app
