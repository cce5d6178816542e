// Where a run's statistics go at its end: --stats to standard error, --stats=FILE to a file, which is opened before the
// machine starts, so that a wrong name is not found out after an hour.
#pragma once

#include "app/run_statistics.h"

#include <cstdio>
#include <memory>

namespace ring3::app {

class StatisticsOutput {
public:
    static Result<StatisticsOutput> open(EngineSettings const& settings);
    Result<void> write(RunStatistics const& statistics);

private:
    struct Closer {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    explicit StatisticsOutput(EngineSettings const& settings) : settings_{settings} {}
    EngineSettings settings_;
    std::unique_ptr<std::FILE, Closer> file_;
};

} // namespace ring3::app
