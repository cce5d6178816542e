// Program: an executable file reduced to what goes where in memory.
#pragma once

#include "base/result.h"

#include <span>
#include <string>
#include <vector>

namespace ring3::boot {

/// Bytes of the file for an address, followed by zeros up to `size`.
struct LoadSegment {
    u64 address{};
    std::span<u8 const> bytes;
    u64 size{};
};

struct Program {
    std::vector<LoadSegment> segments;
    u32 entry{};
};

/// Reads a 32-bit little-endian x86 ELF file by its program headers (System V gABI 4.1, chapter 5). Segments lie at
/// their physical addresses; whether there is RAM is not looked at. `name` is for the errors.
Result<Program> read_elf32(std::string const& name, std::span<u8 const> file);

} // namespace ring3::boot
