// Offsets that native_entry.S shares with C++: plain macros, because the assembler reads them too. native_entry.h and
// the interpreter's fpu_state.h hold them against the structures.
#pragma once

#define NATIVE_FRAME_CODE 0
#define NATIVE_FRAME_STATE 8
#define NATIVE_FRAME_RAX 16
#define NATIVE_FRAME_RCX 24
#define NATIVE_FRAME_RDX 32
#define NATIVE_FRAME_FLAGS 40
#define NATIVE_FRAME_OVERFLOW 41
#define NATIVE_FRAME_MEMORY 64

#define NATIVE_STATE_FSW 2
#define NATIVE_STATE_MXCSR 24
#define NATIVE_STATE_XMM 160
#define NATIVE_STATE_YMM_HIGH 576
