// FidTable: the guest's names for files. A fid knows its file by path, not by an open descriptor, as a guest may hold very
// many; only what it has opened costs the host one. When the guest renames a file, all paths that lead there change.
//
// Bounded by the number of fids and by what their paths take together: a guest chooses both.
#pragma once

#include "p9/answer.h"
#include "p9/folder.h"

#include <optional>
#include <string>
#include <unordered_map>

namespace ring3::p9 {

/// What a fid has opened.
struct OpenFile {
    FileDescriptor file;
    bool is_directory{};
    bool is_writable{};
};

struct Fid {
    std::string path;
    u32 uid{};      // who attached
    bool is_gone{}; // its file has lost that name
    std::optional<OpenFile> opened{};
};

class FidTable {
public:
    struct Limits {
        std::size_t fids{65'536};
        std::size_t open_files{1024};
        std::size_t path_bytes{std::size_t{32} << 20};
    };
    explicit FidTable(Limits limits) : limits_{limits} {}

    Answer<Fid*> find(u32 number);
    /// One whose path means something.
    Answer<Fid*> find_named(u32 number);
    Answer<void> add(u32 number, std::string path, u32 uid);
    Answer<void> remove(u32 number);
    void clear();
    std::size_t size() const { return fids_.size(); }

    /// May another file be opened?
    Answer<void> ensure_room_to_open() const;
    Answer<void> open(Fid& fid, OpenFile file);
    Answer<void> set_path(Fid& fid, std::string path);

    /// Can every path that begins with one begin with another?
    Answer<void> ensure_room_to_rename(std::string_view from, std::string_view to) const;
    void renamed(std::string_view from, std::string_view to);
    /// What was there is no longer: whatever gets that name next is another file.
    void removed(std::string_view path);

private:
    bool is_at_or_below(std::string_view path, std::string_view directory) const;

    Limits limits_;
    std::unordered_map<u32, Fid> fids_;
    std::size_t open_files_{};
    std::size_t path_bytes_{};
};

} // namespace ring3::p9
