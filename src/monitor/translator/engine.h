// The engine: runs guest code from the code cache (C6 to C9).
//
//     run():  eip --Mmu::fetch--> gpa --CodeCache--> enter ... exit: link | indirect | soft access | callout | trap
//                                        |                            |
//                                        +-- cold: the interpreter    +-- mend it and go on, or say why not
//
// A block that has run often enough is translated. From then on its code leads from block to block by itself; it comes
// back here when a successor does not exist yet, when the software TLB misses, when an instruction needs the dispatcher,
// or when a signal took it out. At every return all guest state is in GuestCpu, exact.
//
// Preemption: nothing in translated code asks whether an interrupt is waiting. A signal's handler looks where the host
// pc is; if that is the border of two guest instructions it leaves there, else it lets single host instructions run until
// it is (usually one to three).
#pragma once

#include "driver/engine_options.h"
#include "driver/engine_statistics.h"
#include "host/guest_trap.h"
#include "monitor/mmu/shadow_spaces.h"
#include "monitor/translator/block_writer.h"
#include "monitor/translator/code_segments.h"
#include "monitor/translator/emitted_check.h"
#include "monitor/translator/jump_space.h"
#include "monitor/translator/lockstep.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace ring3 {

/// The guest's RAM as windows need it: the memfd, and where it is mapped here from its start on.
struct GuestRam {
    int fd{-1};
    std::span<u8> bytes;
};

class Engine final : public host::TrapOwner, public MmuObserver {
public:
    /// Takes memory for the cache, and the process's signals. Before the process confines itself.
    static Result<std::unique_ptr<Engine>> create(Vcpu& vcpu, driver::EngineOptions const& options, GuestRam ram);
    ~Engine() override;

    enum class Ended : u8 {
        cold,     // nothing ran: the code at eip is to be interpreted
        ran,      // look for events, then call again
        one_more, // the instruction at eip is to be interpreted, it alone
        unusual,  // `outcome` says what an instruction demands
    };
    /// Runs translated code from the vCPU's state on. Interrupts that can be delivered have been.
    Ended run(Outcome& outcome);

    /// Was the processor asked to look at timers and messages? Forgets it.
    bool take_preemption() { return preempted_.exchange(false, std::memory_order_relaxed); }
    void preempt() { preempted_.store(true, std::memory_order_relaxed); }

    /// The bytes of this page's code are about to change.
    void drop_code(GuestPhys page);

    driver::EngineStatistics const& statistics();
    /// A device took this long, maybe while translated code waited for it.
    void spent_elsewhere(u64 nanoseconds) { elsewhere_ += nanoseconds; }
    /// What --verify found, if it did; the run has to end.
    std::string const& divergence() const { return divergence_; }

    // ---- MmuObserver
    void all_flushed() override;
    void non_global_flushed() override;
    void page_flushed(Linear page) override;
    void code_marked(GuestPhys page) override;
    void memory_map_changed() override;

    // ---- host::TrapOwner, in the signal's handler
    bool on_trap(host::Trap& trap) override;

private:
    Engine(Vcpu& vcpu, driver::EngineOptions const& options, std::unique_ptr<CodeCache> cache);

    // ---- engine.cpp
    /// Where the processor is, as a pc (see TranslationMode).
    u32 pc() const { return static_cast<u32>(vcpu_.cpu.eip) + code_base(); }
    void set_pc(u32 pc) { vcpu_.cpu.eip = pc - code_base(); }
    void set_place(u32 place) { mode_.shared() ? void(vcpu_.cpu.eip = place & 0xffff) : set_pc(place); }
    u32 place_of(CodeKey const& key) const {
        u32 const base = code_segments_.base_of(key.mode.get<TranslationMode::CodeSegment>());
        return key.mode.place_of(base, static_cast<u32>(key.eip.raw));
    }
    TranslationMode numbered(TranslationMode mode);
    u32 code_base() const { return vcpu_.cpu.seg(SegmentName::cs).base; }
    TranslationMode current_mode();
    void renumber_segments();
    u64 with_esp_moved(u64 value, i32 change) const;
    Outcome locate(CodeKey& key);
    Entry* ready_entry(CodeKey const& key);
    Entry* translate(CodeKey const& key);
    void enter(HostPc pc, i32 esp_delta, bool fpu_valid);
    std::optional<Ended> after_exit(Outcome& outcome); // nothing: go on, at resume_ or else at eip
    void drop_entry(Entry const& entry);
    void flush_cache();
    void mark_code(CodeKey const& key, Trace const& trace, GuestPhys tail);

    // ---- engine_exits.cpp
    std::optional<Ended> follow_link();
    std::optional<Ended> follow_indirect();
    std::optional<Ended> refill();
    std::optional<Ended> trapped();
    Ended interpret_here();
    void note_difficulty(u32 eip);
    bool fails_again(GuestPhys where, u8 patience);
    u64 run_callout(CalloutRecord& record);
    HostPc go_the_known_way(KnownWay const& way, TranslationMode mode);
    bool popf_keeps_mode(insn::Insn const& insn, Eflags before) const;
    void drop_return_address();
    std::optional<HostPc> way_elsewhere(CalloutRecord& record);
    TranslationMode after_segment_load(CalloutRecord const& record) const;
    TranslationMode behind_fast_call();
    HostPc leave_thunk(ExitKind kind) const { return thunks_.leave[static_cast<unsigned>(kind)]; }
    void make_known(CodeKey const& key, Entry& entry, JumpSpace& space);
    static u64 callout_entry(Engine* engine, u64 record);
    bool event_waits() const;
    void look_for_events();
    bool may_go_on(CalloutRecord const& record, u64 epoch, Eflags before);

    // ---- engine_spaces.cpp
    Result<void> add_space();
    JumpSpace& space_for(TranslationMode mode, Linear eip);
    void verify(JumpSpace& space);
    bool still_there(JumpSpace::Page const& page, GuestTables const& tables) const;
    bool tail_holds(CodeKey const& key, CodeBlock const& block);
    void use(JumpSpace& space);
    void forget(JumpSpace& space);
    void choose_window(TranslationMode& mode);
    void charge_software(u64 nanoseconds);
    std::optional<Ended> mend_window();
    void anticipate_retry();
    void prefer_software(u32 eip);
    u64 root_for(Linear eip);

    // ---- engine_verify.cpp
    std::optional<Ended> run_verified(Outcome& outcome, Entry const& entry);
    std::optional<Ended> run_alone(Outcome& outcome, Entry const& entry);
    VerifiedUnit& unit_of(CodeBlock& block);
    bool interpret_unit(VerifiedUnit const& unit, UnitStep const* step, Outcome& outcome);
    bool run_unit(Entry const& entry);
    std::string report(CodeBlock const& block, std::string const& what);
    bool verifies() const { return options_.verify != driver::Verify::off; }

    // ---- engine_traps.cpp
    bool stop_at_border(host::Trap& trap);
    void leave_from(host::Trap& trap, Point const& point);

    void arrive_at(Point const& point);
    std::optional<Ended> left_by(std::optional<Ended> ended);
    void take_flags(); // from the hand-over into EFLAGS
    void give_flags(); // and back
    bool stepping_needed() const;

    static constexpr unsigned heat_bits = 16;
    static constexpr u8 hot = 12; // times that code is interpreted before it is translated
    static constexpr u8 hot_if_restless = 250, many_drops = 20;
    static constexpr std::size_t most_spaces = 48;

    Vcpu& vcpu_;
    EngineContext& context_;
    driver::EngineOptions options_;
    std::unique_ptr<CodeCache> cache_;
    ContextMap map_;
    Thunks thunks_;
    std::unique_ptr<EmittedCheck> check_; // nullptr: emitted code is not checked
    ExitRecords records_;
    WriterSettings settings_;
    ScanRules rules_;
    std::vector<std::unique_ptr<JumpSpace>> spaces_;
    JumpSpace* space_{};
    u64 space_clock_{};
    TranslationMode mode_{};
    CodeSegments code_segments_;
    GuestPhys translating_{}; // the page of the block being made
    struct {
        HostPc pc;
        i32 esp_delta;
        bool fpu_valid;
    } resume_{};        // where to go on in the middle of a block; pc 0: nowhere
    HostPc refilled_{}; // the instruction whose access missed last, and how often on end
    unsigned refills_{};
    CountedRun counted_{}; // what the point where code was left last is the first of
    u64 elsewhere_{};      // nanoseconds that devices took since code was entered
    u64 epoch_{};          // counts drops of code
    std::vector<u8> heat_;
    std::array<u8, 4096> drops_{};         // by page, hashed: how often its code has been dropped
    Outcome left_with_{Outcome::next()};   // of a callout that left
    std::unique_ptr<ShadowSpaces> shadow_; // nullptr: the software path everywhere
    u64 window_{};                         // base of the window in use
    struct {
        Linear address;
        u32 eip;
        u64 cr3;
        bool waits;
    } faulted_{};                           // the last fault of the guest's own in a window, until its handler returns
    std::unordered_map<u64, u8> software_;  // instructions, by gpa, whose accesses windows cannot serve
    std::unordered_map<u64, u8> difficult_; // instructions, by gpa, that are called out wherever they are
    std::array<u8, 4096> failures_{};       // by a hash of the gpa: how often the interpreter had to help
    driver::EngineStatistics statistics_;
    std::vector<VerifiedUnit> units_; // --verify, from here on; they go with the cache
    WriteLog log_;                    // of the unit that the interpreter ran
    UnitState unit_before_, unit_wanted_;
    TouchedLines lines_;
    insn::FlagMask undefined_flags_{}; // at its end
    std::string divergence_;

    // between the handler and the engine
    std::atomic<bool> preempted_{};
    std::atomic<bool> entering_{}; // from the last look at preempted_ on: the handler must not rely on us to see it
    struct {
        host::TrapCause cause;
        u64 address;
        bool write;
        Point point;
        HostPc start; // of the instruction's code
    } trap_{};
};

} // namespace ring3
