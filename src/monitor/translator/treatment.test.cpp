// Which instructions run unchanged, and which do not (C1).
#include "insn/decoder.h"
#include "monitor/translator/scanner.h"

#include <charconv>
#include <gtest/gtest.h>
#include <string_view>
#include <vector>

namespace ring3 {
namespace {

std::vector<u8> bytes_of(std::string_view hex) {
    std::vector<u8> bytes(hex.size() / 2);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, bytes[i], 16);
    return bytes;
}

class TreatmentTest : public testing::Test {
protected:
    Treatment treatment(std::span<u8 const> bytes) const {
        insn::Insn insn;
        EXPECT_EQ(insn::decode(bytes, mode_.code_size(), mode_.has_vex(), insn), insn::DecodeStatus::ok);
        return treatment_of(insn, mode_, *model_, inline_sensitive_);
    }
    Treatment treatment(std::initializer_list<u8> bytes) const {
        return treatment(std::span{bytes.begin(), bytes.size()});
    }

    Result<CpuModel> model_{CpuModel::create("max")};
    TranslationMode mode_{};
    bool inline_sensitive_{true};
};

TEST_F(TreatmentTest, ordinary_instructions_run_as_they_are) {
    EXPECT_EQ(treatment({0x01, 0xd8}), Treatment::direct);
    EXPECT_EQ(treatment({0x8b, 0x03}), Treatment::direct);
    EXPECT_EQ(treatment({0xf7, 0xf3}), Treatment::direct); // div: its fault is the host's
    EXPECT_EQ(treatment({0xf0, 0x0f, 0xb1, 0x0b}), Treatment::direct);
}

TEST_F(TreatmentTest, sensitive_instructions_never_run_as_they_are) {
    for (std::string_view const code :
         {"0f0103",        "0f010b", "0f00c0", "0f00c8", "0f01e0", "0f02c3", "0f03c3", "0f00e0", "0fa2",
          "0f31",          "9c",     "9d",     "fa",     "fb",     "f4",     "cf",     "cc",     "cd80",
          "e460",          "ee",     "6c",     "8cd8",   "8ed8",   "1e",     "1f",     "0f20c0", "0f22d8",
          "0f32",          "0f30",   "0f013b", "0f08",   "0f06",   "0f34",   "0f35",   "cb",     "c403",
          "ea000000000800"}) {
        Treatment const t = treatment(bytes_of(code));
        EXPECT_TRUE(t == Treatment::callout || t == Treatment::inlined) << code;
    }
}

TEST_F(TreatmentTest, instructions_that_64_bit_mode_lacks_are_called_out) {
    for (std::string_view const code :
         {"27", "2f", "37", "3f", "d40a", "d50a", "60", "61", "6203", "6303", "ce", "d6", "9a000000000800"}) {
        EXPECT_EQ(treatment(bytes_of(code)), Treatment::callout) << code;
    }
}

TEST_F(TreatmentTest, the_interrupt_flag_is_inlined_where_the_privilege_allows_it) {
    EXPECT_EQ(treatment({0xfa}), Treatment::callout);
    mode_ = mode_.with<TranslationMode::IoAllowed>(1);
    EXPECT_EQ(treatment({0xfa}), Treatment::inlined);
    EXPECT_EQ(treatment({0xfb}), Treatment::inlined);
    inline_sensitive_ = false;
    EXPECT_EQ(treatment({0xfa}), Treatment::callout);
}

TEST_F(TreatmentTest, segments_with_a_base_or_a_limit_change_no_treatment) {
    std::initializer_list<u8> const load{0x65, 0x8b, 0x03}, lea{0x65, 0x8d, 0x03};
    mode_ = mode_.with<TranslationMode::Gs>(static_cast<u32>(SegmentClass::based));
    EXPECT_EQ(treatment(load), Treatment::direct);
    mode_ = mode_.with<TranslationMode::Gs>(static_cast<u32>(SegmentClass::checked));
    EXPECT_EQ(treatment(load), Treatment::direct);
    EXPECT_EQ(treatment(lea), Treatment::direct);
}

TEST_F(TreatmentTest, vector_instructions_run_where_nothing_hinders_them) {
    std::initializer_list<u8> const movaps{0x0f, 0x28, 0xc1}, vaddps{0xc5, 0xf0, 0x58, 0xc2};
    EXPECT_EQ(treatment(movaps), Treatment::callout);
    mode_ = mode_.with<TranslationMode::Fpu>(1);
    EXPECT_EQ(treatment(movaps), Treatment::direct);
    EXPECT_EQ(treatment({0xd8, 0xc1}), Treatment::direct);
    EXPECT_EQ(treatment(vaddps), Treatment::callout);
    mode_ = mode_.with<TranslationMode::Avx>(1);
    EXPECT_EQ(treatment(vaddps), Treatment::direct);
}

TEST_F(TreatmentTest, strings_run_in_windows_forwards_and_flat) {
    std::initializer_list<u8> const movs{0xf3, 0xa5};
    EXPECT_EQ(treatment(movs), Treatment::callout);
    mode_ = mode_.with<TranslationMode::Window>(1);
    EXPECT_EQ(treatment(movs), Treatment::expand);
    EXPECT_EQ(treatment({0x67, 0xa5}), Treatment::callout);
    EXPECT_EQ(treatment({0x6c}), Treatment::callout);
    mode_ = mode_.with<TranslationMode::Es>(static_cast<u32>(SegmentClass::based));
    EXPECT_EQ(treatment(movs), Treatment::callout);
    EXPECT_EQ(treatment({0xac}), Treatment::expand); // lodsb reads through DS only
    mode_ = mode_.with<TranslationMode::Es>(0).with<TranslationMode::Backwards>(1);
    EXPECT_EQ(treatment(movs), Treatment::callout);
    EXPECT_EQ(treatment({0xfc}), Treatment::callout); // cld
}

TEST_F(TreatmentTest, narrow_stack_operations_and_awkward_operands_are_called_out) {
    EXPECT_EQ(treatment({0x50}), Treatment::expand);
    EXPECT_EQ(treatment({0x66, 0x50}), Treatment::callout);
    EXPECT_EQ(treatment({0x66, 0xe9, 0, 0}), Treatment::callout);
    EXPECT_EQ(treatment({0x67, 0xe2, 0}), Treatment::callout);
    EXPECT_EQ(treatment({0x86, 0x23}), Treatment::callout);       // xchg [ebx],ah
    EXPECT_EQ(treatment({0x86, 0x1b}), Treatment::direct);        // xchg [ebx],bl
    EXPECT_EQ(treatment({0x0f, 0xb6, 0xe4}), Treatment::callout); // movzx esp,ah
    EXPECT_EQ(treatment({0x0f, 0xab, 0x03}), Treatment::callout); // bts [ebx],eax
    EXPECT_EQ(treatment({0x0f, 0xab, 0xc3}), Treatment::direct);  // bts ebx,eax
}

class RealModeTreatmentTest : public TreatmentTest {
protected:
    RealModeTreatmentTest() {
        auto const small = static_cast<u32>(SegmentClass::small);
        mode_ = mode_.with<TranslationMode::Segmented>(1)
                    .with<TranslationMode::Code16>(1)
                    .with<TranslationMode::Stack16>(1)
                    .with<TranslationMode::Paragraphs>(1)
                    .with<TranslationMode::Ds>(small)
                    .with<TranslationMode::Es>(small);
    }
};

TEST_F(RealModeTreatmentTest, the_stack_and_branches_are_expanded_in_both_sizes) {
    for (std::string_view const code : {"50", "6650", "58", "ff37", "c3", "66c3", "e80000", "66e800000000", "7500",
                                        "c9", "ffe0", "ff17", "e2fe", "e3fe", "67e3fe"})
        EXPECT_EQ(treatment(bytes_of(code)), Treatment::expand) << code;
    EXPECT_EQ(treatment({0x5c}), Treatment::callout);       // pop sp
    EXPECT_EQ(treatment({0xe0, 0xfe}), Treatment::callout); // loopne
}

TEST_F(RealModeTreatmentTest, strings_are_expanded_unless_they_repeat) {
    EXPECT_EQ(treatment({0xa4}), Treatment::expand);
    EXPECT_EQ(treatment({0xae}), Treatment::expand);
    EXPECT_EQ(treatment({0xf3, 0xa4}), Treatment::callout);
}

TEST_F(RealModeTreatmentTest, loads_of_small_segments_are_inlined) {
    for (std::string_view const code : {"8ed8", "8e07", "1f", "07", "c407", "c507"})
        EXPECT_EQ(treatment(bytes_of(code)), Treatment::inlined) << code;
    for (std::string_view const code : {"8ed0", "17", "8ee0", "66c407", "0fb207"}) // SS; FS is not small
        EXPECT_EQ(treatment(bytes_of(code)), Treatment::callout) << code;
    mode_ = mode_.with<TranslationMode::Paragraphs>(0);
    EXPECT_EQ(treatment({0x8e, 0xd8}), Treatment::callout);
}

TEST_F(RealModeTreatmentTest, far_transfers_are_expanded_where_paragraphs_share_a_jump_space) {
    for (std::string_view const code : {"9a00000000", "ea00000000", "cb", "ca0400", "ff1f", "ff2f"}) {
        mode_ = mode_.with<TranslationMode::Shared>(0);
        EXPECT_EQ(treatment(bytes_of(code)), Treatment::callout) << code;
        mode_ = mode_.with<TranslationMode::Shared>(1);
        EXPECT_EQ(treatment(bytes_of(code)), Treatment::expand) << code;
    }
    EXPECT_EQ(treatment({0x66, 0xcb}), Treatment::callout);
}

} // namespace
} // namespace ring3
