#include "monitor/devices/vga_card.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <random>

namespace ring3 {
namespace {

namespace display = display_interface;

class VgaTest : public testing::Test {
protected:
    u8 in(u16 port) { return vga.registers().read(static_cast<u16>(port - 0x3b0)); }
    void out(u16 port, u8 value) { vga.registers().write(static_cast<u16>(port - 0x3b0), value); }
    void sequencer(u8 index, u8 value) { out(0x3c4, index), out(0x3c5, value); }
    void graphics(u8 index, u8 value) { out(0x3ce, index), out(0x3cf, value); }
    void display_write(u16 index, u16 value) {
        vga.display_port().write_wide(0, index, 2);
        vga.display_port().write_wide(1, value, 2);
    }
    u16 display_read(u16 index) {
        vga.display_port().write_wide(0, index, 2);
        return static_cast<u16>(vga.display_port().read_wide(1, 2));
    }
    /// 640 x 480 with 16 colors (mode 12h).
    void planar_mode() {
        std::ranges::fill(memory, u8{0});
        sequencer(2, 0x0f);
        sequencer(4, 0x06);
        graphics(5, 0x00);
        graphics(6, 0x05);
        graphics(8, 0xff);
    }
    void mode(u16 width, u16 height, u16 depth) {
        display_write(display::enable, 0);
        display_write(display::width, width);
        display_write(display::height, height);
        display_write(display::depth, depth);
        display_write(display::enable, display::enabled);
    }
    ManualClock clock;
    std::vector<u8> memory = std::vector<u8>(1 << 20);
    VgaCard vga{clock, memory, {}, VgaCard::Start::text_mode};
};

TEST_F(VgaTest, text_and_attributes_go_to_planes_0_and_1) {
    vga.window().write(0x1'8000, 0x1f48'0748, 4);
    EXPECT_EQ(memory[0], 0x48);
    EXPECT_EQ(memory[1], 0x07);
    EXPECT_EQ(memory[4], 0x48);
    EXPECT_EQ(memory[5], 0x1f);
    EXPECT_EQ(vga.window().read(0x1'8000, 4), 0x1f48'0748u);
    EXPECT_EQ(vga.window().read(0, 1), 0xffu) << "A0000h is not mapped in text mode";
}

TEST_F(VgaTest, a_font_goes_to_plane_2) {
    sequencer(2, 4);
    sequencer(4, 7);
    graphics(5, 0);
    graphics(6, 4);
    vga.window().write(0x21, 0xa5, 1);
    EXPECT_EQ(memory[4 * 0x21 + 2], 0xa5);
}

TEST_F(VgaTest, write_mode_0_rotates_masks_and_combines) {
    planar_mode();
    vga.window().write(0, 0xf0, 1);
    EXPECT_EQ(memory[0], 0xf0);
    EXPECT_EQ(memory[3], 0xf0);
    vga.window().read(0, 1); // latches
    graphics(3, 0x18 | 4);   // XOR, rotated by 4
    graphics(8, 0x3c);
    vga.window().write(0, 0xff, 1);
    EXPECT_EQ(memory[0], 0xcc);
    graphics(3, 0);
    graphics(1, 0x0f); // set/reset on all planes
    graphics(0, 0x05);
    graphics(8, 0xff);
    vga.window().write(0, 0x00, 1);
    EXPECT_EQ(memory[0], 0xff);
    EXPECT_EQ(memory[1], 0x00);
    EXPECT_EQ(memory[2], 0xff);
}

TEST_F(VgaTest, write_mode_1_copies_the_latches) {
    planar_mode();
    for (u8 plane = 0; plane < 4; ++plane) memory[4 * 7 + plane] = static_cast<u8>(0x10 + plane);
    vga.window().read(7, 1);
    graphics(5, 1);
    vga.window().write(9, 0xff, 1);
    for (u8 plane = 0; plane < 4; ++plane) EXPECT_EQ(memory[4u * 9 + plane], 0x10 + plane);
}

TEST_F(VgaTest, write_modes_2_and_3_paint_colors) {
    planar_mode();
    graphics(5, 2);
    graphics(8, 0x80);
    vga.window().read(0, 1);
    vga.window().write(0, 0x0a, 1);
    EXPECT_EQ(memory[0], 0x00);
    EXPECT_EQ(memory[1], 0x80);
    EXPECT_EQ(memory[3], 0x80);
    graphics(5, 3);
    graphics(0, 0x01);
    graphics(8, 0xff);
    vga.window().read(0, 1);
    vga.window().write(0, 0x0f, 1); // the byte is a mask
    EXPECT_EQ(memory[0], 0x0f);
    EXPECT_EQ(memory[1], 0x80);
}

TEST_F(VgaTest, read_mode_1_finds_a_color) {
    planar_mode();
    memory[0] = 0x81, memory[1] = 0x01;
    graphics(5, 8);
    graphics(2, 0x01);
    graphics(7, 0x0f);
    EXPECT_EQ(vga.window().read(0, 1), 0x80u) << "color 1 is at the left";
    graphics(7, 0x01);
    EXPECT_EQ(vga.window().read(0, 1), 0x81u) << "plane 1 does not matter";
}

TEST_F(VgaTest, chain_4_is_linear) {
    planar_mode();
    sequencer(4, 0x0e);
    vga.window().write(0x1234, 0x44332211, 4);
    EXPECT_EQ(memory[0x1234], 0x11);
    EXPECT_EQ(memory[0x1237], 0x44);
    sequencer(2, 0x01);
    vga.window().write(0x1234, 0, 4);
    EXPECT_EQ(memory[0x1234], 0x00);
    EXPECT_EQ(memory[0x1235], 0x22) << "the map mask holds";
}

TEST_F(VgaTest, display_modes_are_banked_and_fit_the_memory) {
    EXPECT_EQ(display_read(display::id), 0xb0c5u);
    EXPECT_EQ(display_read(display::memory_64k), 16u);
    memory[5] = 1;
    mode(800, 600, 16);
    EXPECT_EQ(memory[5], 0) << "cleared";
    EXPECT_EQ(display_read(display::virtual_height), 655u);
    display_write(display::bank, 3);
    vga.window().write(2, 0xbeef, 2);
    EXPECT_EQ(memory[0x3'0002], 0xef);
    display_write(display::bank, 16);
    EXPECT_EQ(display_read(display::bank), 3u) << "there is no bank 16";
    mode(1280, 1024, 32);
    EXPECT_EQ(display_read(display::height), (1u << 20) / (1280 * 4)) << "as many lines as there is memory";
    display_write(display::enable, display::get_capabilities);
    EXPECT_EQ(display_read(display::width), display::most_width);
    display_write(display::depth, 17);
    display_write(display::enable, 0);
    EXPECT_EQ(display_read(display::depth), 32u) << "there are no 17 bits";
}

TEST_F(VgaTest, bar_2_shows_the_registers) {
    NoMemoryMap map;
    PortBus ports;
    MmioBus mmio;
    struct NoInterrupts final : PciInterrupts {
        void set_intx(unsigned, unsigned, unsigned, bool) override {}
    } pins;
    PciSpaces spaces{ports, mmio, map};
    vga.plug_into(spaces, pins, {2, 0});
    vga.write_config(0x18, 0xfebf'0000, 4);
    vga.write_config(0x04, 2, 2);
    vga.map_windows();
    EXPECT_EQ(mmio.read({0xfebf'0500}, 2), 0xb0c5u);
    mmio.write({0xfebf'0502}, 1024, 2);
    EXPECT_EQ(display_read(display::width), 1024u);
    mmio.write({0xfebf'0402}, 0x66, 1); // port 3C2h
    EXPECT_EQ(in(0x3cc), 0x66);
    EXPECT_EQ(mmio.read({0xfebf'0604}, 4), 0x1e1e'1e1eu);
}

TEST_F(VgaTest, registers_keep_their_values) {
    sequencer(1, 0x2a);
    EXPECT_EQ(in(0x3c5), 0x2a);
    graphics(5, 0x55);
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
    out(0x3d4, 0x01), out(0x3d5, 0x27);
    EXPECT_EQ(in(0x3d5), 0x4f) << "mode 3 leaves them protected";
    out(0x3d4, 0x07), out(0x3d5, 0x00);
    EXPECT_EQ(in(0x3d5), 0x0f) << "but for bit 4 of register 7";
    out(0x3d4, 0x11), out(0x3d5, 0x0e);
    out(0x3d4, 0x01), out(0x3d5, 0x27);
    EXPECT_EQ(in(0x3d5), 0x27);
}

TEST_F(VgaTest, retrace_comes_and_goes_with_time) {
    unsigned retraces = 0;
    bool before = false;
    for (int i = 0; i < 10'000; ++i) {
        bool const now = (in(0x3da) & 8) != 0;
        retraces += now && !before;
        before = now;
        clock.advance(10'000);
    }
    EXPECT_NEAR(retraces, 7, 1) << "70 a second";
}

TEST_F(VgaTest, anything_can_be_written) {
    std::mt19937 random{1};
    auto const number = [&random] { return static_cast<u32>(random()); };
    for (int i = 0; i < 300'000; ++i) {
        switch (number() % 6) {
        case 0: vga.registers().write(static_cast<u16>(number() % 48), static_cast<u8>(number())); break;
        case 1: vga.registers().read(static_cast<u16>(number() % 48)); break;
        case 2: vga.window().write(number() % (VgaMemory::size - 8), number(), 1u << number() % 4); break;
        case 3: vga.window().read(number() % (VgaMemory::size - 8), 1u << number() % 4); break;
        case 4: display_write(static_cast<u16>(number() % 13), static_cast<u16>(number() & number())); break;
        default: display_read(static_cast<u16>(number() % 13)); break;
        }
        auto const& r = vga.state().dispi;
        if (!vga.state().is_linear_mode()) continue;
        u64 const line = u64{r[display::virtual_width]} * display::bytes_per_pixel(r[display::depth]);
        ASSERT_LE((r[display::y_offset] + u64{r[display::height]} - 1) * line +
                      (r[display::x_offset] + u64{r[display::width]}) * display::bytes_per_pixel(r[display::depth]),
                  memory.size());
    }
}

} // namespace
} // namespace ring3
