#include "p9/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ring3::p9 {

namespace {

constexpr std::size_t most_name_bytes = 255;

/// The part in front of the first slash, which is taken off with it.
std::string_view take_part(std::string_view& path) {
    auto const slash = path.find('/');
    auto const part = path.substr(0, slash);
    path = slash == path.npos ? std::string_view{} : path.substr(slash + 1);
    return part;
}

/// glibc of Debian 12 has no function for it.
int openat2(int directory, char const* path, int flags) {
    open_how how{};
    how.flags = static_cast<u64>(flags);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    return static_cast<int>(::syscall(SYS_openat2, directory, path, &how, sizeof how));
}

} // namespace

bool is_file_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view{"/\0", 2}) == name.npos;
}

std::string join(std::string_view directory, std::string_view name) {
    return directory.empty() ? std::string{name} : fmt::format("{}/{}", directory, name);
}

std::string_view parent_of(std::string_view path) {
    auto const slash = path.rfind('/');
    return slash == path.npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view last_part(std::string_view path) {
    auto const slash = path.rfind('/');
    return slash == path.npos ? path : path.substr(slash + 1);
}

Result<Folder> Folder::open(std::string const& path) {
    FileDescriptor root{::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!root.is_open()) return host::fail_errno(ExitStatus::io, fmt::format("cannot share '{}'", path));
    // O_PATH asks for no permission; better to hear of it now than from the guest.
    if (::faccessat(root.number(), ".", R_OK | X_OK, 0) != 0)
        return host::fail_errno(ExitStatus::io, fmt::format("cannot share '{}'", path));
    return Folder{std::move(root)};
}

Answer<FileDescriptor> Folder::open(std::string_view path, int flags) const {
    if (path.size() > most_path_bytes) return refuse(ENAMETOOLONG);
    // O_NONBLOCK: a FIFO must not make us wait for its other end.
    bool const only_names = (flags & O_PATH) != 0;
    flags |= O_NOFOLLOW | O_CLOEXEC | (only_names ? 0 : O_NONBLOCK | O_NOCTTY);
    if (has_openat2_) {
        std::string const name{path.empty() ? "." : path};
        FileDescriptor file{openat2(root_.number(), name.c_str(), flags)};
        if (file.is_open()) return file;
        if (errno != ENOSYS) return host_refused();
        has_openat2_ = false;
    }
    return walk(path, flags);
}

/// The same without openat2: no step takes more than one part, and no part is followed.
Answer<FileDescriptor> Folder::walk(std::string_view path, int flags) const {
    FileDescriptor directory{::openat(root_.number(), ".", path.empty() ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC)};
    while (directory.is_open() && !path.empty()) {
        std::string const part{take_part(path)};
        int const how = path.empty() ? flags : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        directory = FileDescriptor{::openat(directory.number(), part.c_str(), how)};
    }
    if (!directory.is_open()) return host_refused();
    return directory;
}

Answer<Place> Folder::place(std::string_view path) const {
    auto directory = TRY(open(parent_of(path), O_PATH | O_DIRECTORY));
    return Place{std::move(directory), std::string{path.empty() ? "." : last_part(path)}};
}

Answer<Place> Folder::named_place(std::string_view directory, std::string_view name) const {
    if (!is_file_name(name)) return refuse(EINVAL);
    if (name.size() > most_name_bytes || directory.size() + 1 + name.size() > most_path_bytes)
        return refuse(ENAMETOOLONG);
    auto file = TRY(open(directory, O_PATH | O_DIRECTORY));
    return Place{std::move(file), std::string{name}};
}

Answer<struct stat> Folder::status(std::string_view path) const {
    auto const file = TRY(open(path, O_PATH));
    return status_of(file);
}

Answer<struct stat> status_of(Target target) {
    struct stat status {};
    TRY_VOID(checked(::fstatat(target.fd, target.name, &status, target.flags())));
    return status;
}

} // namespace ring3::p9
