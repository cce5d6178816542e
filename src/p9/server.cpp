#include "p9/server.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/statfs.h>

namespace ring3::p9 {

namespace {

constexpr std::string_view protocol = "9P2000.L";

std::size_t finish(std::span<u8> reply, u8 type, u16 tag, std::size_t body) {
    Writer header{reply};
    header.word(static_cast<u32>(header_bytes + body));
    header.byte(type);
    header.half(tag);
    return header_bytes + body;
}

} // namespace

Result<Server> Server::open(ShareSettings const& settings, FidTable::Limits limits) {
    return Server{TRY(Folder::open(settings.path)), settings, limits};
}

Server::Server(Folder folder, ShareSettings const& settings, FidTable::Limits limits)
    : folder_{std::move(folder)}, ownership_{settings.security}, is_read_only_{settings.is_read_only}, fids_{limits} {}

void Server::reset() {
    fids_.clear();
    most_bytes_ = 0;
}

std::size_t Server::handle(std::span<u8 const> request, std::span<u8> reply) {
    Reader in{request};
    u32 const size = in.word();
    u8 const type = in.byte();
    u16 const tag = in.half();
    if (in.is_malformed() || size < header_bytes || size > request.size() || reply.size() < error_bytes) return 0;
    in = Reader{request.subspan(header_bytes, size - header_bytes)};

    u32 const most = most_bytes_ != 0 ? most_bytes_ : least_message;
    Writer out{reply.subspan(header_bytes, std::min<std::size_t>(reply.size(), most) - header_bytes)};
    auto result = size > most ? Answer<void>{refuse(EMSGSIZE)} : dispatch(Request{type}, in, out);
    if (result && out.overflows()) result = refuse(EMSGSIZE);
    if (result) return finish(reply, static_cast<u8>(type + 1), tag, out.used());
    Writer error{reply.subspan(header_bytes)};
    error.word(static_cast<u32>(result.error().value));
    return finish(reply, error_reply, tag, error.used());
}

Answer<void> Server::dispatch(Request request, Reader& in, Writer& out) {
    if (request == Request::version) return version(in, out);
    if (most_bytes_ == 0) return refuse(EPROTO);
    switch (request) {
    case Request::version: break; // above
    case Request::attach: return attach(in, out);
    case Request::walk: return walk(in, out);
    case Request::clunk: return clunk(in);
    case Request::statfs: return statfs(in, out);
    case Request::flush: return {}; // requests are answered in their order: there is nothing left to take back
    case Request::lopen: return lopen(in, out);
    case Request::lcreate: return lcreate(in, out);
    case Request::read: return read(in, out);
    case Request::write: return write(in, out);
    case Request::readdir: return readdir(in, out);
    case Request::fsync: return fsync(in);
    case Request::lock: return lock(in, out);
    case Request::getlock: return getlock(in, out);
    case Request::getattr: return getattr(in, out);
    case Request::setattr: return setattr(in);
    case Request::mkdir: return mkdir(in, out);
    case Request::mknod: return mknod(in, out);
    case Request::symlink: return symlink(in, out);
    case Request::readlink: return readlink(in, out);
    case Request::link: return link(in);
    case Request::rename: return rename(in);
    case Request::renameat: return renameat(in);
    case Request::unlinkat: return unlinkat(in);
    case Request::remove: return remove(in);
    case Request::auth:
    case Request::xattrwalk:
    case Request::xattrcreate: break;
    }
    return refuse(EOPNOTSUPP);
}

Answer<void> Server::version(Reader& in, Writer& out) {
    u32 const wanted = in.word();
    auto const dialect = in.text();
    TRY_VOID(in.complete());
    if (wanted < least_message) return refuse(EMSGSIZE);
    reset();
    u32 const most = std::min(wanted, most_message);
    out.word(most);
    if (dialect != protocol) {
        out.text("unknown");
        return {};
    }
    most_bytes_ = most;
    out.text(protocol);
    return {};
}

Answer<void> Server::attach(Reader& in, Writer& out) {
    u32 const number = in.word();
    in.word(); // afid: nobody is asked who he is
    in.text(); // user name
    in.text(); // which tree: there is one
    u32 const uid = in.word();
    TRY_VOID(in.complete());
    auto const place = TRY(folder_.place(""));
    auto const status = TRY(ownership_.status(place));
    TRY_VOID(fids_.add(number, "", uid));
    out.qid(qid_of(status));
    return {};
}

Answer<void> Server::walk(Reader& in, Writer& out) {
    u32 const from = in.word(), to = in.word();
    u16 const count = in.half();
    if (count > most_walk_names) return refuse(EINVAL);
    std::vector<std::string> names(count);
    for (auto& name : names) name = in.text();
    TRY_VOID(in.complete());
    auto& fid = *TRY(fids_.find_named(from));
    if (from == to && fid.opened) return refuse(EINVAL);

    std::string path = fid.path;
    std::vector<Qid> qids;
    for (auto const& name : names) {
        auto next = name == ".." ? std::string{parent_of(path)} : join(path, name);
        auto const place = name == ".." ? folder_.place(next) : folder_.named_place(path, name);
        auto const status = place ? ownership_.status(*place) : std::unexpected(place.error());
        if (!status && qids.empty()) return std::unexpected(status.error());
        if (!status) break;
        qids.push_back(qid_of(*status));
        path = std::move(next);
    }
    // A walk that ends early says how far it came, and makes no fid.
    if (qids.size() == names.size()) {
        if (from == to)
            TRY_VOID(fids_.set_path(fid, std::move(path)));
        else
            TRY_VOID(fids_.add(to, std::move(path), fid.uid));
    }
    out.half(static_cast<u16>(qids.size()));
    for (auto const& qid : qids) out.qid(qid);
    return {};
}

Answer<void> Server::clunk(Reader& in) {
    u32 const number = in.word();
    TRY_VOID(in.complete());
    return fids_.remove(number);
}

Answer<void> Server::statfs(Reader& in, Writer& out) {
    u32 const number = in.word();
    TRY_VOID(in.complete());
    auto const& fid = *TRY(fids_.find_named(number));
    auto const file = TRY(folder_.open(fid.path, O_PATH));
    struct statfs status {};
    TRY_VOID(checked(::fstatfs(file.number(), &status)));
    out.word(static_cast<u32>(status.f_type));
    out.word(static_cast<u32>(status.f_bsize));
    out.quad(status.f_blocks), out.quad(status.f_bfree), out.quad(status.f_bavail);
    out.quad(status.f_files), out.quad(status.f_ffree);
    out.put(status.f_fsid);
    out.word(static_cast<u32>(status.f_namelen));
    return {};
}

// ---- what several requests need

Answer<void> Server::ensure_writable() const {
    if (is_read_only_) return refuse(EROFS);
    return {};
}

/// An open file is asked itself: it may have lost its name.
Answer<struct stat> Server::status_of(Fid const& fid) const {
    if (fid.opened) return ownership_.status(fid.opened->file);
    if (fid.is_gone) return refuse(ENOENT);
    auto const place = TRY(folder_.place(fid.path));
    return ownership_.status(place);
}

Answer<void> Server::put_new_qid(Place const& place, Writer& out) {
    out.qid(qid_of(TRY(ownership_.status(place))));
    return {};
}

Qid Server::qid_of(struct stat const& status) {
    u8 const type = S_ISDIR(status.st_mode) ? qid_directory : S_ISLNK(status.st_mode) ? qid_symlink : qid_file;
    u64 const version = static_cast<u64>(status.st_mtim.tv_sec) ^ static_cast<u64>(status.st_mtim.tv_nsec) ^
                        (static_cast<u64>(status.st_size) << 8);
    return {type, static_cast<u32>(version), qid_path(status.st_dev, status.st_ino)};
}

/// Inode numbers are only unique within one file system, and a folder may have others mounted in it. The first one met,
/// the folder's own, has its numbers as they are.
u64 Server::qid_path(u64 device, u64 inode) {
    constexpr std::size_t most_devices = 256;
    constexpr u64 spread = 0x9e37'79b9'7f4a'7c15; // 2^64 divided by the golden ratio
    auto found = std::ranges::find(devices_, device);
    if (found == devices_.end() && devices_.size() < most_devices) {
        devices_.push_back(device);
        found = devices_.end() - 1;
    }
    return inode + static_cast<u64>(found - devices_.begin()) * spread;
}

} // namespace ring3::p9
