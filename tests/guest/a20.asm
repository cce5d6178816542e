; The A20 gate, by port 92H and by the keyboard controller: with it closed addresses wrap at 1 MiB.
;
; Expect: status 33, output "PASS a20"
%include "guest.inc"
%include "real.inc"
test_name "a20"

main:
    call install_real
    call_real by_port_92
    movzx eax, byte [closed]
    expect eax, 0x5a, "FFFF:0510 with the gate closed by port 92H"
    movzx eax, byte [open]
    expect_bits eax, 0xff, 0xa5, "FFFF:0510 with the gate open again"
    call_real by_keyboard_controller
    movzx eax, byte [closed]
    expect eax, 0x5a, "FFFF:0510 with the gate closed by the keyboard controller"
    movzx eax, byte [open]
    expect_bits eax, 0xff, 0xa5, "FFFF:0510 with the gate open again"
    ret

section .real
bits 16
; Runs below 1 MiB, where closing the gate moves nothing. 500H and 100500H hold different bytes.
by_port_92:
    call mark
    in al, 0x92
    and al, 0xfc
    out 0x92, al
    call look
    mov [closed], al
    in al, 0x92
    or al, 2
    and al, 0xfe
    out 0x92, al
    call look
    mov [open], al
    call unmark
    ret

by_keyboard_controller:
    call mark
    mov bl, 0xdd                ; output port: A20 low, reset high
    call write_output_port
    call look
    mov [closed], al
    mov bl, 0xdf
    call write_output_port
    call look
    mov [open], al
    call unmark
    ret

mark:
    mov ax, 0xffff
    mov es, ax
    mov al, [es:0x510]
    mov [kept], al
    mov byte [es:0x510], 0xa5
    mov byte [0x500], 0x5a
    ret
unmark:
    mov al, [kept]
    mov [es:0x510], al
    ret
look:
    mov al, [es:0x510]
    ret

write_output_port:
    call wait_ready
    mov al, 0xd1
    out 0x64, al
    call wait_ready
    mov al, bl
    out 0x60, al
    call wait_ready
    ret
wait_ready:
    in al, 0x64
    test al, 2
    jnz wait_ready
    ret

closed: db 0
open:   db 0
kept:   db 0
