#include "app/refused_options.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3::app {

namespace {

struct Refusal {
    std::string_view name;
    std::string_view why;
};

constexpr std::string_view no_debugger = "there is no gdb stub yet: -d int,cpu_reset logs, 'info registers' looks";
constexpr std::string_view no_window = "there is no window yet: -display none, and the console's screendump";
constexpr std::string_view no_sound = "there is no sound card: leave it out";
constexpr std::string_view no_usb = "there is no USB: leave it out; the PS/2 keyboard is there";
constexpr std::string_view no_hypervisor = "ring3 needs no hardware virtualization: leave it out";
constexpr std::string_view no_record = "runs are not recorded or counted yet: leave it out";
constexpr std::string_view no_state = "there are no saved states yet: leave it out";
constexpr std::string_view no_protocol = "there is no QMP yet: -monitor takes the console's commands";
constexpr std::string_view no_backend = "name disks with -drive";
constexpr std::string_view no_background = "run it in the background by the shell: '&' and -pidfile FILE";
constexpr std::string_view no_identity = "start ring3 as the user it shall be: it needs no rights";
constexpr std::string_view no_flash = "firmware in flash is not there: -bios FILE";
constexpr std::string_view no_tables = "the ACPI tables are ring3's own";
constexpr std::string_view no_scsi = "there is no SCSI: -drive if=ide";
constexpr std::string_view no_numa = "a guest has 1 node and 1 processor: leave it out";
constexpr std::string_view no_memory_backend = "a guest's memory is ring3's affair: -m SIZE";
constexpr std::string_view no_config = "write a machine file: 'ring3 run FILE.toml' (man ring3.toml)";
constexpr std::string_view no_security = "leave it out";

constexpr Refusal options[] = {
    {"s", no_debugger},
    {"gdb", no_debugger},
    {"sdl", no_window},
    {"curses", no_window},
    {"full-screen", no_window},
    {"alt-grab", no_window},
    {"ctrl-grab", no_window},
    {"no-quit", no_window},
    {"g", no_window},
    {"spice", no_window},
    {"soundhw", no_sound},
    {"audio", no_sound},
    {"audio-help", no_sound},
    {"usb", no_usb},
    {"usbdevice", no_usb},
    {"no-kvm", "ring3 is its own engine: leave it out"},
    {"xen-domid", no_hypervisor},
    {"xen-attach", no_hypervisor},
    {"icount", no_record},
    {"plugin", no_record},
    {"trace", "-d WORDS logs, --stats counts"},
    {"loadvm", no_state},
    {"incoming", no_state},
    {"only-migratable", no_state},
    {"qmp", no_protocol},
    {"qmp-pretty", no_protocol},
    {"blockdev", no_backend},
    {"pflash", no_flash},
    {"mtdblock", no_flash},
    {"sd", "there is no SD card: -drive if=ide"},
    {"iscsi", no_backend},
    {"daemonize", no_background},
    {"runas", no_identity},
    {"chroot", no_identity},
    {"acpitable", no_tables},
    {"no-acpi", no_tables},
    {"numa", no_numa},
    {"mem-path", no_memory_backend},
    {"mem-prealloc", no_memory_backend},
    {"overcommit", no_memory_backend},
    {"readconfig", no_config},
    {"writeconfig", no_config},
    {"set", "say it with -device NAME,KEY=VALUE"},
    {"balloon", "say it with -device"},
    {"watchdog", "there is no watchdog: leave it out"},
    {"watchdog-action", "there is no watchdog: leave it out"},
    {"tpmdev", "there is no TPM: leave it out"},
    {"dtb", "a PC has no device tree: leave it out"},
    {"singlestep", "--engine interpret does one instruction at a time"},
    {"one-insn-per-tb", "--engine interpret does one instruction at a time"},
    {"semihosting", "a PC has none: -device isa-debug-exit ends a run with a status"},
    {"semihosting-config", "a PC has none: -device isa-debug-exit ends a run with a status"},
    {"redir", "say it with -nic user,hostfwd=RULE"},
    {"localtime", "say it with -rtc base=localtime"},
    {"startdate", "say it with -rtc base=DATE"},
    {"echr", "the key is Ctrl-a"},
    {"msg", no_security},
    {"seed", no_security},
    {"add-fd", "name the file instead"},
    {"win2k-hack", "it is not needed: leave it out"},
    {"rtc-td-hack", "it is not needed: leave it out"},
    {"kernel-kqemu", no_hypervisor},
};

/// The first that the name begins with counts.
constexpr Refusal devices[] = {
    {"usb-", no_usb},
    {"qemu-xhci", no_usb},
    {"nec-usb-xhci", no_usb},
    {"piix3-usb", no_usb},
    {"piix4-usb", no_usb},
    {"pci-ohci", no_usb},
    {"ich9-usb", no_usb},
    {"AC97", no_sound},
    {"sb16", no_sound},
    {"adlib", no_sound},
    {"gus", no_sound},
    {"cs4231a", no_sound},
    {"ES1370", no_sound},
    {"intel-hda", no_sound},
    {"ich9-intel-hda", no_sound},
    {"hda-", no_sound},
    {"cirrus-vga", "the graphics card is -device VGA"},
    {"vmware-svga", "the graphics card is -device VGA"},
    {"qxl", "the graphics card is -device VGA"},
    {"bochs-display", "the graphics card is -device VGA"},
    {"virtio-gpu", "the graphics card is -device VGA"},
    {"virtio-vga", "the graphics card is -device VGA"},
    {"ahci", "there is no AHCI: -drive if=ide"},
    {"ich9-ahci", "there is no AHCI: -drive if=ide"},
    {"nvme", "there is no NVMe: -drive if=ide"},
    {"lsi53c", no_scsi},
    {"megasas", no_scsi},
    {"scsi-", no_scsi},
    {"virtio-scsi", no_scsi},
    {"am53c974", no_scsi},
    {"ne2k", "-device help lists the network cards"},
    {"pcnet", "-device help lists the network cards"},
    {"i8255", "-device help lists the network cards"},
    {"i82550", "-device help lists the network cards"},
    {"vmxnet3", "-device help lists the network cards"},
    {"e1000e", "-device help lists the network cards"},
    {"tpm-", "there is no TPM: leave it out"},
    {"pcie-", "the board is an i440FX, which has PCI"},
    {"isa-parallel", "say it with -parallel"},
    {"loader", "say it with -kernel"},
};

} // namespace

std::optional<std::string_view> why_refused(std::string_view option) {
    auto const found = std::ranges::find(options, option, &Refusal::name);
    return found == std::end(options) ? std::nullopt : std::optional{found->why};
}

std::optional<std::string_view> why_device_refused(std::string_view device) {
    auto const found = std::ranges::find_if(devices, [&](auto const& one) { return device.starts_with(one.name); });
    return found == std::end(devices) ? std::nullopt : std::optional{found->why};
}

Error unknown_option(std::string_view word) {
    auto const option = word.substr(std::min(word.find_first_not_of('-'), word.size()));
    if (auto const why = why_refused(option))
        return {ExitStatus::usage, fmt::format("option '{}' is not supported: {}", word, *why)};
    return {ExitStatus::usage, fmt::format("unknown option '{}' (-help lists what there is)", word)};
}

Error unknown_device(std::string_view device) {
    if (auto const why = why_device_refused(device))
        return {ExitStatus::usage, fmt::format("option '-device': there is no '{}': {}", device, *why)};
    return {ExitStatus::usage, fmt::format("option '-device' does not know '{}' ('help' lists)", device)};
}

} // namespace ring3::app
