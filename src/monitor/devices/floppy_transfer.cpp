// The floppy controller's execution phases: sectors between medium and memory (82077AA 5.1).
#include "monitor/devices/floppy_controller.h"

#include <algorithm>

namespace ring3 {

namespace {

/// A transfer command's bytes.
enum Parameter : unsigned { opcode, unit, cylinder, head, sector, size_code, end_of_track };
constexpr u8 multi_track = 0x80, implied_seek = 0x40;
constexpr u8 bytes_512 = 2; // N

} // namespace

/// ST1 of why the sector at hand cannot be found; 0: it can. A medium shows nothing at another data rate than its own.
u8 FloppyController::find_sector() const {
    if (!drive_is_there() || !selected().has_medium()) return missing_mark | no_data;
    FloppyGeometry const& geometry = selected().geometry;
    if (static_cast<FloppyRate>(rate_) != geometry.rate) return missing_mark;
    if (selected().track >= geometry.tracks || head_ >= geometry.heads) return missing_mark;
    if (cylinder_ != selected().track || sector_ == 0 || sector_ > geometry.sectors) return no_data;
    return 0;
}

void FloppyController::begin(Kind kind) {
    kind_ = kind;
    terminal_count_ = false;
    cylinder_ = command_[cylinder], head_ = side_ = command_[head] & 1, sector_ = command_[sector];
    if (kind == Kind::read_track) sector_ = 1; // from the index hole on
    phase_ = Phase::execution;
    if (configuration_ & implied_seek) go_to(command_[unit] & 3, cylinder_);
    u8 const missing = find_sector();
    bool const other_cylinder = drive_is_there() && cylinder_ != selected().track;
    if (missing) return end_transfer(abnormal, missing, other_cylinder ? wrong_cylinder : 0);
    if (command_[size_code] != bytes_512) return end_transfer(abnormal, no_data, 0);
    if (kind == Kind::write && selected().port->is_read_only()) return end_transfer(abnormal, not_writable, 0);
    next_chunk();
}

/// As many sectors of this side as the host will take: the rest of the side, the DMA channel's count, one without DMA.
void FloppyController::next_chunk() {
    u8 const last = std::max(sector_, std::min(command_[end_of_track], selected().geometry.sectors));
    chunk_ = u32{last} - sector_ + 1;
    bool const moves = kind_ != Kind::verify;
    if (moves && uses_dma()) {
        u32 const channel = dma_.bytes_left(dma_channel);
        if (channel == 0) return end_transfer(abnormal, overrun, 0); // nobody answers DRQ
        chunk_ = std::min(chunk_, (channel + sector_bytes - 1) / sector_bytes);
    } else if (moves) {
        chunk_ = 1;
    }
    if (kind_ != Kind::write) return request(BlockOperation::read);
    if (uses_dma()) return fetch_and_write();
    phase_ = Phase::data_out;
    position_ = 0;
    raise_interrupt();
}

/// What lies behind the image's end is a part of the disk that nobody has written: it reads as zeroes.
void FloppyController::request(BlockOperation operation) {
    Drive& drive = selected();
    FloppyGeometry const& geometry = drive.geometry;
    u64 const offset = ((u64{drive.track} * geometry.heads + head_) * geometry.sectors + sector_ - 1) * sector_bytes;
    u32 const bytes = chunk_ * sector_bytes;
    u64 const there = drive.port->bytes() - std::min(offset, drive.port->bytes());
    u32 const present = static_cast<u32>(std::min<u64>(bytes, there));
    phase_ = Phase::execution;
    if (operation == BlockOperation::read)
        std::ranges::fill(drive.port->buffer().subspan(present, bytes - present), u8{0});
    else if (present != bytes)
        return end_transfer(abnormal, no_data, 0);
    if (present == 0) return request_done(BlockStatus::done);
    drive.port->start(operation, offset, present, {});
}

void FloppyController::request_done(BlockStatus status) {
    if (waits_for_reset_) {
        waits_for_reset_ = false;
        if (dor_.has<Dor::NotReset>()) finish_reset();
        return;
    }
    if (phase_ != Phase::execution) return;
    bool const reads = kind_ != Kind::write && kind_ != Kind::format;
    if (status != BlockStatus::done) return end_transfer(abnormal, reads ? bad_data : not_writable, 0);
    switch (kind_) {
    case Kind::format: return end_transfer(0, 0, 0);
    case Kind::write: return chunk_written();
    case Kind::verify: return advance(chunk_);
    default: break;
    }
    if (uses_dma()) return read_into_memory();
    phase_ = Phase::data_in;
    position_ = 0;
    raise_interrupt();
}

void FloppyController::read_into_memory() {
    auto const moved = dma_.to_memory(dma_channel, selected().port->buffer().first(chunk_ * sector_bytes));
    terminal_count_ = moved.terminal_count;
    advance((moved.bytes + sector_bytes - 1) / sector_bytes);
}

/// A sector that the channel's count ends within is filled up with zeroes (5.1.3).
void FloppyController::fetch_and_write() {
    auto const bytes = selected().port->buffer().first(chunk_ * sector_bytes);
    auto const moved = dma_.from_memory(dma_channel, bytes);
    std::ranges::fill(bytes.subspan(moved.bytes), u8{0});
    terminal_count_ = moved.terminal_count;
    request(BlockOperation::write);
}

void FloppyController::chunk_written() {
    advance(chunk_);
}

/// Non-DMA: a sector has gone through the FIFO.
void FloppyController::host_has_moved() {
    drop_interrupt();
    if (phase_ == Phase::data_out) return request(BlockOperation::write);
    advance(1);
}

/// Behind the last sector comes the other side, for multi-track commands, and then the end, which is normal only if the
/// host has said that it wants no more.
void FloppyController::advance(u32 sectors) {
    u8 const last = command_[end_of_track];
    u32 const next = sector_ + sectors;
    bool const side_is_over = next > std::max<u32>(last, sector_);
    bool const ends_here = terminal_count_ || sectors == 0;
    if (!side_is_over) {
        sector_ = static_cast<u8>(next);
    } else {
        bool const other_side = (command_[opcode] & multi_track) && head_ == 0 && selected().geometry.heads > 1;
        sector_ = 1;
        if (other_side) {
            head_ = side_ = 1;
        } else {
            if (command_[opcode] & multi_track) head_ = 0;
            ++cylinder_;
            bool const normal = ends_here || kind_ == Kind::verify || kind_ == Kind::read_track;
            return end_transfer(normal ? 0 : abnormal, normal ? 0 : end_of_cylinder, 0);
        }
    }
    if (ends_here) return end_transfer(0, 0, 0);
    if (u8 const missing = find_sector()) return end_transfer(abnormal, missing, 0);
    next_chunk();
}

void FloppyController::end_transfer(u8 st0, u8 st1, u8 st2) {
    u8 const unit_and_head = static_cast<u8>((command_[unit] & 3) | side_ << 2);
    give({static_cast<u8>(st0 | unit_and_head), st1, st2, cylinder_, head_, sector_, bytes_512});
    raise_interrupt();
}

/// The first sector's ID that comes by.
void FloppyController::run_read_id() {
    phase_ = Phase::execution;
    head_ = side_ = command_[unit] >> 2 & 1, sector_ = 1;
    cylinder_ = drive_is_there() ? selected().track : u8{0};
    u8 const missing = find_sector();
    end_transfer(missing ? abnormal : 0, missing, 0);
}

/// FORMAT TRACK: the IDs come from the host, four bytes each. Our sectors are where they are: what is formatted is the
/// track's data, if the IDs mean this track (command bytes: N, sectors, gap, filler).
void FloppyController::run_format() {
    kind_ = Kind::format;
    phase_ = Phase::execution;
    u8 const size = command_[2], sectors = command_[3];
    head_ = side_ = command_[unit] >> 2 & 1, sector_ = 1;
    cylinder_ = drive_is_there() ? selected().track : u8{0};
    if (u8 const missing = find_sector()) return end_transfer(abnormal, missing, 0);
    if (selected().port->is_read_only()) return end_transfer(abnormal, not_writable, 0);
    if (size != bytes_512 || sectors == 0) return end_transfer(abnormal, no_data, 0);
    start_format(std::min<u32>(sectors, selected().geometry.sectors));
}

void FloppyController::start_format(u32 sectors) {
    constexpr u32 id_bytes = 4;
    auto const buffer = selected().port->buffer();
    if (uses_dma()) static_cast<void>(dma_.from_memory(dma_channel, buffer.first(command_[3] * id_bytes)));
    chunk_ = sectors;
    std::ranges::fill(buffer.first(chunk_ * sector_bytes), command_[5]);
    request(BlockOperation::write);
}

} // namespace ring3
