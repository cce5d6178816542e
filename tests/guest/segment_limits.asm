; Limits, types and expand-down segments, with 32-bit and 16-bit addresses (SDM 3A 5.3 to 5.5, 3.4.5.1).
;
; Expect: status 33, output "PASS segment_limits"
; QEMU 7.2's interpreter checks none of it.
%include "guest.inc"
%include "exceptions.inc"
test_name "segment_limits"

BYTES     equ FREE              ; limit 0FFFH
PAGES     equ FREE + 0x08       ; limit 1 page, the same
DOWN      equ FREE + 0x10       ; expand-down above 0FFFH, to 4 GiB
DOWN16    equ FREE + 0x18       ; expand-down above 0FFFH, to 64 KiB
READ_ONLY equ FREE + 0x20
CODE_ONLY equ FREE + 0x28       ; execute-only
CLIPPED   equ FREE + 0x30       ; code, ends inside an instruction
IMAGE     equ 0x100000          ; its base

main:
    call install_exceptions
    set_descriptor BYTES, SCRATCH, 0xfff, 0x92, 4
    set_descriptor PAGES, SCRATCH, 0, 0x92, 12
    set_descriptor DOWN, SCRATCH, 0xfff, 0x96, 4
    set_descriptor DOWN16, SCRATCH, 0xfff, 0x96, 0
    set_descriptor READ_ONLY, SCRATCH, 0xfff, 0x90, 4
    set_descriptor CODE_ONLY, 0, 0xfffff, 0x98, 12
    call byte_limits
    call expand_down
    call types
    call stack_limits
    call code_limit
    call instructions
    ret

%macro use 2                    ; SEGMENT REGISTER, SELECTOR
    mov eax, %2
    mov %1, ax
%endmacro

byte_limits:
    use fs, BYTES
    use gs, PAGES
    xor ebx, ebx
    expect_no_fault mov al, [fs:0xfff]
    expect_fault EXC_GP, 0, mov al, [fs:0x1000]
    expect_no_fault mov ax, [fs:0xffe]
    expect_fault EXC_GP, 0, mov ax, [fs:0xfff]
    expect_no_fault mov eax, [fs:0xffc]
    expect_fault EXC_GP, 0, mov eax, [fs:0xffd]
    expect_fault EXC_GP, 0, mov [fs:0xffd], eax
    expect_no_fault mov eax, [gs:0xffc]
    expect_fault EXC_GP, 0, mov eax, [gs:0xffd]
    expect_fault EXC_GP, 0, mov al, [fs:ebx - 1]
    expect_fault EXC_GP, 0, mov eax, [fs:ebx - 2]
    mov bx, 0xfff
    expect_no_fault mov al, [fs:bx]
    expect_fault EXC_GP, 0, mov ax, [fs:bx]
    expect_fault EXC_GP, 0, mov al, [fs:bx + 1]
    xor eax, eax
    mov gs, ax
    expect_fault EXC_GP, 0, mov al, [gs:0]
    expect_fault EXC_GP, 0, mov [gs:0], al
    ret

; The limit is the last offset that is not inside; B chooses the upper end.
expand_down:
    use fs, DOWN
    expect_fault EXC_GP, 0, mov al, [fs:0xfff]
    expect_no_fault mov al, [fs:0x1000]
    expect_fault EXC_GP, 0, mov ax, [fs:0xfff]
    expect_no_fault mov al, [fs:0x20000]
    expect_fault EXC_GP, 0, mov al, [fs:0]
    use fs, DOWN16
    expect_no_fault mov al, [fs:0xffff]
    expect_fault EXC_GP, 0, mov al, [fs:0x10000]
    expect_fault EXC_GP, 0, mov ax, [fs:0xffff]
    expect_fault EXC_GP, 0, mov al, [fs:0xfff]
    expect_no_fault mov ax, [fs:0x1000]
    ret

types:
    use fs, READ_ONLY
    expect_no_fault mov al, [fs:0]
    expect_fault EXC_GP, 0, mov [fs:0], al
    expect_fault EXC_GP, 0, add [fs:0], al
    use fs, CODE32
    expect_no_fault mov al, [fs:main]
    expect_fault EXC_GP, 0, mov [fs:main], al
    expect_fault EXC_GP, 0, mov [cs:main], al
    jmp CODE_ONLY:.execute_only
.execute_only:
    expect_fault EXC_GP, 0, mov al, [cs:main]
    jmp CODE32:.done
.done:
    ret

; Through SS it is #SS(0), for explicit operands and for those of the stack; ESP stays. The segment ends at STACK_TOP and
; begins at 0, so that the handler, on the same stack, finds its frame through DS.
%macro expect_stack_fault 1+
    mov ebx, esp
    expect_fault EXC_SS, 0, %1
    mov eax, esp
    %defstr %%what %1
    expect eax, ebx, {"ESP after ", %%what}
%endmacro

stack_limits:
    set_descriptor BYTES, 0, (STACK_TOP >> 12) - 1, 0x92, 12
    use ss, BYTES
    mov ebp, STACK_TOP - 2
    expect_stack_fault mov eax, [ebp]
    expect_no_fault mov ax, [ebp]
    mov ebp, STACK_TOP - 1
    expect_stack_fault mov [ebp], ax
    expect_stack_fault push dword [ebp]
    expect_stack_fault pop dword [ebp]
    expect_stack_fault xchg [ebp], eax
    expect_stack_fault call [ebp]
    expect_stack_fault fld qword [ebp]
    mov ebp, STACK_TOP + 0x100
    expect_stack_fault leave
    use ss, DATA32
    set_descriptor BYTES, SCRATCH, 0xfff, 0x92, 4
    ret

; The limit of CS is checked for every byte that is fetched, and for the target of a jump.
code_limit:
    set_descriptor CLIPPED, IMAGE, 0, 0x9a, 4
    mov eax, .limit - IMAGE     ; the segment ends behind the opcode of the MOV
    mov [gdt + CLIPPED], ax
    set_handler EXC_GP, .back
    jmp CLIPPED:.inside - IMAGE
.inside:
    nop
.limit:
    mov eax, 0x12345678
    fail "ran past the limit of CS"
.back:
    mov dword [ebx + frame.eip], .out
    mov dword [ebx + frame.cs], CODE32
    ret
.out:
    mov dword [handlers + EXC_GP * 4], 0
    expect [fault_vector], EXC_GP, "vector of a fetch across the limit of CS"
    expect [fault_error], 0, "error code of a fetch across the limit of CS"
    expect [fault_eip], .limit - IMAGE, "saved EIP of a fetch across the limit of CS"
    expect_fault EXC_GP, 0, jmp CLIPPED:.out - IMAGE
    ret

; Other instructions that touch memory through a segment.
instructions:
    use es, BYTES
    mov edi, 0xffe
    mov esi, main
    mov ecx, 2
    expect_fault EXC_GP, 0, rep movsd
    expect ecx, 2, "ECX after a REP MOVSD that failed at once"
    mov edi, 0xff8
    mov esi, main
    mov ecx, 4
    expect_fault EXC_GP, 0, rep movsd
    expect ecx, 2, "ECX after two of four iterations"
    expect edi, 0x1000, "EDI after two of four iterations"
    expect_fault EXC_GP, 0, stosb
    expect_fault EXC_GP, 0, scasb
    use es, DATA32
    use fs, BYTES
    expect_fault EXC_GP, 0, lgdt [fs:0xffb]
    expect_fault EXC_GP, 0, fld qword [fs:0xffc]
    expect_fault EXC_GP, 0, fnstenv [fs:0xff0]
    mov dword [SCRATCH + 0xffc], 0  ; a lower bound that holds: the upper one is needed as well
    xor eax, eax
    expect_fault EXC_GP, 0, bound eax, [fs:0xffc]
    expect_fault EXC_GP, 0, call far [fs:0xffc]
    expect_fault EXC_GP, 0, bts dword [fs:0x1000], 3
    ret
