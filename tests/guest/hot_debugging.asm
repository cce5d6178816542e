; Single steps and breakpoints on code that has long been hot (SDM 3B 18.2, 18.3.1; 3A 6.8.3, 6.9 for their order).
;
; Attacks: code without checks that was translated before TF or DR7 were set, blocks and traces that must be left after
; one instruction, paired returns and string loops under TF, data breakpoints in inlined accesses, INT3 patched into
; loops.
;
; Expect: status 33, output "PASS hot_debugging"
%include "guest.inc"
%include "user.inc"
%include "hot.inc"
test_name "hot_debugging"

HOT equ 100000

main:
    call install_exceptions
    call install_tss
    set_gate idt + EXC_BP * 8, CODE32, vector_stubs + EXC_BP * STUB_SIZE, 0xee, 0
    set_handler EXC_DB, on_debug
    call steps_through_loop
    run_user steps_at_level_3
    call steps_over_strings
    call steps_over_popf
    call steps_through_interrupts
    call code_breakpoint
    call breakpoint_everywhere
    call data_breakpoint
    call string_breakpoint
    call stack_breakpoint
%ifndef QEMU_TCG                ; makes two traps of them
    call breakpoint_while_stepping
%endif
    call patched_breakpoint
    ret

; Counts, and mixes the places into a sum in which order counts.
on_debug:
    inc dword [hits]
    mov eax, [ebx + frame.eip]
    mov [hit_eip], eax
    mov ecx, [places]
    rol ecx, 7
    add ecx, eax
    mov [places], ecx
    mov eax, dr6
    and eax, 0xe00f
    or [seen_dr6], eax
    xor eax, eax
    mov dr6, eax
    or dword [ebx + frame.eflags], 0x10000      ; RF: past an instruction breakpoint
    ret

%macro reset 0
    mov dword [hits], 0
    mov dword [places], 0
    mov dword [seen_dr6], 0
%endmacro
%macro step_on 0
    pushfd
    or dword [esp], 0x100
    popfd
%endmacro
%macro step_off 0               ; three traps, as the one behind its POPF is the last
    pushfd
    and dword [esp], ~0x100
    popfd
%endmacro
%macro arm 2                    ; DR0, DR7
    reset
    mov eax, %1
    mov dr0, eax
    mov eax, %2
    mov dr7, eax
%endmacro
%macro disarm 0
    mov eax, 0x400
    mov dr7, eax
%endmacro

; Eleven instructions in a turn, twelve in some, two for the way in and out: a call, the stack, jumps both ways.
work:                           ; ECX turns
    xor eax, eax                ; 1
.loop:
    call .function              ; 1
    test eax, 1                 ; 2
    jz .even                    ; 3
    add eax, 2                  ;   odd only
.even:
    push eax                    ; 4
    pop edx                     ; 5
    mov [counter], edx          ; 6
    dec ecx                     ; 7
    jnz .loop                   ; 8
    ret                         ; 1
.function:
    add eax, 3                  ; 9
    cmp eax, 5                  ; 10
    ret                         ; 11
WORK_STEPS equ 11               ; and one more in turns with an odd sum

steps_through_loop:
    mov ecx, HOT
    call work
    mov edi, 200
.rounds:
    reset
    mov ecx, 20
    step_on
    call work
    step_off
    ; CALL, XOR, 20 turns of which those with an odd sum have one more, RET, three for the end
    mov [first_eax], eax
    same [hits], 1 + 1 + 20 * WORK_STEPS + ODD_TURNS + 1 + 3, "steps through a loop"
    cmp dword [first_places], 0
    jne .known
    mov eax, [places]
    mov [first_places], eax
.known:
    mov eax, [places]
    same eax, [first_places], "the places of the steps (sum)"
    same [first_eax], WORK_RESULT, "the result under single steps"
    mov ecx, 100
    call work                   ; at speed again
    dec edi
    jnz .rounds
    mov eax, [seen_dr6]
    same eax, 0x4000, "DR6: BS alone"
    ret
; The sum modulo 2 is odd after 3, then 3 + 2 + 3 = 8, 11 + 2 ...: each turn adds 3, and 2 more when odd.
%assign sum 0
%assign odd 0
%rep 20
    %assign sum sum + 3
    %if sum & 1
        %assign sum sum + 2
        %assign odd odd + 1
    %endif
%endrep
WORK_RESULT equ sum
ODD_TURNS equ odd

steps_at_level_3:
    mov ecx, 1000
    call work
    mov edi, 100
.rounds:
    reset
    mov ecx, 20
    step_on
    call work
    step_off
    same [hits], 1 + 1 + 20 * WORK_STEPS + ODD_TURNS + 1 + 3, "steps through a loop at level 3"
    dec edi
    jnz .rounds
    int 0x80

; One trap for each iteration.
steps_over_strings:
    mov edi, SCRATCH
    mov ecx, 4096
    rep stosb
    mov edx, 100
.rounds:
    reset
    mov esi, SCRATCH
    mov edi, SCRATCH + 0x1000
    mov ecx, 25
    call .string
    same [hits], 0, "steps without TF"
    mov esi, SCRATCH
    mov edi, SCRATCH + 0x1000
    mov ecx, 25
    step_on
    call .string
    step_off
    same [hits], 1 + 25 + 1 + 3, "steps through REP MOVSD"
    reset
    mov ecx, 0
    step_on
    rep movsd
    step_off
    same [hits], 1 + 3, "steps through a REP MOVSD of nothing"
    dec edx
    jnz .rounds
    ret
.string:
    rep movsd
    ret

; POPF inside the stepped code: TF off and on, the instruction behind counts.
steps_over_popf:
    mov edi, 200
.rounds:
    reset
    step_on
    nop                         ; 1
    pushfd                      ; 2
    pushfd                      ; 3
    and dword [esp], ~0x100     ; 4
    popfd                       ; 5, the last
    nop
    nop
    popfd                       ; sets TF: no trap yet
    nop                         ; 6
    step_off                    ; 7, 8, 9
    nop
    same [hits], 9, "steps with TF off and on again"
    dec edi
    jnz .rounds
    ret

; INT clears TF for the handler; IRET brings it back, the trap comes one instruction later. Faults do not trap.
steps_through_interrupts:
    set_gate idt + 0x40 * 8, CODE32, .handler, 0x8e, 0
    mov edi, 200
.rounds:
    reset
    step_on
    nop                         ; 1
    int 0x40                    ; none
    nop                         ; 2
    nop                         ; 3
    mov dword [resume_at], .behind      ; 4
    ud2                         ; none: it faults, and its handler's IRET brings TF back
.behind:
    nop                         ; 5
    step_off                    ; 6 to 8
    same [hits], 8, "steps across INT and a fault"
    dec edi
    jnz .rounds
    ret
.handler:
    nop
    nop
    iretd

; A breakpoint on an instruction in the middle of a block that has run 100,000 times.
code_breakpoint:
    mov ecx, HOT
    call target
    mov edi, 100
.rounds:
    arm target.middle, 0x402
    mov ecx, 10
    call target
    disarm
    same [hits], 10, "hits in the middle of a block"
    same [hit_eip], target.middle, "EIP of the hits"
    mov eax, [seen_dr6]
    same eax, 1, "DR6"
    same edx, 30, "the result under a breakpoint"
    mov ecx, 100
    call target
    same [hits], 10, "hits after it was disarmed"
    same edx, 300, "the result without it"
    dec edi
    jnz .rounds
    ret
target:
    xor edx, edx
.loop:
    inc edx
    lea eax, [edx + ecx]
.middle:
    add edx, 2
    mov [counter], edx
    dec ecx
    jnz .loop
.end:
    ret

; At each instruction of the hot function: first of a block, jump, return, target of the call.
breakpoint_everywhere:
    mov esi, .table
.next:
    mov ebp, [esi]
    test ebp, ebp
    jz .done
    mov edi, 50
.rounds:
    arm ebp, 0x402
    mov ecx, 10
    call target
    disarm
    mov eax, [hits]
    same eax, [esi + 4], "hits of a breakpoint somewhere in a hot function"
    same [hit_eip], ebp, "its EIP"
    same edx, 30, "the function's result"
    dec edi
    jnz .rounds
    add esi, 8
    jmp .next
.done:
    ret
section .data
.table:
    dd target, 1, target.loop, 10, target.middle, 10, target.end - 2, 10, target.end, 1, 0
section .text

; Stores in a hot loop; the trap comes behind the store, with its effect done.
data_breakpoint:
    mov ecx, HOT
    call target
    mov edi, 100
.rounds:
    arm counter, 0x000d0402     ; writes of four bytes
    mov ecx, 10
    call target
    disarm
    same [hits], 10, "hits of a write breakpoint"
    same [hit_eip], target.end - 3, "EIP behind the store"
    arm counter + 1, 0x00010402 ; of one byte inside
    mov ecx, 10
    call target
    disarm
    same [hits], 10, "hits of a byte inside"
    arm counter, 0x000f0402     ; reads and writes
    mov ecx, 10
    call target
    mov eax, [counter]
    push dword [counter]
    pop dword [counter]
    inc dword [counter]
    disarm
    same [hits], 10 + 1 + 2 + 1, "hits of an access breakpoint"
    arm counter, 0x000d0402
    mov eax, [counter]
    mov [counter + 4], eax
    mov [counter - 4], eax
    disarm
    same [hits], 0, "hits beside it"
    mov ecx, 10
    call target
    same [hits], 0, "hits after it was disarmed"
    dec edi
    jnz .rounds
    ret

; REP STOS over a watched dword: the trap comes behind that iteration.
string_breakpoint:
    mov edx, 100
.rounds:
    arm SCRATCH + 0x40, 0x000d0402
    mov edi, SCRATCH
    mov ecx, 64
    mov dword [at_hit], 0
    set_handler EXC_DB, .note
    rep stosd
    set_handler EXC_DB, on_debug
    disarm
    same ecx, 0, "ECX behind REP STOSD"
    same [hits], 1, "hits in REP STOSD"
    same [at_hit], 64 - 17, "ECX at the hit"
    dec edx
    jnz .rounds
    ret
.note:
    mov eax, [ebx + frame.regs + 24]    ; ECX
    mov [at_hit], eax
    jmp on_debug

; The watched dword is on the stack: pushes and calls write it.
stack_breakpoint:
    lea ebp, [esp - 0x40]
    mov edi, 100
.rounds:
    mov eax, ebp
    arm eax, 0x000d0402
    mov ebx, esp
    lea esp, [ebp + 4]
    push ecx                    ; 1; the frame of the trap itself comes below
    lea esp, [ebp + 4]
    call .function              ; 2
    lea esp, [ebp - 0x20]
    mov [esp + 0x20], ecx       ; 3
    mov esp, ebx
    disarm
    same [hits], 3, "hits on the stack"
    dec edi
    jnz .rounds
    ret
.function:
    lea esp, [esp + 4]
    jmp [esp - 4]

; Both at once: a step and a hit are one trap with both bits; RF does not stop steps.
breakpoint_while_stepping:
    mov edi, 100
.rounds:
    arm counter, 0x000d0402
    step_on
    mov [counter], ecx          ; one trap, BS and B0
    step_off
    disarm
    same [hits], 4, "traps of a watched store that is stepped"
    mov eax, [seen_dr6]
    same eax, 0x4001, "DR6: BS and B0"
    dec edi
    jnz .rounds
    ret

; As a debugger does it: INT3 over the first byte, back at the hit, one step, and INT3 again.
patched_breakpoint:
    set_handler EXC_BP, .on_breakpoint
    set_handler EXC_DB, .on_step
    mov ecx, 1000
    call target
    mov al, [target.middle]
    mov [original], al
    mov edi, 50
.rounds:
    reset
    mov byte [target.middle], 0xcc
    mov ecx, 20
    call target
    same [hits], 20, "hits of a patched breakpoint"
    same edx, 60, "the result with a patched breakpoint"
    mov al, [original]
    mov [target.middle], al
    mov ecx, 100
    call target
    same [hits], 20, "hits after it was taken out"
    same edx, 300, "the result after it was taken out"
    dec edi
    jnz .rounds
    ret
.on_breakpoint:
    inc dword [hits]
    dec dword [ebx + frame.eip]
    or dword [ebx + frame.eflags], 0x100
    mov al, [original]
    mov [target.middle], al
    ret
.on_step:
    and dword [ebx + frame.eflags], ~0x100
    mov byte [target.middle], 0xcc
    xor eax, eax
    mov dr6, eax
    ret

section .data
align 16
             dd 0
counter:     dd 0, 0
hits:        dd 0
hit_eip:     dd 0
places:      dd 0
seen_dr6:    dd 0
at_hit:      dd 0
first_places: dd 0
first_eax:   dd 0
original:    db 0
section .text
