#include "boot/bytes.h"
#include "boot/program.h"

#include <fmt/format.h>

namespace ring3::boot {

namespace {

/// Elf32_Ehdr and Elf32_Phdr, with the gABI's names.
struct [[gnu::packed]] ElfHeader {
    u32 magic;
    u8 file_class, data, ident_version, abi;
    u64 padding;
    u16 type, machine;
    u32 version, entry, phoff, shoff, flags;
    u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
static_assert(sizeof(ElfHeader) == 52);

struct ProgramHeader {
    u32 type, offset, vaddr, paddr, filesz, memsz, flags, align;
};
static_assert(sizeof(ProgramHeader) == 32);

constexpr u32 elf_magic = 0x464c'457f; // 7FH "ELF"
constexpr u8 class_32 = 1, class_64 = 2, little_endian = 1;
constexpr u16 machine_386 = 3;
constexpr u32 type_load = 1;
/// Real kernels have a handful. More would only make the search for overlaps slow.
constexpr unsigned most_program_headers = 128;

std::unexpected<Error> bad(std::string const& name, std::string const& what) {
    return fail(ExitStatus::configuration, fmt::format("'{}' {}", name, what));
}

Result<ElfHeader> read_header(std::string const& name, std::span<u8 const> file) {
    auto const header = field<ElfHeader>(file, 0);
    if (header.magic != elf_magic)
        return bad(name, "has a multiboot header without load addresses, but is not an ELF file");
    if (header.file_class == class_64)
        return bad(name,
                   "is a 64-bit ELF file; multiboot kernels must be 32-bit (objcopy -O elf32-i386 may convert it)");
    if (header.file_class != class_32 || header.data != little_endian || header.machine != machine_386)
        return bad(name, "is an ELF file for another processor than the 80386");
    if (header.phnum == 0) return bad(name, "is an ELF file without program headers, so there is nothing to load");
    if (header.phnum > most_program_headers || header.phentsize < sizeof(ProgramHeader) ||
        !within(header.phoff, u64{header.phnum} * header.phentsize, file.size()))
        return bad(name, "is a damaged ELF file: its program headers are not where it says");
    return header;
}

Result<LoadSegment> read_segment(std::string const& name, std::span<u8 const> file, ProgramHeader const& header) {
    if (!within(header.offset, header.filesz, file.size()))
        return bad(name, fmt::format("is truncated: the segment for {:#x} ends behind the file", header.paddr));
    if (header.filesz > header.memsz)
        return bad(name,
                   fmt::format("is a damaged ELF file: the segment for {:#x} is larger in the file than in memory",
                               header.paddr));
    return LoadSegment{header.paddr, file.subspan(header.offset, header.filesz), header.memsz};
}

/// The entry point as a physical address. Multiboot does not say whether e_entry is virtual; kernels linked to run high
/// come in both kinds. A virtual address inside an executable's segment is translated, as GRUB does.
Result<u32> physical_entry(std::string const& name, u32 entry, std::span<ProgramHeader const> loads) {
    for (auto const& load : loads)
        if (entry >= load.vaddr && entry - load.vaddr < load.memsz) return load.paddr + (entry - load.vaddr);
    for (auto const& load : loads)
        if (entry >= load.paddr && entry - load.paddr < load.memsz) return entry;
    return bad(name, fmt::format("has its entry point at {:#x}, outside all its segments", entry));
}

} // namespace

Result<Program> read_elf32(std::string const& name, std::span<u8 const> file) {
    auto const header = TRY(read_header(name, file));
    std::vector<ProgramHeader> loads;
    Program program;
    for (unsigned i = 0; i < header.phnum; ++i) {
        auto const entry = field<ProgramHeader>(file, u64{header.phoff} + u64{i} * header.phentsize);
        if (entry.type != type_load || entry.memsz == 0) continue;
        loads.push_back(entry);
        program.segments.push_back(TRY(read_segment(name, file, entry)));
    }
    program.entry = TRY(physical_entry(name, header.entry, loads));
    return program;
}

} // namespace ring3::boot
