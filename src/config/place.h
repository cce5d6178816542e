// Where in a machine file something stands, and what is wrong there.
#pragma once

#include "base/types.h"

#include <compare>
#include <string>
#include <vector>

namespace ring3::config {

/// Both count from 1; 0 means the file as a whole.
struct Place {
    u32 line{}, column{};
    friend auto operator<=>(Place, Place) = default;
};

/// One line for a person, without the place.
struct Problem {
    Place place;
    std::string message;
    friend auto operator<=>(Problem const&, Problem const&) = default;
};

using Problems = std::vector<Problem>;

} // namespace ring3::config
