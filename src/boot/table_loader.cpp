#include "boot/table_loader.h"

namespace ring3::boot {

namespace {
constexpr std::size_t record_size = 128, name_size = 56;

ByteWriter& add_name(ByteWriter& out, std::string_view name) {
    return out.text(name).zeros(name_size - name.size());
}
} // namespace

void TableLoader::add(Command command, ByteWriter const& operands) {
    script_.add(static_cast<u32>(command)).append(operands.bytes()).zeros(record_size - 4 - operands.size());
}

void TableLoader::allocate(std::string_view file, u32 alignment, Zone zone) {
    ByteWriter operands;
    add_name(operands, file).add(alignment).add(static_cast<u8>(zone));
    add(Command::allocate, operands);
}

void TableLoader::add_pointer(std::string_view in_file, u32 offset, u8 size, std::string_view to_file) {
    ByteWriter operands;
    add_name(add_name(operands, in_file), to_file).add(offset).add(size);
    add(Command::add_pointer, operands);
}

void TableLoader::add_checksum(std::string_view file, u32 offset, u32 start, u32 length) {
    ByteWriter operands;
    add_name(operands, file).add(offset).add(start).add(length);
    add(Command::add_checksum, operands);
}

} // namespace ring3::boot
