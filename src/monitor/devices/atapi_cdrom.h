// An ATAPI CD-ROM and DVD-ROM drive with one data track, whose image has 2,048 bytes a sector (ISO 9660).
//
// Models: PACKET with programmed transfers and bus-master DMA; the commands in atapi_commands.cpp; sense data; tray, lock and
//         media change.
// Missing: audio, raw sectors (2,352 bytes), several sessions, writing, overlapped commands. Seeks take no time.
// Source: ATA/ATAPI-7 volumes 1 and 2 (T13 1532D) 9.8; MMC-4 (T10 1545D) chapter 6; SPC-3 (T10 1416D) 4.5 (sense).
#pragma once

#include "monitor/devices/ata_disk.h"
#include "monitor/devices/ide_drive.h"

#include <array>

namespace ring3 {

/// What went wrong, as REQUEST SENSE tells it (SPC-3 tables 27 and 28).
struct AtapiSense {
    u8 key{}, code{}, qualifier{};
};

class AtapiCdrom final : public IdeDrive {
public:
    AtapiCdrom(IdeCable& cable, BlockPort& port, DiskIdentity identity);

    /// Another disc, or none, lies in the drive (the port says which): the guest hears of it.
    void medium_changed();
    bool is_locked() const { return locked_; }
    bool tray_is_open() const { return tray_open_; }

    void visit(auto&& archive) {
        visit_drive(archive);
        archive("atapi.stage", stage_), archive("atapi.dma", dma_), archive("atapi.limit", limit_);
        archive("atapi.reply", reply_bytes_), archive("atapi.offset", offset_), archive("atapi.left", left_);
        archive("atapi.chunk", chunk_), archive("atapi.short", table_too_short_);
        archive("atapi.sense_key", sense_.key), archive("atapi.sense_code", sense_.code);
        archive("atapi.sense_qualifier", sense_.qualifier);
        archive("atapi.locked", locked_), archive("atapi.tray_open", tray_open_);
        archive("atapi.attention", attention_), archive("atapi.media_event", media_event_);
        archive("atapi.transfer_mode", transfer_mode_);
    }

private:
    static constexpr u32 sector_bytes = 2048, packet_bytes = 12;
    using Packet = std::array<u8, packet_bytes>;

    enum class Stage : u8 {
        none,
        packet,  // the guest writes the command
        reply,   // reply_bytes_ of the buffer go to the guest
        sectors, // sectors go to the guest, a buffer or a bus-master request at a time
        ata,     // a data block of an ATA command (IDENTIFY PACKET DEVICE)
    };
    using Sense = AtapiSense;
    static constexpr Sense no_sense{}, no_medium{0x2, 0x3a, 0x01}, tray_is_out{0x2, 0x3a, 0x02},
        unreadable{0x3, 0x11, 0x00}, bad_command{0x5, 0x20, 0x00}, bad_address{0x5, 0x21, 0x00},
        bad_field{0x5, 0x24, 0x00}, removal_prevented{0x5, 0x53, 0x02}, not_saved{0x5, 0x39, 0x00},
        changed{0x6, 0x28, 0x00};

    /// A reply under construction in the drive's buffer; numbers are big-endian.
    class Reply {
    public:
        explicit Reply(std::span<u8> buffer) : buffer_{buffer} {}
        void byte(unsigned value) {
            if (size_ < buffer_.size()) buffer_[size_++] = static_cast<u8>(value);
        }
        void word(unsigned value) { byte(value >> 8), byte(value); }
        void long_word(u32 value) { word(value >> 16), word(value & 0xffff); }
        void zeroes(unsigned count) {
            for (unsigned i = 0; i < count; ++i) byte(0);
        }
        void text(std::string_view text, unsigned width) {
            for (unsigned i = 0; i < width; ++i) byte(i < text.size() ? static_cast<u8>(text[i]) : u8{' '});
        }
        u32 size() const { return size_; }
        /// Fills in a 16-bit length field at the front that counts what follows it.
        void set_length() {
            buffer_[0] = static_cast<u8>((size_ - 2) >> 8);
            buffer_[1] = static_cast<u8>(size_ - 2);
        }

    private:
        std::span<u8> buffer_;
        u32 size_{};
    };

    // ---- IdeDrive
    void execute(u8 command) override;
    bool execute_while_busy(u8 command) override;
    void block_moved() override;
    void request_done(BlockStatus status) override;
    void run_dma() override;
    void reset_state(bool power_on) override;
    void set_signature() override;
    u8 status_after_reset() const override { return 0; } // no DRDY until it has been spoken to (9.1)

    // ---- ATA commands
    void identify();
    void set_features();
    void begin_packet();

    // ---- packet commands
    void execute_packet(Packet const& packet);
    bool needs_medium(u8 operation) const;
    void request_sense(Packet const& packet);
    void inquiry(Packet const& packet);
    void start_stop(Packet const& packet);
    void prevent_removal(Packet const& packet);
    void read_capacity();
    void read(u32 first, u32 count);
    void read_cd(Packet const& packet);
    void seek(Packet const& packet);
    void read_toc(Packet const& packet);
    void toc_of_tracks(Reply& reply, bool msf, u8 first) const;
    void toc_raw(Reply& reply, bool msf) const;
    void mode_sense(Packet const& packet);
    void get_configuration(Packet const& packet);
    void get_event_status(Packet const& packet);
    void read_disc_information(Packet const& packet);
    void read_track_information(Packet const& packet);
    void read_dvd_structure(Packet const& packet);
    void mechanism_status(Packet const& packet);

    // ---- data and status
    Reply new_reply() { return Reply{buffer().first(4096)}; }
    void send(Reply const& reply, u32 allocated);
    void offer_piece(u32 from, u32 end);
    void next_chunk();
    void chunk_done();
    void piece_moved();
    void command_succeeded();
    void command_failed(Sense sense);
    void bus_error();

    bool has_medium() const { return port_.bytes() != 0 && !tray_open_; }
    u32 sectors() const;
    bool is_dvd() const { return sectors() > 80u * 60 * 75; }

    DiskIdentity identity_;
    Stage stage_{Stage::none};
    bool dma_{};
    u32 limit_{}; // bytes of one data block, as the host wants it
    u32 reply_bytes_{};
    u64 offset_{}, left_{}; // of a read, in bytes of the medium
    u32 chunk_{};           // bytes of the request under way, or in the buffer
    bool table_too_short_{};
    Sense sense_{};
    bool locked_{}, tray_open_{};
    bool attention_{};   // a unit attention that the guest has not seen
    u8 media_event_{};   // GET EVENT STATUS NOTIFICATION: not asked for yet
    u8 transfer_mode_{}; // as AtaDisk's
};

} // namespace ring3
