// VmSettings: one virtual machine as a person asked for it, by whichever command line. Nothing is opened yet.
#pragma once

#include "app/net_settings.h"
#include "app/virtio_settings.h"
#include "base/result.h"
#include "boot/smbios.h"
#include "driver/machine_config.h"
#include "image/open.h"

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ring3::app {

// ---- where characters go and come from

/// Typing Ctrl-C ends ring3, or is a character for the guest.
enum class TerminalSignals : u8 { end_ring3, to_guest };
/// A terminal goes raw, so that every key reaches the guest at once, or stays as it is: whole lines, echoed.
enum class TerminalInput : u8 { raw, lines };

struct NullBackend {};
struct StdioBackend {
    TerminalSignals signals{TerminalSignals::end_ring3};
    TerminalInput input{TerminalInput::raw};
};
/// Output only, to the standard error stream.
struct StderrBackend {};
struct FileBackend {
    std::string path;
    bool append{};
};
struct PtyBackend {};
/// A stream socket: connect to it, or listen on it and, with `wait`, start the guest when somebody has come.
struct SocketBackend {
    std::string path; // a unix socket, or
    std::string host; // TCP
    std::string port;
    bool server{};
    bool wait{};
    bool telnet{};
};
using Backend = std::variant<NullBackend, StdioBackend, StderrBackend, FileBackend, PtyBackend, SocketBackend>;

struct ChardevSettings {
    std::string id;
    Backend backend;
    bool multiplexed{}; // several users share it, and Ctrl-a keys switch between them
};

/// Index in VmSettings::chardevs.
using ChardevIndex = std::size_t;

/// What the guest has at its end of a serial line: nothing that ring3 knows of, or a terminal driver that reads lines, by
/// contract of the default guest: then special characters are quoted and the end of input becomes an end of file.
enum class FarEnd : u8 { unknown, reads_lines };

struct SerialSettings {
    ChardevIndex chardev{};
    FarEnd far_end{FarEnd::unknown};
    bool wait_until_wanted{}; // keep input until the guest says that it is ready (port 4F1H)
    bool flow_control{};      // the guest drops RTS when it cannot take more
};

struct DebugconSettings {
    driver::DebugconPort port;
    ChardevIndex chardev{};
};

// ---- what to do when

enum class OnReset : u8 { restart, exit, fail };
enum class OnPowerOff : u8 { exit, pause };
enum class OnSignal : u8 { exit, press_power_button };

struct Policy {
    OnReset reset{OnReset::restart};
    OnReset triple_fault{OnReset::restart};
    OnPowerOff power_off{OnPowerOff::exit};
    OnSignal signal{OnSignal::exit};
    std::chrono::seconds power_button_grace{3}; // after which a guest whose button was pressed is ended anyway
};

// ---- what to boot

struct ModuleFile {
    std::string path;
    std::string command_line; // the path and its arguments, as typed
};

struct BootSettings {
    std::string kernel;
    std::string initrd_option; // as typed; a list of modules if the kernel turns out to be multiboot
    std::string command_line;
    std::vector<u8> extra_initrd; // another cpio archive behind the initrd
};

// ---- what runs first, if no kernel is named

struct FirmwareItem {
    std::string name;
    std::string path; // a file's content, or
    std::string text;
};

struct FirmwareSettings {
    std::string image; // empty: none, the kernel is booted directly
    std::vector<std::string> directories;
    std::vector<FirmwareItem> items;
    std::array<BootDevice, 3> order{BootDevice::hard_disk, BootDevice::cdrom, BootDevice::floppy};
    std::optional<std::array<BootDevice, 3>> order_once; // at the first start only
    bool menu{};
    std::optional<u16> menu_wait_ms;
    std::optional<u32> reboot_timeout_ms; // after which firmware that found nothing to boot starts again
    bool check_floppy_signature{true};
    bool strict_order{}; // boot from nothing that has no bootindex
    Graphics graphics{Graphics::standard_vga};
    boot::SmbiosSettings smbios;
    std::vector<std::string> smbios_files; // each a structure as the format has it
    bool serial_console{};
};

// ---- disks

/// What happens when the host cannot read or write (QEMU's rerror and werror).
enum class OnDiskError : u8 { report, ignore, stop, stop_if_full };

struct DriveSettings {
    DriveDescription drive; // the medium's size is found out when it is opened
    std::string id;
    std::string path;    // empty: no medium is in, or
    u64 scratch_bytes{}; // zeroes, which are forgotten at the end
    image::OpenOptions options;
    OnDiskError on_read_error{OnDiskError::report};
    OnDiskError on_write_error{OnDiskError::stop_if_full};
    std::optional<u32> boot_index{}; // its place in the order of booting
};

// ---- how it runs

/// The engine's mechanisms, and what is said about them when the run is over.
struct EngineSettings {
    driver::EngineOptions options;
    bool statistics_table{};     // on standard error
    std::string statistics_file; // as JSON; empty: none
};

struct VmSettings {
    std::string name;
    u64 memory{u64{128} << 20};
    std::string cpu{"max"};
    BootSettings boot;
    FirmwareSettings firmware;
    std::vector<DriveSettings> drives;
    NetSettings net;
    std::vector<VirtioSettings> virtio;
    std::vector<ChardevSettings> chardevs;
    std::array<std::optional<SerialSettings>, driver::serial_ports> serial;
    std::optional<ChardevIndex> parallel;
    std::optional<ChardevIndex> virtconsole; // the port of the virtio console
    std::optional<DebugconSettings> debugcon;
    std::optional<driver::DebugExitPort> debug_exit;
    bool isa_test_device{}, pci_test_device{}; // pc-testdev, pci-testdev: for test kernels
    std::vector<ChardevIndex> monitors;        // consoles for the machine's operator
    driver::GuestPorts guest_ports{driver::GuestPorts::absent};
    bool console_is_hidden{}; // `ring3 run -- CMD`: COM1 is shown only when something goes wrong
    driver::LogMask log;
    std::string log_file; // empty: standard error
    std::optional<u64> rtc_base;
    driver::RtcClock rtc_clock{driver::RtcClock::guest_time};
    bool start_paused{};
    std::string pid_file;
    Policy policy;
    EngineSettings engine;
    driver::Sandbox sandbox{driver::Sandbox::on};
};

/// A command line that asks for a text instead of a machine (help, version, lists).
struct PrintText {
    std::string text;
};

} // namespace ring3::app
