#include "app/cpio.h"

#include <fmt/format.h>
#include <utility>

namespace ring3::app {

namespace {
constexpr u32 directory_type = 0040000, file_type = 0100000; // S_IFDIR, S_IFREG
}

void CpioWriter::append(std::string_view text) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
}

void CpioWriter::pad() {
    while (bytes_.size() % 4 != 0) bytes_.push_back(0);
}

void CpioWriter::add(std::string_view path, u32 mode, std::string_view content) {
    // magic, inode, mode, uid, gid, links, mtime, file size, device and rdevice (major, minor), name size, checksum
    append(fmt::format("070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}",
                       next_inode_++, mode, 0, 0, 1, 0, content.size(), 0, 0, 0, 0, path.size() + 1, 0));
    append(path);
    bytes_.push_back(0);
    pad();
    append(content);
    pad();
}

void CpioWriter::add_directory(std::string_view path, u32 permissions) {
    add(path, directory_type | permissions, {});
}

void CpioWriter::add_file(std::string_view path, u32 permissions, std::string_view content) {
    add(path, file_type | permissions, content);
}

std::vector<u8> CpioWriter::finish() && {
    add("TRAILER!!!", 0, {});
    return std::move(bytes_);
}

} // namespace ring3::app
