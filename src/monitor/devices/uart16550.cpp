#include "monitor/devices/uart16550.h"

#include <algorithm>

namespace ring3 {

namespace {
constexpr Nanoseconds retry_interval = 1'000'000; // how often a full far end is asked again
}

Uart16550::Uart16550(TimerQueue& timers, Line& irq, CharSink& sink)
    : timers_{timers},
      irq_{irq},
      sink_{sink},
      timeout_{timers,
               [this] {
                   timeout_pending_ = true;
                   update_irq();
               }},
      retry_{timers, [this] { transmit(); }} {
    modem_inputs_ = Msr{}.with<Msr::CTS>(1).with<Msr::DSR>(1).with<Msr::DCD>(1).raw; // a far end that is there
    reset();
}

/// Data sheet, table IV: reset. Receiver buffer, scratch and divisor keep what they have.
void Uart16550::reset() {
    ier_ = {};
    fcr_ = {};
    lcr_ = {};
    mcr_ = {};
    lsr_ = Lsr{}.with<Lsr::THRE>(1).with<Lsr::TEMT>(1);
    received_.clear();
    received_status_.clear();
    sending_.clear();
    thre_pending_ = timeout_pending_ = false;
    timeout_.cancel();
    retry_.cancel();
    msr_.raw = modem_inputs_;
    sink_.set_modem_lines(false, false);
    update_irq();
}

u8 Uart16550::read(u16 offset) {
    bool const dlab = lcr_.has<Lcr::DLAB>();
    switch (offset) {
    case 0: return dlab ? static_cast<u8>(divisor_) : read_data();
    case 1: return dlab ? static_cast<u8>(divisor_ >> 8) : ier_.raw;
    case 2: return read_iir();
    case 3: return lcr_.raw;
    case 4: return mcr_.raw;
    case 5: return read_lsr();
    case 6: return read_msr();
    case 7: return scratch_;
    default: return 0xff;
    }
}

void Uart16550::write(u16 offset, u8 value) {
    bool const dlab = lcr_.has<Lcr::DLAB>();
    switch (offset) {
    case 0:
        if (!dlab) return write_data(value);
        divisor_ = static_cast<u16>((divisor_ & 0xff00) | value);
        return;
    case 1:
        if (!dlab) return write_ier(value);
        divisor_ = static_cast<u16>((divisor_ & 0x00ff) | value << 8);
        return;
    case 2: return write_fcr({{value}});
    case 3: return write_lcr({{value}});
    case 4: return write_mcr({{value}});
    case 7: scratch_ = value; return;
    default: return; // LSR and MSR: writes are for factory tests
    }
}

// ---- receiver

bool Uart16550::can_receive() const {
    return fifo_mode() ? !received_.full() : !lsr_.has<Lsr::DR>();
}

void Uart16550::receive(u8 character) {
    if (!mcr_.has<Mcr::Loop>()) accept(character, 0); // in loopback SIN is disconnected
}

void Uart16550::receive_break() {
    if (!mcr_.has<Mcr::Loop>()) accept(0, Lsr{}.with<Lsr::BI>(1).with<Lsr::FE>(1).raw);
}

void Uart16550::accept(u8 character, u8 status) {
    if (!fifo_mode()) {
        if (lsr_.has<Lsr::DR>()) lsr_ = lsr_.with<Lsr::OE>(1);
        receive_buffer_ = character;
        lsr_.raw = static_cast<u8>(lsr_.raw | status | Lsr{}.with<Lsr::DR>(1).raw);
    } else if (received_.push(character)) {
        received_status_.push(status);
        if (received_.size() == 1) show_top_of_fifo();
    } else {
        lsr_ = lsr_.with<Lsr::OE>(1); // the character in the shift register is lost
    }
    restart_timeout();
    update_irq();
}

/// The status bits of a character show in LSR when it has come to the top of the FIFO.
void Uart16550::show_top_of_fifo() {
    lsr_ = lsr_.with<Lsr::DR>(!received_.empty());
    if (!received_.empty()) lsr_.raw |= received_status_.front();
}

u8 Uart16550::read_data() {
    if (!fifo_mode()) {
        lsr_ = lsr_.with<Lsr::DR>(0);
    } else if (!received_.empty()) {
        receive_buffer_ = received_.pop();
        received_status_.pop();
        show_top_of_fifo();
        restart_timeout();
    }
    timeout_pending_ = false;
    update_irq();
    return receive_buffer_;
}

unsigned Uart16550::trigger_level() const {
    constexpr unsigned levels[] = {1, 4, 8, 14};
    return levels[fcr_.get<Fcr::Trigger>()];
}

/// Start bit, data, parity, stop bits at 115,200 / divisor.
Nanoseconds Uart16550::character_time() const {
    unsigned const bits = 7u + lcr_.get<Lcr::WLS>() + lcr_.has<Lcr::PEN>() + lcr_.has<Lcr::STB>();
    return u64{bits} * std::max<u64>(divisor_, 1) * 1'000'000'000 / 115'200;
}

/// FIFO mode interrupts, data sheet 8.11: data in the FIFO and for four character times nobody read or sent any.
void Uart16550::restart_timeout() {
    if (fifo_mode() && !received_.empty())
        timeout_.arm(timers_.now() + 4 * character_time());
    else
        timeout_.cancel();
}

// ---- transmitter

void Uart16550::write_data(u8 value) {
    thre_pending_ = false;
    lsr_ = lsr_.with<Lsr::THRE>(0).with<Lsr::TEMT>(0);
    unsigned const room = fifo_mode() ? 16 : 1;
    if (sending_.size() < room) sending_.push(value); // else lost, as on the chip
    update_irq();
    transmit();
}

void Uart16550::transmit() {
    bool const loop = mcr_.has<Mcr::Loop>();
    while (!sending_.empty() && (loop || sink_.ready())) {
        u8 const character = sending_.pop();
        if (loop)
            accept(character, 0);
        else
            sink_.write(character);
    }
    if (sending_.empty()) return transmitter_ran_empty();
    retry_.arm(timers_.now() + retry_interval);
}

void Uart16550::drain() {
    if (mcr_.has<Mcr::Loop>()) return;
    while (!sending_.empty()) sink_.write(sending_.pop());
    transmitter_ran_empty();
}

void Uart16550::transmitter_ran_empty() {
    retry_.cancel();
    if (lsr_.has<Lsr::THRE>()) return;
    lsr_ = lsr_.with<Lsr::THRE>(1).with<Lsr::TEMT>(1);
    thre_pending_ = true;
    update_irq();
}

// ---- modem lines

/// As MSR's high half: from the pins, or in loopback from MCR (data sheet 8.6).
u8 Uart16550::modem_levels() const {
    if (!mcr_.has<Mcr::Loop>()) return modem_inputs_;
    return Msr{}
        .with<Msr::CTS>(mcr_.has<Mcr::RTS>())
        .with<Msr::DSR>(mcr_.has<Mcr::DTR>())
        .with<Msr::RI>(mcr_.has<Mcr::OUT1>())
        .with<Msr::DCD>(mcr_.has<Mcr::OUT2>())
        .raw;
}

void Uart16550::set_modem_inputs(ModemInputs inputs) {
    modem_inputs_ = Msr{}
                        .with<Msr::CTS>(inputs.cts)
                        .with<Msr::DSR>(inputs.dsr)
                        .with<Msr::RI>(inputs.ri)
                        .with<Msr::DCD>(inputs.dcd)
                        .raw;
    set_modem_levels(modem_levels());
}

/// A delta bit is set by any change, except that TERI wants the ring indicator's trailing edge.
void Uart16550::set_modem_levels(u8 levels) {
    u8 const changed = static_cast<u8>((msr_.raw ^ levels) & 0xf0);
    u8 deltas = static_cast<u8>(changed >> 4);
    if (Msr{{levels}}.has<Msr::RI>()) deltas &= static_cast<u8>(~Msr::TERI::mask);
    msr_.raw = static_cast<u8>((msr_.raw & 0x0f) | deltas | levels);
    update_irq();
}

// ---- registers

u8 Uart16550::read_iir() {
    Iir const source = interrupt();
    if (source == transmitter_empty) { // reading IIR clears this source, if it is the one shown
        thre_pending_ = false;
        update_irq();
    }
    return static_cast<u8>(source | (fifo_mode() ? fifos_enabled : 0));
}

u8 Uart16550::read_lsr() {
    u8 value = lsr_.raw;
    for (unsigned i = 0; fifo_mode() && i < received_status_.size(); ++i)
        if (received_status_.at(i) & Lsr::per_character) value |= Lsr::FifoError::mask;
    lsr_.raw &= static_cast<u8>(~Lsr::errors);
    update_irq();
    return value;
}

u8 Uart16550::read_msr() {
    u8 const value = msr_.raw;
    msr_.raw &= 0xf0;
    update_irq();
    return value;
}

void Uart16550::write_ier(u8 value) {
    Ier const before = ier_;
    ier_.raw = value & 0x0f;
    // Enabling the THRE interrupt while the register is empty raises it.
    if (!before.has<Ier::ETBEI>() && ier_.has<Ier::ETBEI>() && lsr_.has<Lsr::THRE>()) thre_pending_ = true;
    update_irq();
}

void Uart16550::write_fcr(Fcr value) {
    bool const mode_changes = value.has<Fcr::Enable>() != fifo_mode();
    if (mode_changes || value.has<Fcr::ClearReceiver>()) {
        received_.clear();
        received_status_.clear();
        lsr_ = lsr_.with<Lsr::DR>(0);
        timeout_pending_ = false;
        timeout_.cancel();
    }
    if (mode_changes || value.has<Fcr::ClearTransmitter>()) {
        sending_.clear();
        transmitter_ran_empty();
    }
    // "Bit 0 must be a 1 when other FCR bits are written to or they will not be programmed."
    fcr_ = value.has<Fcr::Enable>() ? value.with<Fcr::ClearReceiver>(0).with<Fcr::ClearTransmitter>(0) : Fcr{};
    update_irq();
}

void Uart16550::write_lcr(Lcr value) {
    bool const break_changes = value.has<Lcr::Break>() != lcr_.has<Lcr::Break>();
    lcr_ = value;
    if (!break_changes) return;
    if (!mcr_.has<Mcr::Loop>())
        sink_.set_break(value.has<Lcr::Break>());
    else if (value.has<Lcr::Break>())
        accept(0, Lsr{}.with<Lsr::BI>(1).with<Lsr::FE>(1).raw);
}

void Uart16550::write_mcr(Mcr value) {
    mcr_.raw = static_cast<u8>(value.raw & mask_of<Mcr::DTR, Mcr::RTS, Mcr::OUT1, Mcr::OUT2, Mcr::Loop>());
    bool const connected = !mcr_.has<Mcr::Loop>(); // in loopback the outputs are inactive
    sink_.set_modem_lines(connected && mcr_.has<Mcr::DTR>(), connected && mcr_.has<Mcr::RTS>());
    set_modem_levels(modem_levels());
}

// ---- interrupts (data sheet, table V)

Uart16550::Iir Uart16550::interrupt() const {
    if (ier_.has<Ier::ELSI>() && (lsr_.raw & Lsr::errors)) return line_status;
    if (ier_.has<Ier::ERBFI>()) {
        bool const enough = fifo_mode() ? received_.size() >= trigger_level() : lsr_.has<Lsr::DR>();
        if (enough) return data_available;
        if (timeout_pending_) return character_timeout;
    }
    if (ier_.has<Ier::ETBEI>() && thre_pending_) return transmitter_empty;
    if (ier_.has<Ier::EDSSI>() && (msr_.raw & 0x0f)) return modem_status;
    return none;
}

/// The PC's serial card connects INTRPT to the bus through a buffer that OUT2 opens; loopback holds OUT2 inactive.
void Uart16550::update_irq() {
    irq_.set(interrupt() != none && mcr_.has<Mcr::OUT2>() && !mcr_.has<Mcr::Loop>());
}

} // namespace ring3
