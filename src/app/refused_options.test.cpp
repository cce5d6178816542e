#include "app/refused_options.h"
#include "app/system_options.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

std::string error_of(std::vector<std::string> const& arguments) {
    auto const parsed = parse_system_options(arguments, {});
    if (parsed) return "";
    EXPECT_EQ(parsed.error().status, ExitStatus::usage);
    EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos);
    return parsed.error().message;
}

TEST(RefusedOptions, what_qemu_has_and_ring3_has_not_is_refused_by_name_with_a_hint) {
    EXPECT_EQ(error_of({"-xen-attach"}),
              "option '-xen-attach' is not supported: ring3 needs no hardware virtualization: leave it out");
    EXPECT_EQ(error_of({"--usb"}),
              "option '--usb' is not supported: there is no USB: leave it out; the PS/2 keyboard is there");
    EXPECT_NE(error_of({"-s"}).find("gdb"), std::string::npos);
    EXPECT_EQ(error_of({"-frobnicate"}), "unknown option '-frobnicate' (-help lists what there is)");
}

TEST(RefusedOptions, devices_too) {
    EXPECT_EQ(error_of({"-device", "usb-tablet"}),
              "option '-device': there is no 'usb-tablet': there is no USB: leave it out; the PS/2 keyboard is there");
    EXPECT_EQ(error_of({"-device", "frob"}), "option '-device' does not know 'frob' ('help' lists)");
}

TEST(RefusedOptions, nothing_that_is_there_is_refused) {
    auto const help = parse_system_options(std::vector<std::string>{"-help"}, {});
    ASSERT_TRUE(help && std::holds_alternative<PrintText>(*help));
    std::string_view text = std::get<PrintText>(*help).text;
    for (auto at = text.find("\n-"); at != text.npos; at = text.find("\n-", at + 1)) {
        auto const end = text.find_first_of(" \n[", at + 2);
        auto const option = text.substr(at + 2, end - at - 2);
        EXPECT_FALSE(why_refused(option)) << option;
    }
}

} // namespace
} // namespace ring3::app
