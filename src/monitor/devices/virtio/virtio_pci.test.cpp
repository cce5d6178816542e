// The front end as drivers of both kinds use it, and as nobody should.
#include "monitor/devices/virtio/virtio_pci.h"

#include "monitor/devices/test_disk.h"

#include <gtest/gtest.h>

#include <random>

namespace ring3 {
namespace {

struct TestVirtioPort final : VirtioPort {
    u64 features{};
    std::vector<VirtioQueueSetup> queues;
    unsigned begun{}, resets{};
    u32 kicks{};
    std::vector<u8> config;
    u32 config_offset{};
    void configured(u64 negotiated, std::span<VirtioQueueSetup const> setups) override {
        ++begun, features = negotiated, queues.assign(setups.begin(), setups.end());
    }
    void kick(u32 which) override { kicks |= which; }
    void config_written(u32 offset, std::span<u8 const> bytes) override {
        config_offset = offset, config.assign(bytes.begin(), bytes.end());
    }
    void reset() override { ++resets; }
};

struct TestInterrupts final : PciInterrupts {
    bool high{};
    void set_intx(unsigned, unsigned, unsigned, bool asserted) override { high = asserted; }
};

VirtioDescription description() {
    VirtioDescription result;
    result.type = VirtioType::block;
    result.features = 1 << 9;
    result.queue_sizes = {256, 64};
    result.config = {1, 2, 3, 4, 5, 6, 7, 8};
    result.writable = {0, 0, 0, 0, 0xff, 0xff, 0, 0};
    return result;
}

class VirtioPciTest : public testing::Test {
protected:
    static constexpr u16 ports_at = 0xc000;
    static constexpr u32 window_at = 0xe000'0000;
    VirtioPciTest() {
        function.plug_into(spaces, interrupts, {3, 0});
        function.write_config(0x10, ports_at, 4);
        function.write_config(0x20, window_at, 4);
        function.write_config(4, 7, 2);
        function.map_windows();
    }
    void out(u16 offset, u32 value, unsigned bytes) { ports.write(static_cast<u16>(ports_at + offset), value, bytes); }
    u32 in(u16 offset, unsigned bytes) { return ports.read(static_cast<u16>(ports_at + offset), bytes); }
    void store(u64 offset, u64 value, unsigned bytes) { mmio.write({window_at + offset}, value, bytes); }
    u64 load(u64 offset, unsigned bytes) { return mmio.read({window_at + offset}, bytes); }
    void begin_modern() {
        store(20, 3, 1);
        store(8, 0, 4), store(12, 1 << 9 | 1 << 29, 4);
        store(8, 1, 4), store(12, 1, 4);
        store(20, 11, 1);
        store(22, 0, 2), store(24, 16, 2);
        store(32, 0x1000, 8), store(40, 0x2000, 4), store(44, 0, 4), store(48, 0x3000, 8);
        store(28, 1, 2);
        store(20, 15, 1);
    }

    TestMemory memory{1 << 20};
    NoMemoryMap map;
    PortBus ports;
    MmioBus mmio;
    PciSpaces spaces{ports, mmio, map};
    TestInterrupts interrupts;
    TestVirtioPort port;
    VirtioPci function{description(), memory, port};
};

TEST_F(VirtioPciTest, a_modern_driver_hands_its_queues_over) {
    EXPECT_EQ(load(18, 2), 2u);
    store(0, 1, 4);
    EXPECT_EQ(load(4, 4), 1u); // version 1
    begin_modern();
    EXPECT_EQ(load(20, 1), 15u);
    ASSERT_EQ(port.begun, 1u);
    EXPECT_EQ(port.features, (u64{1} << 32) | 1 << 29 | 1 << 9);
    ASSERT_EQ(port.queues.size(), 1u);
    EXPECT_EQ(port.queues[0], (VirtioQueueSetup{0, 16, {0x1000}, {0x2000}, {0x3000}}));
    store(0x3000, 0, 2);
    EXPECT_EQ(port.kicks, 1u);
    store(0x3004, 1, 2), store(0x3000, 77, 2);
    EXPECT_EQ(port.kicks, 3u);
    EXPECT_EQ(load(0x2003, 1), 4u);
    EXPECT_EQ(load(0x2000, 8), 0x0807'0605'0403'0201u);
}

TEST_F(VirtioPciTest, features_that_were_not_offered_are_refused) {
    store(8, 0, 4), store(12, 1 << 3, 4);
    store(20, 11, 1);
    EXPECT_EQ(load(20, 1), 3u);
}

TEST_F(VirtioPciTest, a_legacy_driver_hands_over_a_page) {
    EXPECT_EQ(in(0, 4) & (1 << 9 | 1 << 27), 1u << 9 | 1u << 27);
    out(4, 1 << 9, 4);
    out(14, 1, 2);
    EXPECT_EQ(in(12, 2), 64u);
    out(8, 5, 4);
    EXPECT_EQ(in(8, 4), 5u);
    out(18, 7, 1);
    ASSERT_EQ(port.queues.size(), 1u);
    EXPECT_EQ(port.queues[0], (VirtioQueueSetup{1, 64, {0x5000}, {0x5400}, {0x6000}}));
    out(16, 1, 2);
    EXPECT_EQ(port.kicks, 2u);
    EXPECT_EQ(in(20, 4), 0x0403'0201u);
}

TEST_F(VirtioPciTest, completions_show_the_index_and_interrupt_if_wanted) {
    begin_modern();
    memory.put32(0x2004 + 32, 1); // the used event: not for the first one
    function.user().used(0, 1, VirtioUser::Index::to_be_written);
    EXPECT_EQ(memory.bytes[0x3002], 1);
    EXPECT_FALSE(interrupts.high);
    function.user().used(0, 2, VirtioUser::Index::written);
    EXPECT_EQ(memory.bytes[0x3002], 1);
    EXPECT_TRUE(interrupts.high);
    EXPECT_EQ(load(0x1000, 1), 1u);
    EXPECT_FALSE(interrupts.high);
    EXPECT_EQ(load(0x1000, 1), 0u);
}

TEST_F(VirtioPciTest, a_reset_waits_for_the_far_end) {
    begin_modern();
    store(20, 0, 1);
    EXPECT_EQ(port.resets, 1u);
    EXPECT_NE(load(20, 1), 0u);
    function.user().used(0, 9, VirtioUser::Index::to_be_written); // of the time before
    EXPECT_EQ(memory.bytes[0x3002], 0);
    begin_modern();
    EXPECT_EQ(port.begun, 1u);
    function.user().reset_done();
    EXPECT_EQ(port.begun, 2u);
    store(20, 0, 1);
    function.user().reset_done();
    EXPECT_EQ(load(20, 1), 0u);
}

TEST_F(VirtioPciTest, configuration_changes_both_ways) {
    begin_modern();
    store(0x2003, 0xaabb'ccdd, 4);
    EXPECT_EQ(port.config, (std::vector<u8>{4, 0xcc, 0xbb, 7}));
    EXPECT_EQ(port.config_offset, 3u);
    port.config.clear();
    store(0x2000, 0, 4);
    EXPECT_TRUE(port.config.empty());
    std::array<u8, 8> const now{9};
    auto const before = load(21, 1);
    function.user().config_changed(now);
    EXPECT_EQ(load(0x2000, 1), 9u);
    EXPECT_NE(load(21, 1), before);
    EXPECT_EQ(load(0x1000, 1), 2u);
    function.user().broken();
    EXPECT_EQ(load(20, 1) & 0x40, 0x40u);
}

TEST_F(VirtioPciTest, the_window_can_be_reached_through_configuration_space) {
    u8 at = 0;
    for (u8 next = static_cast<u8>(function.read_config(0x34, 1)); next != 0;
         next = static_cast<u8>(function.read_config(static_cast<u8>(next + 1), 1)))
        if (function.read_config(static_cast<u8>(next + 3), 1) == 5) at = next;
    ASSERT_NE(at, 0);
    function.write_config(static_cast<u8>(at + 4), 4, 1);
    function.write_config(static_cast<u8>(at + 8), 18, 4);
    function.write_config(static_cast<u8>(at + 12), 2, 4);
    EXPECT_EQ(function.guest_reads_config(static_cast<u8>(at + 16), 2), 2u);
    function.write_config(static_cast<u8>(at + 8), 20, 4);
    function.write_config(static_cast<u8>(at + 12), 1, 4);
    function.write_config(static_cast<u8>(at + 16), 3, 1);
    EXPECT_EQ(load(20, 1), 3u);
    function.write_config(static_cast<u8>(at + 8), 0x4000, 4); // beyond it
    function.guest_reads_config(static_cast<u8>(at + 16), 4);
    function.write_config(static_cast<u8>(at + 12), 3, 4);
    function.guest_reads_config(static_cast<u8>(at + 16), 4);
}

TEST_F(VirtioPciTest, anything_may_be_written_anywhere) {
    std::mt19937_64 random{7};
    for (int i = 0; i < 200'000; ++i) {
        unsigned const bytes = 1u << random() % 3;
        u64 const value = random() & 1 ? random() : random() & 0xf;
        switch (random() % 8) {
        case 0: out(static_cast<u16>(random() % 29), static_cast<u32>(value), bytes); break;
        case 1: in(static_cast<u16>(random() % 29), bytes); break;
        case 2:
        case 3: store(random() % 60 + 0x1000 * (random() % 4 * (random() & 1)), value, 2 * bytes); break;
        case 4: load(random() % 60 + 0x1000 * (random() % 4), 2 * bytes); break;
        case 5:
            function.user().used(static_cast<unsigned>(random() % 3), static_cast<u16>(value),
                                 VirtioUser::Index::to_be_written);
            break;
        case 6: function.user().reset_done(); break;
        default: {
            u8 const offset = static_cast<u8>(0x40 + random() % 0x60);
            if (offset % 4 + bytes <= 4) function.write_config(offset, static_cast<u32>(value), bytes);
            if (offset % 4 + bytes <= 4) function.guest_reads_config(offset, bytes);
            break;
        }
        }
    }
    EXPECT_GT(port.begun, 0u);
}

} // namespace
} // namespace ring3
