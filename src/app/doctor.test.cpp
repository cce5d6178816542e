#include "app/doctor.h"

#include "base/result.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ring3::app {
namespace {

HostFacts good_host() {
    return {.cpu_name = "A Processor",
            .cpu_flags = {"fxsr", "sse2", "cx8", "tsc", "xsave", "pni", "ssse3", "sse4_1", "sse4_2", "aes", "avx",
                          "avx2", "fma", "bmi1", "bmi2", "rdrand", "rdseed", "sha_ni", "pclmulqdq"},
            .memfd = true,
            .seccomp = true,
            .pidfd = true,
            .fsgsbase = true,
            .max_map_count = 65530,
            .available_memory = u64{4} << 30,
            .address_space_limit = ~u64{},
            .max_processes = 1000,
            .overcommit = 0,
            .has_kvm = false,
            .guest_kernel = "/guest/vmlinuz"};
}

Level level_of(HostFacts const& facts, std::string_view id) {
    auto const findings = diagnose(facts);
    auto const found = std::ranges::find(findings, id, &Finding::id);
    EXPECT_NE(found, findings.end()) << id;
    return found == findings.end() ? Level::fail : found->level;
}

TEST(Doctor, finds_nothing_wrong_with_a_good_host) {
    auto const findings = diagnose(good_host());
    for (auto const& finding : findings) EXPECT_EQ(finding.level, Level::ok) << finding.id << ": " << finding.text;
    EXPECT_EQ(doctor_status(findings), 0);
}

TEST(Doctor, what_is_needed_fails_and_what_only_helps_warns) {
    auto host = good_host();
    host.cpu_flags = {"fxsr", "sse2", "cx8", "tsc", "xsave"};
    EXPECT_EQ(level_of(host, "cpu-optional"), Level::warn);
    EXPECT_EQ(level_of(host, "cpu-required"), Level::ok);
    EXPECT_EQ(level_of(host, "engine"), Level::fail);
    host.cpu_flags = {"fxsr"};
    EXPECT_EQ(level_of(host, "cpu-required"), Level::fail);
    host.memfd = false;
    EXPECT_EQ(level_of(host, "memfd"), Level::fail);
    host.guest_kernel = "";
    EXPECT_EQ(level_of(host, "guest"), Level::warn);
    host.fsgsbase = false;
    EXPECT_EQ(level_of(host, "fsgsbase"), Level::warn);
    host.overcommit = 2;
    host.commit_room = u64{7} << 30;
    EXPECT_EQ(level_of(host, "overcommit"), Level::fail);
    EXPECT_NE(as_text(diagnose(host)).find("is 2 and leaves 7 GiB"), std::string::npos);
    host.commit_room = u64{100} << 30;
    EXPECT_EQ(level_of(host, "overcommit"), Level::ok);
    EXPECT_EQ(doctor_status(diagnose(host)), static_cast<int>(ExitStatus::host_lacks));
}

TEST(Doctor, a_host_without_bmi2_only_interprets) {
    auto host = good_host();
    std::erase(host.cpu_flags, "bmi2");
    auto const findings = diagnose(host);
    EXPECT_EQ(doctor_status(findings), static_cast<int>(ExitStatus::host_lacks));
    EXPECT_NE(as_text(findings).find("fail  engine         the processor lacks bmi2"), std::string::npos);
    auto const list = nlohmann::json::parse(as_json(findings))["findings"];
    auto const found = std::ranges::find(list, "engine", [](auto const& finding) { return finding["id"]; });
    ASSERT_NE(found, list.end());
    EXPECT_EQ((*found)["level"], "fail");
    EXPECT_NE((*found)["text"].get<std::string>().find("--engine interpret"), std::string::npos);
}

TEST(Doctor, prints_one_finding_a_line) {
    auto const findings = diagnose(good_host());
    auto const text = as_text(findings);
    EXPECT_EQ(std::ranges::count(text, '\n'), static_cast<std::ptrdiff_t>(findings.size()));
    EXPECT_TRUE(text.starts_with("ok    cpu            A Processor\n"));
}

TEST(Doctor, speaks_json_whatever_the_processor_is_called) {
    auto host = good_host();
    host.cpu_name = "bad \xff\" name";
    auto const document = nlohmann::json::parse(as_json(diagnose(host)));
    EXPECT_EQ(document["findings"][0]["id"], "cpu");
    EXPECT_EQ(document["findings"][0]["level"], "ok");
}

TEST(Doctor, looks_at_this_host_without_falling_over) {
    EXPECT_FALSE(diagnose(look_at_host()).empty());
}

} // namespace
} // namespace ring3::app
