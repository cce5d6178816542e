; Long computations under a timer interrupt of 1 kHz whose handler spoils every register and flag before it restores
; them (SDM 3A 6.6, 6.8, 6.12).
;
; Attacks: an asynchronous exit that is taken anywhere but between two guest instructions, or with registers, flags,
; ESP, CF between ADC and ADC, x87 or XMM state, or a pending stack update that are not the guest's; REP instructions
; and paired calls and returns that are interrupted; code rewritten while it is being interrupted; the same at level 3.
;
; Each computation is made once with interrupts off and compared with many made with interrupts on.
;
; Expect: status 33, output "PASS flags_interrupts"
%include "guest.inc"
%include "user.inc"
%include "pic.inc"
%include "hot.inc"
test_name "flags_interrupts"

TICKS equ 250                   ; that each computation must survive, a quarter of a second
BUFFER equ SCRATCH

main:
    call install_exceptions
    call install_tss
    call install_pics
    enable_sse
    set_gate idt + IRQ_BASE * 8, CODE32, on_tick, 0x8e, 0
    start_timer 2, 1193         ; 1000 Hz
    mov dword [computation], additions
    call under_fire
    mov dword [computation], strings
    call under_fire
    mov dword [computation], recursion
    call under_fire
    mov dword [computation], indirect
    call under_fire
    mov dword [computation], floating
    call under_fire
    mov dword [computation], rewriting
    call under_fire
    mov dword [computation], stack_shuffle
    call under_fire
    mov dword [user_eflags], 0x202
    run_user at_level_3
    ret

; The handler: other flags, other registers, other x87 and XMM contents, a used stack; all restored.
on_tick:
    pushad
    pushfd
    fnsave [fpu_image]
    movups [xmm_image], xmm0
    movups [xmm_image + 16], xmm1
    fninit
    fldz
    pxor xmm0, xmm0
    pxor xmm1, xmm1
    inc dword [ticks]
    mov eax, [esp + 36]         ; where it came
    add [places], eax
    mov al, 0x20
    out 0x20, al
    call .clobber
    movups xmm0, [xmm_image]
    movups xmm1, [xmm_image + 16]
    frstor [fpu_image]
    popfd
    popad
    iretd
.clobber:
    xor ebx, [esp + 40]
    mov ecx, -1
    mov edx, ecx
    mov esi, ecx
    mov edi, ecx
    mov ebp, ecx
    mov eax, 0x80
    add al, al
    push eax
    pop ebx
    sti                         ; its shadow covers the CLI: nothing comes in between
    cli
    ret

; Runs [computation] once in peace and then until TICKS have come, comparing EAX, EDX and the flags.
under_fire:
    cli
    call [computation]
    mov [good_eax], eax
    mov [good_edx], edx
    unmask 0x21, 0xfe
    sti
until_enough:
    mov dword [ticks], 0
    mov dword [runs], 0
.again:
    call [computation]
    cmp eax, [good_eax]
    jne .bad
    cmp edx, [good_edx]
    jne .bad
    inc dword [runs]
    cmp dword [ticks], TICKS
    jb .again
    ret
.bad:
    cli
    same [computation], eax, "a computation (got) and its wrong result (expected)"
    fail "the second half of a result"

; The same computations at level 3, with the interrupt's stack switch.
at_level_3:
    mov esi, .table
.next:
    lodsd
    test eax, eax
    jz .done
    mov [computation], eax
    push esi
    call [computation]
    mov [good_eax], eax
    mov [good_edx], edx
    call until_enough
    pop esi
    jmp .next
.done:
    int 0x80
section .data
.table: dd additions, strings, recursion, stack_shuffle, 0
section .text

; Carry through 64 words, rotates, conditional moves, flags that wait across loads and stores.
additions:
    mov edi, 200
    xor edx, edx
    mov eax, 0x13579bdf
    mov ebx, 0x2468ace0
.round:
    mov ecx, 64
    clc
.loop:
    adc [BUFFER + 0x4000], eax
    rcl eax, 1
    adc ebx, eax
    mov esi, ebx
    pushfd
    xor esi, eax
    popfd
    rcr ebx, 3
    adc edx, ebx
    inc esi
    sbb eax, esi
    mov [BUFFER + 0x4004], eax
    setc byte [BUFFER + 0x4008]
    cmovc ebx, [BUFFER + 0x4004]
    dec ecx
    jnz .loop
    mov dword [BUFFER + 0x4000], 0
    dec edi
    jnz .round
    ret

; REP of all kinds over 8 KiB, forward and backward.
strings:
    mov eax, 0x01020304
    mov edi, BUFFER
    mov ecx, 1024
    rep stosd
    mov esi, BUFFER
    mov edi, BUFFER + 1
    mov ecx, 4000
    rep movsb                   ; overlapping: spreads the first byte
    std
    mov esi, BUFFER + 0xffc
    mov edi, BUFFER + 0x1ffc
    mov ecx, 1024
    rep movsd
    cld
    mov esi, BUFFER
    mov edi, BUFFER + 0x1000
    mov ecx, 1024
    repe cmpsd
    mov edx, ecx
    jne .done
    add edx, 1000
    mov eax, 4
    mov edi, BUFFER
    mov ecx, 8192
    repe scasb
    add edx, ecx
    mov esi, BUFFER + 4000
    mov ecx, 80
    rep lodsb
    mov ecx, 1000
    mov esi, BUFFER
.sum:
    lodsb
    rol edx, 1
    add dl, al
    loop .sum
.done:
    ret

; Calls and returns 15 deep, with a result on the stack at each level.
recursion:
    mov eax, 15
    call fibonacci
    mov edx, esp
    sub edx, esp
    ret
fibonacci:
    cmp eax, 2
    jb .small
    push eax
    dec eax
    call fibonacci
    xchg eax, [esp]
    sub eax, 2
    call fibonacci
    pop ecx
    add eax, ecx
.small:
    ret

; Jumps through a table whose index depends on flags.
indirect:
    mov ecx, 20000
    mov eax, 1
    xor edx, edx
.loop:
    imul eax, eax, 1664525
    add eax, 1013904223
    sbb ebx, ebx
    mov esi, eax
    shr esi, 29
    jmp [.table + esi * 4]
.0: add edx, ebx
    jmp .next
.1: adc edx, 1
    jmp .next
.2: rol edx, 3
    jmp .next
.3: xor edx, eax
    jmp .next
.4: call .function
    jmp .next
.5: sub edx, ecx
    cmc
    adc edx, 0
    jmp .next
.6: push .next
    ret
.7: lea edx, [edx * 3 + 1]
.next:
    dec ecx
    jnz .loop
    ret
.function:
    xor edx, 0x55aa55aa
    ret
.table: dd .0, .1, .2, .3, .4, .5, .6, .7

; x87 stack and XMM registers.
floating:
    fninit
    fld1
    fldpi
    movups xmm0, [constants]
    movups xmm1, [constants + 16]
    mov ecx, 5000
.loop:
    fmul st1, st0
    fxch
    fld st0
    fadd qword [constants + 32]
    fsqrt
    fstp qword [BUFFER + 0x4010]
    fld qword [BUFFER + 0x4010]
    fdivp st1, st0
    fxch
    addps xmm0, xmm1
    mulps xmm0, [constants + 16]
    ucomiss xmm0, xmm1
    sbb eax, eax
    mov [BUFFER + 0x4020], eax
    dec ecx
    jnz .loop
    fstp qword [BUFFER + 0x4030]
    fstp qword [BUFFER + 0x4038]
    movups [BUFFER + 0x4040], xmm0
    mov eax, [BUFFER + 0x4030]
    xor eax, [BUFFER + 0x4034]
    xor eax, [BUFFER + 0x4038]
    rol eax, 1
    xor eax, [BUFFER + 0x403c]
    mov edx, [BUFFER + 0x4040]
    xor edx, [BUFFER + 0x404c]
    ret

; Code that changes itself, and is run a few times between the changes.
rewriting:
    mov ecx, 300
    xor eax, eax
    xor edx, edx
.loop:
    mov [.add + 1], ecx
    mov ebx, 20
.again:
.add:
    add eax, 0x11111111
    adc edx, ebx
    dec ebx
    jnz .again
    dec ecx
    jnz .loop
    ret

; Pushes, pops, ENTER, LEAVE and ESP arithmetic in long runs without a branch.
stack_shuffle:
    mov ecx, 3000
    mov eax, 0x600df00d
    mov edx, 0x0badcafe
    mov ebx, esp
.loop:
    push eax
    push edx
    push ecx
    add eax, [esp + 8]
    pushfd
    push word 0x1234
    push dword [esp + 6]
    pop edi
    pop si
    popfd
    adc edx, edi
    pop ecx
    pop esi
    xchg esi, [esp]
    sub esp, 20
    mov [esp + 4], esi
    lea esp, [esp + 4]
    pop edi
    add esp, 12
    pop esi
    add edx, esi
    enter 16, 0
    mov [ebp - 4], edi
    pushad
    popad
    add eax, [ebp - 4]
    leave
    push ebx
    pop ebp
    ror eax, 1
    dec ecx
    jnz .loop
    sub ebx, esp                ; zero
    add eax, ebx
    ret

section .data
align 16
constants:   dd 0x3f800000, 0x3f000000, 0x40000000, 0x3e800000, 0x3f400000, 0x3f000001, 0x3f100000, 0x3f700000
             dq 1.5
xmm_image:   times 8 dd 0
fpu_image:   times 108 db 0
computation: dd 0
good_eax:    dd 0
good_edx:    dd 0
ticks:       dd 0
runs:        dd 0
places:      dd 0
section .text
