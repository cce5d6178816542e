#include "net/pcap.h"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <unistd.h>

namespace ring3::net {
namespace {

std::vector<u8> contents(std::string const& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

u32 le32(std::vector<u8> const& bytes, std::size_t at) {
    return u32{bytes[at]} | u32{bytes[at + 1]} << 8 | u32{bytes[at + 2]} << 16 | u32{bytes[at + 3]} << 24;
}

TEST(Pcap, a_file_has_the_header_and_records_of_the_savefile_manual) {
    std::string const path = testing::TempDir() + "ring3-pcap-" + std::to_string(::getpid());
    {
        auto writer = PcapWriter::create(path, 20);
        ASSERT_TRUE(writer);
        std::vector<u8> const frame(60, 0xab), shorter(14, 0xcd);
        EXPECT_TRUE(writer->write(frame, 5'000'007));
        EXPECT_TRUE(writer->write(shorter, 6'999'999));
        EXPECT_TRUE(writer->flush());
    }
    auto const bytes = contents(path);
    ASSERT_EQ(bytes.size(), 24u + 16 + 20 + 16 + 14);
    EXPECT_EQ(le32(bytes, 0), 0xa1b2c3d4u);
    EXPECT_EQ(le32(bytes, 4), 2u | 4u << 16);
    EXPECT_EQ(le32(bytes, 8), 0u);
    EXPECT_EQ(le32(bytes, 12), 0u);
    EXPECT_EQ(le32(bytes, 16), 20u);
    EXPECT_EQ(le32(bytes, 20), 1u);
    EXPECT_EQ(le32(bytes, 24), 5u);
    EXPECT_EQ(le32(bytes, 28), 7u);
    EXPECT_EQ(le32(bytes, 32), 20u); // kept
    EXPECT_EQ(le32(bytes, 36), 60u); // was
    EXPECT_EQ(bytes[40], 0xab);
    EXPECT_EQ(le32(bytes, 60), 6u);
    EXPECT_EQ(le32(bytes, 64), 999'999u);
    EXPECT_EQ(le32(bytes, 68), 14u);
    EXPECT_EQ(le32(bytes, 72), 14u);
    ::unlink(path.c_str());
}

TEST(Pcap, a_full_disk_is_told_once_and_then_frames_are_dropped) {
    auto writer = PcapWriter::create("/dev/full", 65'536);
    EXPECT_FALSE(writer);
    EXPECT_NE(writer.error().message.find("/dev/full"), std::string::npos);
}

} // namespace
} // namespace ring3::net
