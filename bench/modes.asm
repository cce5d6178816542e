; The same loop in each kind of code, to measure what segments and 16 bits cost. The last character of the multiboot
; command line chooses; anything else does nothing, which is what starting and ending costs.
;
;   f  flat 32-bit code           b  32-bit code, data and stack with bases, a limit on DS
;   r  real mode                  p  16-bit protected mode         v  virtual-8086 mode
;   s  real mode: segment registers loaded, far calls, strings
;
; run-loops knows that there are INSTRUCTIONS of them.
%include "guest.inc"
%include "exceptions.inc"
%include "v86.inc"
test_name "modes"

INSTRUCTIONS equ 100000000
TURNS equ INSTRUCTIONS / 16
INNER equ 25000
OUTER equ TURNS / INNER
CODE_B  equ FREE                ; based 32-bit segments
DATA_B  equ FREE + 0x08
STACK_B equ FREE + 0x10
EXTRA_B equ FREE + 0x18
DATA_P  equ FREE + 0x20         ; 16-bit ones
EXTRA_P equ FREE + 0x28
IMAGE   equ 0x100000

main:
    call install_v86
    mov dword [v86_flags], 0x3002
    set_descriptor CODE_B, IMAGE, 0xfffff, 0x9a, 12
    set_descriptor DATA_B, SCRATCH, 0xffff, 0x92, 4
    set_descriptor EXTRA_B, SCRATCH + 0x10000, 0xfffff, 0x92, 12
    set_descriptor STACK_B, 0x1000, 0xfffff, 0x92, 12
    set_descriptor DATA_P, 0x20000, 0xfff, 0x92, 0
    set_descriptor EXTRA_P, 0x30000, 0xffff, 0x92, 0
    last_letter
    cmp al, 'f'
    je flat
    cmp al, 'b'
    je based
    cmp al, 'r'
    je real
    cmp al, 's'
    je real_segments
    cmp al, 'p'
    je protected
    cmp al, 'v'
    je virtual
    ret

; sixteen_instructions PREFIX: E or nothing.
%macro sixteen_instructions 0-1
    mov %{1}dx, OUTER
%%again:
    mov %{1}cx, INNER
%%turn:
    mov %{1}ax, [%{1}bx + %{1}si]
    add %{1}ax, %{1}cx
    mov [es:%{1}di], %{1}ax
    xor %{1}ax, [%{1}bp - 4]
    shr %{1}ax, 1
    mov [%{1}bx + 4], %{1}ax
    push %{1}ax
    call %%inner
    pop %{1}ax
    add %{1}di, 2
    and %{1}di, 0xffe
    inc word [es:%{1}di + 8]
    dec %{1}cx
    jnz %%turn
    dec %{1}dx
    jnz %%again
    jmp %%done
%%inner:
    inc %{1}ax
    ret
%%done:
%endmacro

flat:
    mov ebx, SCRATCH
    mov edi, SCRATCH + 0x10000
    mov esi, 64
    mov ebp, esp
    sixteen_instructions e
    ret

based:
    mov ax, DATA_B
    mov ds, ax
    mov ax, EXTRA_B
    mov es, ax
    mov ax, STACK_B
    sub esp, 0x1000
    mov ss, ax
    mov ebx, 64
    xor edi, edi
    mov esi, 64
    mov ebp, esp
    call CODE_B:.inside - IMAGE
    mov ax, DATA32
    mov ss, ax
    add esp, 0x1000
    mov ds, ax
    mov es, ax
    ret
.inside:
    sixteen_instructions e
    retf

real:
    call_real real_loop
    ret
real_segments:
    call_real segments_loop
    ret
virtual:
    run_v86 v86_loop
    ret

protected:
    mov [.esp], esp
    jmp CODE16:protected_loop
.back:
    mov ax, DATA32
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, [.esp]
    ret
section .data
.esp: dd 0

section .real
bits 16
set_up:
    mov bx, 64
    xor di, di
    mov si, 64
    mov bp, sp
    ret

real_segments_set:
    mov ax, 0x2000
    mov ds, ax
    mov ax, 0x3000
    mov es, ax
    ret

real_loop:
    call real_segments_set
    call set_up
    sixteen_instructions 
    ret

v86_loop:
    call real_segments_set
    call set_up
    sixteen_instructions 
    int3

protected_loop:
    mov ax, DATA_P
    mov ds, ax
    mov ax, EXTRA_P
    mov es, ax
    mov ax, DATA16
    mov ss, ax
    mov sp, 0x7000
    call set_up
    sixteen_instructions 
    jmp dword CODE32:protected.back

; Sixteen instructions a turn here, too.
segments_loop:
    call real_segments_set
    call set_up
    mov dx, OUTER
.again:
    mov cx, INNER
.turn:
    push ds
    mov ax, 0x2100
    mov ds, ax
    xor si, si
    les di, [.pointer]
    mov ax, [si]
    lodsw
    stosw
    call 0:.far
    pop ds
    mov ax, es
    mov [bx], ax
    dec cx
    jnz .turn
    dec dx
    jnz .again
    ret
.far:
    inc ax
    retf
align 4
.pointer: dw 0x20, 0x3000
bits 32
section .text
