; ESP used in every way that is not the ordinary one (SDM 1 6.2, 6.3; 2A, 2B PUSH, POP, ENTER, LEAVE, RET).
;
; Attacks: ESP kept elsewhere with updates folded, calls and returns paired with the host's, stack operands lowered to
; host pushes: ESP as source, destination, base; returns that lead elsewhere or come never; depth; 16-bit pushes.
;
; Expect: status 33, output "PASS stack_tricks"
%include "guest.inc"
%include "user.inc"
%include "hot.inc"
test_name "stack_tricks"

OTHER_STACK equ SCRATCH + 0x8000
DEEP_STACK  equ 0x1000000       ; 100,000 calls need 800 KiB below it

main:
    call install_exceptions
    call install_tss
    call all
    run_user all_at_level_3
    ret

all_at_level_3:
    call all
    int 0x80
all:
    repeat_hot esp_as_operand, esp_as_base, pop_destinations, frames, sixteen_bits, moving_esp, switching_stacks, \
        returns_elsewhere, position, all_registers
    call deep_recursion
    call unbalanced
    call wrong_predictions
    ret

; PUSH ESP stores the value before, POP ESP takes what it finds and no more.
esp_as_operand:
    mov ebx, esp
    push esp
    pop eax
    same eax, ebx, "PUSH ESP"
    push dword OTHER_STACK
    mov edx, esp
    pop esp
    mov eax, esp
    mov esp, ebx
    same eax, OTHER_STACK, "POP ESP"
    push esp
    push esp
    push esp
    pop eax
    pop edx
    pop esi
    sub eax, edx
    sub edx, esi
    same eax, -4, "the third PUSH ESP"
    same edx, -4, "the second PUSH ESP"
    push eax
    mov eax, esp
    xchg eax, esp
    add esp, eax
    sub esp, eax
    pop eax
    mov eax, esp
    same eax, ebx, "ESP after arithmetic with itself"
    push eax
    and esp, ~15
    mov eax, esp
    test eax, 15
    jnz .bad
    mov esp, ebx
    ret
.bad:
    mov esp, ebx
    fail "AND ESP, ~15"

; [ESP + x] means ESP before a push, after a pop.
esp_as_base:
    push dword 0x33333333
    push dword 0x22222222
    push dword 0x11111111
    mov edi, 2
    push dword [esp + 4]
    pop eax
    same eax, 0x22222222, "PUSH [ESP + 4]"
    push dword [esp + edi * 4]
    pop eax
    same eax, 0x33333333, "PUSH [ESP + EDI * 4]"
    push dword [esp]
    push dword [esp + 8]
    mov eax, [esp]
    add esp, 8
    same eax, 0x22222222, "PUSH [ESP + 8] behind another"
    mov eax, [esp + edi * 2]
    mov byte [esp + 3], 0x99
    mov ah, [esp + 3]
    mov bh, ah
    add [esp + 5], bh
    same [esp], 0x99111111, "a byte at [ESP + 3]"
    same [esp + 4], 0x2222bb22, "a byte added at [ESP + 5]"
    lea esi, [esp + edi * 4 + 4]
    mov ebx, esp
    add ebx, 12
    same esi, ebx, "LEA with ESP and EDI"
    mov eax, .function
    push eax
    call [esp]
    same eax, 77, "CALL [ESP]"
    push eax
    push dword .function
    mov eax, 0
    call [esp + edi * 2 - 4]
    same eax, 77, "CALL [ESP + EDI * 2 - 4]"
    add esp, 12
    xchg [esp], esi
    same esi, 0x99111111, "XCHG [ESP], ESI"
    push dword .jumped
    jmp [esp]
    ud2
.jumped:
    add esp, 16
    ret
.function:
    mov eax, 77
    ret

pop_destinations:
    push dword 1
    push dword 2
    push dword 3
    pop dword [esp + 4]         ; ESP counts after the increment: over the 1
    pop eax
    pop edx
    same eax, 2, "what POP [ESP + 4] left"
    same edx, 3, "what POP [ESP + 4] wrote"
    push dword 1
    push dword 3
    pop dword [esp]
    pop edx
    same edx, 3, "what POP [ESP] wrote"
    push dword 4
    push dword 5
    pop dword [esp - 4]         ; where it has just been
    mov eax, [esp - 4]
    pop edx
    same eax, 5, "what POP [ESP - 4] wrote"
    push dword 6
    mov eax, 9
    pop eax
    push eax
    push eax
    pop ecx
    pop eax
    add eax, ecx
    same eax, 12, "PUSH EAX twice"
    ret

; ENTER with levels, LEAVE from an EBP that is elsewhere, RET imm16.
frames:
    mov ebx, esp
    push dword 0xaaaa
    push dword 0xbbbb
    call .two_arguments
    same eax, 0xaaaa - 0xbbbb, "a function that takes its arguments away"
    mov eax, esp
    same eax, ebx, "ESP behind RET 8"
    mov ebp, 0x13131313
    enter 0x20, 0
    mov eax, ebx
    sub eax, esp
    same eax, 0x24, "ESP behind ENTER 20H, 0"
    same [ebp], 0x13131313, "EBP pushed by ENTER"
    enter 8, 3
    mov eax, ebp
    sub eax, esp
    same eax, 8 + 12, "ESP behind ENTER 8, 3"
    mov eax, [ebp - 12]
    same eax, ebp, "the frame's own pointer in ENTER's display"
    leave
    leave
    same ebp, 0x13131313, "EBP behind two LEAVE"
    mov eax, esp
    same eax, ebx, "ESP behind two LEAVE"
    mov ebp, OTHER_STACK
    mov dword [ebp], 0x24242424
    leave
    mov eax, esp
    mov esp, ebx
    same ebp, 0x24242424, "EBP by LEAVE on another stack"
    same eax, OTHER_STACK + 4, "ESP by LEAVE on another stack"
    ret
.two_arguments:
    mov eax, [esp + 8]
    sub eax, [esp + 4]
    ret 8

; Prefix 66H: words; ESP goes by two; segment registers by four, of which two bytes count.
sixteen_bits:
    mov ebx, esp
    push dword 0
    push word 0x1234
    push ax
    pushaw
    mov eax, ebx
    sub eax, esp
    same eax, 4 + 2 + 2 + 16, "ESP behind 16-bit pushes"
    popaw
    pop dx
    pop dx
    movzx edx, dx
    same edx, 0x1234, "POP DX"
    add esp, 4
    push word 0x5678
    push word 0x1234
    pop eax
    same eax, 0x56781234, "two words popped as one"
    pushfw
    mov eax, ebx
    sub eax, esp
    same eax, 2, "ESP behind PUSHF of 16 bits"
    popfw
    push dword 0x89abcdef
    pop ax
    pop cx
    movzx eax, ax
    movzx ecx, cx
    shl ecx, 16
    or eax, ecx
    same eax, 0x89abcdef, "one dword popped as two"
    push byte -2
    pop eax
    same eax, -2, "PUSH imm8"
    push ds
    pop eax
    mov ecx, ds
    movzx eax, ax
    same eax, ecx, "PUSH DS"
    o16 push ds
    mov eax, ebx
    sub eax, esp
    add esp, 2
    same eax, 2, "ESP behind a 16-bit PUSH DS"
    push ds
    pop fs
    mov eax, esp
    same eax, ebx, "ESP behind PUSH DS, POP FS"
    ret

; Writes to ESP between pushes, without any branch.
moving_esp:
    mov ebx, esp
    push dword 1
    push dword 2
    mov edx, esp
    push dword 3
    mov esp, edx
    push dword 4
    sub esp, 4
    push dword 5
    lea esp, [esp + 8]
    pop eax
    same eax, 4, "what lies behind LEA ESP, [ESP + 8]"
    inc esp
    dec esp
    pop eax
    same eax, 2, "behind INC ESP, DEC ESP"
    push dword 7
    neg esp
    neg esp
    add esp, 4
    pop eax
    same eax, 1, "behind NEG ESP twice"
    mov eax, esp
    same eax, ebx, "ESP at the end"
    push eax
    push esp
    pop eax
    add eax, 4
    mov esp, eax
    same eax, ebx, "ESP by way of PUSH ESP, POP EAX"
    xor esp, 0x100
    xor esp, 0x100
    movzx eax, sp
    mov sp, ax
    mov eax, 0
    cmp eax, eax
    cmovnz esp, eax
    bswap esp
    bswap esp
    mov eax, esp
    same eax, ebx, "ESP after logic on all of it and on SP"
    ret

; Another stack, by XCHG and by MOV; a return from there; co-routines that take turns.
switching_stacks:
    mov eax, OTHER_STACK
    xchg eax, esp
    push eax
    call .function
    pop esp
    same eax, OTHER_STACK - 8, "ESP in a function on another stack"
    mov ebx, esp
    mov esp, OTHER_STACK
    push dword .behind
    ret
.behind:
    mov eax, esp
    mov esp, ebx
    same eax, OTHER_STACK, "ESP behind RET on another stack"
    mov dword [OTHER_STACK - 4], .coroutine
    mov dword [other_esp], OTHER_STACK - 4
    xor eax, eax
    mov ecx, 10
.turn:
    call yield_to_other
    dec ecx
    jnz .turn
    same eax, 10 * 3, "what the co-routine added"
    ret
.function:
    mov eax, esp
    ret
.coroutine:
    add eax, 1
    call yield_to_other
    add eax, 5
    call yield_to_other
    jmp .coroutine
yield_to_other:
    xchg esp, [other_esp]
    ret

; RET to where no CALL came from, with and without a CALL pending; CALL that never returns.
returns_elsewhere:
    mov ebx, esp
    push dword .first
    ret
    ud2
.first:
    call .drops_address
    ud2
.second:
    mov eax, esp
    same eax, ebx, "ESP behind a call that was dropped"
    call .returns_further
    ud2                         ; two bytes that the callee skips
    call .twice
    same eax, 5, "a return address pushed twice"
    push dword 0x99
    push dword .third
    ret 4
.third:
    mov eax, esp
    same eax, ebx, "ESP behind PUSH, PUSH, RET 4"
    ret
.drops_address:
    add esp, 4
    jmp .second
.returns_further:
    add dword [esp], 2
    ret
.twice:
    push dword .five
    ret
.five:
    mov eax, 5
    ret

; CALL $+5, POP: where am I?
position:
    call .here
.here:
    pop eax
    same eax, .here, "CALL to the next instruction"
    call .there
    db "text that the callee steps over", 0
.behind:
    ret
.there:
    pop esi
.next:
    lodsb
    test al, al
    jnz .next
    jmp esi

all_registers:
    mov eax, 1
    mov ecx, 2
    mov edx, 3
    mov ebx, esp
    mov ebp, 5
    mov esi, 6
    mov edi, 7
    pushad
    same [esp + 12], ebx, "ESP stored by PUSHAD"
    same [esp + 28], 1, "EAX stored by PUSHAD"
    mov dword [esp + 12], 0x12345678    ; POPAD ignores it
    mov dword [esp + 24], 22
    mov dword [esp], 77
    popad
    same ecx, 22, "ECX loaded by POPAD"
    same edi, 77, "EDI loaded by POPAD"
    mov eax, esp
    same eax, ebx, "ESP behind POPAD"
    ret

; 100,000 levels deep.
deep_recursion:
    mov ebx, esp
    mov esp, DEEP_STACK
    mov ecx, 100000
    call .down
    mov edx, esp
    mov esp, ebx
    same eax, 100000, "levels returned from"
    same edx, DEEP_STACK, "ESP behind 100,000 calls"
    ret
.down:
    push ecx
    dec ecx
    jz .bottom
    call .down
    inc eax
    pop edx
    cmp eax, edx                ; each level finds its own value
    je .fine
    ud2
.fine:
    ret
.bottom:
    pop edx
    mov eax, 1
    ret

; Like longjmp: 30 calls deep, then back to the top at once, a thousand times; and 10,000 calls that never return.
unbalanced:
    mov dword [jumps], 0
    mov [saved_esp], esp
    mov dword [saved_eip], .back
    mov ecx, 1000
.back:
    mov esp, [saved_esp]
    inc dword [jumps]
    dec ecx
    jz .never
    mov eax, 30
    call .deeper
.deeper:
    dec eax
    jz .throw
    call .deeper
    ud2
.throw:
    jmp [saved_eip]
.never:
    expect [jumps], 1000, "long jumps"
    mov ecx, 10000
.loop:
    call .no_return
.no_return:
    mov esp, [saved_esp]
    dec ecx
    jnz .loop
    ret

; Return addresses that are changed between two targets, in turn and seldom.
wrong_predictions:
    xor edx, edx
    mov ecx, 10000
.loop:
    call .function
.even:
    add edx, 1
    jmp .next
.odd:
    add edx, 1000
.next:
    dec ecx
    jnz .loop
    expect edx, 100 * 1000 + 9900, "returns to two places"
    ret
.function:
    mov eax, ecx
    mov ebx, edx
    xor edx, edx
    mov esi, 100
    div esi
    test edx, edx
    mov edx, ebx
    jnz .plain
    mov dword [esp], .odd
.plain:
    ret

section .data
other_esp: dd 0
saved_esp: dd 0
saved_eip: dd 0
jumps:     dd 0
section .text
