#include "app/disk_geometry.h"

#include <array>
#include <gtest/gtest.h>

namespace ring3::app {
namespace {

/// A boot record with one partition that ends at that head and sector.
std::array<u8, 512> record(u8 end_head, u8 end_sector) {
    std::array<u8, 512> sector{};
    sector[510] = 0x55, sector[511] = 0xaa;
    sector[446 + 5] = end_head, sector[446 + 6] = end_sector, sector[446 + 12] = 1;
    return sector;
}

TEST(DiskGeometry, a_partition_ends_at_the_last_head_and_sector) {
    EXPECT_EQ(guess_disk_geometry(record(3, 17), 41820), (DiskGeometry{615, 4, 17}));
    EXPECT_EQ(guess_disk_geometry(record(15, 0xc0 | 63), 1'000'000), (DiskGeometry{992, 16, 63}));
}

TEST(DiskGeometry, what_a_bios_translated_tells_nothing_of_the_drive) {
    EXPECT_EQ(guess_disk_geometry(record(254, 63), 20'000'000).heads, 0);
}

TEST(DiskGeometry, nonsense_tells_nothing) {
    EXPECT_EQ(guess_disk_geometry(record(0, 17), 41820).heads, 0);
    EXPECT_EQ(guess_disk_geometry(record(3, 0), 41820).heads, 0);
    EXPECT_EQ(guess_disk_geometry(record(3, 17), 10).heads, 0);
    EXPECT_EQ(guess_disk_geometry(record(1, 1), 1'000'000'000).heads, 0);
    auto unsigned_record = record(3, 17);
    unsigned_record[511] = 0;
    EXPECT_EQ(guess_disk_geometry(unsigned_record, 41820).heads, 0);
}

} // namespace
} // namespace ring3::app
