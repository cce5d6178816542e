#include "power.h"

#include "console.h"
#include "interrupts.h"
#include "port.h"
#include "timer.h"

namespace tiny {

namespace {

// PM1a_CNT (ACPI 4.8.3.2.1), where a PIIX4 usually has it. A grown-up kernel takes the port from the FADT, and the sleep
// type from the DSDT's \_S5 package; here both are known.
constexpr u16 pm1a_control = 0x604;
constexpr u16 sleep_type_s5 = 0 << 10, sleep_enable = 1 << 13;
constexpr u16 debug_exit_port = 0xf4;
constexpr u32 panic_value = 63; // status 127

[[noreturn]] void halt() {
    disable_interrupts();
    for (;;) asm volatile("hlt");
}

} // namespace

void power_off() {
    out16(pm1a_control, sleep_type_s5 | sleep_enable);
    halt(); // the power may take a moment to go
}

void debug_exit(u32 value) {
    constexpr u32 one_second = 100;
    out32(debug_exit_port, value);
    wait_ticks(one_second);
    print("there is no debug-exit device\n");
    power_off();
}

void panic(Text why) {
    print("panic: ", why, '\n');
    out32(debug_exit_port, panic_value);
    halt();
}

} // namespace tiny
