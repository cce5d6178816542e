#include "monitor/interpreter/handlers.h"

#include <gtest/gtest.h>

using namespace ring3;

namespace {

TEST(Handlers, every_operation_has_a_routine) {
    auto const missing = first_op_without_routine();
    EXPECT_FALSE(missing.has_value()) << "Op number " << static_cast<int>(*missing);
}

} // namespace
