// ShadowSpaces: which windows there are, which one translated code uses now, and what they may show (D3, D5, D7, D8).
//
//     view          of           shows                                  at a CR3 write
//     user          each CR3     pages with U/S = 1 at every level      compared on return to it
//     supervisor    all CR3s     supervisor pages                       global pages stay, others are compared
//     unpaged       CR0.PG = 0   physical memory                        -
//
// So protection between a guest's kernel and its users costs nothing: what an access may not reach is not in its view.
// The supervisor's view serves all address spaces, because kernels map themselves alike everywhere: what is global
// (CR4.PGE, PTE.G) survives a CR3 write by the manual's rule, and the rest is compared with the new tables, which finds
// nothing where the upper halves agree. A region that keeps differing is left to the software path; if many do, as with
// page-table isolation, each CR3 gets a supervisor's view of its own. User pages are not in the supervisor's view, unless
// the guest has had but one address space and no SMAP, as small kernels do.
//
// Views are made lazily: a fault of translated code asks resolve(), which walks the guest's tables as a processor would
// (A and D set, true faults told apart from hidden ones) and then maps this page and those neighbours that a processor
// could also have cached: with A set, and writable only with D set. A page with code is never writable in any view.
//
// The keys contain the bits that change what tables mean (PG, PAE, PSE, WP, SMAP, NXE, A20), so that a change of mode
// drops nothing: other views are chosen, and compared before their next use. A kernel that flushes by toggling CR4.PGE
// costs a comparison.
//
// Measured (Emerald Rapids, 2.3 GHz, medians; without the host's signal, 2 us more):
//     resolve(), 1 page / 16 that follow each other in RAM / 16 scattered ones     4 / 6 / 40 us
//     resolve(), a 4-MiB page                                                      40 us
//     cr3_written(), 20 tables: nothing changed / an empty entry filled / a mapped page changed    2.1 / 2.2 / 5.5 us
//     page_invalidated() of a mapped page 2.4 us;  code_marked() of a writable page 3.5 us
//     a fork, which makes 320 scattered pages read-only                            0.6 ms
//
// Allocates memory: not for signal handlers that may have interrupted anything but translated code.
#pragma once

#include "monitor/mmu/shadow_saved.h"

#include <span>
#include <unordered_map>

namespace ring3 {

struct ShadowOptions {
    /// What the windows together may cost the host, which allows 65,530 by default (vm.max_map_count).
    u32 max_mappings{48'000};
    u32 max_windows{24};
    /// Method 2: views are kept per address space. Otherwise method 1: dropped and filled again at each CR3 write.
    bool keep_spaces{true};
    /// An address space gets a window of its own when its software path has cost this much, in the unit of charge().
    /// Nanoseconds are meant: a working set of 100 pages costs about as much to map as it may cost not to. 0: at once.
    u64 promote_after{1'000'000};
    /// Pages around a faulting one that are mapped with it, in at most `max_runs` calls of the host besides its own.
    /// A power of two, at most 512.
    u32 fault_around{64};
    u32 max_runs{16};
};

struct ShadowCounters {
    u64 hidden_faults{}; // resolve() calls that ended as `mapped`
    u64 guest_faults{};  // ... as `guest_fault`
    u64 refused{};       // ... as `not_memory`
    u64 mappings_made{}; // calls of the host
    u64 pages_mapped{};  // by them
    u64 mappings_evicted{};
    u64 windows_made{}, windows_evicted{};
    u64 switches{};        // CR3 writes
    u64 tables_compared{}; // 4 KiB each, or a large page's entry
    u64 pages_dropped{};   // changed entries found by comparison, and INVLPG
    u64 code_pages{};      // writable mappings taken away for code
};

class ShadowSpaces {
public:
    /// `ram`: where the monitor has `ram_fd` mapped, from its byte 0 on; memory elsewhere is not shown in windows.
    ShadowSpaces(GuestCpu& cpu, Mmu& mmu, int ram_fd, std::span<u8> ram, ShadowOptions options = {});
    ~ShadowSpaces();

    /// Base of the window that code of this privilege should use now; 0: none, use the software path. To be asked again
    /// after anything below that is marked [base].
    u64 base(Privilege privilege);

    enum class Fix : u8 {
        mapped,      // try again
        guest_fault, // the guest's tables forbid it: let the interpreter deliver the #PF
        not_memory,  // not for windows: a device, ROM or code written, a watched page, a page that is not in this view
    };
    /// An access through the window of `privilege` faulted.
    Fix resolve(Linear address, Access access, Privilege privilege);
    /// Maps a page ahead of its use, if a processor could have it in its TLB by now; sets no A or D bits. For the end of
    /// a guest's page-fault handler: it saves the fault that would follow.
    void anticipate(Linear address, Privilege privilege);

    // ---- coherence, beside the Mmu's own functions and after cpu has changed
    void cr3_written(); // [base] MOV to CR3, task switch, INVPCID of all but global: flush_non_global()
    void page_invalidated(Linear address); // INVLPG: flush_page()
    void mode_changed();                   // [base] CR0, CR4, EFER, A20, INVPCID of all: flush_all()
    void memory_map_changed();             // RAM, ROM and devices moved: nothing is kept
    /// A #PF is delivered for this address: the processor forgets it (SDM 3A 4.10.4.1). resolve() does so by itself.
    void page_faulted(Linear address) { page_invalidated(address); }
    void code_marked(GuestPhys page); // the page got its first code (PhysicalMemory::mark_code said so)
    void breakpoints_changed();       // after Mmu::update_breakpoints()

    /// The software path has cost the current address space this much more. [base]
    void charge(u64 cost) { *account_ += cost; }
    ShadowCounters const& counters() const { return counters_; }
    /// Of all windows, as the host counts them.
    u32 host_mappings() const;

private:
    enum class Kind : u8 { user, supervisor, unpaged };
    struct Key {
        Kind kind{};
        u32 root{}; // CR3's address; 0 for a view that serves all of them
        u32 mode{};
        friend bool operator==(Key, Key) = default;
    };
    struct View;
    struct Block;
    /// Where a page of RAM is writable, so that code can be taken out of reach without a search. Kept up when pages are
    /// mapped, not when they are unmapped: what it says is to be checked.
    struct Writers {
        static constexpr u32 many = ~0u;
        u32 views{}; // a bit for each view
        u32 page{};  // the only linear page, or `many`
    };
    static constexpr u32 most_views = 32;
    /// A page of the supervisor that INVLPG keeps dropping, as temporary mappings of kernels are.
    struct Churn {
        u32 page{};
        u32 count{};
    };
    static constexpr u32 churn_places = 256;

    Key key(Privilege privilege) const;
    GuestTables tables() const { return {cpu_, mmu_}; }
    View*& current(Privilege privilege) { return current_[static_cast<u8>(privilege)]; }
    bool is_current(View const& view) const { return current_[0] == &view || current_[1] == &view; }
    template <class F> void each_current(F&& act);

    // which views there are
    void select();
    View* find(Key key);
    View* make(Key key);
    bool worth_window(Key key) const;
    View* least_used(bool only_mapped);
    void release(View& view);
    void empty(View& view);
    void make_room();

    // what they may still show
    void enter_space();
    void refresh(View& view);
    void count_conflicts(View const& view);
    void rewrite();
    void forget(View& view, u32 page);

    // what is mapped
    void fill(View& view, u32 page);
    bool describe(View& view, u32 page, Block& block);
    bool describe_unpaged(u32 page, Block& block) const;
    bool lacks(View const& view, Block const& block, u32 page) const;
    u32 run_end(View const& view, Block const& block, u32 start) const;
    void place_run(View& view, Block const& block, u32 start, u32 end);
    bool place(View& view, u32 page, ShadowCell first, u32 count);
    ShadowCell cell_for(View const& view, u32 page, GuestPage const& guest) const;
    ShadowCell backing(GuestPhys page, bool writable) const;
    bool admits(View const& view, u32 page, GuestPage const& guest) const;
    void note_writers(View const& view, u32 page, ShadowCell first, u32 count);
    std::optional<u64> ram_page(GuestPhys page) const;

    GuestCpu& cpu_;
    Mmu& mmu_;
    PhysicalMemory& memory_;
    int ram_fd_;
    std::span<u8> ram_;
    ShadowOptions options_;
    std::vector<std::unique_ptr<View>> views_;
    std::vector<Writers> writers_;                  // by page of RAM
    std::array<View*, 2> current_{};                // by privilege
    std::unordered_map<u32, u64> accounts_;         // CR3 -> cost of its software path
    u64 spare_account_{};                           // while there is no paging
    u64* account_{&spare_account_};                 // the current one
    u64 clock_{};                                   // of selections, for eviction
    std::optional<u32> first_root_;                 // the first address space
    bool lone_space_{true};                         // and there was no other
    bool split_{};                                  // a supervisor's view for each CR3
    u32 spurious_page_{~0u};                        // faulted although it is mapped
    std::array<Churn, churn_places> invalidated_{}; // by low bits of the page number
    ShadowCounters counters_{};
};

} // namespace ring3
