// TestMachine: the smallest machine a test can run instructions on.
//
// 16 MiB of RAM, nothing behind the ports, one virtual processor in the mode the test asks for. Code is given as bytes
// (assembled by hand, with the mnemonics beside them), put at `code_start`, and run one instruction at a time through
// the real decoder, the real choice of routines, and the real MMU. Faults come back as Outcome and are not delivered,
// unless the test delivers them itself.
//
//     TestMachine m;                                   // flat 32-bit protected mode, CPL 0
//     m.code({0x01, 0xd8});                            // add eax, ebx
//     m.reg(eax) = 1; m.reg(ebx) = 2;
//     EXPECT_EQ(m.step(), Outcome::next());
//     EXPECT_EQ(m.reg(eax), 3u);
#pragma once

#include "base/assert.h"
#include "insn/decoder.h"
#include "monitor/cpu/cpu_model.h"
#include "monitor/interpreter/handlers.h"
#include "monitor/interpreter/native_runner.h"

#include <initializer_list>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace ring3 {

/// A platform with nothing on it: ports read as all ones unless a test sets a value, and remember what was written.
class TestPlatform final : public Platform {
public:
    struct PortAccess {
        u16 port;
        u32 value;
        unsigned bytes;
        friend bool operator==(PortAccess const&, PortAccess const&) = default;
    };
    std::map<u16, u32> inputs;       // what a port reads as
    std::vector<PortAccess> outputs; // what was written, in order
    std::map<u32, u64> msrs;         // those that the board has
    bool pending{}, ferr{}, stopping{};
    u8 vector{0x20};
    u64 time{};

    u32 port_read(u16 port, unsigned bytes) override {
        u32 const ones = bytes == 4 ? 0xffff'ffffu : (1u << (8 * bytes)) - 1;
        auto const found = inputs.find(port);
        return found == inputs.end() ? ones : found->second & ones;
    }
    void port_write(u16 port, u32 value, unsigned bytes) override { outputs.push_back({port, value, bytes}); }
    bool interrupt_pending() override { return pending; }
    u8 acknowledge_interrupt() override {
        pending = false;
        return vector;
    }
    void set_ferr(bool raised) override { ferr = raised; }
    u64 tsc() override { return ++time; }
    bool msr_read(u32 index, u64& value) override {
        auto const found = msrs.find(index);
        if (found == msrs.end()) return false;
        value = found->second;
        return true;
    }
    bool msr_write(u32 index, u64 value) override {
        auto const found = msrs.find(index);
        if (found == msrs.end()) return false;
        found->second = value;
        return true;
    }
    bool stop_requested() override { return stopping; }
};

/// Everything that is not RAM: reads as all ones.
class EmptyMmio final : public MmioHandler {
public:
    u64 mmio_read(GuestPhys, unsigned) override { return ~u64{0}; }
    void mmio_write(GuestPhys, u64, unsigned) override {}
};

enum class TestMode : u8 {
    flat32, // protected mode, flat 4-GiB segments, CPL 0
    user32, // the same with CPL 3
    flat16, // protected mode with 16-bit segments of base 0 and 64 KiB
    real,   // real-address mode, all segments 0
    v86,    // virtual-8086 mode, CPL 3, all segments 0
};

class TestMachine {
public:
    static constexpr u32 memory_size = 16u << 20;
    static constexpr u32 code_start = 0x1000;
    static constexpr u32 stack_top = 0x8000;

    explicit TestMachine(TestMode mode = TestMode::flat32, std::string_view model_name = "max")
        : ram_(memory_size),
          memory{mmio_},
          model_{value_of(CpuModel::create(model_name))},
          native_{value_of(NativeRunner::create())},
          trace_{std::make_unique<TraceRing>()},
          vcpu_{std::make_unique<Vcpu>(memory, platform, model_, *native_, *trace_)},
          v{*vcpu_},
          cpu{vcpu_->cpu} {
        memory.map({0}, ram_, PhysicalMemory::Kind::ram);
        set_mode(mode);
    }
    TestMachine(TestMachine const&) = delete;

private: // before the public members that refer to them
    std::vector<u8> ram_;
    EmptyMmio mmio_;

public:
    TestPlatform platform;
    PhysicalMemory memory;

private:
    CpuModel model_;
    std::unique_ptr<NativeRunner> native_;
    std::unique_ptr<TraceRing> trace_;
    std::unique_ptr<Vcpu> vcpu_;

public:
    Vcpu& v;
    GuestCpu& cpu;
    CpuModel const& model() const { return model_; }

    // ---- registers and memory
    u64& reg(Gpr name) { return cpu.gpr[name]; }
    u32 flags() const { return cpu.eflags.raw; }
    /// Sets the status flags (or any others); bit 1 comes on top.
    void set_flags(u32 value) { cpu.eflags.raw = value | Eflags::fixed_one; }

    template <class T> T peek(u32 address) const {
        ASSERT(address <= memory_size - sizeof(T));
        T value;
        std::memcpy(&value, ram_.data() + address, sizeof value);
        return value;
    }
    template <class T> void poke(u32 address, T value) {
        ASSERT(address <= memory_size - sizeof(T));
        std::memcpy(ram_.data() + address, &value, sizeof value);
    }
    void poke_bytes(u32 address, std::span<u8 const> bytes) {
        ASSERT(address <= memory_size - bytes.size());
        std::memcpy(ram_.data() + address, bytes.data(), bytes.size());
    }

    // ---- code
    /// Puts code at `address` and points eip there.
    void code(std::initializer_list<u8> bytes, u32 address = code_start) {
        poke_bytes(address, {bytes.begin(), bytes.size()});
        cpu.eip = address;
    }
    /// Runs the instruction at cs:eip and commits eip as the run loop does. A code byte past the limit or unmapped is
    /// the fault it should be.
    Outcome step() {
        insn::Insn insn;
        TRY_GUEST(fetch(insn));
        return execute(insn);
    }
    /// Runs up to `count` steps; stops at the first that is neither next nor leave. again() counts as a step.
    Outcome run(unsigned count) {
        Outcome outcome = Outcome::next();
        for (unsigned i = 0; i < count; ++i) {
            outcome = step();
            auto const kind = outcome.kind();
            if (kind != Outcome::Kind::next && kind != Outcome::Kind::leave && kind != Outcome::Kind::again) break;
        }
        return outcome;
    }
    /// code() and one step().
    Outcome execute(std::initializer_list<u8> bytes) {
        code(bytes);
        return step();
    }
    Outcome execute(insn::Insn const& insn) {
        u32 const mask = cpu.code_is_32bit() ? 0xffff'ffffu : 0xffffu;
        v.next_eip = (cpu.eip + insn.length) & mask;
        Outcome const outcome = pick_handler(insn, model_)(v, insn);
        bool const completed = outcome.kind() == Outcome::Kind::next || outcome.kind() == Outcome::Kind::leave ||
                               outcome.kind() == Outcome::Kind::halt;
        if (completed) cpu.eip = v.next_eip;
        return outcome;
    }

    // ---- modes
    void set_mode(TestMode mode) {
        bool const protected_mode = mode != TestMode::real;
        bool const wide = mode == TestMode::flat32 || mode == TestMode::user32;
        cpu.cr0 = cpu.cr0.with<Cr0::PE>(protected_mode);
        cpu.eflags = cpu.eflags.with<Eflags::VM>(mode == TestMode::v86);
        cpu.cpl = mode == TestMode::user32 || mode == TestMode::v86 ? 3 : 0;
        for (auto name :
             {SegmentName::es, SegmentName::cs, SegmentName::ss, SegmentName::ds, SegmentName::fs, SegmentName::gs})
            cpu.seg(name) = mode == TestMode::real || mode == TestMode::v86
                                ? Segment::virtual8086(0)
                                : flat_segment(name == SegmentName::cs, wide, cpu.cpl);
        cpu.eip = code_start;
        cpu.gpr[esp] = stack_top;
        v.update_mode();
        v.mmu.flush_all();
    }
    /// Cuts a segment's limit, for limit checks.
    void set_limit(SegmentName name, u32 limit) {
        cpu.seg(name).limit = limit;
        cpu.seg(name).refresh();
    }
    /// Turns paging on with an identity map of all RAM, in 4-KiB pages: the directory at 0xf00000, tables behind it.
    void enable_paging() {
        for (u32 page = 0; page < memory_size / page_size; ++page)
            poke<u32>(table_entry(page << 12), page << 12 | present_writable_user);
        for (u32 table = 0; table < memory_size >> 22; ++table)
            poke<u32>(directory + 4 * table, (directory + 0x1000 * (table + 1)) | present_writable_user);
        cpu.cr3 = {{directory}};
        cpu.cr0 = cpu.cr0.with<Cr0::PG>(1).with<Cr0::WP>(1);
        v.mmu.flush_all();
    }
    /// Where the page-table entry of a linear address lies, after enable_paging().
    static constexpr u32 table_entry(u32 linear) { return directory + 0x1000 + (linear >> 12) * 4; }
    void set_page(u32 linear, u32 entry) {
        poke<u32>(table_entry(linear), entry);
        v.mmu.flush_all();
    }
    void make_read_only(u32 linear) { set_page(linear, (linear & ~0xfffu) | 5); }
    void unmap(u32 linear) { set_page(linear, 0); }

private:
    static constexpr u32 directory = 0xf0'0000;
    static constexpr u32 present_writable_user = 7;

    template <class T> static T value_of(Result<T> result) {
        ASSERT(result.has_value());
        return *std::move(result);
    }
    static Segment flat_segment(bool code, bool wide, u8 privilege) {
        u64 const size_bits = wide ? 0x00cf'0000'0000'ffff : 0x0000'0000'0000'ffff;
        u64 const type = code ? 0x9b : 0x93;
        auto const selector = static_cast<u16>((code ? 8u : 16u) | privilege);
        return Segment::from_descriptor({{selector}}, {size_bits | (type | u64{privilege} << 5) << 40});
    }
    Outcome fetch(insn::Insn& insn) {
        u8 bytes[insn::max_length];
        unsigned count = 0;
        auto const& cs = cpu.seg(SegmentName::cs);
        for (; count < insn::max_length; ++count) {
            u32 const offset = static_cast<u32>(cpu.eip) + count;
            if (offset > cs.limit) break;
            GuestPhys where;
            if (!v.mmu.peek({static_cast<u32>(cs.base + offset)}, where) || where.raw >= memory_size) break;
            bytes[count] = ram_[where.raw];
        }
        switch (insn::decode({bytes, count}, cpu.code_is_32bit() ? 4 : 2, cpu.uses_descriptors(), insn)) {
        case insn::DecodeStatus::ok: return Outcome::next();
        case insn::DecodeStatus::truncated:
        case insn::DecodeStatus::too_long: return Outcome::fault(Vector::gp, 0);
        default: return Outcome::fault(Vector::ud);
        }
    }
};

} // namespace ring3
