// JumpSpace: where indirect jumps of one guest address space and mode lead, by linear address (the code's own TLB).
//
//     jump to r8d:   r9 = index of r8d ; jmp [r13 + r9*8]   -->   r8d = eip? else miss ; code of that eip
//
// Blocks are keyed by guest-physical address, jumps go by linear address; what lies between is the guest's paging. So a
// jump table belongs to an address space and a mode, and is valid exactly as long as the pages that it leads to are
// mapped where they were. Beside it lies the stack of host return addresses that paired calls and returns use: its
// entries are of the same kind, and are dropped with the table.
//
//     | guard page | return addresses, growing down | sentinel | jump table |
#pragma once

#include "base/types.h"
#include "host/guarded_memory.h"
#include "monitor/translator/assembler.h"
#include "monitor/translator/translation_mode.h"

#include <bit>
#include <compare>
#include <span>
#include <vector>

namespace ring3 {

class JumpSpace {
public:
    /// A target's place: its offset in a pair of pages, with the pages' number mixed in, because functions are aligned
    /// and those of different libraries lie at the same offsets.
    static constexpr u32 index(u32 eip) { return (eip + std::rotr(eip, mix)) & mask; }
    static constexpr u8 mix = 13;
    static constexpr u32 mask = 0x1fff;
    static constexpr std::size_t targets = mask + 1;
    static constexpr i32 slot_offset(u32 eip) { return static_cast<i32>(index(eip) * sizeof(HostPc)); }

    /// `miss`: where unknown targets go; `underflow`: where a return beyond the stack's start goes.
    static Result<JumpSpace> create(HostPc miss, HostPc underflow);

    HostPc get(u32 eip) const { return table()[index(eip)]; }
    void set(u32 eip, HostPc entry) { table()[index(eip)] = entry; }
    /// Forgets all targets and returns.
    void clear();
    void clear_returns() { return_sp = return_top(); }

    u64 table_address() const;
    /// rsp of an empty stack; the sentinel lies there.
    u64 return_top() const { return table_address() - sizeof(HostPc); }
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

    static constexpr u64 global_root = ~u64{0};
    TranslationMode mode{};
    u64 root{};        // CR3; global_root: only pages that are global, the same in all address spaces
    u64 last_used{};   // for the choice of whom to replace
    bool stale{};      // physical addresses lead elsewhere: nothing in it may be kept
    bool unverified{}; // the guest has activated the address space since the pages were last looked at

private:
    static constexpr std::size_t return_bytes = 8192;
    static constexpr std::size_t bytes = return_bytes + targets * sizeof(HostPc);

    JumpSpace(host::GuardedMemory memory, HostPc miss, HostPc underflow);
    std::span<HostPc> table() const;

    host::GuardedMemory memory_;
    HostPc miss_, underflow_;
    Page last_noted_{{~u64{0}}, {}};
};

/// r9 = JumpSpace::index(r8d), by instructions that touch no flag. `mask`: where JumpSpace::mask lies.
void emit_table_index(Assembler& a, Mem const& mask);

} // namespace ring3
