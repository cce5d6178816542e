; A boot sector that uses the drive it came from by int 13h. It reads the block behind itself, which begins with "PAYLOAD";
; on a floppy or hard disk it also writes the block behind that one and reads it back. What happened goes to the debug
; console at port E9H; the last word is an exit status for isa-debug-exit at port 501H.
;
;   nasm -DCD: for a CD-ROM without emulation, where a block has 2,048 bytes and the image starts at block CD.
bits 16
org 0x7c00

    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    cld
    mov [drive], dl
    mov si, hello
    call print

    mov ax, 0x8000
%ifdef CD
    mov dword [packet.block], CD + 1
    call read_extended
    jc failed
%else
    mov cx, 2                   ; cylinder 0, sector 2
    mov bx, ax
    mov ax, 0x0201
    call disk
    jc failed
%endif
    mov si, 0x8000
    mov di, payload
    mov cx, 7
    repe cmpsb
    jne failed

%ifndef CD
    mov dword [0x8000], 'WROT'
    mov bx, 0x8000
    mov ax, 0x0301
    mov cx, 3
    call disk
    jc failed
    mov bx, 0x9000
    mov ax, 0x0201
    mov cx, 3
    call disk
    jc failed
    cmp dword [0x9000], 'WROT'
    jne failed
%endif
    mov si, good
    call print
    mov ax, 0x10
    jmp leave_machine
failed:
    mov si, bad
    call print
    mov ax, 0x11
leave_machine:
    mov dx, 0x501
    out dx, ax
    jmp $

disk:
    mov dh, 0
    mov dl, [drive]
    int 0x13
    ret
%ifdef CD
read_extended:
    mov [packet.offset], ax
    mov ah, 0x42
    mov dl, [drive]
    mov si, packet
    int 0x13
    ret
packet:
    db 16, 0
    dw 1
.offset: dw 0, 0
.block: dd 0, 0
%endif
print:
    lodsb
    test al, al
    jz .done
    out 0xe9, al
    jmp print
.done:
    ret

drive: db 0
hello: db 'started', 10, 0
good: db 'good', 10, 0
bad: db 'failed', 10, 0
payload: db 'PAYLOAD'
    times 510 - ($ - $$) db 0
    dw 0xaa55
