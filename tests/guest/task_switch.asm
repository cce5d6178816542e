; Hardware task switches by JMP, CALL, IRET, task gate and exception (SDM 3A 8.2, 8.3).
;
; Expect: status 33, output "PASS task_switch"
%include "guest.inc"
%include "exceptions.inc"
test_name "task_switch"

MAIN_TSS   equ FREE
OTHER_TSS  equ FREE + 0x08
TASK_GATE  equ FREE + 0x10
SMALL_TSS  equ FREE + 0x18
NARROW_TSS equ FREE + 0x20
FAULT_TSS  equ FREE + 0x28

; 32-bit TSS fields (SDM 3A figure 8-2)
T_LINK equ 0
T_CR3 equ 28
T_EIP equ 32
T_EFLAGS equ 36
T_EAX equ 40
T_ESP equ 56
T_EDI equ 68
T_ES equ 72
T_CS equ 76
T_SS equ 80
T_DS equ 84
T_FS equ 88
T_GS equ 92
T_LDT equ 96
T_TRAP equ 100
T_MAP equ 102

%macro new_task 3               ; TSS, ENTRY, STACK
    mov dword [%1 + T_EIP], %2
    mov dword [%1 + T_ESP], %3
    mov dword [%1 + T_EFLAGS], 2
    mov dword [%1 + T_CS], CODE32
    mov dword [%1 + T_SS], DATA32
    mov dword [%1 + T_DS], DATA32
    mov dword [%1 + T_ES], DATA32
    mov dword [%1 + T_FS], 0
    mov dword [%1 + T_GS], 0
    mov dword [%1 + T_LDT], 0
    mov word [%1 + T_TRAP], 0
    mov word [%1 + T_MAP], 104
%endmacro

%macro expect_type 3            ; SELECTOR, TYPE, TEXT
    movzx eax, byte [gdt + %1 + 5]
    and eax, 15
    expect eax, %2, %3
%endmacro

main:
    call install_exceptions
    set_descriptor MAIN_TSS, main_tss, 103, 0x89, 0
    set_descriptor OTHER_TSS, other_tss, 103, 0x89, 0
    set_descriptor SMALL_TSS, other_tss, 102, 0x89, 0
    set_descriptor NARROW_TSS, narrow_tss, 43, 0x81, 0
    set_descriptor FAULT_TSS, fault_tss, 103, 0x89, 0
    set_gate gdt + TASK_GATE, OTHER_TSS, 0, 0x85, 0
    mov eax, MAIN_TSS
    ltr ax
    expect_type MAIN_TSS, 11, "type of a loaded TSS: busy"
    mov eax, MAIN_TSS
    expect_fault EXC_GP, MAIN_TSS, ltr ax
    call by_jump
    call by_call
    call by_gate
    call by_exception
    call narrow
    call refusals
%ifndef QEMU_TCG                ; saves the EIP of the CALL there
    call bad_segments
%endif
    call trap_bit
    ret

; JMP: the old TSS becomes available, no link, no NT; TS is set; registers are saved and loaded.
by_jump:
    new_task other_tss, .other, 0x3f0000
    mov dword [other_tss + T_EAX], 0x11223344
    mov word [other_tss + T_LINK], 0x5555
    clts
    mov edi, 0xd1d1d1d1
    jmp OTHER_TSS:0
.back:
    expect edi, 0xd1d1d1d1, "EDI after coming back"
    expect_type MAIN_TSS, 11, "type of the TSS after coming back"
    expect_type OTHER_TSS, 9, "type of the TSS left by JMP"
    expect [main_tss + T_EIP], .back, "EIP saved by JMP"
    expect [other_tss + T_ESP], 0x3f0000 - 4, "ESP saved by the way back"
    ret
.other:
    push eax
    expect eax, 0x11223344, "EAX of the new task"
    mov eax, esp
    expect eax, 0x3f0000 - 4, "ESP of the new task"
    str eax
    expect eax, OTHER_TSS, "TR in the new task"
    mov eax, cr0
    expect_bits eax, 8, 8, "CR0.TS in the new task"
    clts
    pushfd
    pop eax
    expect_bits eax, 0x4000, 0, "NT after JMP"
    expect_type MAIN_TSS, 9, "type of the TSS left by JMP"
    expect [main_tss + T_EDI], 0xd1d1d1d1, "EDI in the old TSS"
    movzx eax, word [other_tss + T_LINK]
    expect eax, 0x5555, "link after JMP: untouched"
    mov eax, gs
    expect eax, 0, "GS of the new task"
    jmp MAIN_TSS:0

; CALL nests: the old TSS stays busy, the link names it, NT is set, IRET goes back.
by_call:
    new_task other_tss, .other, 0x3f0000
    call OTHER_TSS:0
    expect_type OTHER_TSS, 9, "type of the TSS left by IRET"
    pushfd
    pop eax
    expect_bits eax, 0x4000, 0, "NT after IRET"
    mov eax, [other_tss + T_EFLAGS]
    expect_bits eax, 0x4000, 0, "NT in the TSS left by IRET"
    clts
    call OTHER_TSS:0            ; a task goes on where it stopped, behind its IRET
    ret
.other:
    expect_type MAIN_TSS, 11, "type of the TSS left by CALL"
    movzx eax, word [other_tss + T_LINK]
    expect eax, MAIN_TSS, "link after CALL"
    pushfd
    pop eax
    expect_bits eax, 0x4000, 0x4000, "NT after CALL"
    clts
    iretd
    iretd

by_gate:
    new_task other_tss, .other, 0x3f0000
    call TASK_GATE:0x1234
    set_gate idt + 0x40 * 8, OTHER_TSS, 0, 0x85, 0
    int 0x40
    clts
    ret
.other:
    movzx eax, word [other_tss + T_LINK]
    expect eax, MAIN_TSS, "link after a task gate"
    iretd
    jmp .other

; The error code of an exception lies on the new task's stack; the saved EIP is in the old TSS.
by_exception:
    new_task fault_tss, .handler, 0x3e0000
    mov eax, [idt + EXC_GP * 8]
    mov edx, [idt + EXC_GP * 8 + 4]
    push eax
    push edx
    set_gate idt + EXC_GP * 8, FAULT_TSS, 0, 0x85, 0
    mov eax, 0xfff8
.at:
    mov fs, ax
.after:
    pop dword [idt + EXC_GP * 8 + 4]
    pop dword [idt + EXC_GP * 8]
    clts
    ret
.handler:
    pop eax
    expect eax, 0xfff8, "error code on the handler task's stack"
    expect [main_tss + T_EIP], .at, "EIP of the fault in its TSS"
    mov dword [main_tss + T_EIP], .after
    iretd

; A 16-bit TSS: words only, upper halves of what it loads are ones or undefined, FS and GS null.
narrow:
    mov word [narrow_tss + 14], 0x8000  ; IP
    mov word [narrow_tss + 16], 2       ; FLAGS
    mov word [narrow_tss + 18], 0x1111  ; AX
    mov word [narrow_tss + 26], 0x7000  ; SP
    mov word [narrow_tss + 34], DATA32
    mov word [narrow_tss + 36], CODE32
    mov word [narrow_tss + 38], DATA32
    mov word [narrow_tss + 40], DATA32
    mov word [narrow_tss + 42], 0
    mov byte [0x8000], 0xe9             ; JMP .other from EIP 8000H
    mov dword [0x8001], .other - 0x8005
    call NARROW_TSS:0
    clts
    ret
.other:
    and eax, 0xffff
    expect eax, 0x1111, "AX of a 16-bit task"
    movzx eax, word [narrow_tss]
    expect eax, MAIN_TSS, "link in a 16-bit TSS"
    mov eax, fs
    expect eax, 0, "FS of a 16-bit task"
    iretd

refusals:
    expect_fault EXC_GP, MAIN_TSS, jmp MAIN_TSS:0       ; busy
    expect_fault EXC_GP, MAIN_TSS, call MAIN_TSS:0
    expect_fault EXC_TS, SMALL_TSS, jmp SMALL_TSS:0     ; limit below 67H
    and byte [gdt + OTHER_TSS + 5], 0x7f
    expect_fault EXC_NP, OTHER_TSS, jmp OTHER_TSS:0
    expect_fault EXC_NP, OTHER_TSS, call TASK_GATE:0
    or byte [gdt + OTHER_TSS + 5], 0x80
    pushfd
    or dword [esp], 0x4000
    popfd
    mov word [main_tss + T_LINK], DATA32
    expect_fault_sdm EXC_TS, DATA32, iretd              ; the link names no busy TSS
    pushfd
    and dword [esp], ~0x4000
    popfd
    str eax
    expect eax, MAIN_TSS, "TR after refusals"
    ret

; Bad selectors in the new TSS fault in the new task, with its registers.
bad_segments:
    new_task other_tss, .other, 0x3f0000
    mov dword [other_tss + T_DS], 0xfff8
    set_handler EXC_TS, .note
    call OTHER_TSS:0
    mov dword [handlers + EXC_TS * 4], 0
    clts
    expect [fault_error], 0xfff8, "error code of a bad DS in a TSS"
    expect [fault_eip], .other, "saved EIP of a bad DS in a TSS: the new task's"
    ret
.note:
    mov dword [ebx + frame.ds], DATA32
    str eax
    expect eax, OTHER_TSS, "TR in the handler"
    ret
.other:
    iretd

; T bit: a debug trap before the first instruction of the new task.
trap_bit:
    new_task other_tss, .other, 0x3f0000
    mov word [other_tss + T_TRAP], 1
    set_handler EXC_DB, .note
    xor eax, eax
    mov dr6, eax
    mov dword [fault_vector], NO_ERROR
    call OTHER_TSS:0
    clts
%ifndef QEMU_TCG
    expect [fault_vector], EXC_DB, "vector at a TSS with the T bit"
    expect [fault_eip], .other, "saved EIP at a TSS with the T bit"
    expect [seen_dr6], 0x8000, "DR6.BT"
%endif
    ret
.note:
    mov eax, dr6
    and eax, 0xe00f
    mov [seen_dr6], eax
    ret
.other:
    iretd

section .data
seen_dr6: dd 0
align 4
main_tss:   times 26 dd 0
other_tss:  times 26 dd 0
fault_tss:  times 26 dd 0
narrow_tss: times 22 dw 0
section .text
