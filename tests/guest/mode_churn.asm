; Control registers that change hundreds of times under code that is hot (SDM 3A 2.5, 4.1.1, 4.3, 4.4, 4.10.4, 2.7 for
; TS; 3A 9.9 for switches of mode; 3A 6.15 #NM, #AC).
;
; Attacks: translations and mappings made under another paging mode, flags of CR0 and CR4 folded into emitted code, the
; FPU's lazy switch, global pages.
;
; Expect: status 33, output "PASS mode_churn"
%include "guest.inc"
%include "user.inc"
%include "real.inc"
%include "pages.inc"
%include "hot.inc"
test_name "mode_churn"

PAGE     equ 0x400000           ; physical memory without paging, FRAME(0) or FRAME(1) with it
CODE     equ 0x401000
LOW_TABLE equ 0x203000          ; 0 to 4 MiB by small pages
POINTERS equ 0x204020
PAE_DIRECTORY equ 0x205000
PAE_TABLE equ 0x206000
ROUNDS   equ 500
PG equ 0x80000000
WP equ 0x10000
TS equ 8
EM equ 4
MP equ 2

main:
    call install_exceptions
    call install_tss
    call install_real
    call install_pages
    fninit
    call paging_on_and_off
    call page_size_extension
    call global_pages
    call physical_address_extension
    call task_switched
    call emulation
    call vector_support
    call time_stamp
    call alignment
    call real_and_protected
    ret

%macro set_bits 2               ; CONTROL REGISTER, BITS
    mov eax, %1
    or eax, %2
    mov %1, eax
%endmacro
%macro clear_bits 2
    mov eax, %1
    and eax, ~(%2)
    mov %1, eax
%endmacro

; Data and code at one linear address, with and without paging.
write_constant:                 ; at EDI a function that returns EAX
    mov byte [edi], 0xb8
    mov [edi + 1], eax
    mov byte [edi + 5], 0xc3
    ret

paging_on_and_off:
    clear_bits cr0, PG
    mov eax, 1
    mov edi, CODE
    call write_constant
    mov eax, 2
    mov edi, FRAME(1)
    call write_constant
    mov dword [PAGE], 0x11
    mov dword [FRAME(0)], 0x22
    mov dword [PTE(PAGE)], FRAME(0) + PAGE_ALL
    mov dword [PTE(CODE)], FRAME(1) + PAGE_ALL
    mov ecx, ROUNDS
.loop:
    call CODE
    same eax, 1, "code without paging"
    same [PAGE], 0x11, "data without paging"
    set_bits cr0, PG
    call CODE
    same eax, 2, "code with paging"
    same [PAGE], 0x22, "data with paging"
    call .switch_inside
    dec ecx
    jnz .loop
    set_bits cr0, PG
    ret
.switch_inside:                 ; off within one function: the return is into the same code
    clear_bits cr0, PG
    ret

; Bit 7 of a directory entry is a page size with CR4.PSE and nothing without: at 8 MiB.
page_size_extension:
    mov edi, LOW_TABLE
    mov eax, PAGE_ALL
.fill:
    stosd
    add eax, 0x1000
    cmp edi, LOW_TABLE + 0x1000
    jne .fill
    mov dword [DIRECTORY], LOW_TABLE + PAGE_ALL
    mov dword [DIRECTORY + 8], PAGE_PS + PAGE_ALL   ; physical 0; without PSE the table at 0
    mov dword [0], FRAME(0) + PAGE_ALL              ; its first entry
    reload_cr3
    mov dword [FRAME(0)], 0x77
    mov ecx, ROUNDS
.loop:
    mov dword [0], FRAME(0) + PAGE_ALL
    mov eax, [0x800000]
    same eax, FRAME(0) + PAGE_ALL, "8 MiB by a large page"
    clear_bits cr4, 0x10
    mov eax, [0x800000]
    same eax, 0x77, "8 MiB by a table"
    set_bits cr4, 0x10
    dec ecx
    jnz .loop
    mov dword [DIRECTORY], PAGE_PS | PAGE_ALL
    mov dword [DIRECTORY + 8], 0
    reload_cr3
    ret

; A global entry may outlive a CR3 write; INVLPG and a change of CR4.PGE end it for certain.
global_pages:
    mov eax, 1
    cpuid
    test edx, 1 << 13
    jz .done
    mov dword [FRAME(0)], 0x10
    mov dword [FRAME(2)], 0x12
    mov ecx, ROUNDS
.loop:
    set_bits cr4, 0x80
    map PAGE, FRAME(0), PAGE_ALL | 0x100
    same [PAGE], 0x10, "a global page"
    reload_cr3
    same [PAGE], 0x10, "a global page behind a CR3 write"
    mov dword [PTE(PAGE)], FRAME(2) + PAGE_ALL + 0x100
    clear_bits cr4, 0x80
    same [PAGE], 0x12, "a global page, changed, after PGE was cleared"
    mov dword [PTE(PAGE)], FRAME(0) + PAGE_ALL + 0x100
    invlpg [PAGE]
    same [PAGE], 0x10, "a global page, changed, after INVLPG"
    dec ecx
    jnz .loop
.done:
    ret

; Two-level and PAE paging in turn, with different frames at PAGE and CODE.
physical_address_extension:
    mov edi, POINTERS & ~0xfff
    mov ecx, 0x3000 / 4
    xor eax, eax
    rep stosd
    mov dword [POINTERS], PAE_DIRECTORY + PAGE_P
    mov dword [PAE_DIRECTORY], PAGE_PS + PAGE_ALL
    mov dword [PAE_DIRECTORY + 8], 0x200000 + PAGE_PS + PAGE_ALL
    mov dword [PAE_DIRECTORY + 16], PAE_TABLE + PAGE_ALL
    mov dword [PAE_TABLE], FRAME(2) + PAGE_ALL
    mov dword [PAE_TABLE + 8], FRAME(3) + PAGE_ALL
    map PAGE, FRAME(0), PAGE_ALL
    map CODE, FRAME(1), PAGE_ALL
    mov dword [FRAME(0)], 0x22
    mov dword [FRAME(2)], 0x33
    mov eax, 3
    mov edi, FRAME(3)
    call write_constant
    mov ecx, ROUNDS
.loop:
    call CODE
    same eax, 2, "code with two levels"
    same [PAGE], 0x22, "data with two levels"
    clear_bits cr0, PG
    set_bits cr4, 0x20
    mov eax, POINTERS
    mov cr3, eax
    set_bits cr0, PG
    call CODE
    same eax, 3, "code with PAE"
    same [PAGE], 0x33, "data with PAE"
    clear_bits cr0, PG
    clear_bits cr4, 0x20
    mov eax, DIRECTORY
    mov cr3, eax
    set_bits cr0, PG
    dec ecx
    jnz .loop
    ret

; CR0.TS: two tasks share the FPU, which changes hands only when one uses it.
task_switched:
    set_handler EXC_NM, .hand_over
    fninit
    fnsave [images]
    fninit
    fnsave [images + 128]
    mov dword [owner], images
    mov dword [current], images
    mov dword [handed_over], 0
    frstor [images]
    mov ecx, 2 * TURNS
.loop:
    set_bits cr0, TS
    test cl, 3
    jz .idle                    ; a turn without the FPU: nothing is handed over
    test cl, 1
    jz .even
    mov dword [current], images
    call .odd_work
    jmp .next
.even:
    mov dword [current], images + 128
    call .even_work
    jmp .next
.idle:
    mov eax, cr0
    test eax, TS
    jz .bad
.next:
    dec ecx
    jnz .loop
    clts
    mov dword [current], images
    set_bits cr0, TS
    fistp dword [result]        ; each task's number of turns
    same [result], 2 * TURNS / 2, "the first task's sum"
    mov dword [current], images + 128
    set_bits cr0, TS
    fistp dword [result]
    same [result], 2 * TURNS / 4 * 3, "the second task's sum"
    expect [handed_over], 2 * TURNS / 4 * 2 + 1, "times that the FPU changed hands"
    mov dword [handlers + EXC_NM * 4], 0
    ret
.odd_work:
    test dword [first_turns], 1
    jnz .odd_again
    mov dword [first_turns], 1
    fldz
.odd_again:
    fld1
    faddp st1, st0
    ret
.even_work:
    test dword [first_turns + 4], 1
    jnz .even_again
    mov dword [first_turns + 4], 1
    fldz
.even_again:
    fiadd dword [three]
    ret
.hand_over:
    clts
    mov eax, [current]
    cmp eax, [owner]
    je .keep
    inc dword [handed_over]
    mov edx, [owner]
    fnsave [edx]
    frstor [eax]
    mov [owner], eax
.keep:
    ret
.bad:
    fail "TS cleared by an integer instruction"

; EM: x87 is #NM, SSE is #UD; MP: WAIT looks at TS as well.
emulation:
    enable_sse
    mov ecx, ROUNDS
.loop:
    expect_no_fault fnop
    expect_no_fault movaps xmm0, xmm1
    set_bits cr0, EM
    expect_fault EXC_NM, NO_ERROR, fnop
    expect_fault EXC_UD, NO_ERROR, movaps xmm0, xmm1
    expect_no_fault wait
    clear_bits cr0, EM
    set_bits cr0, TS | MP
    expect_fault EXC_NM, NO_ERROR, fnop
    expect_fault EXC_NM, NO_ERROR, movaps xmm0, xmm1
    expect_fault EXC_NM, NO_ERROR, wait
    clear_bits cr0, MP
    expect_no_fault wait
    expect_fault EXC_NM, NO_ERROR, fnop
    clts
    dec ecx
    jnz .loop
    ret

; CR4.OSFXSR: without it SSE is #UD.
vector_support:
    mov ecx, ROUNDS
.loop:
    clear_bits cr4, 0x200
    call .vectors
    same [fault_vector], EXC_UD, "vector of SSE without OSFXSR"
    set_bits cr4, 0x200
    call .vectors
    same [fault_vector], NO_ERROR, "vector of SSE with OSFXSR"
    dec ecx
    jnz .loop
    ret
.vectors:
    catch_fault movups xmm0, [SCRATCH]
    ret

; CR4.TSD: RDTSC at level 3 is #GP.
time_stamp:
    mov ecx, ROUNDS
.loop:
    set_bits cr4, 4
    run_user .at_level_3
    same [user_eax], EXC_GP, "vector of RDTSC with TSD"
    rdtsc
    clear_bits cr4, 4
    run_user .at_level_3
    same [user_eax], NO_ERROR, "vector of RDTSC without TSD"
    dec ecx
    jnz .loop
    ret
.at_level_3:
    catch_fault rdtsc
    mov eax, [fault_vector]
    int 0x80

; CR0.AM and EFLAGS.AC: #AC at level 3 alone, and only while both are set.
alignment:
%ifndef QEMU_TCG                ; knows no #AC
    mov ecx, ROUNDS
.loop:
    set_bits cr0, 0x40000
    mov edx, 0x40002
    run_user .at_level_3
    same [user_eax], EXC_AC, "vector of a crooked read with AM and AC"
    mov edx, 0x00002
    run_user .at_level_3
    same [user_eax], NO_ERROR, "vector of a crooked read with AM"
    clear_bits cr0, 0x40000
    mov edx, 0x40002
    run_user .at_level_3
    same [user_eax], NO_ERROR, "vector of a crooked read with AC"
    dec ecx
    jnz .loop
%endif
    ret
.at_level_3:                    ; EDX: flags for the read alone, as the variables of catch_fault are crooked, too
    mov dword [resume_at], .after
    mov dword [fault_vector], NO_ERROR
    push edx
    popfd
    mov eax, [SCRATCH + 2]
.after:
    push dword 2
    popfd
    mov dword [resume_at], 0
    mov eax, [fault_vector]
    int 0x80

; Real mode and back.
real_and_protected:
    clear_bits cr0, PG | WP
    mov ecx, ROUNDS
.loop:
    mov eax, ecx
    call_real .in_real_mode
    movzx edx, word [0x600]
    movzx eax, cx
    add eax, 3
    same edx, eax, "what real mode made of CX"
    call CODE
    same eax, 1, "protected mode behind it"
    dec ecx
    jnz .loop
    ret
section .real
bits 16
.in_real_mode:
    mov bx, 3
.again:
    inc cx
    dec bx
    jnz .again
    mov ax, 0x60
    mov ds, ax
    mov [0], cx
    xor ax, ax
    mov ds, ax
    ret
section .text
bits 32

section .data
align 16
images:      times 256 db 0
owner:       dd 0
current:     dd 0
handed_over: dd 0
first_turns: dd 0, 0
three:       dd 3
result:      dd 0
section .text
