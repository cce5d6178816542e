#include "image/new_image.h"

#include "image/file_storage.h"
#include "image/qcow2_create.h"
#include "image/qcow2_image.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace ring3::image {

namespace {

enum class Preallocation : u8 { off, metadata, falloc, full };
constexpr std::pair<std::string_view, Preallocation> preallocations[] = {
    {"off", Preallocation::off},
    {"metadata", Preallocation::metadata},
    {"falloc", Preallocation::falloc},
    {"full", Preallocation::full},
};

std::unexpected<Error> wrong(std::string text) {
    return fail(ExitStatus::usage, std::move(text));
}

/// The options of one request; each is taken once, and what is left at the end is unknown.
class Options {
public:
    Options(NewImageRequest const& request) : format_{format_name(request.format)}, left_{request.options} {}

    std::optional<std::string> take(std::string_view key) {
        std::optional<std::string> value;
        for (auto const& [name, text] : left_) {
            if (name == key) value = text; // the last one wins
        }
        std::erase_if(left_, [&](auto const& option) { return option.first == key; });
        return value;
    }
    Result<u64> take_size(std::string_view key, u64 otherwise) {
        auto const text = take(key);
        if (!text) return otherwise;
        if (auto const size = parse_size(*text)) return *size;
        return wrong(fmt::format("{}={}: a size is needed, such as 512, 64k or 1G", key, *text));
    }
    Result<bool> take_switch(std::string_view key) {
        auto const text = take(key).value_or("off");
        if (text == "on" || text == "off") return text == "on";
        return wrong(fmt::format("{}={}: on or off is needed", key, text));
    }
    template <class Value> Result<Value> take_word(std::string_view key, auto const& words, Value otherwise) {
        auto const text = take(key);
        if (!text) return otherwise;
        for (auto const& [word, value] : words) {
            if (word == *text) return value;
        }
        return wrong(fmt::format("{}={} is not supported", key, *text));
    }
    Result<void> finish() const {
        if (left_.empty()) return {};
        return wrong(fmt::format("the format {} has no option '{}' here", format_, left_.front().first));
    }

private:
    std::string_view format_;
    std::vector<std::pair<std::string, std::string>> left_;
};

Result<void> as_result(IoResult<void> const& result) {
    if (!result) return std::unexpected(as_error(result.error()));
    return {};
}

Result<u64> create_raw(NewImageRequest const& request, Options& options, u64 size) {
    auto const preallocation = TRY(options.take_word("preallocation", preallocations, Preallocation::off));
    TRY_VOID(options.finish());
    if (preallocation == Preallocation::metadata) return wrong("preallocation=metadata is nothing for raw images");
    auto storage = TRY(FileStorage::create(request.path, {}));
    TRY_VOID(as_result(storage->truncate(size)));
    if (preallocation == Preallocation::falloc) TRY_VOID(as_result(storage->reserve(0, size)));
    if (preallocation == Preallocation::full) TRY_VOID(as_result(storage->write_zero_bytes(0, size)));
    TRY_VOID(as_result(storage->sync()));
    return size;
}

constexpr std::pair<std::string_view, u32> compats[] = {{"1.1", 3}, {"v3", 3}, {"0.10", 2}, {"v2", 2}};
constexpr std::pair<std::string_view, qcow2::Compression> compressions[] = {{"zlib", qcow2::Compression::zlib},
                                                                            {"zstd", qcow2::Compression::zstd}};

Result<void> preallocate(std::string const& path, Preallocation how) {
    if (how == Preallocation::off) return {};
    auto storage = TRY(FileStorage::open(path, {}));
    FileStorage& file = *storage;
    auto header = TRY(qcow2::read_header(*storage));
    auto image = TRY(Qcow2Image::open(std::move(storage), {}, std::move(header), nullptr));
    TRY_VOID(as_result(image->preallocate()));
    u64 const bytes = file.size();
    if (how == Preallocation::falloc) TRY_VOID(as_result(file.reserve(0, bytes)));
    if (how == Preallocation::full) {
        std::vector<u8> const zeroes(1 << 20);
        for (u64 done = 0; done < image->size();) {
            u64 const count = std::min<u64>(zeroes.size(), image->size() - done);
            TRY_VOID(as_result(image->write(done, std::span{zeroes}.first(count))));
            done += count;
        }
    }
    return as_result(image->flush());
}

Result<u64> create_qcow2(NewImageRequest const& request, Options& options, std::optional<u64> size) {
    qcow2::NewImage wanted;
    wanted.backing_file = options.take("backing_file").value_or("");
    wanted.backing_format = options.take("backing_fmt").value_or("");
    wanted.version = TRY(options.take_word("compat", compats, u32{3}));
    wanted.cluster_bytes = TRY(options.take_size("cluster_size", wanted.cluster_bytes));
    wanted.refcount_bits = TRY(options.take_size("refcount_bits", wanted.refcount_bits));
    wanted.is_lazy = TRY(options.take_switch("lazy_refcounts"));
    wanted.compression = TRY(options.take_word("compression_type", compressions, qcow2::Compression::zlib));
    auto const preallocation = TRY(options.take_word("preallocation", preallocations, Preallocation::off));
    if (TRY(options.take_switch("extended_l2"))) return wrong("extended_l2=on is not supported");
    TRY_VOID(options.finish());

    if (!wanted.backing_file.empty()) {
        if (preallocation != Preallocation::off) return wrong("preallocation and a backing file exclude each other");
        if (wanted.backing_format.empty()) {
            return wrong("a backing file needs its format (-F raw, -F qcow2, or -o backing_fmt=...)");
        }
        auto const format = find_format(wanted.backing_format);
        if (!format) return wrong(fmt::format("the backing format '{}' is not supported", wanted.backing_format));
        if (request.checks_backing || !size) {
            auto const path = TRY(backing_path(request.path, wanted.backing_file));
            auto const backing = TRY(open_image(path, {.format = format, .access = Access::read_only}));
            if (!size) size = backing->size();
        }
    }
    if (!size) return wrong(fmt::format("'{}': a size is needed, such as 10G", request.path));
    wanted.size = *size;
    {
        auto storage = TRY(FileStorage::create(request.path, {}));
        TRY_VOID(qcow2::create(*storage, wanted));
    }
    TRY_VOID(preallocate(request.path, preallocation));
    return round_up_to_sector(*size);
}

} // namespace

std::optional<u64> parse_size(std::string_view text) {
    constexpr std::string_view suffixes = "bkmgtpe";
    double number = 0;
    auto const [rest, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || number < 0) return std::nullopt;
    auto const suffix = text.substr(static_cast<std::size_t>(rest - text.data()));
    if (suffix.size() > 1) return std::nullopt;
    std::size_t power = 0;
    if (!suffix.empty()) {
        power = suffixes.find(static_cast<char>(suffix[0] | 0x20));
        if (power == suffixes.npos) return std::nullopt;
    }
    // Whole numbers exactly, and others as near as a double is.
    u64 whole = 0;
    if (std::from_chars(text.data(), rest, whole).ptr == rest) {
        return whole > (u64{1} << 62) >> 10 * power ? std::nullopt : std::optional{whole << 10 * power};
    }
    double const bytes = std::ldexp(number, static_cast<int>(10 * power));
    if (bytes > 4e18) return std::nullopt;
    return static_cast<u64>(bytes);
}

Result<u64> create_image(NewImageRequest const& request) {
    Options options{request};
    auto size = request.size;
    if (auto const text = options.take("size"); text && !size) {
        size = parse_size(*text);
        if (!size) return wrong(fmt::format("size={}: a size is needed, such as 512M or 10G", *text));
    }
    if (request.format == Format::qcow2) return create_qcow2(request, options, size);
    if (options.take("backing_file")) return wrong("a raw image cannot stand on a backing file (-f qcow2 can)");
    if (!size) return wrong(fmt::format("'{}': a size is needed, such as 10G", request.path));
    return create_raw(request, options, round_up_to_sector(*size));
}

} // namespace ring3::image
