// The trace ring: the last things a vCPU did, always on, in fixed binary records.
//
// A record costs a few stores, so even hot paths may leave one. The ring lies in memory that the app shares with the
// monitor: when a monitor dies, the app prints the ring's tail. There is one writer, the vCPU's thread.
#pragma once

#include "base/types.h"

#include <array>
#include <span>
#include <string>
#include <vector>

namespace ring3 {

enum class TraceKind : u16 {
    none,
    reset,            // a: cs selector, b: eip
    exception,        // a: vector | error code << 32, b: eip
    interrupt,        // a: vector, b: eip
    task_switch,      // a: new tr selector, b: eip
    mode_change,      // a: cr0, b: eip
    cr3_write,        // a: cr3, b: eip
    page_fault,       // a: cr2, b: error code
    triple_fault,     // a: vector, b: eip
    halt,             // a: eflags, b: eip
    port_unclaimed,   // a: port | width << 16, b: value
    mmio_unclaimed,   // a: gpa, b: value
    code_invalidated, // a: gpa page, b: eip
    msr_refused,      // a: index | 1 << 32 for a write, b: eip
    power,            // a: new power state, b: 0
    count_,
};

struct TraceRecord {
    u64 time; // virtual nanoseconds
    u64 a, b; // as the kind says
    u16 kind;
    u16 reserved[3];
};
static_assert(sizeof(TraceRecord) == 32);

/// A ring of the newest 1,024 records. Trivially constructible, so that it can lie in shared memory.
class TraceRing {
public:
    static constexpr std::size_t capacity = 1024;

    void record(TraceKind kind, u64 time, u64 a, u64 b) {
        records_[next_ % capacity] = {time, a, b, static_cast<u16>(kind), {}};
        ++next_;
    }
    /// The newest records, oldest first, at most `most`. Tolerates a ring that its writer left half-written.
    std::vector<TraceRecord> tail(std::size_t most) const;

private:
    std::array<TraceRecord, capacity> records_;
    u64 next_;
};

/// One line of text for a record: "12.345678 page_fault cr2=0xc0001000 error=0x2".
std::string describe(TraceRecord const& record);

} // namespace ring3
