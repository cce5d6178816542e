// The host processor as oracle: runs one 32-bit or 16-bit instruction natively, from a 64-bit process.
//
// Linux gives every x86-64 process a 32-bit code segment; 16-bit ones can be had in the LDT. A far jump enters it with the
// registers of the test case loaded; the instruction is followed by a far jump back. Faults arrive as signals, whose
// frame has the exact state.
//
//     native32_run (64-bit) --ljmp 23h--> [instruction][ljmp 33h: landing 0]   ...   [ljmp 33h: landing 1]
//                                               |                                     ^ branches are aimed here
//                                               +-- fault --> signal handler --> native32_return
//                                               +-- far transfer --> [INT3] --> the same
#pragma once

#include "base/result.h"
#include "monitor/cpu/state.h"
#include "tests/oracle/descriptors.h"
#include "tests/oracle/mode.h"

#include <memory>
#include <span>

namespace ring3::oracle {

inline constexpr u32 read_only_page = ORACLE_DATA + read_only_offset;

/// What both sides start from and end with.
struct CpuImage {
    u32 gpr[8]{};
    u32 eflags{};
    std::array<u16, 6> selectors{}; // ES CS SS DS FS GS; CS is 0 at the end if nobody could see it
    ExtendedState fpu{};
    u16& selector(SegmentName name) { return selectors[static_cast<u8>(name)]; }
    u16 selector(SegmentName name) const { return selectors[static_cast<u8>(name)]; }
};

/// How the instruction ended.
struct Ending {
    bool faulted{};
    u8 vector{};
    u32 error{};
    u32 cr2{};
    u32 eip{};
    friend bool operator==(Ending const&, Ending const&) = default;
};

class Native32 {
public:
    /// One per process: it owns signal handlers and the fixed addresses.
    static Result<std::unique_ptr<Native32>> create();
    virtual ~Native32() = default;
    /// Can this host do it? 16-bit segments need modify_ldt(), which kernels can be built without.
    virtual bool offers(Mode mode) const = 0;
    /// Do the data lie at ORACLE_LOW, too? Without them 16-bit addresses in flat32 fault, on both sides.
    virtual bool has_low_data() const = 0;
    virtual std::span<u8> data() = 0;           // the writable pages
    virtual std::span<u8> read_only_data() = 0; // the read-only page, through a writable alias
    /// The descriptors that user mode can see, and use, in the host's GDT.
    virtual DescriptorTable gdt() const = 0;
    /// Makes LDT entries; none if offers(code16) says no.
    virtual void set_ldt(DescriptorTable const& ldt) = 0;
    /// Runs `code` (1 to 16 bytes) placed at ORACLE_CODE.
    virtual Ending run(std::span<u8 const> code, CpuImage& image) = 0;
    /// Where branches land that are aimed at `taken_offset` behind the start of the code. Far transfers land on an INT3
    /// at `far_offset`, whose signal shows CS.
    static constexpr u32 taken_offset = 0x60, far_offset = 0xa0;
};

} // namespace ring3::oracle
