; Flags that wait while something else happens: page faults and their handlers, #UD, sensitive instructions, long loops
; (SDM 1 3.4.3; 3A 6.12.1, 6.15; 2A and 2B of each instruction).
;
; Attacks: exits from translated code that lose the host's flags, emulated sensitive instructions that spoil them, CF
; that must live through a whole loop of INC and DEC or LEA and LOOP.
;
; Expect: status 33, output "PASS flags_across"
%include "guest.inc"
%include "exceptions.inc"
%include "pages.inc"
%include "flags.inc"
test_name "flags_across"

PAGE equ 0x400000

main:
    call install_exceptions
    call install_pages
    map PAGE, FRAME(0), PAGE_ALL
    call memory_misses
    call faults_between
    call sensitive_between
    call multiword
    ret

; The page is missing when the flags wait; the handler maps it and has flags of its own.
memory_misses:
    set_handler EXC_PF, .bring
    mov ecx, 500
.loop:
    unmap PAGE
    cmp ecx, 250
    mov eax, [PAGE]             ; faults
    setb dl
    unmap PAGE
    cmp ecx, 250
    mov [PAGE], eax             ; faults
    mov eax, [PAGE + 4]
    sbb ebx, ebx
    movzx edx, dl
    neg edx
    same edx, ebx, "CF across page faults"
    unmap PAGE
    stc
    inc dword [PAGE]            ; faults, then keeps CF
    jnc .bad
    unmap PAGE
    stc
    mov dword [fault_count], 0
    adc dword [PAGE], 0         ; uses CF from before the fault
    same [fault_count], 1, "faults of ADC"
    unmap PAGE
    mov eax, 5
    cmp eax, 5
    cmovz eax, [PAGE]
    jnz .bad
    unmap PAGE
    std
    lea esi, [PAGE + 8]
    lodsd                       ; DF across a fault
    cld
    sub esi, PAGE
    same esi, 4, "DF across a page fault"
    dec ecx
    jnz .loop
    mov dword [handlers + EXC_PF * 4], 0
    ret
.bring:
    map PAGE, FRAME(0), PAGE_ALL
    ret
.bad:
    fail "flags across a page fault"

; The saved flags of a fault, and of a trap; they come back by IRET.
faults_between:
    mov ecx, 500
.loop:
    cmp ecx, 250
    mov dword [resume_at], .after_ud
    ud2
.after_ud:
    pushfd
    pop eax
    xor eax, [fault_eflags]
    and eax, ALL
    same eax, 0, "flags behind #UD"
    cmp ecx, 250
    pushfd
    pop eax
    xor eax, [fault_eflags]
    and eax, ALL
    same eax, 0, "flags of #UD"
    dec ecx
    jnz .loop
    ret

; Sensitive instructions, inline or not, touch no status flags.
sensitive_between:
    mov ecx, 500
.loop:
    mov eax, ecx
    and eax, CF | PF | AF | ZF | SF
    mov esi, eax
    push eax
    popfd
    sti
    cli
    mov eax, cr0
    mov cr0, eax
    mov eax, cr3
    mov cr3, eax
    mov eax, cr2
    mov eax, ds
    mov ds, eax
    push es
    pop es
    push fs
    pop fs
    mov eax, ss
    mov ss, eax
    rdtsc
    sidt [descriptor]
    sgdt [descriptor]
    lgdt [gdt_pointer]
    lidt [idt_pointer]
    str eax
    smsw eax
    clts
    in al, 0x21
    out 0x21, al
    invlpg [PAGE]
    mov eax, dr7
    mov dr7, eax
    jmp CODE32:.far
.far:
    want_flags esi, "sensitive instructions"
    xor eax, eax
    push ecx
    push esi
    popfd
    cpuid
    want_flags esi, "CPUID"
    mov ecx, 0x174
    push esi
    popfd
    rdmsr
    wrmsr
    want_flags esi, "RDMSR and WRMSR"
    pop ecx
    dec ecx
    jnz .loop
    ret

; 4096-bit addition and subtraction by LOOP and LEA, where CF lives through the whole loop.
multiword:
    mov ecx, 128
    mov eax, 0xfedcba98
.fill:
    mov [PAGE + 0x800 + ecx * 4 - 4], eax
    rol eax, 3
    imul eax, eax, 69069
    mov [PAGE + 0xa00 + ecx * 4 - 4], eax
    xor eax, 0x5bd1e995
    loop .fill
    mov edx, 100
.round:
    mov ecx, 128
    mov esi, 0
    clc
.add:
    mov eax, [PAGE + 0x800 + esi * 4]
    adc eax, [PAGE + 0xa00 + esi * 4]
    mov [PAGE + 0xc00 + esi * 4], eax
    inc esi
    dec ecx
    jnz .add
    mov ecx, 128
    mov esi, 0
    clc
.subtract:
    mov eax, [PAGE + 0xc00 + esi * 4]
    sbb eax, [PAGE + 0xa00 + esi * 4]
    mov [PAGE + 0xc00 + esi * 4], eax
    lea esi, [esi + 1]
    loop .subtract
    mov ecx, 128
    mov esi, PAGE + 0x800
    mov edi, PAGE + 0xc00
    repe cmpsd
    jne .bad
    add dword [PAGE + 0x800], 0x1234567
    dec edx
    jnz .round
    ret
.bad:
    fail "a - b + b"

section .data
descriptor: dq 0
section .text
