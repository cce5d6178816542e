; Stacks at the edges: segment registers through memory, a 16-bit SS, ESP that wraps at 4 GiB (SDM 1 6.2.3, 6.2.4; 2B
; PUSH, POP; 3A 5.3, 6.8.3).
;
; Attacks: ESP updated in 32 bits where SP counts, pushes lowered to accesses below a window, SS loaded in mid-sequence.
;
; Expect: status 33, output "PASS stack_edges"
%include "guest.inc"
%include "user.inc"
%include "pages.inc"
%include "hot.inc"
test_name "stack_edges"

OTHER_STACK equ SCRATCH + 0x8000

main:
    call install_exceptions
    call install_tss
    call segment_registers
    call narrow_stack
    call wrapping
    ret

; Level 0 only: all segment registers go over the stack; SS changes between two pushes.
segment_registers:
    mov ecx, 500
.loop:
    push es
    push ds
    push fs
    push gs
    push ss
    push cs
    pop eax
    same eax, CODE32, "CS from the stack"
    pop ss
    pop gs
    pop fs
    pop ds
    pop es
    mov ebx, esp
    push dword 0x11
    mov eax, ss
    mov ss, eax
    push dword 0x22
    lss esp, [.pointer]
    push dword 0x33
    mov eax, esp
    mov esp, ebx
    same eax, OTHER_STACK - 4, "ESP by LSS"
    same [OTHER_STACK - 4], 0x33, "PUSH behind LSS"
    mov edx, [ebx - 8]
    same edx, 0x22, "PUSH behind MOV SS"
    dec ecx
    jnz .loop
    ret
section .data
.pointer: dd OTHER_STACK
          dw DATA32
section .text

; A 16-bit stack: only SP counts, and it wraps at 64 KiB.
narrow_stack:
    mov ecx, 500
.loop:
    mov ebx, esp
    mov esp, 0x12340002
    mov ax, DATA16
    mov ss, ax
    push word 0x4321
    push word 0x8765
    mov eax, esp
    call .function
    pop dx
    movzx edi, dx
    push dword [one]
    pop dword [two]
    mov sp, ax
    mov dx, DATA32
    mov ss, dx
    mov esp, ebx
    same eax, 0x1234fffe, "ESP after SP wrapped"
    same edi, 0x8765, "what was pushed at the top of 64 KiB"
    movzx eax, word [0]
    same eax, 0x4321, "what was pushed at the bottom"
    same [two], 0x11, "POP m32 on a 16-bit stack"
    dec ecx
    jnz .loop
    ret
.function:
    ret

; ESP wraps at 4 GiB, where a page is mapped for it (and at 0 there always is memory).
wrapping:
    call install_pages
    mov dword [DIRECTORY + 0xffc], 0x202000 + PAGE_ALL
    mov edi, 0x202000
    mov ecx, 1024
    xor eax, eax
    rep stosd
    mov dword [0x202ffc], FRAME(0) + PAGE_ALL
    reload_cr3
    call .at_level
    run_user .user
    ret
.user:
    call .at_level
    int 0x80
.at_level:
    mov [keep], esp
    mov ecx, 500
.loop:
    mov esp, 8
    push dword 0x11
    push dword 0x22
    push dword 0x33             ; at FFFFFFFCH
    mov edx, esp
    push dword 0x44
    pop eax
    pop ebx
    pop esi
    mov edi, esp
    mov esp, [keep]
    same edx, 0xfffffffc, "ESP below zero"
    same ebx, 0x33, "POP at FFFFFFFCH"
    same esi, 0x22, "POP at 0, behind FFFFFFFCH"
    same edi, 4, "ESP above zero"
    same [FRAME(0) + 0xffc], 0x33, "the dword at FFFFFFFCH"
    mov esp, 4
    call .function
    mov edx, esp
    mov esp, [keep]
    same eax, 0, "ESP in a function, with its return address at 0"
    same edx, 4, "ESP behind it"
    mov esp, 0
    call .function
    mov edx, esp
    mov esp, [keep]
    same eax, 0xfffffffc, "ESP in a function, with its return address at FFFFFFFCH"
    same edx, 0, "ESP behind it"
    mov esp, 2
    push dword 0x89abcdef       ; two bytes at the top, two at 0
    mov ax, [0]
    shl eax, 16
    mov ax, [FRAME(0) + 0xffe]
    pop edx
    mov esp, [keep]
    same eax, 0x89abcdef, "PUSH across the end"
    same edx, 0x89abcdef, "POP across the end"
    mov esp, 0x10
    mov eax, 0x1a1a1a1a
    mov ebx, 0x1b1b1b1b
    pushad
    mov edx, esp
    xor eax, eax
    popad
    mov esp, [keep]
    same eax, 0x1a1a1a1a, "EAX by PUSHAD and POPAD across the end"
    same ebx, 0x1b1b1b1b, "EBX by PUSHAD and POPAD across the end"
    dec ecx
    jnz .loop
    ret
.function:
    mov eax, esp
    ret

section .data
keep: dd 0
one:  dd 0x11
two:  dd 0
section .text
