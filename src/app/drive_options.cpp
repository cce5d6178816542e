#include "app/drive_options.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3::app {

namespace {

bool is_floppy(DriveKind kind) {
    return kind == DriveKind::floppy;
}

std::string unit_name(DriveKind kind, unsigned unit) {
    if (is_floppy(kind)) return fmt::format("floppy drive {}", unit);
    return fmt::format("IDE {} {}", unit / 2 == 0 ? "primary" : "secondary", unit % 2 == 0 ? "master" : "slave");
}

Result<OnDiskError> parse_policy(std::string_view key, std::string_view text, bool may_be_full) {
    if (text == "report") return OnDiskError::report;
    if (text == "ignore") return OnDiskError::ignore;
    if (text == "stop") return OnDiskError::stop;
    if (text == "enospc" && may_be_full) return OnDiskError::stop_if_full;
    return fail(ExitStatus::usage, fmt::format("option '-drive': {} does not know '{}'", key, text));
}

/// A word of a closed list.
template <class Value> struct Word {
    std::string_view text;
    Value value;
};
template <class Value, std::size_t Count>
Result<Value> choose(std::string_view key, std::string_view text, Word<Value> const (&words)[Count]) {
    auto const found = std::ranges::find(words, text, &Word<Value>::text);
    if (found != std::end(words)) return found->value;
    return fail(ExitStatus::usage, fmt::format("option '-drive': {} does not know '{}'", key, text));
}

Result<void> take_image_options(CommaList& list, image::OpenOptions& options) {
    auto const driver = list.take("driver"); // of blockdev's spelling, and the same
    static constexpr Word<int> below[] = {{"file", 0}, {"host_device", 0}};
    if (auto const protocol = list.take("file.driver")) TRY(choose("file.driver", *protocol, below));
    auto format = list.take("format");
    if (!format) format = driver;
    if (format && *format != "auto") {
        options.format = image::find_format(*format);
        if (!options.format)
            return fail(
                ExitStatus::usage,
                fmt::format("option '-drive': no format '{}' (raw and qcow2; others through qemu-nbd)", *format));
    }
    if (auto const cache = list.take("cache")) {
        auto const mode = image::find_cache_mode(*cache);
        if (!mode) return fail(ExitStatus::usage, fmt::format("option '-drive': cache does not know '{}'", *cache));
        options.cache = *mode;
    }
    if (auto const discard = list.take("discard")) {
        static constexpr Word<image::Discard> words[] = {{"unmap", image::Discard::unmap},
                                                         {"on", image::Discard::unmap},
                                                         {"ignore", image::Discard::ignore},
                                                         {"off", image::Discard::ignore}};
        options.discard = TRY(choose("discard", *discard, words));
    }
    if (auto const locking = list.take("file.locking")) {
        static constexpr Word<image::Locking> words[] = {
            {"auto", image::Locking::automatic}, {"on", image::Locking::on}, {"off", image::Locking::off}};
        options.locking = TRY(choose("file.locking", *locking, words));
    }
    options.is_snapshot = TRY(list.take_switch("snapshot")).value_or(false);
    // How bytes travel to the file is ring3's affair; all of QEMU's ways mean the same to a guest.
    if (auto const aio = list.take("aio")) {
        static constexpr Word<int> words[] = {{"threads", 0}, {"native", 0}, {"io_uring", 0}};
        TRY(choose("aio", *aio, words));
    }
    if (auto const zeroes = list.take("detect-zeroes")) {
        static constexpr Word<int> words[] = {{"off", 0}};
        TRY(choose("detect-zeroes", *zeroes, words));
    }
    return {};
}

/// All three, or none: then the partition table tells, or the size.
Result<DiskGeometry> take_geometry(CommaList& list) {
    auto const cylinders = TRY(list.take_number("cyls", 65'535)), heads = TRY(list.take_number("heads", 16)),
               sectors = TRY(list.take_number("secs", 63));
    if (!cylinders && !heads && !sectors) return DiskGeometry{};
    if (cylinders.value_or(0) == 0 || heads.value_or(0) == 0 || sectors.value_or(0) == 0)
        return fail(ExitStatus::usage, "option '-device ide-hd' needs all of cyls, heads (1 to 16) and secs (1 to 63)");
    return DiskGeometry{static_cast<u16>(*cylinders), static_cast<u16>(*heads), static_cast<u16>(*sectors)};
}

Result<void> take_policies(CommaList& list, DriveSettings& settings) {
    if (auto const text = list.take("rerror")) settings.on_read_error = TRY(parse_policy("rerror", *text, false));
    if (auto const text = list.take("werror")) settings.on_write_error = TRY(parse_policy("werror", *text, true));
    return {};
}

} // namespace

// ---- the short forms

Result<void> DriveOptions::add_hard_disk(unsigned unit, std::string const& path) {
    Wanted drive;
    drive.interface = Interface::ide, drive.unit = unit;
    drive.settings.path = path;
    return add(std::move(drive));
}

Result<void> DriveOptions::add_cdrom(std::string const& path) {
    Wanted drive;
    drive.interface = Interface::ide, drive.unit = 2;
    drive.settings.drive.kind = DriveKind::ide_cdrom;
    drive.settings.path = path;
    return add(std::move(drive));
}

Result<void> DriveOptions::add_floppy(unsigned unit, std::string const& path) {
    Wanted drive;
    drive.interface = Interface::floppy, drive.unit = unit;
    drive.settings.drive.kind = DriveKind::floppy;
    drive.settings.path = path;
    return add(std::move(drive));
}

// ---- -drive

Result<void> DriveOptions::add_drive(std::string_view text) {
    CommaList list{text};
    Wanted drive;
    DriveSettings& settings = drive.settings;
    auto const file = list.take("file");
    settings.path = list.take("file.filename").value_or(file.value_or(""));
    settings.id = list.take("id").value_or("");
    settings.drive.serial = list.take("serial").value_or("");
    static constexpr Word<Interface> interfaces[] = {{"ide", Interface::ide},
                                                     {"floppy", Interface::floppy},
                                                     {"virtio", Interface::virtio},
                                                     {"none", Interface::none}};
    drive.interface = TRY(choose("if", list.take("if").value_or("ide"), interfaces));
    static constexpr Word<DriveKind> kinds[] = {{"disk", DriveKind::ide_disk}, {"cdrom", DriveKind::ide_cdrom}};
    settings.drive.kind = TRY(choose("media", list.take("media").value_or("disk"), kinds));
    if (drive.interface == Interface::floppy) settings.drive.kind = DriveKind::floppy;
    auto const index = TRY(list.take_number("index", 255));
    auto const bus = TRY(list.take_number("bus", 255)), unit = TRY(list.take_number("unit", 255));
    if (index && (bus || unit)) return fail(ExitStatus::usage, "option '-drive': index, or bus and unit, but not both");
    if (index) drive.unit = static_cast<unsigned>(*index);
    if (bus || unit) {
        unsigned const devices_on_a_bus = 2;
        if (unit.value_or(0) >= devices_on_a_bus) return fail(ExitStatus::usage, "option '-drive': unit is 0 or 1");
        drive.unit = static_cast<unsigned>(bus.value_or(0) * devices_on_a_bus + unit.value_or(0));
    }
    bool const read_only = TRY(list.take_switch("readonly")).value_or(false);
    bool const also_read_only = TRY(list.take_switch("read-only")).value_or(false);
    drive.read_only = read_only || also_read_only;
    TRY_VOID(take_image_options(list, settings.options));
    TRY_VOID(take_policies(list, settings));
    TRY_VOID(list.finish("-drive"));
    return add(std::move(drive));
}

Result<void> DriveOptions::add(Wanted drive) {
    std::string const& id = drive.settings.id;
    if (!id.empty() && std::ranges::any_of(drives_, [&](Wanted const& other) { return other.settings.id == id; }))
        return fail(ExitStatus::usage, fmt::format("option '-drive': the id '{}' is taken", id));
    drives_.push_back(std::move(drive));
    return {};
}

// ---- -device

bool DriveOptions::knows_device(std::string_view driver) {
    return driver == "ide-hd" || driver == "ide-cd" || driver == "floppy";
}

Result<void> DriveOptions::add_device(std::string_view driver, CommaList& list) {
    std::string const option = fmt::format("-device {}", driver);
    Wanted drive;
    drive.interface = driver == "floppy" ? Interface::floppy : Interface::ide;
    if (auto const id = list.take("drive"))
        drive.settings = TRY(take_unplugged(option, *id));
    else if (driver == "ide-hd")
        return fail(ExitStatus::usage, fmt::format("option '{}' needs drive=ID", option));
    drive.read_only = drive.settings.options.access == image::Access::read_only;
    drive.settings.drive.kind = driver == "ide-cd"   ? DriveKind::ide_cdrom
                                : driver == "ide-hd" ? DriveKind::ide_disk
                                                     : DriveKind::floppy;
    if (auto const serial = list.take("serial")) drive.settings.drive.serial = *serial;
    if (auto const model = list.take("model")) drive.settings.drive.model = *model;
    if (auto const order = TRY(list.take_number("bootindex", 0x7fff'ffff)))
        drive.settings.boot_index = static_cast<u32>(*order);
    if (driver == "ide-hd") drive.settings.drive.geometry = TRY(take_geometry(list));
    auto const bus = list.take("bus");
    auto const unit = TRY(list.take_number("unit", 1));
    if (bus || unit) {
        static constexpr Word<unsigned> buses[] = {{"ide.0", 0}, {"ide.1", 1}, {"floppy-bus.0", 0}};
        drive.unit = TRY(choose("bus", bus.value_or("ide.0"), buses)) * 2 + static_cast<unsigned>(unit.value_or(0));
    }
    TRY_VOID(list.finish(option));
    drives_.push_back(std::move(drive)); // its id was checked when it was new
    return {};
}

Result<DriveSettings> DriveOptions::take_unplugged(std::string_view option, std::string_view id) {
    auto const found = std::ranges::find_if(
        drives_, [&](Wanted const& drive) { return drive.interface == Interface::none && drive.settings.id == id; });
    if (found == drives_.end())
        return fail(ExitStatus::usage,
                    fmt::format("option '{}': there is no -drive if=none,id={} that is free", option, id));
    DriveSettings settings = std::move(found->settings);
    if (found->read_only) settings.options.access = image::Access::read_only;
    settings.options.is_snapshot |= snapshots_;
    drives_.erase(found);
    return settings;
}

std::vector<DriveSettings> DriveOptions::take_virtio() {
    std::vector<DriveSettings> result;
    for (Wanted& drive : drives_) {
        if (drive.interface != Interface::virtio) continue;
        if (drive.read_only) drive.settings.options.access = image::Access::read_only;
        drive.settings.options.is_snapshot |= snapshots_;
        result.push_back(std::move(drive.settings));
    }
    std::erase_if(drives_, [](Wanted const& drive) { return drive.interface == Interface::virtio; });
    return result;
}

// ---- places

bool DriveOptions::is_taken(DriveKind kind, unsigned unit) const {
    return std::ranges::any_of(drives_, [&](Wanted const& other) {
        return is_floppy(other.settings.drive.kind) == is_floppy(kind) && other.unit == unit &&
               other.interface != Interface::none;
    });
}

/// A drive without a place gets the next free one; a CD-ROM prefers the secondary master, where QEMU has it.
Result<void> DriveOptions::place(Wanted& drive) {
    DriveKind const kind = drive.settings.drive.kind;
    unsigned const places = is_floppy(kind) ? floppy_units : ide_units;
    for (unsigned unit = 0; !drive.unit && unit < places; ++unit)
        if (!is_taken(kind, unit)) drive.unit = unit;
    if (!drive.unit)
        return fail(ExitStatus::usage,
                    fmt::format("there is no place for another {}", is_floppy(kind) ? "floppy drive" : "IDE drive"));
    if (*drive.unit >= places)
        return fail(ExitStatus::usage,
                    fmt::format("option '-drive': there is no unit {} (0 to {})", *drive.unit, places - 1));
    drive.settings.drive.unit = static_cast<u8>(*drive.unit);
    return {};
}

Result<void> DriveOptions::check(Wanted const& drive) const {
    DriveSettings const& settings = drive.settings;
    auto const same_place = [&](Wanted const& other) {
        return is_floppy(other.settings.drive.kind) == is_floppy(settings.drive.kind) && other.unit == drive.unit;
    };
    if (std::ranges::count_if(drives_, same_place) > 1)
        return fail(ExitStatus::usage,
                    fmt::format("two drives want to be {}", unit_name(settings.drive.kind, *drive.unit)));
    if (settings.drive.kind != DriveKind::ide_disk) return {};
    if (settings.path.empty()) return fail(ExitStatus::usage, "option '-drive': a disk needs file=PATH");
    if (drive.read_only && !settings.options.is_snapshot)
        return fail(
            ExitStatus::usage,
            fmt::format("'{}': an IDE disk cannot be read-only (snapshot=on forgets what is written)", settings.path));
    return {};
}

Result<std::vector<DriveSettings>> DriveOptions::finish() {
    for (Wanted& drive : drives_) {
        if (drive.interface == Interface::none)
            return fail(ExitStatus::usage,
                        fmt::format("option '-drive': no -device uses the drive '{}'", drive.settings.id));
        TRY_VOID(place(drive));
        bool const is_cdrom = drive.settings.drive.kind == DriveKind::ide_cdrom;
        if (drive.read_only || is_cdrom) drive.settings.options.access = image::Access::read_only;
        drive.settings.options.is_snapshot = !is_cdrom && (drive.settings.options.is_snapshot || snapshots_);
    }
    constexpr unsigned usual_cdrom = 2;
    if (defaults_ && !is_taken(DriveKind::ide_cdrom, usual_cdrom)) {
        TRY_VOID(add_cdrom(""));
        drives_.back().settings.drive.unit = usual_cdrom;
    }
    if (defaults_ && !is_taken(DriveKind::floppy, 0)) TRY_VOID(add_floppy(0, ""));
    std::vector<DriveSettings> result;
    for (Wanted const& drive : drives_) {
        TRY_VOID(check(drive));
        result.push_back(drive.settings);
    }
    return result;
}

} // namespace ring3::app
