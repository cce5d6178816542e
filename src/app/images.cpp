#include "app/images.h"

#include "app/comma_list.h"
#include "app/firmware.h"
#include "base/pc_addresses.h"
#include "host/file_descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace ring3::app {

namespace {

Result<std::vector<boot::Module>> read_modules(std::string const& option, u64 memory) {
    std::vector<boot::Module> modules;
    for (auto const& command_line : split_commas(option)) {
        auto const path = command_line.substr(0, command_line.find(' '));
        modules.push_back({TRY(read_file("module", path, memory)), command_line});
    }
    return modules;
}

/// The kernel unpacks archives behind one another; each starts on four bytes.
void append_archive(std::vector<u8>& initrd, std::vector<u8> const& archive) {
    if (archive.empty()) return;
    initrd.resize((initrd.size() + 3) & ~std::size_t{3});
    initrd.insert(initrd.end(), archive.begin(), archive.end());
}

} // namespace

Result<std::vector<u8>> read_file(std::string_view what, std::string const& path, u64 most) {
    host::FileDescriptor const fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd.is_open()) return host::fail_errno(ExitStatus::io, fmt::format("could not open {} '{}'", what, path));
    std::vector<u8> bytes;
    for (;;) {
        constexpr std::size_t piece = 1 << 20;
        std::size_t const before = bytes.size();
        bytes.resize(before + piece);
        auto const count = ::read(fd.number(), bytes.data() + before, piece);
        if (count < 0) return host::fail_errno(ExitStatus::io, fmt::format("cannot read {} '{}'", what, path));
        bytes.resize(before + static_cast<std::size_t>(count));
        if (count == 0) return bytes;
        if (bytes.size() > most)
            return fail(ExitStatus::configuration,
                        fmt::format("the {} '{}' is larger than the guest's memory ({} MiB)", what, path, most >> 20));
    }
}

Result<boot::Images> read_images(VmSettings const& vm) {
    BootSettings const& settings = vm.boot;
    u64 const memory = vm.memory;
    boot::Images images;
    images.firmware = TRY(read_firmware(vm.firmware, memory));
    if (images.firmware.present()) return images;
    images.kernel_name = settings.kernel;
    images.kernel = TRY(read_file("kernel", settings.kernel, memory));
    images.command_line = settings.command_line;
    if (boot::detect(images.kernel) == boot::Format::multiboot) {
        images.modules = TRY(read_modules(settings.initrd_option, memory));
        return images;
    }
    if (!settings.initrd_option.empty()) {
        images.initrd_name = settings.initrd_option;
        images.initrd = TRY(read_file("initrd", settings.initrd_option, memory));
    }
    append_archive(images.initrd, settings.extra_initrd);
    return images;
}

Result<StartState> load_images(boot::Images const& images, std::span<u8> ram) {
    auto const split = pc::split_ram(ram.size());
    return boot::load(images, {.low = ram.first(split.low), .high = ram.subspan(split.low)});
}

} // namespace ring3::app
