// --verify: units of code run twice, interpreted and translated, and both must leave the same state (C3, C4).
//
//     state, memory --interpreter, stores noted--> wanted state --stores taken back--> translated code --> compare
//
// What is compared, and what that cannot show, is lockstep.h. If the translated code does not come to its end (a fault, a
// device, a signal), what the interpreter did holds. Nothing is allocated for a run, and only what a unit can change is
// saved: a unit is about five instructions, so everything else would cost more than they do.
#include "insn/decoder.h"
#include "insn/disassemble.h"
#include "monitor/cpu/dump.h"
#include "monitor/translator/engine.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3 {

static bool loads_segment(insn::Insn const& insn) {
    using insn::Op;
    Op const op = insn.def->op;
    return op == Op::pop_segment || op == Op::mov_to_segment || op == Op::load_far_pointer || is_call(op) ||
           op == Op::jmp_far || op == Op::jmp_far_indirect || op == Op::ret_far;
}

/// The block's instructions as the interpreter needs them. None if the guest's bytes cannot be read any more.
VerifiedUnit& Engine::unit_of(CodeBlock& block) {
    if (block.unit == 0) {
        units_.emplace_back();
        block.unit = static_cast<u32>(units_.size());
        VerifiedUnit& unit = units_.back();
        auto eip = static_cast<u32>(block.key.eip.raw);
        for (u32 i = 0; i < block.guest_count; ++i) {
            insn::Insn insn;
            std::array<u8, insn::max_length> bytes{};
            vcpu_.mmu.peek_bytes({eip}, bytes);
            TranslationMode const mode = block.key.mode;
            if (insn::decode(bytes, mode.code_size(), mode.has_vex(), insn) != insn::DecodeStatus::ok) break;
            unit.steps.push_back(UnitStep::of(eip, insn, vcpu_.model));
            unit.vectors |= insn.def->vector != insn::VectorType::none;
            unit.segments |= loads_segment(insn);
            eip += insn.length;
        }
    }
    return units_[block.unit - 1];
}

/// Runs the unit's instructions by their routines. False: one of them did not simply complete, and `outcome` says how.
bool Engine::interpret_unit(VerifiedUnit const& unit, UnitStep const* step, Outcome& outcome) {
    GuestCpu& cpu = vcpu_.cpu;
    vcpu_.mmu.attention = false;
    undefined_flags_ = 0;
    for (UnitStep const* const end = unit.steps.data() + unit.steps.size(); step != end; ++step) {
        vcpu_.next_eip = (cpu.eip + step->insn.length) & 0xffff'ffff;
        undefined_flags_ = step->undefined_after(undefined_flags_, static_cast<u8>(cpu.gpr[ecx]));
        outcome = step->handler(vcpu_, step->insn);
        ++statistics_.interpreted;
        if (!outcome.is_next()) [[unlikely]] {
            bool const done = outcome.kind() == Outcome::Kind::leave || outcome.kind() == Outcome::Kind::halt ||
                              outcome.kind() == Outcome::Kind::stop;
            if (done) cpu.eip = vcpu_.next_eip;
            return false;
        }
        cpu.eip = vcpu_.next_eip;
        if (vcpu_.mmu.attention) [[unlikely]]
            return outcome = Outcome::leave(), false;
    }
    if (!stepping_needed()) return true;
    outcome = Outcome::leave();
    return false;
}

/// Runs it translated. False: it left before its end.
bool Engine::run_unit(Entry const& entry) {
    enter(entry.host, 0, false);
    for (;;) {
        auto const kind = ExitKind(context_.exit_kind);
        if (kind == ExitKind::link) {
            set_pc(records_.links[context_.r9].target);
            return true;
        }
        if (kind == ExitKind::indirect) {
            set_place(static_cast<u32>(context_.r8));
            return true;
        }
        if (kind != ExitKind::soft_access && kind != ExitKind::trap) return false;
        resume_ = {};
        if (kind == ExitKind::trap ? trapped().has_value() : refill().has_value()) return false;
        enter(resume_.pc, resume_.esp_delta, resume_.fpu_valid);
    }
}

/// A unit as it would run without --verify, but for the links.
std::optional<Engine::Ended> Engine::run_alone(Outcome& outcome, Entry const& entry) {
    enter(entry.host, 0, false);
    for (;;) {
        resume_ = {};
        if (auto const end = after_exit(outcome)) return end;
        if (resume_.pc == 0) return std::nullopt;
        enter(resume_.pc, resume_.esp_delta, resume_.fpu_valid);
    }
}

/// Nothing: go on at eip, where both ended.
std::optional<Engine::Ended> Engine::run_verified(Outcome& outcome, Entry const& entry) {
    constexpr u64 always = 100, sometimes = 256; // see the manual page
    CodeBlock const& block = *entry.block;
    VerifiedUnit& unit = unit_of(*entry.block);
    UnitStep const* const first = unit.step_at(pc()); // maybe in its middle
    ++unit.runs;
    bool const skipped = options_.verify == driver::Verify::sample && unit.runs > always && unit.runs % sometimes != 0;
    if (skipped || !first) return run_alone(outcome, entry);

    // Guest memory may be written meanwhile, by the app for a device: only a difference that stays is one.
    constexpr unsigned attempts = 3;
    unit_before_.take(vcpu_.cpu, unit);
    std::string what;
    for (unsigned attempt = 0; attempt < attempts; ++attempt) {
        u64 const epoch = epoch_;
        log_.writes.clear();
        vcpu_.mmu.set_write_log(&log_);
        bool const completed = interpret_unit(unit, first, outcome);
        vcpu_.mmu.set_write_log(nullptr);
        if (!completed) return outcome.kind() == Outcome::Kind::leave ? Ended::ran : Ended::unusual;
        bool const callout = block.guest_count == 1 && block.has_callout;
        if (callout || epoch != epoch_) return Ended::ran;

        unit_wanted_.take(vcpu_.cpu, unit);
        lines_.take(log_);
        take_back(log_);
        unit_before_.put_into(vcpu_.cpu);
        bool const same = !run_unit(entry) || (unit_wanted_.matches(vcpu_.cpu, undefined_flags_) && lines_.match());
        if (!same) what = unit_wanted_.difference(vcpu_.cpu, undefined_flags_) + lines_.difference();
        if (same || attempt + 1 == attempts) {
            unit_wanted_.put_into(vcpu_.cpu);
            make_again(log_);
            ++statistics_.verified_blocks;
            if (same) return std::nullopt;
        } else {
            take_back(log_);
            unit_before_.put_into(vcpu_.cpu);
        }
    }
    divergence_ = report(block, what);
    outcome = Outcome::stop();
    return Ended::unusual;
}

/// The whole story: guest code, host code, both states.
std::string Engine::report(CodeBlock const& block, std::string const& what) {
    std::string text =
        fmt::format("translated code differs from the interpreter: {}\nguest code at {:x}:\n", what, block.key.eip.raw);
    for (UnitStep const& step : units_[block.unit - 1].steps)
        text += fmt::format("  {:8x}  {}\n", step.eip, insn::disassemble(step.insn, step.eip));
    text += fmt::format("host code at {:x}:\n", block.start);
    for (u8 const byte : cache_->bytes(block.start, std::min(block.size, u32{256})))
        text += fmt::format("{:02x}", byte);
    GuestCpu before = vcpu_.cpu;
    unit_before_.put_into(before);
    text += fmt::format("\nbefore:\n{}after, interpreted:\n{}", dump_registers(before, true),
                        dump_registers(vcpu_.cpu, true));
    return text;
}

} // namespace ring3
