; What was sent before the machine's end comes out, also what the serial port still held because nobody had taken the
; characters before it.
;
; Expect: status 33, output "PASS serial_end"
%include "guest.inc"
test_name "serial_end"

MOST equ 20000                  ; characters, after which the far end is quick enough to take everything

main:
    mov edx, SERIAL + 2
    mov al, 1
    out dx, al                  ; FIFOs on
    mov ecx, MOST
.fill:
    mov edx, SERIAL
    mov al, 10
    out dx, al
    add edx, 5
    in al, dx
    test al, 0x20
    jz .full                    ; this one waits in the FIFO
    loop .fill
    ret                         ; says PASS, and waits for room before each character

; Fifteen more fit in. Nobody waits for them.
.full:
    mov esi, last_words
    mov ecx, last_words_end - last_words
    mov edx, SERIAL
    rep outsb
    mov eax, EXIT_PASS
    jmp exit

section .data
last_words: db "PASS serial_end"
last_words_end:
section .text
