// What local and I/O APICs say to each other (SDM 3A 11.6, 11.11; 82093AA data sheet 3.0).
#pragma once

#include "base/types.h"

namespace ring3 {

/// Delivery modes, as in ICR, LVT and redirection entries; 3 is reserved.
enum class Delivery : u8 { fixed = 0, lowest_priority = 1, smi = 2, nmi = 4, init = 5, startup = 6, ext_int = 7 };
enum class Trigger : u8 { edge, level };
enum class DestinationMode : u8 { physical, logical };

struct ApicMessage {
    u8 vector{};
    Delivery delivery{};
    Trigger trigger{};
    DestinationMode destination_mode{};
    u8 destination{};
};

/// Where messages go: the processors' local APICs.
class ApicBus {
public:
    virtual ~ApicBus() = default;
    /// True if some processor took it.
    virtual bool deliver(ApicMessage message) = 0;
};

/// Who hears the EOI that a local APIC broadcasts for a level-triggered vector.
class EoiListener {
public:
    virtual ~EoiListener() = default;
    virtual void end_of_interrupt(u8 vector) = 0;
};

} // namespace ring3
