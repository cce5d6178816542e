#include "app/screen_dump.h"

#include "host/file_descriptor.h"
#include "screen/picture.h"
#include "screen/text.h"

#include <cstdio>
#include <cstring>
#include <fmt/format.h>

namespace ring3::app {

namespace {

std::string as_text(VgaState const& state, std::span<u8 const> memory) {
    std::string text;
    for (auto const& row : screen::text_rows(state, memory)) text += row + '\n';
    return text;
}

Result<void> write_file(std::string const& path, std::string const& content) {
    std::FILE* const file = std::fopen(path.c_str(), "wbe");
    if (!file) return host::fail_errno(ExitStatus::io, fmt::format("cannot open '{}' for writing", path));
    bool const written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
    if (std::fclose(file) != 0 || !written)
        return host::fail_errno(ExitStatus::io, fmt::format("cannot write '{}'", path));
    return {};
}

} // namespace

Result<void> dump_screen(std::string const& path, std::string const& registers, std::span<u8 const> memory) {
    VgaState state;
    if (registers.size() != sizeof state) return fail(ExitStatus::configuration, "the machine has no screen");
    std::memcpy(&state, registers.data(), sizeof state);
    if (!path.ends_with(".txt")) {
        auto const picture = screen::draw(state, memory);
        return write_file(path, path.ends_with(".png") ? screen::as_png(picture) : screen::as_ppm(picture));
    }
    auto const text = as_text(state, memory);
    if (text.empty()) return fail(ExitStatus::configuration, "the screen shows graphics: name a .png or .ppm file");
    return write_file(path, text);
}

} // namespace ring3::app
