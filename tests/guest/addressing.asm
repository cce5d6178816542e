; Effective and linear addresses at their edges (SDM 1 3.3.7, 3.7.5; 2A 2.1.5, BT to BTC; 2B MOV, XLAT; 3A 3.3).
;
; Attacks: sums made in 64 bits or with a sign-extended displacement, accesses that leave the window at 4 GiB, bit
; offsets that reach far, high byte registers in emitted code, moffs, implicit operands, 16-bit forms, address-size
; prefixes.
;
; Expect: status 33, output "PASS addressing"
%include "guest.inc"
%include "user.inc"
%include "pages.inc"
%include "hot.inc"
test_name "addressing"

LOW  equ 0x400000               ; two pages next to each other, with frames that are not
TOP  equ 0xffffe000             ; the last two pages of the address space
HIGH_HALF equ 0x80000000
BITS_AT equ 0x1000100           ; far from both ends of what it reaches

main:
    call install_exceptions
    call install_tss
    call install_pages
    call map_edges
    run_hot sums, edges, bit_strings, high_bytes, implicit, small_addresses, locked
    ret

; 16 to 20 MiB onto itself; 2 GiB and the last two pages onto frames; page 0 is the first large page's.
map_edges:
    mov dword [DIRECTORY + 16], 0x1000000 + PAGE_PS + PAGE_ALL
    map LOW, FRAME(4), PAGE_ALL
    map LOW + 0x1000, FRAME(2), PAGE_ALL
    mov edi, 0x202000
    mov ecx, 2048
    xor eax, eax
    rep stosd
    mov dword [DIRECTORY + 0xffc], 0x202000 + PAGE_ALL
    mov dword [0x202ff8], FRAME(6) + PAGE_ALL
    mov dword [0x202ffc], FRAME(0) + PAGE_ALL
    mov dword [DIRECTORY + 0x800], 0x203000 + PAGE_ALL
    mov dword [DIRECTORY + 0x7fc], 0x204000 + PAGE_ALL
    mov edi, 0x204000
    mov ecx, 1024
    xor eax, eax
    rep stosd
    mov dword [0x203000], FRAME(8) + PAGE_ALL
    mov dword [0x204ffc], FRAME(10) + PAGE_ALL      ; the page below 2 GiB
    reload_cr3
    ret

%macro loads 3                  ; WANTED, "what", INSTRUCTION with EAX
    xor eax, eax
    %3
    same eax, %1, {%2}
%endmacro

sums:
    mov dword [SCRATCH], 0x11223344
    mov dword [SCRATCH + 4], 0x55667788
    mov ebx, SCRATCH + 0x80
    loads 0x11223344, "disp8 below zero", {mov eax, [ebx - 0x80]}
    mov ebx, 0x10
    loads 0x11223344, "a small base and a large displacement", {mov eax, [ebx + SCRATCH - 0x10]}
    mov ebx, SCRATCH + 0x7fffffff
    loads 0x11223344, "disp32 -7FFFFFFFH", {mov eax, [ebx - 0x7fffffff]}
    mov ebx, SCRATCH - 0x80000000
    loads 0x11223344, "disp32 80000000H", {mov eax, [ebx + 0x80000000]}
    mov ebx, 0xffffff00
    mov esi, SCRATCH + 0x100
    loads 0x11223344, "base + index over 4 GiB", {mov eax, [ebx + esi]}
    mov esi, (SCRATCH + 0x100) / 4
    loads 0x11223344, "base + index * 4 over 4 GiB", {mov eax, [ebx + esi * 4]}
    mov esi, 0xc0000000 + SCRATCH / 4
    mov ebx, 0
    loads 0x11223344, "an index that loses bits when scaled", {mov eax, [ebx + esi * 4]}
    mov esi, 0xffffffff
    mov ebx, SCRATCH + 8
    loads 0x11223344, "index -1 * 8", {mov eax, [ebx + esi * 8]}
    mov ebp, SCRATCH + 4
    loads 0x55667788, "EBP as base", {mov eax, [ebp]}
    loads 0x55667788, "EBP as index", {mov eax, [ebp * 1 + 0]}
    mov ebx, 0x90000000
    mov esi, 0x70000000
    loads 0x11223344, "base + index + displacement", {mov eax, [ebx + esi + SCRATCH]}
    loads SCRATCH + 1, "LEA with the same", {lea eax, [ebx + esi + SCRATCH + 1]}
    mov ebx, SCRATCH
    mov ebx, [ebx + 4]
    same ebx, 0x55667788, "a register loaded through itself"
    mov esi, esp
    push dword 0x99
    mov ebx, -4
    loads 0x99, "ESP + 0", {mov eax, [esp]}
    loads 0x99, "ESP + EBX + 4", {mov eax, [esp + ebx + 4]}
    mov esp, esi
    ret

; The last bytes of the address space, the first ones, and what lies across; then 2 GiB.
edges:
    mov dword [0], 0x03020100
    mov dword [0xfffffffc], 0xfffefdfc
    mov ebx, 0xfffffffe
    loads 0x0100fffe, "a dword across 4 GiB", {mov eax, [ebx]}
    loads 0x0100fffe, "the same, absolute", {mov eax, [0xfffffffe]}
    loads 0x0201, "a word across 4 GiB by its displacement", {mov ax, [ebx + 3]}
    loads 0x00ff, "a word across 4 GiB", {mov ax, [ebx + 1]}
    mov dword [ebx], 0x44332211
    same [0], 0x03024433, "the half of a dword at 0"
    same [FRAME(0) + 0xffc], 0x2211fdfc, "the half of a dword at the top"
    add dword [ebx + 1], 0x01010101
    loads 0x45342311, "a dword across 4 GiB after ADD one byte on", {mov eax, [ebx]}
    mov ebx, 0
    loads 0x23, "disp8 -1 from zero", {mov al, [ebx - 1]}
    cmp al, [FRAME(0) + 0xfff]
    jne .bad
    mov ebx, TOP + 0xffe
    mov dword [ebx], 0xa1b2c3d4
    loads 0xa1b2c3d4, "a dword across the last two pages", {mov eax, [ebx]}
    movzx eax, word [FRAME(6) + 0xffe]
    same eax, 0xc3d4, "its first half"
    movzx eax, word [FRAME(0)]
    same eax, 0xa1b2, "its second half"
    mov ebx, HIGH_HALF - 2
    mov dword [ebx], 0x5a6b7c8d
    loads 0x5a6b7c8d, "a dword across 2 GiB", {mov eax, [ebx]}
    loads 0x5a6b7c8d, "a dword across 2 GiB, absolute", {mov eax, [HIGH_HALF - 2]}
    loads 0x5a6b, "a word at 2 GiB, absolute", {mov ax, [HIGH_HALF]}
    mov ebx, 2
    loads 0x5a6b7c8d, "a negative displacement to 2 GiB", {mov eax, [ebx + 0x7ffffffc]}
    mov [HIGH_HALF + 0x10], ebx
    same [FRAME(8) + 0x10], 2, "a store at 2 GiB"
    mov ebx, LOW + 0xffd
    mov dword [ebx], 0x12345678
    loads 0x12345678, "a dword across two pages", {mov eax, [ebx]}
    movzx eax, byte [FRAME(2)]
    same eax, 0x12, "its last byte"
    mov eax, 0x5a5a5a5a
    xchg [ebx], eax
    same eax, 0x12345678, "XCHG across two pages"
    rol dword [ebx], 4
    loads 0xa5a5a5a5, "ROL across two pages", {mov eax, [ebx]}
    mov esi, 0xfffffffc
    mov edi, 0xffffeffe
    mov ecx, 4
    rep movsw                   ; reads over 4 GiB, writes across the two pages
    same esi, 4, "ESI behind 4 GiB"
    loads 0xfdfc, "what was copied", {mov ax, [TOP + 0xffe]}
    ret
.bad:
    fail "the last byte of the address space"

; BT and its kin reach 2^31 bits either way from a memory operand, in steps of the operand's size.
bit_strings:
    mov edi, BITS_AT
    mov dword [BITS_AT - 4], 0
    mov dword [BITS_AT], 0
    mov dword [BITS_AT + 4], 0
    mov dword [BITS_AT + 0x200000], 0
    mov dword [SCRATCH + 0x40], 0
    mov eax, -1
    bts [edi], eax
    jc .bad
    same [BITS_AT - 4], 0x80000000, "bit -1"
    bts [edi], eax
    jnc .bad
    mov eax, 33
    bts [edi], eax
    same [BITS_AT + 4], 2, "bit 33"
    mov eax, 0x200000 * 8 + 17
    btc [edi], eax
    same [BITS_AT + 0x200000], 1 << 17, "bit 0x1000011"
    mov eax, (SCRATCH + 0x40 - BITS_AT) * 8 + 5
    lock bts [edi], eax
    same [SCRATCH + 0x40], 1 << 5, "a bit at a large negative offset"
    bt [edi], eax
    jnc .bad
    lock btr [edi], eax
    jnc .bad
    bt [edi], eax
    jc .bad
    mov ebx, BITS_AT + 0x10000000   ; nothing is mapped there: only the sum counts
    mov eax, -0x80000000
    bts [ebx], eax
    same [BITS_AT], 1, "bit -80000000H"
    mov eax, -16
    mov dword [BITS_AT - 4], 0
    bts [edi], ax
    same [BITS_AT - 4], 0x00010000, "bit -16 of words"
    mov eax, 0x7fff
    mov word [BITS_AT + 0xffe], 0
    bts [edi], ax
    movzx eax, word [BITS_AT + 0xffe]
    same eax, 0x8000, "bit 7FFFH of words"
    bts dword [edi + 4], 32 + 3     ; an immediate counts modulo 32
    same [BITS_AT + 4], 2 | 8, "bit 35 as an immediate"
    mov eax, 77
    bt eax, eax                     ; in a register modulo 32: bit 13 of 77
    jc .bad
    ret
.bad:
    fail "CF of a bit instruction"

; AH, BH, CH, DH beside ESP-based and indexed operands.
high_bytes:
    push dword 0x44332211
    mov ebx, 0x0000bb00
    mov edi, 1
    mov ah, [esp]
    mov bh, [esp + 1]
    mov ch, [esp + edi + 1]
    mov dh, [esp + edi * 2 + 1]
    mov [esp], bh
    mov [esp + 1], ch
    mov [esp + edi * 2], dh
    mov [esp + edi + 2], ah
    same [esp], 0x11443322, "bytes rotated through high registers"
    add ah, [esp]
    adc [esp], dh
    xchg ch, [esp + 1]
    movzx eax, ah
    same eax, 0x33, "ADD AH, [ESP]"
    movzx eax, ch
    same eax, 0x33, "XCHG CH, [ESP + 1]"
    movsx eax, byte [esp + 2]
    movzx esi, dh
    same eax, esi, "MOVSX of what DH wrote"
    mov eax, 0x80ff
    test ah, al
    jns .bad
    xadd [esp + 3], ah
    movzx eax, ah
    same eax, 0x11, "XADD with AH"
    same [esp + 3 - 3], 0x91443366, "what XADD left"
    pop eax
    mov eax, 0x1234
    cmp ah, 0x12
    setz ah
    sete dh
    sub ah, dh
    jnz .bad
    ret
.bad:
    fail "flags of high bytes"

; XLAT, moffs, segment overrides that change nothing.
implicit:
    mov ebx, .table
    mov eax, 0x12345603
    xlatb
    same eax, 0x12345633, "XLAT"
    mov ebx, .table - 0xff
    mov al, 0xff
    xlatb
    same eax, 0x12345600, "XLAT with AL = FFH"
    mov byte [0x7e], 0x77
    mov ebx, 0xffffff80
    mov eax, 0xfe
    xlatb
    same eax, 0x77, "XLAT over 4 GiB"
    db 0xa1                     ; MOV EAX, moffs32
    dd SCRATCH + 4
    same eax, 0x55667788, "MOV EAX, moffs32"
    mov al, 0x99
    db 0xa2                     ; MOV moffs8, AL
    dd SCRATCH + 0x20
    db 0x3e, 0xa0               ; with DS:
    dd SCRATCH + 0x20
    same eax, 0x55667799, "MOV moffs8 and back"
    db 0x66, 0xa3               ; MOV moffs16, AX
    dd HIGH_HALF + 0x20
    same [FRAME(8) + 0x20], 0x7799, "MOV moffs16, AX at 2 GiB"
    mov esi, SCRATCH
    loads 0x11223344, "CS:", {mov eax, [cs:esi]}
    loads 0x11223344, "ES:", {mov eax, [es:esi]}
    loads 0x11223344, "SS:", {mov eax, [ss:esi]}
    loads 0x11223344, "LODSD with SS:", {ss lodsd}
    ret
section .data
.table: db 0x00, 0x11, 0x22, 0x33
section .text

; Prefix 67H: sums modulo 64 KiB, BP as base with SS, SI, DI, BX; counters and pointers of 16 bits.
small_addresses:
    mov dword [0x600], 0x01234567
    mov dword [0x604], 0x89abcdef
    mov ebx, 0xabcd0500
    mov esi, 0x12340100
    loads 0x01234567, "[BX + SI]", {mov eax, [bx + si]}
    mov ebx, 0xff00
    mov edi, 0x0704
    loads 0x89abcdef, "[BX + DI] over 64 KiB", {mov eax, [bx + di]}
    mov ebp, 0x700
    loads 0x01234567, "[BP - 100H]", {mov eax, [bp - 0x100]}
    mov bx, 0x0680
    loads 0x01234567, "[BX - 80H]", {mov eax, [bx - 0x80]}
    loads 0x89abcdef, "[disp16]", {a16 mov eax, [0x604]}
    mov eax, 0x600
    db 0x67, 0xa1, 0x04, 0x06   ; MOV EAX, moffs with a 16-bit offset
    same eax, 0x89abcdef, "moffs of 16 bits"
    mov ebx, 0x10600
    loads 0x0600, "LEA of 16 bits", {lea eax, [bx]}
    mov ecx, 0x50002
    mov esi, 0x70600
    mov edi, 0x90610
    a16 rep movsd
    same ecx, 0x50000, "ECX behind REP MOVSD of 16 bits"
    same esi, 0x70608, "ESI behind REP MOVSD of 16 bits"
    same edi, 0x90618, "EDI behind REP MOVSD of 16 bits"
    same [0x614], 0x89abcdef, "what it copied"
    mov ecx, 0x10003
    xor eax, eax
.loop:
    inc eax
    a16 loop .loop
    same eax, 3, "LOOP with CX"
    same ecx, 0x10000, "ECX behind LOOP with CX"
    a16 jecxz .zero
    fail "JCXZ"
.zero:
    mov ebx, 0x0600
    mov eax, 0
    o16 a16 mov ax, [bx + 2]
    same eax, 0x0123, "both prefixes"
    add word [bx + 2], 1
    same [0x600], 0x01244567, "ADD m16 with a 16-bit address"
    ret

; LOCK of everything that takes it, at odd places.
locked:
    mov ebx, SCRATCH + 0x51
    mov dword [ebx], 0x100
    mov eax, 0x100
    mov edx, 0x200
    lock cmpxchg [ebx], edx
    jnz .bad
    lock inc dword [ebx]
    lock dec byte [ebx]
    lock neg dword [ebx]
    lock not dword [ebx]
    lock sub dword [ebx], 5
    lock xor [ebx], edx
    lock sbb word [ebx], 0
    lock xadd [ebx], edx
    same edx, 0x3fa, "LOCK XADD"
    mov ebx, LOW + 0xffe        ; across two pages
    mov dword [ebx], 1
    lock add dword [ebx], 0x00ffffff
    loads 0x01000000, "LOCK ADD across two pages", {mov eax, [ebx]}
    mov dword [ebx], 7
    mov dword [ebx + 4], 8
    mov eax, 7
    mov edx, 8
    push ebx
    mov esi, ebx
    mov ebx, 9
    mov ecx, 10
    lock cmpxchg8b [esi]
    pop ebx
    jnz .bad
    loads 9, "LOCK CMPXCHG8B across two pages", {mov eax, [ebx]}
    loads 10, "its upper half", {mov eax, [ebx + 4]}
    ret
.bad:
    fail "ZF of a locked compare"
