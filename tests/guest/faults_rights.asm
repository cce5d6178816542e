; Rights and the accessed and dirty bits while they change under hot code (SDM 3A 4.6, 4.7, 4.8, 4.10.4, 5.11.4).
;
; Attacks: mappings of one privilege level used by the other, a host mapping that is writable for longer than the
; guest's, D set too early or never, A not set again after the guest cleared it, jumps and returns of level 3 that find
; translations or predictions which level 0 left.
;
; Expect: status 33, output "PASS faults_rights"
%include "guest.inc"
%include "probe.inc"
%include "pages.inc"
%include "hot.inc"
test_name "faults_rights"

PAGE  equ 0x400000
CODE  equ 0x401000              ; of the supervisor
LARGE equ 0x800000              ; 4 MiB onto physical 0
ROUNDS equ 500

main:
    call install_exceptions
    call install_tss
    call install_probes
    call install_pages
    map PAGE, FRAME(0), PAGE_ALL
    call same_code_both_levels
    call accessed_and_dirty
    call dirty_by_level
    call large_page
    call write_protect
    call read_only_and_back
    call supervisor_code
    call return_to_kernel_address
    call kernel_function
    ret

; probe ENTRY, "text": at level 3 with default registers.
%macro user_probe 2
    section .data
%%text: db %2, 0
    section .text
    mov dword [probe_text], %%text
    mov dword [probe_entry], %1
    mov dword [probe_level], 3
    mov dword [probe_regs + regs.esp], PROBE_STACK
    mov dword [probe_flags], 2
    call run_probe
%endmacro

; refused ERROR, EIP, CR2, ESP
%macro refused 4
    check_seen [seen_vector], EXC_PF, "vector"
    check_seen [seen_error], %1, "error code"
    check_seen [seen_eip], %2, "saved EIP"
    check_seen [seen_cr2], %3, "CR2"
    check_seen [seen_regs + regs.esp], %4, "ESP"
%endmacro
%macro allowed 0
    check_seen [seen_vector], NO_ERROR, "vector"
%endmacro

; One function, called at level 0, which may, and at level 3, which may not, in turn.
same_code_both_levels:
    mov ecx, ROUNDS
.loop:
    map PAGE, FRAME(0), PAGE_W | PAGE_P
    call touch
    user_probe .read, "reading a supervisor page"
    refused 5, touch.read, PAGE + 8, PROBE_STACK - 4
    call write
    user_probe .write, "writing a supervisor page"
    refused 7, write.write, PAGE + 8, PROBE_STACK - 4
    map PAGE, FRAME(0), PAGE_ALL
    user_probe .read, "reading an open page"
    allowed
    user_probe .write, "writing an open page"
    allowed
    map PAGE, FRAME(0), PAGE_U | PAGE_P
    user_probe .read, "reading a read-only page"
    allowed
    user_probe .write, "writing a read-only page"
    refused 7, write.write, PAGE + 8, PROBE_STACK - 4
    dec ecx
    jnz .loop
    ret
.read:
    call touch
    int 0x81
.write:
    call write
    int 0x81
touch:
.read:
    mov eax, [PAGE + 8]
    ret
write:
.write:
    mov [PAGE + 8], eax
    ret

%macro entry_bits 3             ; ENTRY, WANTED, "what"
    mov eax, [%1]
    and eax, PAGE_A | PAGE_D
    same eax, %2, %3
%endmacro

; Read, then written, over and over; A and D are cleared by the guest each time, by different means.
accessed_and_dirty:
    mov ecx, ROUNDS
.loop:
    map PAGE, FRAME(0), PAGE_ALL
    entry_bits PTE(PAGE), 0, "A and D before use"
    call touch
    entry_bits PTE(PAGE), PAGE_A, "A and D after a read"
    call touch
    entry_bits PTE(PAGE), PAGE_A, "A and D after another read"
    call write
    entry_bits PTE(PAGE), PAGE_A | PAGE_D, "A and D after a write"
    and dword [PTE(PAGE)], ~PAGE_D
    invlpg [PAGE]
    call touch
    entry_bits PTE(PAGE), PAGE_A, "D cleared, then a read"
    call write
    entry_bits PTE(PAGE), PAGE_A | PAGE_D, "D cleared, then a write"
    and dword [PTE(PAGE)], ~PAGE_A
    and dword [DIRECTORY + 4], ~PAGE_A
    reload_cr3
    call touch
    entry_bits PTE(PAGE), PAGE_A | PAGE_D, "A cleared, then a read"
    entry_bits DIRECTORY + 4, PAGE_A, "A of the directory entry"
    lock and dword [PTE(PAGE)], ~(PAGE_A | PAGE_D)
    reload_cr3
    add dword [PAGE], 0         ; a read-modify-write that changes nothing writes
    entry_bits PTE(PAGE), PAGE_A | PAGE_D, "A and D after ADD of zero"
    map PAGE, FRAME(0), PAGE_ALL
    mov eax, 1
    mov edx, 2
    mov dword [FRAME(0)], 3
    cmpxchg [PAGE], edx
    entry_bits PTE(PAGE), PAGE_A | PAGE_D, "A and D after a CMPXCHG that did not match"
    map PAGE, FRAME(0), PAGE_ALL
    mov esi, PAGE
    mov edi, FRAME(1)
    push ecx
    mov ecx, 16
    rep movsd
    pop ecx
    entry_bits PTE(PAGE), PAGE_A, "A and D after REP MOVS from the page"
    mov edi, PAGE
    push ecx
    xor ecx, ecx
    rep stosd
    pop ecx
    entry_bits PTE(PAGE), PAGE_A, "A and D after REP STOS of nothing"
    mov byte [FRAME(0) + 0x100], 0xc3
    map PAGE, FRAME(0), PAGE_ALL
    call PAGE + 0x100
    entry_bits PTE(PAGE), PAGE_A, "A and D after a fetch"
    dec ecx
    jnz .loop
    ret

; D must be set also when another level has read or written before.
dirty_by_level:
    mov ecx, ROUNDS
.loop:
    map PAGE, FRAME(0), PAGE_ALL
    user_probe same_code_both_levels.read, "a read"
    entry_bits PTE(PAGE), PAGE_A, "A and D after a read at level 3"
    call write
    entry_bits PTE(PAGE), PAGE_A | PAGE_D, "A and D after a write at level 0"
    and dword [PTE(PAGE)], ~PAGE_D
    invlpg [PAGE]
    call touch
    user_probe same_code_both_levels.write, "a write"
    entry_bits PTE(PAGE), PAGE_A | PAGE_D, "A and D after a write at level 3"
    dec ecx
    jnz .loop
    ret

large_page:
    mov ecx, ROUNDS
.loop:
    mov dword [DIRECTORY + 8], PAGE_PS | PAGE_W | PAGE_P
    reload_cr3
    mov eax, [LARGE + FRAME(0)]
    entry_bits DIRECTORY + 8, PAGE_A, "A and D of a large page after a read"
    mov [LARGE + FRAME(0) + 0x1000], ecx
    entry_bits DIRECTORY + 8, PAGE_A | PAGE_D, "A and D of a large page after a write"
    same [FRAME(0) + 0x1000], ecx, "what was written to the large page"
    dec ecx
    jnz .loop
    ret

; CR0.WP on and off around one store. Without WP a store of level 0 to a read-only page sets D; level 3 never may.
write_protect:
    mov ecx, ROUNDS
    mov dword [probe_text], .text
    mov dword [probe_regs + regs.esp], PROBE_STACK
.loop:
    map PAGE, FRAME(0), PAGE_U | PAGE_P
    mov eax, cr0
    and eax, ~0x10000
    mov cr0, eax
    mov dword [probe_level], 0
    mov dword [probe_entry], same_code_both_levels.write
    call run_probe
    allowed
    entry_bits PTE(PAGE), PAGE_A | PAGE_D, "A and D after a store without WP"
    user_probe same_code_both_levels.write, "a store at level 3 without WP"
    refused 7, write.write, PAGE + 8, PROBE_STACK - 4
    mov dword [probe_level], 0
    mov eax, cr0
    or eax, 0x10000
    mov cr0, eax
    call run_probe
    refused 3, write.write, PAGE + 8, PROBE_STACK - 4
    map PAGE, FRAME(0), PAGE_ALL
    call run_probe
    allowed
    dec ecx
    jnz .loop
    ret
.text: db "a store with and without CR0.WP", 0

; As for copy-on-write: after use the page becomes read-only, its fault makes it writable again or copies it.
read_only_and_back:
    mov ecx, ROUNDS
    mov dword [probe_resolver], .resolve
.loop:
    map PAGE, FRAME(0), PAGE_ALL
    mov [PAGE], ecx
    map PAGE, FRAME(0), PAGE_U | PAGE_P
    user_probe .increment, "copy on write"
    allowed
    same [seen_faults], 1, "faults of the copied page"
    lea edx, [ecx + 3]
    same [FRAME(1)], edx, "the copy, incremented three times"
    same [FRAME(0)], ecx, "the original"
    dec ecx
    jnz .loop
    mov dword [probe_resolver], 0
    ret
.increment:
    mov eax, [PAGE]
    inc dword [PAGE]
    inc dword [PAGE]
    sub eax, [PAGE]
    inc dword [PAGE]
    int 0x81
.resolve:
    copy_dwords FRAME(1), PAGE, 1024
    map PAGE, FRAME(1), PAGE_ALL
    ret

; Level 3 reaches for code of the supervisor in every way; level 0 has just run it.
supervisor_code:
    mov edi, FRAME(2)
    mov dword [edi], 0x90c34040     ; INC EAX, INC EAX, RET
    map CODE, FRAME(2), PAGE_W | PAGE_P
    mov dword [pointer], CODE
    mov ecx, ROUNDS
.loop:
    xor eax, eax
    call CODE
    same eax, 2, "supervisor code at level 0"
    user_probe .jump, "JMP to the supervisor"
    refused 5, CODE, CODE, PROBE_STACK
    user_probe .call, "CALL of the supervisor"
    refused 5, CODE, CODE, PROBE_STACK - 4
    same [PROBE_STACK - 4], .behind_call, "return address pushed by that CALL"
    user_probe .jump_indirect, "JMP r32 to the supervisor"
    refused 5, CODE, CODE, PROBE_STACK
    user_probe .jump_memory, "JMP m32 to the supervisor"
    refused 5, CODE, CODE, PROBE_STACK
    user_probe .call_memory, "CALL m32 of the supervisor"
    refused 5, CODE, CODE, PROBE_STACK - 4
    user_probe .conditional, "JZ to the supervisor"
    refused 5, CODE, CODE, PROBE_STACK
    user_probe .return, "RET to the supervisor"
    refused 5, CODE, CODE, PROBE_STACK
    user_probe CODE, "JMP m32 to the supervisor, from shared code"
    refused 5, CODE, CODE, PROBE_STACK
    test cl, 3
    jnz .next
    map CODE, FRAME(2), PAGE_ALL
    user_probe .call, "CALL of code that was opened"
    allowed
    map CODE, FRAME(2), PAGE_W | PAGE_P
.next:
    dec ecx
    jnz .loop
    ret
.jump:
    jmp CODE
.call:
    call CODE
.behind_call:
    int 0x81
.jump_indirect:
    mov edx, CODE
    jmp edx
.jump_memory:
    jmp [pointer]
.call_memory:
    call [pointer]
    int 0x81
.conditional:
    cmp eax, eax
    jz CODE
    int 0x81
.return:
    push dword CODE
    ret

; The kernel calls the probe from the supervisor's page, so that its return address is there; level 3 returns to it.
return_to_kernel_address:
    mov byte [FRAME(2)], 0xe8       ; CALL run_probe; RET
    mov dword [FRAME(2) + 1], run_probe - (CODE + 5)
    mov byte [FRAME(2) + 5], 0xc3
    map CODE, FRAME(2), PAGE_W | PAGE_P
    mov dword [probe_text], .text
    mov dword [probe_entry], .user
    mov ecx, TURNS
.loop:
    call CODE
    refused 5, CODE + 5, CODE + 5, PROBE_STACK
    dec ecx
    jnz .loop
    ret
.user:
    push dword CODE + 5
    ret
.text: db "RET to the address that the kernel will return to", 0

; The same return address, in a page that both may run: level 3 must run it as level 3.
kernel_function:
    mov byte [FRAME(2) + 5], 0xfa   ; CLI; RET
    mov byte [FRAME(2) + 6], 0xc3
    map CODE, FRAME(2), PAGE_ALL
    mov dword [probe_text], return_to_kernel_address.text
    mov ecx, TURNS
.loop:
    call CODE
    check_seen [seen_vector], EXC_GP, "vector of CLI at level 3"
    check_seen [seen_eip], CODE + 5, "EIP of CLI at level 3"
    dec ecx
    jnz .loop
    ret

section .data
pointer: dd 0
section .text
