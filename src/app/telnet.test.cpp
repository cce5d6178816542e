#include "app/telnet.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

TEST(Telnet, takes_commands_out_of_the_data_wherever_they_are_cut) {
    std::string const bytes{"a\xff\xfb\x01" // WILL ECHO
                            "b\xff\xff"     // the byte 255
                            "c\xff\xf1"     // no operation
                            "d\xff\xfa\x1f\0P\xff\xff\0\xff\xf0"
                            "e",
                            22};
    Telnet at_once, in_pieces;
    EXPECT_EQ(at_once.data_of(bytes), "ab\xff"
                                      "cde");
    std::string data;
    for (char const each : bytes) data += in_pieces.data_of({&each, 1});
    EXPECT_EQ(data, "ab\xff"
                    "cde");
}

TEST(Telnet, doubles_the_byte_that_begins_commands) {
    EXPECT_EQ(Telnet::escaped("x\xffy"), "x\xff\xffy");
}

} // namespace
} // namespace ring3::app
