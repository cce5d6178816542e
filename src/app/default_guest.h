// The default guest: Debian's kernel and ring3's initramfs, as `make guest` leaves them, and the contract with its init
// (guests/debian/init): how a command travels in and which serial port is whose.
//
//     COM1  kernel console; the shell's terminal in shell mode
//     COM2  the command's standard input and output       4F0H  exit status
//     COM3  the command's standard error                  4F1H  input is wanted
#pragma once

#include "base/result.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ring3::app {

struct GuestFiles {
    std::string directory;
    std::string kernel;
    std::string initrd;
    /// The archive with the kernel's modules for a feature ("net-e1000").
    std::string modules(std::string_view feature) const;
};

/// The directories where the default guest may be, in order: $RING3_GUEST alone if it is set; otherwise beside the
/// program (../guest, ../share/ring3/guest) and in the user's data directory.
std::vector<std::string> guest_directories();

/// The first directory that has both files.
Result<GuestFiles> find_default_guest(std::span<std::string const> directories);

/// An archive with /ring3/command: the arguments, each ended by NUL.
std::vector<u8> command_archive(std::span<std::string const> command);

} // namespace ring3::app
