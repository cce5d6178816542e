#include "boot/multiboot.h"

#include "base/pc_addresses.h"
#include "boot/bytes.h"
#include "boot/multiboot_info.h"
#include "boot/placement.h"
#include "boot/program.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace ring3::boot {

namespace {

/// The header (specification, 3.1).
struct Header {
    u32 magic, flags, checksum;
    u32 header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr; // with flag 16
};

constexpr u32 header_magic = 0x1bad'b002;
constexpr u32 loader_magic = 0x2bad'b002;
constexpr u64 header_window = 8192;
constexpr u32 flag_video = 1u << 2;
constexpr u32 flag_addresses = 1u << 16;
/// Bits 0-15 must be refused if not understood: 0 modules on pages, 1 memory sizes, 2 video mode information.
constexpr u32 required_known = 0x7, required_mask = 0xffff;

std::unexpected<Error> bad(std::string const& name, std::string const& what) {
    return fail(ExitStatus::configuration, fmt::format("'{}' {}", name, what));
}

std::optional<u64> find_header(std::span<u8 const> file) {
    u64 const end = std::min<u64>(file.size(), header_window);
    for (u64 offset = 0; offset + 12 <= end; offset += 4) {
        if (field<u32>(file, offset) != header_magic) continue;
        if (header_magic + field<u32>(file, offset + 4) + field<u32>(file, offset + 8) == 0) return offset;
    }
    return std::nullopt;
}

/// The header, whose address fields may lie behind the file's end where they are not used.
Header read_header(std::span<u8 const> file, u64 offset) {
    auto header = field<Header>(file, offset);
    header.flags = field<u32>(file, offset + offsetof(Header, flags));
    return header;
}

/// The a.out kludge: the header says which part of the file goes where.
Result<Program> read_by_addresses(std::string const& name, std::span<u8 const> file, u64 offset, Header const& header) {
    if (!within(offset, sizeof(Header), file.size())) return bad(name, "is truncated within its multiboot header");
    u64 const before = u64{header.header_addr} - header.load_addr;
    if (header.header_addr < header.load_addr || before > offset)
        return bad(name, "has a multiboot header whose load address lies before the file's beginning");
    auto bytes = file.subspan(offset - before);
    if (header.load_end_addr != 0) {
        if (header.load_end_addr < header.load_addr)
            return bad(name, "has a multiboot header that ends before it loads");
        u64 const size = header.load_end_addr - header.load_addr;
        if (size > bytes.size())
            return bad(name, fmt::format("is truncated: {} bytes to load, {} in the file", size, bytes.size()));
        bytes = bytes.first(size);
    }
    u64 size = bytes.size();
    if (header.bss_end_addr > header.load_addr) size = std::max<u64>(size, header.bss_end_addr - header.load_addr);
    if (header.entry_addr < header.load_addr || header.entry_addr - header.load_addr >= size)
        return bad(name, fmt::format("has its entry point at {:#x}, outside what it loads", header.entry_addr));
    return Program{{{header.load_addr, bytes, size}}, header.entry_addr};
}

Result<Program> read_program(std::string const& name, std::span<u8 const> file, u64 offset, Header const& header) {
    if (u32 const unknown = header.flags & required_mask & ~required_known; unknown != 0)
        return bad(name, fmt::format("asks for multiboot features that do not exist here (flags {:#x})", unknown));
    if (header.flags & flag_addresses) return read_by_addresses(name, file, offset, header);
    return read_elf32(name, file);
}

Result<void> place_segments(std::string const& name, Program const& program, Placement& placement) {
    for (auto const& segment : program.segments) {
        Claim const claim = placement.claim(segment.address, segment.size);
        auto const where = fmt::format("{:#x}-{:#x}", segment.address, segment.address + segment.size);
        if (claim == Claim::outside_ram)
            return bad(name, fmt::format("wants to lie at {}, where there is no RAM", where));
        if (claim == Claim::overlaps) return bad(name, fmt::format("has segments that overlap at {}", where));
    }
    return {};
}

void write_segments(Program const& program, GuestMemory memory) {
    for (auto const& segment : program.segments) {
        if (segment.size == 0) continue;
        write_bytes(memory, segment.address, segment.bytes);
        auto const all = memory.low.subspan(segment.address, segment.size);
        std::fill(all.begin() + static_cast<std::ptrdiff_t>(segment.bytes.size()), all.end(), u8{0});
    }
}

u64 end_of(Program const& program) {
    u64 end = pc::extended_memory;
    for (auto const& segment : program.segments) end = std::max(end, segment.address + segment.size);
    return end;
}

/// Puts one module behind the kernel and the modules before it.
Result<PlacedModule> load_module(std::span<u8 const> bytes, std::string const& command_line, u64 from,
                                 Placement& placement, GuestMemory memory) {
    auto const address = placement.lowest(bytes.size(), page_size, {from, pc::high_memory});
    if (!address)
        return bad(command_line.substr(0, command_line.find(' ')),
                   fmt::format("is too large: {} bytes do not fit into memory beside the kernel", bytes.size()));
    write_bytes(memory, *address, bytes);
    return PlacedModule{static_cast<u32>(*address), static_cast<u32>(*address + bytes.size()), command_line};
}

Result<std::vector<PlacedModule>> load_modules(Images const& images, u64 from, Placement& placement,
                                               GuestMemory memory) {
    std::vector<PlacedModule> placed;
    if (!images.initrd.empty())
        placed.push_back(TRY(load_module(images.initrd, images.initrd_name, from, placement, memory)));
    for (auto const& module : images.modules)
        placed.push_back(TRY(load_module(module.bytes, module.command_line, from, placement, memory)));
    return placed;
}

} // namespace

bool is_multiboot(std::span<u8 const> kernel) {
    return find_header(kernel).has_value();
}

Result<StartState> load_multiboot(Images const& images, GuestMemory memory) {
    std::span<u8 const> const file{images.kernel};
    u64 const offset = find_header(file).value_or(file.size());
    auto const header = read_header(file, offset);
    auto const program = TRY(read_program(images.kernel_name, file, offset, header));

    Placement placement{memory};
    TRY_VOID(place_segments(images.kernel_name, program, placement));
    InformationRequest request;
    request.command_line = images.kernel_name + " " + images.command_line;
    request.modules = TRY(load_modules(images, end_of(program), placement, memory));
    request.video = (header.flags & flag_video) != 0;
    auto const information = TRY(write_information(request, placement, memory));
    write_segments(program, memory);

    StartState start;
    start.eip = program.entry;
    start.eax = loader_magic;
    start.ebx = information.address;
    start.gdt_base = information.gdt;
    start.gdt_limit = information.gdt_limit;
    return start;
}

} // namespace ring3::boot
