; Loads of a selector that a segment register holds already, hot: each reads the descriptor again (SDM 3A 3.4.3, 5.6).
;
; Expect: status 33, output "PASS segment_reloads"
; QEMU 7.2's interpreter does not check limits.
%include "guest.inc"
%include "exceptions.inc"
test_name "segment_reloads"

DATA   equ FREE
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

section .data
reload: dd by_move
other_pointer:
    dw gdt_end - gdt - 1
    dd other_gdt
short_pointer:
    dw DATA - 1
    dd gdt
align 8
other_gdt: times gdt_end - gdt db 0
