// A shared folder as a person asked for it.
#pragma once

#include "base/types.h"

#include <string>

namespace ring3::p9 {

/// Whose files the guest's are on the host (p9/ownership.h).
enum class SecurityModel : u8 { none, passthrough, mapped_xattr };

struct ShareSettings {
    std::string path{};
    SecurityModel security{SecurityModel::none};
    bool is_read_only{};
};

} // namespace ring3::p9
