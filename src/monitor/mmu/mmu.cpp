#include "monitor/mmu/mmu.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace ring3 {

namespace {

/// The 4-MiB region of a linear address.
constexpr unsigned region(Linear address) {
    return static_cast<unsigned>(address.raw >> 22) & 1023;
}

constexpr bool in_region(u64 read_tag, u64 fetch_tag, Linear address) {
    return region({read_tag}) == region(address) || region({fetch_tag}) == region(address);
}

} // namespace

Outcome Mmu::page_fault(Linear address, u16 error) {
    ++counters_.guest_faults;
    fault_address_ = address;
    return Outcome::fault(Vector::pf, error);
}

bool Mmu::misaligned(Linear address, Privilege privilege, unsigned size) const {
    bool const power_of_two = (size & (size - 1)) == 0;
    return privilege == Privilege::user && alignment_mask_ != 0 && power_of_two && size <= 8 &&
           (address.raw & (size - 1)) != 0;
}

// ---- translation, cached --------------------------------------------------------------------------------------

void Mmu::fill(Linear address, Access access, Privilege privilege, Translation const& translation) {
    // With SMAP a supervisor's access to a user page is right or wrong by EFLAGS.AC, which changes without a flush.
    if (cpu_.cr4.has<Cr4::SMAP>() && privilege == Privilege::supervisor && translation.user_page) return;
    ++counters_.fills;
    TlbEntry& e = entry(address, privilege);
    u64 const tag = address.page().raw;
    GuestPhys const page = translation.address.page();
    bool const same =
        e.page == page && ((e.read_tag & ~slow) == tag || (e.fetch_tag & ~slow) == tag || (e.write_tag & ~slow) == tag);
    if (!same) e = {};
    e.page = page;
    e.global = translation.global;
    note_place(address, privilege, e.global);
    e.large = translation.large;
    if (e.large) large_regions_.set(region(address));
    e.host = memory_.page(page);
    e.bias = std::bit_cast<u64>(e.host) - tag;
    bool const device = e.host == nullptr;
    bool const observed = watched(address.page());
    if (access == Access::execute)
        e.fetch_tag = tag;
    else
        e.read_tag = tag | (device || observed ? slow : 0);
    if (access != Access::execute && translation.writable) {
        bool const plain = memory_.kind(page) == PhysicalMemory::Kind::ram && !memory_.holds_code(page);
        e.write_tag = tag | (plain && !observed ? 0 : slow);
    }
}

Outcome Mmu::lookup(Linear address, Access access, Privilege privilege, GuestPhys& out) {
    TlbEntry const& e = entry(address, privilege);
    u64 const tag = access == Access::write ? e.write_tag : access == Access::read ? e.read_tag : e.fetch_tag;
    if ((tag & ~slow) == address.page().raw) {
        out = e.page + address.page_offset();
        return Outcome::next();
    }
    Translation translation;
    TRY_GUEST(translate(address, access, privilege, translation));
    fill(address, access, privilege, translation);
    out = translation.address;
    return Outcome::next();
}

Mmu::Fill Mmu::fill_for_code(Linear address, Access access, Privilege privilege) {
    GuestPhys ignored;
    if (!lookup(address, access, privilege, ignored).is_next()) return Fill::fault;
    if (access == Access::write) quicken(address, privilege);
    TlbEntry const& e = entry(address, privilege);
    return (access == Access::write ? e.write_tag : e.read_tag) == address.page().raw ? Fill::ready : Fill::slow;
}

Outcome Mmu::fetch(Linear address, Privilege privilege, GuestPhys& out) {
    TlbEntry const& e = entry(address, privilege);
    if (e.fetch_tag == address.page().raw) [[likely]] {
        out = e.page + address.page_offset();
        return Outcome::next();
    }
    return lookup(address, Access::execute, privilege, out);
}

// ---- accesses ---------------------------------------------------------------------------------------------------

Outcome Mmu::locate(Linear address, Access access, Privilege privilege, unsigned size, std::array<Piece, 2>& pieces) {
    if (misaligned(address, privilege, size)) return Outcome::fault(Vector::ac, 0);
    unsigned const first = static_cast<unsigned>(std::min<u64>(size, page_size - address.page_offset()));
    pieces[0].size = first;
    pieces[1].size = size - first;
    TRY_GUEST(lookup(address, access, privilege, pieces[0].address));
    if (first < size) TRY_GUEST(lookup(wrap(address + first), access, privilege, pieces[1].address));
    return Outcome::next();
}

void Mmu::read_physical(Piece piece, u8* out) {
    if (u8 const* host = memory_.page(piece.address)) {
        std::memcpy(out, host + piece.address.page_offset(), piece.size);
        return;
    }
    attention = true;
    // A device sees accesses of its widths: the largest naturally sized ones that the piece can be cut into.
    for (unsigned done = 0; done < piece.size;) {
        unsigned width = 8;
        while (width > piece.size - done) width /= 2;
        u64 const value = memory_.read(piece.address + done, width);
        std::memcpy(out + done, &value, width);
        done += width;
    }
}

void Mmu::write_physical(Piece piece, u8 const* bytes) {
    bool const device = memory_.kind(piece.address) != PhysicalMemory::Kind::ram; // writes to ROM are the board's, too
    if (device || memory_.holds_code(piece.address)) attention = true;
    if (log_) [[unlikely]]
        note_write(piece, bytes);
    if (!device) return memory_.write_bytes(piece.address, {bytes, piece.size});
    for (unsigned done = 0; done < piece.size;) {
        unsigned width = 8;
        while (width > piece.size - done) width /= 2;
        u64 value = 0;
        std::memcpy(&value, bytes + done, width);
        memory_.write(piece.address + done, value, width);
        done += width;
    }
}

void Mmu::note_write(Piece piece, u8 const* bytes) {
    if (memory_.kind(piece.address) != PhysicalMemory::Kind::ram) return;
    u8* const host = memory_.page(piece.address) + piece.address.page_offset();
    for (unsigned done = 0; done < piece.size; done += 8)
        log_->note(host + done, bytes + done, std::min(8u, piece.size - done));
}

Outcome Mmu::read_slow(Linear address, Privilege privilege, void* out, unsigned size) {
    ++counters_.slow_accesses;
    std::array<Piece, 2> pieces;
    TRY_GUEST(locate(address, Access::read, privilege, size, pieces));
    u8* const bytes = static_cast<u8*>(out);
    read_physical(pieces[0], bytes);
    if (pieces[1].size != 0) read_physical(pieces[1], bytes + pieces[0].size);
    note_data_breakpoints(address, size, Access::read);
    return Outcome::next();
}

void Mmu::quicken(Linear address, Privilege privilege) {
    TlbEntry& e = entry(address, privilege);
    bool const plain = memory_.kind(e.page) == PhysicalMemory::Kind::ram && !memory_.holds_code(e.page);
    if (e.write_tag == (address.page().raw | slow) && plain && !watched(address.page())) e.write_tag &= ~slow;
}

Outcome Mmu::write_slow(Linear address, Privilege privilege, void const* in, unsigned size) {
    ++counters_.slow_accesses;
    std::array<Piece, 2> pieces;
    TRY_GUEST(locate(address, Access::write, privilege, size, pieces));
    u8 const* const bytes = static_cast<u8 const*>(in);
    write_physical(pieces[0], bytes);
    if (pieces[1].size != 0) write_physical(pieces[1], bytes + pieces[0].size);
    quicken(address, privilege);
    note_data_breakpoints(address, size, Access::write);
    return Outcome::next();
}

Outcome Mmu::probe(Linear address, Privilege privilege, Access access, unsigned size) {
    std::array<Piece, 2> pieces;
    return locate(address, access, privilege, size, pieces);
}

Outcome Mmu::read_bytes(Linear address, Privilege privilege, void* out, unsigned size) {
    return read_slow(address, privilege, out, size);
}

Outcome Mmu::write_bytes(Linear address, Privilege privilege, void const* bytes, unsigned size) {
    return write_slow(address, privilege, bytes, size);
}

u8* Mmu::direct(Linear address, Access access, Privilege privilege) {
    TlbEntry const& e = entry(address, privilege);
    u64 const page = address.page().raw;
    auto const tag = [&] { return access == Access::write ? e.write_tag : e.read_tag; };
    if (tag() != page) {
        GuestPhys ignored;
        if ((tag() & ~slow) == page || !lookup(address, access, privilege, ignored).is_next() || tag() != page)
            return nullptr;
    }
    return e.host + address.page_offset();
}

u8 const* Mmu::direct_read(Linear address, Privilege privilege) {
    return direct(address, Access::read, privilege);
}

u8* Mmu::direct_write(Linear address, Privilege privilege) {
    if (log_) return nullptr; // REP's fast path would go unseen
    return direct(address, Access::write, privilege);
}

unsigned Mmu::peek_bytes(Linear address, std::span<u8> out) const {
    unsigned done = 0;
    while (done < out.size()) {
        GuestPhys where;
        Linear const here = wrap(address + done);
        if (!peek(here, where)) break;
        u8 const* host = memory_.page(where);
        if (!host) break;
        u64 const size = std::min<u64>(out.size() - done, page_size - where.page_offset());
        std::memcpy(out.data() + done, host + where.page_offset(), size);
        done += static_cast<unsigned>(size);
    }
    return done;
}

// ---- coherence (SDM 3A 4.10.4) ----------------------------------------------------------------------------------

void Mmu::flush_all() {
    ++counters_.flushes;
    for (auto& half : tlb_) half.fill({});
    large_regions_.reset();
    if (observer_) observer_->all_flushed();
}

void Mmu::flush_non_global() {
    ++counters_.flushes;
    for (unsigned half = 0; half < privileges; ++half) {
        for (std::size_t i = 0; i < local_places_[half].size(); ++i)
            for (u64 left = std::exchange(local_places_[half][i], 0); left != 0; left &= left - 1)
                tlb_[half][64 * i + static_cast<unsigned>(std::countr_zero(left))] = {};
    }
    if (observer_) observer_->non_global_flushed();
}

void Mmu::flush_page(Linear page) {
    for (Privilege privilege : {Privilege::supervisor, Privilege::user}) entry(page, privilege) = {};
    if (observer_) observer_->page_flushed(page);
    if (!large_regions_.test(region(page))) return;
    for (auto& half : tlb_)
        for (TlbEntry& e : half)
            if (e.large && in_region(e.read_tag, e.fetch_tag, page)) e = {};
    large_regions_.reset(region(page));
}

void Mmu::flush_writes_to(GuestPhys page) {
    for (auto& half : tlb_)
        for (TlbEntry& e : half)
            if (e.page == page.page() && e.write_tag != invalid) e.write_tag |= slow;
    if (observer_) observer_->code_marked(page);
}

void Mmu::memory_map_changed() {
    flush_all();
    if (observer_) observer_->memory_map_changed();
}

void Mmu::set_a20(bool enabled) {
    a20_mask_ = enabled ? ~u64{0} : ~(u64{1} << 20);
    memory_map_changed(); // every odd MiB is another
}

// ---- data breakpoints (SDM 3B 18.2.5) ---------------------------------------------------------------------------

void Mmu::update_breakpoints() {
    auto const pages_before = watched_pages_;
    unsigned const count_before = watched_count_;
    watched_count_ = 0;
    for (unsigned i = 0; i < 4; ++i) {
        auto const condition = cpu_.dr7.condition(i);
        bool const data = condition == Dr7::Condition::write || condition == Dr7::Condition::read_write;
        if (!data || !cpu_.dr7.enabled(i)) continue;
        u32 const length = cpu_.dr7.length(i);
        Linear const first{cpu_.dr[i] & ~(length - 1)};
        watched_pages_[watched_count_++] = first.page();
    }
    // Kernels write DR7 at task switches, and mostly it says as before that nothing is watched.
    bool const same = watched_count_ == count_before &&
                      std::equal(watched_pages_.begin(), watched_pages_.begin() + watched_count_, pages_before.begin());
    if (!same) flush_all();
}

bool Mmu::watched(Linear page) const {
    auto const end = watched_pages_.begin() + watched_count_;
    return std::find(watched_pages_.begin(), end, page) != end;
}

void Mmu::note_data_breakpoints(Linear address, unsigned size, Access access) {
    if (watched_count_ == 0) [[likely]]
        return;
    for (unsigned i = 0; i < 4; ++i) {
        auto const condition = cpu_.dr7.condition(i);
        bool const matches =
            condition == Dr7::Condition::read_write || (condition == Dr7::Condition::write && access == Access::write);
        u32 const length = cpu_.dr7.length(i);
        u32 const first = cpu_.dr[i] & ~(length - 1);
        bool const overlaps = address.raw < u64{first} + length && first < address.raw + size;
        // DR6 reports a hit even of a disabled breakpoint; only an enabled one makes #DB.
        if (matches && overlaps && cpu_.dr7.enabled(i)) cpu_.pending_debug |= 1u << i;
    }
}

} // namespace ring3
