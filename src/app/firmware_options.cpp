#include "app/firmware_options.h"

#include "app/comma_list.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace ring3::app {

namespace {

/// QEMU's drive letters. Floppies have one place in the order, whichever is meant.
Result<BootDevice> boot_device(char letter) {
    switch (letter) {
    case 'a':
    case 'b': return BootDevice::floppy;
    case 'c': return BootDevice::hard_disk;
    case 'd': return BootDevice::cdrom;
    case 'n': return BootDevice::network;
    default:
        return fail(
            ExitStatus::usage,
            fmt::format("option '-boot': '{}' is no boot device: a floppy, c disk, d CD-ROM, n network", letter));
    }
}

Result<std::array<BootDevice, 3>> boot_order(std::string_view letters) {
    std::array<BootDevice, 3> order{};
    std::size_t count = 0;
    for (char const letter : letters) {
        auto const device = TRY(boot_device(letter));
        auto const end = order.begin() + static_cast<std::ptrdiff_t>(count);
        if (std::find(order.begin(), end, device) != end) continue;
        if (count == order.size()) break; // firmware has three places
        order[count++] = device;
    }
    if (count == 0) return fail(ExitStatus::usage, "option '-boot': the order is empty");
    return order;
}

Result<u8> version_part(std::string_view text) {
    auto const number = parse_number(text, 255);
    if (!number) return fail(ExitStatus::usage, fmt::format("option '-smbios': '{}' is no release number", text));
    return static_cast<u8>(*number);
}

void take_text(CommaList& list, std::string_view key, std::string& into) {
    if (auto const value = list.take(key)) into = *value;
}

Result<void> bios_fields(CommaList& list, boot::SmbiosSettings& smbios) {
    auto& bios = smbios.bios.emplace();
    take_text(list, "vendor", bios.vendor);
    take_text(list, "version", bios.version);
    take_text(list, "date", bios.date);
    if (auto const release = list.take("release")) {
        auto const dot = std::min(release->find('.'), release->size());
        bios.major = TRY(version_part(std::string_view{*release}.substr(0, dot)));
        if (dot != release->size()) bios.minor = TRY(version_part(std::string_view{*release}.substr(dot + 1)));
    }
    bios.uefi = TRY(list.take_switch("uefi")).value_or(false);
    return {};
}

Result<void> system_fields(CommaList& list, boot::SmbiosSettings& smbios) {
    auto& system = smbios.system;
    take_text(list, "manufacturer", system.manufacturer);
    take_text(list, "product", system.product);
    take_text(list, "version", system.version);
    take_text(list, "serial", system.serial);
    take_text(list, "sku", system.sku);
    take_text(list, "family", system.family);
    if (auto const uuid = list.take("uuid")) system.uuid = TRY(parse_uuid("-smbios type=1,uuid", *uuid));
    return {};
}

/// value= may be given several times; CommaList keeps the last of equal keys, so these are taken out before.
std::string take_values(std::string_view text, std::vector<std::string>& values) {
    std::string rest;
    for (auto const& piece : split_commas(text)) {
        if (piece.starts_with("value=")) {
            values.push_back(piece.substr(6));
            continue;
        }
        if (!rest.empty()) rest += ',';
        for (char const c : piece) rest += c == ',' ? std::string{",,"} : std::string{c};
    }
    return rest;
}

Result<void> check_strings(boot::SmbiosSettings const& smbios) {
    if (smbios.oem_strings.size() > boot::most_oem_strings)
        return fail(ExitStatus::usage,
                    fmt::format("option '-smbios type=11': at most {} values", boot::most_oem_strings));
    for (auto const& text : smbios.oem_strings)
        if (text.size() > boot::longest_smbios_string)
            return fail(ExitStatus::usage, fmt::format("option '-smbios type=11': a value has at most {} characters",
                                                       boot::longest_smbios_string));
    return {};
}

} // namespace

Result<void> parse_boot(std::string_view text, FirmwareSettings& settings) {
    CommaList list{text, "order"};
    if (auto const order = list.take("order")) settings.order = TRY(boot_order(*order));
    if (auto const once = list.take("once")) settings.order_once = TRY(boot_order(*once));
    if (auto const menu = TRY(list.take_switch("menu"))) settings.menu = *menu;
    if (auto const time = TRY(list.take_number("splash-time", 0xffff))) settings.menu_wait_ms = static_cast<u16>(*time);
    auto const timeout = list.take("reboot-timeout");
    if (timeout == "-1") settings.reboot_timeout_ms = ~u32{};
    if (timeout && timeout != "-1") {
        auto const number = parse_number(*timeout, 0xffff);
        if (!number)
            return fail(ExitStatus::usage,
                        fmt::format("option '-boot': reboot-timeout is -1 to 65535, not '{}'", *timeout));
        settings.reboot_timeout_ms = static_cast<u32>(*number);
    }
    if (list.take("splash")) return fail(ExitStatus::usage, "option '-boot': there is no splash screen");
    settings.strict_order = TRY(list.take_switch("strict")).value_or(settings.strict_order);
    return list.finish("-boot");
}

Result<void> parse_fw_cfg(std::string_view text, FirmwareSettings& settings) {
    constexpr std::size_t longest_name = 55;
    CommaList list{text, "name"};
    FirmwareItem item{list.take("name").value_or(""), list.take("file").value_or(""), ""};
    auto const string = list.take("string");
    if (item.name.empty() || item.name.size() > longest_name)
        return fail(ExitStatus::usage,
                    fmt::format("option '-fw_cfg' needs name=NAME of at most {} characters", longest_name));
    if (string.has_value() == !item.path.empty())
        return fail(ExitStatus::usage,
                    fmt::format("option '-fw_cfg name={}' needs one of file=PATH and string=TEXT", item.name));
    if (std::ranges::find(settings.items, item.name, &FirmwareItem::name) != settings.items.end())
        return fail(ExitStatus::usage, fmt::format("option '-fw_cfg': there are two items '{}'", item.name));
    item.text = string.value_or("");
    TRY_VOID(list.finish("-fw_cfg"));
    settings.items.push_back(std::move(item));
    return {};
}

Result<void> parse_smbios(std::string_view text, FirmwareSettings& settings) {
    boot::SmbiosSettings& smbios = settings.smbios;
    std::vector<std::string> values;
    CommaList list{take_values(text, values)};
    if (auto const file = list.take("file")) {
        settings.smbios_files.push_back(*file);
        return list.finish("-smbios file");
    }
    auto const type = list.take("type").value_or("");
    if (type == "0")
        TRY_VOID(bios_fields(list, smbios));
    else if (type == "1")
        TRY_VOID(system_fields(list, smbios));
    else if (type != "11")
        return fail(ExitStatus::usage, fmt::format("option '-smbios' knows type=0, 1 and 11, not '{}'", type));
    if (type != "11" && !values.empty())
        return fail(ExitStatus::usage, fmt::format("option '-smbios type={}' has no value=", type));
    smbios.oem_strings.insert(smbios.oem_strings.end(), values.begin(), values.end());
    TRY_VOID(check_strings(smbios));
    return list.finish("-smbios");
}

Result<void> parse_option_rom(std::string_view text, FirmwareSettings& settings) {
    CommaList list{text, "romfile"};
    auto const path = list.take("romfile").value_or("");
    if (path.empty()) return fail(ExitStatus::usage, "option '-option-rom' needs a file");
    settings.items.push_back({"genroms/" + path.substr(path.rfind('/') + 1), path, ""});
    return list.finish("-option-rom");
}

Result<std::array<u8, 16>> parse_uuid(std::string_view option, std::string_view text) {
    constexpr std::string_view form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    auto const wrong = [&] {
        return fail(ExitStatus::usage, fmt::format("option '{}': '{}' is no UUID ({})", option, text, form));
    };
    if (text.size() != form.size()) return wrong();
    std::array<u8, 16> uuid{};
    std::size_t digits = 0;
    for (std::size_t i = 0; i < form.size(); ++i) {
        u8 digit = 0;
        if (form[i] == '-') {
            if (text[i] != '-') return wrong();
            continue;
        }
        if (std::from_chars(&text[i], &text[i] + 1, digit, 16).ptr != &text[i] + 1) return wrong();
        uuid[digits / 2] = static_cast<u8>(uuid[digits / 2] << 4 | digit);
        ++digits;
    }
    return uuid;
}

} // namespace ring3::app
