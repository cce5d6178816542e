// BlockWriter: the patcher. Turns a trace of guest instructions into host code (C6, C7).
//
// Most instructions come out as they went in, with two changes: a memory operand goes through lower(), the one place
// that knows how guest memory is reached, and ESP is r12. Pushes, pops, calls and returns become plain moves; their
// changes of ESP are not made one by one but kept as a pending displacement (`sp_`), which is folded into the operands
// that use ESP and made good where the code can be left. The block's points say at which host pc it is how much. The
// flags of such changes are worked out where they can be seen, which mostly is nowhere.
//
// Between two guest instructions the guest's status flags are in the host's. What the translator adds itself uses only
// instructions that leave flags alone (MOV, LEA, RORX, PEXT, JRCXZ), or saves them with LAHF and SETO when the scanner
// says that something may still read them.
#pragma once

#include "monitor/interpreter/handlers.h"
#include "monitor/mmu/mmu.h"
#include "monitor/translator/code_cache.h"
#include "monitor/translator/jump_space.h"
#include "monitor/translator/scanner.h"
#include "monitor/translator/thunks.h"

#include <array>
#include <functional>
#include <optional>
#include <vector>

namespace ring3 {

/// A direct exit that goes to the dispatcher: which jump to rewrite once the successor exists.
struct LinkRecord {
    HostPc field{}; // of the jump's rel32
    u32 target{};   // guest eip, on the same page
    bool fpu_valid{};
};

/// A memory access whose look-up in the software TLB may miss.
struct AccessRecord {
    HostPc retry{}; // the instruction's start
    u8 size{};      // 0: a segment does not allow it, and the interpreter knows why
    bool write{};
};

/// Where a callout that changes privilege level, mode or address space led last.
struct KnownWay {
    HostPc host{}; // 0: nowhere yet
    u32 eip{};
    TranslationMode mode{};
    JumpSpace* space{};
    u64 generation{}; // of the space
    u64 epoch{};      // of all code
};

/// What is known of a callout beforehand. Those that are not `any` neither read nor change a status flag.
enum class CalloutKind : u8 {
    any,
    data_segment, // MOV or POP of DS, ES, FS or GS: changes the mode by that segment's class alone
    fast_call,    // SYSENTER and SYSEXIT: change the mode by the privilege level alone
};

/// An instruction that the interpreter's routine runs.
struct CalloutRecord {
    insn::Insn insn{};
    Handler handler{};
    u32 eip{};
    bool leaves{};  // what follows it is not in the block, but must be done before an interrupt is taken
    bool counted{}; // among the inlined ones, with --stats
    CalloutKind kind{};
    SegmentName segment{}; // of a data_segment
    KnownWay way{};
};

/// The tables that emitted code names by number. They grow with the cache and go with it.
struct ExitRecords {
    std::vector<LinkRecord> links;
    std::vector<AccessRecord> accesses;
    std::vector<CalloutRecord> callouts;
    /// A guest of nothing but callouts must not make the monitor large: then the cache starts afresh.
    bool full() const { return callouts.size() >= most_callouts; }
    static constexpr std::size_t most_callouts = 1 << 16;
    void clear() {
        links.clear();
        accesses.clear();
        callouts.clear();
    }
};

/// What the patcher is told about the world.
struct WriterSettings {
    bool link{true}; // jump to successors that exist already
    bool paired_returns{true};
    bool count{}; // count executed instructions
    /// Instructions whose memory access must take the software path although windows are on.
    std::function<bool(u32 eip)> software_path{};
    /// Instructions that keep faulting and are better interpreted.
    std::function<bool(u32 eip)> always_callout{};
};

class BlockWriter {
public:
    BlockWriter(CodeCache& cache, ExitRecords& records, Thunks const& thunks, ContextMap const& map, Vcpu const& vcpu,
                WriterSettings const& settings);

    /// Emits and commits the block; nullptr if it did not fit.
    CodeBlock* write(CodeKey const& key, Trace const& trace, GuestPhys tail);

private:
    /// Offsets of the ways in: for everybody, and for code that has loaded the FPU state.
    struct LocalEntry {
        static constexpr u32 none = ~u32{0};
        u32 eip;
        u32 host{none};
        u32 loaded{none};
    };

    // ---- block_writer.cpp: the block as a whole
    void instruction(Scanned const& s);
    void emit(Scanned const& s, Treatment treatment);
    void expand(Scanned const& s);
    void end_trace(Trace const& trace);
    void mark_point(Scanned const& s);
    Treatment chosen_treatment(Scanned const& s);
    bool goes_through_software(Scanned const& s) const;
    Treatment treatment_here(Scanned const& s) const;
    void add_point(u32 eip, bool no_stop);
    bool leads_block(Scanned const& s) const;
    bool begins_with_vectors() const;
    void begin_loaded();
    void lead_in(LocalEntry& entry);
    void add_entries(CodeBlock* placed) const;
    bool may_call_out(Scanned const& s) const;
    bool is_inlined(Scanned const& s) const { return treatment_here(s) == Treatment::inlined; }
    bool counts_with(Scanned const& s, Scanned const& next) const;
    void count_run(Scanned const& s);
    void add_to(u64 const& counter, unsigned amount);
    void emit_cold();

    // ---- memory_operand.cpp
    struct GuestAddress {
        u8 base{insn::no_register}, index{insn::no_register}, scale{};
        i32 disp{};
        SegmentName segment{SegmentName::ds};
        u8 width{4};
    };
    enum class Keep : u8 { none, r11 }; // does r11 hold something across the look-up?
    Mem lower(GuestAddress const& address, unsigned size, Access access, Keep keep = Keep::none);
    Mem lower_window(GuestAddress const& address);
    Mem look_up(unsigned size, Access access, Keep keep);
    void effective_address(GuestAddress const& address); // into r8d
    void offset(GuestAddress const& address);            // the same, without the segment's base
    void add_base(SegmentName name);                     // to r8d
    static GuestAddress address_of(insn::Insn const& insn);
    GuestAddress stack_address(i32 disp) const {
        return {.base = esp, .disp = disp, .segment = SegmentName::ss, .width = key_.mode.stack_width()};
    }
    Mem host_address(GuestAddress const& address) const;

    // ---- direct.cpp: the same instruction with other operands
    void direct(Scanned const& s);
    void direct_modrm(Scanned const& s);
    void direct_opcode(Scanned const& s);
    void moffs(Scanned const& s);
    void lea(Scanned const& s);
    void high_byte_memory(Scanned const& s, GuestAddress const& address);
    void vector_prologue(Scanned const& s);
    void ensure_fpu();
    void immediate_bytes(insn::Insn const& insn);
    std::optional<i32> change_of_esp(Scanned const& s) const;
    void fold(Scanned const& s, i32 change);
    bool passes_folded_flags(Scanned const& s, Treatment treatment) const;
    void settle_flags();
    bool needs_exact_esp(Scanned const& s) const;

    // ---- transfers.cpp: stack, branches, strings
    void push(Scanned const& s);
    void pop(Scanned const& s);
    void leave(Scanned const& s);
    void string(Scanned const& s);
    void call(Scanned const& s);
    void call_indirect(Scanned const& s);
    void ret(Scanned const& s);
    void jump_indirect(Scanned const& s);
    void conditional(Scanned const& s);
    void count_register_branch(Scanned const& s);
    void go_to(u32 eip); // an unconditional way out
    void go_through_table(u32 eip);
    void relative_exit(u32 eip); // the rel32 of a jump or call just begun, to the same page
    HostPc way_in_this_block(u32 eip) const;
    enum class Via : u8 { jump, call };
    void indirect(Via via); // to r8d
    void return_site(Scanned const& s);
    void load_branch_target(Scanned const& s, Host to);
    void fpu_after_call();

    // ---- segmented.cpp: segments with limits, and code of 16 bits
    bool needs_check(GuestAddress const& address, unsigned size) const;
    void check(GuestAddress const& address, unsigned size, Access access);
    void check_target(Host eip, unsigned slot);
    void compare_with_room(Host offset, unsigned size); // which is in ecx
    void interpret_unless_zero();                       // ecx
    void load_slot(Host to, Mem const& from, unsigned slot);
    void store_slot(Mem const& to, Host from, unsigned slot);
    void store_slot(Mem const& to, u32 value, unsigned slot);
    void move_low_half(Host to, Host from);
    void place_of(Host to, Host eip); // in the jump table
    u32 place_of(u32 pc) const { return key_.mode.place_of(code_base(), pc); }
    bool within_code(u32 pc) const { return !key_.mode.segmented() || pc - code_base() <= code_limit(); }
    bool pairs_return(Scanned const& s) const { return settings_.paired_returns && within_code(s.next()); }
    void push_far_return(Scanned const& s);
    void load_code_paragraph(Host pointer);
    void far_pointer(Scanned const& s);
    void far_call(Scanned const& s);
    void far_jump(Scanned const& s);
    void far_return(Scanned const& s);
    void element(Scanned const& s);
    void advance(Scanned const& s, Host pointer);
    void count_short_register(Scanned const& s);
    void load_paragraph(Scanned const& s);
    void set_paragraph(SegmentName name, Host selector);
    u32 code_base() const;
    u32 code_limit() const;

    // ---- sensitive.cpp
    void inlined(Scanned const& s);
    void callout(Scanned const& s);
    void interrupt_flag(Scanned const& s);
    void push_flags();
    void pop_flags(Scanned const& s);
    void push_selector(Scanned const& s);
    void load_selector(Scanned const& s);
    void load_segment(Scanned const& s);
    u32 jump_unless_equal(Host a, Mem const& b);
    Mem selector_field(Scanned const& s) const;
    u8 const* eflags_byte(unsigned index) const;

    void flush_sp();
    HostPc leave_for(ExitKind kind) const { return thunks_.leave[static_cast<unsigned>(kind)]; }
    Mem field(void const* p) const { return map_.at(p); }
    bool on_this_page(u32 eip) const { return ((eip ^ key_.eip.raw) & ~page_mask) == 0; }
    CodeKey key_at(u32 eip) const;

    CodeCache& cache_;
    ExitRecords& records_;
    Thunks const& thunks_;
    ContextMap const& map_;
    Vcpu const& vcpu_;
    WriterSettings const& settings_;

    Assembler a_;
    CodeKey key_{};
    CodeBlock block_{};
    i32 sp_{}; // the guest's ESP is r12 + sp_
    FoldedFlags folded_{};
    bool fpu_valid_{};
    CountedRun counted_{};
    bool force_software_{};
    bool flags_stale_{}; // until the next instruction that sets flags, nobody may see those in the processor
    HostPc insn_start_{};
    std::span<Scanned const> trace_{};
    Scanned const* last_{}; // of the trace

    /// Code that is rarely run lies behind the block: filled in by emit_cold().
    struct ColdExit {
        u32 field;
        u32 eip;
        bool fpu_valid;
    };
    struct ColdMiss {
        u32 field;
        u32 record;
        bool restores_flags, rax_in_r11, rcx_in_r9;
    };
    std::vector<ColdExit> cold_exits_;
    std::vector<ColdMiss> cold_misses_;
    std::vector<LocalEntry> local_entries_;
};

/// Goes on if r8d is `eip`; otherwise jumps to `miss`. What stands where indirect jumps and returns arrive. At least five
/// bytes long, so that a jump can replace it.
void emit_target_check(Assembler& a, u32 eip, HostPc miss);

/// The home of a guest register in the host processor.
constexpr Host home(unsigned gpr) {
    return gpr == esp ? Host::r12 : Host(gpr);
}

} // namespace ring3
