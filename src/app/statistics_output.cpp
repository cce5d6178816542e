#include "app/statistics_output.h"

#include "host/process.h"

#include <fmt/format.h>

namespace ring3::app {

Result<StatisticsOutput> StatisticsOutput::open(EngineSettings const& settings) {
    StatisticsOutput output{settings};
    std::string const& path = settings.statistics_file;
    if (path.empty()) return output;
    output.file_.reset(std::fopen(path.c_str(), "we"));
    if (!output.file_) return host::fail_errno(ExitStatus::io, fmt::format("cannot open '{}' for writing", path));
    return output;
}

Result<void> StatisticsOutput::write(RunStatistics const& statistics) {
    if (settings_.statistics_table) fmt::print(stderr, "{}", as_text(statistics));
    if (!file_) return {};
    auto const json = as_json(statistics, settings_.options);
    bool const written = std::fwrite(json.data(), 1, json.size(), file_.get()) == json.size();
    bool const closed = std::fclose(file_.release()) == 0; // a full disk may show itself only here
    if (written && closed) return {};
    return host::fail_errno(ExitStatus::io, fmt::format("cannot write '{}'", settings_.statistics_file));
}

} // namespace ring3::app
