#include "app/firmware.h"

#include "app/images.h"
#include "base/pc_addresses.h"
#include "boot/firmware_files.h"

#include <bit>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

namespace ring3::app {

namespace {

constexpr u64 most_in_file = 64 << 20;

/// A path that exists as it stands, or the first directory that has the file.
Result<std::string> find_firmware(FirmwareSettings const& settings, std::string const& name) {
    if (::access(name.c_str(), R_OK) == 0) return name;
    auto const directories = firmware_directories(settings);
    if (!name.starts_with('/'))
        for (auto const& directory : directories)
            if (auto path = directory + '/' + name; ::access(path.c_str(), R_OK) == 0) return path;
    return fail(ExitStatus::io,
                fmt::format("cannot find the firmware '{}' (looked in {}): install the package 'seabios'", name,
                            fmt::join(directories, ", ")));
}

Result<std::vector<u8>> read_image(FirmwareSettings const& settings, std::string const& name) {
    auto const path = TRY(find_firmware(settings, name));
    auto bytes = TRY(read_file("firmware", path, FirmwareConfig::largest_image));
    if (bytes.empty() || bytes.size() % FirmwareConfig::image_unit != 0)
        return fail(ExitStatus::configuration,
                    fmt::format("'{}' is no firmware image: {} bytes are no multiple of 64 KiB", path, bytes.size()));
    return bytes;
}

/// An expansion ROM's window is a power of two of pages large.
Result<std::vector<u8>> read_option_rom(FirmwareSettings const& settings, std::string const& name) {
    constexpr u64 largest = 1 << 20;
    auto const path = TRY(find_firmware(settings, name));
    auto bytes = TRY(read_file("option ROM", path, largest));
    bytes.resize(std::bit_ceil(std::max<u64>(bytes.size(), page_size)), 0xff);
    return bytes;
}

Result<boot::SmbiosSettings> read_smbios(FirmwareSettings const& settings) {
    auto smbios = settings.smbios;
    for (auto const& path : settings.smbios_files) {
        auto bytes = TRY(read_file("SMBIOS structure", path, boot::longest_smbios_structure));
        if (auto const wrong = boot::what_is_wrong_with(bytes, smbios); !wrong.empty())
            return fail(ExitStatus::configuration, fmt::format("'{}' is no SMBIOS structure: {}", path, wrong));
        smbios.structures.push_back(std::move(bytes));
    }
    return smbios;
}

} // namespace

std::vector<std::string> firmware_directories(FirmwareSettings const& settings) {
    auto directories = settings.directories;
    directories.insert(directories.end(), {"/usr/share/seabios", "/usr/share/qemu"});
    return directories;
}

Result<FirmwareConfig> read_firmware(FirmwareSettings const& settings, u64 memory) {
    FirmwareConfig config;
    for (auto const& item : settings.items) {
        std::vector<u8> bytes{item.text.begin(), item.text.end()};
        if (!item.path.empty()) bytes = TRY(read_file("fw_cfg file", item.path, most_in_file));
        config.files.push_back({item.name, std::move(bytes)});
    }
    if (settings.image.empty()) return config;
    config.image = TRY(read_image(settings, settings.image));
    if (settings.graphics == Graphics::standard_vga)
        config.vga_rom = TRY(read_option_rom(settings, "vgabios-stdvga.bin"));
    config.boot_order = settings.order_once.value_or(settings.order);
    config.boot_menu = settings.menu;
    config.serial_console = settings.serial_console;
    config.check_floppy_signature = settings.check_floppy_signature;
    auto const split = pc::split_ram(memory);
    auto const smbios = TRY(read_smbios(settings));
    for (auto& file : boot::make_firmware_files({split.low, split.high}, smbios))
        config.files.push_back(std::move(file));
    auto const number = [&config](std::string name, u64 value, unsigned bytes) {
        FirmwareFile file{std::move(name), {}};
        for (unsigned i = 0; i < bytes; ++i) file.bytes.push_back(static_cast<u8>(value >> (8 * i)));
        config.files.push_back(std::move(file));
    };
    if (settings.menu_wait_ms) number("etc/boot-menu-wait", *settings.menu_wait_ms, 2);
    if (settings.reboot_timeout_ms) number("etc/boot-fail-wait", *settings.reboot_timeout_ms, 4);
    return config;
}

} // namespace ring3::app
