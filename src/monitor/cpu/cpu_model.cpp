// CpuModel: the specification read, and the facts that the rest of the monitor asks for.
#include "monitor/cpu/cpu_model.h"

#include "monitor/cpu/cpu_models.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace ring3 {

namespace {

/// Cuts the text up to the next separator off its front.
std::string_view next_word(std::string_view& text, char separator) {
    std::size_t const end = std::min(text.find(separator), text.size());
    std::string_view const word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return word;
}

bool is_available(FeatureRow const& row, FeatureWords const& host) {
    switch (row.support) {
    case Support::monitor:
    case Support::on_demand: return true;
    case Support::host: return has_feature(host, row);
    case Support::never: break;
    }
    return false;
}

void set_feature(FeatureWords& words, FeatureRow const& row, bool on) {
    words[row.word] = on ? words[row.word] | row.mask() : words[row.word] & ~row.mask();
}

/// x87 behaviour that is the host's, whatever the model (SDM 1 8.1.8).
void copy_x87_quirks(FeatureWords& words, FeatureWords const& host) {
    for (std::string_view name : {"fdp-excptn-only", "zero-fcs-fds"})
        set_feature(words, *find_feature(name), has_feature(host, *find_feature(name)));
}

FeatureWords all_available(FeatureWords const& host) {
    FeatureWords words;
    for (FeatureRow const& row : feature_rows())
        if (row.support != Support::on_demand && is_available(row, host)) set_feature(words, row, true);
    return words;
}

FeatureWords features_of(CpuModelRow const& model, FeatureWords const& host) {
    if (model.features == all_features) return all_available(host);
    FeatureWords words;
    for (std::string_view rest = model.features; !rest.empty();) {
        FeatureRow const* const row = find_feature(next_word(rest, ' '));
        if (row && is_available(*row, host)) set_feature(words, *row, true);
    }
    return words;
}

constexpr u32 signature_of(unsigned family, unsigned model, unsigned stepping) {
    unsigned const base = std::min(family, 15u);
    return (stepping & 15) | (model & 15) << 4 | base << 8 | (model >> 4 & 15) << 16 | ((family - base) & 255) << 20;
}

} // namespace

/// Reads -cpu's argument: a model's name, then properties in QEMU's forms: +f, -f, f, f=on, f=off, vendor=..., family=...
class CpuModelParser {
public:
    static Result<CpuModel> parse(std::string_view specification) {
        CpuModelParser parser;
        std::string_view rest = specification;
        TRY_VOID(parser.start(next_word(rest, ',')));
        while (!rest.empty()) TRY_VOID(parser.property(next_word(rest, ',')));
        if (parser.enforce_ && !parser.cpu_.missing_.empty()) return fail(parser.reason_, parser.cpu_.missing_.front());
        copy_x87_quirks(parser.cpu_.words_, parser.host_);
        parser.cpu_.derive();
        return std::move(parser.cpu_);
    }

private:
    Result<void> start(std::string_view name) {
        auto const found = std::ranges::find(cpu_models, name, &CpuModelRow::name);
        if (found == cpu_models.end())
            return fail(ExitStatus::usage, fmt::format("unknown CPU model '{}'; -cpu help lists them", name));
        cpu_.words_ = features_of(*found, host_);
        cpu_.family_ = found->family;
        cpu_.model_ = found->model;
        cpu_.stepping_ = found->stepping;
        cpu_.level_ = found->level;
        cpu_.extended_level_ = found->extended_level;
        cpu_.brand_ = fmt::format("ring3 virtual CPU {}", name);
        return {};
    }

    Result<void> property(std::string_view text) {
        if (text.empty()) return {};
        if (text.front() == '+') return feature(text.substr(1), true);
        if (text.front() == '-') return feature(text.substr(1), false);
        std::string_view value = text;
        std::string_view const name = next_word(value, '=');
        bool const has_value = text.find('=') != std::string_view::npos;
        if (name == "vendor") return vendor(value);
        if (name == "family") return number(value, cpu_.family_, 270);
        if (name == "model") return number(value, cpu_.model_, 255);
        if (name == "stepping") return number(value, cpu_.stepping_, 15);
        if (name == "check" || name == "migratable") return {};
        bool const on = !has_value || value == "on" || value == "yes" || value == "true";
        bool const off = value == "off" || value == "no" || value == "false";
        if (!on && !off)
            return fail(ExitStatus::usage, fmt::format("-cpu {}: '{}' is neither on nor off", name, value));
        // QEMU's wish that features which are missing be an error.
        if (name == "enforce") {
            enforce_ = on;
            return {};
        }
        return feature(name, on);
    }

    Result<void> feature(std::string_view name, bool on) {
        FeatureRow const* const row = find_feature(name);
        if (!row) return fail(ExitStatus::usage, fmt::format("unknown CPU feature '{}'", name));
        if (on && row->support == Support::never)
            return miss(ExitStatus::usage, fmt::format("CPU feature '{}' is not virtualized", name));
        if (on && !is_available(*row, host_))
            return miss(ExitStatus::host_lacks, fmt::format("the host's processor lacks CPU feature '{}'", name));
        set_feature(cpu_.words_, *row, on);
        return {};
    }

    Result<void> miss(ExitStatus reason, std::string text) {
        if (cpu_.missing_.empty()) reason_ = reason;
        cpu_.missing_.push_back(std::move(text));
        return {};
    }

    Result<void> vendor(std::string_view value) {
        constexpr std::size_t vendor_length = 12;
        if (value.size() != vendor_length)
            return fail(ExitStatus::usage, fmt::format("-cpu vendor '{}' is not 12 characters long", value));
        cpu_.vendor_ = value;
        return {};
    }

    static Result<void> number(std::string_view text, unsigned& out, unsigned most) {
        bool const hexadecimal = text.starts_with("0x");
        if (hexadecimal) text.remove_prefix(2);
        unsigned value = 0;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hexadecimal ? 16 : 10);
        if (error != std::errc{} || end != text.data() + text.size() || value > most)
            return fail(ExitStatus::usage, fmt::format("-cpu: '{}' is not a number from 0 to {}", text, most));
        out = value;
        return {};
    }

    FeatureWords host_{host_features()};
    CpuModel cpu_;
    bool enforce_{};
    ExitStatus reason_{}; // of the first feature that is missing
};

Result<CpuModel> CpuModel::create(std::string_view specification) {
    return CpuModelParser::parse(specification);
}

std::vector<std::string_view> CpuModel::names() {
    std::vector<std::string_view> names;
    for (CpuModelRow const& row : cpu_models) names.push_back(row.name);
    return names;
}

void CpuModel::derive() {
    auto const offers = [this](std::string_view name) { return has_feature(words_, *find_feature(name)); };
    // Without XSAVE nothing that lives in YMM registers can be enabled (SDM 1 14.3).
    if (!offers("xsave"))
        for (std::string_view name : {"avx", "avx2", "fma", "f16c", "vaes", "vpclmulqdq", "xsaveopt"})
            set_feature(words_, *find_feature(name), false);

    features_.reset();
    features_.set(static_cast<std::size_t>(insn::Feature::base));
    for (FeatureRow const& row : feature_rows())
        if (has_feature(words_, row)) features_.set(static_cast<std::size_t>(row.feature));
    features_.set(static_cast<std::size_t>(insn::Feature::mwait), offers("monitor"));

    nx_ = offers("nx");
    pse_ = offers("pse");
    vme_ = offers("vme");
    apic_ = offers("apic");
    pae_ = offers("pae");
    pge_ = offers("pge");
    mtrr_ = offers("mtrr");
    pat_ = offers("pat");
    mca_ = offers("mca");
    tsc_adjust_ = offers("tsc-adjust");
    hypervisor_ = offers("hypervisor");

    cr4_allowed_ = 0;
    auto const allow = [this](bool condition, u64 bits) { cr4_allowed_ |= condition ? static_cast<u32>(bits) : 0; };
    allow(vme_, mask_of<Cr4::VME, Cr4::PVI>());
    allow(offers("tsc"), Cr4::TSD::mask);
    allow(offers("de"), Cr4::DE::mask);
    allow(pse_, Cr4::PSE::mask);
    allow(pae_, Cr4::PAE::mask);
    allow(offers("mce"), Cr4::MCE::mask);
    allow(pge_, Cr4::PGE::mask);
    allow(family_ >= 6, Cr4::PCE::mask);
    allow(offers("fxsr"), Cr4::OSFXSR::mask);
    allow(offers("sse"), Cr4::OSXMMEXCPT::mask);
    allow(offers("umip"), Cr4::UMIP::mask);
    allow(offers("xsave"), Cr4::OSXSAVE::mask);
    allow(offers("smep"), Cr4::SMEP::mask);
    allow(offers("smap"), Cr4::SMAP::mask);

    constexpr u64 x87 = 1, sse = 2, avx = 4;
    xcr0_allowed_ = x87 | (offers("sse") ? sse : 0) | (offers("avx") ? avx : 0);
    signature_ = signature_of(family_, model_, stepping_);
}

} // namespace ring3
