// The three entries of native_entry.h. Stack while the stub runs: [rsp] return address (by which the signal handler
// knows the entry), then the host's MXCSR. rbx is the frame throughout, rsi the state outside the stub.
//
// MXCSR: its sticky flags are nobody's in the ABI, only its control bits are preserved. So the guest's flags simply stay
// in the register when the host goes on. That is worth much: STMXCSR after an LDMXCSR that changed a flag costs 65 ns on
// Emerald Rapids (one that changed control bits only: none), and in the common case nothing is loaded at all.
#include "host/native_offsets.h"

#define HOST_MXCSR 8
#define MXCSR_FLAGS 0x3f
#define FSW_TOP_HIGH 0x38   // TOP, in the status word's second byte

    .macro ENTER name
    .globl  \name
    .type   \name, @function
    .balign 16
\name:
    .cfi_startproc
    push    %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    sub     $16, %rsp
    .cfi_adjust_cfa_offset 16
    stmxcsr HOST_MXCSR(%rsp)
    mov     %rdi, %rbx
    mov     NATIVE_FRAME_STATE(%rbx), %rsi
    .endm

    .macro LEAVE name
    add     $16, %rsp
    .cfi_adjust_cfa_offset -16
    pop     %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    ret
    .cfi_endproc
    .size   \name, . - \name
    .endm

    // Runs the stub with the guest's general registers and flags. Only MOVs follow SAHF, and precede LAHF.
    .macro CALL_STUB returned
    lea     NATIVE_FRAME_MEMORY(%rbx), %rdi
    mov     NATIVE_FRAME_FLAGS(%rbx), %ah
    sahf
    mov     NATIVE_FRAME_RAX(%rbx), %rax
    mov     NATIVE_FRAME_RCX(%rbx), %rcx
    mov     NATIVE_FRAME_RDX(%rbx), %rdx
    call    *NATIVE_FRAME_CODE(%rbx)
    .globl  \returned
\returned:
    mov     %rax, NATIVE_FRAME_RAX(%rbx)
    mov     %rcx, NATIVE_FRAME_RCX(%rbx)
    lahf
    seto    %al
    mov     %ah, NATIVE_FRAME_FLAGS(%rbx)
    mov     %al, NATIVE_FRAME_OVERFLOW(%rbx)
    mov     NATIVE_FRAME_STATE(%rbx), %rsi
    .endm

    // After a signal in the stub: rax is the signal's number, the stub's return address is still on the stack.
    .macro FAULT_EXIT label
    .globl  \label
\label:
    add     $8, %rsp
    .cfi_adjust_cfa_offset -8
    mov     NATIVE_FRAME_STATE(%rbx), %rsi
    stmxcsr NATIVE_STATE_MXCSR(%rsi)
    RESTORE_HOST_MXCSR
    .endm

    .macro LOAD_MXCSR
    mov     NATIVE_STATE_MXCSR(%rsi), %eax
    cmp     HOST_MXCSR(%rsp), %eax
    je      8f
    ldmxcsr NATIVE_STATE_MXCSR(%rsi)
8:
    .endm

    // The guest's MXCSR lies in the state already; the host gets its own control bits back. Keeps rax.
    .macro RESTORE_HOST_MXCSR
    mov     HOST_MXCSR(%rsp), %ecx
    xor     NATIVE_STATE_MXCSR(%rsi), %ecx
    and     $~MXCSR_FLAGS, %ecx
    jz      9f
    xor     NATIVE_STATE_MXCSR(%rsi), %ecx
    mov     %ecx, HOST_MXCSR(%rsp)
    ldmxcsr HOST_MXCSR(%rsp)
9:
    .endm

    .macro EACH_REGISTER operation
    .irp    number, 0, 1, 2, 3, 4, 5, 6, 7
    \operation \number
    .endr
    .endm

    .macro LOAD_XMM number
    movaps  (NATIVE_STATE_XMM + 16 * \number)(%rsi), %xmm\number
    .endm
    .macro STORE_XMM number
    movaps  %xmm\number, (NATIVE_STATE_XMM + 16 * \number)(%rsi)
    .endm
    .macro LOAD_YMM number
    vmovaps (NATIVE_STATE_XMM + 16 * \number)(%rsi), %xmm\number
    vinsertf128 $1, (NATIVE_STATE_YMM_HIGH + 16 * \number)(%rsi), %ymm\number, %ymm\number
    .endm
    .macro STORE_YMM number
    vmovaps %xmm\number, (NATIVE_STATE_XMM + 16 * \number)(%rsi)
    vextractf128 $1, %ymm\number, (NATIVE_STATE_YMM_HIGH + 16 * \number)(%rsi)
    .endm

    .text

    ENTER   ring3_native_enter_sse
    LOAD_MXCSR
    EACH_REGISTER LOAD_XMM
    CALL_STUB ring3_native_returned_sse
    EACH_REGISTER STORE_XMM
    stmxcsr NATIVE_STATE_MXCSR(%rsi)
    RESTORE_HOST_MXCSR
    xor     %eax, %eax
1:
    LEAVE   ring3_native_enter_sse
    .cfi_startproc
    .cfi_def_cfa_offset 40
    .cfi_offset %rbx, -16
    FAULT_EXIT ring3_native_fault_sse
    jmp     1b
    .cfi_endproc

    ENTER   ring3_native_enter_avx
    LOAD_MXCSR
    EACH_REGISTER LOAD_YMM
    CALL_STUB ring3_native_returned_avx
    EACH_REGISTER STORE_YMM
    vzeroupper
    stmxcsr NATIVE_STATE_MXCSR(%rsi)
    RESTORE_HOST_MXCSR
    xor     %eax, %eax
1:
    LEAVE   ring3_native_enter_avx
    .cfi_startproc
    .cfi_def_cfa_offset 40
    .cfi_offset %rbx, -16
    FAULT_EXIT ring3_native_fault_avx
    vzeroupper
    jmp     1b
    .cfi_endproc

    // FXRSTOR and FXSAVE are faster than XRSTOR and XSAVE of the x87 component alone, and bring XMM along, which the
    // conversions between MMX and XMM need. FXSAVE does not wait, so an exception that the instruction left pending
    // lands in the image; FNINIT then drops it before anything on the host could trap on it. Without one, the registers
    // are freed one by one: that keeps TOP, as FNINIT and EMMS do not, and a change of TOP costs the next FXRSTOR 37 ns.
    // Where TOP is 0, as MMX leaves it, EMMS is quicker.
    ENTER   ring3_native_enter_x87
    fxrstor (%rsi)
    CALL_STUB ring3_native_returned_x87
    fxsave  (%rsi)
    testb   $0x80, NATIVE_STATE_FSW(%rsi)
    jnz     2f
    testb   $FSW_TOP_HIGH, NATIVE_STATE_FSW + 1(%rsi)
    jz      4f
    .irp    number, 0, 1, 2, 3, 4, 5, 6, 7
    ffree   %st(\number)
    .endr
    fldcw   abi_fcw(%rip)
3:
    RESTORE_HOST_MXCSR
    xor     %eax, %eax
1:
    LEAVE   ring3_native_enter_x87
    .cfi_startproc
    .cfi_def_cfa_offset 40
    .cfi_offset %rbx, -16
    FAULT_EXIT ring3_native_fault_x87
    fninit
    jmp     1b
2:
    fninit
    jmp     3b
4:
    emms
    fldcw   abi_fcw(%rip)
    jmp     3b
    .cfi_endproc

    .section .rodata
    .balign 2
abi_fcw:
    .short  0x37f

    .section .note.GNU-stack, "", @progbits
