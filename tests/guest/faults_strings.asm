; REP string instructions that meet a missing page after five of twelve elements, cold and hot: ECX, ESI, EDI, flags and
; memory are exact, and the instruction goes on when the page has come (SDM 2B REP, 3A 6.5).
;
; Attacks: copies made in one piece, counters kept in host registers, elements across two pages, the backward direction,
; flags of CMPS and SCAS, which a page fault restores to what they were before the instruction.
;
; Expect: status 33, output "PASS faults_strings"
%include "guest.inc"
%include "probe.inc"
%include "pages.inc"
%include "hot.inc"
test_name "faults_strings"

BEFORE equ 0x400000
HOLE   equ 0x401000
BEHIND equ 0x402000
OTHER  equ SCRATCH + 0x100      ; what the pointer shows that meets no hole
COUNT  equ 12
DONE   equ 5                    ; elements before the fault
HOT_RUNS equ 200
DF_FLAG equ 0x400
FILL   equ 0x5a5a5a5a

; What an instruction does, for string_probe.
READS_ESI  equ 1
READS_EDI  equ 2
WRITES_EDI equ 4

%macro string_probe 3+
    section .data
    %defstr %%what %3
%%text: db %%what, 0
    section .text
    jmp %%go
%%instruction:
    %3
    int 0x81
%%go:
    mov dword [probe_text], %%text
    mov dword [probe_entry], %%instruction
    mov dword [uses], %1
    mov dword [unit], %2
    call string_probe_levels
%endmacro

main:
    call install_exceptions
    call install_tss
    call install_probes
    call install_pages
    map BEFORE, FRAME(7), PAGE_ALL
    map BEHIND, FRAME(3), PAGE_ALL
    string_probe READS_ESI | WRITES_EDI, 1, rep movsb
    string_probe READS_ESI | WRITES_EDI, 2, rep movsw
    string_probe READS_ESI | WRITES_EDI, 4, rep movsd
    string_probe WRITES_EDI, 1, rep stosb
    string_probe WRITES_EDI, 2, rep stosw
    string_probe WRITES_EDI, 4, rep stosd
    string_probe READS_ESI, 1, rep lodsb
    string_probe READS_ESI, 4, rep lodsd
    string_probe READS_ESI | READS_EDI, 1, repe cmpsb
    string_probe READS_ESI | READS_EDI, 2, repe cmpsw
    string_probe READS_ESI | READS_EDI, 4, repe cmpsd
    string_probe READS_EDI, 1, repe scasb
    string_probe READS_EDI, 2, repe scasw
    string_probe READS_EDI, 4, repe scasd
    ret

string_probe_levels:
    mov dword [probe_level], 0
    call string_probe_pointers
    mov dword [probe_level], 3
string_probe_pointers:
    test dword [uses], READS_ESI
    jz .no_esi
    mov dword [hole_pointer], regs.esi
    mov dword [other_pointer], regs.edi
    mov dword [wanted_error], 0
    call string_probe_directions
.no_esi:
    mov eax, [uses]
    and eax, READS_EDI | WRITES_EDI
    jz .done
    mov dword [hole_pointer], regs.edi
    mov dword [other_pointer], regs.esi
    mov dword [wanted_error], 0
    cmp eax, WRITES_EDI
    jne string_probe_directions
    mov dword [wanted_error], 2
    jmp string_probe_directions
.done:
    ret

; Forward from the page before, backward from the page behind; then with an element across the border.
string_probe_directions:
    imul ecx, [unit], DONE
    mov eax, HOLE
    sub eax, ecx
    mov [begin], eax
    mov dword [wanted_cr2], HOLE
    mov dword [direction], 0
    call run_series
    cmp dword [unit], 1
    je .backward
    dec dword [begin]
    call run_series
.backward:
    mov dword [direction], DF_FLAG
    mov eax, BEHIND
    sub eax, [unit]
    mov [wanted_cr2], eax
    imul ecx, [unit], DONE
    add eax, ecx
    mov [begin], eax
    call run_series
    cmp dword [unit], 1
    je .done
    imul ecx, [unit], DONE
    lea eax, [BEHIND - 1 + ecx]
    mov [begin], eax
    mov dword [wanted_cr2], BEHIND - 1
    call run_series
.done:
    ret

run_series:
    phase "cold"
    call interrupted
    phase "hot"
    mov edx, HOT_RUNS
.again:
    call completed
    dec edx
    jnz .again
    phase "after hot runs"
    call interrupted
    phase "resumed"
    mov dword [entry], 0
    mov dword [probe_resolver], bring_hole
    call run_string
    mov dword [probe_resolver], 0
    check_seen [seen_faults], 1, "page faults"
    call check_completed
    ret

bring_hole:
    map HOLE, FRAME(1), PAGE_ALL
    ret

run_string:
    push edx
    mov eax, [entry]
    mov [PTE(HOLE)], eax
    invlpg [HOLE]
    call fill
    mov dword [probe_regs + regs.eax], FILL
    mov dword [probe_regs + regs.ebx], 0x0b0b0b0b
    mov dword [probe_regs + regs.ecx], COUNT
    mov dword [probe_regs + regs.edx], 0x0d0d0d0d
    mov dword [probe_regs + regs.esp], PROBE_STACK
    mov dword [probe_regs + regs.ebp], 0x0e0e0e0e
    mov ecx, [hole_pointer]
    mov eax, [begin]
    mov [probe_regs + ecx], eax
    mov ecx, [other_pointer]
    mov dword [probe_regs + ecx], OTHER
    mov eax, 0x893              ; ZF and PF clear, CF set: not what comparing equals gives
    or eax, [direction]
    mov [probe_flags], eax
    call run_probe
    pop edx
    ret

interrupted:
    mov dword [entry], 0
    call run_string
    check_seen [seen_vector], EXC_PF, "vector"
    mov eax, [wanted_error]
    cmp dword [probe_level], 0
    je .error
    or eax, 4
.error:
    check_seen [seen_error], eax, "error code"
    check_seen [seen_eip], [probe_entry], "saved EIP"
    check_seen [seen_cr2], [wanted_cr2], "CR2"
    mov eax, DONE
    call want_registers
    call check_registers
%ifdef QEMU_TCG                 ; leaves the flags of the last comparison
    test dword [uses], READS_EDI
    jnz .memory
%endif
    mov eax, [probe_flags]
    and eax, PROBE_FLAGS
    check_seen [seen_flags], eax, "flags"
.memory:
    mov edx, DONE
    call check_written
    ret

completed:
    mov dword [entry], FRAME(1) + PAGE_ALL
    call run_string
    check_seen [seen_faults], 0, "page faults"
check_completed:
    push edx
    check_seen [seen_vector], NO_ERROR, "vector"
    mov eax, COUNT
    call want_registers
    call check_registers
    mov eax, [probe_flags]
    test dword [uses], READS_EDI
    jz .flags
    mov eax, 0x44               ; equal: ZF and PF
    or eax, [direction]
.flags:
    and eax, PROBE_FLAGS
    check_seen [seen_flags], eax, "flags"
    mov edx, COUNT
    call check_written
    pop edx
    ret

; wanted_regs after EAX elements.
want_registers:
    mov ebx, eax
    copy_dwords wanted_regs, probe_regs, 8
    sub [wanted_regs + regs.ecx], ebx
    imul ebx, [unit]
    cmp dword [direction], 0
    je .forward
    neg ebx
.forward:
    test dword [uses], READS_ESI
    jz .no_esi
    add [wanted_regs + regs.esi], ebx
.no_esi:
    test dword [uses], READS_EDI | WRITES_EDI
    jz .no_edi
    add [wanted_regs + regs.edi], ebx
.no_edi:
    ret

; Whatever is read is FILL; what is to be written is zero before.
fill:
    mov eax, FILL
    call .hole
    mov edi, OTHER - 64
    call .fill_64
    call .fill_64
    test dword [uses], WRITES_EDI
    jz .done
    xor eax, eax
    cmp dword [hole_pointer], regs.edi
    je .hole
    mov edi, OTHER - 64
    call .fill_64
.fill_64:
    mov ecx, 16
    rep stosd
.done:
    ret
.hole:
    mov edi, FRAME(7) + 0xfc0
    call .fill_64
    mov edi, FRAME(1)
    call .fill_64
    mov edi, FRAME(1) + 0xfc0
    call .fill_64
    mov edi, FRAME(3)
    jmp .fill_64

; EDX elements have been written, and no other byte.
check_written:
    test dword [uses], WRITES_EDI
    jz .done
    xor ebx, ebx
    cmp dword [hole_pointer], regs.edi
    je .hole
    mov esi, OTHER - 64
    call .count_64
    call .count_64
    jmp .compare
.hole:
    mov esi, FRAME(7) + 0xfc0
    call .count_64
    mov esi, FRAME(1)
    call .count_64
    mov esi, FRAME(1) + 0xfc0
    call .count_64
    mov esi, FRAME(3)
    call .count_64
.compare:
    imul edx, [unit]
    check_seen ebx, edx, "number of bytes written"
.done:
    ret
.count_64:
    mov ecx, 64
.next:
    lodsb
    cmp al, FILL & 0xff
    jne .other
    inc ebx
.other:
    loop .next
    ret

section .data
uses:          dd 0
unit:          dd 0
hole_pointer:  dd 0
other_pointer: dd 0
begin:         dd 0
direction:     dd 0
entry:         dd 0
wanted_error:  dd 0
wanted_cr2:    dd 0
section .text
