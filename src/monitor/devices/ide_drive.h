// What hard disks and CD-ROM drives on an IDE cable have in common: a task file, a status, one interrupt, and transfers
// that the processor makes through the data port.
//
//     registers --> execute()          (ata_disk.h, atapi_cdrom.h)
//                      |
//                      v               one request under way at most: until block_done() the drive is busy, whatever the
//                  BlockPort           guest does, a reset too
//                      |
//                      v
//     data port <-- buffer             DRQ blocks: the drive offers bytes, the guest moves them
//     bus master <- guest RAM
//
// Source: ATA/ATAPI-7 volumes 1 and 2 (T13 1532D); 6.x: registers, 9.x: protocols.
#pragma once

#include "base/block.h"
#include "base/reg.h"
#include "monitor/devices/bus/archive.h"
#include "monitor/devices/bus/block.h"
#include "monitor/devices/ide_bus_master.h"

#include <algorithm>
#include <array>
#include <string>

namespace ring3 {

class IdeDrive;

/// The drive's end of the ribbon cable.
class IdeCable {
public:
    virtual ~IdeCable() = default;
    /// The drive has raised or taken back its interrupt.
    virtual void interrupt_changed(IdeDrive& drive) = 0;
    virtual IdeBusMaster& bus_master() = 0;
};

class IdeDrive : public BlockUser {
public:
    /// The task file, by offset in the command block (7.2); 0 is the data port, 7 command and status.
    enum class Register : u16 { feature = 1, count = 2, low = 3, mid = 4, high = 5, device = 6 };

    IdeDrive(IdeCable& cable, BlockPort& port) : cable_{cable}, port_{port} { port_.set_user(this); }
    ~IdeDrive() override { port_.set_user(nullptr); }
    IdeDrive(IdeDrive const&) = delete;

    // ---- the channel's side
    void write_register(Register which, u8 value);
    /// `previous`: the one before the last written (device control bit HOB).
    u8 read_register(Register which, bool previous) const;
    u8 status() const { return status_.raw; }
    bool is_busy() const { return status_.has<Status::BSY>(); }
    bool interrupt() const { return interrupt_; }
    void acknowledge_interrupt();
    void write_command(u8 command);
    u32 read_data(unsigned bytes);
    void write_data(u32 value, unsigned bytes);
    /// The bus master has been started, if it was not running already.
    void bus_master_ready();

    /// Power-on or RESET#, and SRST: both end whatever is going on, when the medium is done with it.
    void reset();
    void soft_reset();
    /// EXECUTE DEVICE DIAGNOSTIC goes to both drives; device 0 says how both are.
    void diagnose();

    void block_done(BlockStatus status) final;

protected:
    struct Status : Reg<Status, u8> {
        using ERR = Field<0>; // CHK of a packet device
        using DRQ = Field<3>;
        using DSC = Field<4>; // SERV
        using DF = Field<5>;
        using DRDY = Field<6>;
        using BSY = Field<7>;
    };
    /// Bits of the error register (6.2).
    enum Error : u8 { aborted = 0x04, id_not_found = 0x10, uncorrectable = 0x40, diagnostics_passed = 0x01 };
    enum class Phase : u8 {
        idle,
        working,  // BSY: on the medium
        pio_in,   // DRQ: the guest reads a block
        pio_out,  // DRQ: the guest writes one
        dma_wait, // BSY: until the bus master is started
        dma,      // BSY: a request between medium and guest RAM is under way
    };
    struct TaskFile {
        u8 feature{}, count{}, low{}, mid{}, high{};
    };

    // ---- what a kind of drive implements
    virtual void execute(u8 command) = 0;
    /// Commands that a busy drive takes too. True: it was one.
    virtual bool execute_while_busy(u8) { return false; }
    /// The guest has moved the whole block that was offered.
    virtual void block_moved() = 0;
    /// A request has ended, and no reset waits for it.
    virtual void request_done(BlockStatus status) = 0;
    virtual void run_dma() = 0;
    /// State of its own, as after power-on (true) or SRST.
    virtual void reset_state(bool power_on) = 0;
    virtual void set_signature() = 0;
    virtual u8 status_after_reset() const = 0;
    u8 idle_status() const { return 0x50; } // DRDY, DSC

    // ---- what it uses
    void start(BlockOperation operation, u64 offset, u32 bytes, std::span<BlockSegment const> segments = {});
    void offer_to_guest(u32 from, u32 bytes) { offer(Phase::pio_in, from, bytes); }
    void offer_to_drive(u32 from, u32 bytes) { offer(Phase::pio_out, from, bytes); }
    void wait_for_bus_master();
    void raise_interrupt();
    /// The command's end: idle, with an interrupt.
    void succeed();
    void fail(u8 error);
    /// The end of a command whose last act was the guest's: no interrupt.
    void become_idle();

    bool selected_lba() const { return (device_ & 0x40) != 0; }
    std::span<u8> buffer() { return port_.buffer(); }
    /// Puts text into a field of an IDENTIFY block: two characters a word, the first in the high byte (7.16.7.10).
    static void put_text(std::span<u8> block, unsigned word, unsigned words, std::string_view text);
    static void put_word(std::span<u8> block, unsigned word, unsigned value);

    IdeCable& cable_;
    BlockPort& port_;
    TaskFile current_{}, previous_{};
    u8 device_{};
    u8 error_{};
    Status status_{};
    Phase phase_{Phase::idle};
    u32 position_{};  // in the buffer: the next byte that the guest moves
    u32 block_end_{}; // and the end of the block that was offered

    void visit_drive(auto&& archive);

private:
    void offer(Phase phase, u32 from, u32 bytes);
    void set_status(unsigned bits) { status_.raw = static_cast<u8>(bits); }
    void begin_reset(bool power_on);
    void finish_reset();

    enum class Waiting : u8 { nothing, soft_reset, power_on };
    Waiting waiting_{Waiting::nothing}; // a reset that comes when the request under way is done
    bool interrupt_{};
};

void IdeDrive::visit_drive(auto&& archive) {
    archive("ide.current", current_.feature), archive("ide.count", current_.count), archive("ide.low", current_.low);
    archive("ide.mid", current_.mid), archive("ide.high", current_.high);
    archive("ide.previous_feature", previous_.feature), archive("ide.previous_count", previous_.count);
    archive("ide.previous_low", previous_.low), archive("ide.previous_mid", previous_.mid);
    archive("ide.previous_high", previous_.high);
    archive("ide.device", device_), archive("ide.error", error_), archive("ide.status", status_.raw);
    archive("ide.phase", phase_), archive("ide.position", position_), archive("ide.block_end", block_end_);
    archive("ide.waiting", waiting_), archive("ide.interrupt", interrupt_);
    // The buffer lies in memory that is shared with the app, so it goes through copies.
    std::array<u8, page_size> piece{};
    for (std::size_t at = 0; at < buffer().size(); at += piece.size()) {
        auto const bytes = buffer().subspan(at, piece.size());
        std::ranges::copy(bytes, piece.begin());
        archive("ide.buffer", piece);
        std::ranges::copy(piece, bytes.begin());
    }
}

} // namespace ring3
