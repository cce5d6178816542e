#include "app/image_options.h"

#include "app/comma_list.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>

namespace ring3::app {

namespace {

using image::Format;

/// What the parser collects as text.
struct RawOptions {
    std::string format, other, output{"human"}, repair, cache{"writeback"}, source_cache{"writeback"}, sparse{"4k"};
    std::string start{"0"}, length;
    std::vector<std::string> creation;
};

/// CLI11's help without its usage line: the description has a better one.
struct ImageHelp final : CLI::Formatter {
    std::string make_usage(CLI::App const*, std::string) const override { return ""; }
};

struct ImageCommand {
    std::string_view name;
    std::string_view form;
    std::string_view help;
    std::size_t least_paths, most_paths;
    void (*describe)(CLI::App&, ImageOptions&, RawOptions&);
};

void add_format(CLI::App& app, RawOptions& raw, char const* help = "the image's format: raw or qcow2") {
    app.add_option("-f,--format", raw.format, help)->option_text("FORMAT");
}
void add_output(CLI::App& app, RawOptions& raw) {
    app.add_option("--output", raw.output, "human (default) or json")->option_text("FORM");
}
void add_quiet(CLI::App& app, ImageOptions& options) {
    app.add_flag("-q,--quiet", options.is_quiet, "say nothing but errors");
}
void add_force_share(CLI::App& app, ImageOptions& options) {
    app.add_flag("-U,--force-share", options.ignores_locks, "open even if another process writes to it");
}
void add_progress(CLI::App& app, ImageOptions& options) {
    app.add_flag("-p,--progress", options.shows_progress, "show how far it is");
}
void add_source_cache(CLI::App& app, RawOptions& raw) {
    app.add_option("-T", raw.source_cache, "how images are read: writeback (default), none ...")->option_text("CACHE");
}
void add_creation(CLI::App& app, RawOptions& raw) {
    app.add_option(
           "-o,--options", raw.creation,
           "cluster_size=, compat=0.10|1.1, refcount_bits=, lazy_refcounts=on|off, compression_type=zlib|zstd,\n"
           "preallocation=off|metadata|falloc|full, backing_file=, backing_fmt=, size=")
        ->option_text("KEY=VALUE,...")
        ->allow_extra_args(false);
}
void add_backing_format(CLI::App& app, ImageOptions& options) {
    app.add_option("-F,--backing-format", options.backing_format, "the backing file's format")->option_text("FORMAT");
}

void describe_create(CLI::App& app, ImageOptions& options, RawOptions& raw) {
    add_format(app, raw, "the format: raw (default) or qcow2");
    app.add_option("-b,--backing", options.backing, "the file below it, relative to the new image")
        ->option_text("FILE");
    add_backing_format(app, options);
    app.add_flag("-u,--backing-unsafe", options.skips_backing, "do not look at the backing file");
    add_creation(app, raw);
    add_quiet(app, options);
}
void describe_info(CLI::App& app, ImageOptions& options, RawOptions& raw) {
    add_format(app, raw);
    add_output(app, raw);
    app.add_flag("--backing-chain", options.whole_chain, "the backing files too");
    add_force_share(app, options);
}
void describe_convert(CLI::App& app, ImageOptions& options, RawOptions& raw) {
    add_format(app, raw, "the source's format");
    app.add_option("-O,--target-format", raw.other, "the target's format: raw (default) or qcow2")
        ->option_text("FORMAT");
    app.add_option("-B,--backing", options.backing,
                   "the target's backing file, whose contents are those of the source's")
        ->option_text("FILE");
    add_backing_format(app, options);
    add_creation(app, raw);
    app.add_flag("-c,--compress", options.is_compressed, "compress the target (qcow2)");
    app.add_flag("-n", options.keeps_target, "the target exists: write into it");
    app.add_option("-S", raw.sparse, "so many zero bytes become a hole (default 4k; 0: none)")->option_text("SIZE");
    app.add_option("-t", raw.cache, "how the target is written: writeback (default), none, unsafe ...")
        ->option_text("CACHE");
    add_source_cache(app, raw);
    add_progress(app, options);
    add_quiet(app, options);
    add_force_share(app, options);
}
void describe_check(CLI::App& app, ImageOptions& options, RawOptions& raw) {
    add_format(app, raw);
    add_output(app, raw);
    app.add_option("-r,--repair", raw.repair, "repair what can be: leaks or all")->option_text("WHAT");
    add_source_cache(app, raw);
    add_progress(app, options);
    add_quiet(app, options);
    add_force_share(app, options);
}
void describe_map(CLI::App& app, ImageOptions& options, RawOptions& raw) {
    add_format(app, raw);
    add_output(app, raw);
    app.add_option("-s,--start-offset", raw.start, "begin there")->option_text("SIZE");
    app.add_option("-l,--max-length", raw.length, "and end so many bytes behind")->option_text("SIZE");
    add_force_share(app, options);
}
void describe_resize(CLI::App& app, ImageOptions& options, RawOptions& raw) {
    add_format(app, raw);
    app.add_flag("--shrink", options.may_shrink, "throw away what is behind the new end");
    add_quiet(app, options);
}
void describe_compare(CLI::App& app, ImageOptions& options, RawOptions& raw) {
    add_format(app, raw, "the first image's format");
    app.add_option("-F", raw.other, "the second image's format")->option_text("FORMAT");
    app.add_flag("-s,--strict", options.is_strict, "a different size is a difference");
    add_source_cache(app, raw);
    add_progress(app, options);
    add_quiet(app, options);
    add_force_share(app, options);
}

constexpr ImageCommand commands[] = {
    {"create", "create [OPTIONS] FILE [SIZE]", "make a new image", 1, 2, describe_create},
    {"info", "info [OPTIONS] FILE", "show format, sizes, backing file and snapshots", 1, 1, describe_info},
    {"convert", "convert [OPTIONS] SOURCE TARGET", "copy into another format", 2, 2, describe_convert},
    {"check", "check [OPTIONS] FILE", "look for corruption and leaks", 1, 1, describe_check},
    {"map", "map [OPTIONS] FILE", "show which file of the chain holds what", 1, 1, describe_map},
    {"resize", "resize [OPTIONS] FILE [+|-]SIZE", "change the disk's size", 2, 2, describe_resize},
    {"compare", "compare [OPTIONS] FILE FILE", "say whether two disks have the same contents", 2, 2, describe_compare},
};

ImageCommand const* find_command(std::string_view name) {
    auto const found = std::ranges::find(commands, name, &ImageCommand::name);
    return found == std::end(commands) ? nullptr : found;
}

Error usage_error(std::string_view command, std::string text) {
    std::ranges::replace(text, '\n', ' ');
    return {ExitStatus::usage, fmt::format("{} ('ring3 image {} --help' lists the options)", text, command)};
}

std::unexpected<Error> wrong(std::string text) {
    return fail(ExitStatus::usage, std::move(text));
}

Result<std::optional<Format>> take_format(std::string const& text) {
    if (text.empty()) return std::nullopt;
    if (auto const format = image::find_format(text)) return format;
    return wrong(fmt::format("the format '{}' is not supported (raw and qcow2 are; qemu-nbd serves others)", text));
}

Result<u64> take_size(std::string_view option, std::string const& text) {
    if (auto const size = image::parse_size(text)) return *size;
    return wrong(fmt::format("{} '{}': a size is needed, such as 512, 64k or 1G", option, text));
}

Result<image::CacheMode> take_cache(std::string const& text) {
    if (auto const mode = image::find_cache_mode(text)) return *mode;
    return wrong(
        fmt::format("the cache mode '{}' is unknown (writeback, writethrough, none, directsync, unsafe)", text));
}

Result<void> take_words(ImageOptions& options, RawOptions const& raw) {
    if (raw.output != "human" && raw.output != "json") return wrong("--output takes human or json");
    if (raw.output == "json") options.form = ReportForm::json;
    if (!raw.repair.empty() && raw.repair != "leaks" && raw.repair != "all") return wrong("-r takes leaks or all");
    if (raw.repair == "leaks") options.repair = image::qcow2::Repair::leaks;
    if (raw.repair == "all") options.repair = image::qcow2::Repair::all;
    return {};
}

Result<void> convert(ImageOptions& options, RawOptions const& raw) {
    options.format = TRY(take_format(raw.format));
    options.other = TRY(take_format(raw.other));
    options.cache = TRY(take_cache(raw.cache));
    options.source_cache = TRY(take_cache(raw.source_cache));
    options.sparse_bytes = TRY(take_size("-S", raw.sparse));
    if (options.sparse_bytes != 0 && (options.sparse_bytes % 512 != 0 || options.sparse_bytes > 1 << 20)) {
        return wrong("-S takes 0 or a multiple of 512 up to 1M");
    }
    options.start = TRY(take_size("--start-offset", raw.start));
    if (!raw.length.empty()) options.length = TRY(take_size("--max-length", raw.length));
    for (auto const& list : raw.creation) {
        for (auto const& piece : split_commas(list)) {
            auto const equals = piece.find('=');
            if (equals == piece.npos) return wrong(fmt::format("-o {}: a value is missing", piece));
            options.creation.emplace_back(piece.substr(0, equals), piece.substr(equals + 1));
        }
    }
    return take_words(options, raw);
}

} // namespace

bool is_image_command(std::string_view name) {
    return find_command(name) != nullptr;
}

std::string image_overview() {
    std::string text = "usage: ring3 image COMMAND\n\nWorks on disk images, with the options of qemu-img.\n\n";
    for (auto const& command : commands) text += fmt::format("  {:<34} {}\n", command.form, command.help);
    return text + "\nFormats: raw, qcow2. Others, and remote disks, by nbd://... and nbd+unix://... URLs.\n";
}

Result<std::variant<ImageOptions, HelpText>> parse_image_options(std::string_view name,
                                                                 std::span<std::string const> arguments) {
    auto const& command = *find_command(name);
    ImageOptions options;
    RawOptions raw;
    CLI::App app;
    app.description(fmt::format("usage: ring3 image {}\n\n{}", command.form, command.help));
    app.formatter(std::make_shared<ImageHelp>());
    app.set_help_flag("-h,--help", "show this text");
    command.describe(app, options, raw);
    app.add_option("FILE", options.paths)->allow_extra_args()->group("");
    std::vector<std::string> words(arguments.begin(), arguments.end());
    // The last word of resize may look like an option: -1G.
    bool const has_size = name == "resize" && words.size() > 1 && words.back() != "--help";
    if (has_size) {
        options.size = words.back();
        words.pop_back();
    }
    std::ranges::reverse(words); // CLI11 takes them from the back
    try {
        app.parse(words);
    } catch (CLI::CallForHelp const&) {
        return HelpText{app.help()};
    } catch (CLI::ExtrasError const&) {
        return std::unexpected(usage_error(name, fmt::format("unknown option '{}'", app.remaining().front())));
    } catch (CLI::ParseError const& error) {
        return std::unexpected(usage_error(name, error.what()));
    }
    std::size_t const count = options.paths.size() + (has_size ? 1 : 0);
    if (count < command.least_paths) return std::unexpected(usage_error(name, "something is missing"));
    if (count > command.most_paths) {
        return std::unexpected(usage_error(name, fmt::format("unexpected '{}'", options.paths.back())));
    }
    if (name == "create" && count == 2) {
        options.size = options.paths.back();
        options.paths.pop_back();
    }
    TRY_VOID(convert(options, raw));
    return options;
}

} // namespace ring3::app
