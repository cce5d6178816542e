#include "config/suggest.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace ring3::config {

namespace {

constexpr std::size_t longest = 40; // of a word that is worth comparing

char plain(char c) {
    if (c == '_') return '-';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Changed, missing, added letters and swapped neighbours between two words (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) rows[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t const changed = plain(a[i - 1]) == plain(b[j - 1]) ? 0 : 1;
            rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + changed});
            bool const swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
        }
    }
    return rows[a.size()][b.size()];
}

} // namespace

std::string_view nearest(std::string_view typed, std::span<std::string_view const> words) {
    if (typed.empty() || typed.size() > longest) return {};
    std::string_view best;
    std::size_t least = 1 + std::max<std::size_t>(1, typed.size() / 3);
    for (auto const word : words) {
        if (word.size() > longest) continue;
        std::size_t const letters = distance(typed, word);
        if (letters < least) least = letters, best = word;
    }
    return best;
}

std::string did_you_mean(std::string_view typed, std::span<std::string_view const> words) {
    auto const word = nearest(typed, words);
    return word.empty() ? "" : fmt::format(" (did you mean '{}'?)", word);
}

} // namespace ring3::config
