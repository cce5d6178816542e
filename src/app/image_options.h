// The command lines of `ring3 image`.
#pragma once

#include "image/copy.h"
#include "image/new_image.h"
#include "image/qcow2_check.h"

#include <span>
#include <string>
#include <variant>
#include <vector>

namespace ring3::app {

enum class ReportForm : u8 { human, json };

/// All options of all of its commands; each command knows some.
struct ImageOptions {
    std::vector<std::string> paths;                            // in their order
    std::optional<image::Format> format;                       // -f
    std::optional<image::Format> other;                        // -F of compare, -O of convert
    std::string backing, backing_format;                       // -b or -B, -F
    std::vector<std::pair<std::string, std::string>> creation; // -o
    ReportForm form{ReportForm::human};
    image::CacheMode cache{image::CacheMode::writeback}, source_cache{image::CacheMode::writeback}; // -t, -T
    image::qcow2::Repair repair{image::qcow2::Repair::nothing};
    u64 sparse_bytes{4096}; // -S
    u64 start{}, length{~u64{0}};
    std::string size; // of create and resize
    bool is_quiet{}, shows_progress{}, is_compressed{}, keeps_target{}, is_strict{}, may_shrink{}, whole_chain{};
    bool skips_backing{}, ignores_locks{};

    image::OpenOptions opening(image::Access access) const {
        return {.format = format,
                .access = access,
                .cache = source_cache,
                .locking = ignores_locks ? image::Locking::off : image::Locking::automatic};
    }
};

struct HelpText {
    std::string text;
};

Result<std::variant<ImageOptions, HelpText>> parse_image_options(std::string_view command,
                                                                 std::span<std::string const> arguments);

/// The commands and what they do, for help.
std::string image_overview();
bool is_image_command(std::string_view name);

} // namespace ring3::app
