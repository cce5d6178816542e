; Task switches that change the mode: into virtual-8086 mode by IRET and back by a task gate, into another address space
; and back by CALL and IRET (SDM 3A 8.3, 8.4, 8.6; 3B 21.2.5).
;
; Expect: status 33, output "PASS task_modes"
%include "guest.inc"
%include "exceptions.inc"
%include "pages.inc"
test_name "task_modes"

MAIN_TSS  equ FREE
V86_TSS   equ FREE + 0x08
OTHER_TSS equ FREE + 0x10

T_CR3 equ 28
T_EIP equ 32
T_EFLAGS equ 36
T_ESP equ 56
T_ES equ 72
T_CS equ 76
T_SS equ 80
T_DS equ 84

V86_CODE         equ 0x42000
OTHER_DIRECTORY  equ 0x203000
OTHER_TABLE      equ 0x204000
PAGE             equ 0x500000
ROUNDS           equ 200

main:
    call install_exceptions
    call install_pages
    set_descriptor MAIN_TSS, main_tss, 103, 0x89, 0
    mov eax, MAIN_TSS
    ltr ax
    mov dword [main_tss + T_CR3], DIRECTORY
    mov ecx, ROUNDS
.loop:
    push ecx
    call into_v86
    call into_another_space
    pop ecx
    dec ecx
    jnz .loop
    ret

; The link names a busy TSS whose EFLAGS have VM; IRET with NT goes there. #UD comes back to this task by a task gate.
into_v86:
    mov dword [V86_CODE], 0x0b0fc889    ; MOV AX, CX; UD2
    set_descriptor V86_TSS, v86_tss, 103, 0x8b, 0
    mov dword [v86_tss + T_CR3], DIRECTORY
    mov dword [v86_tss + T_EFLAGS], 0x20002
    mov dword [v86_tss + T_EIP], 0
    mov dword [v86_tss + T_CS], V86_CODE >> 4
    mov dword [v86_tss + T_DS], 0x1234
    mov dword [v86_tss + T_ES], 0x2345
    mov dword [v86_tss + T_SS], 0x3456
    mov dword [v86_tss + 44], 0xabcd5678        ; ECX
    mov word [main_tss], V86_TSS
    set_gate idt + EXC_UD * 8, MAIN_TSS, 0, 0x85, 0
    pushfd
    or dword [esp], 0x4000
    popfd
    iretd
    pushfd
    pop eax
    expect_bits eax, 0x24000, 0x4000, "NT and VM after the task gate"
    push eax
    and dword [esp], ~0x4000
    popfd
    clts
    str eax
    expect eax, MAIN_TSS, "TR after the task gate"
    movzx eax, word [main_tss]
    expect eax, V86_TSS, "link after the task gate"
    expect [v86_tss + T_EIP], 2, "EIP of the V86 task"
    mov eax, [v86_tss + T_EFLAGS]
    expect_bits eax, 0x24002, 0x20002, "EFLAGS of the V86 task"
    movzx eax, word [v86_tss + 40]
    expect eax, 0x5678, "AX of the V86 task"
    movzx eax, word [v86_tss + T_CS]
    expect eax, V86_CODE >> 4, "CS of the V86 task"
    movzx eax, word [v86_tss + T_DS]
    expect eax, 0x1234, "DS of the V86 task"
    movzx eax, byte [gdt + V86_TSS + 5]
    expect eax, 0x8b, "type of the V86 task's TSS: still busy"
    set_gate idt + EXC_UD * 8, CODE32, vector_stubs + EXC_UD * STUB_SIZE, 0x8e, 0
    ret

; CR3 comes from the TSS; it is not saved there.
into_another_space:
    mov dword [FRAME(0)], 0x11111111
    mov dword [FRAME(1)], 0x22222222
    map PAGE, FRAME(0), PAGE_ALL
    mov dword [OTHER_DIRECTORY], PAGE_PS | PAGE_ALL
    mov dword [OTHER_DIRECTORY + 4], OTHER_TABLE + PAGE_ALL
    mov dword [OTHER_TABLE + ((PAGE - 0x400000) >> 12) * 4], FRAME(1) + PAGE_ALL
    set_descriptor OTHER_TSS, other_tss, 103, 0x89, 0
    mov dword [other_tss + T_CR3], OTHER_DIRECTORY
    mov dword [other_tss + T_EIP], .other
    mov dword [other_tss + T_EFLAGS], 2
    mov dword [other_tss + T_ESP], 0x3f0000
    mov dword [other_tss + T_CS], CODE32
    mov dword [other_tss + T_SS], DATA32
    mov dword [other_tss + T_DS], DATA32
    mov dword [other_tss + T_ES], DATA32
    expect [PAGE], 0x11111111, "the page before"
    call OTHER_TSS:0
    clts
    expect [PAGE], 0x11111111, "the page after coming back"
    mov eax, cr3
    expect eax, DIRECTORY, "CR3 after coming back"
    expect [FRAME(1)], 0x33333333, "what the other task wrote"
    expect [other_tss + T_CR3], OTHER_DIRECTORY, "CR3 in the other TSS"
    ret
.other:
    clts
    mov eax, cr3
    expect eax, OTHER_DIRECTORY, "CR3 of the other task"
    expect [PAGE], 0x22222222, "the page of the other task"
    mov dword [PAGE], 0x33333333
    mov dword [main_tss + T_CR3], DIRECTORY
    iretd

section .data
align 4
main_tss:  times 26 dd 0
v86_tss:   times 26 dd 0
other_tss: times 26 dd 0
section .text
