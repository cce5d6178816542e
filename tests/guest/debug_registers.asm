; Breakpoints: instruction (a fault, RF), data (a trap), I/O (CR4.DE), general detect, DR4 and DR5 (SDM 3B 18.2, 18.3).
;
; Expect: status 33, output "PASS debug_registers"
%include "guest.inc"
%include "exceptions.inc"
test_name "debug_registers"

main:
    call install_exceptions
    set_handler EXC_DB, note
    call instruction
    call data_write
    call data_access
    call disabled
%ifndef QEMU_TCG
    call general_detect
%endif
    call aliases
    call port
    ret

note:
    inc dword [hits]
    mov eax, [ebx + frame.eip]
    mov [hit_eip], eax
    mov eax, dr6
    mov [hit_dr6], eax
    xor eax, eax
    mov dr6, eax
    mov eax, [ebx + frame.eflags]
    mov [hit_flags], eax
    or dword [ebx + frame.eflags], 0x10000  ; RF: an instruction breakpoint must not hit again
    ret

%macro arm 3                    ; REGISTER, ADDRESS, DR7
    mov dword [hits], 0
    xor eax, eax
    mov dr6, eax
    mov eax, %2
    mov %1, eax
    mov eax, %3
    mov dr7, eax
%endmacro
%macro disarm 0
    mov eax, 0x400
    mov dr7, eax
%endmacro
%macro expect_hit 3             ; DR6 BITS, EIP, "what"
    expect [hits], 1, {"hits of ", %3}
    expect [hit_eip], %2, {"saved EIP of ", %3}
    mov eax, [hit_dr6]
    expect_bits eax, 0xe00f, %1, {"DR6 of ", %3}
%endmacro

; Before the instruction. The saved RF is what it was; for every other fault it is set (SDM 3B 18.3.1.1).
instruction:
    arm dr0, .target, 0x402     ; G0
    nop
.target:
    nop
    disarm
    expect_hit 1, .target, "an instruction breakpoint"
    mov eax, [hit_flags]
    expect_bits eax, 0x10000, 0, "RF in the saved flags of a breakpoint"
%ifndef QEMU_TCG
    catch_fault ud2
    mov eax, [fault_eflags]
    expect_bits eax, 0x10000, 0x10000, "RF in the saved flags of another fault"
%endif
    arm dr3, .loop, 0x440       ; L3; hits in every turn
    mov ecx, 3
.loop:
    dec ecx
    jnz .loop
    disarm
    expect [hits], 3, "hits in a loop of three"
    ret

; After the instruction; length counts.
data_write:
    arm dr1, watched, 0x00d00408    ; G1, write, 4 bytes
    mov eax, [watched]              ; reading does not count
    mov dword [watched], 5
.after:
    nop
    disarm
    expect_hit 2, .after, "a write breakpoint"
    arm dr1, watched, 0x00d00408
    mov byte [watched + 3], 5
.after_byte:
    nop
    disarm
    expect_hit 2, .after_byte, "a write to the last byte watched"
    arm dr1, watched, 0x00d00408
    mov byte [watched + 4], 5
    mov dword [watched - 4], 5
    disarm
    expect [hits], 0, "hits beside the bytes watched"
    arm dr1, watched, 0x00d00408
    mov dword [watched - 2], 5
.after_wide:
    nop
    disarm
    expect_hit 2, .after_wide, "a write that overlaps the bytes watched"
    ret

data_access:
    arm dr2, watched, 0x03000420    ; G2, read or write, 1 byte
    mov eax, [watched]
.after:
    nop
    disarm
    expect_hit 4, .after, "a read of a watched byte"
    arm dr2, watched, 0x03000420
    push dword [watched]
.after_push:
    nop
    disarm
    add esp, 4
    expect_hit 4, .after_push, "a read by PUSH"
    ret

disabled:
    arm dr0, watched, 0x000d0400
    mov dword [watched], 1
    disarm
    expect [hits], 0, "hits with G0 and L0 clear"
    ret

; GD: a fault before any access to a debug register, with BD; the exception clears GD.
general_detect:
    arm dr0, 0, 0x2400
.at:
    mov eax, dr0
    mov eax, dr7
    expect_bits eax, 0x2000, 0, "GD after the exception"
    disarm
    expect_hit 0x2000, .at, "a general-detect fault"
    ret

aliases:
    mov eax, 0x1234
    mov dr0, eax
    mov eax, dr4                    ; without CR4.DE: DR6
    mov ecx, dr6
    expect eax, ecx, "DR4 without DE"
    mov ecx, cr4
    or ecx, 8
    mov cr4, ecx
    expect_fault EXC_UD, NO_ERROR, mov eax, dr4
    expect_fault EXC_UD, NO_ERROR, mov dr5, eax
%ifndef QEMU_TCG
    mov eax, 0xd800                 ; what always reads as one or zero
    mov dr7, eax
    mov eax, dr7
    expect_bits eax, 0x0000dc00, 0x00000400, "bits of DR7 that are fixed"
%endif
    disarm
    ret

; Length and type 2: a port, with CR4.DE set.
port:
    arm dr0, 0x80, 0x00020402
    out 0x80, al
.after:
    nop
    disarm
    expect_hit 1, .after, "a port breakpoint"
    mov ecx, cr4
    and ecx, ~8
    mov cr4, ecx
    ret

section .data
hits:      dd 0
hit_eip:   dd 0
hit_dr6:   dd 0
hit_flags: dd 0
align 16
           dd 0
watched:   dd 0, 0
