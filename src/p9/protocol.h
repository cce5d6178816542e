// 9P2000.L: the numbers of the protocol by which a Linux guest reaches a folder of the host.
//
//     size[4] type[1] tag[2] ...      little-endian; the size counts itself; a reply's type is the request's plus one
//
// Source: REFERENCES [9p2000.L].
#pragma once

#include "base/types.h"

#include <sys/types.h>

namespace ring3::p9 {

enum class Request : u8 {
    statfs = 8,
    lopen = 12,
    lcreate = 14,
    symlink = 16,
    mknod = 18,
    rename = 20,
    readlink = 22,
    getattr = 24,
    setattr = 26,
    xattrwalk = 30,
    xattrcreate = 32,
    readdir = 40,
    fsync = 50,
    lock = 52,
    getlock = 54,
    link = 70,
    mkdir = 72,
    renameat = 74,
    unlinkat = 76,
    version = 100,
    auth = 102,
    attach = 104,
    flush = 108,
    walk = 110,
    read = 116,
    write = 118,
    clunk = 120,
    remove = 122,
};

inline constexpr u8 error_reply = 7; // Rlerror: ecode[4], an errno of Linux

inline constexpr u32 header_bytes = 4 + 1 + 2;
inline constexpr u32 error_bytes = header_bytes + 4;
/// Rread and Rreaddir: the header and count[4].
inline constexpr u32 data_header_bytes = header_bytes + 4;
/// What Twrite has before its data: header, fid[4], offset[8], count[4].
inline constexpr u32 write_header_bytes = header_bytes + 4 + 8 + 4;

/// What both sides may agree on. Linux asks for 128 KiB unless told otherwise, and can have 500 KiB over virtio.
inline constexpr u32 least_message = 4096;
inline constexpr u32 most_message = 512 << 10;

inline constexpr u16 no_tag = 0xffff; // that of Tversion
inline constexpr u16 most_walk_names = 16;

/// What the server knows a file by.
struct Qid {
    u8 type{};
    u32 version{}; // changes with the content
    u64 path{};    // one number for each file
};
inline constexpr u8 qid_directory = 0x80, qid_symlink = 0x02, qid_file = 0x00;

/// Tlopen and Tlcreate: Linux's flags with the values that most of its processors share.
namespace open_flag {
inline constexpr u32 access = 3, create = 0100, exclusive = 0200, truncate = 01000, append = 02000;
inline constexpr u32 data_sync = 010000, sync = 04000000, directory = 0200000;
} // namespace open_flag

/// Tgetattr's request_mask and Rgetattr's valid: mode to blocks.
inline constexpr u64 attributes_basic = 0x7ff;

/// Tsetattr's valid.
namespace set_attribute {
inline constexpr u32 mode = 1, uid = 2, gid = 4, size = 8, atime = 0x10, mtime = 0x20, ctime = 0x40;
inline constexpr u32 atime_given = 0x80, mtime_given = 0x100; // a time of the client's instead of now
} // namespace set_attribute

inline constexpr u8 lock_granted = 0; // Rlock
inline constexpr u8 lock_none = 2;    // Rgetlock: nobody holds a lock that would conflict

inline constexpr u32 unlink_directory = 0x200; // Tunlinkat: AT_REMOVEDIR

} // namespace ring3::p9
