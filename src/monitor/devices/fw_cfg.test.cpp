#include "monitor/devices/fw_cfg.h"

#include <gtest/gtest.h>

#include <string>

namespace ring3 {
namespace {

class FwCfgTest : public testing::Test {
protected:
    std::string item(u16 key, unsigned bytes) {
        ports.write(0x510, key, 2);
        std::string out;
        for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<char>(ports.read(0x511, 1)));
        return out;
    }
    FwCfgTest() { EXPECT_TRUE(ports.claim(FwCfg::ports, device)); }
    PortBus ports;
    FwCfg device;
};

TEST_F(FwCfgTest, signature_numbers_and_absent_items) {
    device.add_number(FwCfg::cpu_count, 0x0201, 2);
    EXPECT_EQ(item(0, 6), (std::string{"QEMU\0\0", 6}));
    EXPECT_EQ(item(1, 4), (std::string{"\1\0\0\0", 4}));
    EXPECT_EQ(item(5, 2), "\1\2");
    EXPECT_EQ(item(0x1234, 2), (std::string{"\0\0", 2}));
    EXPECT_EQ(item(0x4005, 2), "\1\2") << "opened for writing";
    EXPECT_EQ(item(0x8005, 2), (std::string{"\0\0", 2})) << "another item: local to the architecture";
    EXPECT_EQ(ports.read(0x510, 2), 0u);
    EXPECT_EQ(ports.read(0x511, 1), 0u);
}

TEST_F(FwCfgTest, files_are_listed_in_the_directory) {
    constexpr std::array<u8, 3> content{'a', 'b', 'c'};
    device.add_file("etc/one", content);
    device.add_file(std::string(100, 'x'), content);
    std::string const directory = item(FwCfg::file_directory, 4 + 2 * 64);
    EXPECT_EQ(directory.substr(0, 12), (std::string{"\0\0\0\2\0\0\0\3\0\x20\0\0", 12}));
    EXPECT_EQ(directory.substr(12, 8), (std::string{"etc/one\0", 8}));
    EXPECT_EQ(directory.back(), '\0') << "names are cut and ended";
    EXPECT_EQ(item(FwCfg::first_file, 3), "abc");
}

} // namespace
} // namespace ring3
