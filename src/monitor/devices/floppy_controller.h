// The Intel 82077AA floppy disk controller with two drives, on DMA channel 2 and IRQ 6.
//
//     idle --command bytes--> execution --(DMA, or the FIFO port)--> result bytes --> idle
//
// Models: READ, WRITE (also "deleted"), READ TRACK, VERIFY, FORMAT TRACK, READ ID, SEEK, RELATIVE SEEK, RECALIBRATE, SENSE
//         INTERRUPT and DRIVE STATUS, SPECIFY, CONFIGURE with implied seeks, PERPENDICULAR MODE, LOCK, DUMPREG, VERSION,
//         PART ID; multi-track, DMA and non-DMA transfers; the disk change line; media that are found only at their rate.
// Missing: time: seeks and transfers are as fast as the host. SCAN; sectors other than 512 bytes; deleted data marks.
// Source: 82077AA data sheet (290166): 2.1 registers, 4 phases, 5 commands, 6 status.
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/archive.h"
#include "monitor/devices/bus/block.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/port_bus.h"
#include "monitor/devices/dma8237.h"
#include "monitor/devices/floppy_geometry.h"

#include <array>

namespace ring3 {

class FloppyController final : public PortDevice {
public:
    static constexpr PortRange ports{0x3f0, 6};
    static constexpr PortRange direction_ports{0x3f7, 1}; // 3F6h is the hard disk's
    static constexpr unsigned drive_count = floppy_units, dma_channel = 2;

    FloppyController(Dma8237& dma, Line& irq) : dma_{dma}, irq_{irq} {}

    /// Puts a drive there, for good.
    void attach(unsigned number, BlockPort& port);
    /// Another disk, or none, is in the drive.
    void medium_changed(unsigned number);
    FloppyDriveType drive_type(unsigned number) const;

    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;
    PortDevice& direction() { return direction_; }
    void reset();

    void visit(auto&& archive);

private:
    struct Dor : Reg<Dor, u8> { // digital output
        using Drive = Field<1, 0>;
        using NotReset = Field<2>;
        using DmaGate = Field<3>;
        using Motors = Field<7, 4>;
    };
    struct Msr : Reg<Msr, u8> { // main status
        using CommandBusy = Field<4>;
        using NonDma = Field<5>;
        using Dio = Field<6>; // to the host
        using Rqm = Field<7>;
    };
    enum Offset : u16 { status_a, status_b, output, tape, main_status, fifo };
    enum class Phase : u8 {
        command,   // collecting its bytes
        execution, // a request is under way
        data_in,   // non-DMA: the host reads the sector
        data_out,  // and writes it
        result,
    };
    /// Result bytes (6.1 to 6.3).
    enum St0 : u8 { abnormal = 0x40, invalid = 0x80, not_ready_change = 0xc0, seek_end = 0x20, equipment_check = 0x10 };
    enum St1 : u8 {
        missing_mark = 0x01,
        not_writable = 0x02,
        no_data = 0x04,
        overrun = 0x10,
        bad_data = 0x20,
        end_of_cylinder = 0x80
    };
    enum St2 : u8 { wrong_cylinder = 0x10 };
    enum class Kind : u8 { read, write, verify, format, read_track };

    struct Drive {
        BlockPort* port{};
        FloppyGeometry geometry{};
        FloppyDriveType type{FloppyDriveType::none};
        u8 track{};
        bool changed{};
        bool exists() const { return port != nullptr; }
        bool has_medium() const { return geometry.sectors != 0; }
    };
    /// Hears of one drive's requests.
    class Ear final : public BlockUser {
    public:
        explicit Ear(FloppyController& controller) : controller_{controller} {}
        void block_done(BlockStatus status) override { controller_.request_done(status); }

    private:
        FloppyController& controller_;
    };
    class Direction final : public PortDevice {
    public:
        explicit Direction(FloppyController& controller) : controller_{controller} {}
        u8 read(u16) override;
        void write(u16, u8 value) override { controller_.rate_ = value & 3; }

    private:
        FloppyController& controller_;
    };
    /// One row for each command: how many bytes it has, and what runs it.
    struct Command {
        u8 code{}, mask{};
        u8 bytes{};
        void (FloppyController::*run)();
    };
    static Command const commands[];
    static Command const* find(u8 code);

    // ---- registers
    Msr main_status_register() const;
    u8 status_register_a() const;
    void write_output(Dor value);
    u8 read_fifo();
    void write_fifo(u8 value);
    void begin_reset();
    void finish_reset();

    // ---- commands
    void run_read() { begin(Kind::read); }
    void run_write() { begin(Kind::write); }
    void run_verify() { begin(Kind::verify); }
    void run_read_track() { begin(Kind::read_track); }
    void run_format();
    void run_read_id();
    void run_recalibrate();
    void run_seek();
    void run_relative_seek();
    void run_sense_interrupt();
    void run_sense_drive();
    void run_specify();
    void run_configure();
    void run_perpendicular();
    void run_lock();
    void run_dump();
    void run_version() { give({0x90}); }
    void run_part_id() { give({0x41}); }
    void run_invalid() { give({invalid}); }

    // ---- transfers
    void begin(Kind kind);
    u8 find_sector() const;
    void next_chunk();
    void request(BlockOperation operation);
    void request_done(BlockStatus status);
    void read_into_memory();
    void chunk_written();
    void advance(u32 sectors);
    void fetch_and_write();
    void start_format(u32 sectors);
    void host_has_moved();
    void end_transfer(u8 st0, u8 st1, u8 st2);
    void go_to(unsigned number, unsigned track);

    // ---- results
    void give(std::initializer_list<u8> bytes);
    void end_command();
    void raise_interrupt();
    void drop_interrupt();
    void drive_line() { irq_.set(interrupt_ && dor_.has<Dor::DmaGate>()); }

    Drive& selected() { return drives_[command_[1] & 1]; } // by the command's byte 1
    Drive const& selected() const { return drives_[command_[1] & 1]; }
    bool drive_is_there() const { return (command_[1] & 3) < drive_count && selected().exists(); }
    u8 unit_bits() const { return static_cast<u8>(command_[1] & 7); } // head and drive, as ST0 has them
    bool uses_dma() const { return !non_dma_; }

    static constexpr u32 sector_bytes = 512;

    Dma8237& dma_;
    Line& irq_;
    std::array<Drive, drive_count> drives_{};
    Ear ear_{*this};
    Direction direction_{*this};

    Dor dor_{};
    u8 rate_{}, tape_{};
    Phase phase_{Phase::command};
    bool waits_for_reset_{}; // a request is under way that a reset has to wait for
    bool interrupt_{};
    u8 interrupts_to_sense_{};      // drives after a reset, or a bit for each drive that has sought
    bool after_reset_{};            // which of the two
    u8 seek_status_{};              // ST0 of the last seek
    std::array<u8, 16> command_{};  // bytes of the command, or what is left of its parameters
    u8 command_bytes_{}, wanted_{}; // collected so far, and all of them
    std::array<u8, 16> result_{};
    u8 result_bytes_{}, result_position_{};

    Kind kind_{};
    u8 cylinder_{}, head_{}, sector_{}; // the next sector of a transfer
    u8 side_{};                         // where the last one was
    u32 chunk_{};                       // sectors of the request under way
    bool terminal_count_{};
    u32 position_{}; // non-DMA: the next byte of the sector in the buffer

    // ---- SPECIFY, CONFIGURE, PERPENDICULAR, LOCK
    u8 step_rate_{}, load_time_{}, configuration_{}, precompensation_{}, perpendicular_{};
    bool non_dma_{}, locked_{};
};

void FloppyController::visit(auto&& archive) {
    for (Drive& drive : drives_) archive("floppy.track", drive.track), archive("floppy.changed", drive.changed);
    archive("floppy.dor", dor_.raw), archive("floppy.rate", rate_), archive("floppy.tape", tape_);
    archive("floppy.phase", phase_), archive("floppy.waits_for_reset", waits_for_reset_);
    archive("floppy.interrupt", interrupt_), archive("floppy.to_sense", interrupts_to_sense_);
    archive("floppy.after_reset", after_reset_), archive("floppy.seek_status", seek_status_);
    archive("floppy.command", command_), archive("floppy.command_bytes", command_bytes_);
    archive("floppy.wanted", wanted_), archive("floppy.result", result_);
    archive("floppy.result_bytes", result_bytes_), archive("floppy.result_position", result_position_);
    archive("floppy.kind", kind_), archive("floppy.cylinder", cylinder_), archive("floppy.head", head_),
        archive("floppy.side", side_);
    archive("floppy.sector", sector_), archive("floppy.chunk", chunk_);
    archive("floppy.terminal_count", terminal_count_), archive("floppy.position", position_);
    archive("floppy.step_rate", step_rate_), archive("floppy.load_time", load_time_);
    archive("floppy.configuration", configuration_), archive("floppy.precompensation", precompensation_);
    archive("floppy.perpendicular", perpendicular_), archive("floppy.non_dma", non_dma_);
    archive("floppy.locked", locked_);
}

} // namespace ring3
