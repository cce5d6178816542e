; Command FEH to the keyboard controller pulls the reset line low.
;
; Expect: status 0, output "about to reset"
%include "guest.inc"
test_name "keyboard_reset"

main:
    mov esi, announcement
    call print
.wait:
    in al, 0x64
    test al, 2                  ; input buffer full
    jnz .wait
    mov al, 0xfe
    out 0x64, al
    mov ecx, 10000000           ; the line takes its time
.hope:
    loop .hope
    fail "execution went on"

section .data
announcement: db "about to reset", 10, 0
