; What a compiler at run time does: write a function, call it, write another in its place, ten thousand times (SDM 3A
; 9.1.3, 12.6).
;
; Attacks: dead translations that still are linked to or predicted, a code cache that only grows, pages that go to and
; fro between being code and being data, calls and returns into code that was replaced while its caller waits.
;
; Expect: status 33, output "PASS smc_jit"
%include "guest.inc"
%include "exceptions.inc"
%include "hot.inc"
test_name "smc_jit"

HEAP  equ SCRATCH
SLOTS equ 64                    ; of 64 bytes, one page

main:
    call install_exceptions
    call one_slot
    call many_slots
    call one_slot_hot
    call loops
    call jump_chains
    call moving_function
    call rewritten_caller
    call closures
    call inline_cache
    ret

; make_constant: at EDI a function that returns EAX.
make_constant:
    mov byte [edi], 0xb8
    mov [edi + 1], eax
    mov byte [edi + 5], 0xc3
    ret

; A new constant for each call, by CALL rel32 and by CALL r32.
one_slot:
    mov ecx, 10000
.loop:
    mov edi, HEAP
    mov eax, ecx
    call make_constant
    call HEAP
    same eax, ecx, "a function generated again and called directly"
    lea eax, [ecx + 7]
    call make_constant
    call edi
    lea edx, [ecx + 7]
    same eax, edx, "a function generated again and called through a register"
    dec ecx
    jnz .loop
    ret

; Round and round through a page: 10,000 functions of which the last 64 are alive and checked at random.
many_slots:
    mov ecx, 10000
    mov ebx, 1
.loop:
    mov edi, ecx
    and edi, SLOTS - 1
    shl edi, 6
    add edi, HEAP
    mov eax, ecx
    call make_constant
    imul ebx, ebx, 1103515245
    add ebx, 12345
    mov edx, ebx
    shr edx, 24
    and edx, SLOTS - 1          ; as many generations ago
    lea eax, [ecx + edx]
    cmp eax, 10000
    ja .next
    mov esi, eax
    and eax, SLOTS - 1
    shl eax, 6
    add eax, HEAP
    call eax
    same eax, esi, "one of the last 64 functions"
.next:
    dec ecx
    jnz .loop
    ret

; Each generation runs a thousand times before the next one comes.
one_slot_hot:
    mov ecx, 100
.loop:
    mov edi, HEAP
    mov eax, ecx
    call make_constant
    xor edx, edx
    mov ebx, 1000
.again:
    call HEAP
    add edx, eax
    dec ebx
    jnz .again
    imul eax, ecx, 1000
    same edx, eax, "a thousand calls of one generation"
    dec ecx
    jnz .loop
    ret

; The function is a loop of three blocks; its step, its bound and the condition of its jump change.
loop_template:
    xor eax, eax
.again:
    add eax, 0x12345678
.step equ $ - 4 - loop_template
    cmp eax, 0x12345678
.bound equ $ - 4 - loop_template
.condition equ $ - loop_template
    jb .again
    test al, 1
    jz .even
    neg eax
.even:
    ret
LOOP_SIZE equ $ - loop_template

loops:
    mov ecx, TURNS
.loop:
    mov esi, loop_template
    mov edi, HEAP + 0x800
    mov ebx, ecx
    mov ecx, LOOP_SIZE
    rep movsb
    mov ecx, ebx
    mov edx, ecx
    and edx, 7
    inc edx                     ; step 1 to 8
    mov [HEAP + 0x800 + loop_template.step], edx
    mov esi, edx
    imul esi, esi, 5            ; so that the loop ends at five steps
    mov [HEAP + 0x800 + loop_template.bound], esi
    call HEAP + 0x800
    test esi, 1
    jz .even
    neg esi
.even:
    same eax, esi, "a generated loop"
    mov byte [HEAP + 0x800 + loop_template.condition], 0x77    ; JA: one step
    call HEAP + 0x800
    test edx, 1
    jz .even_step
    neg edx
.even_step:
    same eax, edx, "a generated loop whose condition was changed"
    dec ecx
    jnz .loop
    ret

; 32 blocks linked by JMP rel32 in an order that changes each time; all must run, each once.
jump_chains:
    mov ecx, 1000
.loop:
    mov ebx, ecx
    or ebx, 1                   ; odd: a permutation of 0 to 31
    xor edx, edx                ; position in the chain
.build:
    mov eax, edx
    imul eax, ebx
    and eax, 31
    shl eax, 4
    lea edi, [HEAP + 0x1000 + eax]
    mov dword [edi], 0x90d80140 ; INC EAX, ADD EAX, EBX, NOP
    mov byte [edi + 4], 0xe9
    lea eax, [edx + 1]
    imul eax, ebx
    and eax, 31
    shl eax, 4
    lea eax, [HEAP + 0x1000 + eax]
    cmp edx, 31
    jne .link
    mov eax, .back
.link:
    sub eax, edi
    sub eax, 9
    mov [edi + 5], eax
    inc edx
    cmp edx, 32
    jne .build
    xor eax, eax
    jmp HEAP + 0x1000
.back:
    lea edx, [ebx + 1]
    shl edx, 5
    same eax, edx, "a chain of 32 jumps in another order"
    dec ecx
    jnz .loop
    ret

; A function moves through memory by 3 bytes each time; its old place gets traps.
moving_function:
    mov edi, HEAP + 0x1ff0
    mov ecx, TURNS
.loop:
    mov eax, ecx
    call make_constant
    call edi
    same eax, ecx, "a function that moved"
    mov dword [edi], 0x0b0f0b0f ; UD2
    mov word [edi + 4], 0x0b0f
    add edi, 3
    cmp edi, HEAP + 0x2800
    jb .next
    mov edi, HEAP + 0x1ff0
.next:
    dec ecx
    jnz .loop
    ret

; The callee rewrites what its caller goes on with: the return must lead to the new code, as deep as the calls were.
rewritten_caller:
    mov ecx, TURNS
.loop:
    mov [callee.value], ecx
    call outer
    lea edx, [ecx + ecx * 2]
    same eax, edx, "code behind a CALL, rewritten by the callee"
    dec ecx
    jnz .loop
    ret
outer:
    call middle
.behind:
    mov edx, 0x11111111
    add eax, edx
    ret
middle:
    call callee
.behind:
    mov edx, 0x22222222
    add eax, edx
    ret
callee:
    mov eax, [.value]
    mov [outer.behind + 1], eax
    mov [middle.behind + 1], eax
    ret
.value: dd 0

; A function generates the next one and jumps to it: generations 1 to 5000 in two places.
closures:
    mov esi, closure_template
    mov edi, HEAP + 0x3000
    mov ecx, CLOSURE_SIZE
    rep movsb
    mov dword [HEAP + 0x3000 + closure_template.number], 1
    mov dword [HEAP + 0x3000 + closure_template.other], HEAP + 0x3080
    xor ebx, ebx
    mov eax, HEAP + 0x3000
    call eax
    expect ebx, 5000 * 5001 / 2, "the sum over generations that wrote their successors"
    ret

closure_template:
    mov eax, 0x12345678
.number equ $ - 4 - closure_template
    add ebx, eax
    cmp eax, 5000
    je .done
    mov edi, 0x12345678
.other equ $ - 4 - closure_template
    mov edx, edi
    xor edx, 0x80               ; the one after goes where this one is
    push edi
    mov esi, closure_template
    mov ecx, CLOSURE_SIZE
    rep movsb
    pop edi
    inc eax
    mov [edi + closure_template.number], eax
    mov [edi + closure_template.other], edx
    jmp edi
.done:
    ret
CLOSURE_SIZE equ $ - closure_template

; An inline cache: a compare with an immediate and a call to a patched target, both rewritten at a miss.
inline_cache:
    mov ecx, 2048
    xor ebx, ebx
.loop:
    mov eax, ecx
    shr eax, 3
    and eax, 3                  ; the "type" changes every eight turns
.again:
    cmp eax, strict dword -1
.type equ $ - 4
    jne .miss
    call type_0
.target equ $ - 4
    dec ecx
    jnz .loop
    expect ebx, (1 + 10 + 100 + 1000) * 2048 / 4, "what the cached methods added"
    ret
.miss:
    mov [.type], eax
    mov edx, [.methods + eax * 4]
    sub edx, .target + 4
    mov [.target], edx
    jmp .again
.methods: dd type_0, type_1, type_2, type_3
type_0: add ebx, 1
    ret
type_1: add ebx, 10
    ret
type_2: add ebx, 100
    ret
type_3: add ebx, 1000
    ret
