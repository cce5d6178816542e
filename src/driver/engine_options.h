// EngineOptions: which of the engine's mechanisms are on (A9). Every switch is there to be watched and measured: a guest
// sees the same machine under all of them.
#pragma once

#include "base/types.h"

namespace ring3::driver {

enum class Engine : u8 {
    interpret, // the reference alone
    translate, // code cache; the interpreter for the rare and the cold
};

/// The lecture's optimisations of a translator, each a switch (C7, C8, C9).
struct Optimizations {
    bool link{true};  // 1: a block's direct exit jumps to its successor instead of asking the dispatcher
    bool trace{true}; // 2: blocks are joined over direct jumps and laid out as traces
    bool cache{
        true}; // 3: sensitive instructions are emulated by code in the cache instead of a call of the interpreter
    static constexpr Optimizations none() { return {false, false, false}; }
};

/// How translated code reaches guest memory (D3, D6).
enum class MemoryPolicy : u8 {
    soft,      // an inline look-up in the software TLB
    window,    // the host's MMU: shadow page tables made with mmap
    automatic, // soft for young address spaces, windows for those that have run long enough to repay them
};

/// What happens to cached translations when the guest activates another page table (D7, D8).
enum class TlbMethod : u8 {
    rewrite, // method 1: they are dropped and filled again
    asid,    // method 2: they are kept per address space, and compared with the guest's tables on return
};

/// Are pieces of guest code run twice, translated and interpreted, and compared?
enum class Verify : u8 {
    off,
    sample, // each piece the first times that it runs, then now and then: for tests of whole systems
    every,  // at each run
};

struct EngineOptions {
    Engine engine{Engine::translate};
    Optimizations optimize{};
    MemoryPolicy memory{MemoryPolicy::automatic};
    TlbMethod tlb{TlbMethod::asid};
    Verify verify{Verify::off};
    bool count{};             // count executed instructions and where time goes (`--stats`); costs a little
    bool check_code{};        // decode every emitted block again before it becomes executable
    u32 cache_mib{32};        // size of the code cache, 1..256
    u32 max_mappings{48'000}; // what windows may cost the host; granted by the allocator
};

} // namespace ring3::driver
