; Interrupts that wait while IF, the shadow of STI or the line's mask holds them back: where they come, hundreds of
; times (SDM 2B STI, POPF, HLT; 2A IRET, CLI; 3A 6.8.1, 6.8.3, 6.9).
;
; Attacks: STI, POPF and IRET made inline without a look at what is pending, shadows that are lost at the end of a
; block, an interrupt inside CLI and STI or inside one read-modify-write, HLT that misses its interrupt.
;
; Expect: status 33, output "PASS hot_shadows"
%include "guest.inc"
%include "user.inc"
%include "pic.inc"
%include "hot.inc"
test_name "hot_shadows"

ROUNDS equ 300
TICKS  equ 150

main:
    call install_exceptions
    call install_tss
    call install_pics
    set_handler IRQ_BASE, note_tick
    set_gate idt + 0x40 * 8, CODE32, plain_iret, 0x8e, 0
    call shadow_of_sti
    call shadow_across_blocks
    call popf_and_iret
    call into_level_3
    call at_level_3
    call halting
    call masked_line
    call critical_sections
    call one_instruction
    ret

; Where it came, once: the counter runs down once in mode 0.
note_tick:
    inc dword [ticks]
    mov eax, [ebx + frame.eip]
    mov [tick_eip], eax
    jmp end_of_interrupt

; An IRQ 0 that waits, with IF clear.
%macro pend 0
    call make_pending
%endmacro
make_pending:
    mov dword [ticks], 0
    start_timer 0, 20
    unmask 0x21, 0xfe
    call wait_for_request
    ret

%macro came_at 2                ; EIP, "what"
    same [ticks], 1, {"interrupts ", %2}
    same [tick_eip], %1, {"where it came ", %2}
%endmacro

shadow_of_sti:
    mov ecx, ROUNDS
.loop:
    pend
    sti
    cli
    same [ticks], 0, "interrupts between STI and CLI"
    sti
    nop
.behind_nop:
    cli
    came_at .behind_nop, "behind STI, NOP"
    pend
    sti
    mov [scratch], ecx
.behind_store:
    nop
    cli
    came_at .behind_store, "behind STI and a store"
    pend
    sti
    sti                         ; no second shadow (SDM 2B STI): it comes behind this one
.behind_second:
    nop
    cli
    came_at .behind_second, "behind STI, STI"
    pend
    mov eax, 5
    sti
    cmp eax, 5
.behind_cmp:
    jne .bad
    cli
    came_at .behind_cmp, "between CMP and its jump"
    pend
    mov esi, scratch
    mov edi, scratch + 4
    sti
    movsd
.behind_string:
    cli
    came_at .behind_string, "behind STI, MOVSD"
    dec ecx
    jnz .loop
    ret
.bad:
    fail "ZF across an interrupt"

; The one instruction in the shadow leaves the block.
shadow_across_blocks:
    mov ecx, ROUNDS
.loop:
    pend
    sti
    jmp .jumped
    ud2
.jumped:
    nop
    cli
    came_at .jumped, "behind STI, JMP"
    pend
    sti
    call .function
    cli
    came_at .function, "behind STI, CALL"
    pend
    call .returns
.returned:
    nop
    cli
    came_at .returned, "behind STI, RET"
    pend
    mov eax, .indirect
    sti
    jmp eax
.indirect:
    nop
    cli
    came_at .indirect, "behind STI, JMP r32"
%ifndef QEMU_TCG                ; lets one instruction more pass
    pend
    test ecx, ecx
    sti
    jnz .taken
    nop
.taken:
    nop
    cli
    came_at .taken, "behind STI, JNZ"
%endif
    pend
    sti
    jmp CODE32:.far
.far:
    nop
    cli
    came_at .far, "behind STI, far JMP"
    pend
    pushfd
    or dword [esp], 0x200
    push cs
    push dword .interrupted
    sti
    iretd
.interrupted:
    nop
    cli
    came_at .interrupted, "behind STI, IRET"
    pend
    sti
    int 0x40                    ; an interrupt gate clears IF again: it comes when the handler returns
.after_int:
    nop
    cli
    came_at .after_int, "behind STI, INT and IRET"
    dec ecx
    jnz .loop
    ret
.function:
    nop
    ret
.returns:
    sti
    ret

plain_iret:
    iretd

; POPF and IRET have no shadow: it comes at once.
popf_and_iret:
    mov ecx, ROUNDS
.loop:
    pend
    push dword 0x202
    popfd
.behind_popf:
    nop
    cli
    came_at .behind_popf, "behind POPF"
    pend
    push dword 0x202
    popfd
.cli:
    cli                         ; it comes before this
    came_at .cli, "between POPF and CLI"
    pend
    push dword 0x202
    push cs
    push dword .target
    iretd
.target:
    cli
    came_at .target, "behind IRET"
    pend
    push dword 0x002
    popfd
    nop
    same [ticks], 0, "interrupts behind POPF with IF clear"
    push dword 0x203
    popfd
.with_carry:
    jnc .bad
    cli
    came_at .with_carry, "behind POPF with CF"
    dec ecx
    jnz .loop
    ret
.bad:
    fail "CF across an interrupt"

; IRET to level 3 with IF: before the first instruction there; without: when level 0 next allows it.
into_level_3:
    set_handler IRQ_BASE, note_user_tick
    mov ecx, ROUNDS
.loop:
    pend
    mov dword [user_eflags], 0x202
    run_user .user
    cli
    came_at .user, "behind IRET to level 3"
    same [tick_cs], USER_CODE, "its CS"
    same [tick_esp], USER_STACK_TOP, "its ESP"
    pend
    mov dword [user_eflags], 0x002
    run_user .user
    same [ticks], 0, "interrupts at level 3 with IF clear"
    sti
    nop
.after:
    cli
    came_at .after, "behind level 3 with IF clear"
    dec ecx
    jnz .loop
    set_handler IRQ_BASE, note_tick
    ret
.user:
    nop
    int 0x80
note_user_tick:
    mov eax, [ebx + frame.cs]
    mov [tick_cs], eax
    mov eax, [ebx + frame.esp]
    mov [tick_esp], eax
    jmp note_tick

; STI and CLI with IOPL 3.
at_level_3:
    mov ecx, ROUNDS
    mov dword [user_eflags], 0x3002
.loop:
    pend
    run_user .user
    came_at .behind, "behind STI, NOP at level 3"
    dec ecx
    jnz .loop
    mov dword [user_eflags], 2
    ret
.user:
    sti
    cli
    cmp dword [ticks], 0
    jne .bad
    sti
    nop
.behind:
    nop
    cli
    int 0x80
.bad:
    fail "an interrupt between STI and CLI at level 3"

; HLT in the shadow, with an interrupt that waits already or is still to come.
halting:
    mov ecx, ROUNDS
.loop:
    pend
    sti
    hlt
.behind:
    cli
    came_at .behind, "behind HLT with one pending"
    mov dword [ticks], 0
    start_timer 0, 200
    unmask 0x21, 0xfe
    sti
    hlt
.behind_again:
    cli
    came_at .behind_again, "behind HLT with one to come"
    dec ecx
    jnz .loop
    ret

; The mask of the line: held back in spite of IF, and gone when the request was never taken.
masked_line:
    mov ecx, ROUNDS
.loop:
    pend
    unmask 0x21, 0xff
    sti
    nop
    nop
    same [ticks], 0, "interrupts from a masked line"
    mov al, 0xfe
    out 0x21, al
    mov edx, 200
.wait:
    dec edx
    jnz .wait
    cli
    same [ticks], 1, "interrupts once the line is open"
    dec ecx
    jnz .loop
    ret

; A timer of 1 kHz and a section between CLI and STI, PUSHF and POPF: the handler must never find it entered.
critical_sections:
    set_handler IRQ_BASE, .handler
    mov dword [ticks], 0
    mov dword [inside], 0
    start_timer 2, 1193
    unmask 0x21, 0xfe
    sti
.loop:
    cli
    mov dword [inside], 1
    mov eax, [first]
    inc eax
    mov [first], eax
    call .nothing
    mov eax, [second]
    inc eax
    mov [second], eax
    mov dword [inside], 0
    sti
    pushfd
    cli
    mov dword [inside], 1
    inc dword [first]
    inc dword [second]
    mov dword [inside], 0
    popfd
    cmp dword [ticks], TICKS
    jb .loop
    cli
    ret
.nothing:
    ret
.handler:
    inc dword [ticks]
    expect [inside], 0, "a section with IF clear, interrupted"
    mov eax, [first]
    same eax, [second], "two counters that change together"
    jmp end_of_interrupt

; One instruction is whole: handler and loop increment the same counters, no increment is lost.
one_instruction:
    start_timer 2, 1193
    unmask 0x21, 0xfe
    set_handler IRQ_BASE, .handler
    sti
    call .count
    cli
    call .compare
    mov dword [user_eflags], 0x202
    run_user .at_level_3
    cli
    call .compare
    unmask 0x21, 0xff
    ret
.at_level_3:
    call .count
    int 0x80
.count:
    mov dword [ticks], 0
    mov dword [turns], 0
    mov dword [counters], 0
    mov dword [counters + 4], 0
    mov dword [counters + 8], 0
    mov edx, 1
.again:
    inc dword [turns]
    inc dword [counters]
    add [counters + 4], edx
    mov eax, 1
    xadd [counters + 8], eax
    cmp dword [ticks], TICKS
    jb .again
    ret
.compare:
    mov eax, [turns]
    add eax, [ticks]
    expect [counters], eax, "increments by INC"
    expect [counters + 4], eax, "increments by ADD"
    expect [counters + 8], eax, "increments by XADD"
    ret
.handler:
    inc dword [ticks]
    inc dword [counters]
    inc dword [counters + 4]
    inc dword [counters + 8]
    jmp end_of_interrupt

section .data
scratch:     dd 0, 0
ticks:       dd 0
tick_eip:    dd 0
tick_cs:     dd 0
tick_esp:    dd 0
inside:      dd 0
first:       dd 0
second:      dd 0
counters:    dd 0, 0, 0
turns:       dd 0
section .text
