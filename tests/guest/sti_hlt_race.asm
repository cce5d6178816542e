; STI; HLT with an interrupt that comes at any moment: while IF is clear, with STI, in its shadow, or when the processor
; sleeps. It is never lost, never taken before HLT, and HLT always ends (SDM 2B STI, 2A HLT, 3A 6.8.1).
;
; Sources: the local APIC's timer with delays that sweep over the two instructions, its self-IPI, and counter 0 by the
; 8259A.
;
; Expect: status 33, output "PASS sti_hlt_race"
%include "guest.inc"
%include "pic.inc"
%include "hot.inc"
test_name "sti_hlt_race"

APIC            equ 0xfee00000
APIC_EOI        equ APIC + 0xb0
APIC_SPURIOUS   equ APIC + 0xf0
APIC_COMMAND    equ APIC + 0x300
APIC_TIMER      equ APIC + 0x320
APIC_INITIAL    equ APIC + 0x380
APIC_DIVIDE     equ APIC + 0x3e0
TIMER_VECTOR    equ 0x40
IPI_VECTOR      equ 0x41
TO_SELF         equ 0x40000     ; destination shorthand

main:
    call install_exceptions
    call install_pics
    set_handler IRQ_BASE, note_pic
    set_handler TIMER_VECTOR, note_apic
    set_handler IPI_VECTOR, note_apic
    mov dword [APIC_SPURIOUS], 0x1ff
    mov dword [APIC_DIVIDE], 11 ; by 1
    mov dword [APIC_TIMER], TIMER_VECTOR
    call self_ipi
    call apic_timer
    call pic_timer
    ret

note_pic:
    call note
    jmp end_of_interrupt
note_apic:
    mov dword [APIC_EOI], 0
note:
    inc dword [ticks]
    mov eax, [ebx + frame.eip]
    mov [tick_eip], eax
    ret

; Sleeps until the one interrupt. The saved EIP is behind HLT, whenever it came.
%macro sleep 1
    sti
    hlt
%%after:
    cli
    same [ticks], 1, {"interrupts: ", %1}
    same [tick_eip], %%after, {"where HLT went on: ", %1}
%endmacro

; Pending before STI.
self_ipi:
    mov ecx, 1000
.loop:
    mov dword [ticks], 0
    mov dword [APIC_COMMAND], TO_SELF | IPI_VECTOR
    same [ticks], 0, "interrupts with IF clear"
    sleep "self-IPI"
    dec ecx
    jnz .loop
    ret

; Delays of 0 to some microseconds, while a fixed time passes before STI.
apic_timer:
    mov ecx, 3000
    mov edx, 1
.loop:
    mov dword [ticks], 0
    mov [APIC_INITIAL], edx
    mov eax, 20
.spin:
    dec eax
    jnz .spin
    sleep "APIC timer"
    add edx, 37
    cmp edx, 9000
    jb .next
    sub edx, 8999
.next:
    dec ecx
    jnz .loop
    ret

pic_timer:
    unmask 0x21, 0xfe
    mov esi, 300
    mov edi, 2
.loop:
    mov dword [ticks], 0
    mov al, 0x30                ; counter 0, mode 0
    out 0x43, al
    mov eax, edi
    out 0x40, al
    mov al, 0
    out 0x40, al
    sleep "counter 0"
    inc edi
    cmp edi, 20
    jb .next
    mov edi, 2
.next:
    dec esi
    jnz .loop
    unmask 0x21, 0xff
    ret

section .data
ticks:    dd 0
tick_eip: dd 0
