#include "monitor/devices/e1000_test_rig.h"

namespace ring3::e1000_test {
namespace {

// ---- sending

TEST_F(E1000Test, sends_a_packet_of_a_legacy_descriptor) {
    start_transmitter();
    auto const frame = frame_to(broadcast, 100);
    put_bytes(tx_buffer, frame);
    put_tx(0, tx_buffer, 100 | eop | ifcs | rs);
    write(IMS, TXDW);
    write(TDT, 1);
    ASSERT_EQ(port.frames.size(), 1u);
    EXPECT_EQ(port.frames[0], frame);
    EXPECT_EQ(port.segments[0], 0);
    EXPECT_TRUE(tx_done(0));
    EXPECT_EQ(read(TDH), 1u);
    EXPECT_TRUE(pin.high);
    EXPECT_EQ(read(ICR), TXDW | TXQE);
    EXPECT_EQ(read(GPTC), 1u);
    EXPECT_EQ(read(GPTC), 0u); // cleared by reading
}

TEST_F(E1000Test, gathers_a_packet_and_wraps_around_the_ring) {
    start_transmitter(8);
    write(TDH, 7);
    write(TDT, 7);
    auto const frame = frame_to(broadcast, 90);
    put_bytes(tx_buffer, frame);
    put_tx(7, tx_buffer, 14);
    put_tx(0, tx_buffer + 14, 70);
    put_tx(1, tx_buffer + 84, 6 | eop | rs);
    write(TDT, 1);
    EXPECT_TRUE(port.frames.empty()); // its end is missing
    write(TDT, 2);
    ASSERT_EQ(port.frames.size(), 1u);
    EXPECT_EQ(port.frames[0], frame);
    EXPECT_FALSE(tx_done(7)); // no status was asked for
    EXPECT_TRUE(tx_done(1));
}

TEST_F(E1000Test, inserts_the_checksum_that_a_legacy_descriptor_asks_for) {
    start_transmitter();
    auto frame = tcp_frame(31, true);
    put_bytes(tx_buffer, frame);
    put_tx(0, tx_buffer, static_cast<u32>(frame.size()) | 50u << 16 | eop | 4u << 24, 34u << 8); // IC, CSO, CSS
    write(TDT, 1);
    ASSERT_EQ(port.frames.size(), 1u);
    EXPECT_TRUE(tcp_sum_good(port.frames[0]));
}

/// IP header at 14, TCP header at 34.
constexpr u64 context_addresses = 14 | 24 << 8 | 33 << 16 | u64{34} << 32 | u64{50} << 40;

TEST_F(E1000Test, inserts_both_checksums_of_a_context) {
    start_transmitter();
    auto const frame = tcp_frame(100, true);
    put_bytes(tx_buffer, frame);
    put_tx(0, context_addresses, dext | 3u << 24);
    put_tx(1, tx_buffer, static_cast<u32>(frame.size()) | data | dext | eop | rs, 3u << 8);
    write(TDT, 2);
    ASSERT_EQ(port.frames.size(), 1u);
    EXPECT_TRUE(ip_sum_good(port.frames[0]));
    EXPECT_TRUE(tcp_sum_good(port.frames[0]));
    put_tx(2, tx_buffer, static_cast<u32>(frame.size()) | data | dext | eop, 0); // not asked for
    write(TDT, 3);
    EXPECT_EQ(port.frames[1], frame);
}

TEST_F(E1000Test, completes_a_long_tcp_packet_and_leaves_the_cutting_to_the_wire) {
    start_transmitter();
    auto const frame = tcp_frame(10'000, false);
    put_bytes(tx_buffer, frame);
    put_tx(0, context_addresses, 10'000 | dext | (1u | 2u | 4u) << 24, 54u << 8 | 1460u << 16);
    put_tx(1, tx_buffer, 54 | data | dext | tse, 3u << 8);
    put_tx(2, tx_buffer + 54, 10'000 | data | dext | tse | eop | rs, 3u << 8);
    write(TDT, 3);
    ASSERT_EQ(port.frames.size(), 1u);
    EXPECT_EQ(port.segments[0], 1460);
    EXPECT_EQ(be16(port.frames[0], 16), 10'040);
    EXPECT_TRUE(ip_sum_good(port.frames[0]));
    EXPECT_TRUE(tcp_sum_good(port.frames[0]));
    EXPECT_EQ(read(GPTC), 7u);
    EXPECT_EQ(read(0x40f8), 1u); // TSCTC
}

TEST_F(E1000Test, inserts_a_vlan_tag) {
    start_transmitter();
    auto const frame = frame_to(broadcast);
    put_bytes(tx_buffer, frame);
    put_tx(0, tx_buffer, 60 | eop | vle, 0x0123u << 16);
    write(TDT, 1);
    EXPECT_EQ(port.frames.at(0).size(), 60u); // CTRL.VME is not set
    write(CTRL, 1u << 30);
    put_tx(1, tx_buffer, 60 | eop | vle, 0x0123u << 16);
    write(TDT, 2);
    ASSERT_EQ(port.frames.at(1).size(), 64u);
    EXPECT_EQ(be32(port.frames[1], 12), 0x8100'0123u);
    EXPECT_EQ(be16(port.frames[1], 16), 0x88b5);
}

TEST_F(E1000Test, waits_for_the_port_and_goes_on) {
    start_transmitter();
    put_tx(0, tx_buffer, 60 | eop | rs);
    port.takes = false;
    write(TDT, 1);
    EXPECT_EQ(read(TDH), 0u);
    EXPECT_FALSE(tx_done(0));
    port.takes = true;
    card.port_ready();
    EXPECT_TRUE(tx_done(0));
}

TEST_F(E1000Test, does_nothing_before_it_is_bus_master_and_catches_up_then) {
    start_transmitter();
    card.write_config(0x04, 0x3, 2);
    put_tx(0, tx_buffer, 60 | eop | rs);
    write(TDT, 1);
    EXPECT_TRUE(port.frames.empty());
    card.write_config(0x04, 0x7, 2);
    EXPECT_EQ(port.frames.size(), 1u);
}

TEST_F(E1000Test, uses_up_and_loses_packets_without_a_cable) {
    start_transmitter();
    card.set_link(false);
    put_tx(0, tx_buffer, 60 | eop | rs);
    write(TDT, 1);
    EXPECT_TRUE(port.frames.empty());
    EXPECT_TRUE(tx_done(0));
}

TEST_F(E1000Test, what_is_sent_comes_back_in_loopback) {
    start_transmitter();
    start_receiver(8, 0x801a);                 // promiscuous
    write(MDIC, 1u << 26 | 1u << 21 | 0x4140); // loopback, gigabit
    put_bytes(tx_buffer, frame_to(mac));
    put_tx(0, tx_buffer, 60 | eop | rs);
    write(TDT, 1);
    EXPECT_TRUE(port.frames.empty());
    EXPECT_EQ(rx_length(0), 64u);
}

// ---- receiving

TEST_F(E1000Test, stores_a_frame_and_reports_it) {
    start_receiver();
    write(IMS, RXT0);
    card.receive(frame_to(mac, 100));
    EXPECT_EQ(rx_length(0), 104u);  // with the check sequence
    EXPECT_EQ(rx_status(0) & 3, 3); // done, end of packet
    EXPECT_EQ(memory.get<u8>(rx_buffer + 99), 0x33);
    EXPECT_EQ(read(RDH), 1u);
    EXPECT_TRUE(pin.high);
    EXPECT_EQ(read(ICR), RXT0);
    EXPECT_EQ(read(GPRC), 1u);
    EXPECT_EQ(read(GORCL), 104u);
    EXPECT_EQ(read(GORCH), 0u); // clears both
    EXPECT_EQ(read(GORCL), 0u);
}

TEST_F(E1000Test, pads_short_frames_and_can_strip_the_check_sequence) {
    start_receiver(8, 0x8002 | 1u << 26);
    card.receive(frame_to(mac, 14));
    EXPECT_EQ(rx_length(0), 60u);
    EXPECT_EQ(memory.get<u8>(rx_buffer + 20), 0);
}

TEST_F(E1000Test, spreads_a_long_frame_over_small_buffers) {
    start_receiver(8, 0x8002 | 2u << 16 | 1u << 26); // 512 bytes
    card.receive(frame_to(mac, 1200));
    EXPECT_EQ(rx_length(0), 512u);
    EXPECT_EQ(rx_length(1), 512u);
    EXPECT_EQ(rx_length(2), 176u);
    EXPECT_EQ(rx_status(0) & 3, 1);
    EXPECT_EQ(rx_status(2) & 3, 3);
    EXPECT_EQ(read(RDH), 3u);
}

TEST_F(E1000Test, knows_its_buffer_sizes) {
    auto const size = [](u32 bits) { return E1000ReceiveControl{{bits}}.buffer_bytes(); };
    EXPECT_EQ(size(0), 2048u);
    EXPECT_EQ(size(1u << 16), 1024u);
    EXPECT_EQ(size(3u << 16), 256u);
    EXPECT_EQ(size(1u << 25 | 1u << 16), 16'384u);
    EXPECT_EQ(size(1u << 25 | 2u << 16), 8192u);
    EXPECT_EQ(size(1u << 25 | 3u << 16), 4096u);
    EXPECT_EQ(size(1u << 25), 2048u);
}

TEST_F(E1000Test, long_packets_need_their_bit) {
    start_receiver();
    EXPECT_TRUE(receives(frame_to(mac, 1514)));
    EXPECT_FALSE(receives(frame_to(mac, 1515)));
    EXPECT_EQ(read(ROC), 1u);
    write(RCTL, 0x8022);
    EXPECT_TRUE(receives(frame_to(mac, 1515)));
}

TEST_F(E1000Test, filters_by_address) {
    constexpr MacBytes other{0x52, 0x54, 0, 0, 0, 1}, group{0x01, 0x00, 0x5e, 0x01, 0x02, 0x03};
    start_receiver(64, 0x2);
    EXPECT_TRUE(receives(frame_to(mac)));
    EXPECT_FALSE(receives(frame_to(other)));
    EXPECT_FALSE(receives(frame_to(broadcast)));
    EXPECT_FALSE(receives(frame_to(group)));
    write(RCTL, 0x8002);
    EXPECT_TRUE(receives(frame_to(broadcast)));
    write(RCTL, 0xa); // unicast promiscuous
    EXPECT_TRUE(receives(frame_to(other)));
    EXPECT_FALSE(receives(frame_to(group)));
    write(RCTL, 0x12); // multicast promiscuous
    EXPECT_TRUE(receives(frame_to(group)));
    EXPECT_FALSE(receives(frame_to(other)));
    write(RCTL, 0x2);
    write(RAL + 8, 0x0000'5452); // a second address
    write(RAH + 8, 0x8000'0100);
    EXPECT_TRUE(receives(frame_to(other)));
    write(RAH + 8, 0x0000'0100); // not valid
    EXPECT_FALSE(receives(frame_to(other)));
}

TEST_F(E1000Test, the_multicast_hash_uses_the_bits_that_rctl_chooses) {
    constexpr MacBytes group{0x01, 0x00, 0x5e, 0x01, 0x02, 0xa3};
    // 13.5.1: bits 47:36, 46:35, 45:34 or 43:32 of the address, of which 47:40 is the last byte.
    constexpr u32 last_bytes = 0xa302, shifts[] = {4, 3, 2, 0};
    for (u32 offset = 0; offset < 4; ++offset) {
        start_receiver(8, 0x2 | offset << 12);
        for (u32 i = 0; i < 128; ++i) write(MTA + 4 * i, 0);
        EXPECT_FALSE(receives(frame_to(group))) << offset;
        u32 const hash = last_bytes >> shifts[offset] & 0xfff;
        write(MTA + 4 * (hash >> 5), 1u << (hash & 31));
        EXPECT_TRUE(receives(frame_to(group))) << offset;
    }
}

TEST_F(E1000Test, filters_and_strips_vlan_tags) {
    auto frame = frame_to(mac, 68);
    put_be32(frame, 12, 0x8100'2007); // priority 1, VLAN 7
    put_be16(frame, 16, 0x88b5);
    start_receiver(8, 0x2 | 1u << 18 | 1u << 26); // VLAN filter
    EXPECT_FALSE(receives(frame));
    write(VFTA, 1u << 7);
    EXPECT_TRUE(receives(frame));
    EXPECT_EQ(rx_length(0), 68u);
    write(CTRL, 1u << 30);
    EXPECT_TRUE(receives(frame));
    EXPECT_EQ(rx_length(1), 64u);
    EXPECT_TRUE(rx_status(1) & 8);
    EXPECT_EQ(memory.get<u16>(rx_ring + 16 + 14), 0x2007);
    EXPECT_EQ(memory.get<u16>(rx_buffer + 2048 + 12), 0xb588);
}

TEST_F(E1000Test, checks_checksums_if_it_is_to) {
    start_receiver(8, 0xa);
    auto frame = tcp_frame(50, true);
    put_be16(frame, 24, fold_checksum(ones_sum(std::span{frame}.subspan(14, 20))));
    u32 const pseudo = ones_sum(std::span{frame}.subspan(26, 8), 6 + 70);
    put_be16(frame, 50, 0);
    put_be16(frame, 50, fold_checksum(ones_sum(std::span{frame}.subspan(34), pseudo)));
    card.receive(frame_to(mac, 60)); // no IP packet
    EXPECT_EQ(rx_status(0), 0x07);
    write(RCTL, 0x800a);
    card.receive(frame);
    EXPECT_EQ(rx_status(1), 0x07); // not asked to
    write(RXCSUM, 0x300);
    card.receive(frame);
    EXPECT_EQ(rx_status(2), 0x63);
    EXPECT_EQ(rx_errors(2), 0);
    frame[60] ^= 1;
    card.receive(frame);
    EXPECT_EQ(rx_status(3), 0x63);
    EXPECT_EQ(rx_errors(3), 0x20);
    frame[22] = 1;
    card.receive(frame);
    EXPECT_EQ(rx_errors(4), 0x60);
}

TEST_F(E1000Test, a_full_ring_makes_frames_wait_and_one_that_comes_nevertheless_is_counted) {
    start_receiver(8);
    write(RDT, 2);
    EXPECT_TRUE(card.can_receive());
    card.receive(frame_to(mac));
    card.receive(frame_to(mac));
    EXPECT_FALSE(card.can_receive());
    read(ICR);
    card.receive(frame_to(mac));
    EXPECT_EQ(read(ICR), RXO);
    EXPECT_EQ(read(RNBC), 1u);
    unsigned const before = port.times_ready;
    write(RDT, 4);
    EXPECT_TRUE(card.can_receive());
    EXPECT_EQ(port.times_ready, before + 1);
}

TEST_F(E1000Test, a_receiver_that_is_off_takes_everything_and_loses_it) {
    EXPECT_TRUE(card.can_receive());
    card.receive(frame_to(mac));
    EXPECT_EQ(read(GPRC), 0u);
}

TEST_F(E1000Test, reports_when_few_descriptors_are_left) {
    start_receiver(8, 0x8002); // threshold: a half
    for (int i = 0; i < 2; ++i) card.receive(frame_to(mac));
    EXPECT_FALSE(read(ICR) & RXDMT0); // 5 are left
    card.receive(frame_to(mac));
    EXPECT_TRUE(read(ICR) & RXDMT0);
}

} // namespace
} // namespace ring3::e1000_test
