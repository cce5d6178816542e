// Where the kernel begins.
//
// A multiboot loader finds the header below in the first 8 KiB of the file, loads the ELF segments, and jumps to `start`
// in flat 32-bit protected mode, with paging and interrupts off, EAX = 2BADB002H and EBX = the information structure.
// Nothing else can be relied on: no stack, no descriptor tables of our own.

#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_FLAGS 3 /* modules on pages, memory sizes */

    .section .multiboot, "a"
    .balign 4
    .long MULTIBOOT_MAGIC
    .long MULTIBOOT_FLAGS
    .long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

    .text
    .globl start
start:
    mov $boot_stack_top, %esp
    xor %ebp, %ebp              // the end of a chain of frames, for debuggers
    push $0
    popf                        // flags as the ABI wants them: DF = 0
    push %ebx
    push %eax
    call kernel_main
1:  cli
    hlt
    jmp 1b

    .bss
    .balign 16
    .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
