#include "p9/server.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace ring3::p9 {

Answer<void> Server::getattr(Reader& in, Writer& out) {
    u32 const number = in.word();
    in.quad(); // which are wanted: all come
    TRY_VOID(in.complete());
    auto const& fid = *TRY(fids_.find(number));
    auto const status = TRY(status_of(fid));
    auto const put_time = [&](timespec const& time) {
        out.quad(static_cast<u64>(time.tv_sec)), out.quad(static_cast<u64>(time.tv_nsec));
    };
    out.quad(attributes_basic);
    out.qid(qid_of(status));
    out.word(status.st_mode), out.word(status.st_uid), out.word(status.st_gid);
    out.quad(status.st_nlink), out.quad(status.st_rdev), out.quad(static_cast<u64>(status.st_size));
    out.quad(static_cast<u64>(status.st_blksize)), out.quad(static_cast<u64>(status.st_blocks));
    put_time(status.st_atim), put_time(status.st_mtim), put_time(status.st_ctim);
    put_time({}), out.quad(0), out.quad(0); // birth, generation and data version are not valid
    return {};
}

Answer<void> Server::set_size(Fid const& fid, u64 size) const {
    if (fid.opened && fid.opened->is_writable) {
        TRY_VOID(checked(::ftruncate(fid.opened->file.number(), static_cast<off_t>(size))));
        return {};
    }
    if (fid.is_gone) return refuse(ENOENT);
    auto const file = TRY(open_existing(fid.path, O_WRONLY));
    TRY_VOID(checked(::ftruncate(file.number(), static_cast<off_t>(size))));
    return {};
}

Answer<void> Server::setattr(Reader& in) {
    namespace set = set_attribute;
    u32 const number = in.word(), valid = in.word(), mode = in.word(), uid = in.word(), gid = in.word();
    u64 const size = in.quad();
    u64 const times_given[] = {in.quad(), in.quad(), in.quad(), in.quad()}; // atime, mtime: seconds, nanoseconds
    TRY_VOID(in.complete());
    auto const& fid = *TRY(fids_.find(number));
    TRY_VOID(ensure_writable());
    // A new size changes the time of change, a new owner the set-user-ID bit: so in this order.
    if ((valid & set::size) != 0) TRY_VOID(set_size(fid, size));
    if ((valid & (set::uid | set::gid | set::mode | set::atime | set::mtime)) == 0) return {};
    // A fid that is open means what it has opened, even if that has lost its name.
    if (!fid.opened && fid.is_gone) return refuse(ENOENT);
    auto const place = fid.opened ? Place{} : TRY(folder_.place(fid.path));
    Target const target = fid.opened ? Target{fid.opened->file} : Target{place};
    if ((valid & (set::uid | set::gid)) != 0)
        TRY_VOID(ownership_.set_owner(target, (valid & set::uid) != 0 ? uid : ~u32{},
                                      (valid & set::gid) != 0 ? gid : ~u32{}));
    if ((valid & set::mode) != 0) TRY_VOID(ownership_.set_mode(target, mode));
    if ((valid & (set::atime | set::mtime)) == 0) return {};
    auto const time = [&](u32 wanted, u32 given, u64 const* value) -> timespec {
        if ((valid & wanted) == 0) return {0, UTIME_OMIT};
        if ((valid & given) == 0) return {0, UTIME_NOW};
        return {static_cast<time_t>(value[0]), static_cast<long>(value[1])};
    };
    return ownership_.set_times(
        target, {time(set::atime, set::atime_given, times_given), time(set::mtime, set::mtime_given, times_given + 2)});
}

Answer<void> Server::mkdir(Reader& in, Writer& out) {
    u32 const number = in.word();
    auto const name = in.text();
    u32 const mode = in.word(), gid = in.word();
    TRY_VOID(in.complete());
    auto const& fid = *TRY(fids_.find_named(number));
    TRY_VOID(ensure_writable());
    auto const place = TRY(folder_.named_place(fid.path, name));
    TRY_VOID(ownership_.make_directory(place, {.mode = mode, .uid = fid.uid, .gid = gid}));
    return put_new_qid(place, out);
}

Answer<void> Server::mknod(Reader& in, Writer& out) {
    u32 const number = in.word();
    auto const name = in.text();
    u32 const mode = in.word(), major = in.word(), minor = in.word(), gid = in.word();
    TRY_VOID(in.complete());
    auto const& fid = *TRY(fids_.find_named(number));
    TRY_VOID(ensure_writable());
    auto const place = TRY(folder_.named_place(fid.path, name));
    u64 const device = gnu_dev_makedev(major, minor);
    TRY_VOID(ownership_.make_node(place, {.mode = mode, .uid = fid.uid, .gid = gid, .device = device}));
    return put_new_qid(place, out);
}

Answer<void> Server::symlink(Reader& in, Writer& out) {
    u32 const number = in.word();
    auto const name = in.text(), target = in.text();
    u32 const gid = in.word();
    TRY_VOID(in.complete());
    auto const& fid = *TRY(fids_.find_named(number));
    TRY_VOID(ensure_writable());
    auto const place = TRY(folder_.named_place(fid.path, name));
    TRY_VOID(ownership_.make_link(place, target, {.mode = 0777, .uid = fid.uid, .gid = gid}));
    return put_new_qid(place, out);
}

Answer<void> Server::readlink(Reader& in, Writer& out) {
    u32 const number = in.word();
    TRY_VOID(in.complete());
    auto const& fid = *TRY(fids_.find_named(number));
    auto const place = TRY(folder_.place(fid.path));
    out.text(TRY(ownership_.read_link(place)));
    return {};
}

Answer<void> Server::link(Reader& in) {
    u32 const directory = in.word(), number = in.word();
    auto const name = in.text();
    TRY_VOID(in.complete());
    auto const &into = *TRY(fids_.find_named(directory)), &fid = *TRY(fids_.find_named(number));
    TRY_VOID(ensure_writable());
    auto const from = TRY(folder_.place(fid.path));
    auto const to = TRY(folder_.named_place(into.path, name));
    TRY_VOID(checked(::linkat(from.fd(), from.c_name(), to.fd(), to.c_name(), 0)));
    return {};
}

Answer<void> Server::rename(Reader& in) {
    u32 const number = in.word(), directory = in.word();
    auto const name = in.text();
    TRY_VOID(in.complete());
    auto const &fid = *TRY(fids_.find_named(number)), &into = *TRY(fids_.find_named(directory));
    if (fid.path.empty()) return refuse(EBUSY);
    return move(std::string{parent_of(fid.path)}, std::string{last_part(fid.path)}, into.path, name);
}

Answer<void> Server::renameat(Reader& in) {
    u32 const from = in.word();
    auto const from_name = in.text();
    u32 const to = in.word();
    auto const to_name = in.text();
    TRY_VOID(in.complete());
    return move(TRY(fids_.find_named(from))->path, from_name, TRY(fids_.find_named(to))->path, to_name);
}

Answer<void> Server::move(std::string const& from_directory, std::string const& from_name,
                          std::string const& to_directory, std::string const& to_name) {
    TRY_VOID(ensure_writable());
    auto const from = TRY(folder_.named_place(from_directory, from_name));
    auto const to = TRY(folder_.named_place(to_directory, to_name));
    auto const from_path = join(from_directory, from_name), to_path = join(to_directory, to_name);
    TRY_VOID(fids_.ensure_room_to_rename(from_path, to_path));
    auto const moved = TRY(p9::status_of(from));
    auto const replaced = p9::status_of(to);
    TRY_VOID(checked(::renameat(from.fd(), from.c_name(), to.fd(), to.c_name())));
    // Two names of one file both stay, says rename(2).
    if (replaced && replaced->st_ino == moved.st_ino && replaced->st_dev == moved.st_dev) return {};
    fids_.removed(to_path);
    fids_.renamed(from_path, to_path);
    return {};
}

Answer<void> Server::unlinkat(Reader& in) {
    u32 const directory = in.word();
    auto const name = in.text();
    u32 const flags = in.word();
    TRY_VOID(in.complete());
    auto const& fid = *TRY(fids_.find_named(directory));
    TRY_VOID(ensure_writable());
    auto const place = TRY(folder_.named_place(fid.path, name));
    TRY_VOID(checked(::unlinkat(place.fd(), place.c_name(), (flags & unlink_directory) != 0 ? AT_REMOVEDIR : 0)));
    fids_.removed(join(fid.path, name));
    return {};
}

/// The fid is gone afterwards, whether its file is or not.
Answer<void> Server::remove(Reader& in) {
    u32 const number = in.word();
    TRY_VOID(in.complete());
    auto const& fid = *TRY(fids_.find(number));
    auto const path = fid.is_gone ? std::nullopt : std::optional{fid.path};
    TRY_VOID(fids_.remove(number));
    TRY_VOID(ensure_writable());
    if (!path) return refuse(ENOENT);
    if (path->empty()) return refuse(EBUSY);
    auto const place = TRY(folder_.place(*path));
    bool const is_directory = S_ISDIR(TRY(p9::status_of(place)).st_mode);
    TRY_VOID(checked(::unlinkat(place.fd(), place.c_name(), is_directory ? AT_REMOVEDIR : 0)));
    fids_.removed(*path);
    return {};
}

} // namespace ring3::p9
