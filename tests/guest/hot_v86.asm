; Virtual-8086 mode under hot code, with and without paging (SDM 3B 21.2).
;
; Attacks: as hot_real_mode, and blocks or jumps of real mode, of level 3 and of this mode mixed up.
;
; Expect: status 33, output "PASS hot_v86"
%include "guest.inc"
%include "exceptions.inc"
%include "v86.inc"
%include "pages.inc"
%include "hot16.inc"
test_name "hot_v86"

main:
    call install_v86
    set_handler EXC_GP, pass_hot16_fault
    set_handler EXC_SS, pass_hot16_fault
    mov dword [v86_flags], 0x3002
    call both
    call_real in_real_mode      ; the same code, between
    call install_pages
    call both
    ret

both:
    install_hot16 0, 0, AREA_A >> 4, AREA_B >> 4, 0x100, 0x1000
    run_v86 in_v86_mode
    call check_hot16
    ret

section .real
bits 16
in_v86_mode:
    call hot16_all
    cli
    sti
    int3
in_real_mode:
    mov cx, 200
.next:
    push cx
    call hot16_addresses
    call hot16_stack
    pop cx
    loop .next
    ret
bits 32
