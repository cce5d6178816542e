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
        if (drive.kind == DriveKind::ide_disk)
            channel.attach_disk(drive.unit, *disks[i], identity_of(drive));
        else if (drive.kind == DriveKind::ide_cdrom)
            channel.attach_cdrom(drive.unit, *disks[i], identity_of(drive));
    }
}

void Drives::claim_ports(PortBus& ports) {
    for (unsigned i = 0; i < PiixIde::channel_count; ++i) {
        ASSERT(ports.claim(PiixIde::command_ports[i], ide_.channel(i).command_block()));
        ASSERT(ports.claim(PiixIde::control_ports[i], ide_.channel(i).control_block()));
    }
}

} // namespace ring3
