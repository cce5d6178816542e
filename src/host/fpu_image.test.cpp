#include "host/fpu_image.h"

#include <gtest/gtest.h>
#include <xmmintrin.h>

namespace ring3::host {
namespace {

struct alignas(64) Image {
    u8 bytes[fpu_image_bytes]{};
};

TEST(FpuImage, brings_registers_and_control_back) {
    Image guest, host;
    save_fpu(host.bytes);
    u32 const control = 0x7f80; // round towards zero
    _mm_setcsr(control);
    u64 const marker = 0x1122334455667788;
    asm volatile("movq %0, %%xmm5" ::"r"(marker) : "xmm5");
    save_fpu(guest.bytes);
    asm volatile("pxor %%xmm5, %%xmm5" ::: "xmm5");
    _mm_setcsr(default_mxcsr);

    u64 found = 0;
    load_fpu(guest.bytes);
    asm volatile("movq %%xmm5, %0" : "=r"(found));
    u32 const found_control = _mm_getcsr();
    load_fpu(host.bytes);
    EXPECT_EQ(found, marker);
    EXPECT_EQ(found_control, control);
    EXPECT_EQ(_mm_getcsr() & ~0x3fu, default_mxcsr);
}

} // namespace
} // namespace ring3::host
