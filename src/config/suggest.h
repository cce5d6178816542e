// "Did you mean": the word of a list that somebody most likely wanted to write.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ring3::config {

/// The nearest of the words, if it is near: as many letters changed, missing, added or swapped as one mistypes.
std::string_view nearest(std::string_view typed, std::span<std::string_view const> words);

/// " (did you mean 'memory'?)", or nothing.
std::string did_you_mean(std::string_view typed, std::span<std::string_view const> words);

} // namespace ring3::config
