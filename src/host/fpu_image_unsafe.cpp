#include "host/fpu_image.h"

namespace ring3::host {

void save_fpu(u8* image) {
    asm volatile("xsave64 (%0)" ::"r"(image), "a"(fpu_components), "d"(0) : "memory");
}

/// No register is named as changed: to the caller of a function all of them are, but MXCSR's and the x87 control word's
/// control bits, which are the guest's from here on.
void load_fpu(u8 const* image) {
    asm volatile("xrstor64 (%0)" ::"r"(image), "a"(fpu_components), "d"(0) : "memory");
}

} // namespace ring3::host
