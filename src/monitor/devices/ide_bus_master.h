// One channel's half of the PIIX3's bus master: eight ports, and a walk through the guest's list of memory regions (PRDs).
//
//     PRD table in guest RAM            what a drive gets
//     +---------+-------+-----+
//     | address | count |     | --->    pieces of RAM, as many as one request may have, for whole sectors
//     +---------+-------+-----+
//     | address | count | EOT |
//     +---------+-------+-----+
//
// Models: command, status, table address; regions of 2 bytes to 64 KiB; the table's pointer counts within its 64 KiB.
// Missing: nothing checks that a region stays within a 64 KiB page; the direction bit is kept, but the drive's command
//          decides, as it would on a cable where both disagree.
// Source: "Programming Interface for Bus Master IDE Controller", revision 1.0; 82371SB data sheet (290550) 2.7.
#pragma once

#include "base/block.h"
#include "base/reg.h"
#include "monitor/devices/bus/block.h"
#include "monitor/devices/bus/dma.h"
#include "monitor/devices/bus/port_bus.h"

#include <array>
#include <optional>
#include <span>
#include <vector>

namespace ring3 {

class IdeBusMaster final : public PortDevice {
public:
    static constexpr u16 port_count = 8;

    explicit IdeBusMaster(DmaMemory& memory) : memory_{memory} {}

    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;
    u32 read_wide(u16 offset, unsigned bytes) override;
    void write_wide(u16 offset, u32 value, unsigned bytes) override;
    void reset();
    /// Whether the function may reach memory at all (PCI command register); if not, tables and regions are nowhere.
    void allow(bool allowed) { allowed_ = allowed; }

    /// The guest has set Start, and neither an error nor the table's end has ended it.
    bool is_active() const { return status_.has<Status::Active>(); }

    enum class Supply : u8 {
        enough,    // `pieces` has what was asked for, or as much as one request carries
        too_short, // the table ends before the transfer does; `pieces` has what there was
        no_memory, // the table or a region lies where a disk cannot reach
    };
    struct Pieces {
        Supply supply{Supply::enough};
        u32 bytes{};
        std::vector<BlockSegment> pieces;
    };
    /// The next pieces of memory for a drive's transfer of `bytes`, in multiples of `unit` (at most 512). The list has
    /// at most max_block_segments. `port` says which memory can be reached; null: the caller will look for itself.
    Pieces take(u32 bytes, u32 unit, BlockPort const* port);
    /// Data that the drive has in a buffer of its own. False: bus error or too short a table, see is_active().
    Supply write_memory(std::span<u8 const> bytes);
    Supply read_memory(std::span<u8> bytes);

    /// The transfer broke off; nothing more comes from this table.
    void stop_with_error();
    void stop();
    /// The drive's transfer is over: the controller stays active if the table has more.
    void finish();
    /// The drive has raised INTRQ.
    void note_interrupt() { status_ = status_.with<Status::Interrupt>(1); }

    void visit(auto&& archive) {
        archive("busmaster.command", command_.raw);
        archive("busmaster.status", status_.raw);
        archive("busmaster.table", table_);
        archive("busmaster.entry", cursor_.entry);
        archive("busmaster.address", cursor_.address);
        archive("busmaster.left", cursor_.left);
        archive("busmaster.last", cursor_.last);
    }

private:
    struct Command : Reg<Command, u8> {
        using Start = Field<0>;
        using ToMemory = Field<3>;
    };
    struct Status : Reg<Status, u8> {
        using Active = Field<0>;
        using Error = Field<1>;     // write 1 to clear
        using Interrupt = Field<2>; // write 1 to clear
        using DriveDma = Field<6, 5>;
    };
    /// Where in the table the walk is: `left` bytes of the region that began at some PRD; then the next entry.
    struct Cursor {
        u32 entry{}; // address of the next PRD
        u32 address{};
        u32 left{};
        bool last{}; // the region at hand is the table's last
    };
    enum Offset : u16 { command = 0, status = 2, table = 4 };

    void write_command(Command value);
    bool load_region();
    std::optional<BlockSegment> next_piece(u32 most);
    template <class Bytes, class Move> Supply move(Bytes bytes, Move move_piece);

    DmaMemory& memory_;
    Command command_{};
    Status status_{};
    u32 table_{};
    Cursor cursor_{};
    bool allowed_{true};
};

} // namespace ring3
