#include "monitor/devices/uart16550.h"

#include <gtest/gtest.h>

#include <string>

namespace ring3 {
namespace {

struct Far final : CharSink {
    std::string text;
    bool room{true};
    bool dtr{}, rts{}, on_break{};
    bool ready() override { return room; }
    void write(u8 c) override { text.push_back(static_cast<char>(c)); }
    void set_modem_lines(bool d, bool r) override { dtr = d, rts = r; }
    void set_break(bool on) override { on_break = on; }
};

enum Port : u16 {
    rbr = 0,
    thr = 0,
    dll = 0,
    ier = 1,
    dlm = 1,
    iir = 2,
    fcr = 2,
    lcr = 3,
    mcr = 4,
    lsr = 5,
    msr = 6,
    scr = 7
};

class UartTest : public testing::Test {
protected:
    UartTest() { uart.write(mcr, 0x08); } // OUT2 lets interrupts through
    void send(std::string_view text) {
        for (char const c : text) uart.write(thr, static_cast<u8>(c));
    }
    void receive(std::string_view text) {
        for (char const c : text) uart.receive(static_cast<u8>(c));
    }
    void advance(Nanoseconds by) {
        clock.advance(by);
        queue.run_expired();
    }
    ManualClock clock;
    TimerQueue queue{clock};
    OpenLine irq;
    Far far;
    Uart16550 uart{queue, irq, far};
};

TEST_F(UartTest, sends_at_once_while_the_far_end_is_ready) {
    send("hello");
    EXPECT_EQ(far.text, "hello");
    EXPECT_EQ(uart.read(lsr), 0x60);
}

TEST_F(UartTest, what_waits_for_a_full_far_end_leaves_when_the_machine_ends) {
    uart.write(fcr, 0x01);
    far.room = false;
    send("last words");
    uart.drain();
    EXPECT_EQ(far.text, "last words");
    EXPECT_EQ(uart.read(lsr), 0x60);
    advance(1'000'000);
    EXPECT_EQ(far.text, "last words");
}

TEST_F(UartTest, waits_for_a_full_far_end) {
    uart.write(fcr, 0x01);
    far.room = false;
    send("0123456789abcdefLOST");
    EXPECT_EQ(far.text, "");
    EXPECT_EQ(uart.read(lsr), 0x00);
    far.room = true;
    advance(1'000'000);
    EXPECT_EQ(far.text, "0123456789abcdef");
    EXPECT_EQ(uart.read(lsr), 0x60);
}

TEST_F(UartTest, divisor_latch_hides_data_and_ier) {
    uart.write(lcr, 0x83);
    uart.write(dll, 0x0c);
    uart.write(dlm, 0x01);
    EXPECT_EQ(uart.read(dll), 0x0c);
    EXPECT_EQ(uart.read(dlm), 0x01);
    uart.write(lcr, 0x03);
    EXPECT_EQ(uart.read(ier), 0x00);
    EXPECT_EQ(far.text, "");
}

TEST_F(UartTest, registers_keep_their_defined_bits_only) {
    uart.write(ier, 0xff);
    EXPECT_EQ(uart.read(ier), 0x0f);
    uart.write(mcr, 0xff);
    EXPECT_EQ(uart.read(mcr), 0x1f);
    uart.write(scr, 0xa5);
    EXPECT_EQ(uart.read(scr), 0xa5);
    uart.write(lsr, 0xff);
    uart.write(msr, 0xff);
    EXPECT_EQ(uart.read(lsr), 0x60);
}

TEST_F(UartTest, enabling_the_transmitter_interrupt_raises_it_when_empty) {
    uart.write(ier, 0x02);
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(uart.read(iir), 0x02);
    EXPECT_FALSE(irq.level()) << "reading IIR clears it";
    EXPECT_EQ(uart.read(iir), 0x01);
    uart.write(ier, 0x02); // no edge of the enable bit
    EXPECT_FALSE(irq.level());
    uart.write(ier, 0x00);
    uart.write(ier, 0x02);
    EXPECT_TRUE(irq.level());
}

TEST_F(UartTest, each_character_sent_makes_a_new_edge) {
    uart.write(ier, 0x02);
    unsigned const before = irq.rises();
    send("ab");
    EXPECT_EQ(irq.rises() - before, 2u);
}

TEST_F(UartTest, receives_without_fifo_and_overruns) {
    uart.write(ier, 0x05);
    EXPECT_TRUE(uart.can_receive());
    receive("a");
    EXPECT_FALSE(uart.can_receive());
    EXPECT_EQ(uart.read(iir), 0x04);
    receive("b");
    EXPECT_EQ(uart.read(iir), 0x06) << "line status goes first";
    EXPECT_EQ(uart.read(lsr), 0x63);
    EXPECT_EQ(uart.read(lsr), 0x61) << "OE cleared by reading";
    EXPECT_EQ(uart.read(rbr), 'b');
    EXPECT_FALSE(irq.level());
}

TEST_F(UartTest, fifo_trigger_level_and_timeout) {
    uart.write(lcr, 0x83);
    uart.write(dll, 1);
    uart.write(lcr, 0x03);
    uart.write(fcr, 0x81); // 8 bytes
    uart.write(ier, 0x01);
    receive("1234567");
    EXPECT_FALSE(irq.level());
    receive("8");
    EXPECT_EQ(uart.read(iir), 0xc4);
    EXPECT_EQ(uart.read(rbr), '1');
    EXPECT_FALSE(irq.level()) << "below the trigger level";
    advance(347'000);
    EXPECT_FALSE(irq.level());
    advance(1'000); // four characters of ten bits at 115,200 baud: 347.2 us
    EXPECT_EQ(uart.read(iir), 0xcc);
    EXPECT_EQ(uart.read(rbr), '2');
    EXPECT_EQ(uart.read(iir), 0xc1);
    for (char const c : std::string{"345678"}) EXPECT_EQ(uart.read(rbr), c);
    EXPECT_EQ(uart.read(lsr), 0x60);
    advance(1'000'000);
    EXPECT_FALSE(irq.level()) << "nothing left to time out";
}

TEST_F(UartTest, fifo_holds_sixteen_and_then_overruns) {
    uart.write(fcr, 0x01);
    receive("0123456789abcdef");
    EXPECT_FALSE(uart.can_receive());
    receive("x");
    EXPECT_EQ(uart.read(lsr) & 0x02, 0x02);
    for (char const c : std::string{"0123456789abcdef"}) EXPECT_EQ(uart.read(rbr), c);
}

TEST_F(UartTest, break_comes_up_with_its_character) {
    uart.write(fcr, 0x01);
    uart.write(ier, 0x04);
    receive("a");
    uart.receive_break();
    EXPECT_EQ(uart.read(lsr), 0xe1) << "an error is in the FIFO, not at its top";
    EXPECT_FALSE(irq.level());
    uart.read(rbr);
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(uart.read(lsr), 0xf9) << "BI and FE";
    EXPECT_EQ(uart.read(rbr), 0x00);
    EXPECT_EQ(uart.read(lsr), 0x60);
}

TEST_F(UartTest, fcr_clears_fifos_and_needs_its_enable_bit) {
    uart.write(fcr, 0xc1);
    receive("abc");
    uart.write(fcr, 0xc3);
    EXPECT_EQ(uart.read(lsr), 0x60);
    EXPECT_EQ(uart.read(iir), 0xc1);
    uart.write(fcr, 0xc0);
    EXPECT_EQ(uart.read(iir), 0x01) << "FIFOs off: a 16450";
}

TEST_F(UartTest, modem_lines_and_their_deltas) {
    EXPECT_EQ(uart.read(msr), 0xb0);
    uart.write(ier, 0x08);
    uart.set_modem_inputs({.cts = false, .dsr = true, .ri = true, .dcd = true});
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(uart.read(iir), 0x00);
    EXPECT_EQ(uart.read(msr), 0xe1);
    EXPECT_FALSE(irq.level());
    uart.set_modem_inputs({.cts = false, .dsr = true, .ri = false, .dcd = true});
    EXPECT_EQ(uart.read(msr), 0xa4) << "the ring indicator's trailing edge";
    uart.write(mcr, 0x0b);
    EXPECT_TRUE(far.dtr);
    EXPECT_TRUE(far.rts);
    uart.write(lcr, 0x43);
    EXPECT_TRUE(far.on_break);
    uart.write(lcr, 0x03);
    EXPECT_FALSE(far.on_break);
}

TEST_F(UartTest, loopback_as_drivers_probe_it) {
    uart.write(mcr, 0x1a); // RTS, OUT2
    EXPECT_EQ(uart.read(msr) & 0xf0, 0x90);
    uart.write(mcr, 0x15); // DTR, OUT1
    EXPECT_EQ(uart.read(msr) & 0xf0, 0x60);
    send("x");
    EXPECT_EQ(far.text, "");
    EXPECT_EQ(uart.read(lsr), 0x61);
    EXPECT_EQ(uart.read(rbr), 'x');
    receive("y");
    EXPECT_EQ(uart.read(lsr), 0x60) << "SIN is disconnected";
}

TEST_F(UartTest, out2_gates_the_interrupt_line) {
    uart.write(ier, 0x02);
    EXPECT_TRUE(irq.level());
    uart.write(mcr, 0x00);
    EXPECT_FALSE(irq.level());
    uart.write(mcr, 0x08);
    EXPECT_TRUE(irq.level());
}

TEST_F(UartTest, interrupt_priorities) {
    uart.write(fcr, 0x01);
    uart.set_modem_inputs({});
    receive("a");
    for (int i = 0; i < 16; ++i) uart.receive('b'); // one too many
    uart.write(ier, 0x0f);
    EXPECT_EQ(uart.read(iir), 0xc6);
    uart.read(lsr);
    EXPECT_EQ(uart.read(iir), 0xc4);
    while (uart.read(lsr) & 1) uart.read(rbr);
    EXPECT_EQ(uart.read(iir), 0xc2);
    EXPECT_EQ(uart.read(iir), 0xc0);
    uart.read(msr);
    EXPECT_EQ(uart.read(iir), 0xc1);
}

} // namespace
} // namespace ring3
