// Guest-physical memory: where RAM, ROM and device registers lie (D1, the second level: gpa -> hva).
//
// The board maps ranges once; the MMU asks per page. RAM is a memfd that the app handed over, so both processes see it.
#pragma once

#include "base/types.h"
#include "monitor/cpu/outcome.h"

#include <array>
#include <span>
#include <utility>
#include <vector>

namespace ring3 {

/// What answers for gpas that are not memory: the board's MMIO bus. Every access is total.
class MmioHandler {
public:
    virtual ~MmioHandler() = default;
    virtual u64 mmio_read(GuestPhys address, unsigned bytes) = 0;
    virtual void mmio_write(GuestPhys address, u64 value, unsigned bytes) = 0;
};

/// Called when bytes that decoded or translated code was made from are about to change: all code of the page is stale.
class CodeWatcher {
public:
    virtual ~CodeWatcher() = default;
    virtual void code_page_written(GuestPhys page) = 0;
};

class PhysicalMemory {
public:
    enum class Kind : u8 { mmio, ram, rom };

    explicit PhysicalMemory(MmioHandler& mmio) : mmio_{mmio} {}

    /// Makes [start, start + bytes.size()) RAM or ROM backed by `bytes`; both ends on page boundaries, and on one side of
    /// 4 GiB. Writes to ROM go to the MMIO bus. A later mapping replaces an earlier one page by page, and code that was made
    /// from what lay there is dropped. While the guest runs, Mmu::memory_map_changed() has to follow.
    void map(GuestPhys start, std::span<u8> bytes, Kind kind);
    /// Gives the range back to the MMIO bus.
    void unmap(GuestPhys start, u64 size);
    /// Is there RAM or ROM anywhere in the range?
    bool overlaps_memory(GuestPhys start, u64 size) const;

    /// The page's host address if it is RAM or ROM, else nullptr.
    u8* page(GuestPhys address) const;
    Kind kind(GuestPhys address) const;

    /// Any access, any address: memory or MMIO; never faults (reads of nothing give all ones). 1, 2, 4 or 8 bytes,
    /// not across a page.
    u64 read(GuestPhys address, unsigned bytes);
    void write(GuestPhys address, u64 value, unsigned bytes);
    /// Bulk forms for loaders and DMA; bytes outside memory read as all ones, bytes outside RAM are dropped when written.
    void read_bytes(GuestPhys address, std::span<u8> out);
    void write_bytes(GuestPhys address, std::span<u8 const> bytes);

    /// Code tracking, by 64-byte granules, so that code and data may share a page without ping-pong.
    void set_code_watcher(CodeWatcher* watcher) { watcher_ = watcher; }
    /// Code was made from these bytes, which lie within one page of RAM or ROM. True if it is the page's first code:
    /// then writes that went through unseen must now be seen (Mmu::flush_writes_to).
    bool mark_code(GuestPhys address, unsigned size);
    /// Does any code come from this page?
    bool holds_code(GuestPhys address) const;
    /// To be called before bytes within one page change: tells the watcher if code was made from one of them.
    void before_write(GuestPhys address, u64 size);

    MmioHandler& mmio() { return mmio_; }

private:
    struct Page {
        u8* host{};
        u64 code{}; // bit i: code was made from bytes 64 i .. 64 i + 63
        Kind kind{Kind::mmio};
    };
    /// A window of a device, or the firmware's ROM: few, and far from RAM, so that no table should reach up to them.
    struct Island {
        u64 first{}; // page number
        std::vector<Page> pages;
    };
    Page const* find(GuestPhys address) const;
    Page* find(GuestPhys address) { return const_cast<Page*>(std::as_const(*this).find(address)); }
    std::span<Page> make_room(u64 first, u64 count);
    void replace(Page& page, u64 number, Page with);

    // Two ranges of pages, as boards have memory: from 0 on, and from 4 GiB on.
    static constexpr u64 high_start = u64{1} << 32;
    std::vector<Page> low_, high_;
    std::vector<Island> islands_;
    MmioHandler& mmio_;
    CodeWatcher* watcher_{};
};

} // namespace ring3
