#include "boot/interrupt_vectors.h"

#include "base/pc_addresses.h"

#include <array>

namespace ring3::boot {

namespace {

constexpr u16 tick_count = 0x46c; // in the BIOS data area, 32 bits; segment 0

constexpr std::array<u8, 18> timer_handler{
    0x1e,                                                 // push ds
    0x50,                                                 // push ax
    0x31, 0xc0,                                           // xor ax, ax
    0x8e, 0xd8,                                           // mov ds, ax
    0x66, 0xff, 0x06, tick_count & 0xff, tick_count >> 8, // inc dword [tick_count]
    0xb0, 0x20,                                           // mov al, 20h: end of interrupt
    0xe6, 0x20,                                           // out 20h, al
    0x58,                                                 // pop ax
    0x1f,                                                 // pop ds
    0xcf,                                                 // iret
};
constexpr std::array<u8, 7> master_handler{
    0x50,       // push ax
    0xb0, 0x20, // mov al, 20h
    0xe6, 0x20, // out 20h, al
    0x58,       // pop ax
    0xcf,       // iret
};
constexpr std::array<u8, 9> slave_handler{
    0x50,       // push ax
    0xb0, 0x20, // mov al, 20h
    0xe6, 0xa0, // out a0h, al
    0xe6, 0x20, // out 20h, al
    0x58,       // pop ax
    0xcf,       // iret
};
constexpr u32 timer_at = 0, master_at = timer_handler.size(), slave_at = master_at + master_handler.size(),
              iret_at = slave_at + slave_handler.size() - 1;

/// Where the interrupt leads: offset within interrupt_handlers.
constexpr u32 handler_of(unsigned vector) {
    if (vector == pc::master_vectors + pc::timer_irq) return timer_at;
    if (vector >= pc::master_vectors && vector < pc::master_vectors + 8) return master_at;
    if (vector >= pc::slave_vectors && vector < pc::slave_vectors + 8) return slave_at;
    return iret_at;
}

} // namespace

std::vector<u8> make_interrupt_vectors() {
    constexpr u16 segment = pc::firmware >> 4;
    std::vector<u8> table;
    for (unsigned vector = 0; vector < 256; ++vector) {
        u32 const offset = interrupt_handlers - pc::firmware + handler_of(vector);
        for (u32 const word : {offset, u32{segment}}) {
            table.push_back(static_cast<u8>(word));
            table.push_back(static_cast<u8>(word >> 8));
        }
    }
    return table;
}

std::vector<u8> make_interrupt_handlers() {
    std::vector<u8> code{timer_handler.begin(), timer_handler.end()};
    code.insert(code.end(), master_handler.begin(), master_handler.end());
    code.insert(code.end(), slave_handler.begin(), slave_handler.end());
    return code;
}

} // namespace ring3::boot
