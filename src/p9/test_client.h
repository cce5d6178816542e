// The guest's side of 9P, as far as tests need it: each call sends one request and gives the reply's fields, or the errno.
#pragma once

#include "p9/server.h"

#include <array>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <unistd.h>

namespace ring3::p9 {

/// A directory for a test: what is shared, in one that is not.
class TestFolder {
public:
    TestFolder() {
        auto name = (std::filesystem::temp_directory_path() / "ring3-test-XXXXXX").string();
        if (::mkdtemp(name.data())) outside_ = name;
        std::filesystem::create_directory(outside_ / "shared");
    }
    ~TestFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(outside_, ignored);
    }
    TestFolder(TestFolder const&) = delete;
    std::filesystem::path outside(std::string_view name) const { return outside_ / name; }
    std::filesystem::path path(std::string_view name = "") const { return outside_ / "shared" / name; }
    void write(std::filesystem::path const& file, std::string_view text) const {
        std::ofstream{file, std::ios::binary} << text;
    }
    std::string read(std::filesystem::path const& path) const {
        std::ifstream file{path, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

private:
    std::filesystem::path outside_;
};

/// The fields behind a request's header.
class Fields {
public:
    Fields& byte(u8 value) { return put(value); }
    Fields& half(u16 value) { return put(value); }
    Fields& word(u32 value) { return put(value); }
    Fields& quad(u64 value) { return put(value); }
    Fields& text(std::string_view value) {
        half(static_cast<u16>(value.size()));
        return raw(value);
    }
    Fields& raw(std::string_view value) {
        bytes.insert(bytes.end(), value.begin(), value.end());
        return *this;
    }
    std::vector<u8> bytes;

private:
    template <class Number> Fields& put(Number value) {
        std::size_t const at = bytes.size();
        bytes.resize(at + sizeof value);
        std::memcpy(bytes.data() + at, &value, sizeof value);
        return *this;
    }
};

struct Entry {
    std::string name;
    u8 type{};
    u64 inode{}, next{};
};
struct Attributes {
    Qid qid;
    u32 mode{}, uid{}, gid{};
    u64 links{}, device{}, size{}, mtime{};
};

class TestClient {
public:
    static constexpr u32 root = 0, message = 64 << 10;

    explicit TestClient(ShareSettings settings, FidTable::Limits limits = {})
        : server_{*Server::open(std::move(settings), limits)} {
        version();
        attach(root);
    }
    Server& server() { return server_; }

    std::vector<u8> raw(std::span<u8 const> request, std::size_t room = message) {
        std::vector<u8> reply(room);
        reply.resize(server_.handle(request, reply));
        return reply;
    }
    std::vector<u8> request(Request type, Fields const& fields, std::size_t room = message, u16 tag = 7) {
        Fields whole;
        whole.word(static_cast<u32>(header_bytes + fields.bytes.size())).byte(static_cast<u8>(type)).half(tag);
        whole.bytes.insert(whole.bytes.end(), fields.bytes.begin(), fields.bytes.end());
        return raw(whole.bytes, room);
    }
    /// What is behind the reply's header.
    Answer<std::vector<u8>> call(Request type, Fields const& fields) {
        auto const reply = request(type, fields);
        Reader in{reply};
        u32 const size = in.word();
        u8 const kind = in.byte();
        if (size != reply.size() || in.half() != 7) return refuse(-1);
        if (kind == error_reply) return refuse(static_cast<int>(in.word()));
        if (kind != static_cast<u8>(type) + 1) return refuse(-2);
        return std::vector<u8>{reply.begin() + header_bytes, reply.end()};
    }
    /// 0 or the errno.
    int status(Request type, Fields const& fields) {
        auto const reply = call(type, fields);
        return reply ? 0 : reply.error().value;
    }

    int version(u32 size = message, std::string_view dialect = "9P2000.L") {
        return status(Request::version, Fields{}.word(size).text(dialect));
    }
    int attach(u32 fid) {
        return status(Request::attach, Fields{}.word(fid).word(~0u).text("guest").text("").word(::getuid()));
    }
    int walk(u32 fid, std::initializer_list<std::string_view> names, u32 from = root) {
        Fields fields;
        fields.word(from).word(fid).half(static_cast<u16>(names.size()));
        for (auto const& name : names) fields.text(name);
        auto const reply = call(Request::walk, fields);
        if (!reply) return reply.error().value;
        return Reader{*reply}.half() == names.size() ? 0 : ENOENT; // a walk that ended early made no fid
    }
    int clunk(u32 fid) { return status(Request::clunk, Fields{}.word(fid)); }
    int open(u32 fid, u32 flags = O_RDONLY) { return status(Request::lopen, Fields{}.word(fid).word(flags)); }
    int create(u32 fid, std::string_view name, u32 flags = O_RDWR, u32 mode = 0644) {
        return status(Request::lcreate, Fields{}.word(fid).text(name).word(flags).word(mode).word(::getgid()));
    }
    /// A fid for a new file, walked from the root.
    int create_at(u32 fid, std::string_view name, u32 flags = O_RDWR, u32 mode = 0644) {
        if (int const error = walk(fid, {}); error != 0) return error;
        return create(fid, name, flags, mode);
    }
    Answer<std::string> read(u32 fid, u64 offset = 0, u32 count = 4096) {
        auto const reply = call(Request::read, Fields{}.word(fid).quad(offset).word(count));
        if (!reply) return std::unexpected(reply.error());
        Reader in{*reply};
        auto const data = in.take(in.word());
        return std::string{data.begin(), data.end()};
    }
    Answer<u32> write(u32 fid, std::string_view data, u64 offset = 0) {
        auto const length = static_cast<u32>(data.size());
        auto const reply = call(Request::write, Fields{}.word(fid).quad(offset).word(length).raw(data));
        if (!reply) return std::unexpected(reply.error());
        return Reader{*reply}.word();
    }
    Answer<std::vector<Entry>> list(u32 fid, u64 offset = 0, u32 count = 8192) {
        auto const reply = call(Request::readdir, Fields{}.word(fid).quad(offset).word(count));
        if (!reply) return std::unexpected(reply.error());
        Reader in{*reply};
        std::vector<Entry> entries;
        in.word();
        for (u64 inode = 0;;) {
            in.byte(), in.word(), inode = in.quad();
            u64 const next = in.quad();
            u8 const type = in.byte();
            auto name = in.text();
            if (in.is_malformed()) return entries;
            entries.push_back({std::move(name), type, inode, next});
        }
    }
    Answer<Attributes> attributes(u32 fid) {
        auto const reply = call(Request::getattr, Fields{}.word(fid).quad(~u64{}));
        if (!reply) return std::unexpected(reply.error());
        Reader in{*reply};
        Attributes all;
        in.quad();
        all.qid.type = in.byte(), all.qid.version = in.word(), all.qid.path = in.quad();
        all.mode = in.word(), all.uid = in.word(), all.gid = in.word();
        all.links = in.quad(), all.device = in.quad(), all.size = in.quad();
        in.quad(), in.quad(), in.quad(), in.quad();
        all.mtime = in.quad();
        return all;
    }
    int set(u32 fid, u32 valid, u32 mode = 0, u64 size = 0, u64 mtime = 0) {
        return status(
            Request::setattr,
            Fields{}.word(fid).word(valid).word(mode).word(4711).word(4711).quad(size).quad(0).quad(0).quad(mtime).quad(
                0));
    }
    int mkdir(u32 fid, std::string_view name, u32 mode = 0755) {
        return status(Request::mkdir, Fields{}.word(fid).text(name).word(mode).word(::getgid()));
    }
    int mknod(u32 fid, std::string_view name, u32 mode, u32 major = 0, u32 minor = 0) {
        return status(Request::mknod,
                      Fields{}.word(fid).text(name).word(mode).word(major).word(minor).word(::getgid()));
    }
    int symlink(u32 fid, std::string_view name, std::string_view target) {
        return status(Request::symlink, Fields{}.word(fid).text(name).text(target).word(::getgid()));
    }
    Answer<std::string> readlink(u32 fid) {
        auto const reply = call(Request::readlink, Fields{}.word(fid));
        if (!reply) return std::unexpected(reply.error());
        return Reader{*reply}.text();
    }
    int link(u32 directory, u32 fid, std::string_view name) {
        return status(Request::link, Fields{}.word(directory).word(fid).text(name));
    }
    int rename(u32 fid, u32 directory, std::string_view name) {
        return status(Request::rename, Fields{}.word(fid).word(directory).text(name));
    }
    int renameat(u32 from, std::string_view name, u32 to, std::string_view new_name) {
        return status(Request::renameat, Fields{}.word(from).text(name).word(to).text(new_name));
    }
    int unlink(u32 directory, std::string_view name, u32 flags = 0) {
        return status(Request::unlinkat, Fields{}.word(directory).text(name).word(flags));
    }
    int remove(u32 fid) { return status(Request::remove, Fields{}.word(fid)); }

private:
    Server server_;
};

} // namespace ring3::p9
