// The multiboot information structure (specification, 3.3) and everything that it points to.
#pragma once

#include "base/result.h"
#include "boot/guest_memory.h"
#include "boot/placement.h"

#include <string>
#include <vector>

namespace ring3::boot {

/// A module that lies in memory already: start..end-1.
struct PlacedModule {
    u32 start{}, end{};
    std::string command_line;
};

struct InformationRequest {
    std::string command_line;
    std::vector<PlacedModule> modules;
    bool video{}; // the kernel asks about the screen
};

struct Information {
    u32 address{};
    u32 gdt{};
    u16 gdt_limit{};
};

Result<Information> write_information(InformationRequest const& request, Placement& placement, GuestMemory memory);

} // namespace ring3::boot
