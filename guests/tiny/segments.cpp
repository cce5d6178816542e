#include "segments.h"

namespace tiny {

namespace {

/// A descriptor (SDM 3A 3.4.5). `access` is its sixth byte: P, DPL, S, type; `flags` are G, D/B, L, AVL.
constexpr u64 descriptor(u32 base, u32 limit, u8 access, u8 flags) {
    return (limit & 0xffff) | u64{base & 0xff'ffff} << 16 | u64{access} << 40 | u64{(limit >> 16) & 0xf} << 48 |
           u64{flags} << 52 | u64{base >> 24} << 56;
}
constexpr u32 whole = 0xf'ffff;  // pages, with G set: 4 GiB
constexpr u8 pages_32_bit = 0xc; // G, D/B
constexpr u8 code_0 = 0x9a, data_0 = 0x92, code_3 = 0xfa, data_3 = 0xf2;
constexpr u8 available_tss = 0x89; // system segment, 32-bit TSS

/// The 32-bit TSS (SDM 3A 8.2.1): 104 bytes, of which this kernel needs three fields.
struct TaskState {
    u32 previous_task;
    u32 esp0;
    u32 ss0;
    u32 unused[22];
    u16 debug_trap;
    u16 io_map_base; // behind the limit: ring 3 may use no port
};
static_assert(sizeof(TaskState) == 104);

alignas(16) u8 interrupt_stack[8192];
TaskState task;

u64 table[6] = {
    0,
    descriptor(0, whole, code_0, pages_32_bit),
    descriptor(0, whole, data_0, pages_32_bit),
    descriptor(0, whole, code_3, pages_32_bit),
    descriptor(0, whole, data_3, pages_32_bit),
    0, // the TSS, whose address the compiler does not know
};

struct [[gnu::packed]] TableRegister {
    u16 limit;
    u32 base;
};

u32 address_of(void const* pointer) {
    return reinterpret_cast<u32>(pointer);
}

} // namespace

void load_segments() {
    task.esp0 = address_of(interrupt_stack) + sizeof(interrupt_stack);
    task.ss0 = kernel_data;
    task.io_map_base = sizeof(task);
    table[task_state / 8] = descriptor(address_of(&task), sizeof(task) - 1, available_tss, 0);

    TableRegister const gdtr{sizeof(table) - 1, address_of(table)};
    asm volatile("lgdt %0\n\t"
                 "ljmp %1, $1f\n"
                 "1:\n\t"
                 "mov %2, %%ds\n\tmov %2, %%es\n\tmov %2, %%fs\n\tmov %2, %%gs\n\tmov %2, %%ss\n\t"
                 "ltr %w3"
                 :
                 : "m"(gdtr), "i"(kernel_code), "r"(u32{kernel_data}), "r"(u32{task_state})
                 : "memory");
}

} // namespace tiny
