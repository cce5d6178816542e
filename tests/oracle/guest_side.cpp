#include "tests/oracle/guest_side.h"

#include "base/assert.h"
#include "monitor/interpreter/protection.h"

#include <cstring>

namespace ring3::oracle {

namespace {

// Of page-table entries (SDM 3A table 4-6).
constexpr u32 present = 1, writable = 2, user = 4;

// The guest's kernel, where the host process has its harness: whatever user mode does there is not compared.
//
//     +0     GDT   +100h LDT   +180h TSS   +800h IDT   +1000h stack, to +2000h
constexpr u32 kernel_linear = ORACLE_STATE + 0x10'0000;
constexpr u32 ldt_offset = 0x100, tss_offset = 0x180, idt_offset = 0x800, stack_offset = 0x1000, stack_end = 0x2000;
constexpr u16 kernel_code = 0x10, kernel_data = 0x18;
constexpr u64 kernel_code_descriptor = 0x00cf'9b00'0000'ffff, kernel_data_descriptor = 0x00cf'9300'0000'ffff;
constexpr u32 vectors = 256, handler_distance = 16; // handlers are told apart by EIP; there is no code

Segment table_segment(u32 offset, u32 limit, u32 rights) {
    Segment segment{};
    segment.base = kernel_linear + offset;
    segment.limit = limit;
    segment.rights = {{rights}};
    segment.refresh();
    return segment;
}

/// An interrupt gate to ring 0. As Linux has it, programs may only use those of INT3 and INTO.
constexpr u64 gate(u32 vector) {
    bool const for_programs = vector == static_cast<u32>(Vector::bp) || vector == static_cast<u32>(Vector::of);
    u64 const rights = for_programs ? 0xee00 : 0x8e00;
    return rights << 32 | u64{kernel_code} << 16 | vector * handler_distance;
}

/// SDM 3A table 6-1.
bool pushes_error(u8 vector) {
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
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
    make_kernel();
}

template <class T> T GuestSide::read(u64 gpa) const {
    T value;
    std::memcpy(&value, &ram_[gpa], sizeof value);
    return value;
}
template <class T> void GuestSide::write(u64 gpa, T value) {
    std::memcpy(&ram_[gpa], &value, sizeof value);
}

/// INT n and its kind enter it; so it needs an IDT and a stack.
void GuestSide::make_kernel() {
    map_page(kernel_linear, system_at, present | writable);
    map_page(kernel_linear + stack_offset, kernel_stack_at, present | writable);
    for (u32 vector = 0; vector < vectors; ++vector) write(system_at + idt_offset + vector * 8, gate(vector));
    constexpr u32 esp0 = 4, ss0 = 8, io_map = 102, tss_size = 104;
    write(system_at + tss_offset + esp0, kernel_linear + stack_end);
    write(system_at + tss_offset + ss0, u32{kernel_data});
    write(system_at + tss_offset + io_map, u16{tss_size}); // beyond the limit: no port is allowed
    GuestCpu& cpu = vcpu_.cpu;
    cpu.gdtr = {kernel_linear, table_limit};
    cpu.idtr = {kernel_linear + idt_offset, vectors * 8 - 1};
    cpu.seg(SegmentName::tr) = table_segment(tss_offset, tss_size - 1, 0x8b00);
    cpu.seg(SegmentName::ldtr) = table_segment(ldt_offset, table_limit, 0x8200);
}

void GuestSide::set_tables(Tables const& tables) {
    DescriptorTable gdt = tables.gdt;
    gdt[kernel_code / 8] = kernel_code_descriptor;
    gdt[kernel_data / 8] = kernel_data_descriptor;
    write(system_at, gdt);
    write(system_at + ldt_offset, tables.ldt);
    if (!tables.has_ldt) vcpu_.cpu.seg(SegmentName::ldtr) = Segment{};
}

void GuestSide::map_data(u32 linear) {
    for (u32 offset = 0; offset < data_size; offset += page_size)
        map_page(linear + offset, data_at + offset, present | user | writable);
    map_page(linear + read_only_offset, read_only_at, present | user);
}

void GuestSide::map_page(u32 linear, u64 gpa, u32 rights) {
    u64 const directory_at = tables_at + (linear >> 22) * 4;
    if (read<u32>(directory_at) == 0) {
        write(directory_at, static_cast<u32>(next_table_) | present | user | writable);
        next_table_ += page_size;
    }
    u64 const table = read<u32>(directory_at) & ~u32{0xfff};
    write(table + ((linear >> 12) & 1023) * 4, static_cast<u32>(gpa) | rights);
}

/// As a program would load them, so that the interpreter makes the hidden parts.
void GuestSide::set_segments(CpuImage const& image) {
    GuestCpu& cpu = vcpu_.cpu;
    cpu.cpl = 3;
    Selector const cs{{image.selector(SegmentName::cs)}};
    Descriptor descriptor;
    bool loaded = vcpu_.load_descriptor(cs, descriptor, Vector::gp).is_next();
    cpu.seg(SegmentName::cs) = Segment::from_descriptor(cs, descriptor);
    for (SegmentName name : {SegmentName::es, SegmentName::ss, SegmentName::ds, SegmentName::fs, SegmentName::gs})
        loaded = load_segment(vcpu_, name, {{image.selector(name)}}).is_next() && loaded;
    ASSERT(loaded);
    cpu.interrupt_shadow = cpu.debug_shadow = false;
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

/// The guest is at the start of a handler in its kernel: what its frame says (SDM 3A figure 6-4).
Ending GuestSide::leave_handler(CpuImage& image) {
    GuestCpu const& cpu = vcpu_.cpu;
    Ending ending{true, static_cast<u8>(cpu.eip / handler_distance), 0, 0, 0};
    u64 frame = kernel_stack_at + (cpu.gpr[esp] - (kernel_linear + stack_offset));
    auto const next = [&] {
        frame += sizeof(u32);
        return read<u32>(frame - sizeof(u32));
    };
    if (pushes_error(ending.vector)) ending.error = next();
    ending.eip = next();
    image.selector(SegmentName::cs) = static_cast<u16>(next());
    image.eflags = next();
    image.gpr[esp] = next();
    image.selector(SegmentName::ss) = static_cast<u16>(next());
    return ending;
}

Ending GuestSide::run(Case const& test, CpuImage& image) {
    GuestCpu& cpu = vcpu_.cpu;
    for (unsigned i = 0; i < 8; ++i) cpu.gpr[i] = image.gpr[i];
    cpu.eflags = {{image.eflags}};
    cpu.fpu = image.fpu;
    set_segments(image);
    cpu.eip = ORACLE_CODE - code_base();
    Outcome const outcome = execute(test);

    for (unsigned i = 0; i < 8; ++i) image.gpr[i] = static_cast<u32>(cpu.gpr[i]);
    image.eflags = cpu.eflags.raw;
    image.fpu = cpu.fpu;
    for (u8 i = 0; i < image.selectors.size(); ++i) image.selectors[i] = cpu.segment[i].selector.raw;
    if (cpu.cpl == 0) return leave_handler(image);
    if (!outcome.is_fault()) return {false, 0, 0, 0, static_cast<u32>(vcpu_.next_eip)};
    bool const page_fault = outcome.vector() == Vector::pf;
    u32 const cr2 = page_fault ? static_cast<u32>(vcpu_.mmu.fault_address().raw) : 0;
    return {true, static_cast<u8>(outcome.vector()), outcome.error(), cr2, static_cast<u32>(cpu.eip)};
}

} // namespace ring3::oracle
