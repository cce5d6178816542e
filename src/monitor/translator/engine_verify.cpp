// --verify: every unit of code runs twice, interpreted and translated, and both must leave the same state (C3, C7).
//
//     state, memory --interpreter, stores noted--> wanted state --stores taken back--> translated code --> compare
//
// A unit is a basic block without instructions that the interpreter's routines run anyway. If the translated code does
// not come to its end (a fault, a device, a signal), what the interpreter did holds.
#include "host/alu.h"
#include "insn/decoder.h"
#include "insn/disassemble.h"
#include "insn/operands.h"
#include "monitor/cpu/dump.h"
#include "monitor/interpreter/fpu_state.h"
#include "monitor/translator/engine.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace ring3 {

namespace {

void take_back(WriteLog const& log) {
    for (std::size_t i = log.writes.size(); i-- > 0;) {
        WriteLog::Write const& write = log.writes[i];
        std::memcpy(write.host, &write.before, write.size);
    }
}

void make_again(WriteLog const& log) {
    for (WriteLog::Write const& write : log.writes) std::memcpy(write.host, &write.after, write.size);
}

/// Vector registers as far as they are the guest's: x87's pointers into host code are not.
bool same_vectors(ExtendedState const& a, ExtendedState const& b) {
    XImage x = image(a), y = image(b);
    for (XImage* one : {&x, &y}) {
        one->fx.pointers = {};
        std::ranges::fill(one->fx.available, u8{0});
        one->fx.mxcsr_mask = 0;
        for (FpuSlot& slot : one->fx.st) std::ranges::fill(slot.reserved, u8{0});
        for (unsigned i = 8; i < 16; ++i) one->fx.xmm[i] = one->ymm_high[i] = {};
    }
    return std::memcmp(&x.fx, &y.fx, sizeof x.fx) == 0 && std::memcmp(x.ymm_high, y.ymm_high, sizeof x.ymm_high) == 0;
}

/// Status flags whose value the manual leaves open, after one more instruction. The same instruction may leave them
/// otherwise in the form with an immediate count, which translated code keeps, and with CL, which a routine uses.
insn::FlagMask undefined_after(insn::Insn const& insn, u8 cl, insn::FlagMask before) {
    bool const by_cl = insn.shape == insn::Shape::rr || insn.shape == insn::Shape::mr;
    unsigned const count = by_cl ? cl : static_cast<unsigned>(insn.imm);
    bool const shift = insn.def->op >= insn::Op::rol && insn.def->op <= insn::Op::shrd;
    insn::FlagMask const open = shift ? insn::undefined_after_shift(insn, count) : insn.def->undefined;
    bool const none_written = shift && (count & 31) == 0;
    auto const settled = none_written ? insn::FlagMask{0} : static_cast<insn::FlagMask>(insn.def->writes & ~open);
    return static_cast<insn::FlagMask>((before & ~settled) | open);
}

} // namespace

/// Runs the block's instructions by their routines. False: one of them did not simply complete, and `outcome` says how.
bool Engine::interpret_unit(CodeBlock const& block, Outcome& outcome) {
    GuestCpu& cpu = vcpu_.cpu;
    // The way in may be one in the middle of the block.
    auto const first = std::ranges::find(block.points, static_cast<u32>(cpu.eip), &Point::eip);
    for (auto i = static_cast<u32>(first - block.points.begin()); i < block.guest_count; ++i) {
        insn::Insn insn;
        std::array<u8, insn::max_length> bytes{};
        vcpu_.mmu.peek_bytes({cpu.eip}, bytes);
        if (insn::decode(bytes, 4, true, insn) != insn::DecodeStatus::ok) return outcome = Outcome::leave(), false;
        vcpu_.next_eip = (cpu.eip + insn.length) & 0xffff'ffff;
        vcpu_.mmu.attention = false;
        undefined_flags_ = undefined_after(insn, static_cast<u8>(cpu.gpr[ecx]), undefined_flags_);
        outcome = pick_handler(insn, vcpu_.model)(vcpu_, insn);
        ++statistics_.interpreted;
        bool const done = outcome.is_next() || outcome.kind() == Outcome::Kind::leave;
        if (done || outcome.kind() == Outcome::Kind::halt || outcome.kind() == Outcome::Kind::stop)
            cpu.eip = vcpu_.next_eip;
        if (!outcome.is_next()) return false;
        if (vcpu_.mmu.attention || stepping_needed()) return outcome = Outcome::leave(), false;
    }
    return true;
}

/// Runs it translated. False: it left before its end.
bool Engine::run_unit(Entry const& entry) {
    enter(entry.host, 0, entry.fpu_valid);
    for (;;) {
        auto const kind = ExitKind(context_.exit_kind);
        if (kind == ExitKind::link) {
            vcpu_.cpu.eip = records_.links[context_.r9].target;
            return true;
        }
        if (kind == ExitKind::indirect) {
            vcpu_.cpu.eip = static_cast<u32>(context_.r8);
            return true;
        }
        if (kind != ExitKind::soft_access && kind != ExitKind::trap) return false;
        resume_ = {};
        if (kind == ExitKind::trap ? trapped().has_value() : refill().has_value()) return false;
        enter(resume_.pc, resume_.esp_delta, resume_.fpu_valid);
    }
}

Engine::Ended Engine::run_verified(Outcome& outcome, Entry const& entry) {
    CodeBlock const& block = *entry.block;
    constexpr u32 always = 100,
                  sometimes = 256; // see the manual page: what runs a million times is not looked at each time
    u32 const runs = ++entry.block->runs;
    if (runs > always && runs % sometimes != 0) {
        enter(entry.host, 0, entry.fpu_valid);
        do {
            resume_ = {};
            if (auto const end = after_exit(outcome)) return *end;
            if (resume_.pc != 0) enter(resume_.pc, resume_.esp_delta, resume_.fpu_valid);
        } while (resume_.pc != 0);
        return Ended::ran;
    }
    GuestCpu const before = vcpu_.cpu;
    u64 const epoch = epoch_;
    log_.writes.clear();
    undefined_flags_ = 0;
    vcpu_.mmu.set_write_log(&log_);
    bool const completed = interpret_unit(block, outcome);
    vcpu_.mmu.set_write_log(nullptr);
    if (!completed) return outcome.kind() == Outcome::Kind::leave ? Ended::ran : Ended::unusual;
    bool const callout = block.guest_count == 1 && block.has_callout;
    if (callout || epoch != epoch_) return Ended::ran;

    GuestCpu const wanted = vcpu_.cpu;
    take_back(log_);
    vcpu_.cpu = before;
    bool const ended = run_unit(entry);
    std::string const what = ended ? difference(wanted) : std::string{};
    vcpu_.cpu = wanted;
    make_again(log_);
    ++statistics_.verified_blocks;
    if (!what.empty()) {
        divergence_ = report(block, before, wanted, what);
        outcome = Outcome::stop();
        return Ended::unusual;
    }
    return Ended::ran;
}

std::string Engine::difference(GuestCpu const& wanted) const {
    static constexpr std::array names{"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    GuestCpu const& cpu = vcpu_.cpu;
    std::string what;
    for (unsigned i = 0; i < names.size(); ++i)
        if (cpu.gpr[i] != wanted.gpr[i])
            what += fmt::format("{} is {:x}, expected {:x}; ", names[i], cpu.gpr[i], wanted.gpr[i]);
    if (cpu.eip != wanted.eip) what += fmt::format("eip is {:x}, expected {:x}; ", cpu.eip, wanted.eip);
    if (((cpu.eflags.raw ^ wanted.eflags.raw) & ~u32{undefined_flags_}) != 0)
        what += fmt::format("eflags is {:x}, expected {:x}; ", cpu.eflags.raw, wanted.eflags.raw);
    if (!same_vectors(cpu.fpu, wanted.fpu)) what += "vector state; ";
    for (WriteLog::Write const& write : log_.writes) {
        // A later store of the same unit may have covered this one: its last one counts.
        auto const covers = [&](auto const& later) {
            return &later > &write && later.host < write.host + write.size && write.host < later.host + later.size;
        };
        if (std::ranges::any_of(log_.writes, covers)) continue;
        u64 now = 0;
        std::memcpy(&now, write.host, write.size);
        if (now != write.after) what += fmt::format("a store of {:x} is {:x}; ", write.after, now);
    }
    return what;
}

/// The whole story: guest code, host code, both states.
std::string Engine::report(CodeBlock const& block, GuestCpu const& before, GuestCpu const& wanted,
                           std::string const& what) const {
    std::string& text = const_cast<Engine*>(this)->divergence_;
    text =
        fmt::format("translated code differs from the interpreter: {}\nguest code at {:x}:\n", what, block.key.eip.raw);
    u32 eip = static_cast<u32>(block.key.eip.raw);
    for (u32 i = 0; i < block.guest_count; ++i) {
        std::array<u8, insn::max_length> bytes{};
        vcpu_.mmu.peek_bytes({eip}, bytes);
        insn::Insn insn;
        if (insn::decode(bytes, 4, true, insn) != insn::DecodeStatus::ok) break;
        text += fmt::format("  {:8x}  {}\n", eip, insn::disassemble(insn, eip));
        eip += insn.length;
    }
    text += fmt::format("host code at {:x}:\n", block.start);
    for (u8 const byte : cache_->bytes(block.start, std::min(block.size, u32{256})))
        text += fmt::format("{:02x}", byte);
    text +=
        fmt::format("\nbefore:\n{}after, interpreted:\n{}", dump_registers(before, true), dump_registers(wanted, true));
    return text;
}

} // namespace ring3
