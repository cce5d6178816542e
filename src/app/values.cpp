#include "app/values.h"

#include <charconv>
#include <chrono>
#include <ctime>
#include <fmt/format.h>
#include <optional>
#include <string>

namespace ring3::app {

namespace {

constexpr u64 mebibyte = 1 << 20;

/// The unit behind a number; nothing for an unknown one.
std::optional<u64> unit_of(std::string_view suffix) {
    if (suffix.empty()) return mebibyte;
    if (suffix == "B" || suffix == "b") return 1;
    if (suffix == "K" || suffix == "k") return 1024;
    if (suffix == "M" || suffix == "m") return mebibyte;
    if (suffix == "G" || suffix == "g") return 1024 * mebibyte;
    if (suffix == "T" || suffix == "t") return 1024 * 1024 * mebibyte;
    return std::nullopt;
}

std::optional<int> take_digits(std::string_view& text, std::size_t count) {
    int value = 0;
    if (text.size() < count) return std::nullopt;
    auto const [end, error] = std::from_chars(text.data(), text.data() + count, value);
    if (error != std::errc{} || end != text.data() + count || value < 0) return std::nullopt;
    text.remove_prefix(count);
    return value;
}

bool take_char(std::string_view& text, char expected) {
    if (text.empty() || text.front() != expected) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<std::chrono::sys_days> take_day(std::string_view& text) {
    auto const year = take_digits(text, 4);
    if (!year || !take_char(text, '-')) return std::nullopt;
    auto const month = take_digits(text, 2);
    if (!month || !take_char(text, '-')) return std::nullopt;
    auto const day = take_digits(text, 2);
    if (!day) return std::nullopt;
    std::chrono::year_month_day const date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days{date};
}

std::optional<std::chrono::seconds> take_time(std::string_view& text) {
    if (text.empty()) return std::chrono::seconds{0};
    if (!take_char(text, 'T')) return std::nullopt;
    auto const hours = take_digits(text, 2);
    if (!hours || !take_char(text, ':')) return std::nullopt;
    auto const minutes = take_digits(text, 2);
    if (!minutes || !take_char(text, ':')) return std::nullopt;
    auto const seconds = take_digits(text, 2);
    if (!seconds || *hours > 23 || *minutes > 59 || *seconds > 59) return std::nullopt;
    return std::chrono::seconds{(*hours * 60 + *minutes) * 60 + *seconds};
}

} // namespace

Result<u64> parse_memory_size(std::string_view text) {
    double number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    auto const unit = unit_of({end, static_cast<std::size_t>(text.data() + text.size() - end)});
    constexpr double most = 1e15; // far above any host, far below where a double stops counting bytes
    // Said this way round because from_chars also reads "nan", which compares false with everything.
    bool const in_range = unit && number >= 0 && number <= most / static_cast<double>(*unit);
    if (error != std::errc{} || !in_range)
        return fail(ExitStatus::usage, fmt::format("'{}' is not a memory size (examples: 512, 512M, 2G)", text));
    u64 const bytes = static_cast<u64>(number * static_cast<double>(*unit));
    return (bytes + page_mask) & ~page_mask;
}

Result<u64> parse_date(std::string_view text) {
    std::string_view rest = text;
    auto const day = take_day(rest);
    auto const time = day ? take_time(rest) : std::nullopt;
    if (!time || !rest.empty() || day->time_since_epoch().count() < 0)
        return fail(ExitStatus::usage,
                    fmt::format("'{}' is not a date (utc, localtime, 2024-02-29 or 2024-02-29T23:59:58)", text));
    std::chrono::seconds const since_epoch = day->time_since_epoch() + *time;
    return static_cast<u64>(since_epoch.count());
}

u64 local_time_seconds() {
    std::time_t const now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    return static_cast<u64>(now + local.tm_gmtoff);
}

} // namespace ring3::app
