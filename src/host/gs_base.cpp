// The base of gs (guest_trap.h): WRGSBASE where the host kernel lets user code use it, else a system call.
#include "host/guest_trap.h"

#include <asm/prctl.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ring3::host {

namespace {
constexpr unsigned long hwcap2_fsgsbase = 1 << 1;
bool const fsgsbase = (::getauxval(AT_HWCAP2) & hwcap2_fsgsbase) != 0;
} // namespace

bool has_fsgsbase() {
    return fsgsbase;
}

void set_gs_base(u64 base) {
    if (fsgsbase) [[likely]] {
        asm volatile("wrgsbase %0" ::"r"(base));
        return;
    }
    ::syscall(SYS_arch_prctl, ARCH_SET_GS, base);
}

} // namespace ring3::host
