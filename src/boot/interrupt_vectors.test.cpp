#include "boot/interrupt_vectors.h"

#include "base/pc_addresses.h"
#include "boot/bytes.h"
#include "boot/firmware_tables.h"

#include <gtest/gtest.h>

namespace ring3::boot {
namespace {

/// The handler's first byte and last byte, IRET, by its vector.
std::vector<u8> handler(unsigned vector) {
    auto const table = make_interrupt_vectors();
    auto const code = make_interrupt_handlers();
    u32 const gpa = u32{field<u16>(table, 4 * vector + 2)} * 16 + field<u16>(table, 4 * vector);
    std::vector<u8> found;
    for (u32 at = gpa - interrupt_handlers; at < code.size(); ++at) {
        found.push_back(code[at]);
        if (code[at] == 0xcf) break;
    }
    return found;
}

TEST(InterruptVectors, every_vector_leads_to_a_handler_that_returns) {
    EXPECT_EQ(make_interrupt_vectors().size(), 1024u);
    for (unsigned vector = 0; vector < 256; ++vector) {
        ASSERT_FALSE(handler(vector).empty()) << vector;
        EXPECT_EQ(handler(vector).back(), 0xcf) << vector;
    }
    EXPECT_EQ(handler(0x10).size(), 1u) << "a BIOS service: just IRET";
}

TEST(InterruptVectors, hardware_interrupts_are_ended_at_the_controllers_that_sent_them) {
    EXPECT_EQ(handler(pc::master_vectors + 5), (std::vector<u8>{0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf}));
    EXPECT_EQ(handler(pc::slave_vectors + 3), (std::vector<u8>{0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58, 0xcf}));
    EXPECT_EQ(handler(pc::master_vectors).size(), 18u) << "the timer's also counts";
}

TEST(InterruptVectors, the_handlers_lie_behind_the_tables_and_before_the_reset_vector) {
    EXPECT_LE(pc::firmware + make_firmware_area().bytes.size(), interrupt_handlers);
    EXPECT_LE(interrupt_handlers + make_interrupt_handlers().size(), 0xf'fff0u);
}

} // namespace
} // namespace ring3::boot
