// The guest's x87, SSE and AVX registers across C++: translated code keeps them in the processor, and every C++ function
// may overwrite them.
//
// An image is XSAVE's standard form (SDM 1 13.4): 832 bytes for these three, 64-byte aligned, zero before its first use
// because XSAVE leaves the reserved part of the header as it is and XRSTOR demands zeros there.
#pragma once

#include "base/types.h"

namespace ring3::host {

/// MXCSR as C++ expects it: all exceptions masked, round to nearest.
inline constexpr u32 default_mxcsr = 0x1f80;

// Saving takes 44 ns, loading 49 (Emerald Rapids).

inline constexpr u32 fpu_components = 7; // x87, SSE, AVX: what RFBM asks for (XCR0 decides what there is)
inline constexpr u64 fpu_image_bytes = 832;

/// The registers keep their values: C++ that computes with floating-point numbers needs default_mxcsr afterwards.
void save_fpu(u8* image);
void load_fpu(u8 const* image);

} // namespace ring3::host
