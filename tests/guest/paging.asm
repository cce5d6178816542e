; Two-level paging: translation, accessed and dirty bits, rights, WP, large pages, error codes (SDM 3A 4.3, 4.6 to 4.8).
;
; Expect: status 33, output "PASS paging"
%include "guest.inc"
%include "user.inc"
test_name "paging"

DIRECTORY equ 0x200000
TABLE     equ 0x201000          ; maps 4 to 8 MiB
PAGE      equ 0x400000
P   equ 0x001
W   equ 0x002
U   equ 0x004
A   equ 0x020
D   equ 0x040
PS  equ 0x080
PTE equ TABLE                   ; of PAGE

main:
    call install_exceptions
    call install_tss
    call build_tables
    call translation
    call accessed_and_dirty
    call supervisor_rights
    call user_rights
    call large_pages
    call wild_addresses
    ret

; The first 4 MiB by one large page that users may use, the next 4 MiB by TABLE.
build_tables:
    clear_tables DIRECTORY
    mov dword [DIRECTORY], PS | U | W | P
    mov dword [DIRECTORY + 4], TABLE + (U | W | P)
    mov dword [0x500000], 0x50505050
    mov dword [0x501000], 0x51515151
    start_paging DIRECTORY, 0x80000000
    ret

; map FLAGS: PAGE shows physical 500000H.
%macro map 1
    mov dword [PTE], 0x500000 + (%1)
    invlpg [PAGE]
%endmacro

%macro expect_entry 2
    push eax
    mov eax, [PTE]
    and eax, 0xfff
    expect eax, %1, %2
    pop eax
%endmacro

translation:
    expect_fault EXC_PF, 0, mov eax, [PAGE + 0x123]
    expect [fault_cr2], PAGE + 0x123, "CR2 of a read"
    expect_fault EXC_PF, 2, mov [PAGE + 0x124], eax
    expect [fault_cr2], PAGE + 0x124, "CR2 of a write"
    map U | W | P
    expect [PAGE], 0x50505050, "the mapped page"
    mov dword [PTE], 0x501000 + (U | W | P)
    invlpg [PAGE]
    expect [PAGE], 0x51515151, "the page mapped instead, after INVLPG"
    mov dword [PTE], 0x500000 + (U | W | P)
    mov eax, cr3
    mov cr3, eax
    expect [PAGE], 0x50505050, "the first page again, after a CR3 write"
    ret

accessed_and_dirty:
    and dword [DIRECTORY + 4], ~A
    mov eax, cr3
    mov cr3, eax
    map U | W | P
    expect_entry U | W | P, "an entry not used yet"
    mov eax, [PAGE]
    expect_entry A | U | W | P, "an entry after a read"
    mov eax, [DIRECTORY + 4]
    and eax, 0xfff
    expect eax, A | U | W | P, "the directory entry after a read"
    mov [PAGE], eax
    expect_entry D | A | U | W | P, "an entry after a write"
    map A | U | P               ; read-only, as CR0.WP is clear the write goes through
    mov [PAGE], eax
    expect_entry D | A | U | P, "a read-only entry after a supervisor write without WP"
    map W                       ; not present: nothing may be set
    expect_fault EXC_PF, 2, mov [PAGE], eax
    expect_entry W, "a not-present entry after a fault"
    ret

supervisor_rights:
    mov eax, cr0
    or eax, 0x10000             ; WP
    mov cr0, eax
    map P
    expect_fault EXC_PF, 3, mov [PAGE], eax
    expect_entry P, "a read-only entry after a refused write"
    expect_no_fault mov eax, [PAGE]
    map W | P
    and dword [DIRECTORY + 4], ~W
    mov eax, cr3
    mov cr3, eax
    expect_fault EXC_PF, 3, mov [PAGE], eax     ; both levels must allow it
    or dword [DIRECTORY + 4], W
    mov eax, cr3
    mov cr3, eax
    expect_no_fault mov [PAGE], eax
    mov eax, cr0
    and eax, ~0x10000
    mov cr0, eax
    ret

user_rights:
    map W | P
    run_user supervisor_page
    map U | P
    run_user read_only_page
    map U | W | P
    run_user open_page
    and dword [DIRECTORY + 4], ~U
    mov eax, cr3
    mov cr3, eax
    run_user supervisor_page
    or dword [DIRECTORY + 4], U
    mov dword [PTE], 0
    mov eax, cr3
    mov cr3, eax
    run_user missing_page
    ret

supervisor_page:
    expect_fault EXC_PF, 5, mov eax, [PAGE]
    expect_fault EXC_PF, 7, mov [PAGE], eax
    expect_fault_sdm EXC_PF, 7, add [PAGE], eax     ; read-modify-write counts as a write
    int 0x80
read_only_page:
    expect_no_fault mov eax, [PAGE]
    expect_fault EXC_PF, 7, mov [PAGE], eax
    expect_fault_sdm EXC_PF, 7, cmpxchg [PAGE], ecx ; writes always
    int 0x80
open_page:
    expect_no_fault mov [PAGE], eax
    int 0x80
missing_page:
    expect_fault EXC_PF, 4, mov eax, [PAGE]
    expect_fault EXC_PF, 6, mov [PAGE], eax
    mov dword [resume_at], .after
    jmp PAGE + 0x10             ; a fetch: the fault is at the target
.after:
    expect [fault_error], 4, "error code of a fetch"
    expect [fault_eip], PAGE + 0x10, "saved EIP of a fetch"
    expect [fault_cr2], PAGE + 0x10, "CR2 of a fetch"
    int 0x80

; A 4-MiB page at 8 MiB onto physical 4 MiB; bits 21:13 of its entry are reserved (with 40-bit PSE: 21 only).
large_pages:
    map W | P
    mov dword [PAGE], 0x50505050
    mov dword [DIRECTORY + 8], 0x400000 + (PS | W | P)
    expect [0x900000], 0x50505050, "through a large page"
    mov eax, [DIRECTORY + 8]
    and eax, 0xfff
    expect eax, PS | A | W | P, "a large entry after a read"
    mov byte [0x900010], 1
    mov eax, [DIRECTORY + 8]
    and eax, 0xfff
    expect eax, PS | D | A | W | P, "a large entry after a write"
    mov dword [DIRECTORY + 12], 0x400000 + (1 << 21) + (PS | W | P)
    expect_fault_sdm EXC_PF, 9, mov eax, [0xc00000]
    mov eax, cr4
    and eax, ~0x10              ; without PSE bit 7 is ignored and the entry names a table: the one at 400000H
    call switch_pse
    mov eax, cr4
    or eax, 0x10
    mov cr4, eax
    ret

; The first 4 MiB need a table while PSE is off.
switch_pse:
    pushad
    mov edi, 0x202000
    mov ebx, U | W | P
.fill:
    mov [edi], ebx
    add edi, 4
    add ebx, 0x1000
    cmp edi, 0x203000
    jne .fill
    mov dword [DIRECTORY], 0x202000 + (U | W | P)
    mov dword [PTE], 0x400000 + (W | P)
    mov ebx, cr3
    mov cr3, ebx
    mov dword [PAGE + 4], 0x501000 + (W | P)    ; entry 1 of the table that lies at 400000H
    mov cr4, eax
    mov dword [DIRECTORY + 8], 0x400000 + (PS | W | P)
    mov ebx, cr3
    mov cr3, ebx
    expect [0x801000], 0x51515151, "bit 7 of a directory entry without PSE"
    popad
    ret

; Linear addresses wrap at 4 GiB; a word across two pages faults on the page that is missing.
wild_addresses:
    mov dword [PTE], 0x500000 + (W | P)
    mov dword [PTE + 4], 0
    mov eax, cr3
    mov cr3, eax
    expect_fault EXC_PF, 2, mov [PAGE + 0xffe], eax
    expect [fault_cr2], PAGE + 0x1000, "CR2 of a write across the end of a page"
    expect [PAGE + 0xffc], 0, "nothing was written"
    mov dword [PTE], 0
    mov dword [PTE + 4], 0x501000 + (W | P)
    invlpg [PAGE]
    expect_fault EXC_PF, 2, mov [PAGE + 0xffe], eax
    expect [fault_cr2], PAGE + 0xffe, "CR2 of a write across the start of a page"
    mov ebx, 0xfffff000
    expect_fault EXC_PF, 0, mov eax, [ebx]
    expect [fault_cr2], 0xfffff000, "CR2 near the end of the address space"
    lea ecx, [PAGE + 0x1000]
    expect_no_fault mov eax, [ebx + ecx + 0x1000]
    ret
