#include "tests/oracle/guest_side.h"

#include <cstring>

namespace ring3::oracle {

Result<std::unique_ptr<GuestSide>> GuestSide::create() {
    CpuModel model = TRY(CpuModel::create("max"));
    auto native = TRY(NativeRunner::create());
    return std::unique_ptr<GuestSide>{new GuestSide{std::move(model), std::move(native)}};
}

GuestSide::GuestSide(CpuModel model, std::unique_ptr<NativeRunner> native)
    : model_{std::move(model)},
      native_{std::move(native)},
      ram_(ram_size),
      vcpu_{memory_, *this, model_, *native_, trace_} {
    memory_.map({0}, ram_, PhysicalMemory::Kind::ram);
    for (u32 offset = 0; offset < data_size; offset += page_size)
        map_page(ORACLE_DATA + offset, data_at + offset, true);
    map_page(read_only_page, read_only_at, false);

    // As Linux runs its 32-bit programs: flat segments, CPL 3, vector state enabled.
    GuestCpu& cpu = vcpu_.cpu;
    cpu.cr0 =
        Cr0::from_guest(Cr0::PE::mask | Cr0::MP::mask | Cr0::NE::mask | Cr0::WP::mask | Cr0::AM::mask | Cr0::PG::mask);
    cpu.cr3 = {{tables_at}};
    cpu.cr4 =
        Cr4{}.with<Cr4::OSFXSR>(1).with<Cr4::OSXMMEXCPT>(1).with<Cr4::OSXSAVE>(1).with<Cr4::PSE>(1).with<Cr4::UMIP>(1);
    cpu.xcr0 = model_.xcr0_allowed();
    cpu.cpl = 3;
    for (u8 i = 0; i < 6; ++i) {
        bool const code = static_cast<SegmentName>(i) == SegmentName::cs;
        cpu.segment[i] = Segment::from_descriptor({{static_cast<u16>(code ? SELECTOR_CODE32 : SELECTOR_DATA)}},
                                                  {code ? u64{0x00cf'fb00'0000'ffff} : u64{0x00cf'f300'0000'ffff}});
    }
    vcpu_.update_mode();
}

void GuestSide::map_page(u32 linear, u64 gpa, bool writable) {
    constexpr u32 present_user = 5, write = 2;
    u32 directory_entry;
    u8* const directory = &ram_[tables_at + (linear >> 22) * 4];
    std::memcpy(&directory_entry, directory, 4);
    if (directory_entry == 0) {
        directory_entry = static_cast<u32>(next_table_) | present_user | write;
        next_table_ += page_size;
        std::memcpy(directory, &directory_entry, 4);
    }
    u32 const entry = static_cast<u32>(gpa) | present_user | (writable ? write : 0);
    std::memcpy(&ram_[(directory_entry & ~u32{0xfff}) + ((linear >> 12) & 1023) * 4], &entry, 4);
}

Ending GuestSide::run(Case const& test, CpuImage& image) {
    GuestCpu& cpu = vcpu_.cpu;
    for (unsigned i = 0; i < 8; ++i) cpu.gpr[i] = image.gpr[i];
    cpu.eflags = {{image.eflags}};
    cpu.fpu = image.fpu;
    cpu.eip = ORACLE_CODE;
    Handler const handler = pick_handler(test.insn, model_);
    Outcome outcome = Outcome::next();
    do {
        vcpu_.next_eip = cpu.eip + test.insn.length;
        outcome = handler(vcpu_, test.insn);
    } while (outcome.kind() == Outcome::Kind::again);

    for (unsigned i = 0; i < 8; ++i) image.gpr[i] = static_cast<u32>(cpu.gpr[i]);
    image.eflags = cpu.eflags.raw;
    image.fpu = cpu.fpu;
    if (!outcome.is_fault()) return {false, 0, 0, 0, static_cast<u32>(vcpu_.next_eip)};
    bool const page_fault = outcome.vector() == Vector::pf;
    u32 const cr2 = page_fault ? static_cast<u32>(vcpu_.mmu.fault_address().raw) : 0;
    return {true, static_cast<u8>(outcome.vector()), outcome.error(), cr2, static_cast<u32>(cpu.eip)};
}

} // namespace ring3::oracle
