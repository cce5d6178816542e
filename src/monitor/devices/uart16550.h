// National Semiconductor PC16550D serial port.
//
// Models: all registers, 16-byte FIFOs with trigger levels and character timeout, the interrupt sources with their
//         priorities, line status per character, break, modem lines with deltas, loopback, divisor latch, scratch; OUT2
//         gates the interrupt line as on the PC's serial card.
// Missing: the time a character takes: what the guest sends leaves at once while the far end is ready ("turbo"), and what
//          comes in may come as fast as the guest reads. Parity and framing errors never arise; DMA signalling has no pins.
// Source: PC16550D data sheet (TL/C/8652), sections 8.1-8.8.
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/archive.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/outside.h"
#include "monitor/devices/bus/port_bus.h"
#include "monitor/devices/byte_fifo.h"

namespace ring3 {

class Uart16550 final : public PortDevice {
public:
    static constexpr u16 port_count = 8;

    Uart16550(TimerQueue& timers, Line& irq, CharSink& sink);

    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;

    // ---- the far end of the line
    /// Is there room for a character? (Feeding a full receiver is an overrun, as on the wire.)
    bool can_receive() const;
    void receive(u8 character);
    void receive_break();
    /// Levels of the modem's four lines towards us.
    struct ModemInputs {
        bool cts{}, dsr{}, ri{}, dcd{};
    };
    void set_modem_inputs(ModemInputs inputs);
    /// Sends what still waits for room at the far end, which takes it now: before the machine ends.
    void drain();

    void reset();

    void visit(auto&& archive) {
        archive("uart.divisor", divisor_);
        archive("uart.ier", ier_.raw);
        archive("uart.fcr", fcr_.raw);
        archive("uart.lcr", lcr_.raw);
        archive("uart.mcr", mcr_.raw);
        archive("uart.lsr", lsr_.raw);
        archive("uart.msr", msr_.raw);
        archive("uart.modem_inputs", modem_inputs_);
        archive("uart.scratch", scratch_);
        archive("uart.rbr", receive_buffer_);
        archive("uart.thre_pending", thre_pending_);
        archive("uart.timeout_pending", timeout_pending_);
        received_.visit(archive);
        received_status_.visit(archive);
        sending_.visit(archive);
        visit_timer(archive, "uart.timeout", timeout_);
        visit_timer(archive, "uart.retry", retry_);
    }

private:
    struct Ier : Reg<Ier, u8> {
        using ERBFI = Field<0>; // received data
        using ETBEI = Field<1>; // transmitter holding register empty
        using ELSI = Field<2>;  // line status
        using EDSSI = Field<3>; // modem status
    };
    struct Fcr : Reg<Fcr, u8> {
        using Enable = Field<0>;
        using ClearReceiver = Field<1>;
        using ClearTransmitter = Field<2>;
        using DmaMode = Field<3>;
        using Trigger = Field<7, 6>;
    };
    struct Lcr : Reg<Lcr, u8> {
        using WLS = Field<1, 0>;
        using STB = Field<2>;
        using PEN = Field<3>;
        using Break = Field<6>;
        using DLAB = Field<7>;
    };
    struct Mcr : Reg<Mcr, u8> {
        using DTR = Field<0>;
        using RTS = Field<1>;
        using OUT1 = Field<2>;
        using OUT2 = Field<3>;
        using Loop = Field<4>;
    };
    struct Lsr : Reg<Lsr, u8> {
        using DR = Field<0>;
        using OE = Field<1>;
        using PE = Field<2>;
        using FE = Field<3>;
        using BI = Field<4>;
        using THRE = Field<5>;
        using TEMT = Field<6>;
        using FifoError = Field<7>;
        static constexpr u8 errors = 0x1e;
        static constexpr u8 per_character = 0x1c;
    };
    /// Line levels in the high half, as MSR shows them; changes since the last read in the low half.
    struct Msr : Reg<Msr, u8> {
        using DCTS = Field<0>;
        using DDSR = Field<1>;
        using TERI = Field<2>;
        using DDCD = Field<3>;
        using CTS = Field<4>;
        using DSR = Field<5>;
        using RI = Field<6>;
        using DCD = Field<7>;
    };
    enum Iir : u8 {
        modem_status = 0x00,
        none = 0x01,
        transmitter_empty = 0x02,
        data_available = 0x04,
        line_status = 0x06,
        character_timeout = 0x0c,
        fifos_enabled = 0xc0,
    };

    bool fifo_mode() const { return fcr_.has<Fcr::Enable>(); }
    unsigned trigger_level() const;
    Nanoseconds character_time() const;
    Iir interrupt() const;

    u8 read_data();
    u8 read_iir();
    u8 read_lsr();
    u8 read_msr();
    void write_data(u8 value);
    void write_ier(u8 value);
    void write_fcr(Fcr value);
    void write_lcr(Lcr value);
    void write_mcr(Mcr value);

    void accept(u8 character, u8 status);
    void show_top_of_fifo();
    void transmit();
    void transmitter_ran_empty();
    void set_modem_levels(u8 levels);
    u8 modem_levels() const;
    void restart_timeout();
    void update_irq();

    TimerQueue& timers_;
    Line& irq_;
    CharSink& sink_;
    u16 divisor_{};
    Ier ier_{};
    Fcr fcr_{};
    Lcr lcr_{};
    Mcr mcr_{};
    Lsr lsr_{};
    Msr msr_{};
    u8 modem_inputs_{};
    u8 scratch_{};
    u8 receive_buffer_{};
    bool thre_pending_{}, timeout_pending_{};
    ByteFifo<16> received_;
    ByteFifo<16> received_status_; // LSR bits of each character
    ByteFifo<16> sending_;
    Timer timeout_;
    Timer retry_;
};

} // namespace ring3
