// Fuzzes the image loaders: any bytes as a kernel, with an initrd and a command line, have a defined result.
//
// The input is one byte, whose bits choose the surroundings, and the kernel file.
#include "base/assert.h"
#include "boot/load.h"

#include <cstdint>

using namespace ring3;

namespace {

constexpr std::size_t mib = 1 << 20;

boot::Images make_images(u8 choice, std::span<u8 const> kernel) {
    boot::Images images{"kernel", {kernel.begin(), kernel.end()}};
    images.command_line.assign((choice & 1) ? 2000 : 10, 'x');
    if (choice & 2) images.initrd.assign((choice & 4) ? 3 * mib : 100, 0x55);
    if (choice & 8) images.modules = {{{1, 2, 3}, "one arg"}, {{}, ""}};
    return images;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(u8 const* data, std::size_t size) {
    static std::vector<u8> ram(8 * mib);
    if (size == 0) return 0;
    std::size_t const memory_size = (data[0] & 0x10) ? 8 * mib : 3 * mib + 123;
    auto const images = make_images(data[0], {data + 1, size - 1});
    auto const start = boot::load(images, {{ram.data(), memory_size}, {}});
    ASSERT(!start || start->eip < memory_size);
    ASSERT(start || start.error().status == ExitStatus::configuration);
    ASSERT(start || start.error().message.find('\n') == std::string::npos);
    return 0;
}
