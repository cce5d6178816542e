#include "monitor/devices/local_apic.h"

#include <algorithm>
#include <bit>

namespace ring3 {

namespace {

/// Register offsets (SDM 3A table 11-1).
enum Register : u32 {
    id = 0x020,
    version = 0x030,
    tpr = 0x080,
    apr = 0x090,
    ppr_ = 0x0a0,
    eoi = 0x0b0,
    remote_read = 0x0c0,
    ldr = 0x0d0,
    dfr = 0x0e0,
    svr = 0x0f0,
    isr_first = 0x100,
    tmr_first = 0x180,
    irr_first = 0x200,
    esr = 0x280,
    icr_low = 0x300,
    icr_high = 0x310,
    lvt_first = 0x320,
    lvt_last = 0x370,
    initial_count = 0x380,
    current = 0x390,
    divide = 0x3e0,
};

constexpr u32 version_value = 5u << 16 | 0x14; // highest LVT entry 5, no EOI suppression
constexpr u8 first_legal_vector = 16;

/// Writable bits of each LVT entry, in register order (SDM 3A figure 11-8).
constexpr std::array<u32, 6> lvt_writable{0x3'00ff, 0x1'07ff, 0x1'07ff, 0x1'a7ff, 0x1'a7ff, 0x1'00ff};

} // namespace

std::optional<u8> VectorSet::highest() const {
    for (unsigned i = 8; i-- > 0;)
        if (words_[i]) return static_cast<u8>(i * 32 + 31 - static_cast<unsigned>(std::countl_zero(words_[i])));
    return {};
}

LocalApic::LocalApic(TimerQueue& timers, Line& intr, Line& nmi, u8 id)
    : timers_{timers}, intr_{intr}, nmi_{nmi}, initial_id_{id}, timer_{timers, [this] {
                                                                           catch_up_timer(timers_.now());
                                                                       }} {
    power_up();
}

/// SDM 3A 11.4.7.1: the state after power-up or reset. The pins' levels are the board's and stay.
void LocalApic::reset() {
    irr_ = isr_ = tmr_ = {};
    id_ = initial_id_;
    tpr_ = ldr_ = 0;
    dfr_ = 0xffff'ffff;
    svr_.raw = 0xff;
    esr_ = errors_ = icr_low_ = icr_high_ = 0;
    lvt_.fill(Lvt{}.with<Lvt::Mask>(1));
    initial_count_ = divide_ = 0;
    counting_ = ext_int_message_ = false;
    timer_.cancel();
    update();
}

void LocalApic::power_up() {
    base_ = Base{{default_base}}.with<Base::BSP>(1).with<Base::EN>(1);
    reset();
    svr_ = svr_.with<Svr::Enable>(1);
    lvt_[lvt_lint0] = Lvt{}.with<Lvt::Mode>(static_cast<u32>(Delivery::ext_int));
    lvt_[lvt_lint1] = Lvt{}.with<Lvt::Mode>(static_cast<u32>(Delivery::nmi));
    update();
}

bool LocalApic::write_base_msr(u64 value, unsigned physical_address_bits) {
    u64 const address_bits = ((u64{1} << physical_address_bits) - 1) & ~page_mask;
    if (value & ~(address_bits | mask_of<Base::BSP, Base::EN>())) return false;
    bool const was_enabled = globally_enabled();
    base_.raw = value;
    if (was_enabled != globally_enabled()) reset(); // SDM 3A 11.4.3: enabled again, it is as after a reset
    return true;
}

// ---- registers: 32 bits wide, 16 bytes apart. Narrow reads give their part; only whole aligned writes count.

u64 LocalApic::read(u64 offset, unsigned) {
    u32 const within = static_cast<u32>(offset & 15);
    if (within > 3) return 0;
    return u64{read_register(static_cast<u32>(offset & 0xff0))} >> (8 * within);
}

void LocalApic::write(u64 offset, u64 value, unsigned bytes) {
    if (bytes >= 4 && (offset & 15) == 0) write_register(static_cast<u32>(offset & 0xff0), static_cast<u32>(value));
}

u32 LocalApic::read_register(u32 offset) {
    if (offset >= isr_first && offset < tmr_first) return isr_.word((offset - isr_first) / 16);
    if (offset >= tmr_first && offset < irr_first) return tmr_.word((offset - tmr_first) / 16);
    if (offset >= irr_first && offset < esr) return irr_.word((offset - irr_first) / 16);
    if (offset >= lvt_first && offset <= lvt_last) return lvt_[(offset - lvt_first) / 16].raw;
    switch (offset) {
    case id: return u32{id_} << 24;
    case version: return version_value;
    case tpr: return tpr_;
    case apr:
    case ppr_: return ppr();
    case eoi:
    case remote_read: return 0;
    case ldr: return u32{ldr_} << 24;
    case dfr: return dfr_;
    case svr: return svr_.raw;
    case esr: return esr_;
    case icr_low: return icr_low_;
    case icr_high: return icr_high_;
    case initial_count: return initial_count_;
    case current: return current_count(timers_.now());
    case divide: return divide_;
    default: return illegal_register();
    }
}

void LocalApic::write_register(u32 offset, u32 value) {
    if (offset >= isr_first && offset < esr) return; // read-only
    if (offset >= lvt_first && offset <= lvt_last) return write_lvt((offset - lvt_first) / 16, value);
    switch (offset) {
    case id: id_ = static_cast<u8>(value >> 24); break;
    case tpr:
        tpr_ = static_cast<u8>(value);
        update();
        break;
    case eoi: end_of_interrupt(); break;
    case ldr: ldr_ = static_cast<u8>(value >> 24); break;
    case dfr: dfr_ = value | 0x0fff'ffff; break;
    case svr: write_svr({{value}}); break;
    case esr: // a write latches what was gathered (SDM 3A 11.5.3)
        esr_ = errors_;
        errors_ = 0;
        break;
    case icr_low:
        icr_low_ = value & 0x000c'cfff;
        send_ipi({{icr_low_}});
        break;
    case icr_high: icr_high_ = value & 0xff00'0000; break;
    case initial_count: write_initial_count(value); break;
    case divide: write_divide(value); break;
    case version:
    case apr:
    case ppr_:
    case remote_read:
    case current: break; // read-only
    default: illegal_register();
    }
}

u32 LocalApic::illegal_register() {
    report(Error::illegal_register);
    return 0;
}

void LocalApic::report(u32 error) {
    bool const fresh = (errors_ & error) == 0;
    errors_ |= error;
    Lvt const entry = lvt_[lvt_error];
    // An error vector that is itself illegal is only recorded: reporting it again would never end.
    if (!fresh || entry.has<Lvt::Mask>()) return;
    if (entry.get<Lvt::Vector>() >= first_legal_vector)
        accept(static_cast<u8>(entry.get<Lvt::Vector>()), Trigger::edge);
    else
        errors_ |= Error::receive_illegal_vector;
}

// ---- priorities (SDM 3A 11.8.3)

u8 LocalApic::ppr() const {
    return (tpr_ & 0xf0) >= isr_priority() ? tpr_ : isr_priority();
}

std::optional<u8> LocalApic::deliverable() const {
    auto const vector = irr_.highest();
    if (!vector || (*vector & 0xf0) <= (ppr() & 0xf0)) return {};
    return vector;
}

bool LocalApic::ext_int_waits() const {
    if (!lint_[0]) return false; // the 8259A has nothing (more) to say
    if (!globally_enabled() || ext_int_message_) return true;
    Lvt const entry = lvt_[lvt_lint0];
    return !entry.has<Lvt::Mask>() && entry.delivery() == Delivery::ext_int;
}

void LocalApic::update() {
    intr_.set(deliverable().has_value() || ext_int_waits());
}

std::optional<u8> LocalApic::acknowledge() {
    if (auto const vector = deliverable()) {
        irr_.clear(*vector);
        isr_.set(*vector);
        update();
        return vector;
    }
    if (ext_int_waits() || !globally_enabled()) {
        ext_int_message_ = false;
        update();
        return {};
    }
    return static_cast<u8>(svr_.get<Svr::Vector>()); // the request has gone: spurious, nothing in service (11.9)
}

void LocalApic::end_of_interrupt() {
    auto const vector = isr_.highest();
    if (!vector) return;
    isr_.clear(*vector);
    if (tmr_.has(*vector)) {
        for (unsigned pin = 0; pin < 2; ++pin) {
            Lvt& entry = lvt_[lvt_lint0 + pin];
            if (entry.has<Lvt::RemoteIrr>() && entry.get<Lvt::Vector>() == *vector) {
                entry = entry.with<Lvt::RemoteIrr>(0);
                sense_lint(pin, false);
            }
        }
        if (eoi_listener_) eoi_listener_->end_of_interrupt(*vector);
    }
    update();
}

// ---- acceptance

void LocalApic::accept(u8 vector, Trigger trigger) {
    if (vector < first_legal_vector) return report(Error::receive_illegal_vector);
    irr_.set(vector);
    if (trigger == Trigger::level)
        tmr_.set(vector);
    else
        tmr_.clear(vector);
    update();
}

/// SDM 3A 11.6.2.
bool LocalApic::is_destination(ApicMessage message) const {
    u8 const to = message.destination;
    if (message.destination_mode == DestinationMode::physical) return to == id_ || to == 0xff;
    if (to == 0xff) return true;
    bool const flat = dfr_ >> 28 == 0xf;
    if (flat) return (to & ldr_) != 0;
    bool const same_cluster = to >> 4 == ldr_ >> 4 || to >> 4 == 0xf;
    return same_cluster && (to & ldr_ & 0x0f) != 0;
}

bool LocalApic::deliver(ApicMessage message) {
    if (!globally_enabled() || !is_destination(message)) return false;
    switch (message.delivery) {
    case Delivery::fixed:
    case Delivery::lowest_priority:
        if (!svr_.has<Svr::Enable>()) return false;
        accept(message.vector, message.trigger);
        return true;
    case Delivery::nmi: nmi_.pulse(); return true;
    case Delivery::ext_int:
        ext_int_message_ = true;
        update();
        return true;
    default: return false; // SMI: no SMM; INIT and start-up of the only processor: ignored
    }
}

/// SDM 3A 11.6.1. Shorthand 1 (self) allows fixed delivery only; 3 (all but self) reaches nobody.
void LocalApic::send_ipi(Icr icr) {
    auto const delivery = static_cast<Delivery>(icr.get<Icr::Mode>());
    u32 const shorthand = icr.get<Icr::Shorthand>();
    bool const by_vector = delivery == Delivery::fixed || delivery == Delivery::lowest_priority;
    if (by_vector && icr.get<Icr::Vector>() < first_legal_vector) return report(Error::send_illegal_vector);
    if (shorthand == 3 || delivery == Delivery::ext_int || (shorthand == 1 && !by_vector)) return;
    ApicMessage message{.vector = static_cast<u8>(icr.get<Icr::Vector>()),
                        .delivery = delivery,
                        .trigger = Trigger::edge,
                        .destination_mode =
                            icr.has<Icr::Logical>() ? DestinationMode::logical : DestinationMode::physical,
                        .destination = static_cast<u8>(icr_high_ >> 24)};
    if (shorthand != 0) message.destination_mode = DestinationMode::physical, message.destination = 0xff;
    deliver(message);
}

void LocalApic::write_svr(Svr value) {
    svr_.raw = static_cast<u32>(value.raw & mask_of<Svr::Vector, Svr::Enable, Svr::NoFocus>());
    if (!svr_.has<Svr::Enable>()) // SDM 3A 11.4.7.2: the LVT's mask bits are set
        for (Lvt& entry : lvt_) entry = entry.with<Lvt::Mask>(1);
    update();
}

// ---- local interrupts

void LocalApic::write_lvt(unsigned index, u32 value) {
    if (index == lvt_timer) catch_up_timer(timers_.now()); // what has happened so far happened in the old mode
    Lvt& entry = lvt_[index];
    Lvt const before = entry;
    entry.raw = (value & lvt_writable[index]) | (entry.raw & u32{Lvt::RemoteIrr::mask});
    if (!entry.has<Lvt::Level>() || entry.delivery() != Delivery::fixed) entry = entry.with<Lvt::RemoteIrr>(0);
    if (!svr_.has<Svr::Enable>()) entry = entry.with<Lvt::Mask>(1);
    if (index == lvt_timer && !(before == entry)) arm_timer();
    if (index == lvt_lint0 || index == lvt_lint1) sense_lint(index - lvt_lint0, false);
    update();
}

/// An event inside the APIC: timer or error.
void LocalApic::fire(unsigned index) {
    Lvt const entry = lvt_[index];
    if (!entry.has<Lvt::Mask>()) accept(static_cast<u8>(entry.get<Lvt::Vector>()), Trigger::edge);
}

void LocalApic::set_lint(unsigned pin, bool high) {
    pin &= 1;
    bool const rising = high && !lint_[pin];
    lint_[pin] = high;
    if (globally_enabled())
        sense_lint(pin, rising);
    else if (pin == 1 && rising)
        nmi_.pulse();
    update();
}

/// SDM 3A 11.5.1. LINT1 senses edges only in fixed mode.
void LocalApic::sense_lint(unsigned pin, bool rising) {
    Lvt& entry = lvt_[lvt_lint0 + pin];
    if (entry.has<Lvt::Mask>()) return;
    auto const vector = static_cast<u8>(entry.get<Lvt::Vector>());
    if (entry.delivery() == Delivery::nmi && rising) nmi_.pulse();
    if (entry.delivery() != Delivery::fixed) return; // ExtINT is a level that update() looks at
    bool const level = pin == 0 && entry.has<Lvt::Level>();
    if (level && lint_[pin] && !entry.has<Lvt::RemoteIrr>() && vector >= first_legal_vector) {
        entry = entry.with<Lvt::RemoteIrr>(1);
        accept(vector, Trigger::level);
    } else if (!level && rising) {
        accept(vector, Trigger::edge);
    }
}

// ---- timer (SDM 3A 11.5.4)

/// Divide configuration: bits 3, 1, 0; 111b divides by 1, else by 2 << value.
u64 LocalApic::nanoseconds_per_count() const {
    u32 const code = (divide_ >> 1 & 4) | (divide_ & 3);
    return (Frequency::second / bus_hertz) << (code == 7 ? 0 : code + 1);
}

u32 LocalApic::current_count(Nanoseconds now) {
    catch_up_timer(now);
    if (!counting_) return 0;
    u64 const unit = nanoseconds_per_count();
    return static_cast<u32>((timer_end_ - now + unit - 1) / unit);
}

void LocalApic::write_initial_count(u32 value) {
    Nanoseconds const now = timers_.now();
    catch_up_timer(now);
    initial_count_ = value;
    counting_ = value != 0;
    timer_end_ = now + timer_period();
    arm_timer();
}

void LocalApic::write_divide(u32 value) {
    Nanoseconds const now = timers_.now();
    u32 const left = current_count(now);
    divide_ = value & 0xb;
    timer_end_ = now + left * nanoseconds_per_count();
    arm_timer();
}

/// Periods that passed while the monitor was late merge into one interrupt, as they would in IRR. `now` is read once per
/// access: time goes on while a device works.
void LocalApic::catch_up_timer(Nanoseconds now) {
    if (counting_ && now >= timer_end_) {
        if (lvt_[lvt_timer].has<Lvt::Periodic>())
            timer_end_ += ((now - timer_end_) / timer_period() + 1) * timer_period();
        else
            counting_ = false;
        fire(lvt_timer);
    }
    arm_timer();
}

void LocalApic::arm_timer() {
    timer_.arm(counting_ ? timer_end_ : Timer::never);
}

} // namespace ring3
