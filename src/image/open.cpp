#include "image/open.h"

#include "image/file_storage.h"
#include "image/nbd_image.h"
#include "image/qcow2_create.h"
#include "image/qcow2_image.h"
#include "image/raw_image.h"

#include <algorithm>
#include <array>
#include <cstdlib>
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

constexpr std::size_t most_links = 64; // of a backing chain

/// Opens an image and what it stands on, one file after the other.
class Chain {
public:
    explicit Chain(OpenOptions const& options) : options_{options} {}

    Result<std::unique_ptr<Image>> open(std::string const& path, OpenOptions const& options) {
        auto storage = TRY(FileStorage::open(path, storage_options(options)));
        if (std::ranges::find(files_, storage->identity()) != files_.end()) {
            return fail(ExitStatus::configuration, fmt::format("'{}' is a backing file of itself", path));
        }
        if (files_.size() == most_links) {
            return fail(ExitStatus::configuration,
                        fmt::format("'{}': more than {} files stand on each other", path, most_links));
        }
        files_.push_back(storage->identity());
        std::array<u8, magic_bytes> start{};
        if (auto const read = storage->read(0, std::span<u8>{start}); !read) {
            return std::unexpected(as_error(read.error()));
        }
        if (options.format.value_or(looks_like(start)) == Format::qcow2) return open_qcow2(std::move(storage), options);
        auto const origin = options.format ? RawImage::Origin::said : RawImage::Origin::guessed;
        return std::make_unique<RawImage>(std::move(storage), options, origin);
    }

private:
    Result<std::unique_ptr<Image>> open_qcow2(std::unique_ptr<Storage> storage, OpenOptions const& options) {
        auto header = TRY(qcow2::read_header(*storage));
        std::unique_ptr<Image> backing;
        if (!header.backing_file.empty()) backing = TRY(open_backing(storage->name(), header));
        return Qcow2Image::open(std::move(storage), options, std::move(header), std::move(backing));
    }

    Result<std::unique_ptr<Image>> open_backing(std::string const& above, qcow2::Header const& header) {
        auto options = options_;
        options.access = Access::read_only;
        options.format = find_format(header.backing_format);
        if (!options.format && !header.backing_format.empty()) {
            return fail(ExitStatus::configuration,
                        fmt::format("'{}': its backing file has the format '{}', which is not "
                                    "supported",
                                    above, header.backing_format));
        }
        auto const path = TRY(backing_path(above, header.backing_file));
        auto image = is_nbd(path) ? NbdImage::open(path, options) : open(path, options);
        if (image) return image;
        auto error = std::move(image).error();
        error.message += fmt::format(" (it is the backing file of '{}')", above);
        return std::unexpected(std::move(error));
    }

    OpenOptions options_;
    std::vector<FileStorage::Identity> files_;
};

} // namespace

Result<std::string> backing_path(std::string const& above, std::string const& name) {
    if (is_nbd(name)) return name;
    std::string_view file = name;
    auto const colon = file.find(':');
    if (colon != file.npos && file.find('/') > colon) {
        auto const protocol = file.substr(0, colon);
        if (protocol != "file") {
            return fail(ExitStatus::configuration,
                        fmt::format("'{}': a backing file by '{}:' is not supported", above, protocol));
        }
        file.remove_prefix(colon + 1);
    }
    if (file.starts_with('/')) return std::string{file};
    auto const slash = above.rfind('/');
    return slash == above.npos ? std::string{file} : above.substr(0, slash + 1) + std::string{file};
}

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
    if (!options.is_snapshot && is_nbd(path)) return NbdImage::open(path, options);
    if (!options.is_snapshot) return Chain{options}.open(path, options);
    auto below = options;
    below.access = Access::read_only;
    below.is_snapshot = false;
    return throw_away_overlay(TRY(open_image(path, below)));
}

namespace {

Result<std::unique_ptr<Storage>> create_temporary() {
    char const* const directory = std::getenv("TMPDIR");
    return FileStorage::create_temporary(directory && *directory ? directory : "/var/tmp");
}

} // namespace

Result<std::unique_ptr<Image>> throw_away_overlay(std::unique_ptr<Image> backing) {
    auto storage = TRY(create_temporary());
    TRY_VOID(qcow2::create(*storage, {.size = backing->size()}));
    auto header = TRY(qcow2::read_header(*storage));
    return Qcow2Image::open(std::move(storage), {.cache = CacheMode::unsafe}, std::move(header), std::move(backing));
}

Result<std::unique_ptr<Image>> throw_away_image(u64 bytes) {
    auto storage = TRY(create_temporary());
    if (auto const sized = storage->truncate(bytes); !sized) return std::unexpected(as_error(sized.error()));
    return std::make_unique<RawImage>(std::move(storage), OpenOptions{.cache = CacheMode::unsafe},
                                      RawImage::Origin::said);
}

} // namespace ring3::image
