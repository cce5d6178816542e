#include "timer.h"

#include "interrupts.h"
#include "port.h"

namespace tiny {

namespace {

// 8259A (Intel 231468): initialization words 1 to 4, then the mask.
constexpr u16 master_command = 0x20, master_data = 0x21, slave_command = 0xa0, slave_data = 0xa1;
constexpr u8 icw1_cascade_icw4 = 0x11, icw4_8086 = 0x01, slave_on_input_2 = 0x04, slave_identity = 0x02;
constexpr u8 all_but_timer = 0xfe, all = 0xff, end_of_interrupt = 0x20;

// 8254 (Intel 231164).
constexpr u16 counter_0 = 0x40, control_word = 0x43;
constexpr u8 counter_0_both_bytes_mode_2 = 0x34;
constexpr u32 input_hertz = 1'193'182;

u32 volatile tick_count;

void timer_interrupt(Frame&) {
    tick_count = tick_count + 1;
    out8(master_command, end_of_interrupt);
}

void start_interrupt_controllers() {
    out8(master_command, icw1_cascade_icw4);
    out8(slave_command, icw1_cascade_icw4);
    out8(master_data, first_irq_vector);
    out8(slave_data, first_irq_vector + 8);
    out8(master_data, slave_on_input_2);
    out8(slave_data, slave_identity);
    out8(master_data, icw4_8086);
    out8(slave_data, icw4_8086);
    out8(master_data, all_but_timer);
    out8(slave_data, all);
}

} // namespace

void start_timer(u32 hertz) {
    set_handler(first_irq_vector, timer_interrupt);
    start_interrupt_controllers();
    u32 const period = input_hertz / hertz;
    out8(control_word, counter_0_both_bytes_mode_2);
    out8(counter_0, static_cast<u8>(period));
    out8(counter_0, static_cast<u8>(period >> 8));
}

u32 ticks() {
    return tick_count;
}

void wait_ticks(u32 count) {
    u32 const start = tick_count;
    // STI takes effect after the next instruction: no interrupt can slip in between it and HLT (SDM 2B STI).
    while (tick_count - start < count) asm volatile("cli\n\tsti\n\thlt" ::: "memory");
}

} // namespace tiny
