#include "boot/linux_image.h"

#include "base/pc_addresses.h"
#include "boot/boot_params.h"
#include "boot/bytes.h"
#include "boot/flat_gdt.h"
#include "boot/placement.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3::boot {

namespace {

constexpr u32 gdt_address = 0x1000;
constexpr u32 zero_page_address = 0x1'0000;
constexpr u32 command_line_address = 0x2'0000;
constexpr u32 command_line_room = 0x1'0000;
constexpr u32 kernel_address = pc::extended_memory;
constexpr u64 sector = 512;

std::unexpected<Error> bad(std::string message) {
    return fail(ExitStatus::configuration, std::move(message));
}

/// A bzImage taken apart and found sound.
struct LinuxImage {
    std::string const& name;
    SetupHeader header;
    std::span<u8 const> setup_bytes; // the header as far as the file says that it goes
    std::span<u8 const> kernel;      // the protected-mode part
};

/// "The kernel's setup header ends at 202H plus the value of the byte at 201H."
std::span<u8 const> header_bytes(std::span<u8 const> file) {
    u64 const end = std::min<u64>({0x202u + field<u8>(file, 0x201), SetupHeader::end, file.size()});
    return file.subspan(SetupHeader::begin, end - SetupHeader::begin);
}

Result<void> check_version(std::string const& name, SetupHeader const& header) {
    if (header.version < 0x202)
        return bad(fmt::format("'{}' uses version {}.{:02} of the Linux boot protocol; 2.02 is the oldest supported",
                               name, header.version >> 8, header.version & 0xff));
    if (!(header.loadflags & SetupHeader::loaded_high))
        return bad(fmt::format("'{}' is a Linux zImage; only a bzImage can be booted", name));
    if (header.xloadflags & SetupHeader::kernel_64)
        return bad(fmt::format("'{}' is a 64-bit Linux kernel; the guest has a 32-bit processor", name));
    return {};
}

Result<LinuxImage> parse(std::string const& name, std::span<u8 const> file) {
    auto const bytes = header_bytes(file);
    SetupHeader header{};
    std::memcpy(&header, bytes.data(), bytes.size());
    TRY_VOID(check_version(name, header));
    u64 const setup_sectors = header.setup_sects == 0 ? 4 : header.setup_sects;
    u64 const kernel_offset = (setup_sectors + 1) * sector;
    if (file.size() <= kernel_offset)
        return bad(fmt::format("'{}' is truncated: {} bytes, of which {} should be setup code", name, file.size(),
                               kernel_offset));
    // syssize counts paragraphs; what follows it (a signature, padding) is loaded too, as other loaders do.
    u64 const announced = u64{header.syssize} * 16;
    if (header.version >= 0x204 && announced > ((file.size() - kernel_offset + 15) & ~u64{15}))
        return bad(fmt::format("'{}' is truncated: {} bytes where its header announces {}", name, file.size(),
                               kernel_offset + announced));
    return LinuxImage{name, header, bytes, file.subspan(kernel_offset)};
}

/// The memory the kernel needs before it looks at the memory map: where it is loaded, and where it unpacks itself.
Result<void> place_kernel(LinuxImage const& image, Placement& placement) {
    SetupHeader const& header = image.header;
    u64 end = kernel_address + image.kernel.size();
    u64 start = kernel_address;
    if (header.version >= 0x20a) {                 // pref_address and init_size
        u64 const preferred = header.pref_address; // the header is packed: no reference to it
        u64 const unpacked = std::max<u64>(preferred, kernel_address);
        if (unpacked >= pc::high_memory)
            return bad(fmt::format("'{}' wants to run at {:#x}, beyond 4 GiB", image.name, unpacked));
        end = std::max(end, unpacked + header.init_size);
    }
    if (placement.claim(start, end - start) != Claim::granted)
        return bad(
            fmt::format("'{}' needs {} MiB of memory before it can unpack itself", image.name, (end + 0xf'ffff) >> 20));
    return {};
}

Result<u32> entry_point(LinuxImage const& image) {
    u32 const entry = image.header.code32_start == 0 ? kernel_address : image.header.code32_start;
    if (entry < kernel_address || entry - kernel_address >= image.kernel.size())
        return bad(fmt::format("'{}' starts at {:#x}, outside its own code", image.name, entry));
    return entry;
}

Result<u32> place_initrd(Images const& images, SetupHeader const& header, Placement& placement) {
    if (images.initrd.empty()) return u32{0};
    u64 const last = header.version >= 0x203 ? header.initrd_addr_max : SetupHeader::old_initrd_addr_max;
    auto const address =
        placement.highest(images.initrd.size(), page_size, {kernel_address, std::min(last + 1, pc::high_memory)});
    if (!address)
        return bad(fmt::format("'{}' is too large: {} bytes do not fit into memory beside the kernel",
                               images.initrd_name, images.initrd.size()));
    return static_cast<u32>(*address);
}

Result<void> check_command_line(Images const& images, SetupHeader const& header) {
    u64 const limit = header.version >= 0x206 ? std::min<u64>(header.cmdline_size, command_line_room - 1)
                                              : SetupHeader::old_cmdline_size;
    if (images.command_line.size() > limit)
        return bad(fmt::format("the kernel command line has {} characters; '{}' takes {}", images.command_line.size(),
                               images.kernel_name, limit));
    if (images.command_line.find('\0') != std::string::npos) return bad("the kernel command line contains a zero byte");
    return {};
}

Result<void> claim_low_memory(Placement& placement) {
    for (auto const& [base, size] : {Interval{gdt_address, page_size}, Interval{zero_page_address, page_size},
                                     Interval{command_line_address, command_line_room}})
        if (placement.claim(base, size) != Claim::granted) return bad("a Linux kernel needs at least 1 MiB of memory");
    return {};
}

void write_command_line(std::string const& text, GuestMemory memory) {
    std::vector<u8> bytes(text.begin(), text.end());
    bytes.push_back(0);
    write_bytes(memory, command_line_address, bytes);
}

struct Addresses {
    u32 initrd, entry, rsdp;
};

/// Fills the fields that the protocol calls "write (obligatory)" or "modify".
void fill_header(BootParams& params, LinuxImage const& image, Images const& images, Addresses const& at) {
    SetupHeader& header = params.header;
    std::memcpy(&header, image.setup_bytes.data(), image.setup_bytes.size());
    header.vid_mode = SetupHeader::vid_mode_normal;
    header.type_of_loader = SetupHeader::unknown_loader;
    header.loadflags |= SetupHeader::can_use_heap;
    header.heap_end_ptr = 0xfe00; // of use to the setup code only; the offset that the protocol's example takes
    header.code32_start = at.entry;
    header.ramdisk_image = at.initrd;
    header.ramdisk_size = static_cast<u32>(images.initrd.size());
    header.cmd_line_ptr = command_line_address;
    header.setup_data = 0;
    if (header.version >= 0x20e) params.acpi_rsdp_addr = at.rsdp;
}

BootParams make_boot_params(LinuxImage const& image, Images const& images, GuestMemory memory, Addresses const& at) {
    BootParams params{};
    params.screen_info = ScreenInfo::text_80x25();
    u64 const extended_kib = (std::min<u64>(memory.low.size(), pc::pci_hole) - pc::extended_memory) / 1024;
    params.screen_info.ext_mem_k = static_cast<u16>(std::min<u64>(extended_kib, 0xffff));
    params.alt_mem_k = static_cast<u32>(extended_kib);
    for (auto const& range : memory_map(memory))
        params.e820_table[params.e820_entries++] = {range.base, range.size, static_cast<u32>(range.kind)};
    fill_header(params, image, images, at);
    return params;
}

} // namespace

bool is_linux_image(std::span<u8 const> kernel) {
    return field<u16>(kernel, 0x1fe) == SetupHeader::boot_flag_value &&
           field<u32>(kernel, 0x202) == SetupHeader::header_magic;
}

Result<StartState> load_linux(Images const& images, GuestMemory memory, u32 rsdp) {
    auto const image = TRY(parse(images.kernel_name, images.kernel));
    if (!images.modules.empty())
        return bad(fmt::format("'{}' is a Linux kernel, which takes no multiboot modules", images.kernel_name));
    TRY_VOID(check_command_line(images, image.header));

    Placement placement{memory};
    TRY_VOID(claim_low_memory(placement));
    u32 const entry = TRY(entry_point(image));
    TRY_VOID(place_kernel(image, placement));
    u32 const initrd = TRY(place_initrd(images, image.header, placement));

    write_bytes(memory, kernel_address, image.kernel);
    write_bytes(memory, initrd, images.initrd);
    write_command_line(images.command_line, memory);
    write(memory, zero_page_address, make_boot_params(image, images, memory, {initrd, entry, rsdp}));
    write(memory, gdt_address, flat_gdt);

    StartState start;
    start.eip = entry;
    start.esi = zero_page_address;
    start.gdt_base = gdt_address;
    start.gdt_limit = sizeof(flat_gdt) - 1;
    return start;
}

} // namespace ring3::boot
