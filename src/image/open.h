// How an image is opened: by path or URL, with the options of QEMU's -drive.
#pragma once

#include "image/image.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ring3::image {

enum class Format : u8 { raw, qcow2 };
std::string_view format_name(Format format);
std::optional<Format> find_format(std::string_view name);

/// QEMU's cache modes. (What it calls a cache here is the host's page cache and this process's copies of tables.)
enum class CacheMode : u8 {
    writeback,    // the default: a flush is a flush
    writethrough, // every write is flushed
    none,         // past the page cache (O_DIRECT), a flush is a flush
    directsync,   // past the page cache, every write is flushed
    unsafe,       // a flush does nothing
};
std::optional<CacheMode> find_cache_mode(std::string_view name);

enum class Discard : u8 { unmap, ignore };

/// Whether other processes are kept from writing to the same file (image/file_lock.h).
enum class Locking : u8 {
    automatic, // where the file system can
    on,
    off,
};

struct OpenOptions {
    std::optional<Format> format{}; // nothing: look at the first bytes
    Access access{Access::read_write};
    bool is_snapshot{}; // writes go to a file in $TMPDIR that is gone with the Image
    CacheMode cache{CacheMode::writeback};
    Discard discard{Discard::unmap};
    Locking locking{Locking::automatic};
};

/// Opens a file, a block device or "nbd://...", "nbd+unix://..." with all its backing files. The error is one line for a
/// person: 74 where the host fails, 78 where the image cannot be used.
Result<std::unique_ptr<Image>> open_image(std::string const& path, OpenOptions const& options);

/// An image that takes all writes for the one below, in a file of $TMPDIR that has no name and vanishes with it.
Result<std::unique_ptr<Image>> throw_away_overlay(std::unique_ptr<Image> backing);

/// An image full of zeroes, in such a file.
Result<std::unique_ptr<Image>> throw_away_image(u64 bytes);

/// Where the backing file lies that the image `above` names: names are relative to the directory of `above`.
Result<std::string> backing_path(std::string const& above, std::string const& name);

/// The format that a file's first bytes tell; raw is what has no other mark.
inline constexpr u64 magic_bytes = 8;
Format looks_like(std::span<u8 const, magic_bytes> start);

} // namespace ring3::image
