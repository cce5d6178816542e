; Precise page faults of integer instructions, cold and hot (SDM 3A 4.7, 6.5, 6.15 #PF; 4.8 for A and D).
;
; Attacks: host registers or flags that do not hold the guest's at a faulting instruction, ESP whose update was folded
; or came too early, half of a write that crosses pages, an error code taken from the host's access instead of the
; guest's, flags thought dead, instructions that fault after part of their effect.
;
; Expect: status 33, output "PASS faults_memory"
%include "guest.inc"
%include "memory_probe.inc"
test_name "faults_memory"

main:
    call install_memory_probes
    call loads
    call stores
    call arithmetic
    call exchanges
    call single_bits
    call stack
    call strings
    ret

loads:
    memory_probe READS, 4, mov edx, [ebx]
    memory_probe READS, 1, mov ah, [ebx]
    memory_probe READS, 2, mov dx, [ebx]
    memory_probe READS, 1, movzx ebp, byte [ebx]
    memory_probe READS, 2, movsx ebx, word [ebx]
    memory_probe READS, 4, mov ebx, [ebx]       ; destroys its own address
    memory_probe READS, 4, add ebx, [ebx]
    memory_probe READS, 4, cmp [ebx], edx
    memory_probe READS, 2, test [ebx], cx
    memory_probe READS, 4, sbb edx, [ebx]
    memory_probe READS, 4, cmovc ebp, [ebx]     ; reads whatever the condition
    memory_probe READS, 4, cmovnc ebp, [ebx]
    memory_probe READS | NO_FLAGS, 4, imul ebp, [ebx]
    memory_probe READS | NO_FLAGS, 4, mul dword [ebx]
    memory_probe READS | NO_FLAGS, 2, imul dx, [ebx], 77
    ret

stores:
    memory_probe WRITES, 4, mov [ebx], edx
    memory_probe WRITES, 2, mov [ebx], dx
    memory_probe WRITES, 1, mov [ebx], dh
    memory_probe WRITES, 4, mov dword [ebx], 0x13579bdf
    memory_probe WRITES, 1, setc [ebx]
    memory_probe WRITES, 2, mov [ebx], ds
    memory_probe WRITES, 4, movnti [ebx], edx
    ret

arithmetic:
    memory_probe RMW, 4, add [ebx], edx
    memory_probe RMW, 4, adc [ebx], edx
    memory_probe RMW, 1, sbb byte [ebx], 0x7f
    memory_probe RMW, 4, inc dword [ebx]
    memory_probe RMW, 2, dec word [ebx]
    memory_probe RMW, 4, neg dword [ebx]
    memory_probe RMW, 4, not dword [ebx]
%ifndef QEMU_TCG                ; changes flags before the store
    memory_probe RMW, 4, rcl dword [ebx], 1
%endif
    memory_probe RMW | NO_FLAGS, 4, shl dword [ebx], cl
    memory_probe RMW | NO_FLAGS, 4, shld [ebx], edx, cl
    memory_probe RMW, 4, lock add [ebx], edx
    memory_probe RMW, 4, lock xor [ebx], ebp
    ret

exchanges:
    memory_probe RMW, 4, xchg [ebx], edx
    memory_probe RMW, 1, xchg [ebx], ch
    memory_probe RMW, 4, xadd [ebx], edx
    memory_probe RMW, 4, lock xadd [ebx], ebx
    memory_probe RMW, 4, cmpxchg [ebx], edx     ; not equal: writes what it read
    memory_probe RMW, 4, lock cmpxchg [ebx], edx
    set_value 0x11223344, 0x99aabbcc
    memory_probe RMW, 4, cmpxchg [ebx], ebp     ; equal
%ifndef QEMU_TCG                ; other flags than ZF change
    memory_probe RMW, 8, cmpxchg8b [esi]
    memory_probe RMW, 8, lock cmpxchg8b [esi]
    set_value 0x00345678, 0x3ff00000
    memory_probe RMW, 8, cmpxchg8b [esi]
%endif
    ret

single_bits:
    memory_probe READS | NO_FLAGS, 4, bt dword [ebx], 5
    memory_probe RMW | NO_FLAGS, 4, bts dword [ebx], 9
    memory_probe RMW | NO_FLAGS, 4, lock btc dword [ebx], 17
    memory_probe READS | NO_FLAGS, 4, bsf edx, [ebx]
    ret

; The pushes of the second form come first: a fault of these must not take them back or add to them.
stack:
    memory_probe READS, 4, push dword [ebx]
    memory_probe READS, 2, push word [ebx]
    memory_probe WRITES, 4, pop dword [ebx]
    memory_probe WRITES, 2, pop word [ebx]
    set_value there, 0
    memory_probe READS, 4, call [ebx]
    memory_probe READS, 4, jmp [ebx]
    ret
there:
    int 0x81

strings:
    memory_probe READS, 4, lodsd
    memory_probe READS, 1, lodsb
    memory_probe READS, 4, cmpsd        ; both operands at the same place
    memory_probe READS, 2, scasw
    memory_probe WRITES, 4, stosd
    memory_probe WRITES, 2, stosw
    ret
