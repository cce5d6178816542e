; Code over the end of the 4 GiB of addresses: EIP goes from FFFFFFFFH on to 0 in a flat segment, between instructions and
; within them (SDM 3A 5.3 leaves it to the processor; all known ones wrap, tried out on a host in 32-bit code).
;
; Attacks: EIP and return addresses computed in 64 bits, code fetched from beyond 4 GiB, blocks over two pages that are
; not neighbours in the window, code changed in only one of them, saved EIP of faults there.
;
; Expect: status 33, output "PASS eip_wrap"
%include "guest.inc"
%include "exceptions.inc"
%include "pages.inc"
%include "hot.inc"
test_name "eip_wrap"

HIGH_TABLE equ 0x202000
LAST_PAGE  equ 0xfffff000
ROUNDS     equ 300

main:
    call install_exceptions
    call install_pages
    mov dword [HIGH_TABLE + 1023 * 4], FRAME(0) + PAGE_ALL
    mov dword [DIRECTORY + 1023 * 4], HIGH_TABLE + PAGE_ALL
    reload_cr3
    call straight_on
    call calls
    call branches
    call changed_code
    call faults
    call breakpoints
    ret

; place FROM, TO: the code between two labels, such that it begins EDX bytes before the border. ESI: where.
%macro place 2
    mov esi, %1
    mov edi, edx
    neg edi
    mov ecx, %2 - %1
    call copy_over_border
    mov esi, edx
    neg esi
%endmacro

; Byte by byte, as string instructions over the border are another matter.
copy_over_border:
    push eax
.next:
    mov al, [esi]
    mov [edi], al
    inc esi
    inc edi
    loop .next
    pop eax
    ret

; ---- one instruction after the other

load:
    mov eax, 0x12345678
    ret
load_end:

straight_on:
    mov edx, 1
.distance:
    place load, load_end
    mov ecx, ROUNDS
.loop:
    xor eax, eax
    call esi
    same eax, 0x12345678, "immediate over the border"
    dec ecx
    jnz .loop
    inc edx
    cmp edx, load_end - load
    jbe .distance
    ret

; ---- return addresses

call_next:
    db 0xe8                     ; CALL to what follows
    dd 0
.here:
    pop eax
    ret
call_end:

calls:
    mov edx, 1
.distance:
    place call_next, call_end
    mov ecx, ROUNDS
.loop:
    call esi
    sub eax, esi
    same eax, call_next.here - call_next, "return address of CALL"
    dec ecx
    jnz .loop
    inc edx
    cmp edx, call_end - call_next
    jbe .distance
    ret

; ---- branches over the border, there and back

count:
    jmp short .enter
.again:
    inc eax
    db 0x0f, 0x1f, 0x44, 0, 0   ; NOP of five bytes
.enter:
    dec ebx
    jns .again
    ret
count_end:

branches:
    mov edx, 1
.distance:
    place count, count_end
    mov ecx, ROUNDS
.loop:
    xor eax, eax
    mov ebx, 20
    call esi
    same eax, 20, "turns of a loop over the border"
    dec ecx
    jnz .loop
    inc edx
    cmp edx, count_end - count
    jbe .distance
    ret

; ---- code changed on either side of it

changed_code:
    mov edx, 3
    place load, load_end
    mov ecx, ROUNDS
.loop:
    mov [0xfffffffe], cl        ; the immediate's first byte, in the last page
    call esi
    movzx ebx, cl
    movzx edi, al
    same edi, ebx, "code changed below the border"
    mov [1], cl                 ; its last one, in the first page
    call esi
    mov edi, eax
    shr edi, 24
    same edi, ebx, "code changed above the border"
    dec ecx
    jnz .loop
    ret

; ---- saved EIP

touch:
    mov eax, [0x400000]         ; not mapped
touch_end:

; run_to_fault: what ESI points to; fault_* tell.
run_to_fault:
    mov dword [fault_vector], NO_ERROR
    mov [.stack], esp
    mov dword [resume_at], .after
    jmp esi
.after:
    mov esp, [.stack]
    ret
section .data
.stack: dd 0
section .text

faults:
    mov edx, 1
.distance:
    place touch, touch_end
    mov ecx, 50
.loop:
    call run_to_fault
    same [fault_vector], EXC_PF, "fault of an instruction over the border"
    same [fault_eip], esi, "its saved EIP"
    same [fault_cr2], 0x400000, "its address"
    dec ecx
    jnz .loop
    inc edx
    cmp edx, touch_end - touch
    jbe .distance
    ; The page before the border goes away under the code.
    mov edx, 2
    place load, load_end
    mov dword [HIGH_TABLE + 1023 * 4], 0
    invlpg [LAST_PAGE]
    call run_to_fault
    expect [fault_vector], EXC_PF, "fetch before the border"
    expect [fault_eip], 0xfffffffe, "saved EIP of that fetch"
    expect [fault_cr2], 0xfffffffe, "address of that fetch"
    mov dword [HIGH_TABLE + 1023 * 4], FRAME(0) + PAGE_ALL
    invlpg [LAST_PAGE]
    ret

; INT3 in the very last byte: the saved EIP is the next one's, 0.
breakpoints:
    set_handler EXC_BP, .note
    mov byte [0xffffffff], 0xcc
    mov byte [0], 0xc3          ; RET
    mov esi, 0xffffffff
    mov ecx, 50
.loop:
    mov dword [fault_eip], NO_ERROR
    call esi
    same [fault_vector], EXC_BP, "INT3 at FFFFFFFFH"
    same [fault_eip], 0, "EIP behind it"
    dec ecx
    jnz .loop
.note:
    ret
