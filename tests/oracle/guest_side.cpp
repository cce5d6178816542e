#include "tests/oracle/guest_side.h"

#include <cstring>

namespace ring3::oracle {

namespace {

// The upper doubleword's rights: present, DPL 3, accessed. Code is readable, data writable.
constexpr u64 code_rights = 0xfb00, data_rights = 0xf300;
constexpr u64 flat32_bits = 0x00c0'0000; // G, D/B
constexpr SegmentPlan flat_code{SELECTOR_CODE32, 0, 0xfffff}, flat_data{SELECTOR_DATA, 0, 0xfffff};

Segment segment(SegmentPlan const& plan, u64 upper) {
    u64 const low = (plan.limit & 0xffff) | u64{plan.base & 0xff'ffff} << 16;
    u64 const high = upper | (plan.base >> 24 & 0xff) << 24 | (plan.limit & 0xf'0000);
    return Segment::from_descriptor({{plan.selector}}, {high << 32 | low});
}

} // namespace

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
    map_data(ORACLE_DATA);

    // As Linux runs its programs: CPL 3, vector state enabled.
    GuestCpu& cpu = vcpu_.cpu;
    cpu.cr0 =
        Cr0::from_guest(Cr0::PE::mask | Cr0::MP::mask | Cr0::NE::mask | Cr0::WP::mask | Cr0::AM::mask | Cr0::PG::mask);
    cpu.cr3 = {{tables_at}};
    cpu.cr4 =
        Cr4{}.with<Cr4::OSFXSR>(1).with<Cr4::OSXMMEXCPT>(1).with<Cr4::OSXSAVE>(1).with<Cr4::PSE>(1).with<Cr4::UMIP>(1);
    cpu.xcr0 = model_.xcr0_allowed();
    cpu.cpl = 3;
}

void GuestSide::map_data(u32 linear) {
    for (u32 offset = 0; offset < data_size; offset += page_size) map_page(linear + offset, data_at + offset, true);
    map_page(linear + read_only_offset, read_only_at, false);
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

void GuestSide::set_segments(Mode mode) {
    bool const flat = mode == Mode::flat32;
    Segment const code = flat ? segment(flat_code, flat32_bits | code_rights) : segment(code16_segment, code_rights);
    Segment const data = flat ? segment(flat_data, flat32_bits | data_rights) : segment(data16_segment, data_rights);
    for (u8 i = 0; i < 6; ++i) vcpu_.cpu.segment[i] = static_cast<SegmentName>(i) == SegmentName::cs ? code : data;
    vcpu_.update_mode();
}

Outcome GuestSide::execute(Case const& test) {
    if (test.refused)
        return *test.refused == Vector::gp ? Outcome::fault(Vector::gp, 0) : Outcome::fault(*test.refused);
    Handler const handler = pick_handler(test.insn, model_);
    Outcome outcome = Outcome::next();
    do {
        vcpu_.next_eip = vcpu_.cpu.eip + test.insn.length;
        outcome = handler(vcpu_, test.insn);
    } while (outcome.kind() == Outcome::Kind::again);
    return outcome;
}

Ending GuestSide::run(Case const& test, CpuImage& image) {
    GuestCpu& cpu = vcpu_.cpu;
    for (unsigned i = 0; i < 8; ++i) cpu.gpr[i] = image.gpr[i];
    cpu.eflags = {{image.eflags}};
    cpu.fpu = image.fpu;
    cpu.eip = code_start(test.mode);
    set_segments(test.mode);
    Outcome const outcome = execute(test);

    for (unsigned i = 0; i < 8; ++i) image.gpr[i] = static_cast<u32>(cpu.gpr[i]);
    image.eflags = cpu.eflags.raw;
    image.fpu = cpu.fpu;
    if (!outcome.is_fault()) return {false, 0, 0, 0, static_cast<u32>(vcpu_.next_eip)};
    bool const page_fault = outcome.vector() == Vector::pf;
    u32 const cr2 = page_fault ? static_cast<u32>(vcpu_.mmu.fault_address().raw) : 0;
    return {true, static_cast<u8>(outcome.vector()), outcome.error(), cr2, static_cast<u32>(cpu.eip)};
}

} // namespace ring3::oracle
