; Interrupt and trap gates: what is pushed, what happens to IF, and what a bad gate raises (SDM 3A 6.12, 6.13).
;
; Expect: status 33, output "PASS interrupts"
%include "guest.inc"
%include "user.inc"
test_name "interrupts"

main:
    call install_exceptions
    call install_tss
    call gates_and_flags
    call software_interrupts
    call bad_gates
    call wide_and_narrow
    run_user from_level_3
    ret

; An interrupt gate clears IF, a trap gate keeps it; both clear TF, NT, RF.
gates_and_flags:
    set_gate idt + 0x40 * 8, CODE32, note_flags, 0x8e, 0
    set_gate idt + 0x41 * 8, CODE32, note_flags, 0x8f, 0
    sti
    int 0x40
    expect_bits eax, 0x200, 0, "IF behind an interrupt gate"
    int 0x41
    expect_bits eax, 0x200, 0x200, "IF behind a trap gate"
    pushfd
    or dword [esp], 0x4000      ; NT
    popfd
    int 0x41
    expect_bits eax, 0x4000, 0, "NT behind a trap gate"
    expect_bits edx, 0x4000, 0x4000, "NT in the pushed flags"
    pushfd
    and dword [esp], ~0x4000
    popfd
    cli
    ret

note_flags:
    pushfd
    pop eax
    mov edx, [esp + 8]
    and dword [esp + 8], ~0x4000
    iretd

software_interrupts:
    mov dword [resume_at], .after_int3
.at_int3:
    int3
.after_int3:
    expect [fault_vector], EXC_BP, "vector of INT3"
    expect [fault_eip], .at_int3 + 1, "saved EIP of INT3: behind it"
    mov al, 0x7f
    add al, 1
    mov dword [resume_at], .after_into
.at_into:
    into
.after_into:
    expect [fault_vector], EXC_OF, "vector of INTO"
    expect [fault_eip], .at_into + 1, "saved EIP of INTO: behind it"
    xor eax, eax
    expect_no_fault into
    mov eax, 5
    expect_no_fault bound eax, [bounds]
    mov eax, 11
    expect_fault EXC_BR, NO_ERROR, bound eax, [bounds]
    ret

bad_gates:
    mov byte [idt + 0x50 * 8 + 5], 0x0e         ; not present
    expect_fault EXC_NP, 0x50 * 8 + 2, int 0x50
    mov byte [idt + 0x51 * 8 + 5], 0x8c         ; a call gate has no place here
    expect_fault EXC_GP, 0x51 * 8 + 2, int 0x51
    mov word [idt + 0x52 * 8 + 2], 0            ; null code segment
    expect_fault EXC_GP, 0, int 0x52
    mov word [idt + 0x53 * 8 + 2], DATA32       ; not code
    expect_fault EXC_GP, DATA32, int 0x53
    mov word [idt_pointer], 0x60 * 8 - 1        ; shorter table
    lidt [idt_pointer]
    expect_fault EXC_GP, 0x60 * 8 + 2, int 0x60
    mov word [idt_pointer], 256 * 8 - 1
    lidt [idt_pointer]
    mov byte [idt + EXC_UD * 8 + 5], 0x0e
    expect_fault_sdm EXC_NP, EXC_UD * 8 + 3, ud2    ; EXT: it came while an exception was delivered
    mov byte [idt + EXC_UD * 8 + 5], 0x8e
    ret

; A 16-bit gate pushes words and takes a 16-bit offset. IRET could not come back from it: the offset that it saved has
; lost its upper half.
wide_and_narrow:
    set_descriptor FREE, 0x100000, 0xffff, 0x9a, 4          ; its base brings the handler within 16 bits
    set_gate idt + 0x54 * 8, FREE, narrow_handler - 0x100000, 0x86, 0
    mov ebx, esp
    int 0x54
.after:
    fail "came back from a 16-bit gate by itself"
narrow_handler:
    movzx eax, word [esp]
    mov ecx, wide_and_narrow.after
    and ecx, 0xffff
    expect eax, ecx, "IP pushed by a 16-bit gate"
    movzx eax, word [esp + 2]
    expect eax, CODE32, "CS pushed by a 16-bit gate"
    mov edx, ebx
    sub edx, esp
    expect edx, 6, "bytes pushed by a 16-bit gate"
    mov esp, ebx
    jmp CODE32:.out
.out:
    ret

; From level 3 the stack is the TSS's, with the user's SS:ESP on it.
from_level_3:
    set_handler EXC_UD, .note
    ud2
.at:
    int 0x80
.note:
    lea eax, [ebx + frame.ss + 4]
    expect eax, [tss + 4], "stack of a handler: ESP0 downwards"
    expect [ebx + frame.ss], USER_DATA, "saved SS"
    expect [ebx + frame.esp], USER_STACK_TOP, "saved ESP"
    expect [ebx + frame.cs], USER_CODE, "saved CS"
    mov dword [ebx + frame.eip], .at
    ret

section .data
bounds: dd 1, 10
