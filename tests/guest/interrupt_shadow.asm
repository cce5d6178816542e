; STI holds maskable interrupts back for one instruction; HLT wakes (SDM 2B STI, 3A 6.8.3). The shadow of MOV SS is in
; single_step.asm: with an interrupt it cannot be told from the one of the STI before it.
;
; Expect: status 33, output "PASS interrupt_shadow"
%include "guest.inc"
%include "pic.inc"
test_name "interrupt_shadow"

main:
    call install_exceptions
    call install_pics
    set_handler IRQ_BASE, note_tick
    call shadow_of_sti
    call unmasking
    call sti_hlt
    ret

note_tick:
    inc dword [ticks]
    mov eax, [ebx + frame.eip]
    mov [tick_eip], eax
    jmp end_of_interrupt

; A pending IRQ 0, interrupts off.
%macro pend 0
    mov dword [ticks], 0
    start_timer 0, 100
    unmask 0x21, 0xfe
    call wait_for_request
%endmacro

shadow_of_sti:
    pend
    sti
    cli
    expect [ticks], 0, "interrupts between STI and CLI"
    sti
    nop
.after:
    cli
    expect [ticks], 1, "interrupts after STI and NOP"
    expect [tick_eip], .after, "where it came: behind the NOP"
    ret

; With IF set the interrupt comes soon after its line is unmasked.
unmasking:
    pend
    unmask 0x21, 0xff
    sti
    nop
    mov al, 0xfe
    out 0x21, al
    mov ecx, 1000
.wait:
    loop .wait
    cli
    expect [ticks], 1, "interrupts after unmasking"
    ret

; HLT right behind STI is not missed, and the saved EIP is behind it.
sti_hlt:
    mov dword [ticks], 0
    start_timer 0, 2000
    unmask 0x21, 0xfe
    sti
    hlt
.after:
    cli
    expect [ticks], 1, "interrupts after HLT"
    expect [tick_eip], .after, "where HLT went on"
    ret

section .data
ticks:    dd 0
tick_eip: dd 0
