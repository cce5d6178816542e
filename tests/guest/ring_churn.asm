; Level 3 to level 0 and back by every way, thousands of times, and what level 3 must not do or sees (SDM 3A 5.8, 5.9,
; 6.12, 2A, 2B of each instruction).
;
; Attacks: ring transitions without the host kernel, a privilege that is part of the block's key, sensitive instructions
; that do not trap at level 3 (the critical ones), IF and IOPL in POPF and IRET.
;
; Expect: status 33, output "PASS ring_churn"
%include "guest.inc"
%include "user.inc"
%include "hot.inc"
test_name "ring_churn"

GATE     equ FREE + 0x20
GATE_TO  equ GATE | 3
CONFORM  equ FREE + 0x28
FAST     equ FREE               ; four descriptors for SYSEXIT
FAST_STACK equ 0x1e0000
PRIVATE  equ FREE + 0x30        ; data of level 0
ROUNDS   equ 500

main:
    call install_exceptions
    call install_tss
    set_descriptor FAST, 0, 0xfffff, 0x9b, 12
    set_descriptor FAST + 0x08, 0, 0xfffff, 0x93, 12
    set_descriptor FAST + 0x10, 0, 0xfffff, 0xfb, 12
    set_descriptor FAST + 0x18, 0, 0xfffff, 0xf3, 12
    set_descriptor CONFORM, 0, 0xfffff, 0x9e, 12
    set_descriptor PRIVATE, 0, 0xfffff, 0x92, 12
    set_gate gdt + GATE, CODE32, by_gate, 0xec, 2
    set_gate idt + 0x90 * 8, CODE32, by_interrupt, 0xee, 0
    set_gate idt + 0x91 * 8, CODE32, by_trap, 0xef, 0
    set_gate idt + 0x92 * 8, CODE32, shared_service, 0xee, 0
    set_gate idt + 0x93 * 8, CODE32, leaves_segment, 0xee, 0
    run_user interrupts
    run_user call_gates
    call try_sysenter
    run_user mixed
    run_user same_code
    call io_privilege
    run_user forbidden
    run_user critical
    run_user outer_segments
    call returns_outward
    ret

; INT and IRET: registers and flags pass through, ESP comes back; an interrupt gate clears IF, a trap gate keeps it.
interrupts:
    mov ecx, TURNS
.loop:
    mov eax, ecx
    mov ebx, 0x0b0b0b0b
    mov esi, esp
    cmp ecx, 1000
    int 0x90
    setb dl
    same eax, esi, "ESP saved by INT"
    cmp ecx, 1000
    setb dh
    cmp dl, dh
    jne .bad
    same ebx, 0x0b0b0b0b, "EBX across INT and IRET"
    mov eax, esp
    same eax, esi, "ESP across INT and IRET"
    xor eax, eax
    stc
    int 0x91
    jnc .bad
    lea edx, [ecx + 5]
    same eax, edx, "a value from a trap gate"
    dec ecx
    jnz .loop
    int 0x80
.bad:
    fail "flags across INT and IRET"
by_interrupt:
    mov eax, [esp + 12]
    cmp dword [esp + 4], USER_CODE
    jne bad_frame
    cmp dword [esp + 16], USER_DATA
    jne bad_frame
    iretd
by_trap:
    push ecx
    add dword [esp], 5
    pop eax
    test eax, eax
    iretd
bad_frame:
    fail "the frame of an interrupt from level 3"

; CALL through a gate with two parameters, RETF 8.
call_gates:
    mov ecx, TURNS
.loop:
    mov esi, esp
    push ecx
    push dword 100
    call GATE_TO:0
    lea edx, [ecx + 100]
    same eax, edx, "a sum by a call gate"
    mov eax, esp
    same eax, esi, "ESP behind a call gate"
    same ebx, DATA32, "SS behind a call gate"
    mov eax, ss
    same eax, USER_DATA, "SS behind RETF"
    dec ecx
    jnz .loop
    int 0x80
by_gate:
    mov eax, [esp + 8]
    add eax, [esp + 12]
    mov ebx, ss
    retf 8

try_sysenter:
    mov eax, 1
    cpuid
    test edx, 1 << 11
    jz .done
    mov byte [has_sysenter], 1
    xor edx, edx
    mov ecx, 0x174
    mov eax, FAST
    wrmsr
    mov ecx, 0x175
    mov eax, FAST_STACK
    wrmsr
    mov ecx, 0x176
    mov eax, fast_entry
    wrmsr
    run_user fast_calls
.done:
    ret
fast_calls:
    mov edi, TURNS
    pushfd
    or dword [esp], 0x40001
    popfd
.loop:
    call fast_call
    lea edx, [edi + 3]
    same eax, edx, "a value by SYSENTER"
    mov eax, cs
    same eax, FAST + 0x13, "CS behind SYSEXIT"
    mov eax, ss
    same eax, FAST + 0x1b, "SS behind SYSEXIT"
    dec edi
    jnz .loop
    push dword 2
    popfd
    int 0x80
fast_call:
    mov ecx, esp
    mov edx, .behind
    sysenter
.behind:
    ret
fast_entry:
    lea eax, [edi + 3]
    mov esi, esp
    cmp esi, FAST_STACK
    jne bad_frame
    sysexit

; All ways in turn, so that no two transitions that follow each other are of one kind.
mixed:
    mov edi, TURNS
.loop:
    mov ecx, edi
    int 0x91
    lea edx, [edi + 5]
    same eax, edx, "INT among others"
    push dword 1
    push dword 2
    call GATE_TO:0
    same eax, 3, "a call gate among others"
    cmp byte [has_sysenter], 0
    je .next
    call fast_call
    lea edx, [edi + 3]
    same eax, edx, "SYSENTER among others"
.next:
    call CONFORM:.conforming
    jmp USER_CODE:.far
.far:
    catch_fault ud2
    same [fault_vector], EXC_UD, "an exception among others"
    dec edi
    jnz .loop
    int 0x80
.conforming:
    mov eax, cs
    same eax, CONFORM | 3, "CS in conforming code"
    retf

; One function at level 3 and, within a system call, at level 0.
same_code:
    mov ecx, TURNS
.loop:
    call which_level
    same eax, USER_CODE, "CS in a shared function"
    int 0x92
    same eax, CODE32, "CS in a shared function at level 0"
    call which_level
    same eax, USER_CODE, "CS in a shared function again"
    dec ecx
    jnz .loop
    int 0x80
which_level:
    mov eax, cs
    ret
shared_service:
    call which_level
    iretd

; CLI, STI, POPF, IN, OUT, PUSHF at level 3 with IOPL 0 and 3 in turn.
io_privilege:
    mov ecx, ROUNDS
.loop:
    mov dword [user_eflags], 0x0202
    run_user .without
    mov dword [user_eflags], 0x3202
    run_user .with
    dec ecx
    jnz .loop
    mov dword [user_eflags], 2
    ret
.without:
    expect_fault EXC_GP, 0, cli
    expect_fault EXC_GP, 0, sti
    expect_fault EXC_GP, 0, in al, 0x60
    expect_fault EXC_GP, 0, out 0x80, al
    mov dx, SERIAL + 5
    expect_no_fault in al, dx
    push dword 0x3003           ; IOPL 3, IF clear, CF: only CF counts
    popfd
    pushfd
    pop eax
    and eax, 0x3201
    same eax, 0x0201, "flags behind POPF at level 3"
    stc
    pushfd
    and dword [esp], ~0x200
    push cs
    push dword .after_iret
    iretd                       ; within level 3: as little
.after_iret:
    pushfd
    pop eax
    and eax, 0x3201
    same eax, 0x0201, "flags behind IRET at level 3"
    int 0x80
.with:
    expect_no_fault cli
    pushfd
    pop eax
    and eax, 0x3200
    same eax, 0x3000, "flags behind CLI with IOPL 3"
    expect_no_fault sti
    expect_no_fault out 0x80, al
    push dword 0x0002           ; IOPL cannot be given up, IF can
    popfd
    pushfd
    pop eax
    and eax, 0x3200
    same eax, 0x3000, "flags behind POPF with IOPL 3"
    expect_fault EXC_GP, 0, hlt
    int 0x80

; What only level 0 may.
%macro forbid 1+
    expect_fault EXC_GP, 0, %1
%endmacro
forbidden:
    mov ecx, 200
.loop:
    push ecx
    xor eax, eax
    xor edx, edx
    forbid hlt
    forbid clts
    forbid invd
    forbid wbinvd
    forbid mov eax, cr0
    forbid mov cr0, eax
    forbid mov eax, cr2
    forbid mov eax, cr3
    forbid mov cr3, eax
    forbid mov eax, cr4
    forbid mov cr4, eax
    forbid mov eax, dr0
    forbid mov dr7, eax
    forbid lgdt [SCRATCH]
    forbid lidt [SCRATCH]
    forbid lldt ax
    forbid ltr ax
    forbid lmsw ax
    forbid invlpg [SCRATCH]
    forbid rdmsr
    forbid wrmsr
    expect_fault EXC_GP, 0x20 * 8 + 2, int 0x20
    expect_fault EXC_GP, DATA32, mov ds, [selectors]
    expect_fault EXC_GP, DATA32, mov ss, [selectors]
    expect_fault EXC_GP, CODE32, jmp CODE32:forbidden
    expect_fault EXC_GP, CODE32, call CODE32:forbidden
    pop ecx
    dec ecx
    jnz .loop
    int 0x80

; The critical instructions: no trap at level 3, and the guest's own values.
critical:
    mov ecx, ROUNDS
.loop:
    sgdt [descriptor]
    same [descriptor + 2], gdt, "base by SGDT"
    sidt [descriptor]
    same [descriptor + 2], idt, "base by SIDT"
    movzx eax, word [descriptor]
    same eax, 256 * 8 - 1, "limit by SIDT"
    str eax
    movzx eax, ax
    same eax, TSS, "STR"
    sldt eax
    movzx eax, ax
    same eax, 0, "SLDT"
    smsw eax
    and eax, 0x0f
    same eax, 1, "SMSW"
    mov eax, cs
    same eax, USER_CODE, "MOV from CS"
    push ss
    pop eax
    movzx eax, ax
    same eax, USER_DATA, "PUSH SS"
    pushfd
    pop eax
    and eax, 0x3200
    same eax, 0, "IF and IOPL by PUSHF"
    mov edx, USER_DATA
    verr dx
    jnz .bad
    verw dx
    jnz .bad
    mov edx, CODE32
    verr dx
    jz .bad                     ; of level 0
    lar eax, edx
    jz .bad
    mov edx, USER_CODE
    lar eax, edx
    jnz .bad
    and eax, 0x00f0ff00         ; the rest is undefined
    same eax, 0x00c0fb00, "LAR"
    lsl eax, edx
    jnz .bad
    same eax, 0xffffffff, "LSL"
    mov eax, DATA32
    mov edx, 3
    arpl ax, dx
    same eax, DATA32 | 3, "ARPL"
    xor eax, eax
    mov fs, ax
    mov ax, USER_DATA
    mov fs, ax
    dec ecx
    jnz .loop
    int 0x80
.bad:
    fail "ZF of VERR, VERW, LAR or LSL at level 3"

; A return outward empties data segments that level 3 may not have (SDM 2A IRET).
outer_segments:
    mov ecx, ROUNDS
.loop:
    int 0x93
    mov eax, es
    same eax, 0, "ES behind IRET to level 3"
    mov eax, fs
    same eax, USER_DATA, "FS behind IRET to level 3"
    mov eax, USER_DATA
    mov es, ax
    dec ecx
    jnz .loop
    int 0x80
leaves_segment:
    mov eax, PRIVATE
    mov es, ax
    iretd

; IRET and RETF to level 3 made by hand, to many places and stacks; a frame whose SS does not fit.
returns_outward:
    mov dword [kept_esp], esp
    set_gate idt + 0x94 * 8, CODE32, .back, 0xee, 0
    mov ecx, TURNS
.loop:
    mov ebx, ecx
    and ebx, 15
    shl ebx, 4
    lea eax, [ebx + USER_STACK_TOP - 0x100]
    test cl, 1
    jz .retf
    push dword USER_DATA
    push eax
    push dword 2
    push dword USER_CODE
    push dword .user
    iretd
.retf:
    push dword USER_DATA
    push eax
    push dword USER_CODE
    push dword .user
    retf
.user:
    lea edx, [ebx + USER_STACK_TOP - 0x100]
    mov eax, esp
    int 0x94
.back:
    mov edi, DATA32             ; the way out has emptied DS and ES
    mov ds, edi
    mov es, edi
    mov esp, [kept_esp]
    same eax, edx, "ESP of level 3"
    dec ecx
    jnz .loop
    mov ecx, ROUNDS
.bad_frames:
    push dword DATA32
    push dword USER_STACK_TOP
    push dword 2
    push dword USER_CODE
    push dword .user
    expect_fault EXC_GP, DATA32, iretd
    mov dword [esp + 16], 0
    expect_fault EXC_GP, 0, iretd
    mov dword [esp + 4], 0
    expect_fault EXC_GP, 0, iretd
    add esp, 20
    dec ecx
    jnz .bad_frames
    ret

section .data
kept_esp:     dd 0
selectors:    dd DATA32
descriptor:   dq 0
has_sysenter: db 0
section .text
