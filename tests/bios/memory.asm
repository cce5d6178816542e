; Int 11h, 12h, 15h: equipment, memory sizes, the memory map, the A20 gate, block moves.
;
; Expect: status 33, output "PASS memory"
%include "bios.inc"
test_name "memory"

main:
    int 0x12
    expect_word ax, 639, "conventional memory in KiB"
    int 0x11
    and ax, 0x0002
    expect_word ax, 0x0002, "equipment: coprocessor"
    mov ah, 0x88
    int 0x15
    expect_carry 0, "extended memory"
    and ax, 0xf800                      ; firmware keeps a little at the end
    expect_word ax, 62 * 1024, "extended memory in KiB of 64 MiB"
    mov ax, 0xe801
    int 0x15
    expect_carry 0, "E801"
    expect_word ax, 15 * 1024, "KiB from 1 to 16 MiB"

map:
    xor ebx, ebx
.next:
    mov eax, 0xe820
    mov edx, "PAMS"
    mov ecx, 24
    mov di, range
    int 0x15
    expect_carry 0, "E820"
    expect eax, "PAMS", "E820's signature"
    inc word [ranges]
    cmp dword [range + 16], 1           ; RAM
    jne .not_ram
    mov eax, [range + 8]
    add [ram], eax
.not_ram:
    test ebx, ebx
    jnz .next
    cmp word [ranges], 3
    setae al
    movzx ax, al
    expect_word ax, 1, "more than two ranges"
    mov eax, [ram]
    shr eax, 20
    expect eax, 63, "MiB of RAM; firmware keeps a little of it"

a20:
    mov ax, 0x2400
    int 0x15
    expect_carry 0, "A20 off"
    mov ax, 0x2402
    int 0x15
    movzx ax, al
    expect_word ax, 0, "A20's state"
    mov ax, 0xffff
    mov fs, ax
    mov dword [0x500], 0x11111111
    mov dword [fs:0x510], 0x22222222    ; 1 MiB + 500h, which is 500h now
    expect dword [0x500], 0x22222222, "memory wraps at 1 MiB"
    mov ax, 0x2401
    int 0x15
    expect_carry 0, "A20 on"
    mov dword [fs:0x510], 0x33333333
    expect dword [0x500], 0x22222222, "memory goes on behind 1 MiB"

move:
    mov cx, 2                           ; two words from `range` to 2 MiB and back
    mov si, there
    mov ah, 0x87
    int 0x15
    expect_carry 0, "block move"
    mov cx, 2
    mov si, back
    mov ah, 0x87
    int 0x15
    expect_carry 0, "block move back"
    expect dword [copy], "RING", "what was moved"
    mov ah, 0xc0
    int 0x15
    expect_carry 0, "configuration table"
    mov al, [es:bx + 2]
    movzx ax, al
    expect_word ax, 0xfc, "model: AT"
    ret

section .data
align 8
source: db "RING"
copy:   dd 0
there:  dq 0, 0                         ; the segments' descriptors (IBM's table)
        dw 0xffff, source, 0x9300, 0
        dw 0xffff, 0x0000, 0x9320, 0
        dq 0, 0
back:   dq 0, 0
        dw 0xffff, 0x0000, 0x9320, 0
        dw 0xffff, copy, 0x9300, 0
        dq 0, 0
ranges: dw 0
ram:    dd 0
section .bss
range:  resb 24
