; Int 1Ah: the tick count, the real-time clock, an alarm-free wait, and the PCI BIOS.
;
; Expect: status 33, output "PASS clock"
%include "bios.inc"
test_name "clock"

main:
    mov ah, 0x00
    int 0x1a
    mov [ticks], dx
.tick:
    hlt
    mov ah, 0x00
    int 0x1a
    cmp dx, [ticks]
    je .tick
    mov ah, 0x04
    int 0x1a
    expect_carry 0, "date"
    expect_word cx, 0x2001, "year (the test starts the clock)"
    expect_word dx, 0x0203, "month and day"
    mov ah, 0x02
    int 0x1a
    expect_carry 0, "time"
    movzx ax, ch
    expect_word ax, 0x04, "hour"
    mov cx, 0                           ; int 15h waits by the real-time clock's periodic interrupt
    mov dx, 20000
    mov ah, 0x86
    int 0x15
    expect_carry 0, "wait of 20 ms"

pci:
    mov ax, 0xb101
    int 0x1a
    expect_carry 0, "PCI BIOS is there"
    expect edx, "PCI ", "its signature"
    mov ax, 0xb102                      ; the host bridge
    mov cx, 0x1237
    mov dx, 0x8086
    xor si, si
    int 0x1a
    expect_carry 0, "find a device"
    expect_word bx, 0, "bus, device, function"
    mov ax, 0xb103                      ; the graphics card, by its class
    mov ecx, 0x030000
    xor si, si
    int 0x1a
    expect_carry 0, "find a class"
    mov ax, 0xb10a
    mov di, 0x10
    int 0x1a
    expect_carry 0, "read configuration space"
    and ecx, 0xf
    expect ecx, 8, "BAR 0 is prefetchable memory"
    mov ax, 0xb102
    mov cx, 0x4242
    mov dx, 0x4242
    xor si, si
    int 0x1a
    expect_carry 1, "a device that is not there"
    ret

section .data
ticks: dw 0
