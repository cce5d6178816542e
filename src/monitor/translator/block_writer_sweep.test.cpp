// Every encoding that the decoder knows is translated, with and without windows: the checker finds nothing against the
// code, and a trace is never lost on the way. (That the code does the right thing is what --verify and lockstep are for.)
#include "insn/decoder.h"
#include "monitor/translator/test_translator.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

class Sweep {
public:
    explicit Sweep(TestMode mode = TestMode::flat32) : t_{mode} {}
    TestTranslator& translator() { return t_; }
    /// `head`: prefixes and opcode; ModRM forms are put behind it.
    void translate_all_forms(std::vector<u8> const& head) {
        // [esp+8] and the register with ESP's number; for that number in ModRM.reg also [ebx], [ecx+edx*4-80h], [disp32]
        static std::vector<std::vector<u8>> const forms{
            {0x44, 0x24, 0x08}, {0xc4}, {0x03}, {0x84, 0x91, 0x80, 0xff, 0xff, 0xff}, {0x05, 0, 0, 0x10, 0}, {0xc0}};
        for (u8 reg = 0; reg < 8; ++reg) {
            for (std::size_t i = 0; i < (reg == esp ? forms.size() : 2); ++i) {
                std::vector<u8> bytes = head;
                bytes.insert(bytes.end(), forms[i].begin(), forms[i].end());
                bytes[head.size()] = static_cast<u8>(forms[i][0] | reg << 3);
                if (!translate(bytes)) return;
            }
        }
    }
    unsigned translated() const { return translated_; }

private:
    /// False: the bytes behind the opcode are no ModRM, and other ones would say the same.
    bool translate(std::vector<u8> bytes) {
        bytes.resize(insn::max_length, 0x11);
        insn::Insn insn;
        TranslationMode const mode = t_.mode();
        if (insn::decode(bytes, mode.code_size(), mode.has_vex(), insn) != insn::DecodeStatus::ok) return true;
        // A pending change of ESP, the instruction, and one behind it.
        std::vector<u8> code{0x50};
        code.insert(code.end(), bytes.begin(), bytes.begin() + insn.length);
        code.push_back(0xf4);
        for (bool const windows : {false, true}) {
            if (!t_.cache->has_room()) {
                t_.cache->flush();
                t_.records.clear();
            }
            t_.windows = windows;
            EXPECT_NE(t_.translate(code), nullptr) << insn.def->name;
            ++translated_;
        }
        return insn.has_modrm;
    }

    TestTranslator t_;
    unsigned translated_{};
};

using Head = std::vector<u8>;

Head operator+(Head a, Head const& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

TEST(BlockWriterSweep, translates_every_legacy_encoding) {
    Sweep sweep;
    for (Head const& prefix : {Head{}, Head{0x66}, Head{0xf2}, Head{0xf3}, Head{0x67}, Head{0xf0}, Head{0x64}})
        for (Head const& map : {Head{}, Head{0x0f}, Head{0x0f, 0x38}, Head{0x0f, 0x3a}})
            for (unsigned opcode = 0; opcode < 256; ++opcode)
                sweep.translate_all_forms(prefix + map + Head{static_cast<u8>(opcode)});
    EXPECT_GT(sweep.translated(), 30'000u);
}

/// The prefixes that change operands and addresses.
void sweep_legacy(Sweep& sweep) {
    for (Head const& prefix : {Head{}, Head{0x66, 0x67, 0x2e}})
        for (Head const& map : {Head{}, Head{0x0f}, Head{0xf3, 0x0f}})
            for (unsigned opcode = 0; opcode < 256; ++opcode)
                sweep.translate_all_forms(prefix + map + Head{static_cast<u8>(opcode)});
    EXPECT_GT(sweep.translated(), 5'000u);
}

TEST(BlockWriterSweep, translates_real_mode) {
    Sweep sweep{TestMode::real};
    sweep_legacy(sweep);
}

TEST(BlockWriterSweep, translates_16_bit_code_in_segments_of_any_limit) {
    Sweep sweep{TestMode::flat16};
    TestMachine& machine = sweep.translator().machine;
    for (auto name : {SegmentName::es, SegmentName::cs, SegmentName::ss, SegmentName::ds, SegmentName::gs})
        machine.set_limit(name, 0x8fff);
    sweep_legacy(sweep);
}

TEST(BlockWriterSweep, translates_every_vex_encoding) {
    Sweep sweep;
    for (u8 map = 1; map <= 3; ++map)
        for (u8 pp = 0; pp < 4; ++pp)
            for (unsigned lw : {0x00, 0x04, 0x80, 0x84})
                for (unsigned vvvv : {0x78, 0x58, 0x18}) // none, ESP's number, EAX's neighbour
                    for (unsigned opcode = 0; opcode < 256; ++opcode)
                        sweep.translate_all_forms({0xc4, static_cast<u8>(0xe0 | map), static_cast<u8>(lw | vvvv | pp),
                                                   static_cast<u8>(opcode)});
    EXPECT_GT(sweep.translated(), 30'000u);
}

} // namespace
} // namespace ring3
