#include "monitor/devices/floppy_controller.h"

#include <algorithm>

namespace ring3 {

// ---- drives

void FloppyController::attach(unsigned number, BlockPort& port) {
    Drive& drive = drives_[number % drive_count];
    drive.port = &port;
    drive.geometry = guess_floppy_geometry(port.bytes());
    drive.type = drive.geometry.drive;
    drive.changed = true;
    port.set_user(&ear_);
}

void FloppyController::medium_changed(unsigned number) {
    Drive& drive = drives_[number % drive_count];
    if (!drive.exists()) return;
    drive.geometry = guess_floppy_geometry(drive.port->bytes());
    drive.changed = true;
}

FloppyDriveType FloppyController::drive_type(unsigned number) const {
    return number < drive_count ? drives_[number].type : FloppyDriveType::none;
}

// ---- registers (2.1)

FloppyController::Msr FloppyController::main_status_register() const {
    Msr status{};
    if (!dor_.has<Dor::NotReset>() || waits_for_reset_) return status;
    bool const moves = phase_ == Phase::data_in || phase_ == Phase::data_out;
    bool const to_host = phase_ == Phase::result || phase_ == Phase::data_in;
    return status.with<Msr::Rqm>(phase_ != Phase::execution)
        .with<Msr::Dio>(to_host)
        .with<Msr::NonDma>(moves)
        .with<Msr::CommandBusy>(phase_ != Phase::command || command_bytes_ != 0);
}

/// Model 30 of the PS/2: pending interrupt, no second drive, track 0, write protect, the selected head; active low in part.
u8 FloppyController::status_register_a() const {
    constexpr u8 pending = 0x80, no_second_drive = 0x40, not_track_0 = 0x10;
    Drive const& drive = drives_[dor_.get<Dor::Drive>() & 1];
    return static_cast<u8>((interrupt_ ? pending : 0) | (drives_[1].exists() ? 0 : no_second_drive) |
                           (drive.track != 0 ? not_track_0 : 0));
}

u8 FloppyController::read(u16 offset) {
    constexpr u8 status_b_ones = 0xc0;
    switch (offset) {
    case status_a: return status_register_a();
    case status_b: return static_cast<u8>(status_b_ones | dor_.get<Dor::Motors>());
    case output: return dor_.raw;
    case tape: return tape_;
    case main_status: return main_status_register().raw;
    default: return read_fifo();
    }
}

void FloppyController::write(u16 offset, u8 value) {
    constexpr u8 software_reset = 0x80;
    switch (offset) {
    case output: return write_output({{value}});
    case tape: tape_ = value & 3; return;
    case main_status: // which is the data rate select register for writes
        rate_ = value & 3;
        if (value & software_reset && dor_.has<Dor::NotReset>()) {
            begin_reset();
            if (!waits_for_reset_) finish_reset(); // it clears itself
        }
        return;
    case fifo: return write_fifo(value);
    default: return;
    }
}

/// The disk change line of the drive whose motor is on.
u8 FloppyController::Direction::read(u16) {
    constexpr u8 disk_changed = 0x80;
    unsigned const number = controller_.dor_.get<Dor::Drive>();
    if (number >= drive_count || !(controller_.dor_.get<Dor::Motors>() >> number & 1)) return 0;
    return controller_.drives_[number].changed ? disk_changed : 0;
}

void FloppyController::write_output(Dor value) {
    bool const was_running = dor_.has<Dor::NotReset>(), runs = value.has<Dor::NotReset>();
    dor_ = value;
    if (was_running && !runs) begin_reset();
    if (!was_running && runs && !waits_for_reset_) finish_reset();
    drive_line();
}

// ---- resets

void FloppyController::begin_reset() {
    drop_interrupt();
    waits_for_reset_ =
        std::ranges::any_of(drives_, [](Drive const& drive) { return drive.exists() && drive.port->is_busy(); });
    phase_ = Phase::command;
    command_bytes_ = result_bytes_ = interrupts_to_sense_ = 0;
}

/// Afterwards the drives are polled: an interrupt, and four SENSE INTERRUPT STATUS to go with it (5.2.5).
void FloppyController::finish_reset() {
    constexpr u8 default_configuration = 0x20, all_drives = 4;
    if (!locked_) configuration_ = default_configuration, precompensation_ = 0;
    perpendicular_ &= 0x3c;
    interrupts_to_sense_ = all_drives;
    after_reset_ = true;
    raise_interrupt();
}

void FloppyController::reset() {
    locked_ = false;
    begin_reset();
    dor_ = {};
    rate_ = tape_ = 0;
    step_rate_ = load_time_ = perpendicular_ = 0;
    configuration_ = 0x20;
    non_dma_ = false;
    for (Drive& drive : drives_) {
        drive.track = 0;
        drive.changed = drive.exists();
    }
    drop_interrupt();
}

void FloppyController::raise_interrupt() {
    interrupt_ = true;
    drive_line();
}

void FloppyController::drop_interrupt() {
    interrupt_ = false;
    drive_line();
}

// ---- the FIFO: command bytes in, result bytes out, or a sector in non-DMA mode

u8 FloppyController::read_fifo() {
    if (phase_ == Phase::data_in) {
        u8 const value = selected().port->buffer()[position_ % disk_buffer_bytes];
        if (++position_ % sector_bytes == 0) host_has_moved();
        return value;
    }
    if (phase_ != Phase::result) return 0;
    drop_interrupt();
    u8 const value = result_[result_position_ % result_.size()];
    if (++result_position_ >= result_bytes_) end_command();
    return value;
}

void FloppyController::write_fifo(u8 value) {
    if (!dor_.has<Dor::NotReset>() || waits_for_reset_) return;
    if (phase_ == Phase::data_out) {
        selected().port->buffer()[position_ % disk_buffer_bytes] = value;
        if (++position_ % sector_bytes == 0) host_has_moved();
        return;
    }
    if (phase_ != Phase::command) return;
    if (command_bytes_ == 0) {
        Command const* const command = find(value);
        wanted_ = command ? command->bytes : 1;
    }
    command_[command_bytes_++ % command_.size()] = value;
    if (command_bytes_ < wanted_) return;
    Command const* const command = find(command_[0]);
    command ? (this->*command->run)() : run_invalid();
}

void FloppyController::give(std::initializer_list<u8> bytes) {
    std::ranges::copy(bytes, result_.begin());
    result_bytes_ = static_cast<u8>(bytes.size());
    result_position_ = 0;
    phase_ = Phase::result;
}

void FloppyController::end_command() {
    phase_ = Phase::command;
    command_bytes_ = 0;
}

// ---- commands (5.1), by code and the bits of it that count

FloppyController::Command const FloppyController::commands[] = {
    {0x06, 0x1f, 9, &FloppyController::run_read},
    {0x0c, 0x1f, 9, &FloppyController::run_read}, // deleted data: there is none
    {0x05, 0x3f, 9, &FloppyController::run_write},
    {0x09, 0x3f, 9, &FloppyController::run_write},
    {0x02, 0x9f, 9, &FloppyController::run_read_track},
    {0x16, 0x1f, 9, &FloppyController::run_verify},
    {0x0d, 0xbf, 6, &FloppyController::run_format},
    {0x0a, 0xbf, 2, &FloppyController::run_read_id},
    {0x07, 0xff, 2, &FloppyController::run_recalibrate},
    {0x0f, 0xff, 3, &FloppyController::run_seek},
    {0x8f, 0xbf, 3, &FloppyController::run_relative_seek},
    {0x08, 0xff, 1, &FloppyController::run_sense_interrupt},
    {0x04, 0xff, 2, &FloppyController::run_sense_drive},
    {0x03, 0xff, 3, &FloppyController::run_specify},
    {0x13, 0xff, 4, &FloppyController::run_configure},
    {0x12, 0xff, 2, &FloppyController::run_perpendicular},
    {0x14, 0x7f, 1, &FloppyController::run_lock},
    {0x0e, 0xff, 1, &FloppyController::run_dump},
    {0x10, 0xff, 1, &FloppyController::run_version},
    {0x18, 0xff, 1, &FloppyController::run_part_id},
};

FloppyController::Command const* FloppyController::find(u8 code) {
    auto const found =
        std::ranges::find_if(commands, [code](Command const& each) { return (code & each.mask) == each.code; });
    return found == std::end(commands) ? nullptr : &*found;
}

void FloppyController::run_specify() {
    step_rate_ = command_[1];
    load_time_ = command_[2];
    non_dma_ = command_[2] & 1;
    end_command();
}

void FloppyController::run_configure() {
    configuration_ = command_[2];
    precompensation_ = command_[3];
    end_command();
}

void FloppyController::run_perpendicular() {
    constexpr u8 overwrite = 0x80, drives = 0x3c;
    perpendicular_ =
        static_cast<u8>(command_[1] & overwrite ? command_[1] & 0x3f : (perpendicular_ & drives) | (command_[1] & 3));
    end_command();
}

void FloppyController::run_lock() {
    locked_ = (command_[0] & 0x80) != 0;
    give({static_cast<u8>(locked_ ? 0x10 : 0)});
}

void FloppyController::run_dump() {
    auto const end_of_track = command_[6];
    give({drives_[0].track, drives_[1].track, 0, 0, step_rate_, load_time_, end_of_track,
          static_cast<u8>((locked_ ? 0x80 : 0) | perpendicular_), configuration_, precompensation_});
}

/// 5.2.5: why there was an interrupt that no result bytes explain.
void FloppyController::run_sense_interrupt() {
    if (interrupts_to_sense_ == 0) return run_invalid();
    drop_interrupt();
    if (after_reset_) {
        u8 const drive = static_cast<u8>(4 - interrupts_to_sense_--);
        return give({static_cast<u8>(not_ready_change | drive), drive < drive_count ? drives_[drive].track : u8{0}});
    }
    interrupts_to_sense_ = 0;
    give({seek_status_, drives_[seek_status_ & 1].track});
}

void FloppyController::run_sense_drive() {
    constexpr u8 write_protected = 0x40, ready = 0x20, at_track_0 = 0x10, two_sides = 0x08;
    u8 status = static_cast<u8>(unit_bits() | ready | two_sides);
    if (drive_is_there()) {
        if (selected().track == 0) status |= at_track_0;
        if (selected().has_medium() && selected().port->is_read_only()) status |= write_protected;
    }
    give({status});
}

// ---- seeks

/// Stepping with a disk in the drive takes the change line back.
void FloppyController::go_to(unsigned number, unsigned track) {
    constexpr unsigned most_tracks = 85;
    if (number >= drive_count || !drives_[number].exists()) return;
    Drive& drive = drives_[number];
    drive.track = static_cast<u8>(std::min(track, most_tracks));
    if (drive.has_medium()) drive.changed = false;
}

void FloppyController::run_recalibrate() {
    unsigned const number = command_[1] & 3;
    go_to(number, 0);
    bool const found_track_0 = number < drive_count && drives_[number].exists();
    seek_status_ = static_cast<u8>(seek_end | number | (found_track_0 ? 0 : abnormal | equipment_check));
    interrupts_to_sense_ = 1, after_reset_ = false;
    end_command();
    raise_interrupt();
}

void FloppyController::run_seek() {
    go_to(command_[1] & 3, command_[2]);
    seek_status_ = static_cast<u8>(seek_end | unit_bits());
    interrupts_to_sense_ = 1, after_reset_ = false;
    end_command();
    raise_interrupt();
}

void FloppyController::run_relative_seek() {
    constexpr u8 inwards = 0x40;
    unsigned const number = command_[1] & 3, here = number < drive_count ? drives_[number].track : 0u;
    unsigned const steps = command_[2];
    bool const up = (command_[0] & inwards) != 0;
    go_to(number, up ? here + steps : here - std::min(here, steps));
    seek_status_ = static_cast<u8>(seek_end | unit_bits());
    interrupts_to_sense_ = 1, after_reset_ = false;
    end_command();
    raise_interrupt();
}

} // namespace ring3
