; Int 16h: keys arrive through the 8042, IRQ 1 and int 9. The test types them itself, by the controller's command D2h.
;
; Expect: status 33, output "PASS keyboard"
%include "bios.inc"
test_name "keyboard"

main:
    mov ah, 0x01
    int 0x16
    setz al
    movzx ax, al
    expect_word ax, 1, "no key yet"
    mov bl, 0x1e                        ; A
    call type
    mov bl, 0x9e
    call type
.wait:
    hlt
    mov ah, 0x01
    int 0x16
    jz .wait
    expect_word ax, 0x1e61, "key that waits"
    mov ah, 0x00
    int 0x16
    expect_word ax, 0x1e61, "the key"
    mov bl, 0x2a                        ; left shift and B
    call type
    mov bl, 0x30
    call type
    mov bl, 0xb0
    call type
    mov ah, 0x02
    int 0x16
    movzx ax, al
    and ax, 3
    expect_word ax, 2, "shift is held"
    mov ah, 0x10
    int 0x16
    expect_word ax, 0x3042, "a capital"
    mov bl, 0xaa
    call type
    mov ah, 0x02
    int 0x16
    movzx ax, al
    and ax, 3
    expect_word ax, 0, "shift is released"
    mov bl, 0x3b                        ; F1
    call type
    mov ah, 0x00
    int 0x16
    expect_word ax, 0x3b00, "a function key"
    mov ah, 0x05                        ; a key by software
    mov cx, 0x1c0d
    int 0x16
    mov ah, 0x00
    int 0x16
    expect_word ax, 0x1c0d, "a key that was put"
    ret

type:                                   ; the scan code BL
    cli
    call ready
    mov al, 0xd2
    out 0x64, al
    call ready
    mov al, bl
    out 0x60, al
    sti
    mov cx, 3                           ; until int 9 has taken it
.taken:
    in al, 0x64
    test al, 1
    jnz .taken
    ret
ready:
    in al, 0x64
    test al, 2
    jnz ready
    ret
