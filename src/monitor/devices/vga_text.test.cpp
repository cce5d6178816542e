#include "monitor/devices/vga_text.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace ring3 {
namespace {

class VgaTest : public testing::Test {
protected:
    u8 in(u16 port) { return vga.read(static_cast<u16>(port - 0x3b0)); }
    void out(u16 port, u8 value) { vga.write(static_cast<u16>(port - 0x3b0), value); }
    ManualClock clock;
    VgaText vga{clock};
};

TEST_F(VgaTest, shows_the_text_that_is_written_to_memory) {
    vga.write(0x1'8000, 0x0748'0748, 4);
    vga.write(0x1'8000 + 2 * 80, 0x0721, 2);
    auto const screen = vga.text_screen();
    ASSERT_EQ(screen.size(), 25u);
    EXPECT_EQ(screen[0], "HH");
    EXPECT_EQ(screen[1], "!");
    EXPECT_EQ(vga.read(0x1'8000, 2), 0x0748u);
    out(0x3d4, 0x0c);
    out(0x3d5, 0x00);
    out(0x3d4, 0x0d);
    out(0x3d5, 80);
    EXPECT_EQ(vga.text_screen()[0], "!") << "scrolled by the start address";
}

TEST_F(VgaTest, registers_keep_their_values) {
    out(0x3c4, 1);
    out(0x3c5, 0x2a);
    EXPECT_EQ(in(0x3c5), 0x2a);
    out(0x3ce, 5);
    out(0x3cf, 0x55);
    EXPECT_EQ(in(0x3cf), 0x55);
    out(0x3c8, 1);
    for (u8 const v : std::initializer_list<u8>{10, 20, 30}) out(0x3c9, v);
    out(0x3c7, 1);
    for (u8 const v : std::initializer_list<u8>{10, 20, 30}) EXPECT_EQ(in(0x3c9), v);
    in(0x3da);
    out(0x3c0, 0x11);
    out(0x3c0, 0x3f);
    in(0x3da);
    out(0x3c0, 0x11);
    EXPECT_EQ(in(0x3c1), 0x3f);
    EXPECT_EQ(in(0x3cc), 0x67);
    EXPECT_EQ(in(0x3b4), 0xff) << "the CRTC answers at 3D4h in color modes";
    out(0x3c2, 0x66);
    EXPECT_EQ(in(0x3d4), 0xff);
    out(0x3b4, 0x0e);
    EXPECT_EQ(in(0x3b4), 0x0e);
}

TEST_F(VgaTest, crtc_registers_0_to_7_can_be_protected) {
    out(0x3d4, 0x01);
    out(0x3d5, 0x27);
    EXPECT_EQ(in(0x3d5), 0x4f);
    out(0x3d4, 0x11);
    out(0x3d5, 0x0e);
    out(0x3d4, 0x01);
    out(0x3d5, 0x27);
    EXPECT_EQ(in(0x3d5), 0x27);
}

TEST_F(VgaTest, retrace_comes_and_goes) {
    unsigned retraces = 0;
    bool last = false;
    for (int i = 0; i < 100'000; ++i) {
        bool const now = (in(0x3da) & 8) != 0;
        retraces += now && !last;
        last = now;
        clock.advance(10'000);
    }
    EXPECT_EQ(retraces, 70u);
}

TEST_F(VgaTest, no_register_value_breaks_the_screen) {
    out(0x3d4, 0x11);
    out(0x3d5, 0x00);
    for (int value : {0x00, 0xff, 0x55}) {
        for (int index = 0; index < 256; ++index) {
            out(0x3d4, static_cast<u8>(index));
            out(0x3d5, static_cast<u8>(value));
        }
        EXPECT_LE(vga.text_screen().size(), 100u);
    }
}

} // namespace
} // namespace ring3
