#include "monitor/translator/engine.h"

#include "base/assert.h"
#include "host/alu.h"
#include "host/fpu_image.h"
#include "host/time.h"
#include "insn/decoder.h"
#include "monitor/translator/enter_unsafe.h"

#include <bit>

namespace ring3 {

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

/// Adds the time of its life to a counter.
class Stopwatch {
public:
    explicit Stopwatch(u64& sum) : sum_{sum}, start_{host::monotonic_nanoseconds()} {}
    ~Stopwatch() { sum_ += host::monotonic_nanoseconds() - start_; }
    Stopwatch(Stopwatch const&) = delete;

private:
    u64& sum_;
    u64 start_;
};

} // namespace

Result<std::unique_ptr<Engine>> Engine::create(Vcpu& vcpu, driver::EngineOptions const& options, GuestRam ram) {
    if (!__builtin_cpu_supports("bmi2"))
        return fail(ExitStatus::host_lacks, "the translator needs a processor with BMI2: try --engine interpret");
    auto cache = TRY(CodeCache::create(options.cache_mib * mebibyte));
    std::unique_ptr<Engine> engine{new Engine{vcpu, options, std::move(cache)}};
    if (options.memory != driver::MemoryPolicy::soft) {
        ShadowOptions shadow;
        shadow.max_mappings = options.max_mappings;
        shadow.keep_spaces = options.tlb == driver::TlbMethod::asid;
        if (options.memory == driver::MemoryPolicy::window) shadow.promote_after = 0;
        engine->shadow_ = std::make_unique<ShadowSpaces>(vcpu.cpu, vcpu.mmu, ram.fd, ram.bytes, shadow);
    }
    // The first one now, while a host that has no room for it can still be told; no mode matches it yet.
    TRY_VOID(engine->add_space());
    TRY_VOID(host::install_traps(*engine, engine->cache_->executable()));
    return engine;
}

Engine::Engine(Vcpu& vcpu, driver::EngineOptions const& options, std::unique_ptr<CodeCache> cache)
    : vcpu_{vcpu},
      context_{vcpu.engine},
      options_{options},
      cache_{std::move(cache)},
      map_{vcpu.cpu, vcpu.engine},
      heat_(std::size_t{1} << heat_bits) {
    Assembler a = cache_->begin();
    thunks_ = emit_thunks(a, map_);
    cache_->commit_stub(a);
    cache_->keep_prefix();
    if (options.check_code) check_ = std::make_unique<EmittedCheck>(*cache_, thunks_, map_, vcpu.mmu);
    cache_->check_with(check_.get());
    context_.engine = std::bit_cast<u64>(this);
    context_.callout = std::bit_cast<u64>(&Engine::callout_entry);
    rules_.follow_jumps = options.optimize.trace && !verifies();
    rules_.one_unit = verifies();
    rules_.inline_sensitive = options.optimize.cache;
    settings_.count = options.count;
    settings_.link = options.optimize.link && !verifies();
    settings_.paired_returns = options.optimize.link && !verifies();
    settings_.always_callout = [this](u32 eip) {
        return !difficult_.empty() && difficult_.contains(translating_.raw + (eip & page_mask));
    };
    settings_.software_path = [this](u32 eip) {
        return !software_.empty() && software_.contains(translating_.raw + (eip & page_mask));
    };
    vcpu_.mmu.set_observer(this);
}

Engine::~Engine() {
    vcpu_.mmu.set_observer(nullptr);
}

// ---- flags --------------------------------------------------------------------------------------------------------

void Engine::take_flags() {
    vcpu_.cpu.eflags.raw = host::merge_flags(vcpu_.cpu.eflags.raw, context_.packed_flags);
}

void Engine::give_flags() {
    context_.packed_flags = host::pack_flags(vcpu_.cpu.eflags.raw);
}

// ---- finding code -------------------------------------------------------------------------------------------------

/// The mode that the processor is in, without Window.
TranslationMode Engine::current_mode() {
    TranslationMode const mode = TranslationMode::of(vcpu_.cpu);
    if (!mode.segmented()) [[likely]]
        return mode;
    return numbered(mode);
}

/// With the number of CS, which far transfers in a shared jump space change without a word; no mode, if there is none.
TranslationMode Engine::numbered(TranslationMode mode) {
    Segment const& cs = vcpu_.cpu.seg(SegmentName::cs);
    u32 const number = code_segments_.number_of(cs.base, cs.limit);
    return number != 0 ? mode.with<TranslationMode::CodeSegment>(number) : TranslationMode{};
}

/// All numbers of code segments are given away: nothing that was found by one may be found again.
void Engine::renumber_segments() {
    flush_cache();
    code_segments_.clear();
    for (auto const& space : spaces_) space->mode = {};
}

/// Where eip leads: the guest's fetch, with its faults.
Outcome Engine::locate(CodeKey& key) {
    if (static_cast<u32>(vcpu_.cpu.eip) > vcpu_.cpu.seg(SegmentName::cs).limit) return Outcome::fault(Vector::gp, 0);
    if (mode_.shared()) mode_ = numbered(mode_);
    Linear const eip{pc()};
    TRY_GUEST(vcpu_.mmu.fetch(eip, vcpu_.privilege(), key.where));
    key.eip = eip;
    key.mode = mode_;
    return Outcome::next();
}

/// The block's entry, if it exists or deserves to.
Entry* Engine::ready_entry(CodeKey const& key) {
    if (!key.mode) [[unlikely]]
        return nullptr;
    if (Entry* const entry = cache_->find(key)) {
        if (tail_holds(key, *entry->block)) [[likely]]
            return entry;
        drop_entry(*entry);
        cache_->end_entry(*entry);
        return nullptr;
    }
    // Code that keeps being rewritten is not worth translating as soon.
    bool const restless = drops_[key.where.page_number() % drops_.size()] >= many_drops;
    u8& heat = heat_[key.hash() >> (64 - heat_bits)];
    if (++heat < (restless ? hot_if_restless : hot)) return nullptr;
    heat = 0;
    return translate(key);
}

Entry* Engine::translate(CodeKey const& key) {
    Mmu& mmu = vcpu_.mmu;
    u8 const* const page = mmu.memory().page(key.where.page());
    if (!page) return nullptr;
    Stopwatch const stopwatch{statistics_.time_translator};
    if (!cache_->has_room() || records_.full()) flush_cache();
    translating_ = key.where.page();
    auto const eip = static_cast<u32>(key.eip.raw);
    rules_.known = [&](u32 address) {
        return ((address ^ eip) & ~u32{page_mask}) == 0 &&
               cache_->find({translating_ + (address & page_mask), {address}, key.mode}) != nullptr;
    };
    rules_.code_base = key.mode.segmented() ? code_base() : 0;
    rules_.code_limit = vcpu_.cpu.seg(SegmentName::cs).limit;
    CodeBytes bytes{{page, page_size}, {}};
    Trace trace = scan(bytes, eip, key.mode, vcpu_.model, rules_);
    GuestPhys tail;
    if (trace.insns.empty() && key.where.page_offset() > page_size - insn::max_length) {
        Linear const next{static_cast<u32>(key.eip.page().raw + page_size)};
        if (next.raw == 0) return nullptr; // EIP wraps: the interpreter knows how
        if (!mmu.fetch(next, vcpu_.privilege(), tail).is_next()) return nullptr;
        u8 const* const next_page = mmu.memory().page(tail);
        if (!next_page || tail.raw == 0) return nullptr;
        bytes.tail = {next_page, insn::max_length};
        trace = scan(bytes, eip, key.mode, vcpu_.model, rules_);
    }
    if (trace.insns.empty()) return nullptr;
    if (!trace.crosses_page) tail = {};
    BlockWriter writer{*cache_, records_, thunks_, map_, vcpu_, settings_};
    CodeBlock const* const block = writer.write(key, trace, tail);
    if (!block) return nullptr;
    mark_code(key, trace, tail);
    ++statistics_.blocks;
    if (check_) ++statistics_.checked_blocks;
    statistics_.translated_instructions += trace.insns.size();
    statistics_.translated_host_bytes += block->size;
    return cache_->find(key);
}

/// From now on, writes to the bytes of these instructions are seen.
void Engine::mark_code(CodeKey const& key, Trace const& trace, GuestPhys tail) {
    PhysicalMemory& memory = vcpu_.mmu.memory();
    GuestPhys const page = key.where.page();
    bool first = false;
    for (Scanned const& s : trace.insns) {
        u64 const offset = s.eip & page_mask;
        u64 const on_page = std::min<u64>(s.insn.length, page_size - offset);
        first |= memory.mark_code(page + offset, static_cast<unsigned>(on_page));
        statistics_.translated_guest_bytes += s.insn.length;
        if (on_page < s.insn.length && memory.mark_code(tail, static_cast<unsigned>(s.insn.length - on_page)))
            vcpu_.mmu.flush_writes_to(tail);
    }
    if (first) vcpu_.mmu.flush_writes_to(page);
}

/// From now on jumps of this space find the entry by themselves.
void Engine::make_known(CodeKey const& key, Entry& entry, JumpSpace& space) {
    u32 const place = place_of(key);
    if (space.get(place) == entry.host) return;
    entry.known = true;
    space.set(place, entry.host);
    space.note_page(key.eip, key.where);
    if (entry.block->tail.raw != 0)
        space.note_page({static_cast<u32>(key.eip.page().raw + page_size)}, entry.block->tail);
}

/// No jump leads to this entry any more.
void Engine::drop_entry(Entry const& entry) {
    if (!entry.known) return;
    for (auto const& space : spaces_) space->remove(place_of(entry.key), entry.host);
}

void Engine::flush_cache() {
    ++statistics_.cache_flushes;
    cache_->flush();
    records_.clear();
    units_.clear();
    for (auto const& space : spaces_) forget(*space);
    ++epoch_;
}

void Engine::drop_code(GuestPhys page) {
    auto const forget_entry = [this](Entry const& entry) { drop_entry(entry); };
    unsigned const dropped = cache_->drop_page(page, leave_thunk(ExitKind::indirect), forget_entry);
    statistics_.invalidated_blocks += dropped;
    if (dropped == 0) return;
    ++epoch_;
    u8& drops = drops_[page.page_number() % drops_.size()];
    if (drops < many_drops) ++drops;
}

// ---- running ------------------------------------------------------------------------------------------------------

/// TF, breakpoints and the resume flag need the interpreter's steps.
bool Engine::stepping_needed() const {
    GuestCpu const& cpu = vcpu_.cpu;
    return cpu.eflags.has<Eflags::TF>() || cpu.eflags.has<Eflags::RF>() || cpu.dr7.has<Dr7::Enables>() ||
           cpu.pending_debug != 0 || cpu.interrupt_shadow || cpu.halted;
}

Engine::Ended Engine::run(Outcome& outcome) {
    if (code_segments_.full()) renumber_segments();
    TranslationMode const mode = current_mode();
    if (!mode || stepping_needed()) return Ended::cold;
    mode_ = mode;
    choose_window(mode_);
    bool ran = false;
    for (;;) {
        CodeKey key;
        if (outcome = locate(key); !outcome.is_next()) return Ended::unusual;
        if (!mode_) return ran ? Ended::ran : Ended::cold; // CS has no number left
        JumpSpace& space = space_for(mode_, key.eip);
        Entry* const entry = ready_entry(key);
        if (!entry) return ran ? Ended::ran : Ended::cold;
        use(space);
        space.note_page(key.eip, key.where); // calls leave their return addresses in the space
        ran = true;
        if (verifies()) {
            if (auto const ended = run_verified(outcome, *entry)) return *ended;
            if (preempted_.load(std::memory_order_relaxed) || space_->unverified) return Ended::ran;
            continue;
        }
        if (options_.optimize.link) make_known(key, *entry, space);
        enter(entry->host, 0, false);
        for (;;) {
            resume_ = {};
            if (auto const ended = after_exit(outcome)) return *ended;
            if (resume_.pc == 0) break; // eip is exact: find it again
            enter(resume_.pc, resume_.esp_delta, resume_.fpu_valid);
        }
        if (preempted_.load(std::memory_order_relaxed) || space_->unverified) return Ended::ran;
    }
}

/// ESP, or the SP in it, moved.
u64 Engine::with_esp_moved(u64 value, i32 change) const {
    u64 const mask = mode_.has<TranslationMode::Stack16>() ? 0xffff : 0xffff'ffff;
    return (value & ~mask) | ((value + static_cast<u64>(i64{change})) & mask);
}

/// Enters at `pc`, where the code takes ESP to be r12 + esp_delta.
void Engine::enter(HostPc pc, i32 esp_delta, bool fpu_valid) {
    GuestCpu& cpu = vcpu_.cpu;
    entering_.store(true, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (preempted_.load(std::memory_order_relaxed)) { // not entered: eip, set by the caller, is where we are
        entering_.store(false, std::memory_order_relaxed);
        context_.exit_kind = static_cast<u32>(ExitKind::callout);
        left_with_ = Outcome::next();
        return;
    }
    cpu.gpr[esp] = with_esp_moved(cpu.gpr[esp], -esp_delta);
    context_.event_pending = vcpu_.platform.interrupt_pending() || vcpu_.nmi_waiting();
    give_flags();
    context_.resume = pc;
    if (fpu_valid) context_.fpu_loaded = 1;
    elsewhere_ = 0;
    u64 const before = options_.count ? host::monotonic_nanoseconds() : 0;
    enter_translated(thunks_.enter, cpu, fpu_valid);
    if (options_.count) statistics_.time_translated += host::monotonic_nanoseconds() - before - elsewhere_;
    entering_.store(false, std::memory_order_relaxed);
    space_->return_sp = context_.return_sp;
    take_flags();
}

} // namespace ring3
