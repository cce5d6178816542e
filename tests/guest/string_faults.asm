; String instructions and other multi-part accesses across a page that is missing: what has happened by the time of the
; fault, and that they go on from there (SDM 2B REP, 3A 6.5).
;
; Expect: status 33, output "PASS string_faults"
%include "guest.inc"
%include "exceptions.inc"
test_name "string_faults"

DIRECTORY equ 0x200000
TABLE     equ 0x201000
PAGE      equ 0x400000          ; present
HOLE      equ 0x401000          ; missing
BEYOND    equ 0x402000          ; present
READ_ONLY equ 0x403000

main:
    call install_exceptions
    call build_tables
    call moves
    call compares
    call backwards
    call resumed
    call stack_pushes
    call read_modify_write
    call narrow_addresses
    ret

build_tables:
    clear_tables DIRECTORY
    mov dword [DIRECTORY], 0x83
    mov dword [DIRECTORY + 4], TABLE + 3
    mov dword [TABLE], 0x500003
    mov dword [TABLE + 8], 0x502003
    mov dword [TABLE + 12], 0x503001
    start_paging DIRECTORY, 0x80010000
    ret

; Whole iterations are done and counted; the one that faulted has no effect.
moves:
    mov esi, SCRATCH
    mov edi, HOLE - 8
    mov ecx, 4
    expect_fault EXC_PF, 2, rep movsd
    expect ecx, 2, "ECX of REP MOVSD"
    expect esi, SCRATCH + 8, "ESI of REP MOVSD"
    expect edi, HOLE, "EDI of REP MOVSD"
    expect [fault_cr2], HOLE, "CR2 of REP MOVSD"
    mov esi, HOLE - 6
    mov edi, SCRATCH
    mov ecx, 4
    expect_fault EXC_PF, 0, rep movsd
    expect ecx, 3, "ECX of a REP MOVSD whose source straddles the page"
    expect edi, SCRATCH + 4, "EDI of a REP MOVSD whose source straddles the page"
    mov edi, HOLE - 3
    mov ecx, 100
    mov eax, 0x41
    expect_fault EXC_PF, 2, rep stosb
    expect ecx, 97, "ECX of REP STOSB"
    xor ecx, ecx
    mov edi, HOLE
    expect_no_fault rep stosb
    ret

compares:
    mov esi, SCRATCH
    mov edi, HOLE - 4
    mov ecx, 8
    mov dword [SCRATCH], 0
    mov dword [HOLE - 4], 0
    expect_fault EXC_PF, 0, repe cmpsb
    expect ecx, 4, "ECX of REPE CMPSB"
    mov edi, HOLE - 4
    mov ecx, 8
    mov eax, 1
    expect_fault EXC_PF, 0, repne scasb
    expect ecx, 4, "ECX of REPNE SCASB"
    mov byte [HOLE - 2], 1
    mov edi, HOLE - 4
    mov ecx, 8
    expect_no_fault repne scasb
    expect ecx, 5, "ECX of a REPNE SCASB that found it"
    ret

backwards:
    std
    mov esi, SCRATCH + 0x100
    mov edi, BEYOND + 4
    mov ecx, 4
    expect_fault EXC_PF, 2, rep movsd
    cld
    expect ecx, 2, "ECX of a backward REP MOVSD"
    expect edi, BEYOND - 4, "EDI of a backward REP MOVSD"
    ret

; The handler brings the page and the instruction goes on by itself.
resumed:
    set_handler EXC_PF, .bring
    mov edi, HOLE - 4
    mov ecx, 0x1008 / 4
    mov eax, 0x5a5a5a5a
    rep stosd
    mov dword [handlers + EXC_PF * 4], 0
    expect [HOLE - 4], 0x5a5a5a5a, "before the hole"
    expect [HOLE], 0x5a5a5a5a, "in the hole"
    expect [BEYOND], 0x5a5a5a5a, "beyond the hole"
    mov dword [TABLE + 4], 0
    invlpg [HOLE]
    ret
.bring:
    mov dword [TABLE + 4], 0x501003
    invlpg [HOLE]
    ret

; A push or call that faults leaves ESP. The handler needs a stack: its own, by a switch of ESP around it, is not to be
; had at level 0, so the destination is what faults here.
stack_pushes:
    mov ebx, esp
    expect_fault EXC_PF, 0, push dword [HOLE]
    mov eax, esp
    expect eax, ebx, "ESP after PUSH from a missing page"
    push dword 0x1234
    mov ebx, esp
    expect_fault EXC_PF, 2, pop dword [HOLE]
    mov eax, esp
    expect eax, ebx, "ESP after POP to a missing page"
    pop eax
    expect eax, 0x1234, "what POP would have taken"
    mov ebx, esp
    expect_fault EXC_PF, 0, call [HOLE]
    mov eax, esp
    expect eax, ebx, "ESP after CALL through a missing page"
    ret

; Flags and registers stay as they were when the write is refused; CMPXCHG writes whatever the comparison says.
read_modify_write:
    mov eax, 1
    mov ecx, 2
    stc
    expect_fault EXC_PF, 3, mov [READ_ONLY], eax
    stc
    expect_fault_sdm EXC_PF, 3, adc [READ_ONLY], eax
    stc
    expect_fault EXC_PF, 3, xchg [READ_ONLY], eax
    expect eax, 1, "EAX after a refused XCHG"
    expect_fault EXC_PF, 3, xadd [READ_ONLY], eax
    expect eax, 1, "EAX after a refused XADD"
    expect_fault_sdm EXC_PF, 3, cmpxchg [READ_ONLY], ecx
    expect eax, 1, "EAX after a refused CMPXCHG"
    expect_fault EXC_PF, 2, mov dword [HOLE - 2], 0x77777777
    movzx eax, word [HOLE - 2]
    expect eax, 0x5a5a, "the first half of a refused write"
    ret

; With 16-bit addresses SI, DI, CX count, and wrap.
narrow_addresses:
    mov byte [0xffff], 1
    mov byte [0x0600], 0
    mov esi, 0xabcdffff
    mov ecx, 0x56780002
    a16 rep lodsb
    expect esi, 0xabcd0001, "ESI after a 16-bit LODSB past FFFFH"
    expect ecx, 0x56780000, "ECX after a 16-bit REP"
    mov ecx, 0x56780000
    mov esi, 0x1234
    a16 rep lodsb
    expect esi, 0x1234, "ESI after a 16-bit REP with CX = 0"
    mov ecx, 0x00010001
    a16 loop .not_taken
    expect ecx, 0x00010000, "ECX after a 16-bit LOOP"
    ret
.not_taken:
    fail "a 16-bit LOOP looked at ECX"
    ret
