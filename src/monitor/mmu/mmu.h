// The MMU: gva -> gpa -> hva, faults included (D1, D5, D6).
//
//     load/store --> software TLB hit: one compare, one add, done
//                \-> miss: guest_walk() through the guest's tables, A/D bits set as SDM 3A 4.8 says,
//                          entry filled; or #PF with the exact error code (SDM 3A 4.7)
//
// The software TLB is this machine's architected TLB: 2 x 1,024 direct-mapped entries, one half for each privilege.
// It obeys the rules of SDM 3A 4.10: stale until INVLPG, CR3 write (global pages stay), or a change of paging mode.
#pragma once

#include "monitor/cpu/outcome.h"
#include "monitor/cpu/state.h"
#include "monitor/mmu/physical.h"

#include <array>
#include <bitset>
#include <cstring>
#include <span>
#include <vector>

namespace ring3 {

enum class Access : u8 { read, write, execute };
enum class Privilege : u8 { supervisor, user };

/// Where a linear address leads.
struct Translation {
    GuestPhys address{};
    bool writable{}; // writes at the same privilege need no further walk: allowed, and the dirty bit is set
    bool global{};
    bool user_page{}; // U/S is 1 at every level
    bool large{};     // from a 2- or 4-MiB page
};

/// Counters of the mmu, for statistics.
struct MmuCounters {
    u64 walks{}, fills{}, slow_accesses{}, flushes{}, guest_faults{};
};

/// Told what the processor forgets of its cached translations: whoever caches more than the Mmu does has to follow.
class MmuObserver {
public:
    virtual ~MmuObserver() = default;
    virtual void all_flushed() = 0;
    virtual void non_global_flushed() = 0;
    virtual void page_flushed(Linear page) = 0;
    /// Code was made from this page: writes to it have to be seen from now on.
    virtual void code_marked(GuestPhys page) = 0;
    /// Physical addresses lead elsewhere, although no translation of the guest's has changed.
    virtual void memory_map_changed() = 0;
};

/// What was overwritten, for --verify: the interpreter's stores are taken back, so that translated code can make them.
struct WriteLog {
    struct Write {
        u8* host;
        u64 before, after;
        u8 size; // 1..8
    };
    std::vector<Write> writes;
    /// To be called before the store; size <= 8.
    void note(u8* host, void const* bytes, unsigned size) {
        Write& write = writes.emplace_back(Write{host, 0, 0, static_cast<u8>(size)});
        std::memcpy(&write.before, host, size);
        std::memcpy(&write.after, bytes, size);
    }
};

class Mmu {
public:
    Mmu(GuestCpu& cpu, PhysicalMemory& memory) : cpu_{cpu}, memory_{memory} {}

    // ---- data accesses: linear addresses, T is u8..u64. On a fault nothing was read or written.
    template <class T> Outcome read(Linear address, Privilege privilege, T& value);
    template <class T> Outcome write(Linear address, Privilege privilege, T value);
    /// Read-modify-write: `change(T) -> T`; write permission is checked before the read (so #PF says W=1).
    template <class T, class F> Outcome modify(Linear address, Privilege privilege, F change);
    /// Any number of bytes; all pages are checked before the first byte moves.
    Outcome read_bytes(Linear address, Privilege privilege, void* out, unsigned size);
    Outcome write_bytes(Linear address, Privilege privilege, void const* bytes, unsigned size);
    /// Checks that [address, address + size) could be accessed, sets A/D bits, moves nothing. size <= 4096.
    Outcome probe(Linear address, Privilege privilege, Access access, unsigned size);

    /// For a REP fast path: the host pointer of this address if the page is plain RAM that may be read (written) right
    /// now without a side effect, else nullptr. Good until the end of the page, for this instruction.
    u8 const* direct_read(Linear address, Privilege privilege);
    u8* direct_write(Linear address, Privilege privilege);

    /// Walks the guest's tables with side effects (A/D bits), or faults; leaves CR2's future value in fault_address().
    Outcome translate(Linear address, Access access, Privilege privilege, Translation& out);
    /// For debuggers and dumps: no side effects; false if not mapped.
    bool peek(Linear address, GuestPhys& out) const;
    /// Reads what is there, without faults or side effects (no MMIO); returns the number of bytes that could be read.
    unsigned peek_bytes(Linear address, std::span<u8> out) const;

    /// Address of the last #PF, to be written into CR2 when the fault is delivered.
    Linear fault_address() const { return fault_address_; }

    // ---- for translated code, which looks an address up by itself
    /// Where the fields of the entry of linear address 0 lie; the entry of address a is (a >> 12 & 1023) places on.
    struct TlbView {
        void const* read_tag;
        void const* write_tag;
        void const* bias;
    };
    static constexpr unsigned tlb_entry_shift = 6; // log2 of an entry's size
    static constexpr unsigned tlb_index_bits = 10;
    TlbView tlb_view(Privilege privilege) const {
        TlbEntry const& first = tlb_[static_cast<u8>(privilege)][0];
        return {&first.read_tag, &first.write_tag, &first.bias};
    }
    enum class Fill : u8 {
        ready, // translated code's look-up will now succeed
        slow,  // it cannot: a device, a page of code, a watched page
        fault, // the guest's tables forbid the access
    };
    /// Fills the entry for an access of translated code.
    Fill fill_for_code(Linear address, Access access, Privilege privilege);
    /// Is the page global (SDM 3A 4.10.2.4), as far as a fetch from it is cached? False also if none is.
    bool fetch_is_global(Linear address, Privilege privilege) {
        TlbEntry const& e = entry(address, privilege);
        return e.fetch_tag == address.page().raw && e.global;
    }

    // ---- coherence
    void set_observer(MmuObserver* observer) { observer_ = observer; }
    void flush_all();             // CR0.PG/WP, CR4.PSE/PAE/PGE/SMEP/SMAP, EFER.NXE
    void memory_map_changed();    // A20; PhysicalMemory::map() and unmap() while the guest runs
    void flush_non_global();      // MOV to CR3 with CR4.PGE
    void flush_page(Linear page); // INVLPG
    /// After a page became (or ceased to be) a code page: writes to it must take the slow path.
    void flush_writes_to(GuestPhys page);
    /// After DR7 or the breakpoint addresses changed: pages with data breakpoints take the slow path.
    void update_breakpoints();
    /// #AC for misaligned user data accesses (SDM 3A 6.15, CR0.AM and EFLAGS.AC and CPL 3); see Vcpu::update_mode().
    void set_alignment_checks(bool on) { alignment_mask_ = on ? ~u64{0} : 0; }
    /// Would an access that should be aligned to its size, at most 8 bytes, raise #AC? Every access is held against this;
    /// only those whose alignment is not their size need to ask.
    bool misaligned(Linear address, Privilege privilege, unsigned size) const;
    /// A20 gate (SDM 3A 9.7.13.4, 3B 23.8.5): off masks bit 20 of every gpa.
    void set_a20(bool enabled);
    bool a20() const { return a20_mask_ == ~u64{0}; }

    /// Loads the PAE pointers from memory at CR3 (SDM 3A 4.4.1): #GP(0) if a present one has reserved bits set.
    Outcome load_pdptes(Cr3 cr3);

    /// MAXPHYADDR of the model: bits at and above it are reserved in PAE entries.
    void set_physical_bits(unsigned bits) { physical_bits_ = bits; }
    unsigned physical_bits() const { return physical_bits_; }
    /// Is a data breakpoint on this page (which is the first byte's address)?
    bool watched(Linear page) const;

    /// From now on every store of the interpreter to RAM is noted; nullptr: no longer.
    void set_write_log(WriteLog* log) { log_ = log; }

    PhysicalMemory& memory() { return memory_; }
    MmuCounters const& counters() const { return counters_; }

    /// Where code is fetched from: the gpa of an instruction byte, or #PF. Cached like data translations.
    Outcome fetch(Linear address, Privilege privilege, GuestPhys& out);

    /// Set when a device was accessed or code was overwritten: whoever runs decoded instructions ahead takes it back to
    /// false and looks again at interrupts and at the code.
    bool attention{};

private:
    // A tag is the linear address of the page; with `slow` added it no longer matches the fast path's compare, but the
    // translation still holds: device pages, pages with code, watched pages.
    static constexpr u64 invalid = ~u64{0};
    static constexpr u64 slow = 0x800;
    static constexpr unsigned tlb_size = 1024;
    static constexpr unsigned privileges = 2;
    static_assert(tlb_size == 1u << tlb_index_bits);

    struct alignas(64) TlbEntry { // one cache line; translated code scales the index with a shift
        u64 read_tag{invalid}, write_tag{invalid}, fetch_tag{invalid};
        u8* host{};       // hva of the page, if it is memory
        u64 bias{};       // hva minus linear address, for translated code
        GuestPhys page{}; // gpa of the page
        bool global{};
        bool large{};
    };
    static_assert(sizeof(TlbEntry) == 1u << tlb_entry_shift);
    /// A page-sized or smaller piece of an access.
    struct Piece {
        GuestPhys address{};
        unsigned size{};
    };

    void note_place(Linear address, Privilege privilege, bool global) {
        u64 const place = address.page_number() % tlb_size, bit = u64{1} << place % 64;
        u64& word = local_places_[static_cast<u8>(privilege)][place / 64];
        word = global ? word & ~bit : word | bit;
    }
    TlbEntry& entry(Linear address, Privilege privilege) {
        return tlb_[static_cast<u8>(privilege)][address.page_number() % tlb_size];
    }
    /// Does a tag match, the access stay within the page and (if #AC is on) is it aligned? One compare and one sum.
    template <class T> bool hits(u64 tag, Linear address) const {
        return (address.raw & (~page_mask | (alignment_mask_ & (sizeof(T) - 1)))) == tag &&
               address.page_offset() <= page_size - sizeof(T);
    }
    static Linear wrap(Linear address) { return {address.raw & 0xffff'ffff}; }

    Outcome read_slow(Linear address, Privilege privilege, void* out, unsigned size);
    Outcome write_slow(Linear address, Privilege privilege, void const* bytes, unsigned size);
    Outcome locate(Linear address, Access access, Privilege privilege, unsigned size, std::array<Piece, 2>& pieces);
    Outcome lookup(Linear address, Access access, Privilege privilege, GuestPhys& out);
    u8* direct(Linear address, Access access, Privilege privilege);
    void read_physical(Piece piece, u8* out);
    void write_physical(Piece piece, u8 const* bytes);
    void note_write(Piece piece, u8 const* bytes);
    template <class Mode> Outcome walk(Linear address, Access access, Privilege privilege, Translation& out);
    Outcome page_fault(Linear address, u16 error);
    void fill(Linear address, Access access, Privilege privilege, Translation const& translation);
    /// Lets writes take the fast path again once the page's code is gone.
    void quicken(Linear address, Privilege privilege);
    void note_data_breakpoints(Linear address, unsigned size, Access access);

    GuestCpu& cpu_;
    PhysicalMemory& memory_;
    u64 a20_mask_{~u64{0}};
    u64 alignment_mask_{};
    unsigned physical_bits_{36};
    Linear fault_address_{};
    // 4-MiB regions with entries from large pages: INVLPG must forget every 4-KiB piece of such a page.
    std::bitset<1024> large_regions_{};
    MmuObserver* observer_{};
    WriteLog* log_{};
    unsigned watched_count_{};
    std::array<Linear, 8> watched_pages_{};
    std::array<std::array<TlbEntry, tlb_size>, privileges> tlb_{};
    /// Which places may hold translations that are not global, a bit each: few, between two CR3 writes.
    std::array<std::array<u64, tlb_size / 64>, privileges> local_places_{};
    MmuCounters counters_{};
};

template <class T> inline Outcome Mmu::read(Linear address, Privilege privilege, T& value) {
    TlbEntry const& e = entry(address, privilege);
    if (hits<T>(e.read_tag, address)) [[likely]] {
        std::memcpy(&value, e.host + address.page_offset(), sizeof(T));
        return Outcome::next();
    }
    return read_slow(address, privilege, &value, sizeof(T));
}

template <class T> inline Outcome Mmu::write(Linear address, Privilege privilege, T value) {
    TlbEntry const& e = entry(address, privilege);
    if (hits<T>(e.write_tag, address)) [[likely]] {
        u8* const host = e.host + address.page_offset();
        if (log_) [[unlikely]]
            log_->note(host, &value, sizeof(T));
        std::memcpy(host, &value, sizeof(T));
        return Outcome::next();
    }
    return write_slow(address, privilege, &value, sizeof(T));
}

template <class T, class F> inline Outcome Mmu::modify(Linear address, Privilege privilege, F change) {
    TlbEntry const& e = entry(address, privilege);
    if (hits<T>(e.write_tag, address)) [[likely]] {
        u8* const host = e.host + address.page_offset();
        T value;
        std::memcpy(&value, host, sizeof(T));
        value = change(value);
        if (log_) [[unlikely]]
            log_->note(host, &value, sizeof(T));
        std::memcpy(host, &value, sizeof(T));
        return Outcome::next();
    }
    T value;
    TRY_GUEST(probe(address, privilege, Access::write, sizeof(T)));
    TRY_GUEST(read_slow(address, privilege, &value, sizeof(T)));
    value = change(value);
    return write_slow(address, privilege, &value, sizeof(T));
}

} // namespace ring3
