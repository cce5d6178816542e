#include "monitor/translator/thunks.h"

#include "base/assert.h"
#include "host/fpu_image.h"
#include "monitor/cpu/engine_context.h"
#include "monitor/cpu/state.h"
#include "monitor/translator/jump_space.h"

#include <array>
#include <bit>
#include <limits>

namespace ring3 {

namespace {

using enum Host;

/// Where the guest's general registers live while its code runs; ESP is in r12.
constexpr std::array guest_home{rax, rcx, rdx, rbx, r12, rbp, rsi, rdi};
constexpr std::size_t xstate_bv = 512;  // SDM 1 13.4.2: what XSAVE wrote; GuestCpu::fpu always says "all"
constexpr std::size_t x87_pointers = 8; // FIP, FCS, FDP, FDS (SDM 1 table 10-2)
constexpr std::array callee_saved{rbx, rbp, r12, r13, r14, r15};

class ThunkWriter {
public:
    ThunkWriter(Assembler& a, ContextMap const& map) : a_{a}, map_{map}, c_{map.context()}, cpu_{map.cpu()} {}

    Thunks write() {
        Thunks t;
        t.enter = enter();
        HostPc const back = back_to_cpp();
        t.leaving = back;
        HostPc const common = leave_common(back);
        for (unsigned kind = 0; kind < static_cast<unsigned>(ExitKind::count_); ++kind) {
            t.leave[kind] = start();
            a_.mov_imm(r10, kind);
            a_.jump(common);
        }
        miss_ = t.leave[static_cast<unsigned>(ExitKind::indirect)];
        t.callout = callout(back);
        t.left = called_;
        t.load_fpu = load_fpu();
        t.return_underflow = underflow();
        t.by_table = by_table();
        return t;
    }

private:
    HostPc start() {
        a_.align(16);
        return a_.here();
    }
    Mem field(void const* p) const { return map_.at(p); }

    void save_guest() {
        for (unsigned i = 0; i < guest_home.size(); ++i) a_.store(field(&cpu_.gpr[i]), guest_home[i]);
        a_.lahf_seto();
        a_.op({.byte = 0x89, .operand16 = true}, number(rax), field(&c_.packed_flags));
    }
    void load_guest() {
        a_.op({.map = 1, .byte = 0xb7}, number(rax), field(&c_.packed_flags)); // MOVZX EAX, m16
        a_.sahf_from_packed();
        for (unsigned i = 0; i < guest_home.size(); ++i) a_.load(guest_home[i], field(&cpu_.gpr[i]));
    }
    /// If the guest's x87, SSE and AVX registers are in the processor, C++ must not meet them. Changes rax, rdx, flags.
    void put_fpu_away() {
        a_.compare_imm8(field(&c_.fpu_loaded), 0);
        u32 const skip = a_.jump_short(Condition::z);
        a_.mov_imm(rax, host::fpu_components);
        a_.mov_imm(rdx, 0);
        a_.op({.map = 1, .byte = 0xae}, 4, field(&cpu_.fpu));         // XSAVE
        a_.op({.map = 1, .byte = 0xae}, 2, field(&c_.default_mxcsr)); // LDMXCSR
        // x87's pointers are addresses of ours, which are none of the guest's business: it reads zeros, as from a
        // processor that has just been initialised (SDM 1 8.1.8).
        for (std::size_t offset = x87_pointers; offset < x87_pointers + 16; offset += 4)
            a_.store_imm32(field(&cpu_.fpu.bytes[offset]), 0);
        a_.store_imm8(field(&cpu_.fpu.bytes[xstate_bv]), host::fpu_components); // also of parts in initial state
        a_.store_imm8(field(&c_.fpu_loaded), 0);
        a_.land(skip);
    }

    /// void enter(GuestCpu*): rdi is the argument.
    HostPc enter() {
        HostPc const at = start();
        for (Host r : callee_saved) push(r);
        a_.op({.byte = 0x83, .wide = true}, 5, rsp); // SUB RSP, 8: calls of C++ find it aligned
        a_.byte(8);
        a_.mov(r15, rdi);
        a_.store(field(&c_.host_sp), rsp);
        resume();
        return at;
    }
    void resume() {
        a_.load(rsp, field(&c_.return_sp));
        a_.load(r13, field(&c_.jump_table));
        a_.load(r14, field(&c_.window));
        a_.load(r8, field(&c_.r8));
        load_guest();
        a_.jump(field(&c_.resume));
    }

    /// All state is saved: return from enter().
    HostPc back_to_cpp() {
        HostPc const at = start();
        a_.load(rsp, field(&c_.host_sp));
        a_.op({.byte = 0x83, .wide = true}, 0, rsp);
        a_.byte(8);
        for (std::size_t i = callee_saved.size(); i-- > 0;) pop(callee_saved[i]);
        a_.ret();
        return at;
    }

    HostPc leave_common(HostPc back) {
        HostPc const at = start();
        save_guest();
        a_.store(field(&c_.r8), r8);
        a_.store(field(&c_.r9), r9);
        a_.store32(field(&c_.exit_kind), r10);
        a_.store(field(&c_.return_sp), rsp);
        put_fpu_away();
        a_.jump(back);
        return at;
    }

    /// Called by translated code with r9 = callout record.
    HostPc callout(HostPc back) {
        HostPc const at = start();
        save_guest();
        put_fpu_away();
        a_.store(field(&c_.return_sp), rsp);
        a_.load(rsp, field(&c_.host_sp));
        a_.load(rdi, field(&c_.engine));
        a_.mov(rsi, r9);
        a_.call(field(&c_.callout));
        called_ = a_.here();
        a_.op({.byte = 0x83, .wide = true}, 7, rax); // CMP RAX, 1
        a_.byte(1);
        u32 const elsewhere = a_.jump_short(Condition::nbe);
        u32 const leave = a_.jump_short(Condition::z);
        a_.load(rsp, field(&c_.return_sp));
        load_guest();
        a_.ret();
        a_.land(leave);
        a_.store_imm32(field(&c_.exit_kind), static_cast<u32>(ExitKind::callout));
        a_.jump(back);
        a_.land(elsewhere);
        a_.store(field(&c_.resume), rax);
        resume();
        return at;
    }

    /// Called by translated code: loads the FPU state. Keeps all registers but r9 and r10, and the flags.
    HostPc load_fpu() {
        HostPc const at = start();
        a_.mov(r9, rax);
        a_.mov(r10, rdx);
        a_.mov_imm(rax, host::fpu_components);
        a_.mov_imm(rdx, 0);
        a_.op({.map = 1, .byte = 0xae}, 5, field(&cpu_.fpu)); // XRSTOR
        a_.store_imm8(field(&c_.fpu_loaded), 1);
        a_.mov(rax, r9);
        a_.mov(rdx, r10);
        a_.ret();
        return at;
    }

    /// A return for which there was no call: r8 = eip. The sentinel that led here stays on the stack.
    HostPc underflow() {
        HostPc const at = start();
        a_.lea(rsp, {.base = rsp, .disp = -8});
        jump_by_table();
        return at;
    }
    /// A return to another place than its call came from: r8 = eip.
    HostPc by_table() {
        HostPc const at = start();
        jump_by_table();
        return at;
    }
    void jump_by_table() {
        emit_table_look_up(a_, miss_);
        a_.jump(r9);
    }

    void push(Host r) {
        if (number(r) >= 8) a_.byte(0x41);
        a_.byte(0x50u | (number(r) & 7));
    }
    void pop(Host r) {
        if (number(r) >= 8) a_.byte(0x41);
        a_.byte(0x58u | (number(r) & 7));
    }

    Assembler& a_;
    HostPc miss_{};   // of the jump table
    HostPc called_{}; // behind the callout thunk's call of C++
    ContextMap const& map_;
    EngineContext const& c_;
    GuestCpu const& cpu_;
};

} // namespace

Mem ContextMap::at(void const* field) const {
    auto const distance = static_cast<i64>(std::bit_cast<u64>(field) - std::bit_cast<u64>(cpu_));
    ASSERT(distance >= std::numeric_limits<i32>::min() && distance <= std::numeric_limits<i32>::max());
    return {.base = r15, .disp = static_cast<i32>(distance)};
}

Thunks emit_thunks(Assembler& a, ContextMap const& map) {
    return ThunkWriter{a, map}.write();
}

} // namespace ring3
