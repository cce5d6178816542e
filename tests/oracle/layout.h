// Where things lie in the low 4 GiB of the test process, and so in the guest's linear address space too: both sides run
// the same instruction at the same address on the same data. Shared with native32.S.
#pragma once

#define ORACLE_LOW 0x4000 /* the data once more, where 16-bit addresses reach */
#define ORACLE_STATE 0x10000000
#define ORACLE_CODE 0x11000000
#define ORACLE_TRAMPOLINE 0x12000000
#define ORACLE_DATA 0x20000000

// Offsets in the state block (struct NativeState).
#define STATE_GPR 0
#define STATE_EFLAGS 32
#define STATE_TARGET 40
#define STATE_HOST_STACK 48
#define STATE_HOST_RETURN 56
#define STATE_LANDING 64
#define STATE_ES 68
#define STATE_CS 70
#define STATE_SS 72
#define STATE_DS 74
#define STATE_FS 76
#define STATE_GS 78
#define STATE_HOST_FS_BASE 80
#define STATE_HOST_GS_BASE 88
#define STATE_FPU 128

// Selectors of Linux's user segments (x86-64), and of our own in the LDT.
#define SELECTOR_CODE32 0x23
#define SELECTOR_CODE64 0x33
#define SELECTOR_DATA 0x2b
#define SELECTOR_CODE16 0x07
#define SELECTOR_DATA16 0x0f
