// JumpSpace: where indirect jumps of one guest address space and mode lead, by linear address (the code's own TLB).
//
//     jump to r8d:   r9d = [r13 + r8*4] ; lea r9, [r9 + miss] ; jmp r9
//
// Blocks are keyed by guest-physical address, jumps go by linear address; what lies between is the guest's paging. So a
// jump table belongs to an address space and a mode, and is valid exactly as long as the pages that it leads to are
// mapped where they were. It has a place for every linear address, so nothing has to be compared: what is found there is
// meant. Almost all of it is never touched and takes no memory; a place holds a distance from the dispatcher's entry, so
// that 0 leads there.
//
// Beside it lies the stack of host return addresses that paired calls and returns use: its entries are of the same kind,
// and are dropped with the table.
//
//     | guard page | return addresses, growing down | sentinel |        | 2^32 places of the jump table |
#pragma once

#include "base/types.h"
#include "host/guarded_memory.h"
#include "host/sparse_memory.h"
#include "monitor/translator/assembler.h"
#include "monitor/translator/translation_mode.h"

#include <compare>
#include <unordered_set>
#include <vector>

namespace ring3 {

class JumpSpace {
public:
    /// `miss`: where unknown targets go; `underflow`: where a return beyond the stack's start goes.
    static Result<JumpSpace> create(HostPc miss, HostPc underflow);

    HostPc get(u32 eip) const { return miss_ + place(eip); }
    /// From now on jumps to `eip` go to `entry`, which lies behind `miss`.
    void set(u32 eip, HostPc entry);
    /// No jump goes to `entry` by way of `eip`.
    void remove(u32 eip, HostPc entry);
    /// A jump went to a place that leads nowhere. It took no memory, but the host's page tables grew.
    void note_miss(u32 eip);
    /// Forgets all targets and returns.
    void clear();
    void clear_returns() { return_sp = return_top(); }
    /// Counts how often it was cleared.
    u64 generation() const { return generation_; }

    u64 table_address() const;
    /// rsp of an empty stack; the sentinel lies there.
    u64 return_top() const;
    /// Did an access at this host address run over the stack's end?
    bool overflows_at(u64 address) const;
    u64 return_sp{};

    // ---- what must be true for the contents to hold
    struct Page {
        Linear linear;
        GuestPhys physical;
        friend auto operator<=>(Page const&, Page const&) = default;
    };
    std::vector<Page> pages; // that code of this space was found on, in order
    void note_page(Linear linear, GuestPhys physical);
    /// Does it lead into these bytes, or to this page?
    bool leads_into(Linear first, u64 size) const;
    bool leads_to(Linear page) const { return leads_into(page.page(), page_size); }
    /// So many pages are no working set: the space is to be looked through, and then starts afresh.
    static constexpr std::size_t most_pages = 8192;
    bool too_large() const {
        return pages.size() >= most_pages || parts_.size() >= most_parts || known_.size() >= most_known;
    }

    static constexpr u64 global_root = ~u64{0};
    TranslationMode mode{};
    u64 root{};        // CR3; global_root: only pages that are global, the same in all address spaces
    u64 last_used{};   // for the choice of whom to replace
    bool stale{};      // physical addresses lead elsewhere: nothing in it may be kept
    bool unverified{}; // the guest has activated the address space since the pages were last looked at

private:
    using Place = u32;
    static constexpr std::size_t return_bytes = 8192;
    static constexpr std::size_t table_bytes = sizeof(Place) << 32;
    /// The table's host pages in use: each holds the places of so many addresses.
    static constexpr u32 part_size = page_size / sizeof(Place);
    static constexpr std::size_t most_parts = 2048, kept_parts = 256;
    static constexpr std::size_t most_known = 1 << 16;

    JumpSpace(host::GuardedMemory returns, host::SparseMemory table, HostPc miss, HostPc underflow);
    Place& place(u32 eip) const;
    void note_part(u32 eip);

    host::GuardedMemory returns_;
    host::SparseMemory table_;
    HostPc miss_, underflow_;
    u64 generation_{};
    std::vector<u32> known_;        // addresses whose places are set, or were; again each time one is set anew
    std::unordered_set<u32> parts_; // of the table, that take memory of the host
    Page last_noted_{{~u64{0}}, {}};
};

/// r9 = where jumps to r8d lead, by instructions that touch no flag.
void emit_table_look_up(Assembler& a, HostPc miss);

} // namespace ring3
