// Small images for the tests and the seed corpora of this folder: sound ones, to be damaged field by field.
#pragma once

#include "boot/boot_params.h"
#include "boot/load.h"

#include <cstring>

namespace ring3::boot::test {

template <class T> void put(std::vector<u8>& image, std::size_t at, T value) {
    if (image.size() < at + sizeof(T)) image.resize(at + sizeof(T));
    std::memcpy(image.data() + at, &value, sizeof(T));
}

/// A bzImage of protocol `version`: one setup sector, `kernel_size` bytes of kernel that count up.
inline std::vector<u8> linux_image(u16 version = 0x20f, std::size_t kernel_size = 3000) {
    SetupHeader header{};
    header.setup_sects = 1;
    header.syssize = static_cast<u32>((kernel_size + 15) / 16);
    header.boot_flag = SetupHeader::boot_flag_value;
    header.jump = 0x6aeb; // the header ends at 202H + 6AH
    header.magic = SetupHeader::header_magic;
    header.version = version;
    header.loadflags = SetupHeader::loaded_high;
    header.code32_start = 0x10'0000;
    header.initrd_addr_max = 0x7fff'ffff;
    header.kernel_alignment = 0x1000;
    header.cmdline_size = 300;
    header.pref_address = 0x10'0000;
    header.init_size = 0x1'0000;
    std::vector<u8> image(1024);
    std::memcpy(image.data() + SetupHeader::begin, &header, 0x26c - SetupHeader::begin);
    for (std::size_t i = 0; i < kernel_size; ++i) image.push_back(static_cast<u8>(i));
    return image;
}

inline constexpr u32 multiboot_magic = 0x1bad'b002;

/// A multiboot kernel with address fields: `size` bytes loaded from 1 MiB, 4 KiB of bss, entry at 1 MiB + 32.
inline std::vector<u8> multiboot_by_addresses(u32 flags = 0x1'0003, u32 size = 256) {
    constexpr u32 base = 0x10'0000;
    std::vector<u8> image(size, 0x90);
    u32 at = 0;
    for (u32 const word : {multiboot_magic, flags, 0 - multiboot_magic - flags, base, base, base + size,
                           base + size + 4096, base + 32}) {
        put(image, at, word);
        at += 4;
    }
    return image;
}

struct Segment {
    u32 vaddr, paddr, filesz, memsz;
};

/// A multiboot kernel in ELF32 form. File offset of segment i's bytes: 1000H * (i + 1).
inline std::vector<u8> multiboot_elf(std::vector<Segment> const& segments, u32 entry) {
    std::vector<u8> image(0x200);
    put(image, 0, 0x464c'457fu);
    put(image, 4, u32{0x0001'0101}); // 32-bit, little-endian, version 1
    put(image, 16, u16{2});          // executable
    put(image, 18, u16{3});          // 80386
    put(image, 24, entry);
    put(image, 28, u32{52}); // program headers
    put(image, 42, u16{32});
    put(image, 44, static_cast<u16>(segments.size()));
    u32 at = 52, offset = 0x1000;
    for (auto const& segment : segments) {
        for (u32 const word : {1u, offset, segment.vaddr, segment.paddr, segment.filesz, segment.memsz, 7u, 0x1000u}) {
            put(image, at, word);
            at += 4;
        }
        image.resize(offset);
        image.resize(offset + segment.filesz, static_cast<u8>(offset >> 12));
        offset += 0x1000;
    }
    u32 header = 0x180;
    for (u32 const word : {multiboot_magic, 3u, 0 - multiboot_magic - 3u}) {
        put(image, header, word);
        header += 4;
    }
    return image;
}

/// Guest RAM for a test.
class Ram {
public:
    explicit Ram(std::size_t low, std::size_t high = 0) : low_(low), high_(high) {}
    operator GuestMemory() { return {low_, high_}; }
    template <class T> T at(u64 gpa) const {
        T value{};
        if (gpa + sizeof(T) <= low_.size()) std::memcpy(&value, low_.data() + gpa, sizeof(T));
        return value;
    }
    std::string string_at(u64 gpa) const {
        std::string text;
        for (; gpa < low_.size() && low_[gpa] != 0; ++gpa) text.push_back(static_cast<char>(low_[gpa]));
        return text;
    }
    std::vector<u8> bytes(u64 gpa, std::size_t count) const {
        auto const begin = low_.begin() + static_cast<std::ptrdiff_t>(gpa);
        return {begin, begin + static_cast<std::ptrdiff_t>(count)};
    }

private:
    std::vector<u8> low_, high_;
};

/// The message of a load that must fail with status 78, else what went wrong with that expectation.
inline std::string failure(Images const& images, GuestMemory memory) {
    auto const result = load(images, memory);
    if (result) return "loaded";
    return result.error().status == ExitStatus::configuration ? result.error().message : "wrong status";
}

} // namespace ring3::boot::test
