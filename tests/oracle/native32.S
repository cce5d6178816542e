// From 64-bit code into one 32-bit or 16-bit instruction and back. See native32.h.
#include "layout.h"

#define FLAGS_PLAIN 0x202
#define FLAG_AC 0x40000

        .intel_syntax noprefix
        .text

// FS and GS as C++ has them: thread-local data lie behind FS. Changes RAX.
        .macro load_host_bases
        xor eax, eax
        mov fs, eax
        mov gs, eax
        mov rax, qword ptr [ORACLE_STATE + STATE_HOST_FS_BASE]
        wrfsbase rax
        mov rax, qword ptr [ORACLE_STATE + STATE_HOST_GS_BASE]
        wrgsbase rax
        .endm

// void native32_run(): everything goes through the state block at its fixed address. EFLAGS.AC may be set from the POPFQ
// on: all accesses from there are aligned.
        .globl native32_run
        .type native32_run, @function
native32_run:
        push rbx
        push rbp
        push r12
        push r13
        push r14
        push r15
        mov qword ptr [ORACLE_STATE + STATE_HOST_STACK], rsp
        lea rax, [rip + native32_return]
        mov qword ptr [ORACLE_STATE + STATE_HOST_RETURN], rax
        mov eax, 7
        xor edx, edx
        xrstor [ORACLE_STATE + STATE_FPU]
        mov ds, word ptr [ORACLE_STATE + STATE_DS]
        mov es, word ptr [ORACLE_STATE + STATE_ES]
        mov fs, word ptr [ORACLE_STATE + STATE_FS]
        mov gs, word ptr [ORACLE_STATE + STATE_GS]
        push qword ptr [ORACLE_STATE + STATE_EFLAGS]
        popfq
        mov ecx, dword ptr [ORACLE_STATE + STATE_GPR + 4]
        mov edx, dword ptr [ORACLE_STATE + STATE_GPR + 8]
        mov ebx, dword ptr [ORACLE_STATE + STATE_GPR + 12]
        mov ebp, dword ptr [ORACLE_STATE + STATE_GPR + 20]
        mov esi, dword ptr [ORACLE_STATE + STATE_GPR + 24]
        mov edi, dword ptr [ORACLE_STATE + STATE_GPR + 28]
        mov ss, word ptr [ORACLE_STATE + STATE_SS]
        mov esp, dword ptr [ORACLE_STATE + STATE_GPR + 16]
        mov eax, dword ptr [ORACLE_STATE + STATE_GPR]
        jmp fword ptr [ORACLE_STATE + STATE_TARGET]

native32_return:
        // C++ expects the ABI's modes, not those of the test case.
        push FLAGS_PLAIN
        popfq
        mov eax, SELECTOR_DATA
        mov ss, eax
        mov ds, eax
        mov es, eax
        load_host_bases
        fninit
        push 0x1f80
        ldmxcsr [rsp]
        pop rax
        pop r15
        pop r14
        pop r13
        pop r12
        pop rbp
        pop rbx
        ret
        .size native32_run, . - native32_run

// The signal handler's entry. The kernel leaves EFLAGS.AC as it was, and C++ code may be misaligned; it leaves DS, ES, FS
// and GS too, but SS and CS are in the frame. Signals that are not of the instruction under test find FS and GS as they
// should be, and store what nobody reads.
        .globl native32_on_signal
        .type native32_on_signal, @function
native32_on_signal:
        pushfq
        and dword ptr [rsp], ~FLAG_AC
        popfq
        mov word ptr [ORACLE_STATE + STATE_ES], es
        mov word ptr [ORACLE_STATE + STATE_DS], ds
        mov word ptr [ORACLE_STATE + STATE_FS], fs
        mov word ptr [ORACLE_STATE + STATE_GS], gs
        load_host_bases
        jmp native32_handle_signal
        .size native32_on_signal, . - native32_on_signal

// Copied to ORACLE_TRAMPOLINE, once for each landing: 64-bit code at a 32-bit address. `landing` is patched in.
        .globl native32_trampoline
        .globl native32_trampoline_landing
        .globl native32_trampoline_end
native32_trampoline:
        mov dword ptr [ORACLE_STATE + STATE_GPR], eax
        mov dword ptr [ORACLE_STATE + STATE_GPR + 4], ecx
        mov dword ptr [ORACLE_STATE + STATE_GPR + 8], edx
        mov dword ptr [ORACLE_STATE + STATE_GPR + 12], ebx
        mov dword ptr [ORACLE_STATE + STATE_GPR + 16], esp
        mov dword ptr [ORACLE_STATE + STATE_GPR + 20], ebp
        mov dword ptr [ORACLE_STATE + STATE_GPR + 24], esi
        mov dword ptr [ORACLE_STATE + STATE_GPR + 28], edi
        mov rsp, qword ptr [ORACLE_STATE + STATE_HOST_STACK]
        pushfq
        pop qword ptr [ORACLE_STATE + STATE_EFLAGS]
        mov word ptr [ORACLE_STATE + STATE_ES], es
        mov word ptr [ORACLE_STATE + STATE_SS], ss
        mov word ptr [ORACLE_STATE + STATE_DS], ds
        mov word ptr [ORACLE_STATE + STATE_FS], fs
        mov word ptr [ORACLE_STATE + STATE_GS], gs
        mov eax, 7
        xor edx, edx
        xsave [ORACLE_STATE + STATE_FPU]
        mov dword ptr [ORACLE_STATE + STATE_LANDING], 0x11111111
native32_trampoline_landing:
        jmp qword ptr [ORACLE_STATE + STATE_HOST_RETURN]
native32_trampoline_end:

        .section .note.GNU-stack, "", @progbits
