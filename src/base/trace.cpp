#include "base/trace.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3 {

namespace {

struct KindText {
    char const* name;
    char const* a;
    char const* b;
};

constexpr std::array<KindText, static_cast<std::size_t>(TraceKind::count_)> texts{{
    {"none", "a", "b"},
    {"reset", "cs", "eip"},
    {"exception", "vector", "eip"},
    {"interrupt", "vector", "eip"},
    {"task_switch", "tr", "eip"},
    {"mode_change", "cr0", "eip"},
    {"cr3_write", "cr3", "eip"},
    {"page_fault", "cr2", "error"},
    {"triple_fault", "vector", "eip"},
    {"halt", "eflags", "eip"},
    {"port_unclaimed", "port", "value"},
    {"mmio_unclaimed", "gpa", "value"},
    {"code_invalidated", "gpa", "eip"},
    {"msr_refused", "index", "eip"},
    {"power", "state", "b"},
}};

} // namespace

std::vector<TraceRecord> TraceRing::tail(std::size_t most) const {
    std::vector<TraceRecord> result;
    u64 const count = std::min<u64>({next_, capacity, most});
    for (u64 i = next_ - count; i != next_; ++i) result.push_back(records_[i % capacity]);
    return result;
}

std::string describe(TraceRecord const& record) {
    auto const& text = texts[record.kind < texts.size() ? record.kind : 0];
    return fmt::format("{}.{:06} {} {}={:#x} {}={:#x}", record.time / 1'000'000'000, record.time % 1'000'000'000 / 1000,
                       text.name, text.a, record.a, text.b, record.b);
}

} // namespace ring3
