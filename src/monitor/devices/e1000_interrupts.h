// Interrupts of an 82540EM: causes add up in ICR until the driver reads it; the pin is high while a cause has its mask bit
// set, but not again within the time that ITR demands between two interrupts. That time is cut to 32 us: drivers ask for
// up to 250 us to spare a processor for which an interrupt is dear; to wait that long costs more here.
//
// Missing: the receive and transmit delay timers (RDTR, RADV, TIDV, TADV): what they would gather comes at once, or when ITR
//          lets it. Source: 317453 13.4.17 to 13.4.22.
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/archive.h"

#include <functional>

namespace ring3 {

class E1000Interrupts {
public:
    struct Cause : Reg<Cause, u32> {
        using TxWrittenBack = Field<0>;    // TXDW
        using TxQueueEmpty = Field<1>;     // TXQE
        using LinkChange = Field<2>;       // LSC
        using RxThreshold = Field<4>;      // RXDMT0
        using RxOverrun = Field<6>;        // RXO
        using RxTimer = Field<7>;          // RXT0
        using MdioComplete = Field<9>;     // MDAC
        using TxDescriptorLow = Field<15>; // TXD_LOW
        static constexpr u32 all = 0x0001'ffff;
    };

    E1000Interrupts(TimerQueue& timers, std::function<void(bool)> pin)
        : timers_{timers}, pin_{std::move(pin)}, throttle_{timers, [this] { update(); }} {}

    template <class... Causes> void raise() { set(static_cast<u32>(mask_of<Causes...>())); }

    u32 read_and_clear();                                              // ICR
    void clear(u32 causes) { causes_ &= ~causes, update(); }           // ICR
    void set(u32 causes) { causes_ |= causes & Cause::all, update(); } // ICS
    u32 mask() const { return mask_; }                                 // IMS
    void enable(u32 causes) { mask_ |= causes & Cause::all, update(); }
    void disable(u32 causes) { mask_ &= ~causes, update(); } // IMC
    u32 throttle() const { return interval_; }
    void set_throttle(u32 value) { interval_ = value & 0xffff; } // ITR
    void reset();

    void visit(auto&& archive) {
        archive("e1000.icr", causes_);
        archive("e1000.ims", mask_);
        archive("e1000.itr", interval_);
        archive("e1000.interrupt.asserted", asserted_);
        archive("e1000.interrupt.last", last_);
        visit_timer(archive, "e1000.interrupt.throttle", throttle_);
    }

private:
    static constexpr Nanoseconds interval_unit = 256; // 13.4.18
    static constexpr Nanoseconds longest_interval = 32'000;
    void update();
    void drive(bool high);

    TimerQueue& timers_;
    std::function<void(bool)> pin_;
    Timer throttle_;
    u32 causes_{}, mask_{}, interval_{};
    bool asserted_{};
    Nanoseconds last_{}; // when the pin rose
};

} // namespace ring3
