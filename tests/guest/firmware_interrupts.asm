; What firmware leaves behind for real mode: handlers at every vector, and a timer that ends a HLT.
;
; Expect: status 33, output "PASS firmware_interrupts"
%include "guest.inc"
%include "real.inc"
test_name "firmware_interrupts"

TICKS equ 0x46c                 ; BIOS data area: ticks since power-on

main:
    mov al, 0xfe                ; the start of every test masks all interrupts
    out 0x21, al
    call install_real
    mov eax, [TICKS]
    mov [ticks_before], eax
    call_real wait_for_tick
    mov eax, [TICKS]
    sub eax, [ticks_before]
    setz al
    movzx eax, al
    expect eax, 0, "ticks stood still"
    call_real unserved
    movzx eax, word [stack_after]
    expect eax, [stack_before], "SP after interrupts that nobody serves"
    ret

section .real
bits 16
wait_for_tick:
    sti
    hlt
    cli
    ret

unserved:
    mov [stack_before], sp
    int 0x05
    int 0x11
    int 0x73                    ; IRQ 11's: ends an interrupt at both controllers; there is none
    int 0xff
    mov [stack_after], sp
    ret
align 4
stack_before: dd 0
stack_after:  dd 0

section .data
ticks_before: dd 0
