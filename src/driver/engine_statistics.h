// EngineStatistics: what the engine counts (A9). The monitor writes it into memory that it shares with the app, which
// prints it at exit (`--stats`); the app decides nothing by it.
#pragma once

#include "base/types.h"

namespace ring3::driver {

struct EngineStatistics {
    // guest instructions by how they ran; their sum is all of them
    u64 direct{};      // unchanged but for addresses and registers, in the code cache
    u64 inlined{};     // sensitive, emulated by a sequence in the code cache
    u64 callouts{};    // one call from the code cache into the interpreter's routine
    u64 interpreted{}; // by the interpreter's own loop: cold, rare, single-stepped

    u64 blocks{}, translated_instructions{}, translated_guest_bytes{}, translated_host_bytes{};
    u64 links{}, unlinks{}, cache_flushes{}, invalidated_blocks{}, reemitted_blocks{};

    // exits from the code cache by cause
    u64 exits_unlinked{}, exits_indirect{}, exits_callout{}, exits_signal{}, exits_fault{};

    u64 hidden_faults{}; // of the VMM's making: a window's page was not mapped yet, a page holds code
    u64 true_faults{};   // of the guest's making: reflected to it
    u64 host_signals{};
    u64 soft_misses{}; // refills of the software TLB from translated code
    u64 mappings_made{}, mappings_evicted{}, windows_made{}, windows_evicted{};
    u64 address_space_switches{}, tlb_flushes{};
    u64 verified_blocks{}, checked_blocks{};

    // host nanoseconds
    u64 time_translated{}, time_interpreter{}, time_translator{}, time_devices{}, time_halted{};
};

} // namespace ring3::driver
