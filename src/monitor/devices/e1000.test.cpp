#include "monitor/devices/e1000_test_rig.h"

#include <random>

namespace ring3::e1000_test {
namespace {

// ---- the chip as drivers find it

TEST_F(E1000Test, says_what_it_is) {
    EXPECT_EQ(card.read_config(0, 4), 0x100e'8086u);
    EXPECT_EQ(card.read_config(8, 4) >> 8, 0x02'0000u);
    EXPECT_EQ(card.read_config(0x2c, 4), 0x1100'1af4u);
    EXPECT_EQ(card.read_config(0x3d, 1), 1u);
    EXPECT_EQ(read(STATUS) & 0xc3, 0x83u); // 1000 Mbit/s, link up, full duplex
}

TEST_F(E1000Test, keeps_its_address_in_the_eeprom_with_a_good_checksum) {
    u16 sum = 0;
    std::array<u16, 64> words{};
    for (u32 i = 0; i < 64; ++i) {
        write(EERD, i << 8 | 1);
        ASSERT_TRUE(read(EERD) & 0x10);
        words[i] = static_cast<u16>(read(EERD) >> 16);
        sum = static_cast<u16>(sum + words[i]);
    }
    EXPECT_EQ(sum, 0xbaba);
    EXPECT_EQ(words[0], 0x5452);
    EXPECT_EQ(words[2], 0x5634);
    EXPECT_EQ(read(RAL), 0x1200'5452u);
    EXPECT_EQ(read(RAH), 0x8000'5634u);
}

TEST_F(E1000Test, shifts_the_eeprom_out_bit_by_bit) {
    constexpr u32 SK = 1, CS = 2, DI = 4, DO = 8, REQ = 0x40, GNT = 0x80;
    write(EECD, REQ);
    ASSERT_TRUE(read(EECD) & GNT);
    auto const clock_in = [&](u32 bit) {
        write(EECD, REQ | CS | (bit ? DI : 0));
        write(EECD, REQ | CS | (bit ? DI : 0) | SK);
        write(EECD, REQ | CS | (bit ? DI : 0));
    };
    for (int pass = 0; pass < 2; ++pass) { // again, after the chip was deselected
        u32 const command = 0b110'000001;  // read word 1
        for (int i = 8; i >= 0; --i) clock_in(command >> i & 1);
        u32 word = 0;
        for (int i = 0; i < 16; ++i) {
            write(EECD, REQ | CS | SK);
            word = word << 1 | ((read(EECD) & DO) != 0);
            write(EECD, REQ | CS);
        }
        EXPECT_EQ(word, 0x1200u);
        write(EECD, REQ);
    }
}

TEST_F(E1000Test, shows_a_marvell_transceiver_with_a_link) {
    auto const phy = [&](u32 reg) {
        write(MDIC, 2u << 26 | 1u << 21 | reg << 16);
        EXPECT_EQ(read(MDIC) >> 28 & 7, 1u); // ready, no error
        return read(MDIC) & 0xffff;
    };
    EXPECT_EQ(phy(2), 0x0141u);
    EXPECT_EQ(phy(3), 0x0c20u);
    EXPECT_EQ(phy(1) & 0x24, 0x24u); // negotiated, link
    EXPECT_EQ(phy(17) & 0xac00, 0xac00u);
    write(MDIC, 1u << 26 | 1u << 21 | 4u << 16 | 0x0de1);
    EXPECT_EQ(phy(4), 0x0de1u);
    write(MDIC, 1u << 26 | 1u << 21 | 0u << 16 | 0x8000); // reset
    EXPECT_EQ(phy(4), 0x01e1u);
    EXPECT_EQ(phy(0), 0x1140u);
    write(MDIC, 2u << 26 | 7u << 21 | 2u << 16); // another address
    EXPECT_TRUE(read(MDIC) >> 30 & 1);
    write(IMS, MDAC);
    write(MDIC, 2u << 26 | 1u << 21 | 2u << 16 | 1u << 29);
    EXPECT_TRUE(pin.high);
}

TEST_F(E1000Test, resets_itself_but_not_its_address) {
    write(VET, 0x1234);
    write(RAL, 1);
    write(IMS, LSC);
    write(ICS, LSC);
    ASSERT_TRUE(pin.high);
    write(CTRL, 1u << 26);
    EXPECT_FALSE(read(CTRL) >> 26 & 1);
    EXPECT_FALSE(pin.high);
    EXPECT_EQ(read(IMS), 0u);
    EXPECT_EQ(read(VET), 0x8100u);
    EXPECT_EQ(read(RAL), 0x1200'5452u);
}

TEST_F(E1000Test, can_be_reset_through_its_ports) {
    write(VET, 0x1234);
    ports.write(0xc000, CTRL, 4);
    ports.write(0xc004, 1u << 26, 4);
    EXPECT_EQ(read(VET), 0x8100u);
    ports.write(0xc000, STATUS, 4);
    EXPECT_EQ(ports.read(0xc004, 4), read(STATUS));
    EXPECT_EQ(ports.read(0xc004, 1), read(STATUS) & 0xff);
    ports.write(0xc000, 0xffff'fff0, 4); // behind the registers
    EXPECT_EQ(ports.read(0xc004, 4), 0u);
}

TEST_F(E1000Test, interrupts_follow_the_mask_and_reading_the_causes_clears_them) {
    write(ICS, RXT0);
    EXPECT_FALSE(pin.high);
    write(IMS, RXT0);
    EXPECT_TRUE(pin.high);
    write(IMC, RXT0);
    EXPECT_FALSE(pin.high);
    write(IMS, RXT0);
    EXPECT_EQ(read(ICR), RXT0);
    EXPECT_FALSE(pin.high);
    EXPECT_EQ(read(ICR), 0u);
    write(ICS, RXT0 | LSC);
    write(ICR, RXT0);
    EXPECT_EQ(read(ICR), LSC);
}

TEST_F(E1000Test, itr_keeps_a_distance_between_interrupts) {
    clock.advance(1'000'000);
    write(ITR, 100); // 25.6 us
    write(IMS, RXT0);
    write(ICS, RXT0);
    EXPECT_EQ(pin.rises, 1u);
    read(ICR);
    clock.advance(10'000);
    write(ICS, RXT0);
    EXPECT_FALSE(pin.high);
    EXPECT_EQ(timers.next_deadline(), 1'000'000u + 25'600);
    clock.advance(15'600);
    timers.run_expired();
    EXPECT_TRUE(pin.high);
    EXPECT_EQ(pin.rises, 2u);
    read(ICR);
    write(ITR, 1000); // 256 us: cut to 32
    write(ICS, RXT0);
    EXPECT_EQ(timers.next_deadline(), 1'025'600u + 32'000);
}

TEST_F(E1000Test, a_cable_that_is_pulled_out_is_seen_and_reported) {
    write(IMS, LSC);
    card.set_link(false);
    EXPECT_TRUE(pin.high);
    EXPECT_FALSE(read(STATUS) & 2);
    EXPECT_EQ(read(ICR), LSC);
    card.set_link(false); // it was out already
    EXPECT_EQ(read(ICR), 0u);
    card.set_link(true);
    EXPECT_TRUE(read(STATUS) & 2);
}

// ---- what no driver should do

TEST_F(E1000Test, rings_that_make_no_sense_do_nothing) {
    start_transmitter(8);
    for (auto const& [head, tail] : {std::pair{0u, 8u}, {0u, 0xffffu}, {9u, 1u}, {0xffffu, 0u}}) {
        write(TDH, head);
        write(TDT, tail);
        EXPECT_EQ(read(TDH), head);
    }
    write(TDLEN, 0);
    write(TDH, 0);
    write(TDT, 1);
    EXPECT_EQ(read(TDH), 0u);
    EXPECT_TRUE(port.frames.empty());
    write(RDLEN, 0);
    write(RDT, 5);
    write(RCTL, 0x8002);
    EXPECT_FALSE(card.can_receive());
    card.receive(frame_to(mac)); // it comes nevertheless
    EXPECT_EQ(read(RNBC), 1u);
}

TEST_F(E1000Test, rings_outside_memory_end_and_are_bounded) {
    start_transmitter();
    write(TDBAH, 0xffff'ffff);
    write(TDBAL, 0xffff'fff0); // descriptors wrap around the address space; they read as ones: context descriptors
    write(TDLEN, 0xf'ff80);
    write(TDT, 0xfff0);
    EXPECT_LE(read(TDH), 4096u);
    EXPECT_GT(read(TDH), 0u);
    EXPECT_NE(timers.next_deadline(), Timer::never); // it goes on later
    EXPECT_TRUE(port.frames.empty());
}

TEST_F(E1000Test, a_packet_without_end_is_lost_and_the_next_one_is_not) {
    start_transmitter(64);
    for (u32 i = 0; i < 20; ++i) put_tx(i, tx_buffer, 0xffff);
    put_tx(20, tx_buffer, 100 | eop | rs);
    put_tx(21, tx_buffer, 60 | eop | rs);
    write(TDT, 22);
    clock.advance(1'000'000);
    timers.run_expired();
    EXPECT_TRUE(tx_done(20));
    ASSERT_EQ(port.frames.size(), 1u);
    EXPECT_EQ(port.frames[0].size(), 60u);
}

TEST_F(E1000Test, packets_that_are_no_frames_are_lost) {
    start_transmitter();
    for (u32 const length : {0u, 1u, 13u}) {
        put_tx(0, tx_buffer, length | eop | rs);
        write(TDH, 0);
        write(TDT, 0);
        write(TDT, 1);
    }
    EXPECT_TRUE(port.frames.empty());
}

TEST_F(E1000Test, registers_in_pieces_are_read_in_part_and_not_written) {
    write(VET, 0x1234);
    EXPECT_EQ(mmio.read({bar + VET + 1}, 1), 0x12u);
    mmio.write({bar + VET}, 0xff, 1);
    mmio.write({bar + VET + 2}, 0xffff, 2);
    EXPECT_EQ(read(VET), 0x1234u);
    EXPECT_EQ(mmio.read({bar + RAL}, 8), 0x8000'5634'1200'5452u);
    EXPECT_EQ(read(0x1fffc), 0u);
}

TEST_F(E1000Test, any_traffic_is_bounded_and_its_state_can_be_saved) {
    std::mt19937_64 random{1};
    constexpr u32 often[] = {CTRL,  EECD,  EERD, MDIC, ICR,   ITR,   ICS, IMS, IMC,    RCTL, TCTL,
                             RDBAL, RDLEN, RDH,  RDT,  TDBAL, TDLEN, TDH, TDT, RXCSUM, RAL,  RAH};
    for (int i = 0; i < 40'000; ++i) {
        u32 const offset = random() % 4 ? often[random() % std::size(often)] : static_cast<u32>(random() % 0x2'0000);
        u64 value = random();
        if (random() % 2) value &= 0xffff; // lengths and places that fit
        unsigned const bytes = 1u << random() % 4;
        u64 const at = bar + (offset & ~u64{bytes - 1});
        if (offset == CTRL && random() % 8) value &= ~(u64{1} << 26);
        if (random() % 3)
            mmio.write({at}, value, random() % 4 ? 4 : bytes);
        else
            mmio.read({at}, bytes);
        if (random() % 8 == 0) memory.put(random() % (memory.bytes.size() - 8), random());
        if (random() % 16 == 0) card.receive(frame_to(random() % 2 ? mac : broadcast, 14 + random() % 20'000));
        if (random() % 64 == 0) card.set_link(random() % 4 != 0);
        port.takes = random() % 4 != 0;
        clock.advance(random() % 100'000);
        timers.run_expired();
        for (auto const& frame : port.frames) ASSERT_TRUE(frame.size() >= 14 && frame.size() <= longest_frame);
        port.frames.clear();
    }
    std::size_t values = 0;
    card.visit([&](std::string_view, auto&) { ++values; });
    EXPECT_GT(values, 40u);
}

} // namespace
} // namespace ring3::e1000_test
