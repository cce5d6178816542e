#include "monitor/devices/io_apic.h"

namespace ring3 {

namespace {
constexpr u64 select_offset = 0x00, window_offset = 0x10;
constexpr u32 version_value = (IoApic::pin_count - 1) << 16 | 0x11;
/// Indirect registers.
enum Register : u8 { id = 0x00, version = 0x01, arbitration = 0x02, first_entry = 0x10 };
} // namespace

void IoApic::reset() {
    select_ = id_ = 0;
    entries_.fill(Entry{}.with<Entry::Mask>(1));
}

u64 IoApic::read(u64 offset, unsigned) {
    u64 const within = offset & 3;
    u64 value = 0;
    if ((offset & ~u64{3}) == select_offset) value = select_;
    if ((offset & ~u64{3}) == window_offset) value = read_register();
    return value >> (8 * within);
}

void IoApic::write(u64 offset, u64 value, unsigned bytes) {
    if (offset == select_offset) select_ = static_cast<u8>(value);
    if (offset == window_offset && bytes >= 4) write_register(static_cast<u32>(value));
}

u32 IoApic::read_register() const {
    unsigned const pin = (select_ - first_entry) / 2u;
    if (select_ >= first_entry && pin < pin_count) return static_cast<u32>(entries_[pin].raw >> (select_ & 1 ? 32 : 0));
    switch (select_) {
    case id:
    case arbitration: return u32{id_} << 24;
    case version: return version_value;
    default: return 0;
    }
}

void IoApic::write_register(u32 value) {
    unsigned const pin = (select_ - first_entry) / 2u;
    if (select_ == id) id_ = static_cast<u8>(value >> 24 & 0x0f);
    if (select_ < first_entry || pin >= pin_count) return;
    u64 const old = entries_[pin].raw;
    write_entry(pin, select_ & 1 ? (old & 0xffff'ffff) | u64{value} << 32 : (old & ~u64{0xffff'ffff}) | value);
}

/// Remote IRR is read-only; it means something for level entries alone, so turning an entry to edge clears it.
void IoApic::write_entry(unsigned pin, u64 value) {
    Entry& entry = entries_[pin];
    entry.raw = (value & Entry::writable) | (entry.raw & Entry::RemoteIrr::mask);
    if (!entry.has<Entry::Level>()) entry = entry.with<Entry::RemoteIrr>(0);
    if (entry.has<Entry::Level>()) service(pin);
}

void IoApic::set_pin(unsigned pin, bool high) {
    if (pin >= pin_count) return;
    bool const rising = high && !asserted(pin);
    u32 const bit = u32{1} << pin;
    lines_ = high ? lines_ | bit : lines_ & ~bit;
    if (rising) service(pin);
}

/// Sends the pin's message if it is due: for an edge, now; for a level, while none is in service.
void IoApic::service(unsigned pin) {
    Entry& entry = entries_[pin];
    if (entry.has<Entry::Mask>() || !asserted(pin)) return;
    bool const by_vector = entry.get<Entry::Mode>() <= static_cast<u64>(Delivery::lowest_priority);
    if (!entry.has<Entry::Level>() || !by_vector) { // NMI and ExtINT are edges whatever the entry says
        send(entry);
    } else if (!entry.has<Entry::RemoteIrr>()) {
        // Set before sending: the receiver may answer at once.
        entry = entry.with<Entry::RemoteIrr>(1);
        if (!send(entry)) entry = entry.with<Entry::RemoteIrr>(0);
    }
}

bool IoApic::send(Entry entry) {
    return bus_.deliver(
        {.vector = static_cast<u8>(entry.get<Entry::Vector>()),
         .delivery = static_cast<Delivery>(entry.get<Entry::Mode>()),
         .trigger = entry.has<Entry::Level>() ? Trigger::level : Trigger::edge,
         .destination_mode = entry.has<Entry::Logical>() ? DestinationMode::logical : DestinationMode::physical,
         .destination = static_cast<u8>(entry.get<Entry::Destination>())});
}

void IoApic::end_of_interrupt(u8 vector) {
    for (unsigned pin = 0; pin < pin_count; ++pin) {
        Entry& entry = entries_[pin];
        if (!entry.has<Entry::RemoteIrr>() || entry.get<Entry::Vector>() != vector) continue;
        entry = entry.with<Entry::RemoteIrr>(0);
        service(pin);
    }
}

} // namespace ring3
