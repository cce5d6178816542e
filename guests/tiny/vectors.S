// The entry points of all interrupts and exceptions.
//
// The processor pushes (SS, ESP if it came from ring 3,) EFLAGS, CS, EIP and, for some exceptions, an error code (SDM 3A
// 6.12, 6.13). Each entry makes that uniform by pushing a zero where the processor pushed nothing, adds the vector, and
// joins the common path, which saves the registers and calls handle_interrupt(Frame&) of interrupts.cpp.

    .text

    .macro ENTRY vector
    .balign 16
entry_\vector:
    .if (\vector != 8) && ((\vector < 10) || (\vector > 14)) && (\vector != 17)
    push $0
    .endif
    push $\vector
    jmp common
    .endm

    .altmacro
    .macro ENTRIES from, to
    .set i, \from
    .rept \to - \from + 1
    ENTRY %i
    .set i, i + 1
    .endr
    .endm

    ENTRIES 0, 47
    ENTRY 128

common:
    push %ds
    push %es
    pusha
    mov $0x10, %eax             // kernel_data
    mov %eax, %ds
    mov %eax, %es
    cld
    push %esp                   // Frame*
    call handle_interrupt
    add $4, %esp
    popa
    pop %es
    pop %ds
    add $8, %esp                // vector and error code
    iret

    .section .rodata
    .balign 4
    .globl entry_points         // of vectors 0-47, and of 80H behind them
entry_points:
    .macro POINTER vector
    .long entry_\vector
    .endm
    .set i, 0
    .rept 48
    POINTER %i
    .set i, i + 1
    .endr
    .long entry_128

    .section .note.GNU-stack, "", @progbits
