; Real mode: addresses, interrupts, limits, operand-size prefixes, and the ways in and out (SDM 3A 10.9, 3B 21).
;
; Expect: status 33, output "PASS real_mode"
; QEMU 7.2's interpreter checks no segment limits.
%include "guest.inc"
%include "exceptions.inc"
%include "real.inc"
test_name "real_mode"

main:
    call install_exceptions
    call install_real
    call_real addresses
    expect [0x12345], 0x89abcdef, "store through DS = 1230H"
    movzx eax, word [sum]
    expect eax, 0x5555, "16-bit sum by BX+SI+displacement"
    expect [wide], 0x11112222, "32-bit register through a prefix"
    movzx eax, word [wrapped_stack]
    expect eax, 0xfffe, "SP after a push at 0"

    call_real interrupts
    movzx eax, word [pushed_ip]
    expect eax, interrupts.after, "IP pushed by INT"
    movzx eax, word [pushed_cs]
    expect eax, 0, "CS pushed by INT"
    movzx eax, word [flags_inside]
    expect_bits eax, 0x300, 0, "IF and TF inside"
    movzx eax, word [flags_after]
    expect_bits eax, 0x201, 0x201, "IF and CF after IRET"
    movzx eax, word [divide_ip]
    expect eax, interrupts.divide, "IP pushed by #DE: the instruction's"

    call_real machine_status
    movzx eax, word [status_seen]
    expect_bits eax, 1, 1, "PE after LMSW, before any jump"
    movzx eax, word [status_kept]
    expect_bits eax, 1, 1, "PE after LMSW tried to clear it"
    movzx eax, word [selector_kept]
    expect eax, 0, "CS right after PE was set"

    call_real big_segments
    expect [big_read], 0x77665544, "through a 4-GiB DS in real mode"
    expect [still_big], 0x77665544, "after DS was loaded again in real mode"
%ifndef QEMU_TCG
    call_real limits
    movzx eax, word [limit_faults]
    expect eax, 4, "faults at the 64-KiB limit"
    movzx eax, word [stack_fault_ip]
    expect eax, limits.stack, "IP pushed by #SS"
%endif
    ret

section .real
bits 16
%macro set_vector 2
    mov word [%1 * 4], %2
    mov word [%1 * 4 + 2], 0
%endmacro

addresses:
    mov ax, 0x1230
    mov ds, ax
    mov dword [0x45], 0x89abcdef
    xor ax, ax
    mov ds, ax
    mov bx, 0x8000
    mov word [0x500 + 0x10], 0x1111
    mov word [0x500 + 0x12], 0x4444
    mov bx, 0x500
    mov si, 0x10
    mov ax, [bx + si]
    add ax, [bx + si + 2]
    mov [sum], ax
    mov eax, 0x11110000
    add eax, 0x2222
    mov [wide], eax
    mov ax, 0x0600              ; a stack of its own: SP wraps from 0 to FFFEH
    mov ss, ax
    mov bx, sp
    xor sp, sp
    push ax
    mov [wrapped_stack], sp
    mov ss, [zero]
    mov sp, bx
    ret

interrupts:
    set_vector 0x60, .service
    set_vector 0, .on_divide
    sti
    stc
    int 0x60
.after:
    pushf
    pop word [flags_after]
    cli
    xor cx, cx
.divide:
    div cx
    ret
.service:
    mov bp, sp
    mov ax, [bp]
    mov [pushed_ip], ax
    mov ax, [bp + 2]
    mov [pushed_cs], ax
    pushf
    pop word [flags_inside]
    iret
.on_divide:
    mov bp, sp
    mov ax, [bp]
    mov [divide_ip], ax
    add word [bp], 2
    iret

; LMSW sets PE and cannot clear it; CS goes on as it was until a far jump.
machine_status:
    lgdt [real_gdt_pointer]
    smsw ax
    or al, 1
    lmsw ax
    smsw [status_seen]
    mov [selector_kept], cs
    and al, 0xfe
    lmsw ax
    smsw [status_kept]
    mov eax, cr0
    and al, 0xfe
    mov cr0, eax
    ret

; "Unreal" mode: real mode keeps the limit that protected mode loaded.
big_segments:
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov bx, DATA32
    mov ds, bx
    and al, 0xfe
    mov cr0, eax
    xor bx, bx
    mov ebx, SCRATCH
    mov dword [dword ebx], 0x77665544
    mov eax, [dword ebx]
    mov cx, 0
    mov ds, cx
    mov [big_read], eax
    mov eax, [dword ebx]
    mov [still_big], eax
    mov eax, cr0                ; and back to 64 KiB
    or al, 1
    mov cr0, eax
    mov bx, DATA16
    mov ds, bx
    and al, 0xfe
    mov cr0, eax
    mov ds, cx
    ret

; Vector 13, or 12 through SS, without an error code. Each try says where to go on.
%macro try 1+
    mov word [resume_ip], %%after
    %1
%%after:
%endmacro
limits:
    set_vector 13, .on_limit
    set_vector 12, .on_stack
    mov bx, 0xffff
    mov byte [bx], 1            ; the last byte is inside
    try mov ax, [bx]
    try mov eax, [bx - 2]
    mov ebx, 0x10000
    try mov al, [dword ebx]
    mov bp, 0xffff
    mov word [resume_ip], .done
.stack:
    mov ax, [bp]
.done:
    ret
.on_stack:
    push bp
    mov bp, sp
    mov ax, [bp + 2]
    mov [stack_fault_ip], ax
    pop bp
.on_limit:
    inc word [limit_faults]
    push bp
    mov bp, sp
    mov ax, [resume_ip]
    mov [bp + 2], ax
    pop bp
    iret

align 4
zero:           dw 0
sum:            dw 0
wide:           dd 0
wrapped_stack:  dw 0
pushed_ip:      dw 0
pushed_cs:      dw 0
flags_inside:   dw 0
flags_after:    dw 0
divide_ip:      dw 0
status_seen:    dw 0
status_kept:    dw 0
selector_kept:  dw 0
big_read:       dd 0
still_big:      dd 0
limit_faults:   dw 0
stack_fault_ip: dw 0
resume_ip:      dw 0
