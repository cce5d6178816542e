#include "boot/multiboot_info.h"

#include "base/pc_addresses.h"
#include "boot/flat_gdt.h"

#include <algorithm>
#include <string_view>

namespace ring3::boot {

namespace {

constexpr std::string_view loader_name = "ring3";

struct [[gnu::packed]] InfoStructure {
    u32 flags;
    u32 mem_lower, mem_upper; // KiB below 640 KiB, and from 1 MiB on
    u32 boot_device;
    u32 cmdline;
    u32 mods_count, mods_addr;
    u32 symbols[4];
    u32 mmap_length, mmap_addr;
    u32 drives_length, drives_addr;
    u32 config_table;
    u32 boot_loader_name;
    u32 apm_table;
    u32 vbe[4];
    u64 framebuffer_addr;
    u32 framebuffer_pitch, framebuffer_width, framebuffer_height;
    u8 framebuffer_bpp, framebuffer_type;
    u8 color_info[6];
};
static_assert(sizeof(InfoStructure) == 116);

/// Which fields are valid: bits of `flags`.
namespace valid {
constexpr u32 memory = 1 << 0, cmdline = 1 << 2, modules = 1 << 3, memory_map = 1 << 6, loader_name = 1 << 9,
              framebuffer = 1 << 12;
} // namespace valid
constexpr u8 framebuffer_ega_text = 2;

struct [[gnu::packed]] MapEntry {
    u32 size; // of the rest of the entry
    u64 base, length;
    u32 type;
};

struct ModuleEntry {
    u32 start, end, string, reserved;
};

/// The one piece of memory that holds it all, built as bytes. Its parts refer to each other by address, so it is laid
/// out from a known base.
class Piece {
public:
    explicit Piece(u32 base) : base_{base} {}
    template <class T> u32 append(T const& value) {
        bytes_.resize((bytes_.size() + 7) & ~std::size_t{7});
        u32 const address = next();
        bytes_.resize(bytes_.size() + sizeof(T));
        replace(address, value);
        return address;
    }
    u32 append_string(std::string_view text) {
        u32 const address = next();
        bytes_.insert(bytes_.end(), text.begin(), text.end());
        bytes_.push_back(0);
        return address;
    }
    template <class T> void replace(u32 address, T const& value) {
        std::memcpy(bytes_.data() + (address - base_), &value, sizeof(T));
    }
    std::span<u8 const> bytes() const { return bytes_; }

private:
    u32 next() const { return base_ + static_cast<u32>(bytes_.size()); }
    u32 base_;
    std::vector<u8> bytes_;
};

void add_memory(InfoStructure& info, Piece& piece, GuestMemory memory) {
    u64 const low = std::min<u64>(memory.low.size(), pc::pci_hole);
    info.flags |= valid::memory | valid::memory_map;
    info.mem_lower = pc::ebda / 1024;
    info.mem_upper = low < pc::extended_memory ? 0 : static_cast<u32>((low - pc::extended_memory) / 1024);
    // Entries follow each other without gaps: 24 bytes each keep the 8-byte alignment.
    for (auto const& range : memory_map(memory)) {
        u32 const at = piece.append(MapEntry{20, range.base, range.size, static_cast<u32>(range.kind)});
        if (info.mmap_addr == 0) info.mmap_addr = at;
        info.mmap_length += sizeof(MapEntry);
    }
}

void add_modules(InfoStructure& info, Piece& piece, std::vector<PlacedModule> const& modules) {
    info.flags |= valid::modules;
    info.mods_count = static_cast<u32>(modules.size());
    std::vector<u32> strings;
    for (auto const& module : modules) strings.push_back(piece.append_string(module.command_line));
    for (std::size_t i = 0; i < modules.size(); ++i) {
        u32 const at = piece.append(ModuleEntry{modules[i].start, modules[i].end, strings[i], 0});
        if (i == 0) info.mods_addr = at;
    }
}

/// The screen is in 80x25 text mode, as a BIOS leaves it. Graphics that a kernel prefers it does not get.
void add_text_screen(InfoStructure& info) {
    info.flags |= valid::framebuffer;
    info.framebuffer_addr = pc::text_memory;
    info.framebuffer_pitch = 160;
    info.framebuffer_width = 80;
    info.framebuffer_height = 25;
    info.framebuffer_bpp = 16;
    info.framebuffer_type = framebuffer_ega_text;
}

struct Built {
    Piece piece;
    Information information;
};

Built build(InformationRequest const& request, GuestMemory memory, u32 base) {
    Piece piece{base};
    InfoStructure info{};
    u32 const address = piece.append(info);
    add_memory(info, piece, memory);
    add_modules(info, piece, request.modules);
    info.flags |= valid::cmdline | valid::loader_name;
    info.cmdline = piece.append_string(request.command_line);
    info.boot_loader_name = piece.append_string(loader_name);
    if (request.video) add_text_screen(info);
    u32 const gdt = piece.append(flat_gdt);
    piece.replace(address, info);
    return {std::move(piece), {address, gdt, sizeof(flat_gdt) - 1}};
}

} // namespace

Result<Information> write_information(InformationRequest const& request, Placement& placement, GuestMemory memory) {
    constexpr u64 preferred = 0x9000; // above what real-mode and start-up code of kernels likes to use
    u64 const size = build(request, memory, 0).piece.bytes().size();
    auto base = placement.lowest(size, page_size, {preferred, pc::ebda});
    if (!base) base = placement.lowest(size, page_size, {pc::extended_memory, pc::high_memory});
    if (!base) return fail(ExitStatus::configuration, "no memory is left for the multiboot information structure");
    auto const built = build(request, memory, static_cast<u32>(*base));
    write_bytes(memory, *base, built.piece.bytes());
    return built.information;
}

} // namespace ring3::boot
