#include "boot/test_images.h"

#include <gtest/gtest.h>
#include <random>

namespace ring3::boot {
namespace {

using namespace test;

constexpr std::size_t mib = 1 << 20;

TEST(Load, tells_the_formats_apart) {
    EXPECT_EQ(detect(linux_image()), Format::linux_image);
    EXPECT_EQ(detect(multiboot_by_addresses()), Format::multiboot);
    EXPECT_EQ(detect({}), Format::neither);
}

TEST(Load, multiboot_wins_where_a_file_is_both) {
    auto image = linux_image();
    for (std::size_t i = 0; i < 12; i += 4)
        put(image, i, i == 0 ? multiboot_magic : i == 4 ? u32{0} : 0 - multiboot_magic);
    EXPECT_EQ(detect(image), Format::multiboot);
}

TEST(Load, a_multiboot_header_must_be_aligned_and_in_the_first_8_kib) {
    auto const header = multiboot_by_addresses();
    std::vector<u8> image(8192 - 12);
    image.insert(image.end(), header.begin(), header.begin() + 12);
    EXPECT_EQ(detect(image), Format::multiboot);
    image.insert(image.begin(), 2, 0);
    EXPECT_EQ(detect(image), Format::neither);
    image.insert(image.begin(), 2, 0);
    EXPECT_EQ(detect(image), Format::neither);
}

TEST(Load, random_bytes_are_neither) {
    Ram ram{4 * mib};
    std::mt19937 random{1};
    std::vector<u8> noise(10'000);
    for (auto& byte : noise) byte = static_cast<u8>(random());
    EXPECT_EQ(failure({"noise", noise}, ram), "'noise' is neither a Linux bzImage nor a multiboot kernel");
    EXPECT_EQ(failure({"/dev/null", {}}, ram), "'/dev/null' is neither a Linux bzImage nor a multiboot kernel");
}

TEST(Load, too_little_memory_is_said) {
    for (std::size_t size : {std::size_t{0}, std::size_t{4096}, std::size_t{640 * 1024}, mib, 2 * mib - 1}) {
        Ram ram{size};
        EXPECT_NE(failure({"k", linux_image()}, ram).find("too little"), std::string::npos) << size;
        EXPECT_NE(failure({"k", multiboot_by_addresses()}, ram).find("too little"), std::string::npos) << size;
        EXPECT_FALSE(load_firmware_tables(ram));
    }
}

TEST(Load, any_single_byte_changed_has_a_defined_result) {
    Ram ram{2 * mib};
    for (auto const& good :
         {linux_image(0x20f, 64), multiboot_by_addresses(), multiboot_elf({{0x10'0000, 0x10'0000, 4, 8}}, 0x10'0000)})
        for (std::size_t at = 0; at < std::min<std::size_t>(good.size(), 0x280); ++at)
            for (u8 const value : std::initializer_list<u8>{0x00, 0x7f, 0x80, 0xff}) {
                auto image = good;
                image[at] = value;
                auto const result = load({"k", image}, ram);
                ASSERT_TRUE(result || result.error().status == ExitStatus::configuration);
            }
}

TEST(MemoryMap, low_ram_ends_at_the_pci_hole) {
    auto const map = memory_map(u64{4} << 30, u64{1} << 30);
    EXPECT_EQ(map[3].end(), 0xc000'0000u);
    EXPECT_EQ(map.back(), (MemoryRange{0x1'0000'0000, 0x4000'0000, RangeKind::ram}));
    for (std::size_t i = 1; i < map.size(); ++i) EXPECT_LE(map[i - 1].end(), map[i].base);
}

TEST(MemoryMap, a_partial_page_is_no_ram) {
    EXPECT_EQ(memory_map(2 * mib + 100, 50)[3].end(), 2 * mib);
    EXPECT_EQ(memory_map(2 * mib, 50).back().kind, RangeKind::reserved);
}

} // namespace
} // namespace ring3::boot
