#include "monitor/translator/enter_unsafe.h"

#include "host/fpu_image.h"

namespace ring3 {

void enter_translated(HostPc enter, GuestCpu& cpu, bool load_fpu) {
    auto const thunk = reinterpret_cast<void (*)(GuestCpu*)>(enter);
    if (load_fpu) host::load_fpu(cpu.fpu.bytes);
    thunk(&cpu);
}

} // namespace ring3
