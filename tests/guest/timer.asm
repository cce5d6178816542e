; Interval timer, interrupt controllers and real-time clock as a guest sees them together.
;
; Expect: status 33, output "PASS timer"
%include "guest.inc"
%include "pic.inc"
test_name "timer"

main:
    call install_exceptions
    call install_pics
    set_handler IRQ_BASE, on_timer
    set_handler IRQ_BASE + 8, on_clock
    call periodic
    call masked
    call latched
    call read_back
    call in_service
    call real_time_clock
    ret

on_timer:
    inc dword [ticks]
    jmp end_of_interrupt

; Reading register C lets the next one come.
on_clock:
    inc dword [clock_ticks]
    mov al, 0x0c
    out 0x70, al
    in al, 0x71
    movzx eax, al
    or [clock_causes], eax
    mov al, 0x20
    out 0xa0, al
    out 0x20, al
    ret

; wait_for VARIABLE, COUNT: halts until it has been reached.
%macro wait_for 2
%%again:
    sti
    hlt
    cli
    cmp dword [%1], %2
    jb %%again
%endmacro

; Mode 2 goes on by itself. 1193182 Hz / 11932 = 100 Hz; ten periods are about 100 ms, which the counter cannot tell,
; so only their coming is checked.
periodic:
    mov dword [ticks], 0
    start_timer 2, 11932
    unmask 0x21, 0xfe
    wait_for ticks, 10
    unmask 0x21, 0xff
    ret

; A request made while its line is masked is delivered afterwards, once.
masked:
    start_timer 0, 1000
    mov dword [ticks], 0
    call wait_for_request
    sti
    nop
    nop
    cli
    expect [ticks], 0, "interrupts while masked"
    unmask 0x21, 0xfe
    sti
    mov ecx, 1000
.wait:
    loop .wait
    cli
    expect [ticks], 1, "interrupts after unmasking"
    unmask 0x21, 0xff
    ret

; The latch holds one value until both bytes are read; mode 2 counts down from the reload value to 1.
latched:
    start_timer 2, 0x1000
    mov ecx, 100
.again:
    xor eax, eax
    out 0x43, al
    in al, 0x40
    mov dl, al
    in al, 0x40
    mov dh, al
    movzx edx, dx
    lea eax, [edx - 1]
    cmp eax, 0x1000
    jae .bad
    loop .again
    ret
.bad:
    expect edx, 0, "count outside 1 to 1000H"

; Read-back of counter 2: status names mode, access and an output that goes high at terminal count (mode 0).
read_back:
    in al, 0x61
    and al, 0xfc
    or al, 1                    ; gate on, speaker off
    out 0x61, al
    mov al, 0xb0                ; counter 2, low and high byte, mode 0
    out 0x43, al
    mov al, 0x00
    out 0x42, al
    mov al, 0x10
    out 0x42, al
.wait:
    in al, 0x61
    test al, 0x20               ; OUT of counter 2
    jz .wait
    mov al, 0xe8                ; read back: status of counter 2, no count
    out 0x43, al
    in al, 0x42
    movzx eax, al
    expect_bits eax, 0xbf, 0xb0, "status of counter 2: output high, low and high byte, mode 0"
    ret

; A request in service blocks its own and lower lines until the end of interrupt.
in_service:
    set_handler IRQ_BASE, .note
    mov dword [ticks], 0
    start_timer 2, 1000
    unmask 0x21, 0xfe
    wait_for ticks, 1
    mov ecx, 100000
    sti
.wait:
    loop .wait
    cli
    expect [ticks], 1, "interrupts without an end of interrupt"
    mov al, 0x0b                ; in-service register
    out 0x20, al
    in al, 0x20
    movzx eax, al
    expect eax, 1, "in-service register"
    unmask 0x21, 0xff
    call end_of_interrupt
    in al, 0x20
    movzx eax, al
    expect eax, 0, "in-service register after the end of interrupt"
    start_timer 0, 0
    set_handler IRQ_BASE, on_timer
    ret
.note:
    inc dword [ticks]
    ret

; Periodic interrupt at 1024 Hz through the second controller; time of day in BCD.
real_time_clock:
    mov al, 0x0a
    out 0x70, al
    mov al, 0x26
    out 0x71, al
    mov al, 0x0b
    out 0x70, al
    in al, 0x71
    or al, 0x40
    mov ah, al
    mov al, 0x0b
    out 0x70, al
    mov al, ah
    out 0x71, al
    mov al, 0x0c
    out 0x70, al
    in al, 0x71
    mov dword [clock_ticks], 0
    unmask 0x21, 0xfb
    unmask 0xa1, 0xfe
    wait_for clock_ticks, 10
    unmask 0xa1, 0xff
    mov eax, [clock_causes]
    expect_bits eax, 0xc0, 0xc0, "register C: interrupt request and periodic flag"
    xor eax, eax
    out 0x70, al
    in al, 0x71
    movzx eax, al
    mov ecx, eax
    and ecx, 15
    cmp ecx, 10
    jae .bad
    cmp eax, 0x60
    jae .bad
    mov al, 0x0d
    out 0x70, al
    in al, 0x71
    movzx eax, al
    expect eax, 0x80, "register D: the clock is valid"
    ret
.bad:
    expect eax, 0, "seconds that are no BCD"
    ret

section .data
ticks:        dd 0
clock_ticks:  dd 0
clock_causes: dd 0
