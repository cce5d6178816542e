; Stores into code that runs: every distance, every kind of store, many times (SDM 3A 9.1.3, 12.6).
;
; Attacks: a translation that outlives the bytes it was made from. The store hits the next instruction, itself, the
; block behind, both pages of one instruction, a linked jump; it is made by MOV, string instructions, pushes, calls,
; interrupts, SSE, x87 and LOCK; and code shares its page with data that changes all the time.
;
; Expect: status 33, output "PASS smc_stores"
%include "guest.inc"
%include "exceptions.inc"
%include "hot.inc"
test_name "smc_stores"

BORDER equ SCRATCH + 0x1000     ; between two pages

main:
    call install_exceptions
    call next_instruction
    call own_bytes
    call behind
    call branches
    call lengths
    call overlapping
    call every_writer
    call stack_over_code
    call strings_over_code
    call page_border
    call mixed_page
    ret

next_instruction:
    mov ecx, TURNS
.loop:
    mov [.patched + 1], ecx
.patched:
    mov eax, 0x11111111
    same eax, ecx, "an immediate written by the instruction before"
    mov [.far_patched + 1], cl
    lea edx, [ecx + 1]
    nop
.far_patched:
    mov al, 0
    movzx edx, cl
    movzx eax, al
    same eax, edx, "an immediate written two instructions before"
    dec ecx
    jnz .loop
    ret

; The instruction that runs is the old one; the new one is seen from the next turn on.
own_bytes:
    mov edx, 300
.series:
    mov byte [.doubles + 6], 1
    mov ecx, 7
.loop:
.doubles:
    add byte [.doubles + 6], 1  ; adds its own immediate to its own immediate
    dec ecx
    jnz .loop
    movzx eax, byte [.doubles + 6]
    same eax, 128, "an immediate that doubled itself seven times"
    mov byte [.turns_into + 6], 0x80
    mov byte [.turns_into], 0xc6
.turns_into:
    mov byte [.turns_into], 0x80            ; C6 05 addr 80 becomes 80 05 addr 80: ADD of 80H
    movzx eax, byte [.turns_into]
    same eax, 0x80, "an opcode that replaced itself"
    dec edx
    jnz .series
    ret

; A store over an instruction earlier in the same block.
behind:
    mov dword [.add + 1], 0
    xor eax, eax
    mov ecx, TURNS
.loop:
.add:
    add eax, 0x55555555
    mov [.add + 1], ecx
    dec ecx
    jnz .loop
    ; what was added: the values TURNS to 2
    same eax, TURNS * (TURNS + 1) / 2 - 1, "the sum of immediates written behind"
    ret

; Direct jumps and calls are what a translator links.
branches:
    mov ecx, TURNS
.loop:
    test cl, 1
    mov eax, .odd - .jump - 5
    mov edx, .even - .jump - 5
    cmovz eax, edx
    mov [.jump + 1], eax
    mov ebx, ecx
    and ebx, 1
.jump:
    jmp strict near .odd
.odd:
    same ebx, 1, "the target of a JMP that was patched"
    jmp .call_part
.even:
    same ebx, 0, "the other target of a JMP that was patched"
.call_part:
    mov eax, one_function - .call - 5
    mov edx, two_function - .call - 5
    test cl, 2
    cmovz eax, edx
    mov [.call + 1], eax
    mov edx, 1
    mov eax, 2
    cmovz edx, eax
.call:
    call one_function
    same eax, edx, "the function behind a CALL that was patched"
    mov al, 0x74                ; JZ, JNZ
    mov edx, 1
    test cl, 4
    jz .patch_jcc
    mov al, 0x75
    xor edx, edx
.patch_jcc:
    mov [.jcc], al
    xor eax, eax
    cmp eax, 0
.jcc:
    jz .taken
    same edx, 0, "a JZ that was patched to JNZ"
    jmp .next
.taken:
    same edx, 1, "a JNZ that was patched to JZ"
.next:
    dec ecx
    jnz .loop
    ret

one_function:
    mov eax, 1
    ret
two_function:
    mov eax, 2
    ret

; The number and length of instructions change.
lengths:
    mov ecx, TURNS
.loop:
    mov eax, 10
    mov edx, 5
    test cl, 1
    jz .long
    mov dword [.code], 0x40404040           ; five INC EAX
    mov byte [.code + 4], 0x40
    jmp .run
.long:
    mov byte [.code], 0x2d                  ; SUB EAX, 1000
    mov dword [.code + 1], 1000
    mov edx, -1000
.run:
.code:
    times 5 nop
    sub eax, 10
    same eax, edx, "five short instructions or one long"
    xor byte [.prefixed], 0xf6              ; 66H to NOP and back
    mov eax, 0xffffffff
.prefixed:
    db 0x66
    inc eax
    movzx edx, byte [.prefixed]
    cmp edx, 0x66
    je .word
    same eax, 0, "INC EAX"
    jmp .next
.word:
    same eax, 0xffff0000, "INC AX: a prefix came"
.next:
    dec ecx
    jnz .loop
    ret

; The same bytes are two sequences of instructions; both change with one store.
overlapping:
    mov ecx, TURNS
.loop:
    mov [.outer + 1], cl
    call .outer
    movzx edx, cl
    or edx, 0xc3404000
    same eax, edx, "the outer instruction"
    xor eax, eax
    lea edx, [.outer + 2]
    call edx
    same eax, 2, "the instructions inside"
    mov byte [.outer + 3], 0x90             ; INC EAX becomes NOP, and the outer immediate changes
    call .outer
    movzx edx, cl
    or edx, 0xc3904000
    same eax, edx, "the outer instruction, changed"
    xor eax, eax
    lea edx, [.outer + 2]
    call edx
    same eax, 1, "the instructions inside, changed"
    mov byte [.outer + 3], 0x40
    dec ecx
    jnz .loop
    ret
.outer:
    mov eax, 0xc3404000                     ; inside: INC EAX, INC EAX, RET
    ret

; Between the two stand instructions that store ECX (it is in EAX, XMM0 and `value` too) at EDI, which is the immediate
; just ahead.
%macro writer 0
    mov ecx, 600
%push writer
%$loop:
    lea edi, [%$victim + 1]
    mov eax, ecx
    movd xmm0, ecx
    mov [value], ecx
%endmacro
%macro wrote 1
%$victim:
    mov ebx, 0x11111111
    same ebx, ecx, {"an immediate written by ", %1}
    dec ecx
    jnz %$loop
%pop
%endmacro

every_writer:
    enable_sse
    fninit
    writer
    mov [edi], eax
    wrote "MOV"
    writer
    stosd
    wrote "STOSD"
    writer
    movd [edi], xmm0
    wrote "MOVD"
    writer
    movss [edi], xmm0
    wrote "MOVSS"
    writer
    movnti [edi], ecx
    wrote "MOVNTI"
    writer
    xchg [edi], eax
    wrote "XCHG"
    writer
    mov dword [edi], 0
    add [edi], eax
    wrote "ADD"
    writer
    mov dword [edi], 0
    lock or [edi], eax
    wrote "LOCK OR"
    writer
    mov dword [edi], 0
    xadd [edi], eax
    wrote "XADD"
    writer
    mov eax, [edi]
    lock cmpxchg [edi], ecx
    wrote "LOCK CMPXCHG"
    writer
    fild dword [value]
    fistp dword [edi]
    wrote "FISTP"
    writer
    mov esi, value
    movsd
    wrote "MOVSD"
    writer
    mov [edi + 2], word 0
    mov [edi], cx
    wrote "two words"
    writer
    mov [edi], cl
    mov [edi + 1], ch
    mov [edi + 2], word 0
    wrote "bytes"
    writer
    push ecx
    pop dword [edi]
    wrote "POP"
    writer
    not ecx
    mov [edi], ecx
    not ecx
    not dword [edi]
    wrote "NOT"
    writer
    mov dword [edi], 0
    bsr edx, ecx
    bts [edi], edx
    btr eax, edx
    or [edi], eax
    wrote "BTS"
    writer
    mov edx, eax
    ror edx, 9
    mov [edi], edx
    rol dword [edi], 9
    wrote "ROL"
    writer
    neg eax
    mov [edi], eax
    neg dword [edi]
    wrote "NEG"
    writer
    dec eax
    mov [edi], eax
    inc dword [edi]
    wrote "INC"
    ret

; The stack lies over the code: PUSH, PUSHAD, CALL, INT and their frames are stores like any other.
stack_over_code:
    mov [kept_esp], esp
    set_gate idt + 0x40 * 8, CODE32, .interrupt, 0x8e, 0
    mov ecx, 600
.loop:
    mov esp, .pushed + 5
    push ecx
.pushed:
    mov eax, 0
    mov esp, kept_stack
    same eax, ecx, "an immediate written by PUSH"
    mov edi, 0x90901eeb         ; EDI is stored lowest: JMP SHORT to .first (32 bytes on) or .second (6 more)
    test cl, 1
    jz .push_all
    mov edi, 0x909024eb
.push_all:
    mov esp, .by_pushad + 32
    pushad
.by_pushad:
    times 32 nop
.first:
    xor edx, edx
    jmp short .joined
    nop
    nop
.second:
    mov edx, 1
.joined:
    mov esp, kept_stack
    mov eax, ecx
    and eax, 1
    same edx, eax, "a jump written by PUSHAD"
    mov esp, .by_call + 5
    call .by_call
.after_call:
.by_call:
    mov eax, 0
    mov esp, kept_stack
    same eax, .after_call, "an immediate written by CALL"
    mov esp, .by_interrupt + 1 + 12
    int 0x40
.by_interrupt:
    mov eax, 0
    times 8 nop
    mov esp, kept_stack
    dec ecx
    jnz .loop
    mov esp, [kept_esp]
    ret
.interrupt:
    cmp dword [.by_interrupt + 1], .by_interrupt
    jne .bad
    mov dword [.by_interrupt + 5], 0x90909090   ; the rest of the frame was put over NOPs
    mov dword [.by_interrupt + 9], 0x90909090
    mov esp, kept_stack
    jmp .by_interrupt
.bad:
    mov esp, kept_stack
    fail "the return address written by INT"

first_version:
    mov eax, 3
    sub eax, 2
    nop
VERSION_SIZE equ $ - first_version
second_version:
    xor eax, eax
    inc eax
    nop
    nop
    inc eax
    nop
    nop
    times VERSION_SIZE - ($ - second_version) nop

; REP MOVS brings other code over a block, REP STOS over the very loop that uses it; then backward.
strings_over_code:
    mov edx, 1000
.loop:
    mov esi, first_version
    test dl, 1
    jz .copy
    mov esi, second_version
.copy:
    mov edi, .place
    mov ecx, VERSION_SIZE
    rep movsb
.place:
    times VERSION_SIZE nop
    mov ecx, edx
    and ecx, 1
    inc ecx
    same eax, ecx, "code that REP MOVSB brought before itself"
    mov edi, .filled
    mov al, 0x40
    test dl, 1
    jz .fill
    mov al, 0x48
.fill:
    mov ecx, 16
    mov ebx, eax
    rep stosb
    xor eax, eax
.filled:
    times 16 nop
    cmp bl, 0x40
    jne .decremented
    same eax, 16, "16 INC EAX written by REP STOSB"
    jmp .over_itself
.decremented:
    same eax, -16, "16 DEC EAX written by REP STOSB"
.over_itself:                   ; the same bytes over everything here, REP MOVSD included
    mov esi, .loop
    mov edi, SCRATCH
    mov ecx, (.end - .loop + 3) / 4
    rep movsd
    mov esi, SCRATCH
    mov edi, .loop
    mov ecx, (.end - .loop) / 4
    rep movsd
    mov esi, SCRATCH + (.end - .loop) / 4 * 4 - 4
    mov edi, .loop + (.end - .loop) / 4 * 4 - 4
    mov ecx, (.end - .loop) / 4
    std
    rep movsd
    cld
    dec edx
    jnz .loop
.end:
    ret
; MOV EAX, imm32 with two bytes of it in the next page: written in the first page, the second, both by one store.
page_border:
    mov edi, BORDER - 3
    mov byte [edi], 0xb8
    mov byte [edi + 5], 0xc3
    mov ecx, TURNS
.loop:
    mov [edi + 1], cx
    mov [edi + 3], cx
    call edi
    movzx edx, cx
    imul edx, 0x10001
    same eax, edx, "both halves written"
    mov byte [edi + 1], 0x77
    call edi
    mov dl, 0x77
    same eax, edx, "the half in the first page written"
    mov byte [edi + 4], 0x66
    call edi
    and edx, 0xffffff
    or edx, 0x66000000
    same eax, edx, "the half in the second page written"
    mov [edi + 1], ecx
    call edi
    same eax, ecx, "both pages written by one store"
    dec ecx
    jnz .loop
    ; an opcode that ends the first page, its operand in the second
    mov word [BORDER - 2], 0xb890               ; NOP, MOV EAX
    mov byte [BORDER + 4], 0xc3
    mov ecx, TURNS
.next:
    mov [BORDER], ecx
    mov edi, BORDER - 2
    call edi
    same eax, ecx, "the operand of an opcode at the end of a page"
    dec ecx
    jnz .next
    ret

; A function and its counters within one cache line, and a store to the page for each call; now and then to the code.
mixed_page:
    mov esi, .function
    mov edi, SCRATCH
    mov ecx, .function_size
    rep movsb
    mov ebp, 3
    mov ecx, 100000
    xor edx, edx
.loop:
    mov eax, SCRATCH
    call eax
    add edx, ebp
    test ecx, 0x3ff
    jnz .same
    xor ebp, 3 ^ 5
    mov eax, ebp
    mov [SCRATCH + .immediate - .function], al
.same:
    dec ecx
    jnz .loop
    expect [SCRATCH + .counter - .function], edx, "the counter beside the code"
    expect [SCRATCH + .calls - .function], 100000, "the calls counted beside the code"
    ret
.function:
    inc dword [SCRATCH + .calls - .function]
    add dword [SCRATCH + .counter - .function], 3
.immediate equ $ - 1
    ret
    align 4
.counter: dd 0
.calls:   dd 0
.function_size equ $ - .function

section .data
kept_esp: dd 0
value:    dd 0, 0
align 16
    times 64 dd 0
kept_stack:
    dd 0
