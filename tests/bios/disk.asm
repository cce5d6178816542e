; Int 13h: geometry, reading and writing by cylinder, head and sector and by block number, and what cannot be.
;
; Expect: status 33, output "PASS disk"
%include "bios.inc"
test_name "disk"

BUFFER  equ 0x9000
SCRATCH equ 60                          ; a block of the disk that nobody needs

main:
    movzx ax, byte [boot_drive]
    expect_word ax, 0x80, "boot drive"
    mov dl, al
    mov ah, 0x00
    int 0x13
    expect_carry 0, "reset"
    mov ah, 0x08
    mov dl, [boot_drive]
    int 0x13
    expect_carry 0, "geometry"
    movzx ax, dl
    expect_word ax, 1, "number of hard disks"
    and cl, 0x3f
    movzx ax, cl
    mov [sectors], ax
    mov ah, 0x41                        ; extensions?
    mov bx, 0x55aa
    mov dl, [boot_drive]
    int 0x13
    expect_carry 0, "extensions are there"
    expect_word bx, 0xaa55, "their signature"

    mov word [packet + 2], 1            ; block 0 is this program's start
    mov dword [packet + 8], 0
    mov ah, 0x42
    call extended
    expect_carry 0, "read block 0"
    mov ax, [BUFFER + 510]
    expect_word ax, 0xaa55, "the boot sector"

    mov di, BUFFER                      ; write a pattern by block number
    mov cx, 256
    mov ax, 0x1357
.fill:
    stosw
    add ax, 0x1111
    loop .fill
    mov dword [packet + 8], SCRATCH
    mov ax, 0x4300
    call extended
    expect_carry 0, "write a block"
    mov di, BUFFER
    mov cx, 256
    xor ax, ax
    rep stosw
    mov ax, SCRATCH                     ; and read it by cylinder, head and sector; it is on the first track of a large
    cmp ax, [sectors]                   ; disk, else on a later head
    jae .done
    mov cx, SCRATCH + 1
    mov ax, 0x0201
    mov bx, BUFFER
    mov dh, 0
    mov dl, [boot_drive]
    int 0x13
    expect_carry 0, "read a sector"
    mov ax, [BUFFER + 2]
    expect_word ax, 0x2468, "the pattern"
.done:
    mov dword [packet + 8], 0x7fff_ffff ; far beyond the end
    mov ah, 0x42
    call extended
    expect_carry 1, "read beyond the end"
    mov dword [packet + 8], 0
    mov ah, 0x42
    call extended
    expect_carry 0, "read after an error"
    mov ah, 0x02
    mov al, 1
    mov cx, 1
    mov dh, 0
    mov dl, 0x87                        ; there is no such disk
    mov bx, BUFFER
    int 0x13
    expect_carry 1, "a disk that is not there"
    ret

extended:
    mov dl, [boot_drive]
    mov si, packet
    int 0x13
    ret

section .data
align 4
packet:  db 16, 0
         dw 1
         dw BUFFER, 0
         dq 0
sectors: dw 0
