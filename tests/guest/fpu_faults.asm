; When floating-point and vector instructions fault: TS, EM, MP, NE, OSFXSR, unmasked exceptions (SDM 3A 2.5, 14.1).
;
; Expect: status 33, output "PASS fpu_faults"
%include "guest.inc"
%include "pic.inc"
test_name "fpu_faults"

main:
    call install_exceptions
    call install_pics
    call device_not_available
    call unmasked_x87
    call vector_gates
    call unmasked_sse
    ret

%macro set_cr0 2                ; CLEAR, SET
    mov eax, cr0
    and eax, ~(%1)
    or eax, %2
    mov cr0, eax
%endmacro

MP equ 2
EM equ 4
TASK_SWITCHED equ 8
NE equ 0x20

device_not_available:
    set_cr0 EM | TASK_SWITCHED | MP, NE
    fninit
    set_cr0 0, TASK_SWITCHED
    expect_fault EXC_NM, NO_ERROR, fld1
    expect_no_fault fwait                   ; needs MP as well
    set_cr0 0, MP
    expect_fault EXC_NM, NO_ERROR, fwait
    clts
    expect_no_fault fld1
    set_cr0 MP, EM
    expect_fault EXC_NM, NO_ERROR, fld1
    expect_no_fault fwait
    expect_fault EXC_UD, NO_ERROR, paddb mm0, mm1
    set_cr0 EM, MP
    fninit
    ret

; The exception is reported by the next waiting instruction, not by the one that caused it.
unmasked_x87:
    fninit
    push dword 0x37b            ; divide by zero unmasked
    fldcw [esp]
    add esp, 4
    fld1
    fldz
    expect_no_fault fdivp st1, st0
    expect_fault EXC_MF, NO_ERROR, fwait
    expect_fault_sdm EXC_MF, NO_ERROR, fld1
    expect_no_fault fnstsw ax
    expect_bits eax, 0x84, 0x84, "status word: ES and ZE"
    expect_no_fault fnclex
    expect_no_fault fwait
    fninit
    ret

; SSE needs CR4.OSFXSR, AVX OSXSAVE and XCR0.
vector_gates:
    mov eax, 1
    cpuid
    test edx, 1 << 25
    jz .done
    mov eax, cr4
    and eax, ~0x600
    mov cr4, eax
    expect_fault EXC_UD, NO_ERROR, xorps xmm0, xmm0
    expect_fault EXC_UD, NO_ERROR, ldmxcsr [mxcsr_divide]
    or eax, 0x200
    mov cr4, eax
    expect_no_fault xorps xmm0, xmm0
    set_cr0 0, TASK_SWITCHED
    expect_fault EXC_NM, NO_ERROR, xorps xmm0, xmm0
    clts
    set_cr0 0, EM
    expect_fault EXC_UD, NO_ERROR, xorps xmm0, xmm0
    set_cr0 EM, 0
    expect_fault EXC_GP, 0, movaps xmm0, [SCRATCH + 4]
    expect_no_fault movups xmm0, [SCRATCH + 4]
    expect_fault_sdm EXC_GP, 0, ldmxcsr [mxcsr_reserved]
.done:
    ret

; #XM with CR4.OSXMMEXCPT, #UD without; MXCSR tells the cause.
unmasked_sse:
    mov eax, 1
    cpuid
    test edx, 1 << 25
    jz .done
    ldmxcsr [mxcsr_divide]
    movss xmm0, [one]
    xorps xmm1, xmm1
    expect_fault_sdm EXC_UD, NO_ERROR, divss xmm0, xmm1
    mov eax, cr4
    or eax, 0x400
    mov cr4, eax
    expect_fault_sdm EXC_XM, NO_ERROR, divss xmm0, xmm1
    movss [SCRATCH], xmm0
%ifndef QEMU_TCG
    expect [SCRATCH], 0x3f800000, "destination of the division that faulted"
    stmxcsr [SCRATCH]
    mov eax, [SCRATCH]
    expect_bits eax, 0x3f, 0x04, "flags in MXCSR"
%endif
.done:
    ret

section .data
align 16
mxcsr_divide:   dd 0x1d80       ; divide by zero unmasked
mxcsr_reserved: dd 0xffff0000
one:            dd 1.0
