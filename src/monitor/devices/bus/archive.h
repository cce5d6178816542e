// What `visit(auto&& archive)` of every device may hand to an archive.
//
// An archive is called as archive(name, value&) with an integer, a bool, an enum or a std::array of them. A saving one
// reads the value, a loading one assigns it, a comparing one does both; a device cannot tell. Timers are archived as
// their deadlines.
#pragma once

#include "monitor/devices/bus/clock.h"

#include <string_view>

namespace ring3 {

void visit_timer(auto&& archive, std::string_view name, Timer& timer) {
    Nanoseconds deadline = timer.deadline();
    archive(name, deadline);
    if (deadline != timer.deadline()) timer.arm(deadline);
}

} // namespace ring3
