; Loads of a selector that a segment register holds already, hot: each reads the descriptor again (SDM 3A 3.4.3, 5.6).
;
; What SYSEXIT leaves in a segment register at level 3 may not be loaded there, nor at level 1 behind a call gate.
;
; Expect: status 33, output "PASS segment_reloads"
; QEMU 7.2's interpreter does not check limits.
%include "guest.inc"
%include "user.inc"
test_name "segment_reloads"

DATA   equ FREE
FAST   equ FREE + 0x08          ; four descriptors for SYSENTER and SYSEXIT
CODE1  equ FREE + 0x28
DATA1  equ FREE + 0x30
GATE   equ FREE + 0x38          ; to level 1
STACK1 equ 0x330000
ROUNDS equ 400
HERE   equ SCRATCH
THERE  equ SCRATCH + 0x1000

main:
    call install_exceptions
    mov dword [reload], by_move
    call descriptors
    call tables
    mov dword [reload], by_pop
    call descriptors
    call tables
    mov eax, 1
    cpuid
    test edx, 1 << 11           ; SEP
    jz .done
    call levels
.done:
    ret

; Loads FS with DATA, and DS and ES with what they hold, many times.
load_often:
    mov ebp, ROUNDS
.again:
    call [reload]
    dec ebp
    jnz .again
    ret
by_move:
    mov eax, DATA32
    mov ecx, 0x1234
    mov ds, ax
    mov es, ax
    mov edx, DATA
    mov fs, dx
    expect ecx, 0x1234, "ECX behind the loads"
    mov esi, esp
    mov esp, DATA32             ; what ES holds
    lea esp, [esp + DATA16 - DATA32]
    mov es, sp
    mov eax, es
    mov esp, esi
    push ds
    pop es
    movzx eax, ax
    expect eax, DATA16, "ES loaded from SP"
    ret
by_pop:
    mov esi, esp
    push dword 0xabcd0000 + DATA    ; the upper half does not matter
    push ds
    push es
    stc
    pop es
    pop ds
    pop fs
    setc al
    movzx eax, al
    expect eax, 1, "CF behind the loads"
    expect esi, esp, "ESP behind the loads"
    ret

; The descriptor changes in its place.
descriptors:
    set_descriptor DATA, HERE, 0xfffff, 0x92, 12
    call load_often
    mov dword [HERE], 1
    mov dword [THERE], 2
    expect [fs:0], 1, "the first base"
    set_descriptor DATA, THERE, 0xfffff, 0x92, 12
    expect [fs:0], 1, "the base until the next load"
    call load_often
    expect [fs:0], 2, "the second base"
    movzx eax, byte [gdt + DATA + 5]
    expect eax, 0x93, "the descriptor's rights, accessed"
    mov byte [gdt + DATA + 5], 0x92     ; only that bit differs from what was loaded
    call load_often
    movzx eax, byte [gdt + DATA + 5]
    expect eax, 0x93, "accessed again"
    set_descriptor DATA, HERE, 0xfff, 0x92, 4
    call load_often
    expect_fault EXC_GP, 0, mov eax, [fs:0x1000]
    mov byte [gdt + DATA + 5], 0x12     ; not present
    mov edx, DATA
    expect_fault EXC_NP, DATA, mov fs, dx
    expect_fault EXC_GP, 0, mov eax, [fs:0x1000]
    mov dword [gdt + DATA], 0
    mov dword [gdt + DATA + 4], 0
    expect_fault EXC_GP, DATA, mov fs, dx
    ret

; LGDT: another table, with another base behind the same selector and with the same; then one that ends before it.
tables:
    set_descriptor DATA, HERE, 0xfffff, 0x93, 12
    mov esi, gdt
    mov edi, other_gdt
    mov ecx, gdt_end - gdt
    rep movsb
    mov dword [HERE], 3
    mov dword [THERE], 4
    call load_often
    lgdt [other_pointer]
    call load_often
    expect [fs:0], 3, "the base in the other table"
    set_descriptor DATA, THERE, 0xfffff, 0x93, 12   ; in the first
    call load_often
    expect [fs:0], 3, "the base in the other table, after the first has changed"
    lgdt [gdt_pointer]
    call load_often
    expect [fs:0], 4, "the base in the first table"
    lgdt [short_pointer]
    mov edx, DATA
    expect_fault EXC_GP, DATA, mov fs, dx
    lgdt [gdt_pointer]
    ret

; FS keeps what level 0 has loaded, by SYSEXIT to level 3 and a call from there to level 1.
levels:
    call install_tss
    mov dword [tss + 12], STACK1
    mov dword [tss + 16], DATA1 | 1
    set_descriptor FAST, 0, 0xfffff, 0x9b, 12
    set_descriptor FAST + 0x08, 0, 0xfffff, 0x93, 12
    set_descriptor FAST + 0x10, 0, 0xfffff, 0xfb, 12
    set_descriptor FAST + 0x18, 0, 0xfffff, 0xf3, 12
    set_descriptor CODE1, 0, 0xfffff, 0xbb, 12
    set_descriptor DATA1, 0, 0xfffff, 0xb3, 12
    set_gate gdt + GATE, CODE1, .level_1, 0xec, 0
    mov ecx, 0x174              ; IA32_SYSENTER_CS
    mov eax, FAST
    xor edx, edx
    wrmsr
    mov dword [next_level], .level_3
    call many_exits
    mov dword [next_level], .call_gate
    jmp many_exits
.call_gate:
    call (GATE | 3):0
.level_1:
    mov eax, DATA1 | 1          ; what is of level 0 is taken away by the IRET behind a fault
    mov ds, ax
    mov es, ax
    mov edx, DATA32
    expect_fault EXC_GP, DATA32, mov fs, dx
    int 0x80
.level_3:
    mov eax, USER_DATA
    mov ds, ax
    mov es, ax
    mov edx, DATA32
    expect_fault EXC_GP, DATA32, mov fs, dx
    int 0x80

many_exits:
    mov ebp, ROUNDS
.again:
    call .exit
    dec ebp
    jnz .again
    ret
.exit:
    pushad                      ; INT 80H undoes it
    mov [kernel_esp], esp
    mov [tss + 4], esp
    mov eax, DATA32
    mov fs, ax
    mov ecx, USER_STACK_TOP
    mov edx, [next_level]
    sysexit

section .data
next_level: dd 0
reload: dd by_move
other_pointer:
    dw gdt_end - gdt - 1
    dd other_gdt
short_pointer:
    dw DATA - 1
    dd gdt
align 8
other_gdt: times gdt_end - gdt db 0
