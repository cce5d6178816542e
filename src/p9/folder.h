// Folder: a directory of the host, and ways into it that do not lead out of it.
//
//     path  "a/b/c", relative to the folder; "" is the folder itself
//     Place the open directory "a/b" and the name "c" in it: what the host's ...at() calls take
//
// A guest chooses names, makes symbolic links and moves directories while it walks. So no path with more than one part
// ever reaches the kernel without RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS (openat2); where the host does not have that
// call, one directory is opened behind the other with O_NOFOLLOW. The last part is never followed: it is a symbolic link
// for the guest to read. ".." is taken off by words (parent_of), which is exact as no link is ever followed.
#pragma once

#include "host/file_descriptor.h"
#include "p9/answer.h"

#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/stat.h>

namespace ring3::p9 {

using host::FileDescriptor;

/// Longer ones are refused (ENAMETOOLONG), as the host's kernel would.
inline constexpr std::size_t most_path_bytes = 4095;

struct Place {
    FileDescriptor directory;
    std::string name; // "." for the folder itself
    char const* c_name() const { return name.c_str(); }
    int fd() const { return directory.number(); }
};

/// What a call is about: a file by its name, or one that is open. Refers to either, as long as that lives.
struct Target {
    Target(Place const& place) : fd{place.fd()}, name{place.c_name()} {}
    Target(FileDescriptor const& file) : fd{file.number()} {}
    bool is_open() const { return *name == '\0'; }
    int flags() const { return is_open() ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW; }
    int fd;
    char const* name{""};
};

/// A name that a file in a directory can have: neither empty nor "." nor "..", and without a slash.
bool is_file_name(std::string_view name);
/// The path of a file in a directory.
std::string join(std::string_view directory, std::string_view name);
/// "a/b" of "a/b/c"; the folder is its own parent.
std::string_view parent_of(std::string_view path);
std::string_view last_part(std::string_view path);

class Folder {
public:
    static Result<Folder> open(std::string const& path);

    Answer<Place> place(std::string_view path) const;
    /// A guest's name in a directory, whether there is such a file or not: checks the name.
    Answer<Place> named_place(std::string_view directory, std::string_view name) const;
    /// The directory or file itself, with the flags of open(2); never through a symbolic link.
    Answer<FileDescriptor> open(std::string_view path, int flags) const;
    /// What lies there; of a symbolic link, the link itself.
    Answer<struct stat> status(std::string_view path) const;

    /// For tests: what a host without openat2 does.
    void forget_openat2() { has_openat2_ = false; }

private:
    explicit Folder(FileDescriptor root) : root_{std::move(root)} {}
    Answer<FileDescriptor> walk(std::string_view path, int flags) const;

    FileDescriptor root_;
    mutable bool has_openat2_{true};
};

Answer<struct stat> status_of(Target target);

} // namespace ring3::p9
