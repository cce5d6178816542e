#include "boot/load.h"

#include "base/pc_addresses.h"
#include "boot/firmware_tables.h"
#include "boot/interrupt_vectors.h"
#include "boot/linux_image.h"
#include "boot/multiboot.h"

#include <fmt/format.h>

namespace ring3::boot {

namespace {

constexpr u64 least_memory = 2 * u64{pc::extended_memory};

/// The tables are the same for every machine.
FirmwareArea const& firmware_area() {
    static FirmwareArea const area = make_firmware_area();
    return area;
}

Result<void> check_size(GuestMemory memory) {
    if (memory.low.size() >= least_memory) return {};
    return fail(ExitStatus::configuration, fmt::format("{} KiB of memory is too little to boot; at least {} MiB",
                                                       memory.low.size() / 1024, least_memory >> 20));
}

Result<u32> write_firmware_tables(GuestMemory memory) {
    TRY_VOID(check_size(memory));
    auto const& area = firmware_area();
    write_bytes(memory, pc::firmware, area.bytes);
    write_bytes(memory, bios_data_area, make_bios_data_area());
    write_bytes(memory, interrupt_vectors, make_interrupt_vectors());
    write_bytes(memory, interrupt_handlers, make_interrupt_handlers());
    u8 const ebda_kib = (pc::video_memory - pc::ebda) / 1024;
    write(memory, pc::ebda, ebda_kib);
    return area.rsdp;
}

} // namespace

Format detect(std::span<u8 const> kernel) {
    if (is_multiboot(kernel)) return Format::multiboot;
    if (is_linux_image(kernel)) return Format::linux_image;
    return Format::neither;
}

Result<StartState> load(Images const& images, GuestMemory memory) {
    if (images.firmware.present()) {
        TRY_VOID(check_size(memory));
        return StartState{};
    }
    Format const format = detect(images.kernel);
    if (format == Format::neither)
        return fail(ExitStatus::configuration,
                    fmt::format("'{}' is neither a Linux bzImage nor a multiboot kernel", images.kernel_name));
    u32 const rsdp = TRY(write_firmware_tables(memory));
    if (format == Format::multiboot) return load_multiboot(images, memory);
    return load_linux(images, memory, rsdp);
}

Result<void> load_firmware_tables(GuestMemory memory) {
    TRY_VOID(write_firmware_tables(memory));
    return {};
}

} // namespace ring3::boot
