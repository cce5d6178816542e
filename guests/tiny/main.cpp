// tiny: a kernel that is small enough to be read in one sitting, and does one thing of every kind.
//
//     boot.S, kernel.ld   how it comes into memory and where it starts
//     console             serial port and debug port
//     segments            GDT and TSS
//     vectors.S, interrupts, timer   IDT, exceptions, 8259A, 8254
//     paging              identity map; the task's pages are its own
//     switch.S, process, task        one task in ring 3, three system calls
//     power               ACPI soft-off, debug exit
//
// It is started by any multiboot loader. Words of its command line:
//     exit=N      end by the debug-exit device with N instead of powering off
//     trespass    the task ends by writing to the kernel's memory
//     panic       end with a panic
#include "console.h"
#include "interrupts.h"
#include "multiboot.h"
#include "paging.h"
#include "power.h"
#include "process.h"
#include "segments.h"
#include "timer.h"

namespace tiny {

namespace {

struct Options {
    bool exits{}, trespasses{}, panics{};
    u32 exit_value{};
};

Options parse(Text command_line) {
    Options options;
    constexpr Text exit{"exit="};
    for (Text word = take_word(command_line); word.size != 0; word = take_word(command_line)) {
        if (word.starts_with(exit)) {
            options.exits = true;
            options.exit_value = number(word.from(exit.size));
        }
        options.trespasses |= word.starts_with("trespass");
        options.panics |= word.starts_with("panic");
    }
    return options;
}

Text text_at(u32 address) {
    return {reinterpret_cast<char const*>(address)};
}

Text command_line(MultibootInformation const& info) {
    return (info.flags & has_cmdline) ? text_at(info.cmdline) : Text{};
}

void print_memory_map(MultibootInformation const& info) {
    print("memory: ", info.mem_lower, " KiB low, ", info.mem_upper, " KiB from 1 MiB\n");
    if ((info.flags & has_memory_map) == 0) return;
    u32 const end = info.mmap_addr + info.mmap_length;
    for (u32 at = info.mmap_addr; at < end;) {
        auto const& entry = *reinterpret_cast<MultibootMapEntry const*>(at);
        print("  ", Hex{u64{entry.base}}, " - ", Hex{u64{entry.base + entry.length - 1}},
              entry.type == 1 ? " RAM\n" : " reserved\n");
        at += entry.size + sizeof(entry.size);
    }
}

/// A sum over a module's bytes, so that a test can see whether all of it arrived.
u32 sum_of(MultibootModule const& module) {
    u32 sum = 0;
    for (u32 at = module.start; at < module.end; ++at) sum += *reinterpret_cast<u8 const*>(at);
    return sum;
}

void print_modules(MultibootInformation const& info) {
    u32 const count = (info.flags & has_modules) ? info.mods_count : 0;
    print("modules: ", count, '\n');
    auto const* const modules = reinterpret_cast<MultibootModule const*>(info.mods_addr);
    for (u32 i = 0; i < count; ++i)
        print("  '", text_at(modules[i].string), "', ", modules[i].end - modules[i].start, " bytes, sum ",
              sum_of(modules[i]), (modules[i].start & 0xfff) ? ", not on a page" : "", '\n');
}

void run(Options const& options) {
    constexpr u32 hertz = 100, pause = 10;
    load_segments();
    load_interrupts();
    enable_paging();
    start_timer(hertz);
    enable_interrupts();
    wait_ticks(pause);
    print("timer: ", pause, " interrupts came\n");

    auto const result = run_task(options.trespasses ? Behaviour::trespassing : Behaviour::honest);
    if (result.was_stopped)
        print("task: stopped after a page fault\n");
    else
        print("task: ended with status ", result.status, '\n');
    print("summary: ", result.system_calls >= 6 ? "enough" : "too few", " system calls, ",
          ticks() >= pause + 3 ? "enough" : "too few", " timer interrupts\n");
}

} // namespace

extern "C" [[noreturn]] void kernel_main(u32 magic, MultibootInformation const* info) {
    start_console();
    print("tiny: a kernel for ring3\n");
    if (magic != multiboot_loader_magic) panic("not started by a multiboot loader");
    print("loader: ", (info->flags & has_loader_name) ? text_at(info->boot_loader_name) : Text{"unnamed"}, '\n');
    print("command line: '", command_line(*info), "'\n");
    print_memory_map(*info);
    print_modules(*info);

    // The command line may lie where no page is mapped later.
    Options const options = parse(command_line(*info));
    run(options);
    if (options.panics) panic("as the command line asks");
    if (options.exits) debug_exit(options.exit_value);
    print("tiny: powering off\n");
    power_off();
}

} // namespace tiny
