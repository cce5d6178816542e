#include "image/open.h"

#include "image/file_storage.h"
#include "image/raw_image.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace ring3::image {

namespace {

constexpr std::pair<std::string_view, CacheMode> cache_modes[] = {
    {"writeback", CacheMode::writeback}, {"writethrough", CacheMode::writethrough},
    {"none", CacheMode::none},           {"directsync", CacheMode::directsync},
    {"unsafe", CacheMode::unsafe},
};
constexpr std::pair<std::string_view, Format> formats[] = {{"raw", Format::raw}, {"qcow2", Format::qcow2}};

template <class Value> std::optional<Value> find(auto const& table, std::string_view name) {
    auto const found = std::ranges::find(table, name, &std::pair<std::string_view, Value>::first);
    return found == std::end(table) ? std::nullopt : std::optional{found->second};
}

FileStorage::Options storage_options(OpenOptions const& options) {
    return {.access = options.access,
            .is_direct = options.cache == CacheMode::none || options.cache == CacheMode::directsync,
            .ignores_syncs = options.cache == CacheMode::unsafe,
            .locking = options.locking};
}

} // namespace

std::string_view format_name(Format format) {
    return std::ranges::find(formats, format, &std::pair<std::string_view, Format>::second)->first;
}

std::optional<Format> find_format(std::string_view name) {
    return find<Format>(formats, name);
}

std::optional<CacheMode> find_cache_mode(std::string_view name) {
    return find<CacheMode>(cache_modes, name);
}

Format looks_like(std::span<u8 const, magic_bytes> start) {
    constexpr std::array<u8, 4> qcow_magic{'Q', 'F', 'I', 0xfb};
    return std::ranges::equal(start.first<4>(), qcow_magic) ? Format::qcow2 : Format::raw;
}

Result<std::unique_ptr<Image>> open_image(std::string const& path, OpenOptions const& options) {
    auto storage = TRY(FileStorage::open(path, storage_options(options)));
    std::array<u8, magic_bytes> start{};
    if (auto const read = storage->read(0, std::span<u8>{start}); !read) return std::unexpected(as_error(read.error()));
    auto const format = options.format.value_or(looks_like(start));
    if (format == Format::qcow2)
        return fail(ExitStatus::configuration, fmt::format("'{}': qcow2 is not read yet", path));
    auto const origin = options.format ? RawImage::Origin::said : RawImage::Origin::guessed;
    return std::make_unique<RawImage>(std::move(storage), options, origin);
}

} // namespace ring3::image
