#include "monitor/devices/piix.h"
#include "monitor/devices/pci_bus.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

struct Power final : PowerSwitch {
    void power_off() override {}
    void reset() override {}
    void debug_exit(u32) override {}
    void set_exit_status(u8) override {}
    void input_wanted() override {}
};

struct NoInterrupts final : PciInterrupts {
    void set_intx(unsigned, unsigned, unsigned, bool) override {}
};

class PciTest : public testing::Test {
protected:
    PciTest() {
        EXPECT_TRUE(ports.claim(PciBus::ports, pci));
        EXPECT_TRUE(pci.plug(0, 0, host));
        EXPECT_TRUE(pci.plug(1, 0, isa));
        EXPECT_TRUE(pci.plug(1, 3, pm_function));
    }
    void select(unsigned slot, unsigned function, unsigned offset) {
        ports.write(0xcf8, 0x8000'0000u | slot << 11 | function << 8 | (offset & 0xfc), 4);
    }
    u32 get(unsigned slot, unsigned function, unsigned offset, unsigned bytes = 4) {
        select(slot, function, offset);
        return ports.read(static_cast<u16>(0xcfc + offset % 4), bytes);
    }
    void set(unsigned slot, unsigned function, unsigned offset, u32 value, unsigned bytes) {
        select(slot, function, offset);
        ports.write(static_cast<u16>(0xcfc + offset % 4), value, bytes);
    }
    ManualClock clock;
    TimerQueue queue{clock};
    OpenLine reset, sci, irq10, irq11;
    Power power;
    PortBus ports;
    MmioBus mmio;
    AcpiPm pm{queue, sci, power};
    NoMemoryMap memory_map;
    NoInterrupts interrupts;
    PciBus pci{reset, PciSpaces{ports, mmio, memory_map}, interrupts};
    std::vector<u8> ram = std::vector<u8>(ShadowRam::size);
    ShadowRam shadow{memory_map, ram, {}};
    HostBridge host{shadow, PowerOn::as_firmware_leaves};
    IsaBridge isa{
        {nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, &irq10, &irq11},
        {10, 11, 10, 11},
        PowerOn::as_firmware_leaves};
    PowerManagementFunction pm_function{ports, pm, 0x600, 9, PowerOn::as_firmware_leaves};
};

TEST_F(PciTest, functions_have_the_identities_of_qemus_pc) {
    EXPECT_EQ(get(0, 0, 0x00), 0x1237'8086u);
    EXPECT_EQ(get(0, 0, 0x08), 0x0600'0002u);
    EXPECT_EQ(get(1, 0, 0x00), 0x7000'8086u);
    EXPECT_EQ(get(1, 0, 0x08), 0x0601'0000u);
    EXPECT_EQ(get(1, 0, 0x0e, 1), 0x80u) << "multifunction";
    EXPECT_EQ(get(1, 3, 0x00), 0x7113'8086u);
    EXPECT_EQ(get(1, 3, 0x08), 0x0680'0003u);
    EXPECT_EQ(get(1, 3, 0x3c, 2), 0x0109u);
}

TEST_F(PciTest, what_is_absent_reads_as_ones) {
    EXPECT_EQ(get(2, 0, 0), 0xffff'ffffu);
    EXPECT_EQ(get(1, 1, 0, 2), 0xffffu);
    ports.write(0xcf8, 0x8001'0000, 4); // bus 1
    EXPECT_EQ(ports.read(0xcfc, 4), 0xffff'ffffu);
    ports.write(0xcf8, 0x0000'0000, 4); // not enabled
    EXPECT_EQ(ports.read(0xcfc, 4), 0xffff'ffffu);
    ports.write(0xcfc, 0, 4);
}

TEST_F(PciTest, the_address_register_takes_whole_dwords_only) {
    ports.write(0xcf8, 0xffff'ffff, 4);
    EXPECT_EQ(ports.read(0xcf8, 4), 0x80ff'fffcu);
    ports.write(0xcfb, 0x01, 1); // how drivers find mechanism 1
    ports.write(0xcf8, 0x0000, 2);
    EXPECT_EQ(ports.read(0xcf8, 4), 0x80ff'fffcu);
    EXPECT_EQ(ports.read(0xcf8, 1), 0xffu);
}

TEST_F(PciTest, data_accesses_of_every_width) {
    EXPECT_EQ(get(0, 0, 0, 1), 0x86u);
    EXPECT_EQ(get(0, 0, 1, 1), 0x80u);
    EXPECT_EQ(get(0, 0, 2, 2), 0x1237u);
    select(0, 0, 0);
    EXPECT_EQ(ports.read(0xcfe, 4) & 0xffff, 0x1237u) << "over the end of the window";
    set(0, 0, 0x62, 0xbeef, 2); // DRB2, DRB3
    EXPECT_EQ(get(0, 0, 0x60), 0xbeef'0000u);
}

TEST_F(PciTest, read_only_registers_stay) {
    set(0, 0, 0x00, 0, 4);
    set(0, 0, 0x08, 0, 4);
    EXPECT_EQ(get(0, 0, 0x00), 0x1237'8086u);
    EXPECT_EQ(get(0, 0, 0x08), 0x0600'0002u);
    set(0, 0, 0x10, 0xffff'ffff, 4);
    EXPECT_EQ(get(0, 0, 0x10), 0u) << "no base address registers";
}

TEST_F(PciTest, reset_control_resets_on_bit_2) {
    ports.write(0xcf9, 0x02, 1);
    EXPECT_EQ(reset.rises(), 0u);
    EXPECT_EQ(ports.read(0xcf9, 1), 0x02u);
    ports.write(0xcf9, 0x06, 1);
    EXPECT_EQ(reset.rises(), 1u);
}

TEST_F(PciTest, pirqs_reach_the_irqs_that_they_are_routed_to) {
    isa.set_pirq(0, true);
    isa.set_pirq(2, true);
    EXPECT_TRUE(irq10.level());
    isa.set_pirq(0, false);
    EXPECT_TRUE(irq10.level()) << "PIRQC# holds it";
    set(1, 0, 0x62, 0x0b, 1);
    EXPECT_FALSE(irq10.level());
    EXPECT_TRUE(irq11.level());
    set(1, 0, 0x62, 0x80, 1);
    EXPECT_FALSE(irq11.level());
    set(1, 0, 0x62, 0x02, 1); // IRQ 2: not possible
}

TEST_F(PciTest, the_pm_block_moves) {
    EXPECT_EQ(ports.read(0x604, 2), 0u);
    set(1, 3, 0x40, 0xb000, 4);
    EXPECT_EQ(get(1, 3, 0x40), 0xb001u);
    EXPECT_EQ(ports.read(0x604, 2), 0xffffu);
    EXPECT_EQ(ports.read(0xb004, 2), 0u);
    set(1, 3, 0x80, 0, 1);
    EXPECT_EQ(ports.read(0xb004, 2), 0xffffu);
    set(1, 3, 0x80, 1, 1);
    set(1, 3, 0x40, 0x0cc0, 4); // over the configuration ports
    EXPECT_EQ(ports.read(0xcf8, 4) >> 31, 1u);
    set(1, 3, 0x40, 0xffc0, 4);
    EXPECT_EQ(ports.read(0xffc4, 2), 0u);
}

} // namespace
} // namespace ring3
