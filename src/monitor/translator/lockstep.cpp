#include "monitor/translator/lockstep.h"

#include "insn/operands.h"
#include "monitor/interpreter/fpu_state.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fmt/format.h>

namespace ring3 {

// ---- instructions ---------------------------------------------------------------------------------------------------

namespace {

bool is_shift(insn::Insn const& insn) {
    return insn.def->op >= insn::Op::rol && insn.def->op <= insn::Op::shrd;
}

/// The same shift may leave undefined flags otherwise by an immediate count, which translated code keeps, than by CL,
/// which a routine uses: what is undefined depends on the count.
struct ShiftFlags {
    insn::FlagMask settled, open;
    static ShiftFlags of(insn::Insn const& insn, unsigned count) {
        if ((count & 31) == 0) return {0, 0};
        auto const open = insn::undefined_after_shift(insn, count);
        return {static_cast<insn::FlagMask>(insn.def->writes & ~open), open};
    }
};

} // namespace

UnitStep UnitStep::of(u32 eip, insn::Insn const& insn, CpuModel const& model) {
    UnitStep step{.eip = eip, .insn = insn, .handler = pick_handler(insn, model)};
    bool const by_register = insn.shape == insn::Shape::rr || insn.shape == insn::Shape::mr;
    if (is_shift(insn)) {
        step.shifts_by_cl = by_register;
        auto const flags = ShiftFlags::of(insn, static_cast<unsigned>(insn.imm));
        step.settled = flags.settled;
        step.open = flags.open;
    } else {
        step.open = insn.def->undefined;
        step.settled = static_cast<insn::FlagMask>(insn.def->writes & ~step.open);
    }
    return step;
}

insn::FlagMask UnitStep::undefined_after_shift(insn::FlagMask before, u8 count) const {
    auto const flags = ShiftFlags::of(insn, count);
    return static_cast<insn::FlagMask>((before & ~flags.settled) | flags.open);
}

UnitStep const* VerifiedUnit::step_at(u32 eip) const {
    auto const found = std::ranges::find(steps, eip, &UnitStep::eip);
    return found == steps.end() ? nullptr : &*found;
}

// ---- registers ------------------------------------------------------------------------------------------------------

namespace {

template <class T> bool same_bytes(T const& a, T const& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

/// Vector registers as far as they are the guest's: x87's pointers into host code are not, and 32-bit code has eight.
bool same_vectors(XImage const& a, XImage const& b) {
    constexpr std::size_t registers = 8;
    constexpr std::size_t xmm_bytes = registers * sizeof(XmmSlot), value_bytes = 10; // of an x87 register
    FxImage const &x = a.fx, &y = b.fx;
    bool const control = x.fcw.raw == y.fcw.raw && x.fsw.raw == y.fsw.raw && x.tags == y.tags;
    bool const stack = std::ranges::equal(x.st, y.st, [](FpuSlot const& one, FpuSlot const& other) {
        return std::memcmp(&one, &other, value_bytes) == 0;
    });
    return control && stack && x.mxcsr.raw == y.mxcsr.raw && std::memcmp(x.xmm, y.xmm, xmm_bytes) == 0 &&
           std::memcmp(a.ymm_high, b.ymm_high, xmm_bytes) == 0;
}

bool same_segment(Segment const& a, Segment const& b) {
    return a.selector.raw == b.selector.raw && a.rights.raw == b.rights.raw && a.base == b.base && a.limit == b.limit &&
           a.kind == b.kind && a.source.selector == b.source.selector;
}

} // namespace

void UnitState::take(GuestCpu const& cpu, VerifiedUnit const& unit) {
    std::ranges::copy_n(cpu.gpr, GuestCpu::gpr_count, gpr_.begin());
    eip_ = cpu.eip;
    eflags_ = cpu.eflags;
    has_vectors_ = unit.vectors;
    if (has_vectors_) vectors_ = cpu.fpu;
    has_segments_ = unit.segments;
    if (has_segments_) std::ranges::copy(cpu.segment, segments_.begin());
}

void UnitState::put_into(GuestCpu& cpu) const {
    std::ranges::copy(gpr_, cpu.gpr);
    cpu.eip = eip_;
    cpu.eflags = eflags_;
    if (has_vectors_) cpu.fpu = vectors_;
    if (has_segments_) std::ranges::copy(segments_, cpu.segment);
}

bool UnitState::matches(GuestCpu const& cpu, insn::FlagMask undefined) const {
    return std::memcmp(gpr_.data(), cpu.gpr, sizeof gpr_) == 0 && cpu.eip == eip_ &&
           ((cpu.eflags.raw ^ eflags_.raw) & ~u32{undefined}) == 0 &&
           (!has_vectors_ || same_vectors(image(cpu.fpu), image(vectors_))) &&
           (!has_segments_ || std::ranges::equal(cpu.segment, segments_, same_segment));
}

std::string UnitState::difference(GuestCpu const& cpu, insn::FlagMask undefined) const {
    static constexpr std::array names{"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    std::string what;
    for (unsigned i = 0; i < names.size(); ++i)
        if (cpu.gpr[i] != gpr_[i]) what += fmt::format("{} is {:x}, expected {:x}; ", names[i], cpu.gpr[i], gpr_[i]);
    if (cpu.eip != eip_) what += fmt::format("eip is {:x}, expected {:x}; ", cpu.eip, eip_);
    if (((cpu.eflags.raw ^ eflags_.raw) & ~u32{undefined}) != 0)
        what += fmt::format("eflags is {:x}, expected {:x}; ", cpu.eflags.raw, eflags_.raw);
    if (has_segments_ && !std::ranges::equal(cpu.segment, segments_, same_segment)) what += "segment registers; ";
    if (has_vectors_ && !same_vectors(image(cpu.fpu), image(vectors_))) what += "vector state; ";
    return what;
}

// ---- memory ---------------------------------------------------------------------------------------------------------

void TouchedLines::add(u8 const* place) {
    u8 const* const line = place - std::bit_cast<u64>(place) % line_size;
    // Stores come in runs. A line that is in the list twice costs a little time, nothing else.
    constexpr std::size_t looked_at = 4;
    std::size_t const recent = std::min(lines_.size(), looked_at);
    if (std::any_of(lines_.end() - static_cast<std::ptrdiff_t>(recent), lines_.end(),
                    [&](Line const& known) { return known.host == line; }))
        return;
    Line& added = lines_.emplace_back();
    added.host = line;
    std::memcpy(added.wanted.data(), line, line_size);
}

void TouchedLines::take(WriteLog const& log) {
    lines_.clear();
    for (WriteLog::Write const& write : log.writes) {
        add(write.host);
        add(write.host + write.size - 1);
    }
}

bool TouchedLines::match() const {
    return std::ranges::all_of(
        lines_, [](Line const& line) { return std::memcmp(line.host, line.wanted.data(), line_size) == 0; });
}

std::string TouchedLines::difference() const {
    std::string what;
    for (Line const& line : lines_)
        for (std::size_t i = 0; i < line_size; ++i)
            if (line.host[i] != line.wanted[i])
                what += fmt::format("the byte at {:x} of a page is {:x}, expected {:x}; ",
                                    (std::bit_cast<u64>(line.host) + i) & page_mask, line.host[i], line.wanted[i]);
    return what;
}

void take_back(WriteLog const& log) {
    for (std::size_t i = log.writes.size(); i-- > 0;) {
        WriteLog::Write const& write = log.writes[i];
        std::memcpy(write.host, &write.before, write.size);
    }
}

void make_again(WriteLog const& log) {
    for (WriteLog::Write const& write : log.writes) std::memcpy(write.host, &write.after, write.size);
}

} // namespace ring3
