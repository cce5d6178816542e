#include "p9/server.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

namespace ring3::p9 {

namespace {

/// The flags that mean something to a server; the rest is the guest's kernel's affair.
Answer<int> host_flags(u32 flags) {
    constexpr int access[] = {O_RDONLY, O_WRONLY, O_RDWR};
    u32 const how = flags & open_flag::access;
    if (how >= std::size(access)) return refuse(EINVAL);
    int result = access[how];
    if ((flags & open_flag::truncate) != 0) result |= O_TRUNC;
    if ((flags & open_flag::append) != 0) result |= O_APPEND;
    if ((flags & open_flag::data_sync) != 0) result |= O_DSYNC;
    if ((flags & open_flag::sync) == open_flag::sync) result |= O_SYNC;
    return result;
}

bool asks_to_write(u32 flags) {
    return (flags & (open_flag::access | open_flag::truncate)) != 0;
}

/// Tries again after a signal.
template <class Call> ssize_t uninterrupted(Call call) {
    for (;;) {
        ssize_t const result = call();
        if (result >= 0 || errno != EINTR) return result;
    }
}

Answer<OpenFile const*> opened_file(FidTable& fids, u32 number) {
    auto const& fid = *TRY(fids.find(number));
    if (!fid.opened) return refuse(EBADF);
    if (fid.opened->is_directory) return refuse(EISDIR);
    return &*fid.opened;
}

} // namespace

/// Only what cannot wait or do anything by being opened: files and directories.
Answer<FileDescriptor> Server::open_existing(std::string_view path, u32 flags) const {
    int const how = TRY(host_flags(flags));
    auto const mode = TRY(folder_.status(path)).st_mode;
    if (S_ISLNK(mode)) return refuse(ELOOP);
    if (!S_ISREG(mode) && !S_ISDIR(mode)) return refuse(ENXIO);
    auto file = TRY(folder_.open(path, how | (S_ISDIR(mode) ? O_DIRECTORY : 0)));
    if (auto const now = TRY(p9::status_of(file)).st_mode; (now & S_IFMT) != (mode & S_IFMT)) return refuse(ENXIO);
    return file;
}

Answer<void> Server::lopen(Reader& in, Writer& out) {
    u32 const number = in.word(), flags = in.word();
    TRY_VOID(in.complete());
    auto& fid = *TRY(fids_.find_named(number));
    if (fid.opened) return refuse(EINVAL);
    if (asks_to_write(flags)) TRY_VOID(ensure_writable());
    TRY_VOID(fids_.ensure_room_to_open());
    auto file = TRY(open_existing(fid.path, flags));
    auto const status = TRY(ownership_.status(file));
    TRY_VOID(fids_.open(fid, {std::move(file), S_ISDIR(status.st_mode), (flags & open_flag::access) != 0}));
    out.qid(qid_of(status));
    out.word(0); // as much at a time as a message holds
    return {};
}

/// The fid stood for the directory and stands for the open file afterwards.
Answer<void> Server::lcreate(Reader& in, Writer& out) {
    u32 const number = in.word();
    auto const name = in.text();
    u32 const flags = in.word(), mode = in.word(), gid = in.word();
    TRY_VOID(in.complete());
    auto& fid = *TRY(fids_.find_named(number));
    if (fid.opened) return refuse(EINVAL);
    TRY_VOID(ensure_writable());
    TRY_VOID(fids_.ensure_room_to_open());
    auto const place = TRY(folder_.named_place(fid.path, name));
    auto const path = join(fid.path, name);
    auto file = ownership_.create(place, TRY(host_flags(flags)), {.mode = mode, .uid = fid.uid, .gid = gid});
    if (!file && file.error().value == EEXIST && (flags & open_flag::exclusive) == 0) file = open_existing(path, flags);
    if (!file) return std::unexpected(file.error());
    auto const status = TRY(ownership_.status(*file));
    if (S_ISDIR(status.st_mode)) return refuse(EISDIR);
    TRY_VOID(fids_.set_path(fid, path));
    TRY_VOID(fids_.open(fid, {std::move(*file), false, (flags & open_flag::access) != 0}));
    out.qid(qid_of(status));
    out.word(0);
    return {};
}

Answer<void> Server::read(Reader& in, Writer& out) {
    u32 const number = in.word();
    u64 const offset = in.quad();
    u32 const count = in.word();
    TRY_VOID(in.complete());
    auto const& open = *TRY(opened_file(fids_, number));
    if (out.free() < sizeof count) return refuse(EMSGSIZE);
    std::size_t const wanted = std::min<std::size_t>(count, out.free() - sizeof count);
    // Straight to where it belongs; the count in front of it is known afterwards.
    auto const room = out.claim(sizeof count + wanted).subspan(sizeof count);
    auto const got = TRY(checked(
        uninterrupted([&] { return ::pread(open.file.number(), room.data(), wanted, static_cast<off_t>(offset)); })));
    out.cut(0);
    out.word(static_cast<u32>(got));
    out.claim(static_cast<std::size_t>(got));
    return {};
}

Answer<void> Server::write(Reader& in, Writer& out) {
    u32 const number = in.word();
    u64 const offset = in.quad();
    u32 const count = in.word();
    auto const data = in.take(count);
    TRY_VOID(in.complete());
    auto const& open = *TRY(opened_file(fids_, number));
    std::size_t written = 0;
    while (written < data.size()) {
        auto const rest = data.subspan(written);
        auto const some = uninterrupted([&] {
            return ::pwrite(open.file.number(), rest.data(), rest.size(), static_cast<off_t>(offset + written));
        });
        // What was written is said; the guest meets the error when it tries the rest.
        if (some < 0 && written == 0) return host_refused();
        if (some <= 0) break;
        written += static_cast<std::size_t>(some);
    }
    out.word(static_cast<u32>(written));
    return {};
}

Answer<void> Server::readdir(Reader& in, Writer& out) {
    u32 const number = in.word();
    u64 const offset = in.quad();
    u32 const count = in.word();
    TRY_VOID(in.complete());
    auto const& fid = *TRY(fids_.find(number));
    if (!fid.opened) return refuse(EBADF);
    if (!fid.opened->is_directory) return refuse(ENOTDIR);
    std::size_t const room = std::min<std::size_t>(count, out.free() - std::min(out.free(), sizeof count));
    // An entry of the host's has at least 24 bytes, and at most 4 less than the guest's: so much surely fits.
    std::array<u8, 32 << 10> records;
    std::size_t const wanted = std::min(records.size(), room / 28 * 24);
    int const directory = fid.opened->file.number();
    if (static_cast<i64>(offset) < 0) return refuse(EINVAL);
    TRY_VOID(checked(::lseek(directory, static_cast<off_t>(offset), SEEK_SET)));
    auto const got = TRY(checked(::getdents64(directory, records.data(), wanted)));
    auto const status = TRY(p9::status_of(fid.opened->file));
    std::size_t const start = out.used();
    out.word(0);
    append_entries(fid, std::span{records}.first(static_cast<std::size_t>(got)), status, out);
    std::size_t const end = out.used();
    out.cut(start);
    out.word(static_cast<u32>(end - start - sizeof count));
    out.cut(end);
    return {};
}

void Server::append_entries(Fid const& fid, std::span<u8 const> records, struct stat const& directory, Writer& out) {
    auto const field = [&](std::size_t at, auto number) {
        std::memcpy(&number, records.data() + at, sizeof number);
        return number;
    };
    while (!records.empty()) {
        u64 inode = field(offsetof(dirent64, d_ino), u64{});
        u64 const next = field(offsetof(dirent64, d_off), u64{});
        u8 type = field(offsetof(dirent64, d_type), u8{});
        auto const bytes =
            records.first(field(offsetof(dirent64, d_reclen), u16{})).subspan(offsetof(dirent64, d_name));
        std::string const name{bytes.begin(), std::ranges::find(bytes, u8{0})};
        // What the folder lies in is none of the guest's business.
        if (name == ".." && fid.path.empty()) inode = directory.st_ino;
        u8 const qid_type = type == DT_DIR ? qid_directory : type == DT_LNK ? qid_symlink : qid_file;
        if (type == DT_REG && !ownership_.kinds_are_the_hosts()) type = DT_UNKNOWN;
        out.qid({qid_type, 0, qid_path(directory.st_dev, inode)});
        out.quad(next);
        out.byte(type);
        out.text(name);
        records = records.subspan(field(offsetof(dirent64, d_reclen), u16{}));
    }
}

Answer<void> Server::fsync(Reader& in) {
    u32 const number = in.word();
    TRY_VOID(in.complete());
    bool const only_data = in.word() != 0; // older clients do not send it
    auto const& fid = *TRY(fids_.find(number));
    if (!fid.opened) return refuse(EBADF);
    int const file = fid.opened->file.number();
    TRY_VOID(checked(uninterrupted([&] { return only_data ? ::fdatasync(file) : ::fsync(file); })));
    return {};
}

Answer<void> Server::lock(Reader& in, Writer& out) {
    u32 const number = in.word();
    TRY_VOID(in.complete());
    TRY_VOID(opened_file(fids_, number));
    out.byte(lock_granted);
    return {};
}

Answer<void> Server::getlock(Reader& in, Writer& out) {
    u32 const number = in.word();
    in.byte(); // the kind that is asked for
    u64 const start = in.quad(), length = in.quad();
    u32 const process = in.word();
    auto const client = in.text();
    TRY_VOID(in.complete());
    TRY_VOID(opened_file(fids_, number));
    out.byte(lock_none);
    out.quad(start), out.quad(length);
    out.word(process);
    out.text(client);
    return {};
}

} // namespace ring3::p9
