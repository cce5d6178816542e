// Reading and writing task-state segments.
#include "monitor/interpreter/tss.h"

namespace ring3 {

namespace {

/// The words of a TSS that was read as bytes.
struct TssBytes {
    u8 bytes[Tss32::limit + 1]{};
    template <class T> T at(u32 offset) const {
        T value;
        std::memcpy(&value, bytes + offset, sizeof value);
        return value;
    }
};

TaskImage parse32(TssBytes const& tss) {
    TaskImage image;
    image.eip = tss.at<u32>(Tss32::eip);
    image.eflags = tss.at<u32>(Tss32::eflags);
    image.cr3 = tss.at<u32>(Tss32::cr3);
    for (u32 i = 0; i < 8; ++i) image.gpr[i] = tss.at<u32>(Tss32::gpr + 4 * i);
    for (u32 i = 0; i < 6; ++i) image.segment[i].raw = tss.at<u16>(Tss32::segments + 4 * i);
    image.ldt.raw = tss.at<u16>(Tss32::ldt);
    image.debug_trap = (tss.at<u16>(Tss32::trap) & 1) != 0;
    return image;
}

/// A 16-bit TSS knows neither FS and GS, which become null, nor upper halves, which become zero.
TaskImage parse16(TssBytes const& tss) {
    TaskImage image;
    image.eip = tss.at<u16>(Tss16::ip);
    image.eflags = tss.at<u16>(Tss16::flags);
    for (u32 i = 0; i < 8; ++i) image.gpr[i] = tss.at<u16>(Tss16::gpr + 2 * i);
    for (u32 i = 0; i < 4; ++i) image.segment[i].raw = tss.at<u16>(Tss16::segments + 2 * i);
    image.ldt.raw = tss.at<u16>(Tss16::ldt);
    return image;
}

Outcome save32(Vcpu& vcpu, u32 base, SavedContext saved) {
    GuestCpu const& cpu = vcpu.cpu;
    TRY_GUEST(vcpu.store_system<u32>({u32(base + Tss32::eip)}, saved.eip));
    TRY_GUEST(vcpu.store_system<u32>({u32(base + Tss32::eflags)}, saved.eflags));
    for (u32 i = 0; i < 8; ++i)
        TRY_GUEST(vcpu.store_system<u32>({u32(base + Tss32::gpr + 4 * i)}, static_cast<u32>(cpu.gpr[i])));
    for (u32 i = 0; i < 6; ++i)
        TRY_GUEST(vcpu.store_system<u16>({u32(base + Tss32::segments + 4 * i)}, cpu.segment[i].selector.raw));
    return Outcome::next();
}

Outcome save16(Vcpu& vcpu, u32 base, SavedContext saved) {
    GuestCpu const& cpu = vcpu.cpu;
    TRY_GUEST(vcpu.store_system<u16>({u32(base + Tss16::ip)}, static_cast<u16>(saved.eip)));
    TRY_GUEST(vcpu.store_system<u16>({u32(base + Tss16::flags)}, static_cast<u16>(saved.eflags)));
    for (u32 i = 0; i < 8; ++i)
        TRY_GUEST(vcpu.store_system<u16>({u32(base + Tss16::gpr + 2 * i)}, static_cast<u16>(cpu.gpr[i])));
    for (u32 i = 0; i < 4; ++i)
        TRY_GUEST(vcpu.store_system<u16>({u32(base + Tss16::segments + 2 * i)}, cpu.segment[i].selector.raw));
    return Outcome::next();
}

} // namespace

Outcome save_task(Vcpu& vcpu, Segment const& tss, SavedContext saved) {
    return tss_is_32bit(tss) ? save32(vcpu, tss.base, saved) : save16(vcpu, tss.base, saved);
}

Outcome read_task(Vcpu& vcpu, Segment const& tss, TaskImage& out) {
    TssBytes bytes;
    bool const wide = tss_is_32bit(tss);
    u32 const size = wide ? sizeof bytes.bytes : Tss16::limit + 1;
    TRY_GUEST(vcpu.mmu.read_bytes({tss.base}, Privilege::supervisor, bytes.bytes, size));
    out = wide ? parse32(bytes) : parse16(bytes);
    return Outcome::next();
}

} // namespace ring3
