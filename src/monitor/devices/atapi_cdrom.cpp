#include "monitor/devices/atapi_cdrom.h"

#include <algorithm>

namespace ring3 {

namespace {

enum Command : u8 {
    device_reset = 0x08,
    read_sectors = 0x20,
    device_diagnostic = 0x90,
    packet_command = 0xa0,
    identify_packet_device = 0xa1,
    standby_now = 0xe0,
    idle_now = 0xe1,
    standby = 0xe2,
    idle_command = 0xe3,
    check_power = 0xe5,
    sleep_command = 0xe6,
    flush_cache = 0xe7,
    identify_device = 0xec,
    set_features_command = 0xef,
};

/// The interrupt reason register, which is the sector count register's other name (7.8).
enum Reason : u8 { to_drive = 0, command_or_status = 1, to_host = 2 };

constexpr u8 default_transfer_mode = 0x45;

} // namespace

AtapiCdrom::AtapiCdrom(IdeCable& cable, BlockPort& port, DiskIdentity identity)
    : IdeDrive{cable, port}, identity_{std::move(identity)} {}

u32 AtapiCdrom::sectors() const {
    return static_cast<u32>(std::min<u64>(port_.bytes() / sector_bytes, 0xffff'ffff));
}

void AtapiCdrom::set_signature() {
    current_.count = current_.low = 1;
    current_.mid = 0x14, current_.high = 0xeb;
}

void AtapiCdrom::reset_state(bool power_on) {
    stage_ = Stage::none;
    sense_ = {};
    if (!power_on) return;
    locked_ = tray_open_ = attention_ = false;
    media_event_ = 0;
    transfer_mode_ = default_transfer_mode;
}

void AtapiCdrom::medium_changed() {
    constexpr u8 media_removed = 3, new_media = 2;
    locked_ = tray_open_ = false;
    media_event_ = port_.bytes() != 0 ? new_media : media_removed;
    attention_ = port_.bytes() != 0;
}

// ---- ATA commands

void AtapiCdrom::execute(u8 command) {
    stage_ = Stage::none;
    switch (command) {
    case packet_command: return begin_packet();
    case identify_packet_device: return identify();
    case device_reset: return soft_reset();
    case device_diagnostic: error_ = diagnostics_passed; return succeed();
    case set_features_command: return set_features();
    case check_power: current_.count = 0xff; return succeed();
    case standby_now:
    case idle_now:
    case standby:
    case idle_command:
    case sleep_command:
    case flush_cache: return succeed();
    case identify_device:
    case read_sectors: // how old drivers tell packet devices from disks (9.1)
        set_signature();
        return fail(aborted);
    default: return fail(aborted);
    }
}

/// DEVICE RESET is for drives that hang. It raises no interrupt.
bool AtapiCdrom::execute_while_busy(u8 command) {
    if (command != device_reset) return false;
    soft_reset();
    return true;
}

void AtapiCdrom::set_features() {
    constexpr u8 set_transfer_mode = 0x03;
    unsigned const kind = current_.count >> 3, number = current_.count & 7;
    bool const known = (kind <= 1 && number <= 4) || (kind == 4 && number <= 2) || (kind == 8 && number <= 5);
    if (current_.feature != set_transfer_mode || !known) return fail(aborted);
    if (kind >= 4) transfer_mode_ = current_.count;
    succeed();
}

void AtapiCdrom::identify() {
    constexpr u32 block_bytes = 512;
    auto const block = buffer().first(block_bytes);
    std::ranges::fill(block, u8{0});
    auto const word = [block](unsigned index, unsigned value) { put_word(block, index, value); };
    word(0, 0x85c0); // a removable CD-ROM that takes its 12-byte packet without an interrupt, within 50 us
    put_text(block, 10, 10, identity_.serial);
    put_text(block, 23, 4, identity_.firmware);
    put_text(block, 27, 20, identity_.model);
    word(48, 1);
    word(49, 0x0b00); // IORDY, LBA, DMA
    word(53, 0x0006); // words 64-70 and 88 are valid
    bool const is_ultra = transfer_mode_ >> 3 == 8;
    word(63, 0x0007 | (is_ultra ? 0 : 0x100u << (transfer_mode_ & 7)));
    word(64, 0x0003);
    for (unsigned const cycle_time : {65u, 66u, 67u, 68u}) word(cycle_time, 120);
    word(71, 30), word(72, 30);
    word(80, 0x00f0);
    word(82, 0x4210), word(83, 0x4000), word(84, 0x4000); // NOP, DEVICE RESET, PACKET
    word(85, 0x4210), word(87, 0x4000);
    word(88, 0x003f | (is_ultra ? 0x100u << (transfer_mode_ & 7) : 0));
    word(93, 0x600b);
    stage_ = Stage::ata;
    offer_to_guest(0, block_bytes);
    raise_interrupt();
}

// ---- PACKET

void AtapiCdrom::begin_packet() {
    constexpr u8 dma_bit = 1, overlap_bit = 2;
    constexpr u32 most = 0xfffe;
    if (current_.feature & overlap_bit) return fail(aborted);
    dma_ = (current_.feature & dma_bit) != 0;
    u32 const limit = current_.mid | u32{current_.high} << 8;
    limit_ = limit < 2 ? most : std::min(limit, most) & ~1u;
    stage_ = Stage::packet;
    current_.count = to_drive | command_or_status;
    offer_to_drive(0, packet_bytes);
}

void AtapiCdrom::block_moved() {
    switch (stage_) {
    case Stage::packet: {
        Packet packet{};
        std::ranges::copy(buffer().first(packet_bytes), packet.begin());
        return execute_packet(packet);
    }
    case Stage::reply:
    case Stage::sectors: return piece_moved();
    default: stage_ = Stage::none; return become_idle();
    }
}

// ---- data to the guest

void AtapiCdrom::send(Reply const& reply, u32 allocated) {
    reply_bytes_ = std::min(reply.size(), allocated);
    if (reply_bytes_ == 0) return command_succeeded();
    stage_ = Stage::reply;
    if (dma_) return wait_for_bus_master();
    offer_piece(0, reply_bytes_);
}

/// One DRQ block of the buffer's bytes up to `end`, in whole sectors where the host's limit allows it.
void AtapiCdrom::offer_piece(u32 from, u32 end) {
    u32 const most = limit_ >= sector_bytes ? limit_ / sector_bytes * sector_bytes : limit_;
    u32 const bytes = std::min(most, end - from);
    current_.count = to_host;
    current_.mid = static_cast<u8>(bytes), current_.high = static_cast<u8>(bytes >> 8);
    offer_to_guest(from, bytes);
    raise_interrupt();
}

void AtapiCdrom::piece_moved() {
    u32 const end = stage_ == Stage::reply ? reply_bytes_ : chunk_;
    if (block_end_ < end) return offer_piece(block_end_, end);
    if (stage_ == Stage::reply) return command_succeeded();
    chunk_done();
    next_chunk();
}

void AtapiCdrom::read(u32 first, u32 count) {
    if (first > sectors() || count > sectors() - first) return command_failed(bad_address);
    offset_ = u64{first} * sector_bytes;
    left_ = u64{count} * sector_bytes;
    stage_ = Stage::sectors;
    if (left_ == 0) return command_succeeded();
    next_chunk();
}

void AtapiCdrom::chunk_done() {
    offset_ += chunk_;
    left_ -= std::min<u64>(chunk_, left_);
}

void AtapiCdrom::next_chunk() {
    if (left_ == 0) {
        if (dma_) cable_.bus_master().finish();
        return command_succeeded();
    }
    if (dma_) return wait_for_bus_master();
    chunk_ = static_cast<u32>(std::min<u64>(left_, disk_buffer_bytes));
    start(BlockOperation::read, offset_, chunk_);
}

void AtapiCdrom::run_dma() {
    using Supply = IdeBusMaster::Supply;
    IdeBusMaster& bus = cable_.bus_master();
    if (stage_ == Stage::reply) {
        if (bus.write_memory(buffer().first(reply_bytes_)) == Supply::no_memory) return bus_error();
        bus.finish();
        return command_succeeded();
    }
    constexpr u32 unit = 512;
    auto const memory = bus.take(static_cast<u32>(std::min<u64>(left_, max_block_bytes)), unit, &port_);
    if (memory.supply == Supply::no_memory) return bus_error();
    table_too_short_ = memory.supply == Supply::too_short;
    chunk_ = memory.bytes;
    if (chunk_ == 0) return request_done(BlockStatus::done);
    start(BlockOperation::read, offset_, chunk_, memory.pieces);
}

void AtapiCdrom::request_done(BlockStatus status) {
    if (stage_ != Stage::sectors) return become_idle();
    if (status != BlockStatus::done) {
        if (dma_) cable_.bus_master().stop();
        return command_failed(unreadable);
    }
    if (!dma_) return offer_piece(0, chunk_);
    chunk_done();
    if (!table_too_short_) return next_chunk();
    cable_.bus_master().stop(); // the guest has to notice that its table was too short (as with AtaDisk)
    stage_ = Stage::none;
    become_idle();
}

void AtapiCdrom::bus_error() {
    constexpr Sense target_failure{0x4, 0x44, 0x00};
    cable_.bus_master().stop_with_error();
    command_failed(target_failure);
}

// ---- status

void AtapiCdrom::command_succeeded() {
    stage_ = Stage::none;
    sense_ = {};
    current_.count = to_host | command_or_status;
    succeed();
}

void AtapiCdrom::command_failed(Sense sense) {
    stage_ = Stage::none;
    sense_ = sense;
    current_.count = to_host | command_or_status;
    fail(static_cast<u8>(sense.key << 4 | aborted));
}

} // namespace ring3
