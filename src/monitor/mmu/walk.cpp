// guest_walk: from gva to gpa through the guest's own tables, with accessed and dirty bits and exact faults
// (SDM 3A 4.6 access rights, 4.7 page faults, 4.8 accessed and dirty flags).
#include "monitor/mmu/mmu.h"
#include "monitor/mmu/paging.h"

namespace ring3 {

namespace {

/// What the entries of all levels allow together.
struct Rights {
    bool writable{true};
    bool user{true};
    bool executable{true};
};

/// SDM 3A 4.6.1: may this access go through, with these rights?
bool allowed(GuestCpu const& cpu, Rights rights, Access access, Privilege privilege) {
    if (access == Access::execute && !rights.executable) return false;
    if (privilege == Privilege::user) return rights.user && (access != Access::write || rights.writable);
    if (rights.user) {
        if (access == Access::execute) return !cpu.cr4.has<Cr4::SMEP>();
        // SMAP: EFLAGS.AC excuses explicit accesses; what the processor does by itself at CPL 3 is never excused.
        bool const excused = cpu.eflags.has<Eflags::AC>() && cpu.cpl != 3;
        if (cpu.cr4.has<Cr4::SMAP>() && !excused) return false;
    }
    return access != Access::write || rights.writable || !cpu.cr0.has<Cr0::WP>();
}

PageFaultError error_for(GuestCpu const& cpu, Access access, Privilege privilege) {
    bool const says_fetch = cpu.cr4.has<Cr4::SMEP>() || (cpu.cr4.has<Cr4::PAE>() && cpu.efer.has<Efer::NXE>());
    return PageFaultError{}
        .with<PageFaultError::W>(access == Access::write)
        .with<PageFaultError::U>(privilege == Privilege::user)
        .with<PageFaultError::ID>(access == Access::execute && says_fetch);
}

/// SDM 3A table 4-8: bits that must be zero in a present PAE pointer.
constexpr u64 pdpte_reserved(unsigned physical_bits) {
    return bit_range(63, physical_bits) | bit_range(8, 5) | bit_range(2, 1);
}

} // namespace

template <class Mode> Outcome Mmu::walk(Linear address, Access access, Privilege privilege, Translation& out) {
    using Error = PageFaultError;
    Error const error = error_for(cpu_, access, privilege);
    bool const execute_disable = Mode::has_execute_disable && cpu_.efer.has<Efer::NXE>();
    bool const large_allowed = Mode::has_execute_disable || cpu_.cr4.has<Cr4::PSE>();

    u64 table = cpu_.cr3.raw & Cr3::Directory::mask;
    if constexpr (Mode::has_execute_disable) {
        PageEntry const pointer{{cpu_.pdpte[address.raw >> 30 & 3]}};
        if (!pointer.has<PageEntry::P>()) return page_fault(address, error.raw);
        table = pointer.raw & bit_range(51, 12);
    }
    Rights rights;
    for (unsigned level = Mode::top_level;; --level) {
        unsigned const shift = 12 + (level - 1) * Mode::index_bits;
        u64 const index = (address.raw >> shift) & ((u64{1} << Mode::index_bits) - 1);
        GuestPhys const where{(table + index * Mode::entry_bytes) & a20_mask_};
        PageEntry entry{{memory_.read(where, Mode::entry_bytes)}};
        if (!entry.has<PageEntry::P>()) return page_fault(address, error.raw);

        bool const large = level > 1 && large_allowed && entry.has<PageEntry::PS>();
        bool const last = level == 1 || large;
        u64 const bad_execute_disable =
            Mode::has_execute_disable && !execute_disable ? entry.raw & PageEntry::XD::mask : 0;
        if (Mode::reserved(entry, large, physical_bits_) != 0 || bad_execute_disable != 0)
            return page_fault(address, error.with<Error::P>(1).with<Error::RSVD>(1).raw);

        rights.writable &= entry.has<PageEntry::RW>();
        rights.user &= entry.has<PageEntry::US>();
        if (execute_disable && entry.has<PageEntry::XD>()) rights.executable = false;
        if (last && !allowed(cpu_, rights, access, privilege)) return page_fault(address, error.with<Error::P>(1).raw);

        PageEntry updated = entry.with<PageEntry::A>(1);
        if (last && access == Access::write) updated = updated.with<PageEntry::D>(1);
        if (updated != entry) memory_.write(where, updated.raw, Mode::entry_bytes);

        if (!last) {
            table = entry.raw & bit_range(Mode::has_execute_disable ? 51 : 31, 12);
            continue;
        }
        u64 const frame =
            large ? Mode::large_frame(entry) : entry.raw & bit_range(Mode::entry_bytes == 8 ? 51 : 31, 12);
        u64 const offset = address.raw & ((u64{1} << shift) - 1);
        out.address = {(frame | offset) & a20_mask_};
        out.global = entry.has<PageEntry::G>() && cpu_.cr4.has<Cr4::PGE>();
        out.user_page = rights.user;
        out.large = large;
        out.writable = updated.has<PageEntry::D>() && allowed(cpu_, rights, Access::write, privilege);
        return Outcome::next();
    }
}

Outcome Mmu::translate(Linear address, Access access, Privilege privilege, Translation& out) {
    ++counters_.walks;
    if (!cpu_.paging()) {
        out = {{address.raw & a20_mask_}, true, true, false, false};
        return Outcome::next();
    }
    if (cpu_.cr4.has<Cr4::PAE>()) return walk<PaePaging>(address, access, privilege, out);
    return walk<TwoLevelPaging>(address, access, privilege, out);
}

Outcome Mmu::load_pdptes(Cr3 cr3) {
    u64 loaded[4];
    for (u64 i = 0; i < 4; ++i) {
        GuestPhys const where{((cr3.raw & Cr3::PointerTable::mask) + 8 * i) & a20_mask_};
        loaded[i] = memory_.read(where, 8);
        bool const present = (loaded[i] & PageEntry::P::mask) != 0;
        if (present && (loaded[i] & pdpte_reserved(physical_bits_)) != 0) return Outcome::fault(Vector::gp, 0);
    }
    std::memcpy(cpu_.pdpte, loaded, sizeof loaded);
    return Outcome::next();
}

bool Mmu::peek(Linear address, GuestPhys& out) const {
    if (!cpu_.paging()) {
        out = {address.raw & a20_mask_};
        return true;
    }
    // The same path as walk(), but nothing is checked that only a processor must check, and nothing is written.
    bool const pae = cpu_.cr4.has<Cr4::PAE>();
    unsigned const entry_bytes = pae ? 8 : 4;
    unsigned const index_bits = pae ? 9 : 10;
    u64 const frame_mask = bit_range(pae ? 51 : 31, 12);
    u64 table = cpu_.cr3.raw & Cr3::Directory::mask;
    if (pae) {
        u64 const pointer = cpu_.pdpte[address.raw >> 30 & 3];
        if ((pointer & PageEntry::P::mask) == 0) return false;
        table = pointer & frame_mask;
    }
    for (unsigned level = 2; level > 0; --level) {
        unsigned const shift = 12 + (level - 1) * index_bits;
        GuestPhys const where{(table + ((address.raw >> shift) & ((u64{1} << index_bits) - 1)) * entry_bytes) &
                              a20_mask_};
        u8 const* host = memory_.page(where);
        if (!host) return false;
        PageEntry entry{};
        std::memcpy(&entry.raw, host + where.page_offset(), entry_bytes);
        if (!entry.has<PageEntry::P>()) return false;
        bool const large = level > 1 && entry.has<PageEntry::PS>() && (pae || cpu_.cr4.has<Cr4::PSE>());
        u64 const frame = !large ? entry.raw & frame_mask
                          : pae  ? PaePaging::large_frame(entry)
                                 : TwoLevelPaging::large_frame(entry);
        if (level == 1 || large) {
            out = {(frame | (address.raw & ((u64{1} << shift) - 1))) & a20_mask_};
            return true;
        }
        table = frame;
    }
    return false;
}

} // namespace ring3
