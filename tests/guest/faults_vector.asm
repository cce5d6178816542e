; Precise page faults of x87 and SSE instructions, cold and hot: TOP, XMM registers and memory stay (SDM 3A 4.7, 6.15
; #PF; 1 8.1, 10.2).
;
; Attacks: an x87 store that pops before it fails, a load that pushes, vector registers that hold half of a result,
; operands of 8, 10 and 16 bytes across a page that is missing, MXCSR and FPU images.
;
; Expect: status 33, output "PASS faults_vector"
%include "guest.inc"
%include "memory_probe.inc"
test_name "faults_vector"

main:
    call install_memory_probes
    call x87_loads
    call x87_stores
    call sse_loads
    call sse_stores
    ret

x87_loads:
    memory_probe READS, 4, fld dword [ebx]
    memory_probe READS, 8, fld qword [ebx]
    memory_probe READS, 10, fld tword [ebx]
    memory_probe READS, 2, fild word [ebx]
    memory_probe READS, 8, fild qword [ebx]
    memory_probe READS, 8, fadd qword [ebx]
    memory_probe READS, 4, fidiv dword [ebx]
    memory_probe READS, 4, fcomp dword [ebx]
    set_value 0x037f, 0
    memory_probe READS, 2, fldcw [ebx]
    set_value 0x00345678, 0x3ff00000
    ret

x87_stores:
    memory_probe WRITES, 4, fst dword [ebx]
    memory_probe WRITES, 4, fstp dword [ebx]
    memory_probe WRITES, 8, fstp qword [ebx]
%ifndef QEMU_TCG                ; writes the first half
    memory_probe WRITES, 10, fstp tword [ebx]
    memory_probe WRITES, 10, fbstp [ebx]
%endif
    memory_probe WRITES, 2, fistp word [ebx]
    memory_probe WRITES, 8, fistp qword [ebx]
    memory_probe WRITES, 4, fisttp dword [ebx]
    memory_probe WRITES, 2, fnstcw [ebx]
    memory_probe WRITES, 2, fnstsw [ebx]
    ret

sse_loads:
    memory_probe READS, 16, movups xmm0, [ebx]
    memory_probe READS, 1, movaps xmm0, [ebx]
    memory_probe READS, 16, movdqu xmm1, [ebx]
    memory_probe READS, 8, movq xmm0, [ebx]
    memory_probe READS, 8, movlps xmm0, [ebx]
    memory_probe READS, 8, movhps xmm1, [ebx]
    memory_probe READS, 4, movss xmm0, [ebx]
    memory_probe READS, 8, movsd xmm0, [ebx]
    memory_probe READS, 1, addps xmm0, [ebx]
    memory_probe READS, 8, addsd xmm0, [ebx]
    memory_probe READS, 1, pxor xmm1, [ebx]
    memory_probe READS, 4, cvtsi2sd xmm0, dword [ebx]
    memory_probe READS, 8, cvttsd2si edx, [ebx]
    memory_probe READS, 8, ucomisd xmm0, [ebx]
    set_value 0x1f80, 0
    memory_probe READS, 4, ldmxcsr [ebx]
    set_value 0x00345678, 0x3ff00000
    ret

sse_stores:
%ifndef QEMU_TCG                ; the same
    memory_probe WRITES, 16, movups [ebx], xmm0
%endif
    memory_probe WRITES, 1, movaps [ebx], xmm1
    memory_probe WRITES, 1, movntps [ebx], xmm1
    memory_probe WRITES, 8, movq [ebx], xmm1
    memory_probe WRITES, 8, movhps [ebx], xmm0
    memory_probe WRITES, 4, movss [ebx], xmm0
    memory_probe WRITES, 4, movd [ebx], xmm0
    memory_probe WRITES, 4, stmxcsr [ebx]
    ret
