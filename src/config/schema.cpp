#include "config/schema.h"

#include <fmt/format.h>
#include <string>

namespace ring3::config {

namespace {

using enum Type;
using Text = std::string_view;

constexpr Text graphics_words[] = {"none", "std"};
constexpr Text reset_words[] = {"restart", "exit"};
constexpr Text power_off_words[] = {"exit", "pause"};
constexpr Text guest_words[] = {"default"};
constexpr Text engine_words[] = {"interpret", "translate"};
constexpr Text memory_words[] = {"soft", "window", "auto"};
constexpr Text tlb_words[] = {"asid", "rewrite"};
constexpr Text interface_words[] = {"ide", "floppy", "virtio"};
constexpr Text format_words[] = {"raw", "qcow2"};
constexpr Text media_words[] = {"disk", "cdrom"};
constexpr Text cache_words[] = {"writeback", "writethrough", "none", "directsync", "unsafe"};
constexpr Text aio_words[] = {"threads", "native", "io_uring"};
constexpr Text discard_words[] = {"unmap", "on", "ignore", "off"};
constexpr Text rerror_words[] = {"report", "ignore", "stop"};
constexpr Text werror_words[] = {"report", "ignore", "stop", "enospc"};

constexpr Key lab_keys[] = {
    {"name", text, "NAME", "what its switches are called on this host: NAME-SWITCH (default: the file's name)"},
    {"stop-timeout",
     number,
     "SECONDS",
     "how long guests have to power off when the lab is stopped (default 10)",
     Use::special,
     {},
     {},
     0,
     3600},
};

constexpr Key switch_keys[] = {
    {.name = "name", .type = text, .form = "NAME", .help = "what cards name it by", .required = true},
    {"uplink", text, "BACKEND", "the way out of all its ports: user, tap,ifname=NAME, ... as behind -nic"},
    {"uplink-vlan", number, "VLAN", "the VLAN that the way out is in (default 1)", Use::special, {}, {}, 1, 4094},
    {"shared", flag, "true", "machines outside of this file may join it under its plain name"},
};

constexpr Key volume_keys[] = {
    {.name = "name", .type = text, .form = "NAME", .help = "what drives name it by", .required = true},
    {.name = "file", .type = file, .form = "FILE", .help = "the physical volume (ring3 disk init)", .required = true},
};

constexpr Key drive_keys[] = {
    {"file", file, "FILE", "the disk's image", Use::special},
    {"volume", text, "NAME", "instead of a file: the volume that holds the disk", Use::special},
    {"disk", text, "NAME", "and the disk in it", Use::special},
    {"if", text, "INTERFACE", "what it is connected to (default ide)", Use::pair, {}, interface_words},
    {"media", text, "MEDIA", "a disk, or a drive for CD-ROMs", Use::pair, {}, media_words},
    {"index", number, "N", "its place among those of its interface", Use::pair, {}, {}, 0, 255},
    {"format", text, "FORMAT", "the image's format; without, its first bytes tell", Use::pair, {}, format_words},
    {"readonly", flag, "true", "the guest cannot write to it", Use::pair},
    {"snapshot", flag, "true", "what the guest writes is forgotten at the end", Use::pair},
    {"cache", text, "MODE", "how writes reach the host's disk (default writeback)", Use::pair, {}, cache_words},
    {"aio", text, "WAY", "accepted; all ways mean the same to a guest", Use::pair, {}, aio_words},
    {"discard", text, "WHAT", "whether discarded sectors free space (default unmap)", Use::pair, {}, discard_words},
    {"rerror", text, "WHAT", "when the host cannot read (default report)", Use::pair, {}, rerror_words},
    {"werror", text, "WHAT", "when the host cannot write (default enospc)", Use::pair, {}, werror_words},
    {"serial", text, "TEXT", "the serial number that the guest reads", Use::pair},
    {"cyls", number, "N", "geometry of an IDE disk: cylinders", Use::special, {}, {}, 1, 65535},
    {"heads", number, "N", "heads", Use::special, {}, {}, 1, 16},
    {"secs", number, "N", "sectors of a track", Use::special, {}, {}, 1, 63},
    {"bootindex", number, "N", "its place in the order of booting, smallest first", Use::special, {}, {}, 0, 9999},
};

constexpr Key nic_keys[] = {
    {"switch", text, "NAME", "the switch that it is plugged into"},
    {"network", text, "BACKEND", "instead of a switch: user, tap,ifname=NAME, ... as behind -nic (default user)"},
    {"forward", list, "RULE", "for user: [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport, several in a list"},
    {"model", text, "MODEL", "the card: e1000 (default), rtl8139, ..."},
    {"mac", text, "ADDRESS", "its address (default: one that no other card of the file has)"},
    {"vlan", number, "VLAN", "the switch's VLAN that its frames belong to (default 1)", Use::special, {}, {}, 1, 4094},
    {"trunk", list, "VLANS", "VLANs whose frames pass with their tag: 10, \"20-29\" or \"all\""},
    {"rate", text, "BITS", "bits a second that it may send into the switch: 64k, 10M, 1G"},
    {"addr", text, "SLOT", "its slot on the PCI bus"},
    {"bootindex", number, "N", "its place in the order of booting, smallest first", Use::special, {}, {}, 0, 9999},
    {"romfile", text, "FILE", "its boot ROM; \"\" for none"},
    {"capture", text, "FILE", "write its frames to this pcap file"},
};

constexpr Key share_keys[] = {
    {.name = "path", .type = file, .form = "FOLDER", .help = "the folder of this host", .required = true},
    {"tag", text, "TAG", "what the guest mounts it by (default share)"},
    {"readonly", flag, "true", "the guest cannot change it"},
};

constexpr Table vm_tables[] = {
    {"vm.drive", "a disk, CD-ROM or floppy drive", Times::many, drive_keys},
    {"vm.nic", "a network card", Times::many, nic_keys},
    {"vm.share", "a folder of this host that the guest sees (9p)", Times::many, share_keys},
};

constexpr Key vm_keys[] = {
    {.name = "name", .type = text, .form = "NAME", .help = "its name here and in messages", .required = true},
    {"memory", size, "SIZE", "its memory: MiB, or \"512M\", \"2G\" (default 128)", Use::option, "m"},
    {"cpu", text, "MODEL", "processor model with +feature and -feature", Use::option, "cpu"},
    {"smp", number, "N", "processors: 1", Use::option, "smp", {}, 1, 255},
    {"guest",
     text,
     "default",
     "boot the kernel and the initial ram disk that 'make guest' fetches",
     Use::special,
     {},
     guest_words},
    {"command", text, "COMMAND", "in that guest: run this by its shell; its status is the machine's"},
    {"kernel", file, "FILE", "boot this bzImage or multiboot kernel", Use::option, "kernel"},
    {"initrd", file, "FILE", "its initial ram disk", Use::option, "initrd"},
    {"modules", list, "FILE ARGUMENT...", "instead of an initrd: the modules of a multiboot kernel"},
    {"append", list, "TEXT", "the kernel's command line, in one or several parts", Use::words, "append"},
    {"bios", text, "FILE", "start with this firmware (default SeaBIOS)", Use::option, "bios"},
    {"boot", text, "ORDER", "a floppy, c disk, d CD-ROM, n network; or order=cd,menu=on,...", Use::option, "boot"},
    {"disk", files, "FILE", "IDE disks by their images, the short way"},
    {"cdrom", file, "FILE", "CD-ROM image", Use::option, "cdrom"},
    {"floppy", files, "FILE", "floppy disk images in drives A and B"},
    {"snapshot", flag, "true", "forget at the end what the guest has written to its disks", Use::enable, "snapshot"},
    {"vga", text, "CARD", "graphics card (default std)", Use::option, "vga", graphics_words},
    {"rtc", text, "base=WHEN", "clock at power-on: utc, localtime or a date, as behind -rtc", Use::option, "rtc"},
    {"uuid", text, "UUID", "the machine's UUID in its SMBIOS", Use::option, "uuid"},
    {"serial", list, "DEV", "serial ports: console (the default of the first), file:PATH, unix:..., null, ..."},
    {"parallel", text, "DEV", "parallel port, same forms", Use::option, "parallel"},
    {"monitor", list, "DEV", "consoles for the machine's operator, same forms", Use::each, "monitor"},
    {"debugcon", text, "DEV", "debug console at port 0xe9, same forms", Use::option, "debugcon"},
    {"device", list, "NAME,...", "more devices: isa-debug-exit,iobase=0xf4, ...", Use::each, "device"},
    {"fw_cfg", list, "NAME,...", "items for firmware: name=NAME,file=PATH or string=TEXT", Use::each, "fw_cfg"},
    {"smbios", list, "type=N,...", "what the machine calls itself", Use::each, "smbios"},
    {"on-reset", text, "WHAT", "when the guest resets itself (default restart)", Use::special, {}, reset_words},
    {"on-poweroff", text, "WHAT", "when the guest powers off (default exit)", Use::special, {}, power_off_words},
    {"stop-timeout", number, "SECONDS", "as in [lab], for this machine", Use::special, {}, {}, 0, 3600},
    {"log", list, "WORD", "log int, cpu_reset, guest_errors, exec", Use::commas, "d"},
    {"log-file", text, "FILE", "log to this file instead of standard error", Use::option, "D"},
    {"pidfile", text, "FILE", "write the process number to this file", Use::option, "pidfile"},
    {"engine", text, "ENGINE", "translate (default) or interpret", Use::option, "engine", engine_words},
    {"memory-policy", text, "WAY", "how translated code reaches memory", Use::option, "memory", memory_words},
    {"optimize", list, "WORD", "none, all, or some of link, trace, cache", Use::commas, "optimize"},
    {"tlb", text, "WAY", "what becomes of the TLB when page tables change", Use::option, "tlb", tlb_words},
    {"cache-size", number, "MIB", "size of the code cache", Use::option, "cache-size", {}, 1, 256},
    {"sandbox", flag, "false", "confine the monitor process (default true)", Use::on_off, "sandbox"},
    {"options", list, "WORD", "more words of ring3-system-i386's command line, as they are"},
};

constexpr Table file_tables[] = {
    {"lab", "the file as a whole", Times::once, lab_keys},
    {"switch", "a learning switch that cards are plugged into", Times::many_named, switch_keys},
    {"volume", "a physical volume whose disks are used", Times::many_named, volume_keys},
    {"vm", "a machine", Times::many_named, vm_keys, vm_tables},
};

void add_keys(std::string& result, std::span<Table const> list) {
    for (auto const& table : list) {
        for (auto const& key : table.keys)
            result += fmt::format("{}.{}\t{}\t{}\n", table.name, key.name, key.form, key.help);
        add_keys(result, table.inner);
    }
}

} // namespace

std::span<Table const> tables() {
    return file_tables;
}

std::string key_list() {
    std::string result;
    add_keys(result, file_tables);
    return result;
}

} // namespace ring3::config
