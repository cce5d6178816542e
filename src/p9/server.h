// Server: a 9P2000.L file server for one folder of the host and one guest.
//
//     handle():  bytes of a request -> header, checks -> one function for each request -> bytes of a reply
//
// Models:  9P2000.L as Linux speaks it: files, directories, symbolic and hard links, attributes, renaming.
// Missing: extended attributes and ACLs (EOPNOTSUPP). Locks are granted and held by the guest's kernel alone: neither the
//          host nor another guest sees them. Authentication (Tauth) is refused, as the folder is what was granted.
// Source:  REFERENCES [9p2000.L].
//
// It knows nothing of how messages travel, keeps no thread and never waits for anything but the host's file system. Every
// length, fid, name and offset is the guest's word; see Folder for what keeps names inside, FidTable for what bounds fids.
#pragma once

#include "p9/fid_table.h"
#include "p9/folder.h"
#include "p9/ownership.h"
#include "p9/share_settings.h"
#include "p9/wire.h"

#include <vector>

namespace ring3::p9 {

class Server {
public:
    static Result<Server> open(ShareSettings const& settings, FidTable::Limits limits = {});

    /// Gives the length of the reply; 0 if the request is too short to be answered, or the room for the reply is.
    std::size_t handle(std::span<u8 const> request, std::span<u8> reply);
    /// The guest is gone, or starts again: all its fids are.
    void reset();

    Folder& folder() { return folder_; }

private:
    Server(Folder folder, ShareSettings const& settings, FidTable::Limits limits);

    Answer<void> dispatch(Request request, Reader& in, Writer& out);

    // ---- the session (server.cpp)
    Answer<void> version(Reader& in, Writer& out);
    Answer<void> attach(Reader& in, Writer& out);
    Answer<void> walk(Reader& in, Writer& out);
    Answer<void> clunk(Reader& in);
    Answer<void> statfs(Reader& in, Writer& out);

    // ---- open files (server_files.cpp)
    Answer<void> lopen(Reader& in, Writer& out);
    Answer<void> lcreate(Reader& in, Writer& out);
    Answer<void> read(Reader& in, Writer& out);
    Answer<void> write(Reader& in, Writer& out);
    Answer<void> readdir(Reader& in, Writer& out);
    Answer<void> fsync(Reader& in);
    Answer<void> lock(Reader& in, Writer& out);
    Answer<void> getlock(Reader& in, Writer& out);
    Answer<FileDescriptor> open_existing(std::string_view path, u32 flags) const;
    void append_entries(Fid const& fid, std::span<u8 const> records, struct stat const& directory, Writer& out);

    // ---- names and attributes (server_names.cpp)
    Answer<void> getattr(Reader& in, Writer& out);
    Answer<void> setattr(Reader& in);
    Answer<void> set_size(Fid const& fid, u64 size) const;
    Answer<void> mkdir(Reader& in, Writer& out);
    Answer<void> mknod(Reader& in, Writer& out);
    Answer<void> symlink(Reader& in, Writer& out);
    Answer<void> readlink(Reader& in, Writer& out);
    Answer<void> link(Reader& in);
    Answer<void> rename(Reader& in);
    Answer<void> renameat(Reader& in);
    Answer<void> move(std::string const& from_directory, std::string const& from_name, std::string const& to_directory,
                      std::string const& to_name);
    Answer<void> unlinkat(Reader& in);
    Answer<void> remove(Reader& in);

    Answer<void> ensure_writable() const;
    Answer<struct stat> status_of(Fid const& fid) const;
    Answer<void> put_new_qid(Place const& place, Writer& out);
    Qid qid_of(struct stat const& status);
    u64 qid_path(u64 device, u64 inode);

    Folder folder_;
    Ownership ownership_;
    bool is_read_only_;
    FidTable fids_;
    u32 most_bytes_{};         // of a message, as agreed; 0: nothing has been agreed on yet
    std::vector<u64> devices_; // file systems that were met, the folder's own first
};

} // namespace ring3::p9
