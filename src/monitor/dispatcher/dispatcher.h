// The dispatcher: the VMM's top-level module (C2). It decides what runs next and who owns what comes out.
//
//        +--> service due? --> timers, messages of the app (Host::service)
//        |    event waiting and allowed? --> deliver it
//        |    find or decode the block at cs:eip
//        |    run its instructions, one routine each
//        +--- by the Outcome: go on / deliver a fault / halt / stop
//
// Instructions are run ahead from decoded blocks. Everything that the manual checks between two instructions
// (interrupts, single-step and breakpoints, SDM 3A 6.9) is checked between blocks; a block is cut short, or runs one
// instruction at a time, whenever that could be seen.
#pragma once

#include "monitor/dispatcher/decode_cache.h"
#include "monitor/interpreter/vcpu.h"
#include "monitor/translator/engine.h"

namespace ring3 {

struct DispatcherCounters {
    u64 instructions{}; // guest instructions completed; a REP string instruction counts once a visit
    u64 interrupts{}, faults{}, halts{};
};

class Dispatcher final : CodeWatcher {
public:
    /// What the run loop asks its owner for, every few thousand instructions.
    class Host {
    public:
        virtual ~Host() = default;
        /// Runs due timers and takes messages. False: leave run().
        virtual bool service() = 0;
        /// A block is about to run (`-d exec`), if wants_blocks.
        virtual void entering_block(Block const&) {}
    };
    enum class Exit : u8 {
        stopped,  // service() or the platform said so
        halted,   // HLT, and nothing to wake it yet
        shutdown, // triple fault
    };

    Dispatcher(Vcpu& vcpu, Host& host);
    ~Dispatcher() override;

    /// Runs the guest until something ends it. To be called again after `stopped` and `halted`.
    Exit run();

    DispatcherCounters const& counters() const { return counters_; }
    DecodeCache const& cache() const { return cache_; }
    void set_wants_blocks(bool wants) { wants_blocks_ = wants; }
    /// Runs hot code through this engine; without one, everything is interpreted.
    void set_engine(Engine* engine) { engine_ = engine; }

private:
    static constexpr i64 service_interval = 2048; // instructions

    enum class Step : u8 { go_on, halted, stopped, shutdown };
    // ---- CodeWatcher: code of either kind came from this page
    void code_page_written(GuestPhys page) override;

    Step deliver_pending_event(bool& delivered);
    Step run_normally();
    bool run_translated(Step& step);
    Step run_stepping();
    Step run_block(unsigned most_instructions);
    Step finish(Outcome outcome);
    Step fault(Outcome outcome);
    Outcome find_block(Block const*& block);
    Outcome decode_block(BlockKey key, DecodeMode mode, Linear start, GuestPhys where, Block const*& block);
    bool hits_execute_breakpoint();
    bool needs_stepping() const;
    bool wake();

    Vcpu& vcpu_;
    Host& host_;
    Engine* engine_{};
    DecodeCache cache_;
    i64 until_service_{};
    insn::Insn const* last_insn_{}; // the last one that run_block() executed
    bool wants_blocks_{};
    DispatcherCounters counters_{};
};

} // namespace ring3
