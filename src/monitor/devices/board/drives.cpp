#include "monitor/devices/board/drives.h"

#include "base/assert.h"

#include <fmt/format.h>

namespace ring3 {

namespace {

/// Names as people know them from QEMU, but with our own in front; the serial number counts the units.
DiskIdentity identity_of(DriveDescription const& drive) {
    DiskIdentity identity;
    identity.model = drive.kind == DriveKind::ide_cdrom ? "RING3 DVD-ROM" : "RING3 HARDDISK";
    if (!drive.model.empty()) identity.model = drive.model;
    identity.serial = drive.serial.empty() ? fmt::format("RG{:05}", drive.unit + 1) : drive.serial;
    return identity;
}

} // namespace

void Drives::attach(std::span<DriveDescription const> drives, std::span<BlockPort* const> disks) {
    for (std::size_t i = 0; i < drives.size(); ++i) {
        DriveDescription const& drive = drives[i];
        IdeChannel& channel = ide_.channel(drive.unit / 2);
        switch (drive.kind) {
        case DriveKind::ide_disk:
            geometries_[drive.unit % ide_units] =
                drive.geometry.heads != 0 ? drive.geometry : AtaDisk::default_geometry(drive.bytes / 512);
            channel.attach_disk(drive.unit, *disks[i], identity_of(drive), drive.geometry);
            break;
        case DriveKind::ide_cdrom: channel.attach_cdrom(drive.unit, *disks[i], identity_of(drive)); break;
        case DriveKind::floppy: floppy_.attach(drive.unit, *disks[i]); break;
        case DriveKind::virtio_disk: break; // VirtioCards
        }
    }
}

void Drives::claim_ports(PortBus& ports) {
    for (unsigned i = 0; i < PiixIde::channel_count; ++i) {
        ASSERT(ports.claim(PiixIde::command_ports[i], ide_.channel(i).command_block()));
        ASSERT(ports.claim(PiixIde::control_ports[i], ide_.channel(i).control_block()));
    }
    ASSERT(ports.claim(FloppyController::ports, floppy_));
    ASSERT(ports.claim(FloppyController::direction_ports, floppy_.direction()));
    ASSERT(ports.claim(Dma8237::first_ports, dma_.first()));
    ASSERT(ports.claim(Dma8237::second_ports, dma_.second()));
    ASSERT(ports.claim(Dma8237::page_ports, dma_.pages()));
    ASSERT(ports.claim(Dma8237::high_page_ports, dma_.high_pages()));
}

void Drives::medium_changed(DriveKind kind, unsigned unit) {
    if (kind == DriveKind::floppy) return floppy_.medium_changed(unit);
    if (AtapiCdrom* const cdrom = ide_.channel(unit / 2).cdrom(unit)) cdrom->medium_changed();
}

void Drives::reset() {
    dma_.reset();
    floppy_.reset();
}

/// 10h: floppy types; 14h: how many of them there are; 39h: how the BIOS is to make its cylinders of the disk's, two bits
/// for each drive (0: as they are, 1: by LBA, 2: by shifting cylinders to heads), as SeaBIOS reads it.
void Drives::fill_cmos(Mc146818& cmos) const {
    constexpr u8 floppy_types = 0x10, equipment = 0x14, translations = 0x39;
    auto const type = [this](unsigned number) { return static_cast<u8>(floppy_.drive_type(number)); };
    cmos.set_cmos(floppy_types, static_cast<u8>(type(0) << 4 | type(1)));
    unsigned const floppies = (type(0) != 0 ? 1u : 0u) + (type(1) != 0 ? 1u : 0u);
    u8 const others = cmos.cmos(equipment) & 0x3e;
    cmos.set_cmos(equipment, static_cast<u8>(others | (floppies == 0 ? 0u : 1u | (floppies - 1) << 6)));
    u8 translation = 0;
    for (unsigned unit = 0; unit < ide_units; ++unit) {
        DiskGeometry const geometry = geometries_[unit];
        constexpr u64 bios_cylinders = 1024, most_shifted = 131072;
        u64 const tracks = u64{geometry.cylinders} * geometry.heads;
        u8 const how = geometry.cylinders <= bios_cylinders ? 0 : tracks <= most_shifted ? 2 : 1;
        translation = static_cast<u8>(translation | how << 2 * unit);
    }
    cmos.set_cmos(translations, translation);
    for (unsigned unit = 0; unit < 2; ++unit) fill_disk_type(cmos, unit);
}

/// The AT's disk types of the first two drives: 47, "see below", with the parameters that the user typed in (12h, 19h-2Bh).
void Drives::fill_disk_type(Mc146818& cmos, unsigned unit) const {
    constexpr u8 types = 0x12, extended_types = 0x19, parameters = 0x1b, parameters_each = 9;
    DiskGeometry const geometry = geometries_[unit];
    if (geometry.heads == 0) return;
    auto const low = [](unsigned value) { return static_cast<u8>(value); };
    auto const high = [](unsigned value) { return static_cast<u8>(value >> 8); };
    cmos.set_cmos(types, low(cmos.cmos(types) | (unit == 0 ? 0xf0u : 0x0fu)));
    cmos.set_cmos(low(extended_types + unit), 47);
    u8 const eight_heads_and_more = geometry.heads > 8 ? 0x08 : 0;
    u8 const bytes[parameters_each] = {low(geometry.cylinders),
                                       high(geometry.cylinders),
                                       low(geometry.heads),
                                       0xff,
                                       0xff,
                                       low(0xc0u | eight_heads_and_more),
                                       low(geometry.cylinders),
                                       high(geometry.cylinders),
                                       low(geometry.sectors)};
    for (unsigned i = 0; i < parameters_each; ++i)
        cmos.set_cmos(low(parameters + unit * parameters_each + i), bytes[i]);
}

} // namespace ring3
