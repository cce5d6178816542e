; Memory that is a device (the 64 KiB of QEMU's pc-testdev, which run.py plugs in) behaves like memory for whatever
; instruction reaches it (SDM 1 7.3, 2A to 2D, 3A 4.3): only the machine knows that there is no RAM.
;
; Attacks: all sizes and alignments, read-modify-write with and without LOCK, string instructions in both directions,
; a stack in the device, 8, 10, 16 and 512 bytes at once, accesses that end in another page: the device's,
; RAM's, one that is not present or read-only; then nothing has been written.
;
; Expect: status 33, output "PASS device_memory"
%include "guest.inc"
%include "exceptions.inc"
%include "pages.inc"
%include "hot.inc"
test_name "device_memory"

DEVICE  equ 0xff000000          ; physical
LOW     equ 0x400000            ; the device's first page, and again
RAM     equ LOW + 0x2000        ; then RAM, and the device's first page after it
THEN    equ LOW + 0x3000
GONE    equ LOW + 0x4000        ; not present
FIXED   equ LOW + 0x5000        ; the device's second page, read-only
BEHIND  equ LOW + 0x6000        ; not present

main:
    call install_exceptions
    call install_pages
    enable_sse
    map LOW, DEVICE, PAGE_ALL
    map LOW + 0x1000, DEVICE, PAGE_ALL
    map RAM, FRAME(0), PAGE_ALL
    map THEN, DEVICE, PAGE_ALL
    unmap GONE
    map FIXED, DEVICE + 0x1000, PAGE_P | PAGE_U
    unmap BEHIND
    mov ecx, 300
.again:
    push ecx
    call sizes
    call crossing
    call read_modify_write
    call single_bits
    call strings
    call stack
    call wide
    call faults
    pop ecx
    dec ecx
    jnz .again
    ret

sizes:
    mov ebx, LOW
    mov dword [ebx], 0x11223344
    mov byte [ebx + 1], 0xaa
    mov word [ebx + 2], 0xccdd
    same [LOW], 0xccddaa44, "bytes and words in a doubleword"
    movzx eax, byte [ebx + 1]
    same eax, 0xaa, "MOVZX of a byte"
    movsx eax, word [ebx + 2]
    same eax, 0xffffccdd, "MOVSX of a word"
    mov eax, [ebx + 1]
    and eax, 0xffffff
    same eax, 0xccddaa, "an odd address"
    mov dword [ebx + 0x101], 0x55667788
    same [LOW + 0x101], 0x55667788, "an odd address, written"
    mov ah, [ebx + 1]
    mov [ebx + 0x10], ah
    same [LOW + 0x10], 0xaa, "AH"
    mov al, [LOW + 3]
    mov [LOW + 0x11], al
    same [LOW + 0x10], 0xccaa, "an absolute address"
    mov dword [ebx + 0x10], 0
    stc
    setc [ebx + 0x20]
    same [LOW + 0x20], 1, "SETcc"
    ret

; The device's first page follows itself.
crossing:
    mov dword [LOW], 0
    mov dword [LOW + 0xffc], 0
    mov ebx, LOW + 0xfff
    mov dword [ebx], 0x88776655
    same [LOW], 0x00887766, "the part in the second page"
    same [LOW + 0xffc], 0x55000000, "the part in the first page"
    same [LOW + 0xfff], 0x88776655, "both parts"
    add word [ebx], 0x0101
    same [LOW + 0xfff], 0x88776756, "ADD across pages"
    lock xadd [ebx], eax
    mov dword [RAM + 0xffc], 0
    mov dword [THEN], 0
    mov dword [RAM + 0xffe], 0x44332211
    same [THEN], 0x4433, "from RAM to the device"
    same [RAM + 0xffc], 0x22110000, "from RAM to the device, in RAM"
    add dword [RAM + 0xffe], 0x01010101
    same [RAM + 0xffe], 0x45342312, "ADD from RAM to the device"
    mov dword [RAM], 0
    mov dword [LOW + 0x1ffe], 0x99aabbcc
    same [RAM], 0x99aa, "from the device to RAM"
    same [LOW + 0x1ffe], 0x99aabbcc, "from the device to RAM and back"
    ret

read_modify_write:
    mov ebx, LOW + 0x40
    mov dword [ebx], 0x7fffffff
    inc dword [ebx]
    jno .wrong
    same [LOW + 0x40], 0x80000000, "INC"
    dec byte [ebx]
    same [LOW + 0x40], 0x800000ff, "DEC"
    mov eax, 0x12345678
    xchg [ebx], eax
    same eax, 0x800000ff, "XCHG"
    lock add dword [ebx], 0x11111111
    same [LOW + 0x40], 0x23456789, "LOCK ADD"
    neg word [ebx]
    same [LOW + 0x40], 0x23459877, "NEG"
    lock not byte [ebx + 3]
    same [LOW + 0x40], 0xdc459877, "LOCK NOT"
    rol dword [ebx], 8
    same [LOW + 0x40], 0x459877dc, "ROL"
    mov edx, 0xabcdef01
    shld [ebx], edx, 8
    same [LOW + 0x40], 0x9877dcab, "SHLD"
    mov eax, 0x9877dcab
    mov edx, 0x5a5a5a5a
    lock cmpxchg [ebx], edx
    jnz .wrong
    same [LOW + 0x40], 0x5a5a5a5a, "CMPXCHG that finds it equal"
    cmpxchg [ebx], ecx
    jz .wrong
    same eax, 0x5a5a5a5a, "CMPXCHG that does not"
    mov edx, 1
    lock xadd [ebx], edx
    same edx, 0x5a5a5a5a, "XADD, the register"
    same [LOW + 0x40], 0x5a5a5a5b, "XADD"
    mov dword [ebx + 4], 7
    mov eax, 0x5a5a5a5b
    mov edx, 7
    push ebx
    mov ecx, 0x01020304
    mov edi, ebx
    mov ebx, 0x05060708
    lock cmpxchg8b [edi]
    pop ebx
    jnz .wrong
    same [LOW + 0x40], 0x05060708, "CMPXCHG8B, low"
    same [LOW + 0x44], 0x01020304, "CMPXCHG8B, high"
    stc
    adc dword [ebx], 0
    same [LOW + 0x40], 0x05060709, "ADC"
    mov eax, 3
    mul dword [ebx]
    same eax, 0x0f12151b, "MUL"
    xor edx, edx
    div dword [ebx]
    same eax, 3, "DIV"
    ret
.wrong:
    fail "the flags after a change in the device"

single_bits:
    mov ebx, LOW + 0x80
    mov dword [ebx], 0
    mov dword [ebx + 4], 0
    mov eax, 37
    bts [ebx], eax
    jc .wrong
    same [LOW + 0x84], 0x20, "BTS far off"
    lock btc dword [ebx], 3
    same [LOW + 0x80], 8, "LOCK BTC"
    lock btr [ebx], eax
    jnc .wrong
    same [LOW + 0x84], 0, "LOCK BTR far off"
    bsf eax, [ebx]
    same eax, 3, "BSF"
    ret
.wrong:
    fail "CF after a bit test in the device"

strings:
    mov edi, LOW + 0x200
    mov eax, 0x04030201
    mov ecx, 16
    rep stosd
    mov esi, LOW + 0x200
    mov edi, LOW + 0x301
    mov ecx, 37
    rep movsb
    same edi, LOW + 0x301 + 37, "EDI after REP MOVSB"
    same [LOW + 0x301 + 33], 0x01040302 & 0xffffffff, "REP MOVSB from device to device"
    mov esi, LOW + 0x200
    mov edi, LOW + 0x301
    mov ecx, 100
    mov byte [LOW + 0x301 + 20], 0x55
    repe cmpsb
    same ecx, 79, "REPE CMPSB"
    mov edi, LOW + 0x200
    mov al, 4
    mov ecx, 9
    repne scasb
    same ecx, 5, "REPNE SCASB"
    std
    mov esi, LOW + 0x23c
    mov edi, RAM + 0xffc
    mov ecx, 4
    rep movsd
    cld
    same [RAM + 0xff0], 0x04030201, "REP MOVSD downwards into RAM"
    mov esi, RAM + 0xff0
    mov edi, LOW + 0xff8
    mov ecx, 4
    rep movsd
    same [LOW + 0x1004], 0x04030201, "REP MOVSD across the device's pages"
    mov dx, 0xe0
    mov al, 0x77
    out dx, al
    mov edi, LOW + 0xffe
    mov ecx, 4
    rep insb
    same [LOW + 0xffe], 0x77777777, "REP INSB across pages"
    mov dword [LOW + 0x400], 0x1a2b3c4d
    mov esi, LOW + 0x400
    outsd
    in eax, dx
    same eax, 0x1a2b3c4d, "OUTSD"
    lodsw
    mov esi, LOW + 0x400
    lodsd
    same eax, 0x1a2b3c4d, "LODSD"
    mov ebx, LOW + 0x400
    mov al, 2
    xlatb
    same eax, 0x1a2b3c2b, "XLATB"
    ret

stack:
    mov ebp, esp
    mov esp, LOW + 0x1008           ; what is pushed crosses into the page below
    push dword 0x11111111
    push word 0x2222
    pushfd
    pop edx
    pop cx
    pop eax
    same eax, 0x11111111, "PUSH and POP"
    mov esp, LOW + 0x1010
    mov eax, 0xa0a0a0a0
    mov edi, 0xd0d0d0d0
    pushad
    xor eax, eax
    xor edi, edi
    popad
    same eax, 0xa0a0a0a0, "EAX after PUSHA and POPA"
    same edi, 0xd0d0d0d0, "EDI after PUSHA and POPA"
    call .here
.here:
    pop eax
    same eax, .here, "CALL"
    push dword .there
    ret
.there:
    mov dword [LOW + 0x1040], .ahead
    jmp [LOW + 0x1040]
.ahead:
    mov dword [LOW + 0x1040], .called
    call [LOW + 0x1040]
    jmp .returned
.called:
    ret 0
.returned:
    push ds
    pop es
    enter 8, 0
    leave
    pushfd
    push cs
    push dword .back
    iretd
.back:
    same esp, LOW + 0x1010, "ESP"
    mov esp, ebp
    ret

wide:
    mov dword [SCRATCH], 0x11111111
    mov dword [SCRATCH + 4], 0x22222222
    mov dword [SCRATCH + 8], 0x33333333
    mov dword [SCRATCH + 12], 0x44444444
    movups xmm0, [SCRATCH]
    movaps [LOW + 0x600], xmm0
    same [LOW + 0x60c], 0x44444444, "MOVAPS to the device"
    mov dword [LOW + 0x604], 0x55555555
    movaps xmm1, [LOW + 0x600]
    movups [LOW + 0xff8], xmm1
    same [LOW + 0xffc], 0x55555555, "MOVUPS across pages, first"
    same [LOW + 0x1004], 0x44444444, "MOVUPS across pages, last"
    movups xmm2, [LOW + 0xff8]
    movq [SCRATCH + 16], xmm2
    same [SCRATCH + 20], 0x55555555, "MOVUPS from across pages"
    paddd xmm2, [LOW + 0x600]
    movd [SCRATCH + 16], xmm2
    same [SCRATCH + 16], 0x22222222, "PADDD with the device"
    fninit
    fild qword [LOW + 0x600]
    fistp qword [LOW + 0x611]
    same [LOW + 0x615], 0x55555555, "FILD and FISTP"
    fldpi
    fstp tword [LOW + 0xffb]
    fld tword [LOW + 0xffb]
    fldpi
    fcompp
    fnstsw [LOW + 0x620]
    mov ax, [LOW + 0x620]
    and eax, 0x4500
    same eax, 0x4000, "ten bytes across pages"
    fxsave [LOW + 0xf00]
    movups xmm1, [SCRATCH]
    fxrstor [LOW + 0xf00]
    movd eax, xmm1
    same eax, 0x11111111, "FXSAVE and FXRSTOR"
    sgdt [LOW + 0x630]
    mov eax, gdt
    same [LOW + 0x632], eax, "SGDT"
    lgdt [LOW + 0x630]
    smsw [LOW + 0x640]
    str [LOW + 0x642]
    cpuid
    ret

; Nothing of what faults in its second page is written.
faults:
    mov dword [LOW], 0
    mov dword [THEN + 0xffc], 0x12345678
    expect_fault EXC_PF, 2, {mov dword [THEN + 0xffe], 0xffffffff}
    expect_fault EXC_PF, 0, {mov eax, [THEN + 0xffe]}
    expect_fault_sdm EXC_PF, 2, {add dword [THEN + 0xffe], 1}
    expect_fault EXC_PF, 2, {fstp qword [THEN + 0xffc]}
%ifndef QEMU_TCG                ; which has written eight bytes by then
    expect_fault EXC_PF, 2, {movups [THEN + 0xff8], xmm0}
%endif
    same [THEN + 0xffc], 0x12345678, "the device before a page that is not present"
    expect_fault EXC_PF, 3, {mov dword [FIXED], 1}
    expect_fault EXC_PF, 3, {lock inc dword [FIXED + 4]}
    expect_fault EXC_PF, 2, {mov dword [BEHIND - 4 + 4], 1}
    expect_fault EXC_PF, 0, {mov eax, [FIXED + 0xffd]}
    mov edi, THEN + 0xff8
    mov ecx, 4
    mov eax, 0x5a5a5a5a
    expect_fault EXC_PF, 2, {rep stosd}
    same edi, GONE, "EDI where REP STOSD stopped"
    same [THEN + 0xffc], 0x5a5a5a5a, "what REP STOSD wrote before"
    mov eax, [FIXED]
    same eax, 0, "the read-only page"
    ret
