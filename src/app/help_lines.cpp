#include "app/help_lines.h"

#include "app/engine_switches.h"

#include <fmt/format.h>

namespace ring3::app {

namespace {

std::string form_of(EngineSwitch const& which) {
    switch (which.takes) {
    case SwitchValue::none: break;
    case SwitchValue::required: return fmt::format("{} {}", which.name, which.form);
    case SwitchValue::optional: return fmt::format("{}[={}]", which.name, which.form);
    }
    return std::string{which.name};
}

} // namespace

std::string help_line(std::string const& form, std::string_view help) {
    constexpr std::size_t column = 26;
    return form.size() > column ? fmt::format("-{}\n {:<{}} {}\n", form, "", column, help)
                                : fmt::format("-{:<{}} {}\n", form, column, help);
}

std::string_view device_help() {
    return "name \"isa-debug-exit\", bus ISA: iobase=0x501, iosize=2\n"
           "name \"isa-serial\", bus ISA: chardev=ID\n"
           "name \"isa-debugcon\", bus ISA: iobase=0xe9, chardev=ID\n"
           "name \"pc-testdev\", bus ISA: for test kernels\n"
           "name \"pci-testdev\", bus PCI: the same\n"
           "name \"VGA\", bus PCI\n"
           "name \"ide-hd\", bus IDE: drive=ID, bus=ide.0, unit=0, serial=, model=, cyls=, heads=, secs=, bootindex=\n"
           "name \"ide-cd\", bus IDE: the same, drive= for a drive with a disc\n"
           "name \"e1000\", bus PCI: netdev=ID, mac=, addr=, romfile=, bootindex=\n"
           "name \"rtl8139\", bus PCI: the same\n"
           "name \"virtio-9p-pci\", bus PCI: fsdev=ID, mount_tag=, addr=, disable-legacy=, disable-modern=\n"
           "name \"virtio-blk-pci\", bus PCI: drive=ID, serial=, bootindex=, addr=, disable-legacy=, disable-modern=\n"
           "name \"virtio-net-pci\", bus PCI: netdev=ID, mac=, bootindex=, addr=, disable-legacy=, disable-modern=\n"
           "name \"virtio-balloon-pci\", bus PCI: addr=, disable-legacy=, disable-modern=\n"
           "name \"virtio-serial-pci\", bus PCI: the same; a bus for one virtconsole\n"
           "name \"virtconsole\", bus virtio-serial-bus: chardev=ID\n"
           "name \"virtio-rng-pci\", bus PCI: addr=, disable-legacy=, disable-modern=\n"
           "name \"floppy\", bus floppy-bus: drive=ID, unit=0\n";
}

std::string_view log_help() {
    return "Log items (comma separated):\n"
           "int             interrupts and exceptions, with the registers\n"
           "cpu_reset       the registers at a reset and at a triple fault\n"
           "guest_errors    what the guest does that no device expects\n"
           "unimp           the same\n"
           "exec            every instruction (slow)\n";
}

std::string help_of_engine_switches() {
    std::string text = "\nThe engine's switches, which QEMU has not:\n\n";
    for (auto const& one : engine_switches()) text += help_line(form_of(one), one.help);
    return text;
}

} // namespace ring3::app
