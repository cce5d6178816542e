// MachineConfig: what a monitor needs to know about its machine. The app fills it from the command line; the monitor,
// being a fork of the app, simply reads it. Plain data, checked by the app before the fork.
#pragma once

#include "base/block.h"
#include "base/firmware_config.h"
#include "base/network.h"
#include "base/types.h"
#include "boot/start_state.h"
#include "driver/engine_options.h"
#include "driver/message.h"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ring3::driver {

/// What `-d` asks for, one flag per word of it.
struct LogMask {
    bool interrupts{};   // int: every interrupt and exception, with registers
    bool cpu_reset{};    // cpu_reset: the registers at a reset or triple fault
    bool guest_errors{}; // guest_errors: accesses that no device answers, and the like
    bool execution{};    // exec: every instruction (slow)
    constexpr bool any() const { return interrupts || cpu_reset || guest_errors || execution; }
};

/// isa-debug-exit; QEMU's defaults.
struct DebugExitPort {
    u16 base{0x501};
    u16 size{2};
};

/// isa-debugcon: reads of the port give E9H back.
struct DebugconPort {
    u16 base{0xe9};
};

/// Ports of `ring3 run`'s own guest: 4F0H takes the command's exit status, 4F1H says that input is wanted.
enum class GuestPorts : u8 { absent, present };

/// Whether the CMOS clock stands still with the guest's time, or goes on with the host's while the guest is paused.
enum class RtcClock : u8 { guest_time, host_time };

/// Off only for debugging and for sanitizer builds, whose run-time libraries make calls of their own.
enum class Sandbox : u8 { on, off };

struct MachineConfig {
    std::string name{"ring3"};
    std::string cpu{"max"};     // QEMU's -cpu argument
    std::span<u8> ram;          // the GuestRam mapping that the fork inherited; images are loaded already
    std::span<u8> video_memory; // the graphics card's; follows `ram` in the same memfd
    int ram_fd{-1};             // the memfd, for mappings of the monitor's own
    Graphics graphics{Graphics::standard_vga};
    StartState start;        // if there is no firmware
    FirmwareConfig firmware; // what runs first instead
    u64 rtc_base{};          // seconds since 1970-01-01 that the CMOS clock shows at power-on, as if it were UTC
    RtcClock rtc_clock{RtcClock::guest_time};
    std::array<bool, serial_ports> serial{};
    bool parallel{};
    std::vector<DriveDescription> drives;  // their order numbers BlockRequest::disk; at most max_disks
    std::vector<NicDescription> nics;      // their order numbers FrameOut::nic; at most max_nics
    std::vector<VirtioDescription> virtio; // their order numbers VirtioKick::device; at most max_virtio
    std::optional<DebugconPort> debugcon;
    std::optional<DebugExitPort> debug_exit;
    bool isa_test_device{}; // pc-testdev
    bool pci_test_device{}; // pci-testdev
    GuestPorts guest_ports{GuestPorts::absent};
    LogMask log;
    EngineOptions engine;
    bool start_paused{}; // wait for Resume before the first instruction
    Sandbox sandbox{Sandbox::on};
};

} // namespace ring3::driver
