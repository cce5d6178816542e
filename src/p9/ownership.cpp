#include "p9/ownership.h"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <optional>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace ring3::p9 {

namespace {

constexpr u32 permissions = 07777;
constexpr char uid_key[] = "user.virtfs.uid", gid_key[] = "user.virtfs.gid", mode_key[] = "user.virtfs.mode",
               device_key[] = "user.virtfs.rdev";

/// Attributes have no ...at() calls, and no way through O_PATH. The link in /proc leads to the very file or directory that
/// is open; a name in the directory is not followed.
std::string attribute_path(Target target) {
    return target.is_open() ? fmt::format("/proc/self/fd/{}", target.fd)
                            : fmt::format("/proc/self/fd/{}/{}", target.fd, target.name);
}

template <class Number> std::optional<Number> attribute(Target target, char const* key) {
    Number value{};
    auto const get = target.is_open() ? ::getxattr : ::lgetxattr;
    if (get(attribute_path(target).c_str(), key, &value, sizeof value) != ssize_t{sizeof value}) return std::nullopt;
    return value;
}

template <class Number> Answer<void> set_attribute(Target target, char const* key, Number value) {
    auto const set = target.is_open() ? ::setxattr : ::lsetxattr;
    TRY_VOID(checked(set(attribute_path(target).c_str(), key, &value, sizeof value, 0)));
    return {};
}

/// A file whose attributes are not there, or cannot be had, is as the host has it.
void map(struct stat& status, Target target) {
    if (auto const uid = attribute<u32>(target, uid_key)) status.st_uid = *uid;
    if (auto const gid = attribute<u32>(target, gid_key)) status.st_gid = *gid;
    if (auto const device = attribute<u64>(target, device_key)) status.st_rdev = *device;
    auto const mode = attribute<u32>(target, mode_key);
    if (!mode) return;
    // Whoever wrote the attribute, a directory stays one, and nothing else becomes one.
    bool const agree = S_ISDIR(*mode) == S_ISDIR(status.st_mode);
    status.st_mode = agree ? *mode : (status.st_mode & S_IFMT) | (*mode & permissions);
}

Answer<FileDescriptor> open_new(Place const& place, int flags, u32 mode) {
    int const how = flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
    return FileDescriptor{TRY(checked(::openat(place.fd(), place.c_name(), how, mode)))};
}

Answer<void> write_target(FileDescriptor const& file, std::string const& target) {
    auto const written = TRY(checked(::pwrite(file.number(), target.data(), target.size(), 0)));
    if (static_cast<std::size_t>(written) != target.size()) return refuse(ENOSPC);
    return {};
}

} // namespace

Answer<struct stat> Ownership::status(Target target) const {
    auto status = TRY(status_of(target));
    if (is_mapped() && !S_ISLNK(status.st_mode)) map(status, target);
    return status;
}

u32 Ownership::host_mode(u32 mode, bool is_directory) const {
    if (is_mapped()) return is_directory ? 0700 : 0600;
    if (model_ == SecurityModel::none && !is_directory) return mode & permissions & ~u32{S_ISUID | S_ISGID};
    return mode & permissions;
}

Answer<FileDescriptor> Ownership::create(Place const& place, int flags, Creation const& creation) const {
    auto file = TRY(open_new(place, flags, host_mode(creation.mode, false)));
    TRY_VOID(give_or_remove(place, creation, S_IFREG));
    return file;
}

Answer<void> Ownership::make_directory(Place const& place, Creation const& creation) const {
    TRY_VOID(checked(::mkdirat(place.fd(), place.c_name(), host_mode(creation.mode, true))));
    return give_or_remove(place, creation, S_IFDIR);
}

Answer<void> Ownership::make_node(Place const& place, Creation const& creation) const {
    mode_t const kind = creation.mode & S_IFMT;
    if (kind != S_IFREG && !is_mapped()) return refuse(EPERM);
    if (kind != S_IFREG && kind != S_IFCHR && kind != S_IFBLK && kind != S_IFIFO && kind != S_IFSOCK)
        return refuse(EINVAL);
    TRY_VOID(open_new(place, O_WRONLY, host_mode(creation.mode, false)));
    return give_or_remove(place, creation, kind);
}

Answer<void> Ownership::make_link(Place const& place, std::string const& target, Creation const& creation) const {
    if (target.empty()) return refuse(ENOENT);
    if (target.size() > most_path_bytes) return refuse(ENAMETOOLONG);
    if (!is_mapped()) {
        TRY_VOID(checked(::symlinkat(target.c_str(), place.fd(), place.c_name())));
        return give_or_remove(place, creation, S_IFLNK);
    }
    auto const file = TRY(open_new(place, O_WRONLY, 0600));
    if (auto const written = write_target(file, target); !written) {
        static_cast<void>(::unlinkat(place.fd(), place.c_name(), 0));
        return written;
    }
    return give_or_remove(place, creation, S_IFLNK);
}

Answer<std::string> Ownership::read_link(Place const& place) const {
    std::array<char, most_path_bytes + 1> target;
    if (!S_ISLNK(TRY(status(place)).st_mode)) return refuse(EINVAL);
    auto length = ::readlinkat(place.fd(), place.c_name(), target.data(), target.size());
    if (length < 0 && is_mapped()) {
        FileDescriptor const file{::openat(place.fd(), place.c_name(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
        length = ::pread(file.number(), target.data(), target.size(), 0);
    }
    if (length < 0) return host_refused();
    return std::string{target.data(), static_cast<std::size_t>(length)};
}

Answer<void> Ownership::give_or_remove(Place const& place, Creation const& creation, mode_t kind) const {
    auto given = give(place, creation, kind);
    if (!given) static_cast<void>(::unlinkat(place.fd(), place.c_name(), kind == S_IFDIR ? AT_REMOVEDIR : 0));
    return given;
}

/// Gives a new file its owner, and the mode that the host's umask has taken from it.
Answer<void> Ownership::give(Place const& place, Creation const& creation, mode_t kind) const {
    if (is_mapped()) {
        TRY_VOID(set_attribute(place, uid_key, creation.uid));
        TRY_VOID(set_attribute(place, gid_key, creation.gid));
        TRY_VOID(set_attribute(place, mode_key, u32{kind} | (creation.mode & permissions)));
        if (kind == S_IFCHR || kind == S_IFBLK) TRY_VOID(set_attribute(place, device_key, creation.device));
        return {};
    }
    if (::fchownat(place.fd(), place.c_name(), creation.uid, creation.gid, AT_SYMLINK_NOFOLLOW) != 0 &&
        model_ == SecurityModel::passthrough)
        return host_refused();
    if (kind == S_IFLNK) return {};
    // A directory may have inherited its group, and with it this bit.
    u32 const inherited = kind == S_IFDIR ? TRY(status_of(place)).st_mode & S_ISGID : 0;
    return set_mode(place, creation.mode | inherited);
}

Answer<void> Ownership::set_mode(Target target, u32 mode) const {
    auto const host = TRY(status_of(target));
    if (is_mapped() && !S_ISLNK(host.st_mode)) {
        auto const guest = TRY(status(target));
        return set_attribute(target, mode_key, u32{guest.st_mode & S_IFMT} | (mode & permissions));
    }
    u32 const wanted = host_mode(mode, S_ISDIR(host.st_mode));
    TRY_VOID(checked(target.is_open() ? ::fchmod(target.fd, wanted)
                                      : ::fchmodat(target.fd, target.name, wanted, AT_SYMLINK_NOFOLLOW)));
    return {};
}

Answer<void> Ownership::set_owner(Target target, u32 uid, u32 gid) const {
    constexpr u32 as_it_is = ~u32{};
    if (is_mapped()) {
        TRY_VOID(status_of(target));
        if (uid != as_it_is) TRY_VOID(set_attribute(target, uid_key, uid));
        if (gid != as_it_is) TRY_VOID(set_attribute(target, gid_key, gid));
        return {};
    }
    if (::fchownat(target.fd, target.name, uid, gid, target.flags()) == 0) return {};
    if (errno == EPERM && model_ == SecurityModel::none) return {};
    return host_refused();
}

Answer<void> Ownership::set_times(Target target, std::array<timespec, 2> const& times) const {
    TRY_VOID(checked(target.is_open() ? ::futimens(target.fd, times.data())
                                      : ::utimensat(target.fd, target.name, times.data(), AT_SYMLINK_NOFOLLOW)));
    return {};
}

} // namespace ring3::p9
