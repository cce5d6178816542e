#include "screen/picture.h"
#include "screen/text.h"

#include <gtest/gtest.h>

#include <random>

namespace ring3::screen {
namespace {

namespace display = display_interface;

VgaState text_mode() {
    VgaState state;
    state.misc = 0x67;
    state.crtc[crtc::horizontal_end] = 79;
    state.crtc[crtc::vertical_end] = 0x8f;
    state.crtc[crtc::overflow] = 0x02; // 400 lines
    state.crtc[crtc::maximum_scan_line] = 0x4f;
    state.crtc[crtc::row_offset] = 40;
    state.crtc[crtc::cursor_start] = 0x20;
    for (u8 i = 0; i < 16; ++i) state.attributes[i] = i;
    state.dac[3 * 7] = 0x2a;
    state.dac[3 * 7 + 1] = 0x3f;
    return state;
}

TEST(Screen, text_is_read_with_its_line_drawing) {
    std::vector<u8> memory(0x4'0000);
    VgaState state = text_mode();
    for (unsigned i = 0; i < 2000; ++i) memory[4 * i] = ' ';
    memory[0] = 'H', memory[4] = 0xcd, memory[4 * 80] = 'x';
    auto rows = text_rows(state, memory);
    ASSERT_EQ(rows.size(), 25u);
    EXPECT_EQ(rows[0], "H═");
    EXPECT_EQ(rows[1], "x");
    state.crtc[crtc::start_low] = 80;
    EXPECT_EQ(text_rows(state, memory)[0], "x") << "scrolled";
    state.graphics[6] = 1;
    EXPECT_TRUE(text_rows(state, memory).empty());
}

TEST(Screen, text_is_drawn_with_the_loaded_font) {
    std::vector<u8> memory(0x4'0000);
    VgaState const state = text_mode();
    memory[0] = 'A', memory[1] = 0x07;
    memory[4 * ('A' * 32) + 2] = 0x80; // first line: the leftmost pixel
    auto const picture = draw(state, memory);
    EXPECT_EQ(picture.width, 720u);
    EXPECT_EQ(picture.height, 400u);
    EXPECT_EQ(picture.rgb[0], 0xaa);
    EXPECT_EQ(picture.rgb[1], 0xff);
    EXPECT_EQ(picture.rgb[3], 0x00);
}

TEST(Screen, direct_color_modes_are_drawn) {
    std::vector<u8> memory(1 << 16);
    VgaState state;
    state.dispi = {0xb0c5, 16, 8, 16, 1, 0, 32, 8, 8, 1, 1};
    memory[2 * (32 + 8)] = 0x1f, memory[2 * (32 + 8) + 1] = 0xf8; // red and blue, at the corner that is panned to
    auto const picture = draw(state, memory);
    EXPECT_EQ(picture.width, 16u);
    EXPECT_EQ(picture.rgb[0], 255);
    EXPECT_EQ(picture.rgb[1], 0);
    EXPECT_EQ(picture.rgb[2], 255);
}

TEST(Screen, pictures_become_files) {
    Picture const picture{2, 1, {1, 2, 3, 4, 5, 6}};
    EXPECT_EQ(as_ppm(picture), "P6\n2 1\n255\n\1\2\3\4\5\6");
    auto const png = as_png(picture);
    EXPECT_EQ(png.substr(1, 3), "PNG");
    EXPECT_EQ(png.substr(12, 4), "IHDR");
    EXPECT_EQ(png.substr(png.size() - 8), std::string("IEND\xae\x42\x60\x82"));
}

TEST(Screen, any_registers_have_a_picture) {
    std::mt19937 random{3};
    std::vector<u8> const memory(0x1000, 0x5a);
    for (int i = 0; i < 60; ++i) {
        VgaState state;
        for (auto* file : {&state.crtc, &state.attributes})
            for (u8& value : *file) value = static_cast<u8>(random());
        for (u8& value : state.graphics) value = static_cast<u8>(random());
        for (u16& value : state.dispi) value = static_cast<u16>(random() & random() & random());
        auto const picture = draw(state, memory);
        EXPECT_EQ(picture.rgb.size(), std::size_t{3} * picture.width * picture.height);
        EXPECT_LE(text_rows(state, memory).size(), most_rows);
    }
}

} // namespace
} // namespace ring3::screen
