; Flags that are set in one place and used in another (SDM 1 3.4.3; 2A, 2B for each instruction's own).
;
; Attacks: a translator's liveness analysis and its habit of keeping flags in the host's: across calls, returns,
; indirect jumps, page borders, memory operands; partial updates (INC, shifts by zero, rotates, BT) and every pattern
; through PUSHF, POPF, LAHF, SAHF, INT and IRET.
;
; Expect: status 33, output "PASS flags_alive"
%include "guest.inc"
%include "user.inc"
%include "pages.inc"
%include "flags.inc"
test_name "flags_alive"

PAGE equ 0x400000
FAR_CODE equ SCRATCH + 0x2000

main:
    call install_exceptions
    call install_tss
    call install_pages
    map PAGE, FRAME(0), PAGE_ALL
    set_gate idt + 0x40 * 8, CODE32, bare_iret, 0xee, 0
    set_gate idt + 0x41 * 8, CODE32, set_flags_in_frame, 0xee, 0
    call copy_far_code
    call calls_and_returns
    enable_sse
    call every_pattern
    run_user every_pattern_at_level_3
    call partial_updates
    call shifts_by_zero
    call rotates_and_carry
    call consumers
    ret

; Comparisons whose flags go through a call, a return, an indirect jump and another page.
copy_far_code:
    mov esi, far_template
    mov edi, FAR_CODE
    mov ecx, FAR_SIZE
    rep movsb
    ret
far_template:
    jmp ebx
.call:
    call ebx
    ret
FAR_SIZE equ $ - far_template

calls_and_returns:
    mov ecx, TURNS
.loop:
    mov edx, ecx
    and edx, 1
    cmp edx, 1                  ; equal: ZF; below: CF, SF, AF, PF
    call nothing
    je .equal
    want_flags CF | SF | AF | PF, "a CMP before CALL and RET, below"
    jmp .indirect
.equal:
    want_flags ZF | PF, "a CMP before CALL and RET, equal"
.indirect:
    mov ebx, .back
    cmp edx, 1
    jmp ebx
    ud2
.back:
    setb al
    movzx eax, al
    lea eax, [eax + edx]
    same eax, 1, "CF after an indirect jump"
    mov ebx, .back_again
    cmp edx, 1
    jmp FAR_CODE
.back_again:
    mov eax, 0
    adc eax, 0
    add eax, edx
    same eax, 1, "CF after jumps to another page and back"
    mov ebx, sets_flags
    call FAR_CODE + (far_template.call - far_template)
    jnc .lost
    jnz .lost
    call sets_flags
    jnc .lost
    jnz .lost
    mov eax, ecx
    call through_table
    setc al
    movzx eax, al
    mov edx, ecx
    and edx, 1
    same eax, edx, "CF from a function that was jumped to through a table"
    dec ecx
    jnz .loop
    ret
.lost:
    fail "flags set by a function"
nothing:
    ret
sets_flags:
    xor eax, eax
    stc
    ret
through_table:
    and eax, 1
    jmp [.table + eax * 4]
.clear:
    clc
    ret
.set:
    stc
    ret
.table: dd .clear, .set

; All 64 patterns of the status flags by POPF, SAHF (all but OF), IRET; out by PUSHF, LAHF, SETcc, Jcc.
every_pattern_at_level_3:
    call every_pattern
    int 0x80
every_pattern:
    mov ecx, 64 * 20
.loop:
    mov eax, ecx                ; its low six bits to the places of the flags
    xor ebx, ebx
%macro spread 2
    mov edx, eax
    and edx, 1 << %1
    %if (1 << %1) < %2
        imul edx, edx, %2 / (1 << %1)
    %endif
    or ebx, edx
%endmacro
    spread 0, CF
    spread 1, PF
    spread 2, AF
    spread 3, ZF
    spread 4, SF
    spread 5, OF
    push ebx
    popfd
    want_flags ebx, "POPF, PUSHF"
    push ebx
    popfd
    call nothing
    lahf
    seto al
    xor edx, edx
    mov dl, ah
    and dl, ALL & 0xff
    test al, al
    jz .no_overflow
    or edx, OF
.no_overflow:
    same edx, ebx, "POPF, LAHF and SETO"
    mov eax, ebx
    mov ah, al
    mov al, 0x7f
    test ebx, OF
    jz .clear_overflow
    add al, 1
    jmp .load
.clear_overflow:
    test al, al
.load:
    sahf
    want_flags ebx, "SAHF, OF as it was"
    push ebx
    popfd
    int 0x40
    want_flags ebx, "INT and IRET"
    mov [frame_flags], ebx
    int 0x41
    want_flags ebx, "INT whose handler changed the saved flags"
    push ebx
    popfd
    cmovz edx, [frame_flags]
    mov eax, [frame_flags + 4]
    lea edi, [eax + ebx + 5]
    push edi
    pop esi
    xchg eax, edi
    bswap eax
    not eax
    want_flags ebx, "instructions that touch no flags"
    xor edx, edx
    push ebx
    popfd
    jbe .below_equal
    test ebx, CF | ZF
    jnz .bad
    jmp .signed
.below_equal:
    test ebx, CF | ZF
    jz .bad
.signed:
    push ebx
    popfd
    setl dl
    mov eax, ebx
    shr eax, 11
    mov esi, ebx
    shr esi, 7
    xor eax, esi
    and eax, 1
    same edx, eax, "SETL"
    push ebx
    popfd
    jp .parity
    test ebx, PF
    jnz .bad
    jmp .next
.parity:
    test ebx, PF
    jz .bad
.next:
    dec ecx
    jnz .loop
    ret
.bad:
    fail "a jump on a condition that does not hold"

bare_iret:
    cmp esp, esp                ; flags of the handler's own
    iretd
set_flags_in_frame:
    push eax
    mov eax, [esp + 12]
    and eax, ~ALL
    or eax, [frame_flags]
    mov [esp + 12], eax
    pop eax
    iretd

; INC and DEC leave CF, also in memory that is just being mapped; BT changes CF alone; NOT nothing.
partial_updates:
    mov ecx, TURNS
.loop:
    mov eax, ecx
    bt eax, 0
    inc eax
    setc dl
    xor dl, cl
    test dl, 1
    jnz .bad_inc
    bt ecx, 0
    dec dword [counter]
    inc word [counter + 4]
    dec byte [counter + 6]
    setc dl
    xor dl, cl
    test dl, 1
    jnz .bad_inc
    reload_cr3
    stc
    inc dword [PAGE]
    jnc .bad_inc
    invlpg [PAGE]
    clc
    dec dword [PAGE]
    jc .bad_inc
    mov eax, 0x7fffffff
    stc
    inc eax
    want_flags CF | OF | SF | AF | PF, "INC of 7FFFFFFFH with CF set"
    cmp eax, eax
    bts dword [counter], 3
    bts dword [counter], 3
    not dword [counter]
    jnc .bad_bt
    jnz .bad_bt
    cmp ecx, 0                  ; CF clear, ZF clear
    bt dword [bit_pattern], ecx
    ja .clear
    test cl, 1
    jz .bad_bt
    jmp .next
.clear:
    test cl, 1
    jnz .bad_bt
.next:
    dec ecx
    jnz .loop
    ret
.bad_inc:
    fail "CF after INC or DEC"
.bad_bt:
    fail "flags after BT, BTS, NOT"

; Counts of zero leave all flags, whatever the operand; so do counts of 32.
shifts_by_zero:
    mov ecx, 512 * 2
.loop:
    mov ebx, ecx
    mov eax, ecx
    and eax, CF | PF | AF | ZF | SF
    test ebx, 0x100
    jz .no_overflow
    or eax, OF
.no_overflow:
    mov esi, eax
    mov cl, 0
    test ebx, 0x02
    jz .count
    mov cl, 32
.count:
%macro shift_by_zero 1+
    push esi
    popfd
    %1
    want_flags esi, "a shift or rotate by zero"
%endmacro
    shift_by_zero shl eax, cl
    shift_by_zero shr edx, cl
    shift_by_zero sar dword [counter], cl
    shift_by_zero rol dword [PAGE], cl
    shift_by_zero ror eax, cl
    shift_by_zero rcl dword [PAGE + 0x10], cl
    shift_by_zero rcr edx, cl
    shift_by_zero shld eax, edx, cl
    shift_by_zero shrd [counter], edx, cl
    invlpg [PAGE]
    shift_by_zero shl byte [PAGE], cl
    cmp ebx, ebx
    shl eax, cl
    jnz .bad
    mov ecx, ebx
    dec ecx
    jnz .loop
    ret
.bad:
    fail "ZF after a shift by zero"

; CF goes round through RCL and RCR of all sizes, in registers and memory, with loads and stores between.
rotates_and_carry:
    mov ecx, TURNS
    mov dword [PAGE], 0x80000001
    mov eax, 0x12345678
    mov edx, 0x9abc
    mov ebx, 0x55
    clc
.loop:
    rcl eax, 1
    mov [counter], eax
    rcr edx, 1
    mov esi, [counter]
    rcl bl, 1
    rcl dword [PAGE], 1
    mov edi, [PAGE]
    rcr word [PAGE + 0x20], 1
    rcl byte [PAGE + 0x31], 1
    jecxz .done
    lea ecx, [ecx - 1]
    jmp .loop
.done:
    pushfd
    pop esi
    and esi, CF
    add eax, [PAGE]
    add eax, edx
    add eax, ebx
    add eax, [PAGE + 0x20]
    add eax, [PAGE + 0x30]
    add eax, esi
    expect eax, 0x00c9ca09, "2001 rotates through carry"
    ret

; SETcc, CMOVcc, ADC, SBB, SALC after accesses of all sizes.
consumers:
    mov ecx, TURNS
.loop:
    mov eax, ecx
    mov [PAGE + 0x40], eax
    mov [PAGE + 0x44], ax
    mov [PAGE + 0x46], al
    cmp al, 0x80
    mov edx, [PAGE + 0x40]
    mov bx, [PAGE + 0x44]
    mov bh, [PAGE + 0x46]
    mov [PAGE + 0x48], edx
    movups xmm0, [sixteen]
    movups [PAGE + 0x50], xmm0
    fld qword [sixteen]
    fstp qword [PAGE + 0x60]
    setae [PAGE + 0x70]
    mov esi, 0
    adc esi, 0
    movzx eax, byte [PAGE + 0x70]
    add eax, esi
    same eax, 1, "CF and its complement"
    mov eax, ecx
    and eax, 0x80
    shr eax, 7
    movzx esi, byte [PAGE + 0x70]
    same esi, eax, "SETAE after accesses of all sizes"
    cmp ecx, 1000
    mov ebx, 1
    mov [PAGE + 0x80], ebx
    mov ebx, 0
    cmovb ebx, [PAGE + 0x80]
    sbb eax, eax
    add eax, ebx
    same eax, 0, "SBB of a register with itself and CMOVB"
    cmp ecx, 1000
    db 0xd6                     ; SALC
    movsx eax, al
    mov ebx, 0
    cmp ecx, 1000
    sbb ebx, 0
    same eax, ebx, "SALC"
    dec ecx
    jnz .loop
    ret

section .data
frame_flags: dd 0, 0
counter:     dd 0, 0
bit_pattern: times 64 dd 0xaaaaaaaa
sixteen:     dd 1, 2, 3, 4
section .text
