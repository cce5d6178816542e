#include "boot/test_images.h"

#include <gtest/gtest.h>

namespace ring3::boot {
namespace {

using namespace test;

constexpr std::size_t mib = 1 << 20;

// Offsets in the information structure (specification, 3.3).
constexpr u32 mem_lower = 4, mem_upper = 8, cmdline = 16, mods_count = 20, mods_addr = 24, mmap_length = 44,
              mmap_addr = 48, loader_name = 64, framebuffer_type = 109;

TEST(Multiboot, an_elf_kernel_is_loaded_by_its_physical_addresses) {
    Ram ram{8 * mib};
    auto const image =
        multiboot_elf({{0xc010'0000, 0x10'0000, 0x800, 0x2000}, {0x20'0000, 0x20'0000, 0x10, 0x10}}, 0xc010'0020);
    auto const start = load({"kernel", image}, ram);
    ASSERT_TRUE(start) << start.error().message;
    EXPECT_EQ(start->eip, 0x10'0020u) << "a virtual entry point is translated";
    EXPECT_EQ(start->eax, 0x2bad'b002u);
    EXPECT_EQ(ram.at<u8>(0x10'07ff), 1);
    EXPECT_EQ(ram.at<u8>(0x10'0800), 0);
    EXPECT_EQ(ram.at<u8>(0x20'000f), 2);
}

TEST(Multiboot, the_information_structure_is_complete) {
    Ram ram{8 * mib, mib};
    Images images{"path/kernel", multiboot_by_addresses()};
    images.command_line = "a b";
    auto const start = load(images, ram);
    ASSERT_TRUE(start) << start.error().message;
    u32 const info = start->ebx;
    EXPECT_EQ(ram.at<u32>(info), 0x24du);
    EXPECT_EQ(ram.at<u32>(info + mem_lower), 639u);
    EXPECT_EQ(ram.at<u32>(info + mem_upper), 7u * 1024);
    EXPECT_EQ(ram.string_at(ram.at<u32>(info + cmdline)), "path/kernel a b");
    EXPECT_EQ(ram.string_at(ram.at<u32>(info + loader_name)), "ring3");
    EXPECT_EQ(ram.at<u32>(info + mods_count), 0u);
    EXPECT_EQ(ram.at<u32>(info + mmap_length), 7u * 24);
    u32 const last = ram.at<u32>(info + mmap_addr) + 6 * 24;
    EXPECT_EQ(ram.at<u32>(last), 20u);
    EXPECT_EQ(ram.at<u64>(last + 4), 0x1'0000'0000u);
    EXPECT_EQ(ram.at<u64>(last + 12), mib);
    EXPECT_EQ(ram.at<u32>(last + 20), 1u);
    EXPECT_EQ(ram.at<u64>(start->gdt_base + 0x10), 0x00cf'9b00'0000'ffffu);
}

TEST(Multiboot, the_address_fields_say_what_is_loaded) {
    Ram ram{4 * mib};
    auto const start = load({"kernel", multiboot_by_addresses()}, ram);
    ASSERT_TRUE(start);
    EXPECT_EQ(start->eip, 0x10'0020u);
    EXPECT_EQ(ram.at<u32>(0x10'0000), multiboot_magic);
    EXPECT_EQ(ram.at<u8>(0x10'00ff), 0x90);
    EXPECT_EQ(ram.at<u8>(0x10'0100), 0);
}

TEST(Multiboot, modules_lie_on_pages_behind_the_kernel) {
    Ram ram{4 * mib};
    Images images{"kernel", multiboot_by_addresses()};
    images.modules = {{std::vector<u8>(5000, 0x11), "one x y"}, {{}, "empty"}, {std::vector<u8>(10, 0x22), "two"}};
    auto const start = load(images, ram);
    ASSERT_TRUE(start) << start.error().message;
    ASSERT_EQ(ram.at<u32>(start->ebx + mods_count), 3u);
    u32 const list = ram.at<u32>(start->ebx + mods_addr);
    EXPECT_EQ(ram.at<u32>(list), 0x10'2000u) << "256 bytes and 4 KiB of bss come before";
    EXPECT_EQ(ram.at<u32>(list + 4), 0x10'2000u + 5000);
    EXPECT_EQ(ram.string_at(ram.at<u32>(list + 8)), "one x y");
    EXPECT_EQ(ram.at<u32>(list + 16), ram.at<u32>(list + 20)) << "an empty module is one";
    EXPECT_EQ(ram.at<u32>(list + 32), 0x10'4000u);
    EXPECT_EQ(ram.at<u8>(0x10'4009), 0x22);
}

TEST(Multiboot, an_initrd_becomes_the_first_module) {
    Ram ram{4 * mib};
    auto const start = load({"kernel", multiboot_by_addresses(), {}, std::vector<u8>(3, 0x5a), "env.txt"}, ram);
    ASSERT_TRUE(start);
    u32 const list = ram.at<u32>(start->ebx + mods_addr);
    EXPECT_EQ(ram.string_at(ram.at<u32>(list + 8)), "env.txt");
}

TEST(Multiboot, a_module_larger_than_memory_is_refused) {
    Ram ram{4 * mib};
    Images images{"kernel", multiboot_by_addresses()};
    images.modules = {{std::vector<u8>(4 * mib), "big.bin arg"}};
    EXPECT_EQ(failure(images, ram), "'big.bin' is too large: 4194304 bytes do not fit into memory beside the kernel");
}

TEST(Multiboot, the_information_gives_way_to_a_kernel_in_low_memory) {
    Ram ram{4 * mib};
    auto const start = load({"k", multiboot_elf({{0x4000, 0x4000, 0x100, 0x2'0000}}, 0x4000)}, ram);
    ASSERT_TRUE(start) << start.error().message;
    EXPECT_EQ(start->ebx, 0x2'4000u);
}

TEST(Multiboot, a_kernel_that_asks_about_the_screen_is_told_of_text_mode) {
    Ram ram{4 * mib};
    auto const start = load({"k", multiboot_by_addresses(0x1'0007)}, ram);
    ASSERT_TRUE(start);
    EXPECT_EQ(ram.at<u32>(start->ebx) & 0x1000, 0x1000u);
    EXPECT_EQ(ram.at<u8>(start->ebx + framebuffer_type), 2);
}

TEST(Multiboot, unknown_required_features_are_refused) {
    Ram ram{4 * mib};
    EXPECT_EQ(failure({"k", multiboot_by_addresses(0x1'0008)}, ram),
              "'k' asks for multiboot features that do not exist here (flags 0x8)");
    EXPECT_TRUE(load({"k", multiboot_by_addresses(0x3'0000)}, ram)) << "unknown optional ones are not";
}

TEST(Multiboot, segments_that_overlap_or_miss_ram_are_refused) {
    Ram ram{4 * mib};
    EXPECT_EQ(failure({"k", multiboot_elf({{0, 0x10'0000, 0x100, 0x1001}, {0, 0x10'1000, 0x10, 0x10}}, 0)}, ram),
              "'k' has segments that overlap at 0x101000-0x101010");
    EXPECT_EQ(failure({"k", multiboot_elf({{0, 0xb'8000, 0x10, 0x10}}, 0)}, ram),
              "'k' wants to lie at 0xb8000-0xb8010, where there is no RAM");
    EXPECT_EQ(failure({"k", multiboot_elf({{0, 0x3f'f000, 0x10, 0x1001}}, 0)}, ram),
              "'k' wants to lie at 0x3ff000-0x400001, where there is no RAM");
    EXPECT_EQ(failure({"k", multiboot_elf({{0, 0xffff'f000, 0x10, 0xffff'ffff}}, 0)}, ram),
              "'k' wants to lie at 0xfffff000-0x1ffffefff, where there is no RAM");
    EXPECT_EQ(failure({"k", multiboot_elf({{0, 0xf'0000, 0x10, 0x10}}, 0)}, ram),
              "'k' wants to lie at 0xf0000-0xf0010, where there is no RAM");
}

TEST(Multiboot, damaged_elf_files_are_refused) {
    Ram ram{4 * mib};
    auto const good = multiboot_elf({{0x10'0000, 0x10'0000, 0x100, 0x200}}, 0x10'0000);
    ASSERT_TRUE(load({"k", good}, ram));
    auto const damaged = [&](std::size_t at, auto value) {
        auto image = good;
        put(image, at, value);
        return failure({"k", image}, ram);
    };
    EXPECT_NE(damaged(4, u8{2}).find("64-bit ELF"), std::string::npos);
    EXPECT_NE(damaged(5, u8{2}).find("another processor"), std::string::npos);
    EXPECT_NE(damaged(18, u16{40}).find("another processor"), std::string::npos);
    EXPECT_NE(damaged(0, u8{0}).find("not an ELF file"), std::string::npos);
    EXPECT_NE(damaged(24, u32{0x50'0000}).find("entry point at 0x500000"), std::string::npos);
    EXPECT_NE(damaged(28, u32{0xffff'fff0}).find("program headers"), std::string::npos);
    EXPECT_NE(damaged(42, u16{8}).find("program headers"), std::string::npos);
    EXPECT_NE(damaged(44, u16{0}).find("nothing to load"), std::string::npos);
    EXPECT_NE(damaged(44, u16{0xffff}).find("program headers"), std::string::npos);
    EXPECT_NE(damaged(52 + 4, u32{0xffff'ff80}).find("truncated"), std::string::npos);
    EXPECT_NE(damaged(52 + 20, u32{0xff}).find("larger in the file"), std::string::npos);
}

TEST(Multiboot, damaged_address_fields_are_refused) {
    Ram ram{4 * mib};
    auto const damaged = [&](std::size_t at, u32 value) {
        auto image = multiboot_by_addresses();
        put(image, at, value);
        return failure({"k", image}, ram);
    };
    EXPECT_NE(damaged(12, 0x10'0004).find("before the file's beginning"), std::string::npos) << "header_addr";
    EXPECT_NE(damaged(12, 0xf'0000).find("before the file's beginning"), std::string::npos);
    EXPECT_NE(damaged(20, 0x10'0101).find("truncated"), std::string::npos) << "load_end_addr";
    EXPECT_NE(damaged(20, 0xf'ffff).find("ends before it loads"), std::string::npos);
    EXPECT_NE(damaged(24, 0xffff'ffff).find("no RAM"), std::string::npos) << "bss_end_addr";
    EXPECT_NE(damaged(28, 0xf'ffff).find("entry point"), std::string::npos);
    EXPECT_NE(damaged(28, 0x10'1100).find("entry point"), std::string::npos);
}

TEST(Multiboot, a_file_cut_at_any_length_is_refused_with_one_line) {
    Ram ram{2 * mib};
    for (auto const& whole :
         {multiboot_by_addresses(), multiboot_elf({{0x10'0000, 0x10'0000, 0x100, 0x200}}, 0x10'0000)}) {
        for (std::size_t length = 0; length < whole.size(); ++length) {
            auto const end = whole.begin() + static_cast<std::ptrdiff_t>(length);
            auto const message = failure({"k", {whole.begin(), end}}, ram);
            ASSERT_TRUE(message.starts_with("'k' ")) << length << ": " << message;
            ASSERT_EQ(message.find('\n'), std::string::npos);
        }
    }
}

} // namespace
} // namespace ring3::boot
