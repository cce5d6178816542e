#include "boot/test_images.h"

#include <gtest/gtest.h>

namespace ring3::boot {
namespace {

using namespace test;

constexpr std::size_t mib = 1 << 20;

// Members are copied before they are compared: they lie at odd addresses, where no reference may lead.
BootParams zero_page(Ram const& ram, StartState const& start) {
    return ram.at<BootParams>(start.esi);
}

TEST(LinuxImage, starts_as_the_32_bit_boot_protocol_says) {
    Ram ram{8 * mib};
    auto const start = load({"vmlinuz", linux_image(), {}, {}, "initrd", "console=ttyS0"}, ram);
    ASSERT_TRUE(start) << start.error().message;
    EXPECT_EQ(start->eip, 0x10'0000u);
    EXPECT_EQ(start->ebp | start->edi | start->ebx, 0u);
    EXPECT_EQ(start->gdt_limit, 31);
    EXPECT_EQ(ram.at<u64>(start->gdt_base + 0x10), 0x00cf'9b00'0000'ffffu);
    EXPECT_EQ(ram.at<u64>(start->gdt_base + 0x18), 0x00cf'9300'0000'ffffu);
    EXPECT_EQ(ram.at<u32>(0x10'0000), 0x0302'0100u) << "the kernel's first bytes";
    EXPECT_EQ(ram.at<u8>(0x10'0000 + 2999), static_cast<u8>(2999)) << "and its last";
}

TEST(LinuxImage, the_zero_page_says_what_the_setup_code_would_have_found) {
    Ram ram{8 * mib};
    auto const start = load({"vmlinuz", linux_image(), {}, {}, "initrd", "console=ttyS0 quiet"}, ram);
    ASSERT_TRUE(start);
    auto const page = zero_page(ram, *start);
    EXPECT_EQ(page.header.type_of_loader, 0xff);
    EXPECT_EQ(page.header.loadflags, 0x81);
    EXPECT_EQ(ram.string_at(page.header.cmd_line_ptr), "console=ttyS0 quiet");
    EXPECT_EQ(u32{page.header.ramdisk_size}, 0u);
    EXPECT_EQ(u16{page.header.vid_mode}, 0xffff);
    EXPECT_EQ(page.sentinel, 0);
    EXPECT_EQ(page.screen_info.orig_video_mode, 3);
    EXPECT_EQ(page.screen_info.orig_video_cols, 80);
    EXPECT_EQ(page.screen_info.orig_video_lines, 25);
    EXPECT_EQ(u32{page.alt_mem_k}, 7u * 1024);
    EXPECT_EQ(ram.string_at(page.acpi_rsdp_addr).substr(0, 8), "RSD PTR ");
    ASSERT_EQ(page.e820_entries, 6);
    EXPECT_EQ(u64{page.e820_table[0].size}, 0x9'fc00u);
    EXPECT_EQ(u64{page.e820_table[3].address}, 0x10'0000u);
    EXPECT_EQ(u64{page.e820_table[3].size}, 7 * mib);
}

TEST(LinuxImage, only_newer_kernels_are_told_of_the_rsdp) {
    Ram ram{8 * mib};
    auto const start = load({"vmlinuz", linux_image(0x20d)}, ram);
    ASSERT_TRUE(start);
    EXPECT_EQ(u64{zero_page(ram, *start).acpi_rsdp_addr}, 0u);
}

TEST(LinuxImage, the_initrd_lies_on_a_page_at_the_end_of_memory) {
    Ram ram{8 * mib};
    auto const start = load({"vmlinuz", linux_image(), {}, std::vector<u8>(5000, 0x77)}, ram);
    ASSERT_TRUE(start);
    auto const header = zero_page(ram, *start).header;
    EXPECT_EQ(u32{header.ramdisk_image}, 8 * mib - 8192);
    EXPECT_EQ(u32{header.ramdisk_size}, 5000u);
    EXPECT_EQ(ram.at<u8>(header.ramdisk_image + 4999u), 0x77);
}

TEST(LinuxImage, the_initrd_stays_below_initrd_addr_max) {
    Ram ram{8 * mib};
    auto image = linux_image();
    put(image, 0x22c, u32{0x3f'ffff});
    auto const start = load({"vmlinuz", image, {}, std::vector<u8>(4096)}, ram);
    ASSERT_TRUE(start);
    EXPECT_EQ(u32{zero_page(ram, *start).header.ramdisk_image}, 0x3f'f000u);
}

TEST(LinuxImage, an_initrd_larger_than_memory_is_refused) {
    Ram ram{4 * mib};
    EXPECT_EQ(failure({"vmlinuz", linux_image(), {}, std::vector<u8>(5 * mib), "disk.gz"}, ram),
              "'disk.gz' is too large: 5242880 bytes do not fit into memory beside the kernel");
}

TEST(LinuxImage, an_initrd_never_covers_what_the_kernel_unpacks_to) {
    Ram ram{4 * mib};
    auto image = linux_image();
    put(image, 0x260, u32{2 * mib}); // init_size
    EXPECT_TRUE(load({"vmlinuz", image, {}, std::vector<u8>(mib)}, ram));
    EXPECT_FALSE(load({"vmlinuz", image, {}, std::vector<u8>(mib + 1)}, ram));
}

TEST(LinuxImage, a_kernel_that_unpacks_beyond_memory_is_refused) {
    Ram ram{8 * mib};
    auto image = linux_image();
    put(image, 0x258, u64{16 * mib}); // pref_address
    EXPECT_EQ(failure({"vmlinuz", image}, ram), "'vmlinuz' needs 17 MiB of memory before it can unpack itself");
    put(image, 0x258, ~u64{0});
    EXPECT_NE(failure({"vmlinuz", image}, ram).find("beyond 4 GiB"), std::string::npos);
}

TEST(LinuxImage, a_command_line_that_is_too_long_is_refused) {
    Ram ram{8 * mib};
    Images images{"vmlinuz", linux_image(), {}, {}, "initrd", std::string(301, 'x')};
    EXPECT_EQ(failure(images, ram), "the kernel command line has 301 characters; 'vmlinuz' takes 300");
    images.command_line.pop_back();
    EXPECT_TRUE(load(images, ram));
    images.kernel = linux_image(0x205);
    EXPECT_EQ(failure(images, ram), "the kernel command line has 300 characters; 'vmlinuz' takes 255");
}

TEST(LinuxImage, zero_setup_sectors_mean_four) {
    Ram ram{8 * mib};
    auto image = linux_image(0x20f, 3000);
    image.insert(image.begin() + 1024, 3 * 512, 0xcc);
    put(image, 0x1f1, u8{0});
    ASSERT_TRUE(load({"vmlinuz", image}, ram));
    EXPECT_EQ(ram.at<u32>(0x10'0000), 0x0302'0100u);
}

TEST(LinuxImage, old_protocols_zimages_and_64_bit_kernels_are_refused_by_name) {
    Ram ram{8 * mib};
    EXPECT_EQ(failure({"k", linux_image(0x201)}, ram),
              "'k' uses version 2.01 of the Linux boot protocol; 2.02 is the oldest supported");
    auto zimage = linux_image();
    put(zimage, 0x211, u8{0});
    EXPECT_EQ(failure({"k", zimage}, ram), "'k' is a Linux zImage; only a bzImage can be booted");
    auto wide = linux_image();
    put(wide, 0x236, u16{1});
    EXPECT_EQ(failure({"k", wide}, ram), "'k' is a 64-bit Linux kernel; the guest has a 32-bit processor");
}

TEST(LinuxImage, an_entry_point_outside_the_kernel_is_refused) {
    Ram ram{8 * mib};
    auto image = linux_image();
    put(image, 0x214, u32{0x9'0000});
    EXPECT_EQ(failure({"k", image}, ram), "'k' starts at 0x90000, outside its own code");
}

TEST(LinuxImage, protocol_2_02_needs_no_newer_field) {
    Ram ram{8 * mib};
    auto image = linux_image(0x202);
    image[0x201] = 0x2a - 2; // the header ends before initrd_addr_max
    auto const start = load({"k", image, {}, std::vector<u8>(100)}, ram);
    ASSERT_TRUE(start) << start.error().message;
    EXPECT_EQ(u32{zero_page(ram, *start).header.kernel_alignment}, 0u);
}

TEST(LinuxImage, a_file_cut_at_any_length_is_refused_with_one_line) {
    Ram ram{2 * mib};
    auto const whole = linux_image(0x20f, 2000);
    std::size_t const unnoticed = 15; // the header counts paragraphs, and real files end within their last one
    for (std::size_t length = 0; length < whole.size() - unnoticed; ++length) {
        auto const message = failure({"k", {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)}}, ram);
        ASSERT_TRUE(message.starts_with("'k' ")) << length << ": " << message;
        ASSERT_EQ(message.find('\n'), std::string::npos);
    }
}

} // namespace
} // namespace ring3::boot
