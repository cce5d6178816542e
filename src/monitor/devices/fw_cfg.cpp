#include "monitor/devices/fw_cfg.h"

#include <algorithm>

namespace ring3 {

namespace {

constexpr std::size_t directory_name_size = 56;

void put_big_endian(std::vector<u8>& out, u64 value, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;) out.push_back(static_cast<u8>(value >> (8 * i)));
}

} // namespace

FwCfg::FwCfg() {
    constexpr std::array<u8, 4> name{'Q', 'E', 'M', 'U'};
    add(signature, name);
    add_number(interface, 1, 4); // bit 0: the traditional interface
    add_number(file_directory, 0, 4);
}

std::vector<u8>& FwCfg::item(u16 key) {
    auto const found = std::ranges::find(items_, key, &Item::key);
    if (found != items_.end()) return found->bytes;
    return items_.emplace_back(Item{key, {}}).bytes;
}

void FwCfg::add(u16 key, std::span<u8 const> bytes) {
    item(key).assign(bytes.begin(), bytes.end());
}

void FwCfg::add_number(u16 key, u64 value, unsigned bytes) {
    std::vector<u8>& out = item(key);
    out.clear();
    for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<u8>(value >> (8 * i)));
}

/// The directory: a count, then per file size, key, 16 reserved bits and the name in 56 bytes, all big-endian.
void FwCfg::add_file(std::string_view name, std::span<u8 const> bytes) {
    u16 const key = static_cast<u16>(first_file + files_++);
    add(key, bytes);
    std::vector<u8>& directory = item(file_directory);
    put_big_endian(directory, bytes.size(), 4);
    put_big_endian(directory, key, 2);
    put_big_endian(directory, 0, 2);
    std::string_view const kept = name.substr(0, directory_name_size - 1);
    directory.insert(directory.end(), kept.begin(), kept.end());
    directory.insert(directory.end(), directory_name_size - kept.size(), 0);
    for (unsigned i = 0; i < 4; ++i) directory[i] = static_cast<u8>(u32{files_} >> (8 * (3 - i)));
}

void FwCfg::select(u16 key) {
    key_ = key & 0xbfff; // bit 14: write; the items with bit 15, local to an architecture, are others, and absent
    position_ = 0;
}

/// Byte accesses to either port read data; behind an item's end, and of items that are not there, zeros.
u8 FwCfg::read(u16) {
    auto const found = std::ranges::find(items_, key_, &Item::key);
    if (found == items_.end() || position_ >= found->bytes.size()) return 0;
    return found->bytes[position_++];
}

void FwCfg::write(u16, u8) {} // data is read-only

u32 FwCfg::read_wide(u16, unsigned) {
    return 0; // the selector is write-only
}

void FwCfg::write_wide(u16 offset, u32 value, unsigned) {
    if (offset == 0) select(static_cast<u16>(value));
}

} // namespace ring3
