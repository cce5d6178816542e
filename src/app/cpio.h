// The "newc" cpio format, as far as an initramfs needs it (Linux: Documentation/driver-api/early-userspace/
// buffer-format.rst). A kernel unpacks several archives behind one another; a later file replaces an earlier one.
#pragma once

#include "base/types.h"

#include <string>
#include <string_view>
#include <vector>

namespace ring3::app {

class CpioWriter {
public:
    void add_directory(std::string_view path, u32 permissions);
    void add_file(std::string_view path, u32 permissions, std::string_view content);
    /// The whole archive, with its trailer, padded to 4 bytes.
    std::vector<u8> finish() &&;

private:
    void add(std::string_view path, u32 mode, std::string_view content);
    void append(std::string_view text);
    void pad();
    std::vector<u8> bytes_;
    u32 next_inode_{1};
};

} // namespace ring3::app
