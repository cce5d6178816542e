; Which second exception makes a double fault, and which is simply delivered in turn (SDM 3A 6.15, table 6-5).
;
; Expect: status 33, output "PASS double_fault"
%include "guest.inc"
%include "exceptions.inc"
test_name "double_fault"

DIRECTORY equ 0x200000

main:
    call install_exceptions
    call contributory
    call page_faults
    call serial
    ret

; close VECTOR: its gate is not present, so that delivering it raises #NP.
%macro close 1
    mov byte [idt + (%1) * 8 + 5], 0x0e
%endmacro
%macro open 1
    mov byte [idt + (%1) * 8 + 5], 0x8e
%endmacro

; expect_double_fault INSTRUCTION: #DF's saved EIP is undefined by the manual; here it is the instruction's.
%macro expect_double_fault 1+
    catch_fault %1
    %defstr %%what %1
    expect [fault_vector], EXC_DF, {"vector of ", %%what}
    expect [fault_error], 0, {"error code of ", %%what}
%endmacro

; #DE, #TS, #NP, #SS, #GP after one another.
contributory:
    close EXC_GP
    mov eax, 0xfff8
    expect_double_fault mov ds, ax
    open EXC_GP
    close EXC_DE
    xor ecx, ecx
    expect_double_fault div ecx
    open EXC_DE
    close EXC_NP
    set_descriptor FREE, 0, 0xfffff, 0x12, 12
    mov eax, FREE
    expect_double_fault mov es, ax
    open EXC_NP
    ret

; A page fault first, then a contributory exception or another page fault.
page_faults:
    mov dword [DIRECTORY], 0x83         ; 4 MiB, large
    start_paging DIRECTORY, 0x80000000
    close EXC_PF
    expect_double_fault mov eax, [0x500000]
    expect [fault_cr2], 0x500000, "CR2 of the page fault"
    open EXC_PF
    set_gate idt + EXC_PF * 8, FREE + 8, 0, 0x8e, 0
    expect_double_fault mov eax, [0x500000]     ; the gate's code segment is an empty descriptor: #GP
    set_gate idt + EXC_PF * 8, CODE32, vector_stubs + EXC_PF * STUB_SIZE, 0x8e, 0
    mov esi, idt                        ; a copy whose gates from 14 upwards lie on a missing page
    mov edi, 0x400000 - EXC_PF * 8
    mov ecx, EXC_PF * 2
    rep movsd
    lidt [missing_table]
    expect_double_fault mov eax, [0x500000]
    lidt [idt_pointer]
    ret

; Benign first, or a page fault second: one after the other.
serial:
    close EXC_UD
    catch_fault ud2
    expect [fault_vector], EXC_NP, "#UD, then #NP: both are not contributory"
    open EXC_UD
    mov word [idt + EXC_GP * 8 + 6], 0x70       ; handler on a missing page: entered, then the fetch faults
    set_handler EXC_PF, .note
    mov eax, 0xfff8
    mov [keep_esp], esp
    mov ds, ax
.back:
    mov esp, [keep_esp]
    mov dword [handlers + EXC_PF * 4], 0
    expect [fault_vector], EXC_PF, "vector of a fetch by a handler"
    ret
.note:
    mov dword [ebx + frame.eip], .back
    ret

section .data
keep_esp: dd 0
missing_table:
    dw 256 * 8 - 1
    dd 0x400000 - EXC_PF * 8
section .text
