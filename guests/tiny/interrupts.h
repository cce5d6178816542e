// Interrupts and exceptions: the descriptor table, and who handles what.
#pragma once

#include "types.h"

namespace tiny {

/// What vectors.S leaves on the stack, lowest address first.
struct Frame {
    u32 edi, esi, ebp, unused_esp, ebx, edx, ecx, eax; // PUSHA
    u32 es, ds;
    u32 vector, error;
    u32 eip, cs, eflags; // the processor pushed these
    u32 esp, ss;         // only if it came from ring 3
    bool from_user() const { return (cs & 3) == 3; }
};

constexpr u32 page_fault_vector = 14, first_irq_vector = 32, system_call_vector = 0x80;

using Handler = void (*)(Frame&);

/// Loads the interrupt descriptor table; every vector without a handler ends the kernel with a report.
void load_interrupts();
void set_handler(u32 vector, Handler handler);

inline void enable_interrupts() {
    asm volatile("sti" ::: "memory");
}
inline void disable_interrupts() {
    asm volatile("cli" ::: "memory");
}

} // namespace tiny
