; PAE paging: three levels, 2-MiB pages, NX, reserved bits, the four page-directory-pointer registers (SDM 3A 4.4, 4.6).
; Passes at once where CPUID has no PAE; the NX part needs CPUID.80000001H:EDX.20.
;
; Expect: status 33, output "PASS pae"
%include "guest.inc"
%include "user.inc"
test_name "pae"

POINTERS  equ 0x200020          ; 32-byte aligned is enough
DIRECTORY equ 0x201000
TABLE     equ 0x202000          ; maps 4 to 6 MiB
PAGE      equ 0x400000
PTE       equ TABLE
P  equ 1
W  equ 2
U  equ 4
A  equ 0x20
D  equ 0x40
PS equ 0x80
NX equ 0x80000000               ; in the upper half

main:
    mov eax, 1
    cpuid
    test edx, 1 << 6
    jz .done
    call install_exceptions
    call install_tss
    call build_tables
    call translation
    call reserved_bits
%ifndef QEMU_TCG                    ; has no such registers, it reads the entries whenever it walks
    call pointer_registers
%endif
    call no_execute
.done:
    ret

build_tables:
    mov edi, 0x200000
    mov ecx, 0x3000 / 4
    xor eax, eax
    rep stosd
    mov dword [POINTERS], DIRECTORY + P
    mov dword [DIRECTORY], PS | U | W | P                   ; 0 to 4 MiB by two large pages
    mov dword [DIRECTORY + 8], 0x200000 + (PS | U | W | P)
    mov dword [DIRECTORY + 16], TABLE + (U | W | P)
    mov dword [0x500000], 0x50505050
    mov dword [0x540000], 0xc3      ; RET, for the NX test
    mov eax, cr4
    or eax, 0x20                    ; PAE
    mov cr4, eax
    mov eax, POINTERS
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80010000              ; PG, WP
    mov cr0, eax
    ret

%macro map 2                        ; LOW, HIGH
    mov dword [PTE], %1
    mov dword [PTE + 4], %2
    invlpg [PAGE]
%endmacro

translation:
    expect_fault EXC_PF, 0, mov eax, [PAGE]
    map 0x500000 + (U | P), 0
    expect [PAGE], 0x50505050, "through a 4-KiB page"
    mov eax, [PTE]
    and eax, 0xfff
    expect eax, A | U | P, "an entry after a read"
    expect_fault EXC_PF, 3, mov [PAGE], eax
    map 0x500000 + (U | W | P), 0
    mov [PAGE], dword 0x12345678
    mov eax, [PTE]
    and eax, 0xfff
    expect eax, D | A | U | W | P, "an entry after a write"
    expect [0x500000 - 0x500000 + PAGE], 0x12345678, "what was written"
    mov dword [DIRECTORY + 24], 0x400000 + (PS | W | P)     ; 6 MiB onto 4 MiB
    expect [0x700000], 0x12345678, "through a 2-MiB page"
    mov eax, [DIRECTORY + 24]
    and eax, 0xfff
    expect eax, PS | A | W | P, "a large entry after a read"
    ret

reserved_bits:
    map 0x500000 + P, 0x40000000    ; bit 62 is reserved on every processor of this kind
    expect_fault_sdm EXC_PF, 9, mov eax, [PAGE]
    expect_fault_sdm EXC_PF, 11, mov [PAGE], eax
    map 0x500000, 0x40000000        ; not present: nothing else counts
    expect_fault EXC_PF, 0, mov eax, [PAGE]
    mov dword [DIRECTORY + 32], 0x402000 + (PS | W | P)     ; bit 13 of a large page
    expect_fault_sdm EXC_PF, 9, mov eax, [0x800000]
    ret

; The four pointer entries are read by MOV CR3 and checked there (SDM 3A 4.4.1).
pointer_registers:
    mov dword [POINTERS], 0         ; no effect until CR3 is written
    invlpg [PAGE]
    map 0x500000 + (W | P), 0
    expect [PAGE], 0x12345678, "the old pointer register"
    mov dword [POINTERS], DIRECTORY + P
    mov dword [POINTERS + 8], DIRECTORY + W + P             ; bit 1 is reserved
    mov eax, POINTERS
    expect_fault EXC_GP, 0, mov cr3, eax
    expect [PAGE], 0x12345678, "translation after a refused CR3 write"
    mov dword [POINTERS + 8], DIRECTORY + W                 ; not present: not checked
    expect_no_fault mov cr3, eax
    expect_fault EXC_PF, 0, mov ebx, [0x40000000]
    mov dword [POINTERS + 8], DIRECTORY + P
    mov cr3, eax
    expect [0x40000000 + PAGE], 0x12345678, "the second gibibyte"
    ret

no_execute:
    mov eax, 0x80000001
    cpuid
    test edx, 1 << 20
    jz .done
    map 0x540000 + (U | P), 0
    call PAGE
    map 0x540000 + (U | P), NX      ; without EFER.NXE bit 63 is reserved
    expect_fault_sdm EXC_PF, 9, mov eax, [PAGE]
    mov ecx, 0xc0000080
    rdmsr
    or eax, 1 << 11
    wrmsr
    map 0x540000 + (U | P), NX
    expect_no_fault mov eax, [PAGE]
    mov dword [resume_at], .fetched
    jmp PAGE
.fetched:
    expect [fault_vector], EXC_PF, "vector of a fetch from an NX page"
    expect [fault_error], 0x11, "error code of a fetch from an NX page"
    expect [fault_eip], PAGE, "saved EIP of a fetch from an NX page"
    run_user fetch_at_level_3
    map 0x540000, NX
    run_user fetch_missing
    mov dword [DIRECTORY + 20], NX  ; forbidden for the whole directory entry
    map 0x540000 + (U | P), 0
    mov eax, cr3
    mov cr3, eax
    run_user fetch_at_level_3
.done:
    ret

fetch_at_level_3:
    mov dword [resume_at], .fetched
    jmp PAGE
.fetched:
    expect [fault_error], 0x15, "error code of a user fetch from an NX page"
    int 0x80
fetch_missing:
    mov dword [resume_at], .fetched
    jmp PAGE
.fetched:
    expect [fault_error], 0x14, "error code of a user fetch from a missing page"
    int 0x80
