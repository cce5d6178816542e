#include "app/engine_switches.h"

#include "app/comma_list.h"

#include <algorithm>
#include <array>
#include <fmt/ranges.h>

namespace ring3::app {

namespace {

using driver::Engine;
using driver::MemoryPolicy;
using driver::Optimizations;
using driver::TlbMethod;
using driver::Verify;

template <class T> struct Word {
    std::string_view text;
    T value;
};

constexpr std::array engines{Word{"interpret", Engine::interpret}, Word{"translate", Engine::translate}};
constexpr std::array memory_policies{Word{"soft", MemoryPolicy::soft}, Word{"window", MemoryPolicy::window},
                                     Word{"auto", MemoryPolicy::automatic}};
constexpr std::array tlb_methods{Word{"rewrite", TlbMethod::rewrite}, Word{"asid", TlbMethod::asid}};
constexpr std::array verifications{Word{"every", Verify::every}, Word{"sample", Verify::sample},
                                   Word{"off", Verify::off}};
constexpr std::array optimizations{Word{"link", &Optimizations::link}, Word{"trace", &Optimizations::trace},
                                   Word{"cache", &Optimizations::cache}};

std::unexpected<Error> unknown(std::string_view option, std::string_view possible, std::string_view text) {
    return fail(ExitStatus::usage, fmt::format("option '{}' takes {}, not '{}'", option, possible, text));
}

/// "a, b or c"
template <class T, std::size_t n> std::string alternatives(std::array<Word<T>, n> const& words) {
    std::string text{words[0].text};
    for (std::size_t i = 1; i < n; ++i) text += fmt::format("{}{}", i + 1 < n ? ", " : " or ", words[i].text);
    return text;
}

template <class T, std::size_t n>
Result<void> choose(T& setting, std::array<Word<T>, n> const& words, std::string_view option, std::string_view text) {
    auto const found = std::ranges::find(words, text, &Word<T>::text);
    if (found == words.end()) return unknown(option, alternatives(words), text);
    setting = found->value;
    return {};
}

template <class T, std::size_t n> std::string_view word_for(std::array<Word<T>, n> const& words, T value) {
    return std::ranges::find(words, value, &Word<T>::value)->text;
}

// ---- the switches

Result<void> set_engine(EngineSettings& settings, std::string_view option, std::string_view text) {
    return choose(settings.options.engine, engines, option, text);
}

Result<void> set_memory(EngineSettings& settings, std::string_view option, std::string_view text) {
    return choose(settings.options.memory, memory_policies, option, text);
}

Result<void> set_tlb(EngineSettings& settings, std::string_view option, std::string_view text) {
    return choose(settings.options.tlb, tlb_methods, option, text);
}

/// "none", "all", or a list of what is on.
Result<void> set_optimizations(EngineSettings& settings, std::string_view option, std::string_view text) {
    auto chosen = text == "all" ? Optimizations{} : Optimizations::none();
    if (text != "all" && text != "none") {
        auto const words = split_commas(text);
        for (auto const& word : words) {
            auto const found = std::ranges::find(optimizations, word, &Word<bool Optimizations::*>::text);
            if (found == optimizations.end())
                return unknown(option, "none, all or a list of link, trace and cache", text);
            chosen.*found->value = true;
        }
        if (words.empty()) return unknown(option, "none, all or a list of link, trace and cache", text);
    }
    settings.options.optimize = chosen;
    return {};
}

Result<void> set_verify(EngineSettings& settings, std::string_view option, std::string_view text) {
    return choose(settings.options.verify, verifications, option, text.empty() ? "every" : text);
}

Result<void> set_check_code(EngineSettings& settings, std::string_view, std::string_view) {
    settings.options.check_code = true;
    return {};
}

Result<void> set_cache_size(EngineSettings& settings, std::string_view option, std::string_view text) {
    settings.options.cache_mib = TRY(parse_cache_size(option, text));
    return {};
}

Result<void> set_statistics(EngineSettings& settings, std::string_view, std::string_view file) {
    if (file.empty())
        settings.statistics_table = true;
    else
        settings.statistics_file = file;
    return {};
}

using enum SwitchValue;
constexpr std::array switches{
    EngineSwitch{"engine", required, "interpret|translate", "how guest code runs (default translate)", set_engine},
    EngineSwitch{"optimize", required, "none|link|trace|cache|all",
                 "the translator's optimisations, also as a list: link,trace (default all)", set_optimizations},
    EngineSwitch{"memory", required, "soft|window|auto", "how translated code reaches guest memory (default auto)",
                 set_memory},
    EngineSwitch{"tlb", required, "rewrite|asid",
                 "translations are dropped or kept when the guest changes page tables (default asid)", set_tlb},
    EngineSwitch{"verify", optional, "every|sample|off",
                 "run code twice, translated and interpreted, and compare, at each run or now and then", set_verify},
    EngineSwitch{"check-code", none, "", "check every translated block before it runs", set_check_code},
    EngineSwitch{"cache-size", required, "MIB", "the code cache's size, 1 to 256 (default 32)", set_cache_size},
    EngineSwitch{"stats", optional, "FILE", "say at exit what was counted: as a table, or as JSON in FILE",
                 set_statistics},
};

} // namespace

std::span<EngineSwitch const> engine_switches() {
    return switches;
}

EngineSwitch const* find_engine_switch(std::string_view name) {
    auto const found = std::ranges::find(switches, name, &EngineSwitch::name);
    return found == switches.end() ? nullptr : &*found;
}

Result<void> apply_engine_switch(EngineSettings& settings, EngineSwitch const& which, std::string_view option,
                                 std::optional<std::string> const& value) {
    if (which.takes == none && value)
        return fail(ExitStatus::usage, fmt::format("option '{}' takes no value, but got '{}'", option, *value));
    if (which.takes == optional && value && value->empty())
        return fail(ExitStatus::usage, fmt::format("option '{}=' needs {}", option, which.form));
    if (which.takes == required && !value)
        return fail(ExitStatus::usage, fmt::format("option '{}' needs {}", option, which.form));
    return which.apply(settings, option, value.value_or(""));
}

bool is_memory_policy(std::string_view word) {
    return std::ranges::find(memory_policies, word, &Word<MemoryPolicy>::text) != memory_policies.end();
}

Result<u32> parse_cache_size(std::string_view option, std::string_view text) {
    auto const size = parse_number(text, most_cache_mib);
    if (!size || *size == 0) return unknown(option, fmt::format("a number of MiB from 1 to {}", most_cache_mib), text);
    return static_cast<u32>(*size);
}

std::string_view word_of(Engine engine) {
    return word_for(engines, engine);
}

std::string_view word_of(MemoryPolicy policy) {
    return word_for(memory_policies, policy);
}

std::string_view word_of(TlbMethod method) {
    return word_for(tlb_methods, method);
}

std::string_view word_of(Verify verify) {
    return word_for(verifications, verify);
}

std::string words_of(Optimizations chosen) {
    std::vector<std::string_view> words;
    for (auto const& word : optimizations)
        if (chosen.*word.value) words.push_back(word.text);
    if (words.empty()) return "none";
    return words.size() == optimizations.size() ? "all" : fmt::format("{}", fmt::join(words, ","));
}

} // namespace ring3::app
