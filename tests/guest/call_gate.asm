; Transfers between privilege levels by call gates, conforming code and far returns (SDM 3A 5.8).
;
; Expect: status 33, output "PASS call_gate"
%include "guest.inc"
%include "user.inc"
test_name "call_gate"

GATE       equ FREE             ; to level 0, two parameters
CLOSED     equ FREE + 0x08      ; DPL 0
MISSING    equ FREE + 0x10
CONFORMING equ FREE + 0x18      ; code, DPL 0
TO_DATA    equ FREE + 0x20      ; a gate to a data segment
SAME_LEVEL equ FREE + 0x28      ; to user code

main:
    call install_exceptions
    call install_tss
    set_gate gdt + GATE, CODE32, inner_procedure, 0xec, 2
    set_gate gdt + CLOSED, CODE32, inner_procedure, 0x8c, 0
    set_gate gdt + MISSING, CODE32, inner_procedure, 0x6c, 0
    set_descriptor CONFORMING, 0, 0xfffff, 0x9e, 12
    set_gate gdt + TO_DATA, DATA32, inner_procedure, 0xec, 0
    set_gate gdt + SAME_LEVEL, USER_CODE, same_level_procedure, 0xec, 0
    run_user through_gate
    run_user refused
    run_user conforming
    run_user same_level
    call from_level_0
    ret

through_gate:
    push dword 0x22222222
    push dword 0x11111111
    mov ebx, DATA32
    stc
    call (GATE | 3):0xdeadbeef  ; the offset in the instruction is ignored
.after:
    mov ebx, esp
    expect ebx, USER_STACK_TOP, "user ESP after RETF 8"
    expect [seen_first], 0x11111111, "first parameter"
    expect [seen_second], 0x22222222, "second parameter"
    expect [seen_eip], .after, "return address"
    expect [seen_cs], USER_CODE, "return CS"
    expect [seen_esp], USER_STACK_TOP - 8, "caller's ESP"
    expect [seen_ss], USER_DATA, "caller's SS"
    expect [inner_cs], CODE32, "CS inside: RPL is the new CPL"
    expect [inner_ss], DATA32, "SS inside: from the TSS"
    mov eax, es
    expect eax, 0, "ES, which the inner procedure left at DPL 0, after RETF"
    mov eax, ds
    expect eax, USER_DATA, "DS, of DPL 3, after RETF"
    mov eax, USER_DATA
    mov es, ax
    int 0x80

inner_procedure:
    mov [inner_cs], cs
    mov [inner_ss], ss
    pop dword [seen_eip]
    pop dword [seen_cs]
    pop dword [seen_first]
    pop dword [seen_second]
    pop dword [seen_esp]
    pop dword [seen_ss]
    sub esp, 24
    mov eax, DATA32
    mov es, ax
    retf 8

refused:
    expect_fault EXC_GP, CLOSED, call CLOSED:0
    expect_fault EXC_NP, MISSING, call (MISSING | 3):0
    expect_fault EXC_GP, DATA32, call TO_DATA:0
    expect_fault EXC_GP, CODE32, jmp GATE:0     ; JMP cannot raise the privilege
    expect_fault EXC_GP, CODE32, call CODE32:0
    expect_fault EXC_GP, 0x200, call 0x200:0    ; past the table
    expect_fault EXC_GP, TSS, call TSS:0        ; a busy TSS below the caller's level
    int 0x80

; Conforming code runs at the caller's level whatever its DPL.
conforming:
    call CONFORMING:.callee
    jmp CONFORMING:.jumped
.jumped:
    mov eax, cs
    expect eax, CONFORMING | 3, "CS in conforming code"
    expect_fault EXC_GP, 0, cli
    jmp USER_CODE:.back
.callee:
    mov eax, cs
    expect eax, CONFORMING | 3, "CS in conforming code, called"
    retf
.back:
    int 0x80

same_level:
    mov ebx, esp
    call (SAME_LEVEL | 3):0
    mov eax, esp
    expect eax, ebx, "ESP after a call that stayed on its level"
    jmp (SAME_LEVEL | 3):0

same_level_procedure:
    cmp esp, USER_STACK_TOP
    je .jumped
    retf
.jumped:
    int 0x80

from_level_0:
    expect_fault EXC_GP, USER_CODE & ~3, call USER_CODE:0   ; outwards only by RETF and IRET
    expect_fault EXC_GP, USER_CODE & ~3, jmp USER_CODE:0
    ret

section .data
seen_first:  dd 0
seen_second: dd 0
seen_eip:    dd 0
seen_cs:     dd 0
seen_esp:    dd 0
seen_ss:     dd 0
inner_cs:    dd 0
inner_ss:    dd 0
