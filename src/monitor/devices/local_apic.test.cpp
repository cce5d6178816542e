#include "monitor/devices/local_apic.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

struct Eois final : EoiListener {
    std::vector<u8> vectors;
    void end_of_interrupt(u8 vector) override { vectors.push_back(vector); }
};

class ApicTest : public testing::Test {
protected:
    ApicTest() {
        apic.set_eoi_listener(&eois);
        set(0x0f0, 0x1ff);
    }
    u32 get(u64 offset) { return static_cast<u32>(apic.read(offset, 4)); }
    void set(u64 offset, u32 value) { apic.write(offset, value, 4); }
    void eoi() { set(0x0b0, 0); }
    bool send(u8 vector, Trigger trigger = Trigger::edge, Delivery delivery = Delivery::fixed) {
        return apic.deliver({vector, delivery, trigger, DestinationMode::physical, 0});
    }
    void advance(Nanoseconds by) {
        clock.advance(by);
        queue.run_expired();
    }
    ManualClock clock;
    TimerQueue queue{clock};
    OpenLine intr, nmi;
    Eois eois;
    LocalApic apic{queue, intr, nmi, 0};
};

TEST_F(ApicTest, power_up_values) {
    LocalApic fresh{queue, intr, nmi, 3};
    EXPECT_EQ(fresh.base_msr(), 0xfee0'0900u);
    EXPECT_EQ(fresh.read(0x020, 4), 0x0300'0000u);
    EXPECT_EQ(fresh.read(0x030, 4), 0x0005'0014u);
    EXPECT_EQ(fresh.read(0x0e0, 4), 0xffff'ffffu);
    EXPECT_EQ(fresh.read(0x320, 4), 0x0001'0000u);
    EXPECT_EQ(fresh.read(0x350, 4), 0x0000'0700u) << "virtual wire";
    EXPECT_EQ(fresh.read(0x360, 4), 0x0000'0400u);
}

TEST_F(ApicTest, delivers_by_priority_class) {
    send(0x41);
    send(0x52);
    EXPECT_EQ(apic.acknowledge(), 0x52);
    EXPECT_FALSE(intr.level());
    EXPECT_EQ(get(0x0a0), 0x50u);
    send(0x5f);
    EXPECT_FALSE(intr.level()) << "same class as what is in service";
    send(0x61);
    EXPECT_EQ(apic.acknowledge(), 0x61);
    eoi();
    EXPECT_FALSE(intr.level());
    eoi();
    EXPECT_EQ(apic.acknowledge(), 0x5f);
    eoi();
    EXPECT_EQ(apic.acknowledge(), 0x41);
    eoi();
    EXPECT_EQ(get(0x0a0), 0u);
}

TEST_F(ApicTest, the_task_priority_holds_classes_back) {
    set(0x080, 0x45);
    EXPECT_EQ(get(0x0a0), 0x45u);
    send(0x4f);
    EXPECT_FALSE(intr.level());
    set(0x080, 0x3f);
    EXPECT_TRUE(intr.level());
    EXPECT_EQ(apic.acknowledge(), 0x4f);
}

TEST_F(ApicTest, irr_isr_and_tmr_show_vectors) {
    send(0x65, Trigger::level);
    EXPECT_EQ(get(0x230), 1u << 5);
    EXPECT_EQ(get(0x1b0), 1u << 5);
    EXPECT_EQ(apic.acknowledge(), 0x65);
    EXPECT_EQ(get(0x130), 1u << 5);
    EXPECT_EQ(get(0x230), 0u);
    eoi();
    EXPECT_EQ(eois.vectors, std::vector<u8>{0x65});
    send(0x65, Trigger::edge);
    EXPECT_EQ(get(0x1b0), 0u);
    EXPECT_EQ(apic.acknowledge(), 0x65);
    eoi();
    EXPECT_EQ(eois.vectors.size(), 1u) << "edges are not broadcast";
}

TEST_F(ApicTest, an_acknowledge_without_request_is_spurious) {
    send(0x30);
    set(0x080, 0xf0);
    EXPECT_EQ(apic.acknowledge(), 0xff);
    EXPECT_EQ(get(0x110), 0u);
}

TEST_F(ApicTest, self_ipis) {
    set(0x300, 0x0004'0033); // shorthand self
    EXPECT_EQ(apic.acknowledge(), 0x33);
    eoi();
    set(0x310, 0);
    set(0x300, 0x0000'0034); // physical, 0
    EXPECT_EQ(apic.acknowledge(), 0x34);
    eoi();
    set(0x310, 0xff00'0000);
    set(0x300, 0x0000'0035); // broadcast
    EXPECT_EQ(apic.acknowledge(), 0x35);
    eoi();
    set(0x300, 0x0008'0036); // all including self
    EXPECT_EQ(apic.acknowledge(), 0x36);
    eoi();
    set(0x300, 0x000c'0037); // all excluding self
    set(0x310, 0x0500'0000);
    set(0x300, 0x0000'0038); // somebody else
    EXPECT_FALSE(intr.level());
    EXPECT_EQ(get(0x300) & 0x1000, 0u) << "delivery status: idle";
    set(0x310, 0);
    set(0x300, 0x0000'0400); // NMI
    EXPECT_EQ(nmi.rises(), 1u);
    set(0x300, 0x0000'4500); // INIT: ignored
    set(0x300, 0x0000'0610);
    EXPECT_EQ(get(0x0f0), 0x1ffu);
}

TEST_F(ApicTest, logical_destinations) {
    set(0x0d0, 0x0400'0000);
    auto const to = [&](u8 destination) {
        return apic.deliver({0x40, Delivery::fixed, Trigger::edge, DestinationMode::logical, destination});
    };
    EXPECT_TRUE(to(0x0c));
    EXPECT_FALSE(to(0x03));
    EXPECT_TRUE(to(0xff));
    set(0x0e0, 0x0fff'ffff); // cluster model
    set(0x0d0, 0x2400'0000);
    EXPECT_TRUE(to(0x24));
    EXPECT_FALSE(to(0x14));
    EXPECT_FALSE(to(0x2b));
    EXPECT_TRUE(to(0xf4));
}

TEST_F(ApicTest, illegal_vectors_and_registers_are_recorded) {
    set(0x370, 0x00fe);
    set(0x300, 0x0004'0005);
    EXPECT_EQ(get(0x280), 0u) << "shown after a write";
    EXPECT_EQ(apic.acknowledge(), 0xfe);
    set(0x280, 0);
    EXPECT_EQ(get(0x280), 0x20u);
    send(0x0f);
    get(0x3f0);
    set(0x280, 0);
    EXPECT_EQ(get(0x280), 0xc0u);
    set(0x280, 0);
    EXPECT_EQ(get(0x280), 0u);
}

TEST_F(ApicTest, one_shot_timer) {
    set(0x3e0, 0x0b); // divide by 1
    set(0x320, 0x0050);
    set(0x380, 1000);
    advance(400);
    EXPECT_EQ(get(0x390), 600u);
    EXPECT_FALSE(intr.level());
    advance(600);
    EXPECT_EQ(apic.acknowledge(), 0x50);
    EXPECT_EQ(get(0x390), 0u);
    eoi();
    advance(100'000);
    EXPECT_FALSE(intr.level());
    EXPECT_EQ(get(0x380), 1000u);
}

TEST_F(ApicTest, periodic_timer_with_every_divisor) {
    set(0x320, 0x2'0050);
    constexpr u32 codes[] = {0x0b, 0x00, 0x01, 0x02, 0x03, 0x08, 0x09, 0x0a};
    for (unsigned i = 0; i < 8; ++i) {
        set(0x3e0, codes[i]);
        EXPECT_EQ(get(0x3e0), codes[i]);
        set(0x380, 100);
        for (int turn = 0; turn < 3; ++turn) {
            advance(100u << i);
            EXPECT_EQ(apic.acknowledge(), 0x50) << "divide by " << (1 << i);
            eoi();
        }
    }
}

TEST_F(ApicTest, changing_the_mode_does_not_restart_the_timer) {
    set(0x3e0, 0x0b);
    set(0x320, 0x50);
    set(0x380, 1000);
    advance(700);
    set(0x320, 0x2'0050);
    EXPECT_EQ(get(0x390), 300u);
    advance(400);
    EXPECT_EQ(get(0x390), 900u) << "it began again after zero";
    set(0x320, 0x50);
    advance(900);
    EXPECT_EQ(get(0x390), 0u);
    set(0x320, 0x2'0050);
    advance(5000);
    EXPECT_EQ(get(0x390), 0u) << "a count that has run out stays at zero";
}

TEST_F(ApicTest, a_changed_divisor_applies_to_what_is_left) {
    set(0x3e0, 0x0b);
    set(0x320, 0x50);
    set(0x380, 1000);
    advance(500);
    set(0x3e0, 0x00); // by 2
    advance(500);
    EXPECT_EQ(get(0x390), 250u);
}

TEST_F(ApicTest, a_masked_timer_counts_silently_and_zero_stops_it) {
    set(0x3e0, 0x0b);
    set(0x320, 0x1'0050);
    set(0x380, 1000);
    advance(1000);
    EXPECT_FALSE(intr.level());
    set(0x320, 0x2'0050);
    set(0x380, 1000);
    set(0x380, 0);
    EXPECT_EQ(get(0x390), 0u);
    EXPECT_EQ(queue.next_deadline(), Timer::never);
}

TEST_F(ApicTest, a_late_monitor_merges_periods_and_cannot_hang) {
    set(0x3e0, 0x0b);
    set(0x320, 0x2'0050);
    set(0x380, 1);
    advance(1'000'000'000);
    EXPECT_GT(queue.next_deadline(), clock.now());
    EXPECT_EQ(apic.acknowledge(), 0x50);
    eoi();
    EXPECT_FALSE(intr.level());
}

TEST_F(ApicTest, lint0_as_ext_int_follows_the_8259) {
    set(0x350, 0x700);
    apic.set_lint(0, true);
    EXPECT_TRUE(intr.level());
    EXPECT_EQ(apic.acknowledge(), std::nullopt) << "ask the 8259";
    apic.set_lint(0, false);
    EXPECT_FALSE(intr.level());
    set(0x350, 0x1'0700);
    apic.set_lint(0, true);
    EXPECT_FALSE(intr.level());
}

TEST_F(ApicTest, lint0_as_level_interrupt_has_a_remote_irr) {
    set(0x350, 0x8040);
    apic.set_lint(0, true);
    EXPECT_EQ(get(0x350), 0xc040u);
    EXPECT_EQ(apic.acknowledge(), 0x40);
    eoi();
    EXPECT_EQ(apic.acknowledge(), 0x40) << "still high";
    apic.set_lint(0, false);
    eoi();
    EXPECT_FALSE(intr.level());
    EXPECT_EQ(get(0x350), 0x8040u);
}

TEST_F(ApicTest, lint1_as_nmi) {
    set(0x360, 0x400);
    apic.set_lint(1, true);
    apic.set_lint(1, false);
    EXPECT_EQ(nmi.rises(), 1u);
    set(0x360, 0x1'0400);
    apic.set_lint(1, true);
    EXPECT_EQ(nmi.rises(), 1u);
}

TEST_F(ApicTest, software_disable_masks_the_lvt_and_keeps_what_is_pending) {
    send(0x40);
    set(0x320, 0x0050);
    set(0x0f0, 0x0ff);
    EXPECT_EQ(get(0x320), 0x1'0050u);
    set(0x320, 0x0051);
    EXPECT_EQ(get(0x320), 0x1'0051u) << "the mask bit cannot be cleared";
    EXPECT_FALSE(send(0x60));
    EXPECT_TRUE(send(0, Trigger::edge, Delivery::nmi));
    EXPECT_EQ(apic.acknowledge(), 0x40);
}

TEST_F(ApicTest, global_disable_makes_the_pins_intr_and_nmi) {
    send(0x40);
    ASSERT_TRUE(apic.write_base_msr(0xfee0'0100, 36));
    EXPECT_FALSE(intr.level());
    apic.set_lint(0, true);
    EXPECT_TRUE(intr.level());
    EXPECT_EQ(apic.acknowledge(), std::nullopt);
    apic.set_lint(1, true);
    EXPECT_EQ(nmi.rises(), 1u);
    EXPECT_FALSE(send(0x41));
    ASSERT_TRUE(apic.write_base_msr(0xfee0'0900, 36));
    EXPECT_EQ(get(0x0f0), 0xffu) << "as after a reset";
    EXPECT_EQ(get(0x350), 0x1'0000u);
}

TEST_F(ApicTest, reserved_bits_of_the_base_msr_fault) {
    for (u64 const bad : {u64{0xfee0'0901}, u64{0xfee0'0d00}, u64{1} << 36 | 0x900}) {
        EXPECT_FALSE(apic.write_base_msr(bad, 36));
        EXPECT_EQ(apic.base_msr(), 0xfee0'0900u);
    }
}

TEST_F(ApicTest, odd_accesses_are_answered) {
    EXPECT_EQ(apic.read(0x031, 1) & 0xff, 0x00u);
    EXPECT_EQ(apic.read(0x032, 2) & 0xffff, 0x0005u);
    EXPECT_EQ(apic.read(0x034, 4), 0u);
    EXPECT_EQ(apic.read(0x030, 8), 0x0005'0014u);
    apic.write(0x080, 0x50, 1);
    EXPECT_EQ(get(0x080), 0u) << "only whole aligned registers are written";
}

} // namespace
} // namespace ring3
