#include "app/run_statistics.h"

#include <bit>
#include <gtest/gtest.h>
#include <set>

namespace ring3::app {
namespace {

TEST(RunStatistics, every_counter_of_the_engine_has_a_row_of_its_own) {
    std::set<std::string_view> names;
    for (auto const& counter : counters()) EXPECT_TRUE(names.insert(counter.name).second) << counter.name;
    using Words = driver::Statistics::EngineWords;
    for (std::size_t i = 0; i < std::tuple_size_v<Words>; ++i) {
        Words words{};
        words[i] = 1;
        RunStatistics const statistics{std::bit_cast<driver::EngineStatistics>(words)};
        u64 rows = 0;
        for (auto const& counter : counters()) rows += statistics.*counter.value;
        EXPECT_EQ(rows, 1u) << "word " << i;
    }
}

TEST(RunStatistics, efficiency_is_the_share_of_direct_instructions) {
    RunStatistics statistics;
    EXPECT_EQ(statistics.efficiency(), 0);
    statistics.direct = 90, statistics.inlined = 5, statistics.callouts = 3, statistics.interpreted = 2;
    EXPECT_EQ(statistics.guest_instructions(), 100u);
    EXPECT_DOUBLE_EQ(statistics.efficiency(), 0.9);
}

TEST(RunStatistics, monitors_are_added_up) {
    driver::Statistics monitor;
    monitor.publish({.callouts = 2, .time_halted = 3});
    monitor.exceptions = 4;
    RunStatistics statistics;
    for (int i = 0; i < 3; ++i) statistics.add(monitor);
    EXPECT_EQ(statistics.monitors, 3u);
    EXPECT_EQ(statistics.callouts, 6u);
    EXPECT_EQ(statistics.time_halted, 9u);
    EXPECT_EQ(statistics.exceptions, 12u);
}

TEST(RunStatistics, what_a_hostile_monitor_writes_is_only_shown) {
    driver::Statistics monitor;
    monitor.publish({.direct = ~u64{}, .inlined = 1, .time_translated = ~u64{}});
    RunStatistics statistics;
    statistics.add(monitor);
    statistics.add(monitor);
    EXPECT_FALSE(as_text(statistics).empty());
    EXPECT_FALSE(as_json(statistics, {}).empty());
}

TEST(RunStatistics, the_table_shows_shares_and_units) {
    RunStatistics statistics;
    statistics.direct = 1'234'567;
    statistics.interpreted = 1;
    statistics.translated_host_bytes = 4096;
    statistics.time_devices = 1'500'000'000;
    auto const text = as_text(statistics);
    EXPECT_TRUE(text.starts_with("1,234,568 guest instructions, 100.00 % of them directly\n"));
    for (auto const* part : {"1,234,567   100.00 %", "4,096 B", "1.500 s   100.00 %"})
        EXPECT_NE(text.find(part), std::string::npos) << part;
}

TEST(RunStatistics, json_says_which_switches_the_run_had) {
    auto const json = as_json({}, {.optimize = {true, false, true}, .tlb = driver::TlbMethod::rewrite});
    for (auto const* part : {"\"engine\": \"translate\"", "\"optimize\": \"link,cache\"", "\"tlb\": \"rewrite\"",
                             "\"cache_mib\": 32", "\"efficiency\": 0.0"})
        EXPECT_NE(json.find(part), std::string::npos) << part;
}

} // namespace
} // namespace ring3::app
