// Feeds whatever text comes to the reader of machine files. Nothing may crash, every problem has a place within the text,
// and a file without problems means machines with command lines.
#include "config/lab.h"

#include <algorithm>
#include <cstdlib>

using namespace ring3;
using namespace ring3::config;

namespace {

void must(bool holds) {
    if (!holds) std::abort();
}

bool is_within(Place place, std::string_view text) {
    auto const lines = static_cast<u32>(std::ranges::count(text, '\n')) + 1;
    // A text that ends too early is faulted at its end, which may be a line that has not begun.
    return place.line <= lines + 1;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(u8 const* data, std::size_t size) {
    std::string const text{data, data + size};
    auto const lab = read_lab(text, "fuzz");
    must(std::ranges::is_sorted(lab.problems));
    for (auto const& [place, message] : lab.problems) must(is_within(place, text) && !message.empty());
    if (!lab.problems.empty()) return 0;
    must(!lab.machines.empty() && !lab.name.empty());
    for (auto const& machine : lab.machines) {
        must(!machine.name.empty() && !machine.arguments.empty());
        for (auto const& argument : machine.arguments)
            must(is_within(argument.place, text) && argument.text.find('\0') == std::string::npos);
    }
    return 0;
}
