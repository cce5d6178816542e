; The A20 gate, by port 92H and by the keyboard controller: open if one of them says so; with both closed addresses wrap
; at 1 MiB.
;
; Expect: status 33, output "PASS a20"
%include "guest.inc"
%include "real.inc"
test_name "a20"

main:
    call install_real
    call_real try_both
    movzx eax, byte [closed]
    expect eax, 0x5a, "FFFF:0510 with both gates closed"
    movzx eax, byte [open_by_port]
    expect eax, 0xa5, "FFFF:0510 with the gate opened by port 92H"
    movzx eax, byte [closed_again]
    expect eax, 0x5a, "FFFF:0510 with both gates closed again"
    movzx eax, byte [open_by_controller]
    expect eax, 0xa5, "FFFF:0510 with the gate opened by the keyboard controller"
    ret

section .real
bits 16
; Runs below 1 MiB, where closing the gate moves nothing. 500H and 100500H hold different bytes.
try_both:
    mov ax, 0xffff
    mov es, ax
    mov cl, [es:0x510]
    mov byte [es:0x510], 0xa5
    mov byte [0x500], 0x5a
    mov bl, OUTPUT_CLOSED
    call write_output_port
    call close_port_92
    mov al, [es:0x510]
    mov [closed], al
    in al, 0x92
    or al, 2
    and al, 0xfe                ; bit 0 would reset the machine
    out 0x92, al
    mov al, [es:0x510]
    mov [open_by_port], al
    call close_port_92
    mov al, [es:0x510]
    mov [closed_again], al
    mov bl, OUTPUT_OPEN
    call write_output_port
    mov al, [es:0x510]
    mov [open_by_controller], al
    mov [es:0x510], cl
    ret

close_port_92:
    in al, 0x92
    and al, 0xfc
    out 0x92, al
    ret

; The keyboard controller's output port from BL: bit 1 is the gate, bit 0 the reset line.
OUTPUT_CLOSED equ 0xdd
OUTPUT_OPEN   equ 0xdf
write_output_port:
    call wait_ready
    mov al, 0xd1
    out 0x64, al
    call wait_ready
    mov al, bl
    out 0x60, al
wait_ready:
    in al, 0x64
    test al, 2
    jnz wait_ready
    ret

closed:             db 0
open_by_port:       db 0
closed_again:       db 0
open_by_controller: db 0
