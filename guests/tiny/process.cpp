#include "process.h"

#include "console.h"
#include "interrupts.h"
#include "power.h"
#include "task.h"
#include "timer.h"

extern "C" tiny::u32 enter_user(tiny::u32 entry, tiny::u32 user_stack); // switch.S
extern "C" void leave_user(tiny::u32 result);
extern "C" tiny::u8 user_begin[], user_end[]; // kernel.ld

namespace tiny {

namespace {

u32 call_count;
bool stopped;

/// A task may only name memory of its own: the kernel could read anything for it.
bool is_users(u32 address, u32 size) {
    u32 const begin = reinterpret_cast<u32>(user_begin), end = reinterpret_cast<u32>(user_end);
    return address >= begin && address <= end && size <= end - address;
}

u32 write(u32 address, u32 size) {
    if (!is_users(address, size)) return ~u32{0};
    print(Text{reinterpret_cast<char const*>(address), size});
    return size;
}

void system_call(Frame& frame) {
    ++call_count;
    switch (static_cast<SystemCall>(frame.eax)) {
    case SystemCall::write: frame.eax = write(frame.ebx, frame.ecx); return;
    case SystemCall::ticks: frame.eax = ticks(); return;
    case SystemCall::exit: leave_user(frame.ebx); return;
    }
    frame.eax = ~u32{0};
}

/// Error code bits (SDM 3A 4.7): 1 write, 2 user.
void page_fault(Frame& frame) {
    u32 address;
    asm volatile("mov %%cr2, %0" : "=r"(address));
    print("page fault: ", frame.from_user() ? "task" : "kernel", " at ", Hex{frame.eip},
          (frame.error & 2) ? " writes " : " reads ", Hex{address}, ", error ", frame.error, '\n');
    if (!frame.from_user()) panic("page fault in the kernel");
    stopped = true;
    leave_user(0);
}

} // namespace

TaskResult run_task(Behaviour behaviour) {
    set_handler(system_call_vector, system_call);
    set_handler(page_fault_vector, page_fault);
    auto* const top = reinterpret_cast<u32*>(task_stack());
    top[-1] = static_cast<u32>(behaviour); // the argument; a return address that is never used lies below it
    u32 const status = enter_user(reinterpret_cast<u32>(task_main), reinterpret_cast<u32>(top - 2));
    asm volatile("mov %0, %%ds\n\tmov %0, %%es" : : "r"(0x10));
    enable_interrupts();
    return {status, stopped, call_count};
}

} // namespace tiny
