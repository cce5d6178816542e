#include "monitor/translator/block_writer.h"

#include "base/assert.h"
#include "monitor/cpu/engine_context.h"

#include <algorithm>

namespace ring3 {

using enum Host;
using insn::Op;

BlockWriter::BlockWriter(CodeCache& cache, ExitRecords& records, Thunks const& thunks, ContextMap const& map,
                         Vcpu const& vcpu, WriterSettings const& settings)
    : cache_{cache}, records_{records}, thunks_{thunks}, map_{map}, vcpu_{vcpu}, settings_{settings} {}

CodeKey BlockWriter::key_at(u32 eip) const {
    return {key_.where.page() + (eip & page_mask), {eip}, key_.mode};
}

CodeBlock* BlockWriter::write(CodeKey const& key, Trace const& trace, GuestPhys tail) {
    key_ = key;
    a_ = cache_.begin();
    block_.key = key;
    block_.tail = tail;
    block_.guest_count = static_cast<u32>(trace.insns.size());
    block_.start = a_.here();
    trace_ = trace.insns;
    last_ = &trace.insns.back();
    for (Scanned const& s : trace.insns) instruction(s);
    end_trace(trace);
    emit_cold();
    if (a_.overflowed()) return nullptr;
    std::vector<u32> ways_in;
    if (block_.by_table != 0) ways_in.push_back(block_.by_table);
    for (LocalEntry const& entry : local_entries_) {
        ways_in.push_back(entry.host);
        if (entry.loaded != LocalEntry::none) ways_in.push_back(entry.loaded);
    }
    CodeBlock* const placed = cache_.commit(std::move(block_), a_.offset(), ways_in);
    add_entries(placed);
    return placed;
}

void BlockWriter::add_entries(CodeBlock* placed) const {
    for (LocalEntry const& entry : local_entries_) {
        CodeKey const where = entry.eip == key_.eip.raw ? key_ : key_at(entry.eip);
        HostPc const loaded = entry.loaded != LocalEntry::none ? placed->start + entry.loaded : 0;
        cache_.add_entry(where, placed->start + entry.host, loaded, placed);
    }
}

void BlockWriter::mark_point(Scanned const& s) {
    // Whoever jumps here knows nothing of a pending change of ESP, or of its flags.
    if (sp_ == 0 && folded_.amount == 0 && leads_block(s)) {
        local_entries_.push_back({.eip = s.eip});
        (fpu_valid_ ? local_entries_.back().loaded : local_entries_.back().host) = a_.offset();
    }
    if (&s == trace_.data() && begins_with_vectors()) begin_loaded();
    count_run(s);
    insn_start_ = a_.here();
    add_point(s.eip, s.no_stop || flags_stale_);
}

/// Is there a vector instruction before the first branch?
bool BlockWriter::begins_with_vectors() const {
    for (Scanned const& s : trace_) {
        if (s.treatment == Treatment::direct && s.insn.def->vector != insn::VectorType::none) return true;
        if (s.treatment == Treatment::callout || s.insn.def->ends != insn::Ends::no) break;
    }
    return false;
}

/// The state is loaded before the block's first instruction, and a second way in lies behind that: a loop which comes
/// back here does not look again.
void BlockWriter::begin_loaded() {
    ensure_fpu();
    local_entries_.back().loaded = a_.offset();
}

/// The way in for everybody to code in the block's middle that takes the FPU state to be loaded.
void BlockWriter::lead_in(LocalEntry& entry) {
    auto const inside = std::ranges::find(block_.points, entry.eip, &Point::eip);
    ASSERT(inside != block_.points.end());
    entry.host = a_.offset();
    fpu_valid_ = false;
    sp_ = 0;
    counted_ = {};
    add_point(entry.eip, inside->no_stop);
    ensure_fpu();
    a_.jump(block_.start + entry.loaded);
}

bool BlockWriter::may_call_out(Scanned const& s) const {
    Op const op = s.insn.def->op;
    bool const sometimes = op == Op::sti || op == Op::popf || op == Op::pop_segment || op == Op::mov_to_segment;
    return sometimes || treatment_here(s) == Treatment::callout;
}

/// Does whoever runs `s` run `next` as well, in the same way, if nothing faults?
bool BlockWriter::counts_with(Scanned const& s, Scanned const& next) const {
    return s.insn.def->ends == insn::Ends::no && !leads_block(next) && !may_call_out(s) &&
           treatment_here(next) != Treatment::callout && is_inlined(s) == is_inlined(next);
}

/// With --stats: instructions that run together are counted at once where they begin, by moves and LEA. Callouts count
/// themselves.
void BlockWriter::count_run(Scanned const& s) {
    counted_ = {};
    if (!settings_.count || treatment_here(s) == Treatment::callout) return;
    unsigned length = 1;
    for (Scanned const* i = &s; i != last_ && counts_with(i[0], i[1]); ++i) ++length;
    bool const inlined = is_inlined(s);
    counted_ = {static_cast<u8>(length & 0x7f), inlined};
    bool const begun = &s != trace_.data() && counts_with((&s)[-1], s);
    if (!begun) add_to(inlined ? map_.context().inlined : map_.context().direct, length);
}

void BlockWriter::add_to(u64 const& counter, unsigned amount) {
    a_.load(r8, field(&counter));
    a_.lea(r8, {.base = r8, .disp = static_cast<i32>(amount)});
    a_.store(field(&counter), r8);
}

static bool is_string(insn::Insn const& insn) {
    Op const op = insn.def->op;
    return op == Op::movs || op == Op::cmps || op == Op::scas || op == Op::lods || op == Op::stos;
}

/// Is this where other code is likely to come in: the block's start, a branch's target, behind a call?
bool BlockWriter::leads_block(Scanned const& s) const {
    if (s.eip == key_.eip.raw) return true;
    Op const before = (&s - 1)->insn.def->op;
    if (is_call(before)) return true;
    return std::ranges::any_of(trace_, [&](Scanned const& other) {
        return other.insn.def->ends == insn::Ends::branch && other.target() == s.eip;
    });
}

void BlockWriter::add_point(u32 eip, bool no_stop) {
    block_.points.push_back({a_.offset(), eip, static_cast<i16>(sp_), no_stop, fpu_valid_, 0, counted_, folded_});
}

void BlockWriter::instruction(Scanned const& s) {
    constexpr i32 most_pending = 16 << 10;
    Treatment const treatment = chosen_treatment(s);
    if (sp_ > most_pending || sp_ < -most_pending) flush_sp();
    // Before the point: what follows it may be begun a second time.
    if (needs_exact_esp(s)) flush_sp();
    if (!passes_folded_flags(s, treatment)) settle_flags();
    mark_point(s);
    emit(s, treatment);
    if (s.overwrites_flags) flags_stale_ = false;
}

Treatment BlockWriter::chosen_treatment(Scanned const& s) {
    force_software_ = goes_through_software(s);
    return treatment_here(s);
}

bool BlockWriter::goes_through_software(Scanned const& s) const {
    return settings_.software_path && settings_.software_path(s.eip);
}

Treatment BlockWriter::treatment_here(Scanned const& s) const {
    Op const op = s.insn.def->op;
    bool const flags = s.treatment == Treatment::inlined && (op == Op::pushf || op == Op::popf);
    bool const repeats = s.treatment == Treatment::expand && is_string(s.insn) && !key_.mode.segmented();
    bool const by_window = flags || repeats; // have no software path
    bool const interpret =
        (settings_.always_callout && settings_.always_callout(s.eip)) || (by_window && goes_through_software(s));
    bool const unfollowed = s.casts_shadow && &s == last_; // the routine leaves a note of the shadow
    return interpret || unfollowed ? Treatment::callout : s.treatment;
}

void BlockWriter::emit(Scanned const& s, Treatment treatment) {
    if (auto const change = change_of_esp(s); change && treatment == Treatment::direct) return fold(s, *change);
    switch (treatment) {
    case Treatment::direct: direct(s); break;
    case Treatment::expand: expand(s); break;
    case Treatment::inlined: inlined(s); break;
    case Treatment::callout: callout(s); break;
    }
    if (s.overwrites_flags) folded_ = {};
}

void BlockWriter::expand(Scanned const& s) {
    switch (s.insn.def->op) {
    case Op::push: return push(s);
    case Op::pop: return pop(s);
    case Op::leave: return leave(s);
    case Op::call: return call(s);
    case Op::call_indirect: return call_indirect(s);
    case Op::ret: return ret(s);
    case Op::jmp: return; // where it leads to is the trace's next instruction, or end_trace()'s business
    case Op::jmp_indirect: return jump_indirect(s);
    case Op::call_far:
    case Op::call_far_indirect: return far_call(s);
    case Op::jmp_far:
    case Op::jmp_far_indirect: return far_jump(s);
    case Op::ret_far: return far_return(s);
    case Op::jcc: return conditional(s);
    case Op::jcxz:
    case Op::loop:
    case Op::loope:
    case Op::loopne: return count_register_branch(s);
    default: return string(s);
    }
}

/// What follows the last instruction: it may have left already, or lead on.
void BlockWriter::end_trace(Trace const& trace) {
    Scanned const& last = trace.insns.back();
    bool const expanded = treatment_here(last) == Treatment::expand; // a routine may end up behind it
    Op const op = last.insn.def->op;
    bool const far = op == Op::jmp_far || op == Op::jmp_far_indirect || op == Op::ret_far;
    if (expanded && (op == Op::jmp_indirect || op == Op::ret || far)) return;
    u32 const next = expanded && op == Op::jmp ? last.target() : last.next();
    // The way out is a point of its own: interrupts are taken here, and faults of the guest's fetch belong here.
    flush_sp();
    settle_flags();
    counted_ = {};
    add_point(next, false);
    trace.stops_at_border ? go_through_table(next) : go_to(next);
}

void BlockWriter::flush_sp() {
    Mem const exact{.base = r12, .disp = sp_};
    if (sp_ != 0 && key_.mode.has<TranslationMode::Stack16>()) {
        a_.lea32(r10, exact);
        move_low_half(r12, r10);
    } else if (sp_ != 0) {
        a_.lea32(r12, exact);
    }
    if (folded_.amount != 0) folded_.at = static_cast<i16>(folded_.at - sp_);
    sp_ = 0;
}

// ---- ways out -----------------------------------------------------------------------------------------------------

/// 0: it has none yet.
HostPc BlockWriter::way_in_this_block(u32 eip) const {
    auto const entry = std::ranges::find(local_entries_, eip, &LocalEntry::eip);
    if (entry == local_entries_.end()) return 0;
    u32 const best = fpu_valid_ && entry->loaded != LocalEntry::none ? entry->loaded : entry->host;
    return best != LocalEntry::none ? block_.start + best : 0;
}

void BlockWriter::relative_exit(u32 eip) {
    if (settings_.link) {
        if (HostPc const here = way_in_this_block(eip)) return a_.relative(here);
        if (Entry const* const known = cache_.find(key_at(eip))) return a_.relative(known->for_links(fpu_valid_));
    }
    cold_exits_.push_back({a_.offset(), eip, fpu_valid_});
    a_.word32(0);
}

/// To another page, or to code that ends on another page: only the jump table knows whether it is still mapped there.
void BlockWriter::go_through_table(u32 eip) {
    if (!within_code(eip)) { // IP has run over the segment's end: no place of the table stands for that
        a_.byte(0xe9);
        cold_exits_.push_back({a_.offset(), eip, fpu_valid_});
        return a_.word32(0);
    }
    a_.mov_imm(r8, place_of(eip));
    indirect(Via::jump);
}

void BlockWriter::go_to(u32 eip) {
    if (!on_this_page(eip)) return go_through_table(eip);
    a_.byte(0xe9);
    relative_exit(eip);
}

void BlockWriter::emit_cold() {
    for (ColdExit const& exit : cold_exits_) {
        a_.patch_relative(exit.field, a_.here());
        a_.op({.byte = 0xc7}, 0, r9); // MOV R9D, record
        a_.word32(static_cast<u32>(records_.links.size()));
        a_.jump(leave_for(ExitKind::link));
        records_.links.push_back({block_.start + exit.field, exit.eip, exit.fpu_valid});
    }
    for (ColdMiss const& miss : cold_misses_) {
        a_.patch_relative(miss.field, a_.here());
        if (miss.restores_flags) {
            a_.sahf_from_packed();
            miss.rax_in_r11 ? a_.mov(rax, r11) : a_.load(rax, field(&map_.context().saved_rax));
        }
        if (miss.rcx_in_r9) a_.mov(rcx, r9);
        a_.mov_imm(r9, miss.record);
        a_.jump(leave_for(ExitKind::soft_access));
    }
    if (block_.tail.raw != 0) {
        block_.by_table = a_.offset();
        a_.mov_imm(r8, place_of(static_cast<u32>(key_.eip.raw)));
        a_.jump(thunks_.by_table);
    }
    for (LocalEntry& entry : local_entries_)
        if (entry.host == LocalEntry::none) lead_in(entry);
}

} // namespace ring3
