; Real mode under hot code: segments as paragraphs, 64-KiB limits, SP and IP that wrap, interrupts through the table at 0,
; segments that protected mode left larger (SDM 3A 10.9, 3B 21.1).
;
; Attacks: 16-bit sums and stack pointers kept in 32 bits, bases from when the code was translated, code found by linear
; address under another CS, limits taken for granted.
;
; Expect: status 33, output "PASS hot_real_mode"
%include "guest.inc"
%include "exceptions.inc"
%include "real.inc"
%include "hot16.inc"
test_name "hot_real_mode"

main:
    call install_exceptions
    call install_real
    install_hot16 0, 0, AREA_A >> 4, AREA_B >> 4, 0x100, 0x1000
    call_real all
    call check_hot16
    movzx eax, word [services]
    expect eax, 500, "INT 60H"
    movzx eax, word [failed_check]
    expect eax, 0, "number of the WANT that failed"
    ret

section .real
bits 16
all:
    mov word [13 * 4], on_limit
    mov word [13 * 4 + 2], 0
    mov word [12 * 4], on_limit
    mov word [12 * 4 + 2], 0
    mov word [0x60 * 4], service
    mov word [0x60 * 4 + 2], 0
    call hot16_all
    call interrupts
    call far_transfers
    call many_segments
    call big_segments
    ret

on_limit:
    inc dword [ss:faults]
    push bp
    push ax
    mov bp, sp
    mov ax, [ss:resume_ip]
    mov [bp + 4], ax
    pop ax
    pop bp
    iret

interrupts:
    mov cx, 500
.next:
    sti
    stc
    int 0x60
    jnc .bad
    pushf
    cli
    pushf
    pop ax
    popf
    test ax, 0x200
    jnz .bad
    loop .next
    cli
    ret
.bad:
    mov word [failed_check], 2000
    ret
service:
    inc word [cs:services]
    pushf
    pop ax
    test ax, 0x200
    jz .masked
    mov word [cs:failed_check], 2000
.masked:
    iret

; Far calls, jumps and returns with the pointer in the code, and parameters.
far_transfers:
    mov cx, 500
.next:
    push word 3
    push word 4
    call 0x100:.adds - 0x1000
    want ax, 7
    mov bx, cs
    want bx, 0
    jmp 0x200:.there - 0x2000
.there:
    mov bx, cs
    want bx, 0x200
    push cs
    push .back - 0x2000
    jmp far [cs:.pointer - 0x2000]
.back:
    jmp 0:.here
.here:
    loop .next
    ret
.adds:
    push bp
    mov bp, sp
    mov ax, [bp + 6]
    add ax, [bp + 8]
    pop bp
    retf 4
.pointer: dw .leaves, 0
.leaves:
    retf

; One place under more code segments than have numbers (code_segments.h).
many_segments:
    mov dx, 1200
.next:
    mov ax, dx
    shl ax, 4
    neg ax
    add ax, where
    mov [.pointer], ax
    add ax, where.here - where
    mov [.wanted], ax
    mov [.pointer + 2], dx
    mov cx, 14
.again:
    call far [.pointer]
    want ax, [.wanted]
    loop .again
    dec dx
    jnz .next
    ret
.pointer: dw 0, 0
.wanted:  dw 0

; "Unreal" mode: a DS of 4 GiB, whose base comes and goes.
big_segments:
    lgdt [real_gdt_pointer]
    mov cx, 300
.next:
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov bx, DATA32
    mov ds, bx
    and al, 0xfe
    mov cr0, eax
    mov ebx, SCRATCH
    mov [dword ebx], ecx
    add dword [dword ebx], 5
    mov ax, 0x10
    mov ds, ax
    mov edx, [dword ebx - 0x100]
    sub edx, ecx
    want edx, 5
    xor ax, ax
    mov ds, ax
    mov dx, [dword ebx]
    sub dx, cx
    want dx, 5
    mov eax, cr0                ; and back to 64 KiB
    or al, 1
    mov cr0, eax
    mov bx, DATA16
    mov ds, bx
    and al, 0xfe
    mov cr0, eax
    xor ax, ax
    mov ds, ax
    loop .next
    ret

services: dw 0
bits 32
