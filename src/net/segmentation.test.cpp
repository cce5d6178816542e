#include "net/segmentation.h"

#include <gtest/gtest.h>
#include <vector>

namespace ring3::net {
namespace {

/// A TCP segment with `payload` bytes 0, 1, 2 ... in a frame with MAC addresses, IPv4 or IPv6, and one tag if wanted.
std::vector<u8> tcp_frame(std::size_t payload, bool version_6 = false, bool tag = false) {
    std::vector<u8> frame(12, 0x02);
    auto const add = [&](std::initializer_list<u8> bytes) { frame.insert(frame.end(), bytes); };
    if (tag) add({0x81, 0x00, 0x00, 0x07});
    if (version_6) {
        add({0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 6, 64});
        frame.resize(frame.size() + 32, 0xfe);
    } else {
        add({0x08, 0x00, 0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2});
    }
    add({0x30, 0x39, 0x00, 0x50, 0x00, 0x00, 0xff, 0xf0, 0, 0,
         0,    1,    0x60, 0x99, 0x20, 0x00, 0,    0,    0, 0}); // CWR PSH ACK FIN
    add({2, 4, 5, 0xb4});                                        // an option
    for (std::size_t i = 0; i < payload; ++i) frame.push_back(static_cast<u8>(i));
    return frame;
}

std::vector<std::vector<u8>> cut(std::span<u8 const> frame, u16 segment) {
    std::vector<std::vector<u8>> pieces;
    cut_segment({frame, segment}, [&](std::span<u8 const> piece) { pieces.emplace_back(piece.begin(), piece.end()); });
    return pieces;
}

TEST(Checksum, is_that_of_rfc_1071_for_its_example) {
    u8 const bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    EXPECT_EQ(ones_sum(bytes), 0xddf2u);
    EXPECT_EQ(fold_checksum(ones_sum(bytes)), 0x220d);
    EXPECT_EQ(ones_sum(std::span{bytes}.first(7)), 0xdcfbu); // an odd end: the low half is zero
    EXPECT_EQ(ones_sum(std::span{bytes}.last(4), ones_sum(std::span{bytes}.first(4))), ones_sum(bytes));
}

TEST(Segmentation, cuts_an_ipv4_segment_into_packets_with_good_checksums) {
    auto const pieces = cut(tcp_frame(2500), 1000);
    ASSERT_EQ(pieces.size(), 3u);
    constexpr std::size_t ip = 14, tcp = 34, data = 58;
    std::size_t const sizes[] = {1000, 1000, 500};
    u8 const flags[] = {0x90, 0x10, 0x19}; // CWR in the first, PSH and FIN in the last
    for (std::size_t i = 0; i < 3; ++i) {
        auto const& piece = pieces[i];
        ASSERT_EQ(piece.size(), data + sizes[i]);
        EXPECT_EQ(be16(piece, ip + 2), piece.size() - ip);
        EXPECT_EQ(be16(piece, ip + 4), 0x1234 + i);
        EXPECT_EQ(fold_checksum(ones_sum(std::span{piece}.subspan(ip, 20))), 0);
        EXPECT_EQ(be32(piece, tcp + 4), 0xfff0u + 1000 * i);
        EXPECT_EQ(piece[tcp + 13], flags[i]);
        EXPECT_EQ(piece[data], static_cast<u8>(1000 * i));
        u32 const pseudo = ones_sum(std::span{piece}.subspan(ip + 12, 8), static_cast<u32>(6 + piece.size() - tcp));
        EXPECT_EQ(fold_checksum(ones_sum(std::span{piece}.subspan(tcp), pseudo)), 0);
    }
}

TEST(Segmentation, cuts_ipv6_and_tagged_frames_too) {
    auto const pieces = cut(tcp_frame(1500, true, true), 1400);
    ASSERT_EQ(pieces.size(), 2u);
    constexpr std::size_t ip = 18, tcp = ip + 40;
    for (auto const& piece : pieces) {
        EXPECT_EQ(be16(piece, 12), 0x8100);
        EXPECT_EQ(be16(piece, ip + 4), piece.size() - tcp);
        u32 const pseudo = ones_sum(std::span{piece}.subspan(ip + 8, 32), static_cast<u32>(6 + piece.size() - tcp));
        EXPECT_EQ(fold_checksum(ones_sum(std::span{piece}.subspan(tcp), pseudo)), 0);
    }
}

TEST(Segmentation, a_segment_that_fits_stays_one_packet) {
    EXPECT_EQ(cut(tcp_frame(1000), 1000).size(), 1u);
    EXPECT_EQ(cut(tcp_frame(0), 1000).size(), 1u);
}

TEST(Segmentation, tiny_pieces_are_not_to_be_had) {
    EXPECT_EQ(cut(tcp_frame(640), 1).size(), 10u);
}

TEST(Segmentation, what_is_no_tcp_packet_passes_if_it_is_short) {
    std::vector<u8> frame(1514, 0);
    EXPECT_EQ(cut(frame, 1460).size(), 1u);
    frame.resize(9000);
    EXPECT_TRUE(cut(frame, 1460).empty());
}

TEST(Segmentation, headers_that_lie_are_no_tcp_packet) {
    auto const good = tcp_frame(2000);
    ASSERT_TRUE(find_tcp(good));
    auto const broken = [&](std::size_t at, u8 value) {
        auto frame = good;
        frame[at] = value;
        return frame;
    };
    EXPECT_FALSE(find_tcp(broken(14, 0x44)));      // an IP header of 16 bytes
    EXPECT_FALSE(find_tcp(broken(14, 0x65)));      // version 6 in an IPv4 frame
    EXPECT_FALSE(find_tcp(broken(20, 0x20)));      // a fragment
    EXPECT_FALSE(find_tcp(broken(23, 17)));        // UDP
    EXPECT_FALSE(find_tcp(broken(34 + 12, 0x40))); // a TCP header of 16 bytes
    for (std::size_t length = 0; length < 58; ++length) EXPECT_FALSE(find_tcp(std::span{good}.first(length))) << length;
    auto const long_header = broken(34 + 12, 0xf0);
    EXPECT_FALSE(find_tcp(std::span{long_header}.first(80))); // 60 bytes of it are not there
}

} // namespace
} // namespace ring3::net
