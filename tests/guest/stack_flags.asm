; ADD and SUB of ESP whose flags are overwritten soon after, and a fault just before that: its EFLAGS show them
; (SDM 3A 6.5, 6.12.1; 2A ADD, 2B SUB).
;
; Attacks: changes of ESP that a translator folds into later instructions, their flags worked out only when needed:
; from an ESP that has been replaced meanwhile, at a place that jumps reach with other flags, or never.
;
; Expect: status 33, output "PASS stack_flags"
%include "guest.inc"
%include "exceptions.inc"
%include "pages.inc"
%include "flags.inc"
test_name "stack_flags"

BAD   equ 0x400000              ; not present
OTHER equ SCRATCH + 0x2f80      ; another stack

main:
    call install_exceptions
    call install_pages
    unmap BAD
    mov dword [resume_at], 0
    set_handler EXC_PF, note_flags
    call replaced
    call named
    call by_jump
    call through_string
    ret

note_flags:
    mov eax, [ebx + frame.eflags]
    and eax, ALL
    mov [at_fault], eax
    mov eax, [next]
    mov [ebx + frame.eip], eax
    ret

; The flags of ADD or SUB ESP,AMOUNT for the ESP of now, into `wanted`.
%macro predict 2                ; ADD or SUB, AMOUNT
    mov edx, esp
    %1 edx, %2
    pushfd
    and dword [esp], ALL
    pop dword [wanted]
%endmacro


; setup LABEL: other flags than those to come; LABEL is where the fault returns to.
%macro setup 1
    mov dword [next], %1
    mov dword [at_fault], -1
%endmacro

%macro compare 1
    mov esp, [kept]
    mov eax, [wanted]
    same [at_fault], eax, %1
%endmacro

; ESP is loaded anew between the change and the fault.
replaced:
    mov ecx, TURNS
    mov [kept], esp
    mov [kept_ebp], ebp
.loop:
    setup .popped
    mov dword [OTHER - 4], 0
    push dword OTHER
    push ecx
    predict add, 4
    cmp ecx, 0                  ; other flags
    add esp, 4
    pop esp
    mov eax, [BAD]
    xor eax, eax
.popped:
    compare "flags of ADD ESP before POP ESP"
    setup .left
    mov ebp, OTHER
    predict sub, 0x28
    cmp ecx, ecx
    sub esp, 0x28
    leave
    mov eax, [BAD]
    xor eax, eax
.left:
    compare "flags of SUB ESP before LEAVE"
    mov ebp, [kept_ebp]
    setup .moved
    predict sub, 0x14
    cmp ecx, 0
    sub esp, 0x14
    lea ebx, [esp + 0x14]
    mov esp, ebx
    mov eax, [BAD]
    xor eax, eax
.moved:
    compare "flags of SUB ESP before MOV ESP"
    setup .exchanged
    predict sub, 0x18
    mov ebx, OTHER
    cmp ecx, 0
    sub esp, 0x18
    xchg ebx, esp
    mov eax, [BAD]
    xor eax, eax
.exchanged:
    compare "flags of SUB ESP before XCHG ESP"
    dec ecx
    jnz .loop
    mov esp, [kept]
    ret

; ESP is only looked at between the change and the fault.
named:
    mov ecx, TURNS
    mov [kept], esp
.loop:
    setup .copied
    predict sub, 0x0c
    cmp ecx, 0
    sub esp, 0x0c
    mov ebx, esp
    mov eax, [BAD]
    xor eax, eax
.copied:
    compare "flags of SUB ESP before MOV EBX,ESP"
    setup .pushed
    predict sub, 0x1c
    cmp ecx, 0
    sub esp, 0x1c
    push esp
    mov eax, [BAD]
    xor eax, eax
.pushed:
    compare "flags of SUB ESP before PUSH ESP"
    setup .called_out
    predict sub, 0x2c
    cmp ecx, 0
    sub esp, 0x2c
    str bx                      ; a routine runs
    mov eax, [BAD]
    xor eax, eax
.called_out:
    compare "flags of SUB ESP before STR"
    dec ecx
    jnz .loop
    ret

; The place behind the change is reached by a jump as well, with flags of its own.
by_jump:
    mov ecx, TURNS
    mov [kept], esp
.loop:
    mov dword [next], .again
    push eax
    predict add, 4
    pop eax
    mov ebx, esp                ; from here on, all changes of ESP cancel out
    push eax
    cmp ecx, 0
    add esp, 4
.shared:
    mov eax, [BAD]
    xor eax, eax
.again:
    mov eax, [at_fault]
    mov [first], eax
    mov dword [next], .done
    mov eax, 0
    cmp eax, 1
    jmp .shared
.done:
    same [at_fault], CF | SF | AF | PF, "flags at a place behind ADD ESP, by a jump"
    mov eax, [first]
    mov [at_fault], eax
    compare "flags of ADD ESP, straight on"
    dec ecx
    jnz .loop
    ret

; A fault inside of a repeated string instruction and behind many changes of ESP.
through_string:
    mov ecx, TURNS
    mov [kept], esp
.loop:
    setup .moved
    push ecx
    push ecx
    push ecx
    predict add, 8
    mov esi, BAD - 8
    mov edi, OTHER
    cmp ecx, 0
    add esp, 8
    pop ebx
    push eax
    mov ecx, 4
    rep movsd
    xor eax, eax
.moved:
    mov ecx, ebx
    compare "flags of ADD ESP before REP MOVS"
    dec ecx
    jnz .loop
    ret

section .data
at_fault: dd 0
first:    dd 0
wanted:   dd 0
next:     dd 0
kept:     dd 0
kept_ebp: dd 0
section .text
