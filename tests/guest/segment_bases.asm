; Segments that are not flat, under hot code (SDM 3A 3.4.2 to 3.4.5, 5.3, 6.15 #GP, #SS; 2A CALL, RETF; 3A 21.1 to 21.4
; for code of both sizes).
;
; Attacks: flat addressing taken for granted, a base or limit remembered from when the code was translated, cached
; descriptors against descriptors in memory, limits that are checked once for a loop, blocks keyed without CS base or
; size.
;
; Expect: status 33, output "PASS segment_bases"
%include "guest.inc"
%include "user.inc"
%include "pages.inc"
%include "hot.inc"
test_name "segment_bases"

AREA_A  equ FREE | 3            ; data of level 3 at BUFFER_A and so on
AREA_B  equ (FREE + 0x08) | 3
MOVING  equ (FREE + 0x10) | 3   ; its descriptor changes
BOUNDED equ (FREE + 0x18) | 3   ; 100H bytes at BUFFER_A
SHORT_STACK equ FREE + 0x20     ; level 0; from 0 to STACK_TOP
CODE_A  equ FREE + 0x28         ; code at IMAGE
CODE_B  equ FREE + 0x30         ; code at IMAGE - 100H
NARROW  equ FREE + 0x38         ; 16-bit code at IMAGE
STACK_B equ FREE + 0x40         ; stack at a base of its own
IMAGE   equ 0x100000
BUFFER_A equ SCRATCH
BUFFER_B equ SCRATCH + 0x2000
STACK_BASE equ SCRATCH + 0x6000

main:
    fninit
    call install_exceptions
    call install_tss
    set_descriptor AREA_A, BUFFER_A, 0xfffff, 0xf2, 12
    set_descriptor AREA_B, BUFFER_B, 0xfffff, 0xf2, 12
    set_descriptor BOUNDED, BUFFER_A, 0xff, 0xf2, 4
    set_descriptor SHORT_STACK, 0, (STACK_TOP >> 12) - 1, 0x92, 12
    set_descriptor CODE_A, IMAGE, 0xfffff, 0x9a, 12
    set_descriptor CODE_B, IMAGE - 0x100, 0xfffff, 0x9a, 12
    set_descriptor NARROW, IMAGE, 0xffff, 0x9a, 0
    set_descriptor STACK_B, STACK_BASE, 0xfffff, 0x92, 12
    call all
    call install_pages
    call all
    ret

all:
    call two_threads
    run_user two_threads_at_level_3
    call cached_descriptor
    call same_selector_other_base
    call data_segment
    call string_segments
%ifndef QEMU_TCG                ; checks no limits
    call limit_walk
    call limits_come_and_go
    call null_selector
    call stack_limit_walk
%endif
    call stack_with_base
    call code_with_base
    call narrow_code
    ret

%macro load 2
    mov eax, %2
    mov %1, ax
%endmacro
%macro flat 1
    load %1, DATA32
%endmacro

; FS and GS as threads use them: all kinds of operands, the two bases in turn.
two_threads_at_level_3:
    call two_threads
    load fs, USER_DATA
    load gs, USER_DATA
    int 0x80
two_threads:
    mov ecx, TURNS
.loop:
    load fs, AREA_A
    load gs, AREA_B
    test cl, 1
    jz .loaded
    load fs, AREA_B
    load gs, AREA_A
.loaded:
    mov dword [fs:0x10], 1
    mov dword [gs:0x10], 2
    mov ebx, 8
    mov esi, 2
    mov eax, [fs:ebx + esi * 4]
    same eax, 1, "[FS:EBX + ESI * 4]"
    add eax, [gs:0x10]
    xchg eax, [fs:0x10]
    inc dword [gs:ebx + 8]
    push dword [gs:0x10]
    pop dword [fs:0x14]
    lock add [fs:0x14], eax
    mov edx, [fs:0x14]
    same edx, 4, "what went through FS and GS"
    lea edx, [fs:ebx + 8]
    same edx, 16, "LEA takes no base"
    movzx edx, byte [gs:0x10]
    cmp [fs:0x10], edx
    jne .bad
    db 0x64, 0xa1               ; MOV EAX, FS:moffs
    dd 0x14
    same eax, 4, "MOV EAX, FS:moffs"
    mov bx, 0x10
    mov eax, [gs:bx]
    same eax, 3, "[GS:BX]"
    mov esi, 0x10
    fs lodsd
    same eax, 3, "FS: LODSD"
    mov dword [gs:0x40], .target
    call [gs:0x40]
    same eax, 99, "CALL [GS:40H]"
    fild dword [fs:0x14]
    fistp dword [gs:0x44]
    mov eax, [gs:0x44]
    same eax, 4, "FILD and FISTP"
    mov ebx, 0xffffffff
    mov eax, [fs:ebx + 0x11]    ; the offset wraps before the base is added
    same eax, 3, "an offset that wraps"
    dec ecx
    jnz .loop
    mov eax, [BUFFER_A + 0x10]
    add eax, [BUFFER_B + 0x10]
    same eax, 6, "both areas seen through DS"
    ret
.target:
    mov eax, 99
    ret
.bad:
    fail "a comparison between FS and GS"

; A changed descriptor counts when the register is loaded, not before.
cached_descriptor:
    mov dword [BUFFER_A], 0xaaaa
    mov dword [BUFFER_B], 0xbbbb
    mov ecx, 500
.loop:
    set_descriptor MOVING, BUFFER_A, 0xfffff, 0xf2, 12
    load fs, MOVING
    mov eax, [fs:0]
    same eax, 0xaaaa, "FS"
    set_descriptor MOVING, BUFFER_B, 0xfffff, 0xf2, 12
    mov eax, [fs:0]
    same eax, 0xaaaa, "FS, its descriptor changed"
    mov edx, fs
    mov fs, edx
    mov eax, [fs:0]
    same eax, 0xbbbb, "FS, loaded again"
    and byte [gdt + (MOVING & ~7) + 5], 0x7f    ; not present
    mov eax, [fs:0]
    same eax, 0xbbbb, "FS, its descriptor no longer present"
    push fs
    expect_fault EXC_NP, MOVING & ~3, pop fs
    add esp, 4
    mov eax, [fs:0]
    same eax, 0xbbbb, "FS after POP FS that failed"
    dec ecx
    jnz .loop
    ret

; The same function under 16 bases: what a key without the base would mix up.
same_selector_other_base:
    mov ecx, 16
.fill:
    mov eax, ecx
    shl eax, 8
    mov [BUFFER_A + eax], ecx
    loop .fill
    mov ecx, 16 * 100
.loop:
    mov edx, ecx
    and edx, 15
    inc edx
    mov eax, edx
    shl eax, 8
    add eax, BUFFER_A
    mov [gdt + (MOVING & ~7) + 2], ax
    shr eax, 16
    mov [gdt + (MOVING & ~7) + 4], al
    mov byte [gdt + (MOVING & ~7) + 5], 0xf2
    load gs, MOVING
    call .read
    same eax, edx, "the function under another base"
    dec ecx
    jnz .loop
    ret
.read:
    mov eax, [gs:0]
    ret

; DS with a base: the same block runs flat and not flat.
data_segment:
    mov dword [BUFFER_A + 0x80], 0xaaaa
    mov dword [BUFFER_B + 0x80], 0xbbbb
    mov dword [0x80], 0xcccc
    mov ecx, TURNS
.loop:
    call read_80
    same eax, 0xcccc, "DS flat"
    load ds, AREA_A
    call read_80
    flat ds
    same edx, 0xaaaa, "DS with a base"
    load ds, AREA_B
    call read_80
    flat ds
    same edx, 0xbbbb, "DS with another base"
    dec ecx
    jnz .loop
    ret
read_80:
    mov eax, [0x80]
    mov edx, eax
    ret

; DS:ESI and ES:EDI in different segments, an override for the source.
string_segments:
    mov ecx, 500
.loop:
    push ecx
    mov [BUFFER_A + 0x200], ecx
    mov dword [BUFFER_B + 0x200], 0
    mov dword [0x300], 0
    load es, AREA_B
    load fs, AREA_A
    load ds, AREA_A
    mov esi, 0x200
    mov edi, 0x200
    mov ecx, 1
    rep movsd
    flat ds
    mov eax, [BUFFER_B + 0x200]
    same eax, [esp], "REP MOVSD from DS to ES"
    mov esi, 0x200
    fs movsd
    mov eax, [BUFFER_B + 0x204]
    same eax, [esp], "FS: MOVSD"
    mov esi, BUFFER_A + 0x200
    mov edi, 0x204
    mov ecx, 1
    repe cmpsd
    jne .bad
    mov edi, 0x200
    mov ecx, 2
    repe scasd
    jne .bad
    flat es
    pop ecx
    dec ecx
    jnz .loop
    ret
.bad:
    flat es
    fail "a comparison in two segments"

; Loops that run into the limit: exact at the byte, every time.
limit_walk:
    load fs, BOUNDED
    mov ecx, 200
.loop:
    xor ebx, ebx
    xor edx, edx
    mov dword [resume_at], .after_dwords
.dwords:
    add edx, [fs:ebx]
    add ebx, 4
    jmp .dwords
.after_dwords:
    same [fault_vector], EXC_GP, "vector at the limit"
    same [fault_error], 0, "error code at the limit"
    same ebx, 0x100, "offset at the limit"
    mov ebx, 1
    mov dword [resume_at], .after_odd
.odd:
    mov [fs:ebx], ebx
    add ebx, 4
    jmp .odd
.after_odd:
    same ebx, 0xfd, "odd offset at the limit"
    mov ebx, 0x20
    mov dword [resume_at], .after_backward
.backward:
    mov al, [fs:ebx]
    dec ebx
    jmp .backward
.after_backward:
    same ebx, -1, "offset below zero"
    mov dword [resume_at], .after_string
    mov esi, 0xf0
    push ecx
    mov ecx, 100
    fs rep lodsw
.after_string:
    same ecx, 92, "ECX of REP LODSW at the limit"
    same esi, 0x100, "ESI of REP LODSW at the limit"
    pop ecx
    dec ecx
    jnz .loop
    flat fs
    ret

; The same instruction inside, then outside, as the limit changes with each load.
limits_come_and_go:
    mov ecx, 500
.loop:
    load gs, AREA_A
    mov dword [fault_vector], NO_ERROR
    mov dword [resume_at], .after
    call .access
    same [fault_vector], NO_ERROR, "vector with the wide limit"
    load gs, BOUNDED
    mov edx, esp
    mov dword [resume_at], .after
    call .access
    fail "no fault with the narrow limit"
.after:
    mov esp, edx
    same [fault_vector], EXC_GP, "vector with the narrow limit"
    same [fault_eip], .access, "EIP with the narrow limit"
    dec ecx
    jnz .loop
    flat gs
    ret
.access:
    mov eax, [gs:0x100]
    mov dword [resume_at], 0
    ret

null_selector:
    mov ecx, 500
.loop:
    xor eax, eax
    mov gs, ax
    expect_fault EXC_GP, 0, mov eax, [gs:0]
    expect_fault EXC_GP, 0, inc dword [gs:SCRATCH]
    flat gs
    expect_no_fault mov eax, [gs:0]
    dec ecx
    jnz .loop
    ret

; EBP and ESP address SS: #SS there, at the exact byte. The segment begins at 0 so that the handler finds its frame.
stack_limit_walk:
    load ss, SHORT_STACK
    mov ecx, 200
.loop:
    mov ebp, STACK_TOP - 0x40
    mov dword [resume_at], .after
.walk:
    mov eax, [ebp]
    mov eax, [ds:ebp]           ; DS reaches further
    add ebp, 4
    jmp .walk
.after:
    same [fault_vector], EXC_SS, "vector at the end of SS"
    same [fault_error], 0, "error code at the end of SS"
    same ebp, STACK_TOP, "EBP at the end of SS"
    mov ebp, STACK_TOP - 2
    expect_fault EXC_SS, 0, mov eax, [ebp]
    expect_fault EXC_SS, 0, pop dword [ebp]
    expect_no_fault mov eax, [ds:ebp]
    mov eax, STACK_TOP
    expect_fault EXC_SS, 0, mov [ss:eax], eax
    mov ebx, STACK_TOP - 0x100
    expect_fault EXC_SS, 0, add [esp + ebx], eax
    mov esi, ebp
    expect_fault EXC_SS, 0, ss lodsd
    dec ecx
    jnz .loop
    flat ss
    ret

; SS with a base: pushes, calls, returns, EBP; nothing may fault here.
stack_with_base:
    mov ecx, TURNS
.loop:
    mov ebx, esp
    mov edx, ss
    load ss, STACK_B
    mov esp, 0x1000
    push ecx
    push dword 0x1111
    call .function
    pop eax
    mov ebp, esp
    mov esi, [ebp]
    mov edi, [esp - 4]
    mov ss, edx
    mov esp, ebx
    same eax, 0x1111 + 7, "an argument on a stack with a base"
    same esi, ecx, "[EBP] with a base"
    same edi, 0x1118, "[ESP - 4] with a base"
    same [STACK_BASE + 0xffc], ecx, "the same through DS"
    dec ecx
    jnz .loop
    ret
.function:
    add dword [esp + 4], 7
    enter 8, 0
    leave
    ret

; One piece of code under two CS bases: EIP, CALL and RET, jump tables and CS: operands go by the base.
code_with_base:
    mov ecx, TURNS
.loop:
    call CODE_A:.relocated - IMAGE
    same eax, .here - IMAGE, "EIP in a code segment with a base"
    same edx, 0x600d, "a CS: operand"
    call CODE_B:.relocated - IMAGE + 0x100
    same eax, .here - IMAGE + 0x100, "EIP in another code segment"
    call CODE32:.relocated
    same eax, .here, "EIP in the flat code segment"
    dec ecx
    jnz .loop
    ret
.relocated:
    call .get
.here:
    jmp .next
.get:
    mov eax, [esp]
    ret
.next:
    mov ebx, eax
    add ebx, .data - .here
    mov edx, [cs:ebx]
    add ebx, .out - .data
    jmp ebx
    ud2
.data: dd 0x600d
.out:
    retf

; 16-bit code called from 32-bit code and back, with a loop of its own that gets hot, prefixes, and IP that wraps.
narrow_code:
    mov ecx, 500
.loop:
    mov ebx, 0x12340000
    mov eax, 0xabcd0000
    call NARROW:.narrow - IMAGE
    same eax, 0xabcd00c8, "AX by a 16-bit loop"
    same ebx, 0x12340bb8, "EBX by 32-bit operations in 16-bit code"
    same esi, 0x77, "a function of 16-bit code"
    same edi, 0x89abcdef, "a 32-bit operand of 16-bit code"
    mov eax, .wide_again
    push dword .behind
    jmp NARROW:.to_wide - IMAGE
.behind:
    same esi, 0x99, "32-bit code jumped to from 16-bit code"
    dec ecx
    jnz .loop
    ret
bits 16
.narrow:
    push cx
    mov cx, 200
.count:
    inc ax
    add ebx, 15
    loop .count                 ; CX
    pop cx
    call .function
    mov edi, 0x89abcdef
    a32 mov [SCRATCH + 0x400], edi
    xor edi, edi
    mov edi, [dword SCRATCH + 0x400]
    o32 retf
.function:
    mov esi, 0x77
    ret
.to_wide:
    mov esi, 0x98
    jmp dword CODE32:.wide_again
bits 32
.wide_again:
    inc esi
    ret
