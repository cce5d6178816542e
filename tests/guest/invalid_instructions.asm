; Encodings that must be refused: LOCK where it has no place, instructions longer than 15 bytes, undefined opcodes,
; register forms that do not exist (SDM 2A 2.1.1, 2.3.11, 3A 6.15 interrupt 6).
;
; Expect: status 33, output "PASS invalid_instructions"
%include "guest.inc"
%include "exceptions.inc"
test_name "invalid_instructions"

main:
    call install_exceptions
%ifndef QEMU_TCG
    call lock_prefix
%endif
    call length
    call undefined
    ret

%macro refuse 1+                ; bytes
    expect_fault EXC_UD, NO_ERROR, db %1
%endmacro
%macro accept 1+
    expect_no_fault db %1
%endmacro

lock_prefix:
    mov ebx, SCRATCH
    accept 0xf0, 0x01, 0x03             ; LOCK ADD [EBX], EAX
    accept 0xf0, 0x0f, 0xc1, 0x03       ; LOCK XADD [EBX], EAX
    accept 0xf0, 0x87, 0x03             ; LOCK XCHG [EBX], EAX
    refuse 0xf0, 0x01, 0xc3             ; LOCK ADD EBX, EAX: no memory
    refuse 0xf0, 0x8b, 0x03             ; LOCK MOV
    refuse 0xf0, 0x03, 0x03             ; LOCK ADD EAX, [EBX]: memory only read
    refuse 0xf0, 0x39, 0x03             ; LOCK CMP
    refuse 0xf0, 0x0f, 0xa3, 0x03       ; LOCK BT
    refuse 0xf0, 0x90                   ; LOCK NOP
    refuse 0xf0, 0xa4                   ; LOCK MOVSB
    refuse 0xf0, 0xff, 0x33             ; LOCK PUSH
    refuse 0xf0, 0xd9, 0xe8             ; LOCK FLD1
    ret

; 15 bytes run; 16 are #GP(0), whatever they are made of.
length:
    accept 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90
    expect_fault_sdm EXC_GP, 0, db 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90
    expect_fault_sdm EXC_GP, 0, db 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x90
    ret

undefined:
    refuse 0x0f, 0x0b                   ; UD2
    refuse 0x0f, 0xff, 0xc0             ; UD0
    refuse 0x0f, 0xb9, 0xc0             ; UD1
    refuse 0x0f, 0x04
    refuse 0x0f, 0x0a
    refuse 0x8e, 0xc8                   ; MOV CS, AX
    refuse 0x8e, 0xf0                   ; MOV ?, AX
    refuse 0x8d, 0xc0                   ; LEA EAX, EAX
    refuse 0xc4, 0xc0, 0x90, 0x90, 0x90, 0x90   ; LES with a register: VEX without an instruction behind it
    refuse 0xfe, 0xd0                   ; group 4, /2
    refuse 0xff, 0xf8                   ; group 5, /7
    refuse 0xff, 0xd8                   ; CALL far with a register
    expect_fault_sdm EXC_UD, NO_ERROR, db 0x8f, 0xc8     ; group 1A, /1
    refuse 0x0f, 0x20, 0xc8             ; MOV EAX, CR1
    refuse 0x0f, 0x22, 0xf8             ; MOV CR7, EAX
    refuse 0x0f, 0xba, 0xc0, 0x00       ; group 8, /0
    refuse 0x0f, 0xc7, 0xc8             ; CMPXCHG8B with a register
    refuse 0x0f, 0x01, 0xd2             ; group 7
    refuse 0x0f, 0xaa                   ; RSM outside system-management mode
    ret
