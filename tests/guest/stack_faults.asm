; The stack's page is missing in the middle of pushes, pops, calls, returns, ENTER, LEAVE, PUSHAD, POPAD: exact ESP,
; EIP, CR2, error code, registers; then the page is brought and the instruction goes on (SDM 3A 6.5, 6.15 #PF, 7.3,
; 6.14.2; 2A and 2B of each instruction).
;
; Attacks: folded updates of ESP, several pushes made as one, host calls whose guest push fails, ESP or EBP changed
; before the fault of LEAVE, POPAD or RET. At level 3 the fault switches stacks; at level 0 it goes through a task gate.
;
; Expect: status 33, output "PASS stack_faults"
%include "guest.inc"
%include "probe.inc"
%include "pages.inc"
%include "hot.inc"
test_name "stack_faults"

HOLE     equ 0x401000           ; the page that goes and comes
BEHIND   equ 0x402000           ; present
HOT_RUNS equ 300
READ     equ 0
WRITE    equ 2
UNCHECKED equ 0xfeedbeef
FAULT_TSS equ FREE
FAULT_STACK equ 0x1c0000

; stack_probe ESP, ESP AT THE FAULT, CR2, READ or WRITE, DWORD THEN AT BEHIND, "what"
;     instructions, `faulting` before the one that faults
; end_probe
%macro stack_probe 6
%push probe
    section .data
%$text: db %6, 0
    section .text
    mov dword [probe_text], %$text
    mov dword [initial_esp], %1
    mov dword [wanted_esp], %2
    mov dword [wanted_cr2], %3
    mov dword [wanted_error], %4
    mov dword [wanted_behind], %5
    mov dword [fault_at], %$fault
    mov dword [probe_entry], %$code
    jmp %$go
%$code:
%endmacro
%macro faulting 0
%$fault:
%endmacro
%macro end_probe 0
    int 0x81
%$go:
    call probe_both_levels
%pop
%endmacro

main:
    call install_exceptions
    call install_tss
    call install_probes
    call install_pages
    call install_fault_task
    map BEHIND, FRAME(3), PAGE_ALL
    call pushes
    call calls
    call pops
    call frames
    call folded
    ret

pushes:
    stack_probe BEHIND, BEHIND, BEHIND - 4, WRITE, landing, "PUSH EAX"
    faulting
    push eax
    end_probe
    stack_probe BEHIND + 8, BEHIND, BEHIND - 4, WRITE, 0x22222222, "the third of four PUSH"
    push dword 0x11111111
    push dword 0x22222222
    faulting
    push ecx
    push edx
    end_probe
    stack_probe BEHIND + 2, BEHIND + 2, BEHIND - 2, WRITE, landing, "PUSH across the border"
    faulting
    push eax
    end_probe
    stack_probe BEHIND, BEHIND, BEHIND - 2, WRITE, landing, "PUSH AX"
    faulting
    push ax
    end_probe
    stack_probe BEHIND + 2, BEHIND, BEHIND - 4, WRITE, UNCHECKED, "PUSH DX behind PUSH AX"
    push ax
    faulting
    push edx
    end_probe
    stack_probe BEHIND, BEHIND, BEHIND - 4, WRITE, landing, "PUSH ESP"
    faulting
    push esp
    end_probe
    stack_probe BEHIND, BEHIND, BEHIND - 4, WRITE, landing, "PUSH m32"
    faulting
    push dword [value]
    end_probe
    stack_probe BEHIND, BEHIND, BEHIND - 4, WRITE, landing, "PUSHFD"
    faulting
    pushfd
    end_probe
    stack_probe BEHIND, BEHIND, BEHIND - 4, WRITE, landing, "PUSH DS"
    faulting
    push ds
    end_probe
    stack_probe BEHIND + 12, BEHIND + 12, UNCHECKED, WRITE, UNCHECKED, "PUSHAD"
    faulting
    pushad
    end_probe
    ret

calls:
    stack_probe BEHIND, BEHIND, BEHIND - 4, WRITE, landing, "CALL rel32"
    faulting
    call landing
    end_probe
    stack_probe BEHIND, BEHIND, BEHIND - 4, WRITE, landing, "CALL r32"
    mov edx, landing
    faulting
    call edx
    end_probe
    stack_probe BEHIND, BEHIND, BEHIND - 4, WRITE, landing, "CALL m32"
    faulting
    call [pointer]
    end_probe
    stack_probe BEHIND + 8, BEHIND, BEHIND - 4, WRITE, 0x33333333, "CALL behind two PUSH"
    push dword 0x22222222
    push dword 0x33333333
    faulting
    call landing
    end_probe
    stack_probe BEHIND + 4, BEHIND, BEHIND - 4, WRITE, nested_behind, "a nested CALL"
    call nested_function
nested_behind:
    int 0x81
nested_function:
    faulting
    call landing
    end_probe
    ret

pops:
    stack_probe BEHIND - 4, BEHIND - 4, BEHIND - 4, READ, landing, "POP EAX"
    faulting
    pop eax
    end_probe
    stack_probe BEHIND - 2, BEHIND - 2, BEHIND - 2, READ, landing, "POP EAX across the border"
    faulting
    pop eax
    end_probe
    stack_probe BEHIND - 4, BEHIND - 4, BEHIND - 4, READ, landing, "POP ESP"
    faulting
    pop esp
    mov esp, BEHIND + 0x40
    end_probe
    stack_probe BEHIND - 4, BEHIND - 4, BEHIND - 4, READ, landing, "POP m32"
    faulting
    pop dword [value]
    end_probe
    stack_probe BEHIND - 4, BEHIND - 4, BEHIND - 4, READ, landing, "RET"
    faulting
    ret
    end_probe
    stack_probe BEHIND - 4, BEHIND - 4, BEHIND - 4, READ, landing, "RET 8"
    faulting
    ret 8
    end_probe
    stack_probe BEHIND - 16, BEHIND - 16, UNCHECKED, READ, landing, "POPAD"
    faulting
    popad
    end_probe
    stack_probe BEHIND + 4, BEHIND - 4, BEHIND - 4, READ, 0x44444444, "POP behind PUSH and a change of ESP"
    push dword 0x44444444
    sub esp, 4
    faulting
    pop ecx
    pop edx
    end_probe
    stack_probe BEHIND + 8, BEHIND - 12, BEHIND - 12, READ, lost_behind, "RET in a function that lost its stack"
    push eax
    call lost_function
lost_behind:
    int 0x81
lost_function:
    lea esp, [esp - 12]
    faulting
    ret
    end_probe
    ret

; ENTER checks the last byte of its frame, too; LEAVE faults with ESP and EBP as they were.
frames:
    stack_probe BEHIND, BEHIND, BEHIND - 4, WRITE, landing, "ENTER 16, 0"
    faulting
    enter 16, 0
    end_probe
    stack_probe BEHIND + 0x20, BEHIND + 0x20, BEHIND - 8, READ, landing, "LEAVE with EBP in the missing page"
    mov ebp, BEHIND - 8
    faulting
    leave
    end_probe
    ret

; What a translator is tempted to make one update and one sequence of stores.
folded:
    stack_probe BEHIND + 16, BEHIND, BEHIND - 4, WRITE, 0x40, "a prologue"
    push ebp
    mov ebp, esp
    push ebx
    sub esp, 4
    push dword 0x40
    faulting
    push esi
    mov [ebp - 4], eax
    leave
    end_probe
    stack_probe BEHIND + 8, BEHIND - 8, BEHIND - 4, WRITE, landing, "MOV to the frame below"
    sub esp, 16
    faulting
    mov [esp + 4], eax
    mov [esp + 12], ecx
    add esp, 16
    end_probe
%ifndef QEMU_TCG                ; takes an RMW that faults for a read
    stack_probe BEHIND + 4, BEHIND - 8, BEHIND - 8, WRITE, landing, "ADD [ESP] in a frame just made"
    lea esp, [esp - 12]
    faulting
    add [esp], ecx
    lea esp, [esp + 12]
    end_probe
%endif
    stack_probe BEHIND + 4, BEHIND, BEHIND - 4, WRITE, 0x55, "INC ESP, DEC ESP and PUSH"
    push dword 0x55
    inc esp
    dec esp
    faulting
    push edi
    pop edi
    end_probe
    ret

landing:
    int 0x81

; At level 0 the fault's own frame needs a stack that is there: a task of its own writes down what the old one was.
install_fault_task:
    set_descriptor FAULT_TSS, fault_tss, 103, 0x89, 0
    mov dword [fault_tss + 28], DIRECTORY
    mov dword [fault_tss + 32], fault_task
    mov dword [fault_tss + 36], 2
    mov dword [fault_tss + 56], FAULT_STACK
    mov dword [fault_tss + 72], DATA32
    mov dword [fault_tss + 76], CODE32
    mov dword [fault_tss + 80], DATA32
    mov dword [fault_tss + 84], DATA32
    mov dword [fault_tss + 88], DATA32
    mov dword [fault_tss + 92], DATA32
    mov dword [tss + 28], DIRECTORY
    copy_dwords ordinary_gate, idt + EXC_PF * 8, 2
    ret

fault_task:
    pop dword [seen_error]
    inc dword [seen_faults]
    mov eax, [probe_resolver]
    test eax, eax
    jz .note
    call eax
    jmp .back
.note:
    mov dword [seen_vector], EXC_PF
    mov eax, cr2
    mov [seen_cr2], eax
    mov eax, [tss + 32]
    mov [seen_eip], eax
    mov eax, [tss + 36]
    and eax, PROBE_FLAGS
    mov [seen_flags], eax
    mov ecx, 8
.next:                          ; EAX to EDI in a TSS are in the order opposite to PUSHAD's
    mov eax, [tss + 36 + ecx * 4]
    mov edx, ecx
    neg edx
    mov [seen_regs + 32 + edx * 4], eax
    loop .next
    mov dword [tss + 32], .left_probe
    mov eax, [probe_return]
    mov [tss + 56], eax
.back:
    iretd
    jmp fault_task
.left_probe:
    clts                        ; TS is set by every task switch
    popad
    ret

probe_both_levels:
    mov dword [probe_level], 3
    copy_dwords idt + EXC_PF * 8, ordinary_gate, 2
    call series
    mov dword [probe_level], 0
    set_gate idt + EXC_PF * 8, FAULT_TSS, 0, 0x85, 0
    call series
    copy_dwords idt + EXC_PF * 8, ordinary_gate, 2
    ret

series:
    phase "cold"
    mov dword [present_bit], 0
    mov dword [entry], 0
    call refused
    phase "hot"
    call allowed
    copy_dwords good, seen_regs, 8
    mov eax, [seen_flags]
    mov [good_flags], eax
    mov edx, HOT_RUNS
.again:
    push edx
    call allowed
    call check_outcome
    pop edx
    dec edx
    jnz .again
    phase "after hot runs"
    mov dword [entry], 0
    call refused
    call refused
    cmp dword [wanted_error], WRITE
    jne .resume
    phase "read-only"
    mov dword [present_bit], 1
    mov dword [entry], FRAME(1) + PAGE_U + PAGE_P
    call refused
.resume:
    phase "resumed"
    mov dword [entry], 0
    mov dword [probe_resolver], bring_hole
    call run_stack
    mov dword [probe_resolver], 0
    check_seen [seen_faults], 1, "page faults"
    call check_outcome
    ret

bring_hole:
    map HOLE, FRAME(1), PAGE_ALL
    ret

; All that can be popped leads to `landing`.
run_stack:
    mov eax, landing
    mov edi, FRAME(1) + 0xf80
    mov ecx, 32
    rep stosd
    mov edi, FRAME(3)
    mov ecx, 32
    rep stosd
    mov eax, [entry]
    mov [PTE(HOLE)], eax
    invlpg [HOLE]
    copy_dwords probe_regs, initial_regs, 8
    mov dword [probe_flags], 0x8d7
    call run_probe
    ret

refused:
    call run_stack
    check_seen [seen_vector], EXC_PF, "vector"
    mov eax, [wanted_error]
    or eax, [present_bit]
    cmp dword [probe_level], 0
    je .error
    or eax, 4
.error:
    check_seen [seen_error], eax, "error code"
    check_seen [seen_eip], [fault_at], "saved EIP"
    check_seen [seen_regs + regs.esp], [wanted_esp], "ESP"
    cmp dword [wanted_cr2], UNCHECKED
    je .page
    check_seen [seen_cr2], [wanted_cr2], "CR2"
.page:
    mov eax, [seen_cr2]
    and eax, ~0xfff
    check_seen eax, HOLE, "page of CR2"
    check_seen [seen_regs + regs.eax], [initial_regs + regs.eax], "EAX"
    check_seen [seen_regs + regs.ecx], [initial_regs + regs.ecx], "ECX"
    check_seen [seen_regs + regs.ebx], [initial_regs + regs.ebx], "EBX"
    check_seen [seen_regs + regs.esi], [initial_regs + regs.esi], "ESI"
    check_seen [seen_regs + regs.edi], [initial_regs + regs.edi], "EDI"
    cmp dword [wanted_behind], UNCHECKED
    je .done
    check_seen [FRAME(3)], [wanted_behind], "the dword at BEHIND"
.done:
    ret

allowed:
    mov dword [entry], FRAME(1) + PAGE_ALL
    call run_stack
    check_seen [seen_faults], 0, "page faults"
    ret

check_outcome:
    check_seen [seen_vector], NO_ERROR, "vector"
    copy_dwords wanted_regs, good, 8
    call check_registers
    check_seen [seen_flags], [good_flags], "flags"
    ret

section .data
initial_regs:  dd 0x0d1d1d1d, 0x05151515, 0x0b9b9b9b
initial_esp:   dd 0, 0x0b1b1b1b, 0x0d0d0d0d, 0x0c0c0c0c, 0x0a0a0a0a
wanted_esp:    dd 0
wanted_cr2:    dd 0
wanted_error:  dd 0
wanted_behind: dd 0
present_bit:   dd 0
fault_at:      dd 0
entry:         dd 0
value:         dd 0x77777777
pointer:       dd landing
good:          times 8 dd 0
good_flags:    dd 0
ordinary_gate: dq 0
align 16
fault_tss:     times 26 dd 0
section .text
