; Virtual-8086 mode with CR4.VME: VIF instead of IF, and software interrupts redirected by the bitmap in the TSS
; (SDM 3B 21.3.3, 21.4). Passes at once where CPUID has no VME.
;
; Expect: status 33, output "PASS vme"
%include "guest.inc"
%include "v86.inc"
test_name "vme"

VIF equ 0x80000
VIP equ 0x100000
REDIRECTION equ tss + 104       ; 32 bytes below the I/O bitmap, which moves up for them
INT_BIT equ REDIRECTION + 0x40 / 8

main:
    mov eax, 1
    cpuid
    test edx, 2
    jz .done
    call install_v86
    mov word [tss + 102], 104 + 32
    mov eax, cr4
    or eax, 1
    mov cr4, eax
    call interrupt_flag
    call pending
    call redirected
    call at_iopl_3
.done:
    ret

; At IOPL 0 CLI, STI, PUSHF, POPF work on VIF; PUSHF shows it as IF, with IOPL 3.
interrupt_flag:
    mov dword [v86_flags], 2
    run_v86 do_sti
    mov eax, [v86_frame + frame.eflags]
    expect_bits eax, VIF | 0x200, VIF, "flags after STI"
    mov dword [v86_flags], VIF | 2
    run_v86 do_cli
    mov eax, [v86_frame + frame.eflags]
    expect_bits eax, VIF | 0x200, 0, "flags after CLI"
    mov dword [v86_flags], VIF | 2
    run_v86 do_pushf
    movzx eax, word [flags_seen]
    expect_bits eax, 0x3200, 0x3200, "what PUSHF shows with VIF set"
    mov dword [v86_flags], 0x202
    run_v86 do_pushf
    movzx eax, word [flags_seen]
    expect_bits eax, 0x3200, 0x3000, "what PUSHF shows with VIF clear and IF set"
    mov dword [v86_flags], 2
    run_v86 do_popf
    mov eax, [v86_frame + frame.eflags]
    expect_bits eax, VIF | 0x3200, VIF, "flags after POPF with IF and IOPL 3"
    expect_v86_fault do_pushfd, EXC_GP, 0
    ret

; STI, or POPF setting IF, with an interrupt pending (VIP) calls the monitor.
pending:
    mov dword [v86_flags], VIP | 2
    expect_v86_fault do_sti, EXC_GP, 0
    mov word [0x7000], 0x3202           ; what it will find on its stack
    expect_v86_fault do_popf.instruction, EXC_GP, 0
    run_v86 do_cli
    expect [fault_vector], EXC_BP, "CLI with VIP"
    ret

; Bit clear: INT goes through the 8086 table at 0, in V86 mode. Bit set, at IOPL 0: #GP.
redirected:
    mov word [0x40 * 4], service
    mov word [0x40 * 4 + 2], 0
    mov byte [INT_BIT], 0
    mov dword [v86_flags], VIF | 2
    mov dword [fault_count], 0
    run_v86 do_int
    expect [fault_count], 1, "exceptions on the way: only the last INT3"
    movzx eax, word [flags_seen]
    expect_bits eax, 0x3200, 0x3200, "flags pushed by a redirected INT"
    movzx eax, word [flags_inside]
    expect_bits eax, 0x200, 0, "virtual IF inside"
    mov eax, [v86_frame + frame.eflags]
    expect_bits eax, VIF, VIF, "VIF after IRET"
    mov byte [INT_BIT], 1
    expect_v86_fault do_int, EXC_GP, 0
    ret

; At IOPL 3 VIF plays no part; a set bit leads to the protected-mode gate.
at_iopl_3:
    mov dword [v86_flags], 0x3002
    mov byte [INT_BIT], 1
    mov byte [idt + 0x40 * 8 + 5], 0xee
    set_handler 0x40, leave_v86
    run_v86 do_int
    expect [fault_vector], 0x40, "vector of INT with its bit set, at IOPL 3"
    mov byte [INT_BIT], 0
    run_v86 do_int
    expect [fault_vector], EXC_BP, "INT with its bit clear, at IOPL 3"
    run_v86 do_sti
    mov eax, [v86_frame + frame.eflags]
    expect_bits eax, VIF | 0x200, 0x200, "flags after STI at IOPL 3"
    ret

section .real
bits 16

do_sti:
    sti
    int3
do_cli:
    cli
    int3
do_pushf:
    pushf
    pop word [flags_seen]
    int3
do_pushfd:
    pushfd
    int3
do_popf:
    push word 0x3202
.instruction:
    popf
    int3
do_int:
    int 0x40
    int3
service:
    mov bp, sp
    mov ax, [bp + 4]
    mov [flags_seen], ax
    pushf
    pop word [flags_inside]
    iret
flags_seen:   dw 0
flags_inside: dw 0
