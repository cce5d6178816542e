; #DE, #BR and #OF: the first time and after a thousand divisions that went well, registers and flags as before (SDM 2A
; DIV, IDIV, AAM, BOUND, INTO; 3A 6.5, 6.15).
;
; Attacks: a host #DE that is taken for our own or for a wrong instruction, EDX:EAX half written, ESP and flags at the
; fault, a division by memory whose read faults, INTO's trap that leads behind the instruction.
;
; Expect: status 33, output "PASS faults_arithmetic"
%include "guest.inc"
%include "probe.inc"
%include "pages.inc"
%include "hot.inc"
test_name "faults_arithmetic"

PAGE equ 0x400000
HOT_RUNS equ 1000

; division EDX, EAX, GOOD, BAD, INSTRUCTION: by EBX, which `divisor` also holds. Also behind pushes, at both levels.
%macro division 5+
    section .data
    %defstr %%what %5
%%text: db %%what, 0
    section .text
    jmp %%go
%%alone:
    %5
    int 0x81
%%pushes:
    push ecx
    push esi
%%pushed:
    %5
    pop esi
    pop ecx
    int 0x81
%%go:
    mov dword [probe_text], %%text
    mov dword [probe_regs + regs.edx], %1
    mov dword [probe_regs + regs.eax], %2
    mov dword [good], %3
    mov dword [bad], %4
    run_division %%alone, %%alone, 0
    run_division %%pushes, %%pushed, 8
%endmacro
%macro run_division 3
    mov dword [probe_entry], %1
    mov dword [fault_at], %2
    mov dword [pushed_bytes], %3
    call division_levels
%endmacro

main:
    call install_exceptions
    call install_tss
    call install_probes
    call install_pages
    map PAGE, FRAME(2), PAGE_ALL
    set_gate idt + EXC_OF * 8, CODE32, vector_stubs + EXC_OF * STUB_SIZE, 0xee, 0
    call by_zero
    call overflows
    call by_memory
    call memory_fault
    call bounds
    call overflow_trap
    call in_a_loop
    ret

by_zero:
    division 0, 1000, 3, 0, div ebx
    division 0, 1000, 3, 0, div bx
    division 0, 1000, 30, 0, div bl
    division -1, -1000, 3, 0, idiv ebx
    division -1, -1000, 3, 0, idiv bx
    division -1, -1000, 30, 0, idiv bl
    ret

overflows:
    division 5, 0, 6, 5, div ebx                ; the quotient needs 33 bits
    division 5, 0, 6, 5, div bx
    division 0, 0x1ff, 2, 1, div bl
    division 0xffffffff, 0x80000000, 1, -1, idiv ebx
    division 0x3fffffff, 0, 0x7fffffff, 0x7ffffffe, idiv ebx
    division 0xffff, 0x8000, 1, 0xffff, idiv bx
    division 0, 0xff80, 1, 0xff, idiv bl
    ret

by_memory:
    division 0, 1000, 3, 0, div dword [divisor]
    division 0, 1000, 3, 0, div word [divisor]
    division 0, 1000, 30, 0, idiv byte [divisor]
    division 5, 0, 6, 5, div dword [PAGE]
    ret

division_levels:
    mov dword [probe_level], 0
    call division_series
    mov dword [probe_level], 3
    call division_series
    ret

division_series:
    phase "cold"
    call divide_badly
    phase "hot"
    mov edx, HOT_RUNS
.again:
    push edx
    mov eax, [good]
    call divide
    check_seen [seen_vector], NO_ERROR, "vector"
    pop edx
    cmp edx, HOT_RUNS
    je .first
    call check_registers
    jmp .next
.first:
    copy_dwords wanted_regs, seen_regs, 8
.next:
    dec edx
    jnz .again
    phase "after hot runs"
    call divide_badly
    ret

divide:
    mov [divisor], eax
    mov [FRAME(2)], eax
    mov [probe_regs + regs.ebx], eax
    mov dword [probe_regs + regs.ecx], 0x0c0c0c0c
    mov dword [probe_regs + regs.esp], PROBE_STACK
    mov dword [probe_regs + regs.esi], 0x05050505
    mov dword [probe_flags], 0x8d7
    call run_probe
    ret

divide_badly:
    mov eax, [bad]
    call divide
    check_seen [seen_vector], EXC_DE, "vector"
    check_seen [seen_error], NO_ERROR, "error code"
    check_seen [seen_eip], [fault_at], "saved EIP"
    check_seen [seen_flags], 0x8d5, "flags"
    copy_dwords wanted_regs, probe_regs, 8
    mov eax, [pushed_bytes]
    sub [wanted_regs + regs.esp], eax
    call check_registers
    ret

; The divisor's page is missing, then holds zero, then a good divisor: #PF, #DE, and the quotient.
memory_fault:
    mov dword [probe_text], text_memory_fault
    mov dword [probe_level], 3
    mov dword [probe_entry], .divide
    mov dword [probe_regs + regs.edx], 0
    mov dword [probe_regs + regs.eax], 1000
    mov ecx, 500
.loop:
    unmap PAGE
    xor eax, eax
    call divide
    check_seen [seen_vector], EXC_PF, "vector without the page"
    check_seen [seen_cr2], PAGE, "CR2"
    check_seen [seen_regs + regs.eax], 1000, "EAX after the page fault"
    map PAGE, FRAME(2), PAGE_ALL
    xor eax, eax
    call divide
    check_seen [seen_vector], EXC_DE, "vector with zero in the page"
    mov eax, 7
    call divide
    check_seen [seen_vector], NO_ERROR, "vector with seven in the page"
    check_seen [seen_regs + regs.eax], 1000 / 7, "quotient"
    dec ecx
    jnz .loop
    ret
.divide:
    div dword [PAGE]
    int 0x81

bounds:
    mov dword [probe_text], text_bounds
    mov dword [probe_entry], .bound
    mov dword [probe_level], 3
    call .series
    mov dword [probe_level], 0
.series:
    mov ecx, HOT_RUNS
.loop:
    mov eax, ecx
    and eax, 15                 ; inside from 3 to 10
    mov [probe_regs + regs.eax], eax
    mov dword [probe_regs + regs.esp], PROBE_STACK
    mov dword [probe_flags], 0x8d7
    mov edx, NO_ERROR
    sub eax, 3
    cmp eax, 8
    jb .inside
    mov edx, EXC_BR
.inside:
    call run_probe
    check_seen [seen_vector], edx, "vector"
    check_seen [seen_flags], 0x8d5, "flags"
    cmp edx, NO_ERROR
    je .next
    check_seen [seen_eip], .bound, "saved EIP"
    check_seen [seen_regs + regs.esp], PROBE_STACK, "ESP"
.next:
    dec ecx
    jnz .loop
    ret
.bound:
    bound eax, [limits]
    int 0x81

overflow_trap:
    mov dword [probe_text], text_into
    mov dword [probe_entry], .into
    mov dword [probe_level], 3
    call .series
    mov dword [probe_level], 0
.series:
    mov ecx, HOT_RUNS
.loop:
    mov dword [probe_regs + regs.eax], 0x7ffffff0
    mov [probe_regs + regs.edx], ecx
    and dword [probe_regs + regs.edx], 31       ; overflows from 16 on
    mov edx, NO_ERROR
    test ecx, 16
    jz .expected
    mov edx, EXC_OF
.expected:
    mov dword [probe_regs + regs.esp], PROBE_STACK
    mov dword [probe_flags], 2
    call run_probe
    check_seen [seen_vector], edx, "vector"
    check_seen [seen_regs + regs.esp], PROBE_STACK - 4, "ESP"
    cmp edx, NO_ERROR
    je .next
    check_seen [seen_eip], .behind, "saved EIP"
.next:
    dec ecx
    jnz .loop
    ret
.into:
    push eax
    add eax, edx
    into
.behind:
    int 0x81

; The fault comes in the middle of a loop that never leaves the translated code; its handler mends the divisor.
in_a_loop:
    set_handler EXC_DE, .mend
    mov dword [mended], 0
    xor esi, esi
    mov ecx, 100000
.loop:
    mov ebx, ecx
    and ebx, 0x3ff              ; zero every 1024 turns
    mov eax, ecx
    xor edx, edx
    stc
.divide:
    div ebx
    add esi, eax
    dec ecx
    jnz .loop
    expect [mended], 97, "divisions by zero in the loop"
    expect esi, 41420181, "the sum of the quotients"
    ret
.mend:
    inc dword [mended]
    expect [ebx + frame.eip], .divide, "saved EIP in the loop"
    test dword [ebx + frame.eflags], 1
    jz .lost_carry
    mov dword [ebx + frame.regs + regs.ebx], 1
    ret
.lost_carry:
    fail "CF at a division by zero"

section .data
divisor:           dd 0
good:              dd 0
bad:               dd 0
fault_at:          dd 0
pushed_bytes:      dd 0
mended:            dd 0
limits:            dd 3, 10
text_memory_fault: db "div dword [PAGE]", 0
text_bounds:       db "bound eax, [limits]", 0
text_into:         db "into", 0
section .text
