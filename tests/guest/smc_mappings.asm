; Code that changes without a store to its linear address: through another mapping of the page, by another mapping in
; its place, by another address space, by a user's store to a page that the kernel runs too (SDM 3A 4.10.4, 9.1.3,
; 12.6).
;
; Attacks: translations, links, return predictions and jump tables that are keyed by linear address alone or by physical
; page alone.
;
; Expect: status 33, output "PASS smc_mappings"
%include "guest.inc"
%include "user.inc"
%include "pages.inc"
%include "hot.inc"
test_name "smc_mappings"

CODE   equ 0x400000             ; shows one of the frames
NEXT   equ 0x401000             ; the page behind
ALIAS  equ 0x410000
FIRST  equ FRAME(0)
SECOND equ FRAME(5)
DIRECTORY2 equ 0x202000
TABLE2     equ 0x203000

main:
    call install_exceptions
    call install_tss
    call install_pages
    call write_functions
    call by_alias
    call by_invlpg
    call by_cr3
    call by_directory
    call across_border
    call return_into_remapped
    call two_spaces
    call return_across_spaces
    call jump_across_spaces
    call by_user
    call read_only_to_user
    ret

; FIRST and SECOND: functions with the same addresses and other results, each made in another way.
;   00H returns the number; 20H by a call; 40H by an indirect jump; 60H by a jump to the page behind
section .text
template:
    mov eax, 0x11111111
    ret
    times 0x20 - ($ - template) nop
    call template + 0x80         ; relative: it works wherever it lies
    inc eax
    ret
    times 0x40 - ($ - template) nop
    mov edx, CODE + 0x80
    jmp edx
    times 0x60 - ($ - template) nop
    jmp near template + 0x1010
    times 0x80 - ($ - template) nop
    mov eax, 0x11111111
    ret
TEMPLATE_SIZE equ $ - template

write_functions:
    mov eax, 1000
    mov edi, FIRST
    call .write
    mov eax, 2000
    mov edi, SECOND
.write:
    push edi
    mov esi, template
    mov ecx, TEMPLATE_SIZE
    rep movsb
    pop edi
    mov [edi + 1], eax
    mov [edi + 0x81], eax
    mov byte [edi + 0x1010], 0xb8       ; in the frame behind, shown by NEXT
    mov [edi + 0x1011], eax
    mov byte [edi + 0x1015], 0xc3
    ret

; call_all WANTED: the four functions, called directly and through a register.
%macro call_all 2
    call CODE
    same eax, %1, {"function 0, ", %2}
    call CODE + 0x20
    dec eax
    same eax, %1, {"function 20H, with a call, ", %2}
    call CODE + 0x40
    same eax, %1, {"function 40H, with an indirect jump, ", %2}
    mov ebp, CODE
    call ebp
    same eax, %1, {"function 0, called through a register, ", %2}
    lea ebp, [CODE + 0x20]
    call ebp
    dec eax
    same eax, %1, {"function 20H, called through a register, ", %2}
%endmacro

; One page, two linear addresses: both run it, both change it; the physical address does, too.
by_alias:
    map CODE, FIRST, PAGE_ALL
    map ALIAS, FIRST, PAGE_ALL
    mov ecx, TURNS
.loop:
    mov [ALIAS + 1], ecx
    mov [ALIAS + 0x81], ecx
    call_all ecx, "written through an alias"
    call ALIAS
    same eax, ecx, "run at the alias"
    not ecx
    mov [CODE + 1], ecx
    call ALIAS
    same eax, ecx, "run at the alias, written at its other address"
    mov [FIRST + 0x81], ecx
    call ALIAS + 0x20
    dec eax
    same eax, ecx, "run at the alias, written at its physical address"
    call FIRST + 0x20
    dec eax
    same eax, ecx, "run at the physical address"
    not ecx
    dec ecx
    jnz .loop
    unmap ALIAS
    call write_functions
    ret

; The page changes under its linear address.
by_invlpg:
    map NEXT, FIRST + 0x1000, PAGE_ALL
    mov ecx, 500
.loop:
    map CODE, SECOND, PAGE_ALL
    call_all 2000, "after INVLPG"
    map CODE, FIRST, PAGE_ALL
    call_all 1000, "after INVLPG back"
    dec ecx
    jnz .loop
    ret

by_cr3:
    mov ecx, 500
.loop:
    mov dword [PTE(CODE)], SECOND + PAGE_ALL
    reload_cr3
    call_all 2000, "after a CR3 write"
    mov dword [PTE(CODE)], FIRST + PAGE_ALL
    reload_cr3
    call_all 1000, "after a CR3 write back"
    dec ecx
    jnz .loop
    ret

; Another table in the directory entry.
by_directory:
    mov esi, TABLE
    mov edi, TABLE2
    mov ecx, 1024
    rep movsd
    mov dword [PTE(CODE) - TABLE + TABLE2], SECOND + PAGE_ALL
    mov ecx, 500
.loop:
    mov dword [DIRECTORY + 4], TABLE2 + PAGE_ALL
    reload_cr3
    call_all 2000, "after the directory changed"
    mov dword [DIRECTORY + 4], TABLE + PAGE_ALL
    invlpg [CODE]               ; it drops entries for directories, too
    call_all 1000, "after the directory changed back"
    dec ecx
    jnz .loop
    ret

; Only the second page of a jump, and of an instruction across the border, changes.
across_border:
    mov byte [FIRST + 0xffd], 0xb8      ; MOV EAX, with two bytes of its operand behind
    mov word [FIRST + 0xffe], 0x1234
    mov dword [FIRST + 0x1000], 0x90c30001
    mov dword [SECOND + 0x1000], 0x90c30002
    mov ecx, TURNS
.loop:
    map NEXT, FIRST + 0x1000, PAGE_ALL
    call CODE + 0xffd
    same eax, 0x00011234, "an instruction across the border, first page behind"
    call CODE + 0x60
    same eax, 1000, "a jump across the border, first page behind"
    map NEXT, SECOND + 0x1000, PAGE_ALL
    call CODE + 0xffd
    same eax, 0x00021234, "an instruction across the border, second page behind"
    call CODE + 0x60
    same eax, 2000, "a jump across the border, second page behind"
    dec ecx
    jnz .loop
    call write_functions
    ret

; The callee remaps the page that its caller lies in.
return_into_remapped:
    mov eax, .callee
    mov edi, FIRST
    call .write_caller
    mov edi, SECOND
    call .write_caller
    mov dword [FIRST + 0x206], 1000
    mov dword [SECOND + 0x206], 2000
    mov ecx, TURNS
.loop:
    map CODE, FIRST, PAGE_ALL
    mov edi, SECOND + PAGE_ALL
    call CODE + 0x200
    same eax, 2000, "a return into a page that was remapped"
    mov edi, FIRST + PAGE_ALL
    call CODE + 0x200
    same eax, 1000, "a return into a page that was remapped back"
    dec ecx
    jnz .loop
    ret
.write_caller:                  ; CALL .callee; MOV EAX, imm32; RET
    mov byte [edi + 0x200], 0xe8
    mov dword [edi + 0x201], .callee - (CODE + 0x205)
    mov byte [edi + 0x205], 0xb8
    mov byte [edi + 0x20a], 0xc3
    ret
.callee:
    mov [PTE(CODE)], edi
    invlpg [CODE]
    ret

; Two directories: CODE is FIRST in one, SECOND in the other. Everything else is the same.
two_spaces:
    map NEXT, FIRST + 0x1000, PAGE_ALL
    map CODE, FIRST, PAGE_ALL
    mov esi, DIRECTORY
    mov edi, DIRECTORY2
    mov ecx, 1024
    rep movsd
    mov esi, TABLE
    mov edi, TABLE2
    mov ecx, 1024
    rep movsd
    mov dword [PTE(CODE) - TABLE + TABLE2], SECOND + PAGE_ALL
    mov dword [DIRECTORY2 + 4], TABLE2 + PAGE_ALL
    mov ebx, DIRECTORY
    mov edi, DIRECTORY2
    mov ecx, TURNS
.loop:
    mov cr3, edi
    call_all 2000, "in the second address space"
    mov cr3, ebx
    call_all 1000, "in the first address space"
    test cl, 63
    jnz .next
    inc dword [CODE + 1]        ; a store that both must not see
    call CODE
    same eax, 1001, "in the first address space, changed"
    mov cr3, edi
    call CODE
    same eax, 2000, "in the second address space, not changed"
    inc dword [CODE + 1]
    call CODE
    same eax, 2001, "in the second address space, changed"
    dec dword [CODE + 1]
    mov cr3, ebx
    dec dword [CODE + 1]
.next:
    dec ecx
    jnz .loop
    ret

; CALL in one address space, RET in the other, to the same linear address with other code.
return_across_spaces:
    mov edi, FIRST
    call .write_caller
    mov edi, SECOND
    call .write_caller
    mov dword [FIRST + 0x206], 1000
    mov dword [SECOND + 0x206], 2000
    mov ebx, DIRECTORY
    mov edi, DIRECTORY2
    mov ecx, TURNS
.loop:
    call CODE + 0x200           ; ends in DIRECTORY2
    same eax, 2000, "a return into the second address space"
    mov eax, cr3
    same eax, DIRECTORY2, "CR3"
    call CODE + 0x200
    same eax, 1000, "a return into the first address space"
    test cl, 7
    jnz .next
    mov esi, 2                  ; the same address returned to twice, without and with a switch
    call CODE + 0x210
    same eax, 2001, "two returns, the second into the second address space"
    mov cr3, ebx
.next:
    dec ecx
    jnz .loop
    ret
.write_caller:                  ; CALL .callee; MOV EAX, imm32; RET; at 210H: CALL .nested, JMP 205H with one more
    mov byte [edi + 0x200], 0xe8
    mov dword [edi + 0x201], .callee - (CODE + 0x205)
    mov byte [edi + 0x205], 0xb8
    mov byte [edi + 0x20a], 0xc3
    mov byte [edi + 0x210], 0xe8
    mov dword [edi + 0x211], .nested - (CODE + 0x215)
    mov byte [edi + 0x215], 0xe8
    mov dword [edi + 0x216], 0x205 - 0x21a
    mov word [edi + 0x21a], 0xc340      ; INC EAX, RET
    ret
.callee:
    mov eax, cr3
    xor eax, DIRECTORY ^ DIRECTORY2
    mov cr3, eax
    ret
.nested:
    mov eax, 1
    call .plain
    call .callee
    ret
.plain:
    ret

; An indirect jump with one target address and alternating address spaces; the jump itself is shared code.
jump_across_spaces:
    mov byte [FIRST + 0x300], 0xb8      ; MOV EAX, imm32; JMP EBP
    mov byte [SECOND + 0x300], 0xb8
    mov dword [FIRST + 0x301], 1000
    mov dword [SECOND + 0x301], 2000
    mov word [FIRST + 0x305], 0xe5ff
    mov word [SECOND + 0x305], 0xe5ff
    mov ebp, .back
    mov esi, CODE + 0x300
    mov edx, 1000
    mov ecx, TURNS
.loop:
    jmp esi
.back:
    same eax, edx, "an indirect jump after a CR3 write"
    mov eax, cr3
    xor eax, DIRECTORY ^ DIRECTORY2
    mov cr3, eax
    xor edx, 1000 ^ 2000
    dec ecx
    jnz .loop
    mov eax, DIRECTORY
    mov cr3, eax
    ret

; A task of level 3 writes the function that the kernel calls next, and the kernel the one that the task calls.
by_user:
    map CODE, FIRST, PAGE_ALL
    mov ecx, 500
.loop:
    mov [user_value], ecx
    run_user .task
    call_all ecx, "written at level 3"
    lea edx, [ecx + 5]
    mov [CODE + 0x81], edx
    mov [CODE + 1], edx
    run_user .task_runs
    same [user_eax], edx, "a function run at level 3, written at level 0"
    dec ecx
    jnz .loop
    ret
.task:
    mov eax, [user_value]
    mov [CODE + 1], eax
    mov [CODE + 0x81], eax
    int 0x80
.task_runs:
    call CODE + 0x40
    int 0x80

; The user runs a page that only the kernel may write, and only through another address.
read_only_to_user:
    map CODE, SECOND, PAGE_U | PAGE_P
    map ALIAS, SECOND, PAGE_W | PAGE_P
    mov ecx, 500
.loop:
    mov [ALIAS + 1], ecx
    run_user .task
    same [user_eax], ecx, "a function in a read-only page, written through an alias"
    dec ecx
    jnz .loop
    expect_fault EXC_PF, 3, mov [CODE + 1], eax
    run_user .task
    expect [user_eax], 1, "a function that could not be written"
    ret
.task:
    call CODE
    int 0x80

section .data
user_value: dd 0
section .text
