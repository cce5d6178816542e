; Code that is written while it runs: the processor notices stores to what it is about to execute, through whatever
; linear address (SDM 3A 9.1.3, 12.6).
;
; Expect: status 33, output "PASS self_modifying"
%include "guest.inc"
%include "exceptions.inc"
test_name "self_modifying"

DIRECTORY equ 0x200000
TABLE     equ 0x201000
ALIAS     equ 0x400000
CODE      equ SCRATCH

main:
    call install_exceptions
    call next_instruction
    call hot_loop
    call string_over_own_path
    call across_pages
    call by_alias
    call remapped
    ret

; The store hits the immediate of an instruction just ahead; one jump lies between.
next_instruction:
    mov dword [.patched + 1], 0x22222222
    jmp .patched
.patched:
    mov eax, 0x11111111
    expect eax, 0x22222222, "an immediate written before"
    mov byte [.same_line + 1], 0x33
.same_line:
    mov al, 0x11
    and eax, 0xff
    expect eax, 0x33, "an immediate written by the instruction before"
    ret

; A loop that has run many times changes its own increment.
hot_loop:
    xor eax, eax
    mov ecx, 10000
.loop:
.add:
    add eax, 1
    cmp ecx, 5001
    jne .keep
    mov byte [.add + 2], 3
.keep:
    loop .loop
    expect eax, 5000 + 3 * 5000, "the sum of a loop that changed itself"
    ret

; REP STOSB runs over the instructions behind itself.
string_over_own_path:
    mov edi, .victims
    mov ecx, 4
    mov al, 0x40                ; INC EAX
    xor edx, edx
    rep stosb
    xor eax, eax
    jmp .victims
.victims:
    times 4 nop
    expect eax, 4, "INC instructions written by REP STOSB"
    ret

; An instruction that lies across two pages, changed in its second one.
across_pages:
    mov edi, CODE + 0xffd
    mov byte [edi], 0xb8        ; MOV EAX, imm32
    mov dword [edi + 1], 0x01010101
    mov byte [edi + 5], 0xc3
    call edi
    expect eax, 0x01010101, "across pages"
    mov byte [edi + 4], 0x02
    call edi
    expect eax, 0x02010101, "across pages, changed in the second"
    mov byte [edi + 1], 0x03
    call edi
    expect eax, 0x02010103, "across pages, changed in the first"
    ret

; The same page under a second linear address.
by_alias:
    clear_tables DIRECTORY
    mov dword [DIRECTORY], 0x83
    mov dword [DIRECTORY + 4], TABLE + 3
    mov dword [TABLE], CODE + 3
    start_paging DIRECTORY, 0x80000000
    mov byte [CODE], 0xb8
    mov dword [CODE + 1], 1
    mov byte [CODE + 5], 0xc3
    mov edi, CODE
    mov ecx, 100
.warm:
    call edi
    loop .warm
    mov dword [ALIAS + 1], 2
    call edi
    expect eax, 2, "code changed through another address"
    mov edi, ALIAS
    call edi
    mov dword [CODE + 1], 3
    call edi
    expect eax, 3, "code run through another address"
    ret

; Another page under the same linear address.
remapped:
    mov dword [CODE + 0x2000], 0x4b8        ; MOV EAX, 4
    mov word [CODE + 0x2004], 0xc300
    mov edi, ALIAS
    call edi
    expect eax, 3, "before the mapping changes"
    mov dword [TABLE], CODE + 0x2000 + 3
    invlpg [ALIAS]
    call edi
    expect eax, 4, "after the mapping changed"
    ret
