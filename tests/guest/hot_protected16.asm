; 16-bit protected mode under hot code: selectors, segments with limits of any size, expand-down stacks, a code segment
; that ends early (SDM 3A 3.4.5, 5.3, 21.4).
;
; Attacks: as hot_real_mode, and limits that are checked at the wrong byte or not at all.
;
; Expect: status 33, output "PASS hot_protected16"
%include "guest.inc"
%include "exceptions.inc"
%include "real.inc"
%include "hot16.inc"
test_name "hot_protected16"

SEL_A     equ FREE
SEL_B     equ FREE + 0x08
SEL_ALIAS equ FREE + 0x10
SEL_WRAP  equ FREE + 0x18
SEL_DOWN  equ FREE + 0x20       ; from 1000H up to FFFFH
SEL_SHORT equ FREE + 0x28       ; to 0FFFH
SEL_CLIPPED equ FREE + 0x30     ; code up to clipped.end
SEL_READ  equ FREE + 0x38
CLIPPED_END equ clipped.end - real_begin + 0x8000

main:
    call install_exceptions
    call install_real
    set_handler EXC_GP, pass_hot16_fault
    set_handler EXC_SS, pass_hot16_fault
    set_descriptor SEL_A, AREA_A, 0xffff, 0x93, 0
    set_descriptor SEL_B, AREA_B, 0xffff, 0x93, 0
    set_descriptor SEL_ALIAS, 0x1000, 0xffff, 0x9b, 0
    set_descriptor SEL_WRAP, 0x10000, 0xffff, 0x9b, 0
    set_descriptor SEL_DOWN, AREA_A, 0xfff, 0x97, 0
    set_descriptor SEL_SHORT, AREA_A, 0xfff, 0x93, 0
    set_descriptor SEL_CLIPPED, 0, CLIPPED_END - 1, 0x9b, 0
    set_descriptor SEL_READ, AREA_A, 0xffff, 0x91, 0
    install_hot16 DATA16, CODE16, SEL_A, SEL_B, SEL_ALIAS, SEL_WRAP
    mov [kept_esp], esp
    jmp CODE16:enter16
back:
    mov ax, DATA32
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    mov ss, ax
    mov esp, [kept_esp]
    call check_hot16
%ifndef QEMU_TCG
    expect [more_faults], 300 * 12, "faults at other limits"
%endif
    ret

section .data
kept_esp: dd 0
section .text

section .real
bits 16
enter16:
    mov ax, DATA16
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, 0x7000
    call hot16_all
%ifndef QEMU_TCG
    mov eax, [faults]
    push eax
    call other_limits
    pop eax
    sub [faults], eax
    mov ebx, [faults]
    mov [more_faults], ebx
    mov [faults], eax
%endif
    jmp dword CODE32:back

other_limits:
    mov cx, 300
.next:
    mov ax, SEL_SHORT
    mov es, ax
    mov byte [es:0xfff], 9
    mov word [es:0xffe], 0x0808
    try16 mov word [es:0xfff], 1
    mov bx, 0x1000
    try16 mov al, [es:bx]
    mov al, [es:bx - 1]
    want al, 8
    mov dword [es:bx - 4], 7
    try16 mov dword [es:bx - 3], 7
    mov ax, SEL_DOWN
    mov es, ax
    mov word [es:bx], 0x5555
    try16 mov word [es:bx - 1], 0
    want word [es:bx], 0x5555
    mov byte [es:0xffff], 1
    try16 mov word [es:0xffff], 1
    mov ax, SEL_READ
    mov es, ax
    want word [es:bx], 0x5555
    try16 mov [es:bx], ax
    try16 inc word [es:bx]
    xor ax, ax
    mov es, ax
    try16 mov [es:bx], ax
    mov ax, SEL_DOWN            ; a stack that grows down to 1000H
    mov dx, sp
    mov ss, ax
    mov sp, 0x1004
    push 0x1111
    push 0x2222
    pop ax
    pop bx
    add ax, bx
    mov bx, DATA16
    mov ss, bx
    mov sp, dx
    want ax, 0x3333
    call far [far_clipped]
    dec cx
    jnz .next
    ret

; CS ends here: branches beyond are faults of their own instructions, and leave SP alone.
clipped:
    mov bx, sp
    mov ax, .end
    try16 jmp ax
    push ax
    try16 ret
    pop ax
    want ax, .end
    try16 call ax
    want sp, bx
    try16 jmp near .end
    call .inside
    retf
.inside:
    ret
.end:
far_clipped: dw clipped, SEL_CLIPPED
more_faults: dd 0
bits 32
