// One IDE channel: a cable with room for two drives, its task file ports, its interrupt line and its bus master.
//
// Models: device selection; writes that reach both drives; nIEN, SRST, HOB; EXECUTE DEVICE DIAGNOSTIC for both; the answers
//         for drives that are not there (registers read as zero, as with QEMU, so that no driver waits for them).
// Source: ATA/ATAPI-7 (T13 1532D) volume 1, 7.2-7.6 and 9.16 (device 0 alone); ports of 82371SB (290550) 3.2.
#pragma once

#include "monitor/devices/ata_disk.h"
#include "monitor/devices/atapi_cdrom.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/port_bus.h"
#include "monitor/devices/ide_bus_master.h"
#include "monitor/devices/ide_drive.h"

#include <array>
#include <memory>

namespace ring3 {

class IdeChannel final : IdeCable {
public:
    static constexpr u16 command_ports = 8, control_ports = 1;

    IdeChannel(DmaMemory& memory, Line& irq) : irq_{irq}, bus_master_{memory} {}

    /// Puts a drive onto the cable, for good; `device` 0 is the master.
    void attach_disk(unsigned device, BlockPort& port, DiskIdentity const& identity, DiskGeometry geometry = {});
    void attach_cdrom(unsigned device, BlockPort& port, DiskIdentity const& identity);
    /// The CD-ROM drive there, or nullptr.
    AtapiCdrom* cdrom(unsigned device) { return cdroms_[device % 2].get(); }
    PortDevice& command_block() { return command_block_; }
    PortDevice& control_block() { return control_block_; }

    u8 read_bus_master(u16 offset) { return bus_master_.read(offset); }
    u32 read_bus_master(u16 offset, unsigned bytes) { return bus_master_.read_wide(offset, bytes); }
    void write_bus_master(u16 offset, u32 value, unsigned bytes);

    /// PCI's bus master enable bit: without it the controller cannot reach memory.
    void allow_bus_master(bool allowed) { bus_master_.allow(allowed); }

    void reset();

    void visit(auto&& archive) {
        for (auto& disk : disks_)
            if (disk) disk->visit(archive);
        for (auto& cdrom : cdroms_)
            if (cdrom) cdrom->visit(archive);
        archive("channel.selected", selected_);
        archive("channel.control", control_.raw);
        archive("channel.line", line_);
        bus_master_.visit(archive);
    }

private:
    struct Control : Reg<Control, u8> {
        using NIEN = Field<1>;
        using SRST = Field<2>;
        using HOB = Field<7>;
    };
    class CommandBlock final : public PortDevice {
    public:
        explicit CommandBlock(IdeChannel& channel) : channel_{channel} {}
        u8 read(u16 offset) override;
        void write(u16 offset, u8 value) override;
        u32 read_wide(u16 offset, unsigned bytes) override;
        void write_wide(u16 offset, u32 value, unsigned bytes) override;

    private:
        IdeChannel& channel_;
    };
    class ControlBlock final : public PortDevice {
    public:
        explicit ControlBlock(IdeChannel& channel) : channel_{channel} {}
        u8 read(u16) override;
        void write(u16, u8 value) override { channel_.write_control({{value}}); }

    private:
        IdeChannel& channel_;
    };

    void interrupt_changed(IdeDrive&) override { drive_line(); }
    IdeBusMaster& bus_master() override { return bus_master_; }

    static constexpr u16 data_port = 0, device_register = 6, command_port = 7;
    static constexpr u8 device_diagnostic = 0x90;
    static constexpr u8 busy = 0x80;

    IdeDrive* selected() { return drives_[selected_]; }
    u8 status();
    void write_register(u16 offset, u8 value);
    void write_command(u8 command);
    void write_control(Control value);
    void drive_line();
    template <class Action> void for_each_drive(Action action) {
        for (IdeDrive* const drive : drives_)
            if (drive) action(*drive);
    }

    Line& irq_;
    IdeBusMaster bus_master_;
    std::array<std::unique_ptr<AtaDisk>, 2> disks_;
    std::array<std::unique_ptr<AtapiCdrom>, 2> cdroms_;
    std::array<IdeDrive*, 2> drives_{}; // what is there of the above
    CommandBlock command_block_{*this};
    ControlBlock control_block_{*this};
    u8 selected_{};
    Control control_{};
    bool line_{};
};

} // namespace ring3
