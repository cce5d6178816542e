// Into ring 3 and back.

    .text

// u32 enter_user(u32 entry, u32 user_stack): leaves for ring 3 with IRET, interrupts on. Returns when somebody calls
// leave_user(), with what that passes.
    .globl enter_user
enter_user:
    mov 4(%esp), %ecx
    mov 8(%esp), %edx
    push %ebp
    push %ebx
    push %esi
    push %edi
    mov %esp, resume_esp
    mov $0x23, %eax             // user_data
    mov %eax, %ds
    mov %eax, %es
    push $0x23                  // SS, ESP, EFLAGS (IF), CS, EIP: what IRET takes (SDM 2A IRET)
    push %edx
    push $0x202
    push $0x1b                  // user_code
    push %ecx
    iret

// void leave_user(u32 result): drops the interrupt's frame and returns from enter_user(). Interrupts are off.
    .globl leave_user
leave_user:
    mov 4(%esp), %eax
    mov resume_esp, %esp
    pop %edi
    pop %esi
    pop %ebx
    pop %ebp
    ret

    .bss
    .balign 4
resume_esp:
    .skip 4

    .section .note.GNU-stack, "", @progbits
