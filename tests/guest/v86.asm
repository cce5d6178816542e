; Virtual-8086 mode without VME: what IOPL guards, what traps, and the frame that a handler finds (SDM 3B 21.2, 21.3).
;
; Expect: status 33, output "PASS v86"
%include "guest.inc"
%include "v86.inc"
test_name "v86"

main:
    call install_v86
    mov dword [v86_flags], 0x3002       ; IOPL 3: INT, CLI and the others run
    call frame_layout
    expect_v86_end flags_at_iopl_3
    movzx eax, word [flags_seen]
    expect_bits eax, 0x3200, 0x3000, "flags after STI and CLI at IOPL 3"
    expect_v86_end addresses
    expect [0x12345], 0x89abcdef, "store through DS = 1230H"
    mov dword [v86_flags], 0x2          ; IOPL 0: they are #GP(0)
    expect_v86_fault do_cli, EXC_GP, 0
    expect_v86_fault do_sti, EXC_GP, 0
    expect_v86_fault do_pushf, EXC_GP, 0
    expect_v86_fault do_popf, EXC_GP, 0
    expect_v86_fault do_iret, EXC_GP, 0
    expect_v86_fault do_int, EXC_GP, 0
    expect_v86_fault do_pushfd, EXC_GP, 0
    mov dword [v86_flags], 0x3002
    call whatever_iopl
    call software_interrupts
    call ports
    ret

; GS FS DS ES SS ESP EFLAGS CS EIP on the level-0 stack; DS to GS are null inside.
frame_layout:
    set_handler EXC_BP, .note
    run_v86 own_segments
    expect [v86_frame + frame.v86_gs], 0x4444, "saved GS"
    expect [v86_frame + frame.v86_fs], 0x3333, "saved FS"
    expect [v86_frame + frame.v86_ds], 0x2222, "saved DS"
    expect [v86_frame + frame.v86_es], 0x1111, "saved ES"
    expect [v86_frame + frame.ss], 0, "saved SS"
    expect [v86_frame + frame.esp], 0x7000, "saved ESP"
    expect [v86_frame + frame.eip], own_segments.after, "saved EIP"
    mov eax, [v86_frame + frame.eflags]
    expect_bits eax, EFLAGS_VM, EFLAGS_VM, "VM in the saved flags"
    expect [v86_frame + frame.ds], 0, "DS inside the handler"
    expect [fs_inside], 0, "FS inside the handler"
    set_handler EXC_BP, leave_v86
    ret
.note:
    mov eax, fs
    mov [fs_inside], eax
    lea eax, [ebx + frame.v86_gs + 4]
    expect eax, [tss + 4], "stack of the handler: ESP0 downwards"
    jmp leave_v86

; Privileged instructions, and those that V86 mode does not know, whatever IOPL is.
whatever_iopl:
    expect_v86_fault do_hlt, EXC_GP, 0
    expect_v86_fault do_mov_cr, EXC_GP, 0
    expect_v86_fault do_mov_dr, EXC_GP, 0
    expect_v86_fault do_lgdt, EXC_GP, 0
    expect_v86_fault do_clts, EXC_GP, 0
    expect_v86_fault do_lmsw, EXC_GP, 0
    expect_v86_fault do_sldt, EXC_UD, NO_ERROR
    expect_v86_fault do_str, EXC_UD, NO_ERROR
    expect_v86_fault do_lar, EXC_UD, NO_ERROR
    expect_v86_fault do_verr, EXC_UD, NO_ERROR
    expect_v86_fault do_arpl, EXC_UD, NO_ERROR
    expect_v86_end do_smsw
    ret

; At IOPL 3 INT n goes through the gate, whose DPL must be 3 and whose code must be level 0.
software_interrupts:
    mov byte [idt + 0x40 * 8 + 5], 0x8e
    expect_v86_fault do_int, EXC_GP, 0x40 * 8 + 2
    mov byte [idt + 0x40 * 8 + 5], 0xee
    mov word [idt + 0x40 * 8 + 2], USER_CODE
    expect_v86_fault do_int, EXC_GP, USER_CODE & ~3
    mov word [idt + 0x40 * 8 + 2], CODE32
    set_handler 0x40, leave_v86
    run_v86 do_int
    expect [fault_vector], 0x40, "vector of INT at IOPL 3"
    expect [fault_eip], do_int + 2, "saved EIP of INT: behind it"
    ret

; Only the bitmap guards ports, IOPL does not.
ports:
    expect_v86_fault do_in, EXC_GP, 0
    and byte [tss + 104 + 0x21 / 8], 0xfd
    expect_v86_end do_in
    ret

section .data
fs_inside: dd 0

section .real
bits 16
own_segments:
    mov ax, 0x1111
    mov es, ax
    mov ax, 0x3333
    mov fs, ax
    mov ax, 0x4444
    mov gs, ax
    mov ax, 0x2222
    mov ds, ax
    int3
.after:
flags_at_iopl_3:
    sti
    cli
    pushf
    pop word [flags_seen]
    int3
addresses:
    mov ax, 0x1230
    mov ds, ax
    mov dword [0x45], 0x89abcdef
    int3
do_cli:    cli
           int3
do_sti:    sti
           int3
do_pushf:  pushf
           int3
do_pushfd: pushfd
           int3
do_popf:   popf
           int3
do_iret:   iret
           int3
do_int:    int 0x40
           int3
do_hlt:    hlt
           int3
do_mov_cr: mov eax, cr0
           int3
do_mov_dr: mov eax, dr7
           int3
do_lgdt:   lgdt [0]
           int3
do_clts:   clts
           int3
do_lmsw:   lmsw ax
           int3
do_smsw:   smsw ax
           int3
do_sldt:   sldt ax
           int3
do_str:    str ax
           int3
do_lar:    lar ax, bx
           int3
do_verr:   verr ax
           int3
do_arpl:   db 0x63, 0xc0
           int3
do_in:     in al, 0x21
           int3
flags_seen: dw 0
