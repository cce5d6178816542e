; Stack switches that fail: bad inner stacks in the TSS for call gates, INT n and exceptions, bad outer stacks for RETF and
; IRET, and a double fault that only a task gate can catch (SDM 3A 5.8.5, 5.8.6, 6.12.1, 6.13, 6.15, 8.2.1; 2A CALL, INT,
; IRET; 2B RET).
;
; Level 1 has the bad stacks, so that the handlers at level 0 keep theirs.
;
; Expect: status 33, output "PASS inner_stacks"
%include "guest.inc"
%include "user.inc"
test_name "inner_stacks"

CODE1        equ FREE
DATA1        equ FREE + 0x08
READ_ONLY1   equ FREE + 0x10
MISSING1     equ FREE + 0x18
SMALL1       equ FREE + 0x20     ; limit FFFH
GATE         equ FREE + 0x28     ; to level 1, one parameter
SMALL_TSS    equ FREE + 0x30
MISSING_DATA equ FREE + 0x38     ; DPL 3
MISSING_CODE equ FREE + 0x40
SMALL_CODE   equ FREE + 0x48
FAULT_TSS    equ FREE + 0x50
MAIN_TSS     equ FREE + 0x58     ; the one of user.inc, once more

T_ESP0 equ 4
T_SS0  equ 8
T_ESP1 equ 12
T_SS1  equ 16
T_EIP  equ 32

USER    equ USER_CODE & ~3
USER_DS equ USER_DATA & ~3
STACK1  equ 0x330000

main:
    call install_exceptions
    call install_tss
    set_descriptor CODE1, 0, 0xfffff, 0xba, 12
    set_descriptor DATA1, 0, 0xfffff, 0xb2, 12
    set_descriptor READ_ONLY1, 0, 0xfffff, 0xb0, 12
    set_descriptor MISSING1, 0, 0xfffff, 0x32, 12
    set_descriptor SMALL1, 0, 0xfff, 0xb2, 4
    set_gate gdt + GATE, CODE1, inner, 0xec, 1
    set_descriptor SMALL_TSS, tss, 15, 0x89, 0
    set_descriptor MISSING_DATA, 0, 0xfffff, 0x72, 12
    set_descriptor MISSING_CODE, 0, 0xfffff, 0x7a, 12
    set_descriptor SMALL_CODE, 0, 0xfff, 0xfa, 4
    mov dword [tss + T_ESP1], STACK1
    run_user bad_inner_stacks
    run_user outwards
    run_user outwards_by_iret
    call short_tss
    call double_fault_by_task
    ret

; ---- inwards

; bad_stack SS1, VECTOR, ERROR
%macro bad_stack 3
    mov dword [tss + T_SS1], %1
    mov ebx, esp
    expect_fault %2, %3, call (GATE | 3):0
    mov eax, esp
    expect eax, ebx, "ESP after a stack switch that failed"
    expect_fault %2, %3, int 0x81
    expect_fault %2, (%3) | 1, ud2      ; EXT: nobody asked for it
%endmacro

bad_inner_stacks:
    mov eax, [idt + EXC_UD * 8]
    mov [old_gate], eax
    mov eax, [idt + EXC_UD * 8 + 4]
    mov [old_gate + 4], eax
    set_gate idt + 0x81 * 8, CODE1, inner, 0xee, 0
    set_gate idt + EXC_UD * 8, CODE1, inner, 0xee, 0
    push dword 0x600d               ; the gate's parameter
    bad_stack 0, EXC_TS, 0
    bad_stack 0x201, EXC_TS, 0x200              ; past the table
    bad_stack DATA1, EXC_TS, DATA1              ; RPL 0
    bad_stack DATA1 | 3, EXC_TS, DATA1
    bad_stack USER_DS | 1, EXC_TS, USER_DS      ; DPL 3
    bad_stack DATA32 | 1, EXC_TS, DATA32        ; DPL 0
    bad_stack CODE1 | 1, EXC_TS, CODE1
    bad_stack READ_ONLY1 | 1, EXC_TS, READ_ONLY1
    bad_stack MISSING1 | 1, EXC_SS, MISSING1
    bad_stack SMALL1 | 1, EXC_SS, SMALL1        ; ESP1 lies beyond its limit
    mov dword [tss + T_ESP1], 8
    bad_stack SMALL1 | 1, EXC_SS, SMALL1        ; two words fit, the frame does not
    mov dword [tss + T_ESP1], STACK1
    mov eax, [old_gate]
    mov [idt + EXC_UD * 8], eax
    mov eax, [old_gate + 4]
    mov [idt + EXC_UD * 8 + 4], eax
    add esp, 4
    int 0x80

; ESP1 and SS1 do not lie within the TSS.
short_tss:
    mov ax, SMALL_TSS
    ltr ax
    run_user .inwards
    set_descriptor MAIN_TSS, tss, BITMAP_BYTES + 104, 0x89, 0
    mov ax, MAIN_TSS
    ltr ax
    ret
.inwards:
    expect_fault EXC_TS, SMALL_TSS, call (GATE | 3):0
    expect_fault EXC_TS, SMALL_TSS, int 0x81
    int 0x80

; ---- outwards, from level 1

inner:
    jmp dword [at_level_1]

outwards:
    mov dword [tss + T_SS1], DATA1 | 1
    mov dword [at_level_1], bad_returns
    push dword 0x600d
    call (GATE | 3):0
.after:
    mov eax, esp
    expect eax, USER_STACK_TOP, "ESP after RETF 4: without the parameter"
    mov eax, ss
    expect eax, USER_DATA, "SS after RETF 4"
    int 0x80

; bad_return SS, CS, EIP, VECTOR, ERROR
%macro bad_return 5
    push dword %1
    push dword USER_STACK_TOP - 64
    push dword 0                    ; a parameter
    push dword %2
    push dword %3
    mov ebx, esp
    expect_fault %4, %5, retf 4
    mov eax, esp
    expect eax, ebx, "ESP after a RETF that failed"
    add esp, 20
%endmacro

bad_returns:
    mov eax, [esp + 8]
    expect eax, 0x600d, "the parameter at level 1"
    mov eax, ss
    expect eax, DATA1 | 1, "SS at level 1"
    bad_return 0, USER_CODE, 0, EXC_GP, 0
    bad_return USER_DS | 1, USER_CODE, 0, EXC_GP, USER_DS       ; RPL is not CS's
    bad_return DATA1 | 3, USER_CODE, 0, EXC_GP, DATA1           ; DPL is not CS's RPL
    bad_return USER_CODE, USER_CODE, 0, EXC_GP, USER
    bad_return MISSING_DATA | 3, USER_CODE, 0, EXC_SS, MISSING_DATA
    bad_return 0x203, USER_CODE, 0, EXC_GP, 0x200
    bad_return USER_DATA, CODE32, 0, EXC_GP, CODE32             ; inwards
    bad_return USER_DATA, USER | 2, 0, EXC_GP, USER             ; RPL is not DPL
    bad_return USER_DATA, 0, 0, EXC_GP, 0
    bad_return USER_DATA, USER_DATA, 0, EXC_GP, USER_DS
    bad_return USER_DATA, MISSING_CODE | 3, 0, EXC_NP, MISSING_CODE
    bad_return USER_DATA, SMALL_CODE | 3, 0x1000, EXC_GP, 0     ; EIP beyond the limit
    retf 4

; bad_iret SS, CS, EIP, VECTOR, ERROR
%macro bad_iret 5
    push dword %1
    push dword USER_STACK_TOP - 64
    push dword 0x202
    push dword %2
    push dword %3
    mov ebx, esp
    expect_fault %4, %5, iretd
    mov eax, esp
    expect eax, ebx, "ESP after an IRET that failed"
    add esp, 20
%endmacro

outwards_by_iret:
    mov dword [at_level_1], bad_irets
    int 0x81
    pushfd
    pop eax
    expect_bits eax, 0x23200, 0, "IF, IOPL and VM after an IRET at level 1"
    expect_bits eax, 0x200801, 0x200801, "ID, OF and CF after it"
    int 0x80

bad_irets:
    bad_iret 0, USER_CODE, 0, EXC_GP, 0
    bad_iret USER_DS | 1, USER_CODE, 0, EXC_GP, USER_DS
    bad_iret MISSING_DATA | 3, USER_CODE, 0, EXC_SS, MISSING_DATA
    bad_iret USER_DATA, CODE32, 0, EXC_GP, CODE32
    bad_iret USER_DATA, MISSING_CODE | 3, 0, EXC_NP, MISSING_CODE
    bad_iret USER_DATA, SMALL_CODE | 3, 0x1000, EXC_GP, 0
    mov dword [esp + 8], 0x223a03   ; ID, VM, IOPL 3, IF, OF, CF: some are not for level 1 to change
    iretd

; ---- a double fault without a stack

; SS0 is bad: INT 80H meets #TS, its handler would need SS0 too, and so would an ordinary handler of the double fault.
double_fault_by_task:
    set_descriptor FAULT_TSS, fault_tss, 103, 0x89, 0
    set_gate idt + EXC_DF * 8, FAULT_TSS, 0, 0x85, 0
    run_user .break_it
    clts
    set_gate idt + EXC_DF * 8, CODE32, vector_stubs + EXC_DF * STUB_SIZE, 0x8e, 0
    expect [fault_task_runs], 2, "double faults, each caught by the task"
    ret
.break_it:
    mov dword [tss + T_SS0], DATA32 | 2
.at:
    int 0x80
.again:
    mov dword [tss + T_SS0], DATA32 | 2
    ud2                             ; benign, then #TS, #TS
.mended:
    int 0x80

fault_task:
    mov eax, [esp]
    expect eax, 0, "error code on the double fault's stack"
    add esp, 4
    str eax
    expect eax, FAULT_TSS, "TR in the task"
    movzx eax, word [fault_tss]
    expect eax, MAIN_TSS, "link to the task that broke"
    movzx eax, word [tss + 76]
    expect eax, USER_CODE, "CS in its TSS"
    inc dword [fault_task_runs]
    mov dword [tss + T_SS0], DATA32
    cmp dword [fault_task_runs], 2
    je .second
    mov dword [tss + T_EIP], double_fault_by_task.again
    iretd
    jmp fault_task
.second:
    mov dword [tss + T_EIP], double_fault_by_task.mended
    iretd

section .data
at_level_1:      dd 0
old_gate:        dd 0, 0
fault_task_runs: dd 0
align 4
fault_tss:
    dd 0, 0, 0, 0, 0, 0, 0, 0       ; link, stacks, CR3
    dd fault_task, 2
    dd 0, 0, 0, 0, 0x3e0000, 0, 0, 0
    dd DATA32, CODE32, DATA32, DATA32, 0, 0, 0
    dw 0, 104
section .text
