#include "monitor/devices/ide_channel.h"

namespace ring3 {

void IdeChannel::attach_disk(unsigned device, BlockPort& port, DiskIdentity const& identity, DiskGeometry geometry) {
    IdeCable& cable = *this;
    disks_[device % 2] = std::make_unique<AtaDisk>(cable, port, identity, geometry);
    drives_[device % 2] = disks_[device % 2].get();
}

void IdeChannel::attach_cdrom(unsigned device, BlockPort& port, DiskIdentity const& identity) {
    IdeCable& cable = *this;
    cdroms_[device % 2] = std::make_unique<AtapiCdrom>(cable, port, identity);
    drives_[device % 2] = cdroms_[device % 2].get();
}

// ---- command block

u8 IdeChannel::CommandBlock::read(u16 offset) {
    IdeDrive* const drive = channel_.selected();
    if (!drive) return 0;
    if (offset == data_port) return static_cast<u8>(drive->read_data(1));
    if (offset != command_port)
        return drive->read_register(static_cast<IdeDrive::Register>(offset), channel_.control_.has<Control::HOB>());
    drive->acknowledge_interrupt();
    return channel_.status();
}

void IdeChannel::CommandBlock::write(u16 offset, u8 value) {
    if (offset == command_port) return channel_.write_command(value);
    if (offset != data_port) return channel_.write_register(offset, value);
    if (IdeDrive* const drive = channel_.selected()) drive->write_data(value, 1);
}

u32 IdeChannel::CommandBlock::read_wide(u16 offset, unsigned bytes) {
    if (offset != data_port) return PortDevice::read_wide(offset, bytes);
    IdeDrive* const drive = channel_.selected();
    return drive ? drive->read_data(bytes) : 0;
}

void IdeChannel::CommandBlock::write_wide(u16 offset, u32 value, unsigned bytes) {
    if (offset != data_port) return PortDevice::write_wide(offset, value, bytes);
    if (IdeDrive* const drive = channel_.selected()) drive->write_data(value, bytes);
}

/// Both drives listen to every write; a busy one that is selected does not (7.2).
void IdeChannel::write_register(u16 offset, u8 value) {
    control_ = control_.with<Control::HOB>(0);
    if (IdeDrive const* const drive = selected(); drive && drive->is_busy()) return;
    for_each_drive([=](IdeDrive& drive) { drive.write_register(static_cast<IdeDrive::Register>(offset), value); });
    if (offset != device_register) return;
    selected_ = value >> 4 & 1;
    drive_line();
}

void IdeChannel::write_command(u8 command) {
    control_ = control_.with<Control::HOB>(0);
    if (control_.has<Control::SRST>()) return;
    IdeDrive* const drive = selected();
    if (command == device_diagnostic && !(drive && drive->is_busy())) {
        for_each_drive([](IdeDrive& each) {
            each.acknowledge_interrupt();
            each.diagnose();
        });
        selected_ = 0;
        if (drives_[0]) drives_[0]->write_command(command); // device 0 raises the interrupt for both
        return;
    }
    if (drive) drive->write_command(command);
}

// ---- control block

/// Alternate status: the interrupt stays.
u8 IdeChannel::ControlBlock::read(u16) {
    return channel_.status();
}

u8 IdeChannel::status() {
    IdeDrive const* const drive = selected();
    if (!drive) return 0;
    return control_.has<Control::SRST>() ? busy : drive->status();
}

/// SRST resets the drives as it rises, and keeps them busy until it falls.
void IdeChannel::write_control(Control value) {
    bool const resets = value.has<Control::SRST>() && !control_.has<Control::SRST>();
    control_ = value;
    if (resets) {
        selected_ = 0;
        for_each_drive([](IdeDrive& drive) { drive.soft_reset(); });
    }
    drive_line();
}

// ---- interrupt line

/// INTRQ of the selected drive, if the guest lets it drive the line (nIEN).
void IdeChannel::drive_line() {
    IdeDrive const* const drive = selected();
    bool const level = drive && drive->interrupt() && !control_.has<Control::NIEN>();
    if (level && !line_) bus_master_.note_interrupt();
    line_ = level;
    irq_.set(level);
}

// ---- bus master

void IdeChannel::write_bus_master(u16 offset, u32 value, unsigned bytes) {
    bus_master_.write_wide(offset, value, bytes);
    if (bus_master_.is_active()) for_each_drive([](IdeDrive& drive) { drive.bus_master_ready(); });
}

void IdeChannel::reset() {
    selected_ = 0;
    control_ = {};
    bus_master_.reset();
    for_each_drive([](IdeDrive& drive) { drive.reset(); });
    drive_line();
}

} // namespace ring3
