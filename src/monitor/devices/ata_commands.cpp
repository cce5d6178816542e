// The commands of a hard disk that are no transfers, and the table of those that are.
#include "monitor/devices/ata_disk.h"

#include <bit>

namespace ring3 {

namespace {

/// ATA/ATAPI-7, table 18. Old second spellings "without retries" mean the same today.
enum Command : u8 {
    data_set_management = 0x06,
    read_sectors = 0x20,
    read_sectors_once = 0x21,
    read_sectors_ext = 0x24,
    read_dma_ext = 0x25,
    read_native_max_ext = 0x27,
    read_multiple_ext = 0x29,
    write_sectors = 0x30,
    write_sectors_once = 0x31,
    write_sectors_ext = 0x34,
    write_dma_ext = 0x35,
    write_multiple_ext = 0x39,
    write_verify = 0x3c,
    write_dma_fua_ext = 0x3d,
    read_verify = 0x40,
    read_verify_once = 0x41,
    read_verify_ext = 0x42,
    seek_command = 0x70,
    device_diagnostic = 0x90,
    set_parameters = 0x91,
    standby_now_old = 0x94,
    idle_now_old = 0x95,
    standby_old = 0x96,
    idle_old = 0x97,
    check_power_old = 0x98,
    sleep_old = 0x99,
    smart_command = 0xb0,
    read_multiple = 0xc4,
    write_multiple = 0xc5,
    set_multiple_mode = 0xc6,
    read_dma = 0xc8,
    read_dma_once = 0xc9,
    write_dma = 0xca,
    write_dma_once = 0xcb,
    write_multiple_fua_ext = 0xce,
    standby_now = 0xe0,
    idle_now = 0xe1,
    standby = 0xe2,
    idle_command = 0xe3,
    read_buffer = 0xe4,
    check_power = 0xe5,
    sleep_command = 0xe6,
    flush_cache = 0xe7,
    write_buffer = 0xe8,
    flush_cache_ext = 0xea,
    identify_device = 0xec,
    set_features_command = 0xef,
    read_native_max = 0xf8,
};

} // namespace

void AtaDisk::execute(u8 command) {
    transfer_ = {};
    if ((command & 0xf0) == 0x10) return succeed(); // RECALIBRATE, 10h to 1Fh
    switch (command) {
    case identify_device: return identify();
    case set_features_command: return set_features();
    case set_parameters: return initialize_parameters();
    case set_multiple_mode: return set_multiple(current_.count);
    case seek_command: return seek(false);
    case read_native_max: return native_max(false);
    case read_native_max_ext: return native_max(true);
    case smart_command: return smart();
    case device_diagnostic: error_ = diagnostics_passed; return succeed();
    case flush_cache:
    case flush_cache_ext: return flush();
    case check_power:
    case check_power_old: current_.count = 0xff; return succeed(); // active, or idle
    case standby_now:
    case standby_now_old:
    case idle_now:
    case idle_now_old:
    case standby:
    case standby_old:
    case idle_command:
    case idle_old:
    case sleep_command:
    case sleep_old: return succeed();
    case read_buffer: transfer_.kind = Kind::buffer_in; return offer_buffer();
    case write_buffer: transfer_.kind = Kind::buffer_out; return offer_to_drive(0, sector_bytes);
    default: return execute_media(command);
    }
}

void AtaDisk::execute_media(u8 command) {
    switch (command) {
    case read_sectors:
    case read_sectors_once: return begin({.kind = Kind::read});
    case read_sectors_ext: return begin({.kind = Kind::read, .extended = true});
    case read_multiple: return begin({.kind = Kind::read, .multiple = true});
    case read_multiple_ext: return begin({.kind = Kind::read, .extended = true, .multiple = true});
    case write_sectors:
    case write_sectors_once:
    case write_verify: return begin({.kind = Kind::write});
    case write_sectors_ext: return begin({.kind = Kind::write, .extended = true});
    case write_multiple: return begin({.kind = Kind::write, .multiple = true});
    case write_multiple_ext: return begin({.kind = Kind::write, .extended = true, .multiple = true});
    case write_multiple_fua_ext:
        return begin({.kind = Kind::write, .extended = true, .multiple = true, .force_unit_access = true});
    case read_verify:
    case read_verify_once: return begin({.kind = Kind::verify});
    case read_verify_ext: return begin({.kind = Kind::verify, .extended = true});
    case read_dma:
    case read_dma_once: return begin({.kind = Kind::read_dma});
    case read_dma_ext: return begin({.kind = Kind::read_dma, .extended = true});
    case write_dma:
    case write_dma_once: return begin({.kind = Kind::write_dma});
    case write_dma_ext: return begin({.kind = Kind::write_dma, .extended = true});
    case write_dma_fua_ext: return begin({.kind = Kind::write_dma, .extended = true, .force_unit_access = true});
    case data_set_management:
        if (!(current_.feature & 1) || sector_count(true) > buffer_sectors) return fail(aborted);
        transfer_ = {.kind = Kind::trim, .extended = true, .chunk = sector_count(true)};
        return wait_for_bus_master();
    default: return fail(aborted);
    }
}

void AtaDisk::offer_buffer() {
    offer_to_guest(0, sector_bytes);
    raise_interrupt();
}

/// The host's idea of heads and sectors per track; cylinders follow from the capacity (ATA-5 8.16).
void AtaDisk::initialize_parameters() {
    if (current_.count == 0 || current_.count > 63) return fail(aborted);
    sectors_per_track_ = current_.count;
    heads_ = static_cast<u16>((device_ & 0xf) + 1);
    succeed();
}

void AtaDisk::set_multiple(u8 count) {
    if (count > most_multiple || (count != 0 && !std::has_single_bit(count))) {
        multiple_ = 0;
        return fail(aborted);
    }
    multiple_ = count;
    succeed();
}

void AtaDisk::seek(bool extended) {
    auto const where = address(extended);
    if (!where || *where >= sectors()) return fail(id_not_found);
    succeed();
}

void AtaDisk::native_max(bool extended) {
    u64 const last = sectors() == 0 ? 0 : sectors() - 1;
    constexpr u64 most_with_28_bits = 0xfff'ffff;
    device_ |= 0x40; // the answer is an LBA
    set_address(extended ? last : std::min(last, most_with_28_bits), extended);
    succeed();
}

// ---- SET FEATURES (6.49)

void AtaDisk::set_features() {
    constexpr u8 enable_write_cache = 0x02, disable_write_cache = 0x82, set_transfer_mode = 0x03;
    constexpr u8 enable_look_ahead = 0xaa, disable_look_ahead = 0x55;
    constexpr u8 keep_at_reset = 0x66, forget_at_reset = 0xcc;
    constexpr u8 enable_power_management = 0x05, disable_power_management = 0x85;
    constexpr u8 enable_acoustic = 0x42, disable_acoustic = 0xc2;
    switch (current_.feature) {
    case enable_write_cache: write_cache_ = true; return succeed();
    case disable_write_cache: write_cache_ = false; return flush();
    case enable_look_ahead: look_ahead_ = true; return succeed();
    case disable_look_ahead: look_ahead_ = false; return succeed();
    case keep_at_reset:
    case forget_at_reset:
    case enable_power_management:
    case disable_power_management:
    case enable_acoustic:
    case disable_acoustic: return succeed();
    case set_transfer_mode: {
        // Count: the kind in bits 7:3, the number in 2:0: PIO, PIO with flow control, multiword DMA, Ultra DMA.
        unsigned const kind = current_.count >> 3, number = current_.count & 7;
        bool const known = (kind <= 1 && number <= 4) || (kind == 4 && number <= 2) || (kind == 8 && number <= 5);
        if (!known) return fail(aborted);
        if (kind >= 4) transfer_mode_ = current_.count;
        return succeed();
    }
    default: return fail(aborted);
    }
}

// ---- SMART (6.54)

void AtaDisk::smart() {
    constexpr u8 key_mid = 0x4f, key_high = 0xc2;
    constexpr u8 read_data = 0xd0, read_thresholds = 0xd1, auto_save = 0xd2, off_line = 0xd4;
    constexpr u8 enable = 0xd8, disable = 0xd9, return_status = 0xda;
    if (current_.mid != key_mid || current_.high != key_high) return fail(aborted);
    if (!smart_ && current_.feature != enable) return fail(aborted);
    switch (current_.feature) {
    case enable: smart_ = true; return succeed();
    case disable: smart_ = false; return succeed();
    case auto_save:
    case off_line:
    case return_status: return succeed(); // the key unchanged: no threshold is exceeded
    case read_data:
    case read_thresholds: {
        // No attributes: a revision number and the checksum that makes all bytes add up to zero.
        auto const block = buffer().first(sector_bytes);
        std::ranges::fill(block, u8{0});
        block[0] = 0x10;
        block[sector_bytes - 1] = static_cast<u8>(0x100 - block[0]);
        transfer_.kind = Kind::buffer_in;
        return offer_buffer();
    }
    default: return fail(aborted);
    }
}

// ---- IDENTIFY DEVICE (6.17)

void AtaDisk::identify() {
    auto const block = buffer().first(sector_bytes);
    std::ranges::fill(block, u8{0});
    auto const word = [block](unsigned index, unsigned value) { put_word(block, index, value); };
    auto const long_word = [&word](unsigned index, u64 value) {
        word(index, value & 0xffff);
        word(index + 1, value >> 16 & 0xffff);
    };
    u64 const capacity = sectors();
    word(0, 0x0040); // a fixed disk
    word(1, geometry_.cylinders), word(3, geometry_.heads), word(6, geometry_.sectors);
    put_text(block, 10, 10, identity_.serial);
    put_text(block, 23, 4, identity_.firmware);
    put_text(block, 27, 20, identity_.model);
    word(47, 0x8000 | most_multiple);
    word(48, 1);      // 32-bit data port accesses
    word(49, 0x0b00); // IORDY, LBA, DMA
    word(50, 0x4000);
    word(51, 0x0200), word(52, 0x0200);
    word(53, 0x0007); // words 54-58, 64-70 and 88 are valid
    u32 const per_cylinder = u32{heads_} * sectors_per_track_;
    u32 const cylinders = per_cylinder ? static_cast<u32>(std::min<u64>(capacity / per_cylinder, 0xffff)) : 0;
    word(54, cylinders), word(55, heads_), word(56, sectors_per_track_);
    long_word(57, u64{cylinders} * per_cylinder);
    if (multiple_ != 0) word(59, 0x0100u | multiple_);
    long_word(60, std::min<u64>(capacity, 0xfff'ffff));
    bool const is_ultra = transfer_mode_ >> 3 == 8;
    word(63, 0x0007 | (is_ultra ? 0 : 0x100u << (transfer_mode_ & 7))); // multiword DMA 0-2
    word(64, 0x0003);                                                   // PIO 3, 4
    for (unsigned const cycle_time : {65u, 66u, 67u, 68u}) word(cycle_time, 120);
    word(80, 0x00f0); // ATA/ATAPI-4 to -7
    // Supported and, three words later, enabled: buffers, look-ahead, write cache, power management, SMART; 48-bit
    // addresses and FLUSH CACHE (EXT); FUA.
    word(82, 0x3069), word(83, 0x7400), word(84, 0x4040);
    word(85, 0x3008u | (smart_ ? 0x01 : 0) | (write_cache_ ? 0x20 : 0) | (look_ahead_ ? 0x40 : 0));
    word(86, 0x3400), word(87, 0x4040);
    word(88, 0x003f | (is_ultra ? 0x100u << (transfer_mode_ & 7) : 0)); // Ultra DMA 0-5
    word(93, 0x600b);                                                   // 80 wires
    long_word(100, capacity & 0xffff'ffff), long_word(102, capacity >> 32);
    word(105, buffer_sectors); // of one trim
    word(106, 0x6000), word(169, 1);
    word(217, 1); // does not turn
    block[510] = 0xa5;
    u8 sum = 0;
    for (std::size_t i = 0; i < 511; ++i) sum = static_cast<u8>(sum + block[i]);
    block[511] = static_cast<u8>(0x100 - sum);
    transfer_.kind = Kind::buffer_in;
    offer_buffer();
}

} // namespace ring3
