; What privilege level 3 may not do, and what the answer is (SDM 3A 5.5 to 5.11, 2.8).
;
; Expect: status 33, output "PASS privilege"
%include "guest.inc"
%include "user.inc"
test_name "privilege"

main:
    call install_exceptions
    call install_tss
    xor eax, eax
    lldt ax
    run_user privileged_instructions
    run_user io_permission
    run_user flags_at_level_3
    run_user segment_loads
    run_user software_interrupts
    run_user queries
    call probes_by_selector
    ret

%macro expect_gp 1+
    expect_fault EXC_GP, 0, %1
%endmacro

privileged_instructions:
    expect_gp cli
    expect_gp sti
    expect_gp hlt
    expect_gp clts
    expect_gp lgdt [gdt_pointer]
    expect_gp lidt [idt_pointer]
    expect_gp lldt ax
    expect_gp ltr ax
    expect_gp lmsw ax
    expect_gp mov eax, cr0
    expect_gp mov cr0, eax
    expect_gp mov eax, cr3
    expect_gp mov cr4, eax
    expect_gp mov eax, dr0
    expect_gp mov dr7, eax
    expect_gp invd
    expect_gp wbinvd
    expect_gp invlpg [0]
    expect_gp rdmsr
    expect_gp wrmsr
    int 0x80

io_permission:
    expect_gp in al, 0x21
    expect_gp out 0x21, al
    expect_gp in eax, dx
    and byte [tss + 104 + 0x300 / 8], 0xfe  ; port 300H alone
    mov edx, 0x300
    expect_no_fault in al, dx
    expect_gp in ax, dx                     ; a word also touches 301H
    mov edx, 0x301
    expect_gp in al, dx
    int 0x80

; POPF at CPL 3 and IOPL 0 changes neither IF nor IOPL, silently.
flags_at_level_3:
    push dword 0x3ed7
    popfd
    pushfd
    pop eax
    expect eax, 0xcd7, "flags after POPFD at level 3"
    push dword 2
    popfd
    int 0x80

segment_loads:
    mov eax, DATA32                         ; DPL 0
    expect_fault EXC_GP, DATA32, mov ds, ax
    expect_fault EXC_GP, DATA32, mov ss, ax
    mov eax, USER_DATA & ~3                 ; right DPL, wrong RPL for SS
    expect_fault EXC_GP, USER_DATA & ~3, mov ss, ax
    mov eax, USER_CODE                      ; readable code is good enough for DS, not for SS
    expect_no_fault mov es, ax
    expect_fault EXC_GP, USER_CODE & ~3, mov ss, ax
    xor eax, eax
    expect_no_fault mov gs, ax
    expect_gp mov ss, ax
    mov eax, 0xfff8                         ; past the table
    expect_fault EXC_GP, 0xfff8, mov ds, ax
    mov eax, 0x0c                           ; no LDT
    expect_fault EXC_GP, 0x0c, mov ds, ax
    mov eax, TSS                            ; a system segment
    expect_fault EXC_GP, TSS, mov ds, ax
    mov eax, USER_DATA
    mov es, ax
    expect_fault EXC_GP, CODE32, jmp CODE32:0
    expect_fault EXC_GP, DATA32, call DATA32:0
    expect_gp jmp 0:0
    int 0x80

; A gate's DPL guards INT n, INT3 and INTO, not exceptions (SDM 3A 6.12.1.1).
software_interrupts:
    expect_fault EXC_GP, 0x41 * 8 + 2, int 0x41
    expect_fault EXC_GP, EXC_BP * 8 + 2, int3
    mov al, 0x7f
    add al, 1
    expect_fault EXC_GP, EXC_OF * 8 + 2, into
    xor ecx, ecx
    expect_fault EXC_DE, NO_ERROR, div ecx
    expect_fault EXC_UD, NO_ERROR, ud2
    int 0x80

; Not privileged without UMIP, TSD or PCE.
queries:
    expect_no_fault sgdt [SCRATCH]
    expect_no_fault sidt [SCRATCH]
    expect_no_fault smsw ax
    expect_no_fault str ax
    expect_no_fault sldt ax
    expect_no_fault rdtsc
    mov eax, TSS
    lar ebx, eax                            ; DPL 0 is not visible from here
    setz [zero_flag]
    expect [zero_flag], 0, "ZF of LAR on a TSS at level 3"
    int 0x80

; LAR, LSL, VERR, VERW, ARPL at CPL 0, and what present bits say.
probes_by_selector:
    mov eax, USER_CODE
    lar ebx, eax
    expect_bits ebx, 0x00f0ff00, 0x00c0fb00, "LAR of user code"
    lsl ebx, eax
    expect ebx, 0xffffffff, "LSL of a page-granular segment"
    set_descriptor FREE, 0, 0x1234, 0x90, 4 ; read-only data, limit 1234H
    mov eax, FREE
    lsl ebx, eax
    expect ebx, 0x1234, "LSL of a byte-granular segment"
    verw ax
    setz [zero_flag]
    expect [zero_flag], 0, "ZF of VERW on read-only data"
    verr ax
    setz [zero_flag]
    expect [zero_flag], 1, "ZF of VERR on read-only data"
    expect_fault EXC_GP, FREE, mov ss, ax
    set_descriptor FREE, 0, 0x1234, 0x12, 4 ; not present
    expect_fault EXC_NP, FREE, mov es, ax
    expect_fault EXC_SS, FREE, mov ss, ax
    mov eax, FREE
    mov ecx, 3
    arpl ax, cx
    expect eax, FREE + 3, "ARPL raises the RPL"
    set_descriptor FREE, 0, 0xfffff, 0x98, 12 ; execute-only code
    mov eax, FREE
    expect_fault EXC_GP, FREE, mov ds, ax
    mov al, [gdt + FREE + 5]
    and eax, 1
    expect eax, 0, "accessed bit after a refused load"
    set_descriptor FREE, 0, 0xfffff, 0x92, 12
    mov eax, FREE
    mov es, ax
    mov al, [gdt + FREE + 5]
    and eax, 1
    expect eax, 1, "accessed bit after a load"
    ret

section .data
zero_flag: dd 0
