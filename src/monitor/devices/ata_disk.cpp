#include "monitor/devices/ata_disk.h"

#include <algorithm>
#include <bit>

namespace ring3 {

AtaDisk::Geometry AtaDisk::default_geometry(u64 sectors) {
    constexpr u16 heads = 16, per_track = 63, most_cylinders = 16383;
    u64 const cylinders = std::clamp<u64>(sectors / (heads * per_track), 1, most_cylinders);
    return {static_cast<u16>(cylinders), heads, per_track};
}

AtaDisk::AtaDisk(IdeCable& cable, BlockPort& port, DiskIdentity identity, Geometry geometry)
    : IdeDrive{cable, port},
      identity_{std::move(identity)},
      geometry_{geometry.heads == 0 ? default_geometry(sectors()) : geometry} {}

void AtaDisk::reset_state(bool power_on) {
    transfer_ = {};
    if (!power_on) return;
    heads_ = geometry_.heads;
    sectors_per_track_ = geometry_.sectors;
    multiple_ = most_multiple;
    transfer_mode_ = default_transfer_mode;
    write_cache_ = look_ahead_ = smart_ = true;
}

// ---- addresses

/// The command's first sector; none if it has no such place.
std::optional<u64> AtaDisk::address(bool extended) const {
    u64 const low24 = current_.low | u64{current_.mid} << 8 | u64{current_.high} << 16;
    if (extended) return low24 | u64{previous_.low} << 24 | u64{previous_.mid} << 32 | u64{previous_.high} << 40;
    if (selected_lba()) return low24 | u64{device_ & 0xfu} << 24;
    u32 const cylinder = current_.mid | u32{current_.high} << 8, head = device_ & 0xf, sector = current_.low;
    if (sector == 0 || sector > sectors_per_track_ || head >= heads_) return std::nullopt;
    return (u64{cylinder} * heads_ + head) * sectors_per_track_ + sector - 1;
}

/// Where the host reads that something went wrong.
void AtaDisk::set_address(u64 sector, bool extended) {
    auto const byte = [](u64 value, unsigned shift) { return static_cast<u8>(value >> shift); };
    if (!extended && !selected_lba() && heads_ != 0 && sectors_per_track_ != 0) {
        u64 const track = sector / sectors_per_track_, cylinder = track / heads_;
        current_.low = static_cast<u8>(sector % sectors_per_track_ + 1);
        current_.mid = byte(cylinder, 0);
        current_.high = byte(cylinder, 8);
        device_ = static_cast<u8>((device_ & 0xf0) | track % heads_);
        return;
    }
    current_.low = byte(sector, 0), current_.mid = byte(sector, 8), current_.high = byte(sector, 16);
    if (extended)
        previous_.low = byte(sector, 24), previous_.mid = byte(sector, 32), previous_.high = byte(sector, 40);
    else
        device_ = static_cast<u8>((device_ & 0xf0) | (sector >> 24 & 0xf));
}

u32 AtaDisk::sector_count(bool extended) const {
    if (!extended) return current_.count == 0 ? 256 : current_.count;
    u32 const count = current_.count | u32{previous_.count} << 8;
    return count == 0 ? 0x1'0000 : count;
}

// ---- transfers

void AtaDisk::begin(Form form) {
    auto const first = address(form.extended);
    u32 const count = sector_count(form.extended);
    if (form.multiple && multiple_ == 0) return fail(aborted);
    if (!first || *first >= sectors() || count > sectors() - *first) return fail(id_not_found);
    transfer_ = {.kind = form.kind,
                 .extended = form.extended,
                 .force_unit_access = form.force_unit_access,
                 .sector = *first,
                 .left = count,
                 .block = form.multiple ? u32{multiple_} : 1u,
                 .chunk_limit = buffer_sectors};
    if (form.kind == Kind::read_dma || form.kind == Kind::write_dma) return wait_for_bus_master();
    start_chunk();
}

/// The next buffer's worth: for a read from the medium, for a write from the guest.
void AtaDisk::start_chunk() {
    transfer_.chunk = std::min(transfer_.left, transfer_.chunk_limit);
    if (transfer_.kind == Kind::write)
        offer_to_drive(0, std::min(transfer_.block, transfer_.chunk) * sector_bytes);
    else
        start(BlockOperation::read, transfer_.sector * sector_bytes, transfer_.chunk * sector_bytes);
}

/// The guest has moved one DRQ block.
void AtaDisk::block_moved() {
    if (transfer_.kind == Kind::buffer_in || transfer_.kind == Kind::none) return become_idle();
    if (transfer_.kind == Kind::buffer_out) return succeed();
    u32 const bytes = transfer_.chunk * sector_bytes;
    u32 const next = std::min(transfer_.block * sector_bytes, bytes - std::min(bytes, block_end_));
    if (next != 0) {
        transfer_.kind == Kind::read ? offer_to_guest(block_end_, next) : offer_to_drive(block_end_, next);
        return raise_interrupt();
    }
    if (transfer_.kind == Kind::write)
        return start(BlockOperation::write, transfer_.sector * sector_bytes, transfer_.chunk * sector_bytes);
    chunk_done();
    if (transfer_.left == 0) return become_idle();
    start_chunk();
}

void AtaDisk::chunk_done() {
    transfer_.sector += transfer_.chunk;
    transfer_.left -= std::min(transfer_.left, transfer_.chunk);
}

void AtaDisk::request_done(BlockStatus status) {
    if (status != BlockStatus::done) return transfer_failed(status);
    switch (transfer_.kind) {
    case Kind::read:
        offer_to_guest(0, std::min(transfer_.block, transfer_.chunk) * sector_bytes);
        return raise_interrupt();
    case Kind::verify: chunk_done(); return transfer_.left == 0 ? succeed() : start_chunk();
    case Kind::write:
        chunk_done();
        if (transfer_.left == 0) return finish_writing();
        start_chunk();
        return raise_interrupt();
    case Kind::read_dma:
    case Kind::write_dma: return dma_done();
    case Kind::trim: return next_trim();
    default: return succeed();
    }
}

/// A chunk that could not be read is read again sector by sector, so that the guest gets what comes before the bad one.
void AtaDisk::transfer_failed(BlockStatus status) {
    bool const reads = transfer_.kind == Kind::read || transfer_.kind == Kind::verify;
    if (reads && transfer_.chunk > 1 && transfer_.chunk_limit > 1) {
        transfer_.chunk_limit = 1;
        return start_chunk();
    }
    bool const is_dma = transfer_.kind == Kind::read_dma || transfer_.kind == Kind::write_dma;
    if (is_dma) cable_.bus_master().stop();
    if (transfer_.kind != Kind::flush && transfer_.kind != Kind::trim)
        set_address(transfer_.sector, transfer_.extended);
    u8 const error = status == BlockStatus::out_of_range         ? id_not_found
                     : reads || transfer_.kind == Kind::read_dma ? uncorrectable
                                                                 : aborted;
    transfer_ = {};
    fail(error);
}

void AtaDisk::flush() {
    transfer_ = {.kind = Kind::flush};
    start(BlockOperation::flush, 0, 0);
}

/// Without a write cache, written means on the medium.
void AtaDisk::finish_writing() {
    bool const must_flush = transfer_.force_unit_access || !write_cache_;
    transfer_ = {};
    if (must_flush) return flush();
    succeed();
}

// ---- bus master DMA

void AtaDisk::run_dma() {
    if (transfer_.kind == Kind::trim) return start_trim();
    u64 const wanted = u64{transfer_.left} * sector_bytes;
    auto const memory =
        cable_.bus_master().take(static_cast<u32>(std::min<u64>(wanted, max_block_bytes)), sector_bytes, &port_);
    if (memory.supply == IdeBusMaster::Supply::no_memory) {
        cable_.bus_master().stop_with_error();
        return fail(aborted);
    }
    transfer_.table_too_short = memory.supply == IdeBusMaster::Supply::too_short;
    transfer_.chunk = memory.bytes / sector_bytes;
    if (transfer_.chunk == 0) return dma_done();
    auto const operation = transfer_.kind == Kind::read_dma ? BlockOperation::read : BlockOperation::write;
    start(operation, transfer_.sector * sector_bytes, memory.bytes, memory.pieces);
}

void AtaDisk::dma_done() {
    chunk_done();
    if (transfer_.table_too_short) {
        // "Interrupt 0, Active 0: the PRDs specified a smaller size than the transfer": the guest has to notice.
        cable_.bus_master().stop();
        transfer_ = {};
        return become_idle();
    }
    if (transfer_.left != 0) return wait_for_bus_master();
    cable_.bus_master().finish();
    if (transfer_.kind == Kind::write_dma) return finish_writing();
    transfer_ = {};
    succeed();
}

// ---- DATA SET MANAGEMENT: the guest's list of ranges comes over the bus master

void AtaDisk::start_trim() {
    auto const list = buffer().first(transfer_.chunk * sector_bytes);
    if (cable_.bus_master().read_memory(list) != IdeBusMaster::Supply::enough) {
        cable_.bus_master().stop_with_error();
        return fail(aborted);
    }
    cable_.bus_master().finish();
    next_trim();
}

/// One range after the other: `sector` counts the list's entries. Empty ones and those beyond the end are skipped.
void AtaDisk::next_trim() {
    constexpr u32 entry_bytes = 8;
    u32 const end = transfer_.chunk * sector_bytes / entry_bytes;
    while (transfer_.sector < end) {
        u64 entry = 0;
        for (unsigned i = 0; i < entry_bytes; ++i)
            entry |= u64{buffer()[transfer_.sector * entry_bytes + i]} << (8 * i);
        ++transfer_.sector;
        u64 const first = entry & 0xffff'ffff'ffff, count = entry >> 48;
        if (count == 0 || first >= sectors() || count > sectors() - first) continue;
        return start(BlockOperation::discard, first * sector_bytes, static_cast<u32>(count * sector_bytes));
    }
    transfer_ = {};
    succeed();
}

} // namespace ring3
