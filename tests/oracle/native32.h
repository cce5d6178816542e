// The host processor as oracle: runs one 32-bit instruction natively, from a 64-bit process.
//
// Linux gives every x86-64 process a 32-bit code segment. A far jump enters it with the registers of the test case
// loaded; the instruction is followed by a far jump back. Faults arrive as signals, whose frame has the exact state.
//
//     native32_run (64-bit) --ljmp 23h--> [instruction][ljmp 33h: landing 0]   ...   [ljmp 33h: landing 1]
//                                               |                                     ^ branches are aimed here
//                                               +-- fault --> signal handler --> native32_return
#pragma once

#include "base/result.h"
#include "monitor/cpu/state.h"
#include "tests/oracle/layout.h"

#include <csetjmp>
#include <memory>
#include <span>

namespace ring3::oracle {

/// What both sides start from and end with.
struct CpuImage {
    u32 gpr[8]{};
    u32 eflags{};
    ExtendedState fpu{};
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

/// Two writable data pages, a hole, and a read-only page; holes before and behind.
inline constexpr u32 data_size = 0x2000;
inline constexpr u32 read_only_page = ORACLE_DATA + 0x4000;

class Native32 {
public:
    /// One per process: it owns signal handlers and the fixed addresses.
    static Result<std::unique_ptr<Native32>> create();
    virtual ~Native32() = default;
    virtual std::span<u8> data() = 0;           // the writable pages
    virtual std::span<u8> read_only_data() = 0; // the read-only page, through a writable alias
    /// Runs `code` (1 to 15 bytes) placed at ORACLE_CODE.
    virtual Ending run(std::span<u8 const> code, CpuImage& image) = 0;
    /// Where branches land that are aimed at `taken_offset` behind the start of the code.
    static constexpr u32 taken_offset = 0x60;
};

} // namespace ring3::oracle
