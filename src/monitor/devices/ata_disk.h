// An ATA hard disk.
//
// Models: READ and WRITE SECTORS, MULTIPLE and DMA with 28- and 48-bit addresses or CHS, READ VERIFY, FLUSH CACHE, FUA and the
//         write cache switch, IDENTIFY DEVICE, SET FEATURES, SET MULTIPLE MODE, INITIALIZE DEVICE PARAMETERS, READ NATIVE MAX,
//         READ and WRITE BUFFER, SMART status, seeks and power modes (which take no time), DATA SET MANAGEMENT (trim).
// Missing: queued commands, security, host protected areas, streaming, READ LONG: aborted, as IDENTIFY announces. SMART's
//          attributes are empty.
// Source: ATA/ATAPI-7 volume 1 (T13 1532D), chapter 6; ATA8-ACS (T13 1699D) 7.10 for DATA SET MANAGEMENT.
#pragma once

#include "monitor/devices/ide_drive.h"

#include <optional>
#include <string>

namespace ring3 {

/// How a disk calls itself.
struct DiskIdentity {
    std::string model{"RING3 HARDDISK"};
    std::string serial{"RG00001"};
    std::string firmware{"1.0"};
};

class AtaDisk final : public IdeDrive {
public:
    using Geometry = DiskGeometry;
    /// What an IDE disk of that size says it had, when disks still had cylinders (ATA-5 annex C).
    static Geometry default_geometry(u64 sectors);

    AtaDisk(IdeCable& cable, BlockPort& port, DiskIdentity identity, Geometry geometry = {});

    void visit(auto&& archive) {
        visit_drive(archive);
        archive("ata.heads", heads_), archive("ata.sectors", sectors_per_track_);
        archive("ata.multiple", multiple_), archive("ata.transfer_mode", transfer_mode_);
        archive("ata.write_cache", write_cache_), archive("ata.look_ahead", look_ahead_), archive("ata.smart", smart_);
        archive("ata.kind", transfer_.kind), archive("ata.extended", transfer_.extended);
        archive("ata.force_unit_access", transfer_.force_unit_access), archive("ata.sector", transfer_.sector);
        archive("ata.left", transfer_.left), archive("ata.block", transfer_.block);
        archive("ata.chunk", transfer_.chunk), archive("ata.chunk_limit", transfer_.chunk_limit);
        archive("ata.short", transfer_.table_too_short);
    }

private:
    enum class Kind : u8 { none, read, write, verify, read_dma, write_dma, trim, flush, buffer_in, buffer_out };
    struct Transfer {
        Kind kind{Kind::none};
        bool extended{};          // the command has 48-bit registers
        bool force_unit_access{}; // on the medium before it is done
        bool table_too_short{};   // the bus master's memory ends before this does
        u64 sector{};             // the next one
        u32 left{};               // sectors
        u32 block{1};             // sectors of a DRQ block
        u32 chunk{};              // sectors of the request under way, or in the buffer
        u32 chunk_limit{};
    };

    // ---- IdeDrive
    void execute(u8 command) override;
    void block_moved() override;
    void request_done(BlockStatus status) override;
    void run_dma() override;
    void reset_state(bool power_on) override;
    void set_signature() override { current_.count = current_.low = 1; }
    u8 status_after_reset() const override { return idle_status(); }

    // ---- commands
    void execute_media(u8 command);
    void identify();
    void set_features();
    void set_multiple(u8 count);
    void initialize_parameters();
    void seek(bool extended);
    void native_max(bool extended);
    void smart();
    void offer_buffer();

    // ---- addresses
    u64 sectors() const { return port_.bytes() / sector_bytes; }
    std::optional<u64> address(bool extended) const;
    void set_address(u64 sector, bool extended);
    u32 sector_count(bool extended) const;

    // ---- transfers
    struct Form {
        Kind kind{};
        bool extended{}, multiple{}, force_unit_access{};
    };
    void begin(Form form);
    void start_chunk();
    void chunk_done();
    void dma_done();
    void start_trim();
    void next_trim();
    void flush();
    void finish_writing();
    void transfer_failed(BlockStatus status);

    static constexpr u32 sector_bytes = 512;
    static constexpr u32 buffer_sectors = disk_buffer_bytes / sector_bytes;
    static constexpr u32 most_multiple = 16;
    static constexpr u8 default_transfer_mode = 0x45; // Ultra DMA 5

    DiskIdentity identity_;
    Geometry geometry_;
    u16 heads_{}, sectors_per_track_{}; // as the host has set them
    u8 multiple_{};
    u8 transfer_mode_{};
    bool write_cache_{true}, look_ahead_{true}, smart_{true};
    Transfer transfer_;
};

} // namespace ring3
