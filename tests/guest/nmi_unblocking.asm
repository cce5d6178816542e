; NMIs that come while one is being handled: the first of them waits for that handler's IRET and is taken before any
; instruction of the program that IRET goes back to; further ones are lost. EFLAGS.IF has no say in it (SDM 3A 6.7.1).
;
; The local APIC sends them to its own processor, at once. All of it often enough for the handlers, their IRET and the
; program to be translated and linked to each other.
;
; Expect: status 33, output "PASS nmi_unblocking"
%include "guest.inc"
%include "exceptions.inc"
%include "hot.inc"
test_name "nmi_unblocking"

APIC            equ 0xfee00000
APIC_SPURIOUS   equ APIC + 0xf0
APIC_COMMAND    equ APIC + 0x300
APIC_TARGET     equ APIC + 0x310
NMI_TO_TARGET   equ 0x400
NMI             equ 2

main:
    call install_exceptions
    set_handler NMI, first_nmi
    mov dword [APIC_SPURIOUS], 0x1ff
    mov dword [APIC_TARGET], 0
    cli
    call send_often
    sti
    call send_often
    cli
    ret

send_often:
    mov ecx, 3000
.loop:
    mov dword [nmis], 0
    mov dword [steps], 0
    mov dword [APIC_COMMAND], NMI_TO_TARGET
.behind:
    inc dword [steps]
    mov edx, 100000
.wait:
    cmp dword [nmis], 2
    jae .came
    pause
    dec edx
    jnz .wait
.came:
    same [nmis], 2, "NMIs"
    same [eip_of_first], .behind, "where the first one came"
    same [eip_of_second], .behind, "where the second one came"
    same [steps_at_second], 0, "steps of the program between them"
    dec ecx
    jnz .loop
    ret

; One handler for both: the first one asks for more.
first_nmi:
    mov eax, [ebx + frame.eip]
    inc dword [nmis]
    cmp dword [nmis], 1
    ja .second
    mov [eip_of_first], eax
    mov edx, 3
.more:
    mov dword [APIC_COMMAND], NMI_TO_TARGET
    dec edx
    jnz .more
    same [nmis], 1, "NMIs inside a handler"
    ret
.second:
    mov [eip_of_second], eax
    mov eax, [steps]
    mov [steps_at_second], eax
    ret

section .data
nmis:            dd 0
steps:           dd 0
eip_of_first:    dd 0
eip_of_second:   dd 0
steps_at_second: dd 0
