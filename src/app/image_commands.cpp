#include "app/image_commands.h"

#include "app/image_options.h"
#include "app/image_report.h"
#include "app/session.h"
#include "image/file_storage.h"
#include "image/nbd_image.h"
#include "image/qcow2_image.h"
#include "volume/volume_image.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <sys/stat.h>

namespace ring3::app {

namespace {

using namespace image;

Result<void> print(std::string_view text) {
    bool const written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    if (written) return {};
    return fail(ExitStatus::io, "cannot write to standard output");
}

/// "    (12.34/100%)" over and over in one line, as qemu-img shows it.
class ProgressLine {
public:
    explicit ProgressLine(ImageOptions const& options) : is_shown_{options.shows_progress && !options.is_quiet} {}
    ~ProgressLine() {
        if (is_shown_) std::fputs("\n", stdout);
    }
    Progress reporter() {
        if (!is_shown_) return {};
        return [this](u64 done, u64 of) {
            show(of == 0 ? 100.0 : 100.0 * static_cast<double>(done) / static_cast<double>(of));
        };
    }

private:
    void show(double percent) {
        // Often enough to be seen moving, and no more.
        if (std::exchange(last_, std::floor(percent * 10)) == std::floor(percent * 10)) return;
        fmt::print("    ({:.2f}/100%)\r", percent);
        std::fflush(stdout);
    }
    bool is_shown_;
    double last_{-1};
};

Result<void> as_result(IoResult<void> const& result) {
    if (!result) return std::unexpected(as_error(result.error()));
    return {};
}
template <class Value> Result<Value> as_result(IoResult<Value> result) {
    if (!result) return std::unexpected(as_error(std::move(result).error()));
    return *std::move(result);
}

// ---- create

void add_backing(NewImageRequest& request, ImageOptions const& options) {
    if (!options.backing.empty()) request.options.emplace_back("backing_file", options.backing);
    if (!options.backing_format.empty()) request.options.emplace_back("backing_fmt", options.backing_format);
}

Result<int> create(ImageOptions const& options) {
    NewImageRequest request{.path = options.paths[0],
                            .format = options.format.value_or(Format::raw),
                            .options = options.creation,
                            .checks_backing = !options.skips_backing};
    if (!options.size.empty()) {
        request.size = parse_size(options.size);
        if (!request.size) {
            return fail(ExitStatus::usage, fmt::format("the size '{}' is none: 512M or 10G are", options.size));
        }
    }
    add_backing(request, options);
    u64 const size = TRY(create_image(request));
    if (options.is_quiet) return 0;
    std::string words = fmt::format("Formatting '{}', fmt={} size={}", request.path, format_name(request.format), size);
    for (auto const& [key, value] : request.options) {
        if (key != "size") words += fmt::format(" {}={}", key, value);
    }
    TRY_VOID(print(words + "\n"));
    return 0;
}

// ---- info

Result<ImageFacts> look_at(std::string const& path, ImageOptions const& options, std::optional<Format> format) {
    if (is_nbd(path) || volume::is_volume_path(path)) {
        auto const served = TRY(volume::open_disk(path, {.format = format, .access = Access::read_only}));
        return ImageFacts{.path = path, .format = "raw", .virtual_bytes = served->size()};
    }
    auto storage = TRY(FileStorage::open(
        path, {.access = Access::read_only, .locking = options.ignores_locks ? Locking::off : Locking::automatic}));
    std::array<u8, magic_bytes> start{};
    TRY_VOID(as_result(storage->read(0, std::span{start})));
    ImageFacts facts{.path = path};
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) facts.actual_bytes = static_cast<u64>(status.st_blocks) * 512;
    auto const found = format.value_or(looks_like(start));
    facts.format = format_name(found);
    facts.virtual_bytes = round_up_to_sector(storage->size());
    if (found == Format::raw) return facts;
    facts.header = TRY(qcow2::read_header(*storage));
    facts.virtual_bytes = round_up_to_sector(facts.header->size);
    facts.snapshots = TRY(as_result(qcow2::read_snapshots(*storage, *facts.header))).snapshots;
    if (!facts.header->backing_file.empty()) {
        // A name that cannot be resolved is shown as it is.
        facts.full_backing_path = backing_path(path, facts.header->backing_file).value_or(facts.header->backing_file);
    }
    return facts;
}

Result<int> info(ImageOptions const& options) {
    std::vector<ImageFacts> chain;
    auto path = options.paths[0];
    auto format = options.format;
    for (;;) {
        bool const is_loop = std::ranges::find(chain, path, &ImageFacts::path) != chain.end();
        if (is_loop) return fail(ExitStatus::configuration, fmt::format("'{}' is a backing file of itself", path));
        chain.push_back(TRY(look_at(path, options, format)));
        auto const& facts = chain.back();
        if (!options.whole_chain || facts.full_backing_path.empty() || chain.size() == 256) break;
        path = facts.full_backing_path;
        format = find_format(facts.header->backing_format);
    }
    if (options.form == ReportForm::json) {
        TRY_VOID(print(info_json(chain, options.whole_chain ? Chained::yes : Chained::no)));
        return 0;
    }
    std::string text;
    for (auto const& facts : chain) text += (text.empty() ? "" : "\n") + info_text(facts);
    TRY_VOID(print(text));
    return 0;
}

// ---- convert

Result<std::unique_ptr<Image>> open_target(ImageOptions const& options, u64 size) {
    auto const& path = options.paths[1];
    auto const format = options.other.value_or(Format::raw);
    if (!options.keeps_target && !is_nbd(path) && !volume::is_volume_path(path)) {
        NewImageRequest request{.path = path, .format = format, .size = size, .options = options.creation};
        add_backing(request, options);
        TRY_VOID(create_image(request));
    }
    return volume::open_disk(path, {.format = format, .cache = options.cache});
}

bool has_option(ImageOptions const& options, std::string_view key) {
    return std::ranges::any_of(options.creation, [=](auto const& option) { return option.first == key; });
}

Result<int> convert(ImageOptions const& options) {
    bool const has_backing = !options.backing.empty() || has_option(options, "backing_file");
    if (options.is_compressed && options.other != Format::qcow2) {
        return fail(ExitStatus::usage, "-c needs -O qcow2");
    }
    if (options.is_compressed && options.keeps_target) return fail(ExitStatus::usage, "-c and -n exclude each other");
    auto const source = TRY(volume::open_disk(options.paths[0], options.opening(Access::read_only)));
    auto const target = TRY(open_target(options, source->size()));
    if (target->size() < source->size()) {
        return fail(ExitStatus::configuration,
                    fmt::format("'{}' has {} bytes, too few for the {} of '{}'", options.paths[1], target->size(),
                                source->size(), options.paths[0]));
    }
    bool const is_old = options.keeps_target || is_nbd(options.paths[1]) || volume::is_volume_path(options.paths[1]);
    bool const is_new = !is_old && !has_option(options, "preallocation");
    auto const ground = has_backing ? Ground::backing : (is_new ? Ground::zeroes : Ground::unknown);
    ProgressLine progress{options};
    TRY_VOID(as_result(image::copy(*source, *target,
                                   {.ground = ground,
                                    .is_compressed = options.is_compressed,
                                    .sparse_bytes = options.sparse_bytes,
                                    .progress = progress.reporter()})));
    return 0;
}

// ---- check

constexpr int check_failed = 1, check_corrupt = 2, check_leaks = 3, check_unsupported = 63;

Result<qcow2::CheckResult> check_file(ImageOptions const& options, qcow2::Repair repair) {
    auto const& path = options.paths[0];
    auto const access = repair == qcow2::Repair::nothing ? Access::read_only : Access::read_write;
    auto storage = TRY(FileStorage::open(
        path, {.access = access, .locking = options.ignores_locks ? Locking::off : Locking::automatic}));
    auto header = TRY(qcow2::read_header(*storage));
    ProgressLine progress{options};
    qcow2::CheckObserver observer{.progress = progress.reporter()};
    if (!options.is_quiet) {
        observer.problem = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
    }
    return as_result(qcow2::check(*storage, header, repair, observer));
}

Result<int> check_qcow2(ImageOptions const& options) {
    auto result = TRY(check_file(options, options.repair));
    u64 const leaks_fixed = result.leaks_fixed, corruptions_fixed = result.corruptions_fixed;
    bool const is_human = options.form == ReportForm::human;
    if (leaks_fixed != 0 || corruptions_fixed != 0) {
        if (is_human && !options.is_quiet) {
            TRY_VOID(
                print(fmt::format("The following inconsistencies were found and repaired:\n\n    {} leaked clusters\n"
                                  "    {} corruptions\n\nDouble checking the fixed image now...\n",
                                  leaks_fixed, corruptions_fixed)));
        }
        result = TRY(check_file(options, qcow2::Repair::nothing));
        result.leaks_fixed = leaks_fixed;
        result.corruptions_fixed = corruptions_fixed;
    }
    if (!options.is_quiet) TRY_VOID(print(is_human ? check_text(result) : check_json(options.paths[0], result)));
    if (result.corruptions != 0) return check_corrupt;
    return result.leaks != 0 ? check_leaks : 0;
}

int report_failure(Error const& error) {
    static_cast<void>(report(error));
    return check_failed;
}

Result<int> check(ImageOptions const& options) {
    auto const facts = look_at(options.paths[0], options, options.format);
    if (!facts) return report_failure(facts.error());
    if (facts->format != "qcow2") {
        static_cast<void>(
            report({ExitStatus::usage, fmt::format("the format {} has nothing to check", facts->format)}));
        return check_unsupported;
    }
    auto const status = check_qcow2(options);
    return status ? *status : report_failure(status.error());
}

// ---- map

bool continues(MapEntry const& before, Extent const& next) {
    auto const& extent = before.extent;
    bool const is_alike = extent.is_present == next.is_present && extent.has_data == next.has_data &&
                          extent.is_zero == next.is_zero && extent.is_compressed == next.is_compressed &&
                          extent.depth == next.depth && extent.file_offset.has_value() == next.file_offset.has_value();
    return is_alike && (!next.file_offset || *extent.file_offset + extent.bytes == *next.file_offset);
}

Result<int> map(ImageOptions const& options) {
    auto const disk = TRY(volume::open_disk(options.paths[0], options.opening(Access::read_only)));
    std::vector<MapEntry> entries;
    u64 const end =
        std::min(disk->size(), options.length > disk->size() ? disk->size() : options.start + options.length);
    for (u64 offset = options.start; offset < end;) {
        auto const extent = TRY(as_result(disk->extent_at(offset, end - offset)));
        if (!entries.empty() && continues(entries.back(), extent)) {
            entries.back().extent.bytes += extent.bytes;
        } else {
            Image* at = disk.get();
            for (unsigned depth = 0; depth < extent.depth && at->backing(); ++depth) at = at->backing();
            entries.push_back({offset, extent, at->name()});
        }
        offset += extent.bytes;
    }
    Result<std::string> const text = options.form == ReportForm::json ? map_json(entries) : map_text(entries);
    if (!text) return std::unexpected(text.error());
    TRY_VOID(print(*text));
    return 0;
}

// ---- resize

Result<int> resize(ImageOptions const& options) {
    auto const& text = options.size;
    bool const is_relative = text.starts_with('+') || text.starts_with('-');
    auto const number = parse_size(std::string_view{text}.substr(is_relative ? 1 : 0));
    if (!number) return fail(ExitStatus::usage, fmt::format("the size '{}' is none: 10G, +1G and -1G are", text));
    auto const disk = TRY(volume::open_disk(options.paths[0], options.opening(Access::read_write)));
    u64 const old = disk->size();
    if (text.starts_with('-') && *number >= old) {
        return fail(ExitStatus::usage, fmt::format("the disk has only {} bytes", old));
    }
    u64 const size = !is_relative ? *number : (text[0] == '+' ? old + *number : old - *number);
    if (size < old && !options.may_shrink) {
        return fail(ExitStatus::usage, fmt::format("{} bytes are less than the disk's {}: what is behind would be lost "
                                                   "(--shrink)",
                                                   size, old));
    }
    TRY_VOID(as_result(disk->resize(size)));
    TRY_VOID(as_result(disk->flush()));
    if (!options.is_quiet) TRY_VOID(print("Image resized.\n"));
    return 0;
}

// ---- compare

constexpr int compare_differs = 1, compare_no_image = 2, compare_no_contents = 4;

Result<int> compare(ImageOptions const& options) {
    auto first = options.opening(Access::read_only), second = first;
    second.format = options.other;
    auto const left = volume::open_disk(options.paths[0], first);
    auto const right = left ? volume::open_disk(options.paths[1], second) : std::unexpected(left.error());
    if (!right) {
        static_cast<void>(report(right.error()));
        return compare_no_image;
    }
    auto const say = [&](std::string const& text) { return options.is_quiet ? Result<void>{} : print(text); };
    if ((*left)->size() != (*right)->size()) {
        if (options.is_strict) {
            TRY_VOID(say("Strict mode: Image size mismatch!\n"));
            return compare_differs;
        }
        TRY_VOID(say("Warning: Image size mismatch!\n"));
    }
    IoResult<std::optional<u64>> difference;
    {
        ProgressLine progress{options};
        difference = find_difference(**left, **right, progress.reporter());
    }
    if (!difference) {
        static_cast<void>(report(as_error(difference.error())));
        return compare_no_contents;
    }
    TRY_VOID(say(*difference ? fmt::format("Content mismatch at offset {}!\n", **difference)
                             : std::string{"Images are identical.\n"}));
    return *difference ? compare_differs : 0;
}

struct Handler {
    std::string_view name;
    Result<int> (*run)(ImageOptions const&);
};
constexpr Handler handlers[] = {{"create", create}, {"info", info},     {"convert", convert}, {"check", check},
                                {"map", map},       {"resize", resize}, {"compare", compare}};

} // namespace

int image_command(std::span<std::string const> arguments) {
    ::signal(SIGXFSZ, SIG_IGN); // a limit of the shell's is an error of write, with a message
    bool const wants_help = !arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h");
    if (wants_help) {
        auto const printed = print(image_overview());
        return printed ? 0 : report(printed.error());
    }
    if (arguments.empty() || !is_image_command(arguments[0])) {
        return report(
            {ExitStatus::usage, fmt::format("'ring3 image' {} ('ring3 help image' lists the commands)",
                                            arguments.empty() ? std::string{"needs a command"}
                                                              : fmt::format("does not know '{}'", arguments[0]))});
    }
    auto const parsed = parse_image_options(arguments[0], arguments.subspan(1));
    if (!parsed) return report(parsed.error());
    if (auto const* const help = std::get_if<HelpText>(&*parsed)) {
        auto const printed = print(help->text);
        return printed ? 0 : report(printed.error());
    }
    auto const handler = std::ranges::find(handlers, arguments[0], &Handler::name);
    auto const status = handler->run(std::get<ImageOptions>(*parsed));
    return status ? *status : report(status.error());
}

} // namespace ring3::app
