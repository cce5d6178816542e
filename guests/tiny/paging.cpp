#include "paging.h"

extern "C" tiny::u8 user_begin[], user_end[]; // kernel.ld

namespace tiny {

namespace {

constexpr u32 page_size = 4096, entries = 1024, tables = mapped_bytes / page_size / entries;
constexpr u32 present = 1, writable = 2, user = 4;
constexpr u32 cr0_pg = 1u << 31, cr0_wp = 1u << 16;

alignas(page_size) u32 directory[entries];
alignas(page_size) u32 page_tables[tables][entries];

bool belongs_to_task(u32 page) {
    return page >= reinterpret_cast<u32>(user_begin) && page < reinterpret_cast<u32>(user_end);
}

} // namespace

void enable_paging() {
    for (u32 page = page_size; page < mapped_bytes; page += page_size)
        page_tables[page / page_size / entries][page / page_size % entries] =
            page | present | writable | (belongs_to_task(page) ? user : 0);
    for (u32 i = 0; i < tables; ++i) directory[i] = reinterpret_cast<u32>(page_tables[i]) | present | writable | user;

    u32 cr0;
    asm volatile("mov %0, %%cr3" : : "r"(directory) : "memory");
    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    asm volatile("mov %0, %%cr0" : : "r"(cr0 | cr0_pg | cr0_wp) : "memory");
}

} // namespace tiny
