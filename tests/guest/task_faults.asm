; Task switches that fail after the new task's registers are loaded: the fault is the new task's, with the bad selector as
; its error code (SDM 3A 8.3, table 8-1). Task gates catch it, as the new task may have no stack.
;
; Expect: status 33, output "PASS task_faults"
%include "guest.inc"
%include "exceptions.inc"
test_name "task_faults"

MAIN_TSS     equ FREE
OTHER_TSS    equ FREE + 0x08
TS_TSS       equ FREE + 0x10
NP_TSS       equ FREE + 0x18
SS_TSS       equ FREE + 0x20
GP_TSS       equ FREE + 0x28
MISSING_CODE equ FREE + 0x30
MISSING_DATA equ FREE + 0x38
READ_ONLY    equ FREE + 0x40
ONLY_EXECUTE equ FREE + 0x48
SMALL_CODE   equ FREE + 0x50
MISSING_LDT  equ FREE + 0x58
USER         equ USER_CODE & ~3
USER_DS      equ USER_DATA & ~3

T_EIP equ 32
T_EFLAGS equ 36
T_ESP equ 56
T_ES equ 72
T_CS equ 76
T_SS equ 80
T_DS equ 84
T_FS equ 88
T_GS equ 92
T_LDT equ 96

main:
    call install_exceptions
    set_descriptor MAIN_TSS, main_tss, 103, 0x89, 0
    set_descriptor OTHER_TSS, other_tss, 103, 0x89, 0
    set_descriptor TS_TSS, ts_tss, 103, 0x89, 0
    set_descriptor NP_TSS, np_tss, 103, 0x89, 0
    set_descriptor SS_TSS, ss_tss, 103, 0x89, 0
    set_descriptor GP_TSS, gp_tss, 103, 0x89, 0
    set_descriptor MISSING_CODE, 0, 0xfffff, 0x1a, 12
    set_descriptor MISSING_DATA, 0, 0xfffff, 0x12, 12
    set_descriptor READ_ONLY, 0, 0xfffff, 0x90, 12
    set_descriptor ONLY_EXECUTE, 0, 0xfffff, 0x98, 12
    set_descriptor SMALL_CODE, 0, 0xfff, 0x9a, 4
    set_descriptor MISSING_LDT, 0, 0xff, 0x02, 0
    mov eax, MAIN_TSS
    ltr ax
    set_gate idt + EXC_TS * 8, TS_TSS, 0, 0x85, 0
    set_gate idt + EXC_NP * 8, NP_TSS, 0, 0x85, 0
    set_gate idt + EXC_SS * 8, SS_TSS, 0, 0x85, 0
    set_gate idt + EXC_GP * 8, GP_TSS, 0, 0x85, 0
    call code_segments
    call stack_segments
    call data_segments
    call local_tables
    call instruction_pointer
    call by_exception
    ret

; bad_field FIELD, VALUE, VECTOR, ERROR: a JMP to a task that is good but for this.
%macro bad_field 4
    call good_task
    mov dword [other_tss + %1], %2
    mov dword [fault_vector], NO_ERROR
    jmp OTHER_TSS:0
    %defstr %%what %1 = %2
    expect [fault_vector], %3, {"vector of ", %%what}
    expect [fault_error], %4, {"error code of ", %%what}
    expect [fault_eip], unexpected_task, {"saved EIP of ", %%what}
    expect [seen_link], OTHER_TSS, {"task that faulted by ", %%what}
%endmacro

code_segments:
    bad_field T_CS, 0, EXC_TS, 0
    bad_field T_CS, DATA32, EXC_TS, DATA32
    bad_field T_CS, USER, EXC_TS, USER                  ; DPL 3, RPL 0
    bad_field T_CS, CODE32 | 3, EXC_TS, CODE32
    bad_field T_CS, MISSING_CODE, EXC_NP, MISSING_CODE
    bad_field T_CS, 0x200, EXC_TS, 0x200
    ret

stack_segments:
    bad_field T_SS, 0, EXC_TS, 0
    bad_field T_SS, CODE32, EXC_TS, CODE32
    bad_field T_SS, READ_ONLY, EXC_TS, READ_ONLY
    bad_field T_SS, USER_DATA, EXC_TS, USER_DS
    bad_field T_SS, MISSING_DATA, EXC_SS, MISSING_DATA
    bad_field T_SS, 0x200, EXC_TS, 0x200
    ret

data_segments:
    bad_field T_DS, ONLY_EXECUTE, EXC_TS, ONLY_EXECUTE
    bad_field T_DS, DATA32 | 3, EXC_TS, DATA32          ; RPL above DPL
    bad_field T_DS, MISSING_DATA, EXC_NP, MISSING_DATA
    bad_field T_ES, MAIN_TSS, EXC_TS, MAIN_TSS
    bad_field T_ES, 0x200, EXC_TS, 0x200
    bad_field T_FS, MISSING_DATA | 3, EXC_TS, MISSING_DATA      ; its DPL is looked at first
    bad_field T_GS, 0x204, EXC_TS, 0x204                ; there is no LDT
    ret

local_tables:
    bad_field T_LDT, 0x204, EXC_TS, 0x204               ; in an LDT itself
    bad_field T_LDT, DATA32, EXC_TS, DATA32
    bad_field T_LDT, MISSING_LDT, EXC_TS, MISSING_LDT
    bad_field T_LDT, 0x200, EXC_TS, 0x200
    ret

instruction_pointer:
    call good_task
    mov dword [other_tss + T_CS], SMALL_CODE
    mov dword [other_tss + T_EIP], 0x1000
    mov dword [fault_vector], NO_ERROR
    jmp OTHER_TSS:0
    expect [fault_vector], EXC_GP, "vector of an EIP beyond the limit"
    expect [fault_error], 0, "error code of an EIP beyond the limit"
    expect [fault_eip], 0x1000, "saved EIP beyond the limit"
    ret

; The switch was an exception's: EXT is set in the error code.
by_exception:
    set_gate idt + EXC_UD * 8, OTHER_TSS, 0, 0x85, 0
    call good_task
    mov dword [other_tss + T_DS], MISSING_DATA
    mov dword [fault_vector], NO_ERROR
    ud2
.after:
    expect [fault_vector], EXC_NP, "vector of a bad handler task"
    expect [fault_error], MISSING_DATA | 1, "error code of a bad handler task"
    expect [main_tss + T_EIP], .after, "EIP of the task that met UD2"
    ret

%macro begin_anew 3             ; TSS, ENTRY, STACK
    mov dword [%1 + T_EIP], %2
    mov dword [%1 + T_EFLAGS], 2
    mov dword [%1 + T_ESP], %3
%endmacro

good_task:
    mov dword [other_tss + T_EIP], unexpected_task
    mov dword [other_tss + T_EFLAGS], 2
    mov dword [other_tss + T_ESP], 0x3f0000
    mov dword [other_tss + T_CS], CODE32
    mov dword [other_tss + T_SS], DATA32
    mov dword [other_tss + T_DS], DATA32
    mov dword [other_tss + T_ES], DATA32
    mov dword [other_tss + T_FS], 0
    mov dword [other_tss + T_GS], 0
    mov dword [other_tss + T_LDT], 0
    mov byte [gdt + OTHER_TSS + 5], 0x89
    begin_anew ts_tss, on_ts, 0x3e0000
    begin_anew np_tss, on_np, 0x3d0000
    begin_anew ss_tss, on_ss, 0x3c0000
    begin_anew gp_tss, on_gp, 0x3b0000
    ret

unexpected_task:
    mov esi, .text
    call print
    mov eax, EXIT_FAIL
    jmp exit
section .data
.text: db "FAIL a task that should not run", 10, 0
section .text

; The handlers begin anew for every case: good_task sets their EIP and ESP. The error code is on the stack.
%macro handler_task 2           ; LABEL, VECTOR
%1:
    mov dword [fault_vector], %2
    jmp back_to_main
%endmacro

    handler_task on_ts, EXC_TS
    handler_task on_np, EXC_NP
    handler_task on_ss, EXC_SS
    handler_task on_gp, EXC_GP

back_to_main:
    pop dword [fault_error]
    str ebx
    mov ecx, [gdt + ebx + 2]                    ; the base: this task's TSS
    and ecx, 0xffffff
    movzx eax, word [ecx]
    mov [seen_link], eax
    mov eax, [other_tss + T_EIP]
    mov [fault_eip], eax
    clts
    cmp byte [gdt + MAIN_TSS + 5], 0x8b
    jne .jump
    mov byte [gdt + MAIN_TSS + 5], 0x89         ; busy, as it nested: end that
    add dword [main_tss + T_EIP], 2             ; behind UD2
.jump:
    jmp MAIN_TSS:0

section .data
seen_link: dd 0
align 4
main_tss:  times 26 dd 0
other_tss: times 26 dd 0
%macro handler_tss 1
%1:
    times 18 dd 0
    dd DATA32, CODE32, DATA32, DATA32, 0, 0, 0
    dw 0, 104
%endmacro
    handler_tss ts_tss
    handler_tss np_tss
    handler_tss ss_tss
    handler_tss gp_tss
section .text
