; SGDT, SIDT, SLDT, STR and SMSW, which show a program the system's state without a fault: all operand sizes, memory that
; faults, and CR4.UMIP, which ends it (SDM 2B SGDT, SIDT, SLDT, STR; 2A SMSW; 3A 2.5). Hosts with UMIP cannot be asked
; what is right, so the expectations are the manual's.
;
; Expect: status 33, output "PASS critical_instructions"
%include "guest.inc"
%include "user.inc"
%include "pages.inc"
%include "hot.inc"
test_name "critical_instructions"

CR4_UMIP equ 0x800
LDT      equ FREE
SEEN     equ SCRATCH
PAGE     equ 0x500000

main:
    call install_exceptions
    call install_pages
    call install_tss
    set_descriptor LDT, SCRATCH + 0x1000, 0xff, 0x82, 0
    mov eax, LDT
    lldt ax
    mov eax, cr0
    mov [real_cr0], eax
    map PAGE, FRAME(0), PAGE_ALL
    call shown
    run_user shown_to_program
    run_user missing_page
    call hidden
    ret

; expect_image LIMIT, BASE: six bytes at SEEN, and nothing behind them.
%macro expect_image 3
    movzx eax, word [SEEN]
    same eax, %1, {"limit by ", %3}
    same [SEEN + 2], %2, {"base by ", %3}
    movzx eax, word [SEEN + 6]
    same eax, 0xeeee, {"bytes behind ", %3}
%endmacro

%macro clear_seen 0
    mov dword [SEEN], 0xeeeeeeee
    mov dword [SEEN + 4], 0xeeeeeeee
%endmacro

; Registers by operand size, zero-extended; memory always 16 bits.
%macro expect_selector 2        ; INSTRUCTION, VALUE
    mov edx, 0xeeeeeeee
    %1 edx
    same edx, %2, "a 32-bit register"
    mov edx, 0xeeeeeeee
    %1 dx
    same edx, 0xeeee0000 | ((%2) & 0xffff), "a 16-bit register"
    clear_seen
    %1 [SEEN]
    same [SEEN], 0xeeee0000 | ((%2) & 0xffff), "memory"
%endmacro

shown_to_program:
    call shown
    int 0x80

shown:
    mov ecx, 300
.loop:
    clear_seen
    sgdt [SEEN]
    expect_image gdt_end - gdt - 1, gdt, "SGDT"
    clear_seen
    o16 sgdt [SEEN]
    expect_image gdt_end - gdt - 1, gdt, "SGDT with a 16-bit operand"
    clear_seen
    sidt [SEEN]
    expect_image 256 * 8 - 1, idt, "SIDT"
    expect_selector sldt, LDT
    expect_selector str, TSS
    mov eax, [real_cr0]
    mov edx, 0xeeeeeeee
    smsw edx
    same edx, eax, "SMSW to a 32-bit register"
    mov edx, 0xeeeeeeee
    smsw dx
    and edx, 0xffff
    and eax, 0xffff
    same edx, eax, "SMSW to a 16-bit register"
    clear_seen
    smsw [SEEN]
    movzx edx, word [SEEN]
    same edx, eax, "SMSW to memory"
    movzx edx, word [SEEN + 2]
    same edx, 0xeeee, "memory behind SMSW"
    dec ecx
    jnz .loop
    ret

; The page behind is missing: six bytes, two, or none of them fit.
missing_page:
    expect_no_fault sgdt [PAGE + 0x1000 - 6]
    expect_fault EXC_PF, 6, sgdt [PAGE + 0x1000 - 5]
    expect [fault_cr2], PAGE + 0x1000, "CR2 of SGDT"
    expect_fault EXC_PF, 6, sidt [PAGE + 0x1000]
    expect_no_fault sldt [PAGE + 0x1000 - 2]
    expect_fault EXC_PF, 6, sldt [PAGE + 0x1000 - 1]
    expect_fault EXC_PF, 6, str [PAGE + 0x1000 - 1]
    expect_fault EXC_PF, 6, smsw [PAGE + 0x1000 - 1]
    int 0x80

; With UMIP: #GP(0) above level 0, before the operand is looked at.
hidden:
    mov eax, 7
    xor ecx, ecx
    cpuid
    test ecx, 4
    jz .done
    mov eax, cr4
    or eax, CR4_UMIP
    mov cr4, eax
    call shown
    run_user .program
    mov eax, cr4
    and eax, ~CR4_UMIP
    mov cr4, eax
    run_user shown_to_program
.done:
    ret
.program:
    expect_fault EXC_GP, 0, sgdt [SEEN]
    expect_fault EXC_GP, 0, sidt [SEEN]
    expect_fault EXC_GP, 0, sldt eax
    expect_fault EXC_GP, 0, str [SEEN]
    expect_fault EXC_GP, 0, smsw ax
    expect_fault EXC_GP, 0, smsw [PAGE + 0x1000]
    int 0x80

section .data
real_cr0: dd 0
section .text
