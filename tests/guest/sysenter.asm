; SYSENTER and SYSEXIT (SDM 2B, 3A 5.8.7). Passes at once where CPUID has no SEP.
;
; Expect: status 33, output "PASS sysenter"
%include "guest.inc"
%include "user.inc"
test_name "sysenter"

SYSENTER_CS  equ 0x174
SYSENTER_ESP equ 0x175
SYSENTER_EIP equ 0x176
FAST_STACK   equ 0x1e0000

main:
    mov eax, 1
    cpuid
    test edx, 1 << 11
    jz .done
    call install_exceptions
    call install_tss
    ; SYSEXIT leads to the third and fourth descriptor behind SYSENTER_CS, both of level 3: four in a row.
    set_descriptor FREE, 0, 0xfffff, 0x9b, 12
    set_descriptor FREE + 0x08, 0, 0xfffff, 0x93, 12
    set_descriptor FREE + 0x10, 0, 0xfffff, 0xfb, 12
    set_descriptor FREE + 0x18, 0, 0xfffff, 0xf3, 12
    call without_setup
    call load_registers
    run_user there_and_back
    run_user exit_at_level_3
    call from_level_0
.done:
    ret

%macro write_msr 2
    mov ecx, %1
    mov eax, %2
    xor edx, edx
    wrmsr
%endmacro

; A null SYSENTER_CS makes both fault; its RPL does not count.
without_setup:
    write_msr SYSENTER_CS, 0
    expect_fault EXC_GP, 0, sysenter
    expect_fault EXC_GP, 0, sysexit
%ifndef QEMU_TCG
    write_msr SYSENTER_CS, 3
    expect_fault EXC_GP, 0, sysenter
    expect_fault EXC_GP, 0, sysexit
%endif
    ret

load_registers:
    write_msr SYSENTER_CS, FREE
    write_msr SYSENTER_ESP, FAST_STACK
    write_msr SYSENTER_EIP, fast_entry
    mov ecx, SYSENTER_EIP
    rdmsr
    expect eax, fast_entry, "SYSENTER_EIP read back"
    ret

there_and_back:
    mov ecx, esp
    mov edx, .after
    pushfd
    or dword [esp], 1
    popfd
    sysenter
.after:
    expect [seen_cs], FREE, "CS after SYSENTER"
    expect [seen_ss], FREE + 8, "SS after SYSENTER"
    expect [seen_esp], FAST_STACK, "ESP after SYSENTER"
    mov eax, [seen_flags]
    expect_bits eax, 0x20200, 0, "VM and IF after SYSENTER"
    mov eax, cs
    expect eax, FREE + 0x10 + 3, "CS after SYSEXIT"
    mov eax, ss
    expect eax, FREE + 0x18 + 3, "SS after SYSEXIT"
    mov eax, esp
    expect eax, USER_STACK_TOP, "ESP after SYSEXIT"
    int 0x80

fast_entry:
    mov [seen_esp], esp
    mov [seen_cs], cs
    mov [seen_ss], ss
    pushfd
    pop dword [seen_flags]
    sysexit

exit_at_level_3:
    expect_fault EXC_GP, 0, sysexit
    int 0x80

; SYSENTER works from level 0 too: the same registers are loaded.
from_level_0:
    mov [kept_esp], esp
    write_msr SYSENTER_EIP, .inside
    sysenter
.inside:
    mov eax, esp
    expect eax, FAST_STACK, "ESP after SYSENTER from level 0"
    mov eax, DATA32
    mov ss, ax
    mov esp, [kept_esp]
    jmp CODE32:.out
.out:
    ret

section .data
kept_esp:   dd 0
seen_esp:   dd 0
seen_cs:    dd 0
seen_ss:    dd 0
seen_flags: dd 0
