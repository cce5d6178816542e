#include "fuzz_machine.h"

#include "base/assert.h"
#include "monitor/interpreter/native_runner.h"

#include <algorithm>
#include <cstring>

namespace ring3::fuzz {

namespace {

constexpr u32 code_start = 0x1000, gdt = 0x2000, ldt = 0x2800, tss = 0x2c00, idt = 0x3000, handler = 0x7000,
              kernel_stack = 0xb000, user_stack = 0xf000, directory = 0x1'0000, page_table = 0x1'1000;
constexpr u16 code32 = 0x08, data32 = 0x10, user_code32 = 0x18 | 3, user_data32 = 0x20 | 3, task = 0x28, code16 = 0x30,
              data16 = 0x38, local = 0x40;

constexpr u64 descriptor(u32 base, u32 limit, u64 rights) {
    return (limit & 0xffff) | u64{base & 0xff'ffff} << 16 | rights << 40 | u64{(limit >> 16) & 0xf} << 48 |
           u64{base >> 24} << 56;
}
constexpr u64 flat = 0xc000, narrow = 0; // G and D/B, in `rights`

constexpr u64 gdt_entries[] = {
    0,
    descriptor(0, 0xf'ffff, flat | 0x9b),
    descriptor(0, 0xf'ffff, flat | 0x93),
    descriptor(0, 0xf'ffff, flat | 0xfb),
    descriptor(0, 0xf'ffff, flat | 0xf3),
    descriptor(tss, 0x67 + 0x2000, 0x8b), // busy; an I/O map of zeros lies behind it
    descriptor(0, 0xffff, narrow | 0x9b),
    descriptor(0, 0xffff, narrow | 0x93),
    descriptor(ldt, 0xff, 0x82),
    handler | u64{code32} << 16 | u64{0xec} << 40, // 48: call gate for ring 3
    u64{task} << 16 | u64{0xe5} << 40,             // 50: task gate
    descriptor(tss + 0x100, 0x67, 0x89),           // 58: another task
    descriptor(0, 0x7'ffff, 0x4097),               // 60: expand-down data
    descriptor(0, 0xf'ffff, flat | 0x9f),          // 68: conforming code
    descriptor(0, 0xf'ffff, flat | 0x13),          // 70: not present
};

template <class T> T value_of(Result<T> result) {
    ASSERT(result.has_value());
    return *std::move(result);
}

} // namespace

FuzzMachine::FuzzMachine()
    : image_(memory_size),
      ram_(memory_size),
      memory_{*this},
      model_{value_of(CpuModel::create("max"))},
      native_{value_of(NativeRunner::create())},
      trace_{std::make_unique<TraceRing>()},
      vcpu_{memory_, *this, model_, *native_, *trace_},
      dispatcher_{vcpu_, *this} {
    memory_.map({0}, ram_, PhysicalMemory::Kind::ram);
    build_image();
}

template <class T> void FuzzMachine::poke(u32 address, T value) {
    std::memcpy(image_.data() + address, &value, sizeof value);
}

void FuzzMachine::build_image() {
    constexpr u8 iret = 0xcf, hlt = 0xf4;
    // HLT everywhere else, so that code which runs astray ends soon.
    std::fill(image_.begin() + code_start, image_.begin() + gdt, hlt);
    std::fill(image_.begin() + handler, image_.begin() + directory, hlt);
    std::fill(image_.begin() + page_table + page_size, image_.end(), hlt);
    constexpr u64 interrupt_gate = handler | u64{code32} << 16 | u64{0xee} << 40;
    for (u32 vector = 0; vector < 256; ++vector) {
        poke(4 * vector, u32{handler});
        poke(idt + 8 * vector, interrupt_gate);
    }
    for (u32 i = 0; i < std::size(gdt_entries); ++i) poke(gdt + 8 * i, gdt_entries[i]);
    for (u32 i = 0; i < 8; ++i) poke(ldt + 8 * i, gdt_entries[1 + i % 4]);
    poke(handler, iret);
    poke(tss + 4, kernel_stack);
    poke(tss + 8, u32{data32});
    for (u32 page = 0; page < memory_size; page += page_size) poke(page_table + page / u32{page_size} * 4, page | 7);
    poke(directory, page_table | 7);
}

void FuzzMachine::reset_processor() {
    vcpu_.cpu = GuestCpu{};
    vcpu_.reset();
    auto& cpu = vcpu_.cpu;
    for (unsigned i = 0; i < setup_.registers.size(); ++i) cpu.gpr[i] = setup_.registers[i];
    cpu.eip = code_start;
    cpu.gdtr = {gdt, sizeof gdt_entries - 1};
    cpu.idtr = {idt, 0x7ff};
}

void FuzzMachine::enter(Mode mode) {
    auto& cpu = vcpu_.cpu;
    bool const protected_mode = mode != Mode::real;
    bool const paged = mode == Mode::paged32 || mode == Mode::paged_user32;
    bool const user = mode == Mode::user32 || mode == Mode::paged_user32;
    u16 const code = mode == Mode::flat16 ? code16 : user ? user_code32 : code32;
    u16 const data = mode == Mode::flat16 ? data16 : user ? user_data32 : data32;
    bool const old_style = mode == Mode::real || mode == Mode::virtual8086;
    cpu.cr0 = cpu.cr0.with<Cr0::PE>(protected_mode).with<Cr0::PG>(paged).with<Cr0::CD>(0).with<Cr0::NW>(0);
    cpu.cr3 = {{directory}};
    u32 constexpr choosable = 0x24'4fd5; // not VM, RF, VIF, VIP
    cpu.eflags.raw = (setup_.flags & choosable) | Eflags::fixed_one;
    cpu.eflags = cpu.eflags.with<Eflags::VM>(mode == Mode::virtual8086);
    cpu.cpl = user || mode == Mode::virtual8086 ? 3 : 0;
    for (auto name : {SegmentName::es, SegmentName::ss, SegmentName::ds, SegmentName::fs, SegmentName::gs})
        cpu.seg(name) =
            old_style ? Segment::virtual8086(0) : Segment::from_descriptor({{data}}, {gdt_entries[data / 8]});
    cpu.seg(SegmentName::cs) =
        old_style ? Segment::virtual8086(0) : Segment::from_descriptor({{code}}, {gdt_entries[code / 8]});
    cpu.seg(SegmentName::tr) = Segment::from_descriptor({{task}}, {gdt_entries[task / 8]});
    cpu.seg(SegmentName::ldtr) = Segment::from_descriptor({{local}}, {gdt_entries[local / 8]});
    if (mode == Mode::real) cpu.idtr = {0, 0x3ff};
    cpu.gpr[esp] = user || mode == Mode::virtual8086 ? user_stack : kernel_stack;
    vcpu_.mmu.flush_all();
    vcpu_.update_mode();
}

void FuzzMachine::run(Setup const& setup, std::span<u8 const> code) {
    setup_ = setup;
    time_ = 0;
    questions_ = blocks_ = 0;
    memory_.write_bytes({0}, image_);
    memory_.write_bytes({code_start}, code.first(std::min<std::size_t>(code.size(), page_size)));
    reset_processor();
    enter(static_cast<Mode>(setup.mode % static_cast<u8>(Mode::count_)));
    dispatcher_.run();
    check();
}

bool FuzzMachine::service() {
    check();
    return blocks_ <= most_blocks;
}

bool FuzzMachine::interrupt_pending() {
    return setup_.interrupt_every != 0 && ++questions_ % setup_.interrupt_every == 0;
}

u32 FuzzMachine::port_read(u16 port, unsigned bytes) {
    return (setup_.port_value * 0x0101'0101u ^ port) & (bytes == 4 ? ~0u : (1u << 8 * bytes) - 1);
}

/// What holds between any two instructions, whatever ran.
void FuzzMachine::check() const {
    auto const& cpu = vcpu_.cpu;
    for (unsigned i = 0; i < 8; ++i) ASSERT(cpu.gpr[i] <= 0xffff'ffff);
    for (unsigned i = 8; i <= GuestCpu::gpr_count; ++i) ASSERT(cpu.gpr[i] == 0);
    ASSERT(cpu.eip <= 0xffff'ffff);
    constexpr u32 reserved = 0xffc0'8028; // SDM 1 3.4.3
    ASSERT((cpu.eflags.raw & (reserved | Eflags::fixed_one)) == Eflags::fixed_one);
    ASSERT(cpu.cr0.legal() && cpu.cr0.has<Cr0::ET>());
    ASSERT((cpu.cr4.raw & ~model_.cr4_allowed()) == 0);
    ASSERT((cpu.xcr0 & ~model_.xcr0_allowed()) == 0 && (cpu.xcr0 & 1) != 0);
    ASSERT(cpu.cpl <= 3);
    ASSERT(!cpu.virtual8086() || cpu.cpl == 3);
    ASSERT(cpu.protected_mode() || (cpu.cpl == 0 && !cpu.virtual8086()));
}

} // namespace ring3::fuzz
