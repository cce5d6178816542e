#include "monitor/devices/ide_drive.h"

#include <cstring>

namespace ring3 {

// ---- registers

void IdeDrive::write_register(Register which, u8 value) {
    auto const push = [value](u8& now, u8& before) {
        before = now;
        now = value;
    };
    switch (which) {
        using enum Register;
    case feature: return push(current_.feature, previous_.feature);
    case count: return push(current_.count, previous_.count);
    case low: return push(current_.low, previous_.low);
    case mid: return push(current_.mid, previous_.mid);
    case high: return push(current_.high, previous_.high);
    case device: device_ = value; return;
    }
}

u8 IdeDrive::read_register(Register which, bool previous) const {
    TaskFile const& file = previous ? previous_ : current_;
    switch (which) {
        using enum Register;
    case feature: return error_;
    case count: return file.count;
    case low: return file.low;
    case mid: return file.mid;
    case high: return file.high;
    case device: return static_cast<u8>(device_ | 0xa0); // obsolete bits that old drivers expect
    }
    return 0;
}

void IdeDrive::acknowledge_interrupt() {
    if (!interrupt_) return;
    interrupt_ = false;
    cable_.interrupt_changed(*this);
}

void IdeDrive::raise_interrupt() {
    interrupt_ = true;
    cable_.interrupt_changed(*this);
}

void IdeDrive::write_command(u8 command) {
    if (is_busy() || waiting_ != Waiting::nothing) {
        if (waiting_ == Waiting::nothing) execute_while_busy(command);
        return;
    }
    acknowledge_interrupt();
    phase_ = Phase::idle; // a command ends the data transfer of the one before (9.1)
    error_ = 0;
    execute(command);
}

// ---- the data port

u32 IdeDrive::read_data(unsigned bytes) {
    if (phase_ != Phase::pio_in) return 0;
    u32 value = 0;
    unsigned const moved = std::min<u32>(bytes, block_end_ - position_);
    std::memcpy(&value, buffer().data() + position_, moved);
    position_ += moved;
    if (position_ == block_end_) block_moved();
    return value;
}

void IdeDrive::write_data(u32 value, unsigned bytes) {
    if (phase_ != Phase::pio_out) return;
    unsigned const moved = std::min<u32>(bytes, block_end_ - position_);
    std::memcpy(buffer().data() + position_, &value, moved);
    position_ += moved;
    if (position_ == block_end_) block_moved();
}

void IdeDrive::offer(Phase phase, u32 from, u32 bytes) {
    position_ = std::min(from, disk_buffer_bytes - 1);
    block_end_ = position_ + std::clamp<u32>(bytes, 1, disk_buffer_bytes - position_);
    phase_ = phase;
    status_ = Status{{idle_status()}}.with<Status::DRQ>(1);
}

// ---- phases

void IdeDrive::start(BlockOperation operation, u64 offset, u32 bytes, std::span<BlockSegment const> segments) {
    phase_ = segments.empty() ? Phase::working : Phase::dma;
    status_ = Status{{idle_status()}}.with<Status::BSY>(1);
    port_.start(operation, offset, bytes, segments);
}

void IdeDrive::wait_for_bus_master() {
    phase_ = Phase::dma_wait;
    status_ = Status{{idle_status()}}.with<Status::BSY>(1);
    bus_master_ready();
}

void IdeDrive::bus_master_ready() {
    if (phase_ == Phase::dma_wait && cable_.bus_master().is_active()) run_dma();
}

void IdeDrive::become_idle() {
    phase_ = Phase::idle;
    set_status(idle_status());
}

void IdeDrive::succeed() {
    become_idle();
    raise_interrupt();
}

void IdeDrive::fail(u8 error) {
    become_idle();
    error_ = error;
    status_ = status_.with<Status::ERR>(1);
    raise_interrupt();
}

void IdeDrive::block_done(BlockStatus status) {
    if (waiting_ != Waiting::nothing) return finish_reset();
    request_done(status);
}

// ---- resets

void IdeDrive::reset() {
    begin_reset(true);
}

void IdeDrive::soft_reset() {
    begin_reset(false);
}

/// The medium may still be writing to the buffer or to guest RAM: the drive stays busy until that is over.
void IdeDrive::begin_reset(bool power_on) {
    acknowledge_interrupt();
    phase_ = Phase::idle;
    if (waiting_ != Waiting::power_on) waiting_ = power_on ? Waiting::power_on : Waiting::soft_reset;
    set_status(0x80);
    if (!port_.is_busy()) finish_reset();
}

void IdeDrive::finish_reset() {
    bool const power_on = waiting_ == Waiting::power_on;
    waiting_ = Waiting::nothing;
    reset_state(power_on);
    phase_ = Phase::idle;
    diagnose();
}

void IdeDrive::diagnose() {
    if (port_.is_busy()) return; // as SRST will, when it comes
    phase_ = Phase::idle;
    current_ = previous_ = {};
    device_ = 0;
    set_signature();
    error_ = diagnostics_passed;
    set_status(status_after_reset());
}

// ---- IDENTIFY

void IdeDrive::put_word(std::span<u8> block, unsigned word, unsigned value) {
    block[2 * word] = static_cast<u8>(value);
    block[2 * word + 1] = static_cast<u8>(value >> 8);
}

void IdeDrive::put_text(std::span<u8> block, unsigned word, unsigned words, std::string_view text) {
    for (unsigned i = 0; i < 2 * words; ++i)
        block[2 * word + (i ^ 1)] = i < text.size() ? static_cast<u8>(text[i]) : u8{' '};
}

} // namespace ring3
