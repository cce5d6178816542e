// This file runs in ring 3. Its code, constants and data are in the task's own pages, so it calls nothing outside.
#include "task.h"

namespace tiny {

namespace {

alignas(16) u8 stack[4096];

u32 system_call(SystemCall number, u32 first, u32 second) {
    u32 result;
    asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second) : "memory");
    return result;
}

void write(char const* text) {
    u32 length = 0;
    while (text[length] != 0) ++length;
    system_call(SystemCall::write, reinterpret_cast<u32>(text), length);
}

u32 ticks() {
    return system_call(SystemCall::ticks, 0, 0);
}

[[noreturn]] void exit(u32 status) {
    for (;;) system_call(SystemCall::exit, status, 0);
}

u32 current_privilege() {
    u32 cs;
    asm volatile("mov %%cs, %0" : "=r"(cs));
    return cs & 3;
}

} // namespace

u32 task_stack() {
    return reinterpret_cast<u32>(stack + sizeof(stack));
}

void task_main(u32 trespasses) {
    write(current_privilege() == 3 ? "task: I am in ring 3\n" : "task: I should be in ring 3\n");

    u32 const start = ticks();
    while (ticks() - start < 3) {
    }
    write("task: the timer goes on while I run\n");

    constexpr u32 kernel_address = 0x10'0000;
    if (system_call(SystemCall::write, kernel_address, 4) == ~u32{0})
        write("task: the kernel does not print its own memory for me\n");
    if (trespasses != 0) *reinterpret_cast<u32 volatile*>(kernel_address) = 0;
    exit(42);
}

} // namespace tiny
