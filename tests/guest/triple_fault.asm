; An exception while a double fault is delivered shuts the processor down, which resets the machine (SDM 3A 6.15).
;
; Expect: status 0, output "about to fault three times"
%include "guest.inc"
test_name "triple_fault"

main:
    mov esi, announcement
    call print
    lidt [empty_table]
    ud2
    fail "execution went on"

section .data
announcement: db "about to fault three times", 10, 0
empty_table:
    dw 0
    dd 0
