; TF: a debug trap after every instruction, with BS in DR6 (SDM 3B 18.3.1.4).
;
; Expect: status 33, output "PASS single_step"
%include "guest.inc"
%include "user.inc"
test_name "single_step"

main:
    call install_exceptions
    call install_tss
    set_handler EXC_DB, note_step
    call plain
    call repeated_string
    call stack_segment
    call software_interrupt
%ifndef QEMU_TCG
    call icebp
%endif
    run_user at_level_3
    ret

; Keeps the EIPs of the traps.
note_step:
    mov eax, [steps]
    mov ecx, [ebx + frame.eip]
    mov [trail + eax * 4], ecx
    inc dword [steps]
    mov eax, dr6
    mov [seen_dr6], eax
    xor eax, eax
    mov dr6, eax
    mov eax, [ebx + frame.eflags]
    mov [seen_flags], eax
    ret

%macro step_on 0
    mov dword [steps], 0
    pushfd
    or dword [esp], 0x100
    popfd
%endmacro
%macro step_off 0
    pushfd
    and dword [esp], ~0x100
    popfd
%endmacro

; The instruction behind the POPF that sets TF is the first to be followed by a trap, the POPF that clears it the last.
plain:
    step_on
.first:
    nop
.second:
    nop
.third:
    pushfd
.fourth:
    and dword [esp], ~0x100
.fifth:
    popfd
.after:
    expect [steps], 5, "traps"
    expect [trail], .second, "first trap: behind the first NOP"
    expect [trail + 4], .third, "second trap"
    expect [trail + 8], .fourth, "third trap"
    expect [trail + 12], .fifth, "fourth trap"
    expect [trail + 16], .after, "fifth trap: behind the POPF that clears TF"
    mov eax, [seen_dr6]
    expect_bits eax, 0x400f, 0x4000, "DR6: BS alone"
    mov eax, [seen_flags]
    expect_bits eax, 0x100, 0, "TF in the last saved flags"
    ret

; A trap after each iteration, with EIP at the instruction until the last.
repeated_string:
    mov esi, SCRATCH
    mov edi, SCRATCH + 0x100
    mov ecx, 3
    step_on
.string:
    rep movsb
.after:
    step_off
    expect [trail], .string, "trap after the first iteration"
    expect [trail + 4], .string, "trap after the second iteration"
    expect [trail + 8], .after, "trap after the last iteration"
    ret

; MOV SS and POP SS hold the trap back for one instruction.
stack_segment:
    mov eax, ss
    step_on
    mov ss, ax
    nop
.after:
    nop
    step_off
    expect [trail], .after, "first trap after MOV SS: one instruction late"
    push ss
    step_on
    pop ss
    nop
.after_pop:
    nop
    step_off
    expect [trail], .after_pop, "first trap after POP SS: one instruction late"
    ret

; INT clears TF on the way in, IRET sets it again; the trap comes after the instruction that follows IRET.
software_interrupt:
    set_gate idt + 0x40 * 8, CODE32, .service, 0x8e, 0
    step_on
    int 0x40
.after:
    nop
.next:
    step_off
    expect [trail], .next, "first trap after INT and IRET"
    ret
.service:
    nop
    iretd

; F1H raises #DB with no bit in DR6.
icebp:
    mov dword [steps], 0
    db 0xf1
.after:
    expect [steps], 1, "traps of F1H"
    expect [trail], .after, "EIP of F1H's trap"
    mov eax, [seen_dr6]
    expect_bits eax, 0x400f, 0, "DR6 after F1H"
    ret

at_level_3:
    step_on
    nop
.after:
    nop
    step_off
    expect [trail], .after, "first trap at level 3"
    int 0x80

section .data
steps:      dd 0
seen_dr6:   dd 0
seen_flags: dd 0
trail:      times 64 dd 0
