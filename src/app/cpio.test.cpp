#include "app/cpio.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

std::string archive_of_one_file() {
    CpioWriter writer;
    writer.add_directory("ring3", 0700);
    writer.add_file("ring3/command", 0600, std::string_view{"ls\0-l\0", 6});
    auto const bytes = std::move(writer).finish();
    return {bytes.begin(), bytes.end()};
}

TEST(Cpio, every_header_starts_on_four_bytes_with_the_magic) {
    auto const archive = archive_of_one_file();
    EXPECT_EQ(archive.size() % 4, 0u);
    unsigned headers = 0;
    for (auto at = archive.find("070701"); at != std::string::npos; at = archive.find("070701", at + 1)) {
        EXPECT_EQ(at % 4, 0u);
        ++headers;
    }
    EXPECT_EQ(headers, 3u);
}

TEST(Cpio, carries_mode_size_name_and_content) {
    auto const archive = archive_of_one_file();
    auto const header = archive.find("070701", 1);
    EXPECT_EQ(archive.substr(header + 14, 8), "00008180"); // S_IFREG | 0600
    EXPECT_EQ(archive.substr(header + 54, 8), "00000006");
    EXPECT_EQ(archive.substr(header + 94, 8), "0000000E"); // with its NUL
    EXPECT_EQ(archive.substr(header + 110, 13), "ring3/command");
    EXPECT_EQ(archive.substr(header + 124, 6), (std::string{"ls\0-l\0", 6}));
    EXPECT_NE(archive.find("TRAILER!!!"), std::string::npos);
}

} // namespace
} // namespace ring3::app
