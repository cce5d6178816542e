; Loops with a known number of instructions, to measure how many a second an emulator runs. The last character of the
; multiboot command line chooses one; anything else does nothing, which is what starting and ending costs.
;
;   a  arithmetic in registers        m  loads and stores        c  calls and returns, pushes and pops
;   p  loads and stores with paging on, a new page every turn, over 8 MiB (TLB misses)
;
; run-loops knows that every turn is ten instructions and that there are TURNS of them.
%include "guest.inc"
test_name "loops"

TURNS     equ 20000000
DIRECTORY equ 0x200000
BUFFER    equ 0x400000

main:
    mov ecx, TURNS
    mov ebp, BUFFER
    xor edx, edx
    last_letter
    cmp al, 'a'
    je arithmetic
    cmp al, 'm'
    je memory
    cmp al, 'c'
    je calls
    cmp al, 'p'
    je paged
    ret

arithmetic:
    add eax, ecx
    xor eax, edx
    lea edx, [eax + eax * 2 + 5]
    shr eax, 3
    sub edx, eax
    and edx, 0xffff
    or eax, edx
    inc eax
    dec ecx
    jnz arithmetic
    ret

memory:
    mov eax, [ebp]
    add eax, ecx
    mov [ebp], eax
    mov eax, [ebp + 64]
    inc dword [ebp + 128]
    mov [ebp + 192], eax
    movzx eax, byte [ebp + 3]
    add [ebp + 256], eax
    dec ecx
    jnz memory
    ret

calls:
    push eax
    call .inner
    pop eax
    push edx
    pop edx
    dec ecx
    jnz calls
    ret
.inner:
    inc eax
    test eax, edx
    ret

; 2,048 pages one after the other, more than the software TLB keeps.
paged:
    mov edi, DIRECTORY
    mov eax, 0x83
.fill:
    mov [edi], eax
    add edi, 4
    add eax, 0x400000
    cmp edi, DIRECTORY + 4096
    jne .fill
    mov edi, DIRECTORY + 0x1000 ; tables for 4 to 12 MiB
    mov eax, BUFFER + 3
.fill_tables:
    mov [edi], eax
    add edi, 4
    add eax, 0x1000
    cmp edi, DIRECTORY + 0x3000
    jne .fill_tables
    mov dword [DIRECTORY + 4], DIRECTORY + 0x1003
    mov dword [DIRECTORY + 8], DIRECTORY + 0x2003
    mov eax, cr4
    or eax, 0x10
    mov cr4, eax
    mov eax, DIRECTORY
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    xor ebp, ebp
.turn:
    mov eax, [ebp + BUFFER]
    add eax, ecx
    mov [ebp + BUFFER], eax
    mov eax, [ebp + BUFFER + 64]
    add ebp, 0x1000
    and ebp, 0x7fffff
    xor eax, ecx
    add edx, eax
    dec ecx
    jnz .turn
    ret
