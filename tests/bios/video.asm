; Int 10h: text modes, cursor, scrolling, planar graphics, and a linear mode through VBE.
;
; Expect: status 33, output "PASS video"
%include "bios.inc"
test_name "video"

main:
    mov ax, 0x0003
    int 0x10
    mov ah, 0x0f
    int 0x10
    expect_word ax, 0x5003, "mode and columns"
    mov ah, 0x02                        ; the cursor to row 5, column 7
    mov bh, 0
    mov dx, 0x0507
    int 0x10
    mov ax, 0x0941                      ; three letters A, white on blue
    mov bx, 0x001f
    mov cx, 3
    int 0x10
    mov ah, 0x08
    mov bh, 0
    int 0x10
    expect_word ax, 0x1f41, "letter and attribute at the cursor"
    mov ax, 0xb800
    mov es, ax
    mov ax, [es:(5 * 80 + 9) * 2]
    expect_word ax, 0x1f41, "the third letter in video memory"
    mov ax, 0x0e42                      ; teletype output moves the cursor
    mov bx, 0x0007
    int 0x10
    mov ah, 0x03
    mov bh, 0
    int 0x10
    expect_word dx, 0x0508, "cursor after teletype output"
    mov ax, 0x0601                      ; everything one line up
    mov bh, 0x07
    mov cx, 0x0000
    mov dx, 0x184f
    int 0x10
    mov al, [es:(4 * 80 + 7) * 2]
    movzx ax, al
    expect_word ax, 0x42, "scrolled"

planar:
    mov ax, 0x0012
    int 0x10
    mov ax, 0x0c05                      ; pixel 100, 50 in color 5
    mov bh, 0
    mov cx, 100
    mov dx, 50
    int 0x10
    mov ax, 0x0c8f                      ; and XOR 15
    int 0x10
    mov ax, 0x0d00
    int 0x10
    movzx ax, al
    expect_word ax, 0x0a, "pixel of 16 colors"
    mov ax, 0x0013
    int 0x10
    mov ax, 0xa000
    mov es, ax
    mov byte [es:320 * 10 + 20], 0x77
    mov ax, 0x0d00
    mov bh, 0
    mov cx, 20
    mov dx, 10
    int 0x10
    movzx ax, al
    expect_word ax, 0x77, "pixel of 256 colors"

vbe:
    push ds
    pop es
    mov di, info
    mov dword [di], "VBE2"
    mov ax, 0x4f00
    int 0x10
    expect_word ax, 0x004f, "VBE is there"
    expect dword [info], "VESA", "its signature"
    lds si, [info + 14]                 ; the list of modes: one of 1024 x 768 with 32 bits
.next:
    lodsw
    cmp ax, 0xffff
    je .none
    mov cx, ax
    push ds
    push si
    push cs
    pop ds
    mov ax, 0x4f01
    mov di, mode_info
    int 0x10
    pop si
    mov eax, [cs:mode_info + 18]        ; width, height
    mov bl, [cs:mode_info + 25]         ; bits
    pop ds
    cmp eax, 768 << 16 | 1024
    jne .next
    cmp bl, 32
    jne .next
    push cs
    pop ds
    mov bx, cx
    or bx, 0x4000                       ; with a linear frame buffer
    mov [mode], bx
    mov ax, 0x4f02
    int 0x10
    expect_word ax, 0x004f, "mode set"
    mov ax, 0x4f03
    int 0x10
    sub bx, [mode]
    expect_word bx, 0, "mode that is set"
    mov eax, [mode_info + 40]           ; the frame buffer lies in the PCI hole
    shr eax, 31
    expect eax, 1, "frame buffer's address"
    mov ax, 0x0003
    int 0x10
    ret
.none:
    push cs
    pop ds
    expect eax, 0, "no mode 1024 x 768 x 32"

section .data
mode: dw 0
section .bss
info:      resb 512
mode_info: resb 256
