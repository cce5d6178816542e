#include "interrupts.h"

#include "console.h"
#include "power.h"
#include "segments.h"

extern "C" tiny::u32 const entry_points[49]; // vectors.S

namespace tiny {

namespace {

constexpr u32 plain_vectors = 48; // exceptions and the interrupt controllers' sixteen

/// An interrupt gate (SDM 3A 6.11): interrupts are off in its handler.
constexpr u64 interrupt_gate(u32 offset, u8 privilege) {
    constexpr u64 present_32_bit = 0x8e;
    return (offset & 0xffff) | u64{kernel_code} << 16 | (present_32_bit | u64{privilege} << 5) << 40 |
           u64{offset >> 16} << 48;
}

u64 table[256];
Handler handlers[256];

struct [[gnu::packed]] TableRegister {
    u16 limit;
    u32 base;
};

u32 fault_address() {
    u32 value;
    asm volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

void report(Frame const& frame) {
    print("unexpected vector ", frame.vector, ", error ", Hex{frame.error}, ", at ", Hex{frame.eip}, ", cr2 ",
          Hex{fault_address()}, '\n');
    panic("no handler");
}

} // namespace

void load_interrupts() {
    for (u32 vector = 0; vector < plain_vectors; ++vector) table[vector] = interrupt_gate(entry_points[vector], 0);
    table[system_call_vector] = interrupt_gate(entry_points[plain_vectors], 3); // ring 3 may say INT 80H
    TableRegister const idtr{sizeof(table) - 1, reinterpret_cast<u32>(table)};
    asm volatile("lidt %0" : : "m"(idtr));
}

void set_handler(u32 vector, Handler handler) {
    handlers[vector & 0xff] = handler;
}

extern "C" void handle_interrupt(Frame& frame) {
    if (Handler const handler = handlers[frame.vector & 0xff])
        handler(frame);
    else
        report(frame);
}

} // namespace tiny
