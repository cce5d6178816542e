// -device, -object and -global: what is plugged into the machine by name.
#include "app/help_lines.h"
#include "app/refused_options.h"
#include "app/system_parser.h"

#include <fmt/format.h>

namespace ring3::app {

Result<void> SystemParser::device(std::string const& text) {
    if (text == "help" || text == "?") return print(std::string{device_help()});
    devices_.push_back({text, at_});
    return {};
}

Result<void> SystemParser::add_devices() {
    std::size_t const end = at_;
    for (auto const& [text, at] : devices_) {
        at_ = at;
        TRY_VOID(add_device(text));
    }
    at_ = end;
    return {};
}

Result<void> SystemParser::add_device(std::string const& text) {
    CommaList list{text, "driver"};
    auto const driver = list.take("driver").value_or("");
    if (DriveOptions::knows_device(driver)) {
        list.take("id");
        return drives_.add_device(driver, list);
    }
    if (NetOptions::knows_device(driver)) return network_.add_device(driver, list);
    if (ShareOptions::knows_device(driver)) return shares_.add_device(driver, list);
    if (VirtioOptions::knows_device(driver)) return virtio_.add_device(driver, list, drives_);
    list.take("id"); // a name that only other options could refer to, and none does
    if (driver == "isa-debug-exit") return add_debug_exit(list);
    if (driver == "pc-testdev") {
        settings_.isa_test_device = true;
        return list.finish("-device pc-testdev");
    }
    if (driver == "pci-testdev") {
        settings_.pci_test_device = true;
        return list.finish("-device pci-testdev");
    }
    if (driver == "VGA") {
        graphics_.chosen = Graphics::standard_vga;
        auto const size = list.take("vgamem_mb").value_or("16");
        if (size != "16") return fail(ExitStatus::usage, "option '-device VGA': vgamem_mb is 16");
        return list.finish("-device VGA");
    }
    if (driver == "isa-debugcon") return add_debugcon_device(list);
    if (driver == "virtconsole") return add_virtconsole(list);
    if (driver == "isa-serial") return add_serial_device(list);
    return std::unexpected(unknown_device(driver));
}

Result<void> SystemParser::object(std::string const& text) {
    CommaList list{text, "qom-type"};
    auto const type = list.take("qom-type").value_or("");
    if (type == "filter-dump") return network_.add_dump(list);
    if (VirtioOptions::knows_object(type)) return virtio_.add_random_source(type, list);
    return fail(ExitStatus::usage, fmt::format("option '-object' does not know '{}' (filter-dump, rng-random)", type));
}

Result<void> SystemParser::add_debug_exit(CommaList& list) {
    driver::DebugExitPort port;
    port.base = static_cast<u16>(TRY(list.take_number("iobase", 0xffff)).value_or(port.base));
    port.size = static_cast<u16>(TRY(list.take_number("iosize", 4)).value_or(port.size));
    if (port.size != 1 && port.size != 2 && port.size != 4)
        return fail(ExitStatus::usage, "option '-device isa-debug-exit': iosize is 1, 2 or 4");
    if (port.base + port.size > 0x1'0000)
        return fail(ExitStatus::usage, "option '-device isa-debug-exit': iobase is beyond the last port");
    if (settings_.debug_exit) return fail(ExitStatus::usage, "option '-device isa-debug-exit': there can be one");
    settings_.debug_exit = port;
    return list.finish("-device isa-debug-exit");
}

Result<void> SystemParser::add_virtconsole(CommaList& list) {
    auto const chardev = list.take("chardev");
    if (!chardev) return fail(ExitStatus::usage, "option '-device virtconsole' needs chardev=ID");
    list.take("name"); // for drivers that know of several ports
    wiring_.add_virtconsole(*chardev);
    return list.finish("-device virtconsole");
}

Result<void> SystemParser::add_debugcon_device(CommaList& list) {
    driver::DebugconPort port;
    port.base = static_cast<u16>(TRY(list.take_number("iobase", 0xffff)).value_or(port.base));
    auto const readback = TRY(list.take_number("readback", 0xff));
    if (readback.value_or(0xe9) != 0xe9)
        return fail(ExitStatus::usage, "option '-device isa-debugcon': readback is 0xe9");
    auto const chardev = list.take("chardev");
    if (!chardev) return fail(ExitStatus::usage, "option '-device isa-debugcon' needs chardev=ID");
    wiring_.add_debugcon("chardev:" + *chardev, port);
    return list.finish("-device isa-debugcon");
}

Result<void> SystemParser::add_serial_device(CommaList& list) {
    auto const chardev = list.take("chardev");
    if (!chardev) return fail(ExitStatus::usage, "option '-device isa-serial' needs chardev=ID");
    wiring_.add_serial("chardev:" + *chardev);
    return list.finish("-device isa-serial");
}

/// Defaults of devices. Few scripts use it for more than the debug console's port.
Result<void> SystemParser::global(std::string const& text) {
    CommaList list{text, "isa-debugcon.iobase"};
    constexpr std::string_view iobase = "isa-debugcon.iobase=";
    if (!text.starts_with(iobase))
        return fail(ExitStatus::usage,
                    fmt::format("option '-global' does not know '{}': say it with -device NAME,KEY=VALUE", text));
    debugcon_port_.base = static_cast<u16>(TRY(list.take_number("isa-debugcon.iobase", 0xffff)).value_or(0));
    return list.finish("-global");
}

} // namespace ring3::app
