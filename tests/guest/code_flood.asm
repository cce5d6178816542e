; More code than a small code cache holds, deep in a chain of calls whose returns come much later (SDM 1 6.3, 6.4).
;
; Attacks: return addresses, jump tables and links into code that was thrown away because the cache was full; an exit
; port written by hot code, with nothing behind it that would ever stop.
;
; Expect: status 33, output "PASS code_flood"
%include "guest.inc"
%include "exceptions.inc"
%include "hot.inc"
test_name "code_flood"

AREA   equ 0x400000
PIECE  equ 16                   ; bytes
PIECES equ 500                  ; of a group
GROUPS equ 120
HEAT   equ 16
DEPTH  equ 60

main:
    call install_exceptions
    call make_pieces
.next:
    mov dword [sum], 0
    mov eax, DEPTH
    call descend
    same [sum], PIECES * HEAT * 3, "what the pieces did"
    same eax, DEPTH * 7 + 5, "what came back through all returns"
    add dword [group], PIECES * PIECE
    dec dword [groups]
    jnz .next
    call end_from_hot_code
    ret

; Each piece: ADD dword [sum],3; JMP EDI. No calls, so that the return addresses of above stay where they are.
make_pieces:
    mov edi, AREA
    mov ecx, PIECES * GROUPS
.next:
    mov dword [edi], 0x00000583
    mov dword [edi + 2], sum
    mov dword [edi + 6], 0xe7ff03
    add edi, PIECE
    dec ecx
    jnz .next
    ret

; descend(EAX): EAX levels down run one group; 7 more comes back from each level.
descend:
    test eax, eax
    jz .bottom
    push eax
    dec eax
    call descend
    pop edx
    lea eax, [eax + 7]
    ret
.bottom:
    mov ebx, HEAT
.turn:
    mov esi, [group]
    mov ecx, PIECES
    mov edi, .back
.piece:
    cmp ebx, HEAT               ; the first time in another way, so that pieces become hot at different moments
    jne .near
    mov [pointer], esi
    jmp far [pointer]
.near:
    jmp esi
.back:
    add esi, PIECE
    dec ecx
    jnz .piece
    dec ebx
    jnz .turn
    mov eax, 5
    ret

; The last write goes to the exit port, by an instruction that is hot; behind it nothing may happen any more.
end_from_hot_code:
    mov esi, text_pass
    call print
    mov esi, test_title
    call print
    call print_newline
    mov ecx, TURNS
    mov eax, EXIT_PASS
.write:
    mov edx, 0x80               ; a port without effect
    cmp ecx, 1
    jne .harmless
    mov edx, EXIT_PORT
.harmless:
    out dx, eax
    dec ecx
    jnz .write
.forever:
    jmp .forever

section .data
sum:    dd 0
group:  dd AREA
groups: dd GROUPS
pointer: dd 0
    dw CODE32
section .text
