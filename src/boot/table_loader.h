// The script of "etc/table-loader", by which firmware puts tables into memory that it has chosen itself.
// Source: SeaBIOS's romfile_loader.h, QEMU's bios-linker-loader: records of 128 bytes.
#pragma once

#include "boot/byte_writer.h"

#include <string_view>

namespace ring3::boot {

class TableLoader {
public:
    enum class Zone : u8 { high = 1, segment_f = 2 }; // anywhere below 4 GiB, or where the root pointer is searched for

    void allocate(std::string_view file, u32 alignment, Zone zone);
    /// The `size` bytes at `offset` of one file hold an offset in another one, which becomes an address.
    void add_pointer(std::string_view in_file, u32 offset, u8 size, std::string_view to_file);
    /// The byte at `offset` makes the range's sum zero.
    void add_checksum(std::string_view file, u32 offset, u32 start, u32 length);
    std::vector<u8> const& bytes() const { return script_.bytes(); }

private:
    enum class Command : u32 { allocate = 1, add_pointer = 2, add_checksum = 3 };
    void add(Command command, ByteWriter const& operands);
    ByteWriter script_;
};

} // namespace ring3::boot
