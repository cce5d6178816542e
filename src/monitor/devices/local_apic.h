// The local APIC of a processor, in xAPIC mode (SDM 3A chapter 11).
//
// Models: all xAPIC registers, priorities (TPR, PPR), fixed, lowest-priority, NMI and ExtINT delivery, EOI with broadcast,
//         LVT for timer, thermal, performance, LINT0, LINT1 and error, one-shot and periodic timer, IPIs to oneself, ESR,
//         IA32_APIC_BASE with global disable and relocation, software disable, spurious vector.
// Missing: other processors (IPIs elsewhere vanish; INIT and start-up IPIs to oneself are ignored), SMIs, x2APIC and
//          TSC-deadline modes (CPUID must not announce them), CMCI.
//
//     8259 INTR ──> LINT0 ─┐                        ┌─> intr  (something to acknowledge())
//     NMI       ──> LINT1 ─┤  LVT ─> IRR ─> ISR     │
//     I/O APIC  ──> deliver┘         PPR >= ? ──────┘─> nmi
//
// With the APIC disabled, globally, LINT0 and LINT1 are the processor's INTR and NMI pins (SDM 3A 11.4.3).
#pragma once

#include "base/reg.h"
#include "monitor/devices/apic_bus.h"
#include "monitor/devices/bus/archive.h"
#include "monitor/devices/bus/frequency.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/mmio_bus.h"

#include <array>
#include <optional>

namespace ring3 {

/// 256 bits, one per vector, laid out as the IRR, ISR and TMR registers are.
class VectorSet {
public:
    void set(u8 vector) { words_[vector / 32] |= bit(vector); }
    void clear(u8 vector) { words_[vector / 32] &= ~bit(vector); }
    bool has(u8 vector) const { return (words_[vector / 32] & bit(vector)) != 0; }
    u32 word(unsigned index) const { return words_[index % 8]; }
    /// The highest vector, if there is one.
    std::optional<u8> highest() const;
    void visit(auto&& archive) { archive("vectors", words_); }

private:
    static constexpr u32 bit(u8 vector) { return u32{1} << vector % 32; }
    std::array<u32, 8> words_{};
};

class LocalApic final : public MmioDevice, public ApicBus {
public:
    static constexpr u64 default_base = 0xfee0'0000;
    static constexpr u64 size = 0x1000;
    /// The timer's input clock: 1 GHz, so that a tick is a nanosecond of virtual time.
    static constexpr u64 bus_hertz = 1'000'000'000;

    /// `intr` is high while there is something to acknowledge; `nmi` rises for each NMI.
    LocalApic(TimerQueue& timers, Line& intr, Line& nmi, u8 id);
    void set_eoi_listener(EoiListener* listener) { eoi_listener_ = listener; }

    u64 read(u64 offset, unsigned bytes) override;
    void write(u64 offset, u64 value, unsigned bytes) override;
    bool deliver(ApicMessage message) override;

    /// The pins: 0 is where the 8259A's INTR ends, 1 is NMI.
    void set_lint(unsigned pin, bool high);
    /// The processor accepts an interrupt. No value: it comes from the 8259A, run its INTA cycles.
    std::optional<u8> acknowledge();

    /// IA32_APIC_BASE (SDM 3A 11.4.4). write_base: false is #GP(0).
    u64 base_msr() const { return base_.raw; }
    bool write_base_msr(u64 value, unsigned physical_address_bits);
    u64 base() const { return base_.raw & ~page_mask; }
    bool globally_enabled() const { return base_.has<Base::EN>(); }

    /// RESET# of the boot processor, and what PC firmware then does before anybody else runs: virtual wire mode, 8259A
    /// by ExtINT at LINT0, NMI at LINT1 (MP specification 1.4, 3.6.2.2).
    void power_up();

    void visit(auto&& archive) {
        irr_.visit(archive);
        isr_.visit(archive);
        tmr_.visit(archive);
        archive("apic.base", base_.raw);
        archive("apic.id", id_);
        archive("apic.tpr", tpr_);
        archive("apic.ldr", ldr_);
        archive("apic.dfr", dfr_);
        archive("apic.svr", svr_.raw);
        archive("apic.esr", esr_);
        archive("apic.errors", errors_);
        archive("apic.icr_low", icr_low_);
        archive("apic.icr_high", icr_high_);
        for (auto& entry : lvt_) archive("apic.lvt", entry.raw);
        archive("apic.initial_count", initial_count_);
        archive("apic.divide", divide_);
        archive("apic.timer_end", timer_end_);
        archive("apic.counting", counting_);
        archive("apic.lint", lint_);
        archive("apic.ext_int", ext_int_message_);
        visit_timer(archive, "apic.timer", timer_);
    }

private:
    struct Base : Reg<Base, u64> {
        using BSP = Field<8>;
        using EN = Field<11>;
    };
    struct Svr : Reg<Svr, u32> {
        using Vector = Field<7, 0>;
        using Enable = Field<8>;
        using NoFocus = Field<9>;
    };
    struct Lvt : Reg<Lvt, u32> {
        using Vector = Field<7, 0>;
        using Mode = Field<10, 8>;
        using RemoteIrr = Field<14>;
        using Level = Field<15>;
        using Mask = Field<16>;
        using Periodic = Field<17>;
        Delivery delivery() const { return static_cast<Delivery>(get<Mode>()); }
    };
    struct Icr : Reg<Icr, u32> {
        using Vector = Field<7, 0>;
        using Mode = Field<10, 8>;
        using Logical = Field<11>;
        using Assert = Field<14>;
        using Level = Field<15>;
        using Shorthand = Field<19, 18>;
    };
    struct Error {
        static constexpr u32 send_illegal_vector = 1 << 5;
        static constexpr u32 receive_illegal_vector = 1 << 6;
        static constexpr u32 illegal_register = 1 << 7;
    };
    enum LvtIndex : unsigned { lvt_timer, lvt_thermal, lvt_performance, lvt_lint0, lvt_lint1, lvt_error, lvt_count };

    void reset();
    u32 read_register(u32 offset);
    void write_register(u32 offset, u32 value);
    u32 illegal_register();

    u8 ppr() const;
    u8 isr_priority() const { return isr_.highest().value_or(0) & 0xf0; }
    std::optional<u8> deliverable() const;
    bool ext_int_waits() const;
    void update();

    void accept(u8 vector, Trigger trigger);
    bool is_destination(ApicMessage message) const;
    void end_of_interrupt();
    void send_ipi(Icr icr);
    void write_svr(Svr value);
    void write_lvt(unsigned index, u32 value);
    void fire(unsigned index);
    void sense_lint(unsigned pin, bool rising);
    void report(u32 error);

    u64 nanoseconds_per_count() const;
    u64 timer_period() const { return initial_count_ * nanoseconds_per_count(); }
    u32 current_count(Nanoseconds now);
    void write_initial_count(u32 value);
    void write_divide(u32 value);
    void catch_up_timer(Nanoseconds now);
    void arm_timer();

    TimerQueue& timers_;
    Line& intr_;
    Line& nmi_;
    EoiListener* eoi_listener_{};
    u8 const initial_id_;

    Base base_{};
    u8 id_{}, tpr_{}, ldr_{};
    u32 dfr_{};
    Svr svr_{};
    VectorSet irr_, isr_, tmr_;
    u32 esr_{};    // as last latched by a write
    u32 errors_{}; // gathered since
    u32 icr_low_{}, icr_high_{};
    std::array<Lvt, lvt_count> lvt_{};
    u32 initial_count_{}, divide_{};
    bool counting_{};
    Nanoseconds timer_end_{}; // when the count under way reaches zero
    std::array<bool, 2> lint_{};
    bool ext_int_message_{}; // an I/O APIC sent ExtINT
    Timer timer_;
};

} // namespace ring3
