// The table and the decoder against an independent reference: every opcode with every mandatory prefix, ModRM byte and
// VEX field, and random bytes, must be valid or not, long, named, addressed and described as Zydis says.
#include "insn/zydis_reference.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace ring3::insn {
namespace {

std::string hex(Bytes const& bytes) {
    std::string text;
    for (u8 byte : bytes) text += fmt::format("{:02x} ", byte);
    return text;
}

/// Checks encodings and reports each kind of difference once, with an example and how often it came.
class Sweep {
public:
    explicit Sweep(unsigned default_size) : default_size_{default_size}, zydis_{default_size} {}
    ~Sweep() {
        for (auto const& [what, example] : differences_)
            ADD_FAILURE() << default_size_ * 8 << "-bit: " << what << ": " << example.bytes << "(" << example.count
                          << " times)";
        EXPECT_GT(valid_, 0u);
    }
    void check(Bytes const& bytes) {
        Insn insn;
        auto const status = decode(bytes, default_size_, true, insn);
        zydis_.decode(bytes, reference_);
        valid_ += status == DecodeStatus::ok;
        if (auto const what = difference(status, insn, reference_))
            ++differences_.try_emplace(*what, Example{hex(bytes), 0}).first->second.count;
    }

private:
    struct Example {
        std::string bytes;
        unsigned count;
    };
    unsigned default_size_;
    ReferenceDecoder zydis_;
    Reference reference_{};
    u64 valid_{};
    std::map<std::string, Example> differences_;
};

void sweep_legacy(Sweep& sweep) {
    for (int prefix : {0x3e, 0x66, 0x67, 0xf2, 0xf3})
        for (int opcode = 0; opcode < 256; ++opcode)
            for (int modrm = 0; modrm < 256; ++modrm) {
                sweep.check(bytes_of({prefix, opcode, modrm, 0x25}));
                sweep.check(bytes_of({prefix, 0x0f, opcode, modrm, 0x25}));
                sweep.check(bytes_of({prefix, 0x0f, 0x38, opcode, modrm, 0x25}));
                sweep.check(bytes_of({prefix, 0x0f, 0x3a, opcode, modrm, 0x25}));
            }
}

/// With vvvv = 1111 as where it is unused, and with another value.
void sweep_vex(Sweep& sweep) {
    for (int map = 1; map <= 3; ++map)
        for (int payload = 0; payload < 256; ++payload) {
            int const vvvv = (payload >> 3) & 15;
            if (vvvv != 15 && vvvv != 10) continue;
            for (int opcode = 0; opcode < 256; ++opcode)
                for (int modrm = 0; modrm < 256; ++modrm)
                    sweep.check(bytes_of({0xc4, 0xe0 | map, payload, opcode, modrm, 0x25}));
        }
}

TEST(DecoderAgainstZydis, agrees_on_every_legacy_encoding_in_32_bit_code) {
    Sweep sweep{4};
    sweep_legacy(sweep);
}

TEST(DecoderAgainstZydis, agrees_on_every_legacy_encoding_in_16_bit_code) {
    Sweep sweep{2};
    sweep_legacy(sweep);
}

TEST(DecoderAgainstZydis, agrees_on_every_vex_encoding) {
    Sweep sweep{4};
    sweep_vex(sweep);
}

TEST(DecoderAgainstZydis, agrees_on_every_address_form) {
    Sweep sweep32{4}, sweep16{2};
    for (int prefix : {0x3e, 0x67, 0x64})
        for (int modrm = 0; modrm < 256; ++modrm)
            for (int sib = 0; sib < 256; ++sib) {
                sweep32.check(bytes_of({prefix, 0x8b, modrm, sib, 0xfe}));
                sweep16.check(bytes_of({prefix, 0x8b, modrm, sib, 0xfe}));
                sweep32.check(bytes_of({prefix, 0xc4, 0xe2, 0x69, 0x90, modrm, sib, 0xfe}));
            }
}

/// Random bytes after a few random prefixes, in code of both sizes.
TEST(DecoderAgainstZydis, agrees_on_random_bytes) {
    u32 const seed = std::random_device{}();
    fmt::print("seed {}\n", seed);
    std::mt19937 random{seed};
    static constexpr u8 prefixes[]{0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67,
                                   0xf0, 0xf2, 0xf3, 0x0f, 0x0f, 0x0f, 0xc4, 0xc5};
    Sweep sweep32{4}, sweep16{2};
    for (int i = 0; i < 1'000'000; ++i) {
        Bytes bytes;
        for (u8& byte : bytes) byte = static_cast<u8>(random());
        std::size_t const count = random() % 5;
        for (std::size_t p = 0; p < count; ++p) bytes[p] = prefixes[random() % std::size(prefixes)];
        (i % 2 ? sweep32 : sweep16).check(bytes);
    }
}

} // namespace
} // namespace ring3::insn
