// The words of `ring3 isa`, for people and for programs.
#include "app/isa.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace ring3::app {

namespace {

using insn::Privilege;
using insn::Sensitive;
using End = host::ProbeOutcome::End;

std::string_view word_of(Sensitive sensitive) {
    switch (sensitive) {
    case Sensitive::no: return "no";
    case Sensitive::control: return "control";
    case Sensitive::behaviour: return "behaviour";
    case Sensitive::both: return "both";
    }
    return "no";
}

std::string_view word_of(Privilege privilege) {
    switch (privilege) {
    case Privilege::any: return "no";
    case Privilege::cpl0: return "cpl0";
    case Privilege::iopl: return "iopl";
    case Privilege::io: return "io";
    case Privilege::cr4: return "cr4";
    }
    return "no";
}

std::string_view word_of(End end) {
    switch (end) {
    case End::ran: return "runs";
    case End::trapped: return "traps";
    case End::system_call: return "system call";
    case End::hung: return "hangs";
    }
    return "hangs";
}

std::string what_happened(IsaFinding const& finding) {
    auto const& outcome = finding.outcome;
    if (outcome.end != End::trapped) return finding.observed;
    return fmt::format("{} ({})", host::exception_name(outcome.vector), host::signal_name(outcome.signal));
}

std::string_view yes_or_no(bool yes) {
    return yes ? "yes" : "no";
}

std::string classes_text(IsaClasses const& c) {
    return fmt::format("{} instruction forms: {} innocuous, {} sensitive\n"
                       "  privileged   {:>4}  trap outside CPL 0\n"
                       "  conditional  {:>4}  trap by IOPL, the I/O permission bitmap or CR4\n"
                       "  critical     {:>4}  trap by no rule of the manual\n",
                       c.forms, c.innocuous, c.sensitive, c.privileged, c.conditional, c.critical);
}

std::string verdict_text(IsaReport const& report) {
    auto const critical = std::ranges::count_if(report.findings, &IsaFinding::is_critical);
    if (report.condition_holds())
        return "Popek and Goldberg's condition holds here: every sensitive instruction traps in user mode.\n";
    return fmt::format("Popek and Goldberg's condition does not hold here: {} of {} sensitive instruction forms do not "
                       "trap in user mode.\nWhat breaks it: {}\n",
                       critical, report.findings.size(), fmt::join(report.breakers(), ", "));
}

} // namespace

std::string as_text(IsaReport const& report) {
    std::string text = classes_text(report.classes);
    text += fmt::format("\nThe sensitive ones in user mode on this processor, {}:\n\n", report.processor);
    constexpr std::string_view line = "{:<30} {:<10} {:<11} {:<12} {:<9} {}\n";
    text += fmt::format(fmt::runtime(line), "instruction", "sensitive", "privileged", "here", "critical", "");
    for (auto const& finding : report.findings)
        text += fmt::format(fmt::runtime(line), finding.form, word_of(finding.row->sensitive),
                            word_of(finding.row->privilege), word_of(finding.outcome.end),
                            yes_or_no(finding.is_critical()), what_happened(finding));
    return text + "\n" + verdict_text(report);
}

std::string as_json(IsaReport const& report) {
    auto list = nlohmann::ordered_json::array();
    for (auto const& finding : report.findings) {
        auto const& outcome = finding.outcome;
        nlohmann::ordered_json one{{"instruction", finding.form},
                                   {"name", finding.row->name},
                                   {"code", fmt::format("{:02x}", fmt::join(finding.bytes, " "))},
                                   {"sensitive", word_of(finding.row->sensitive)},
                                   {"privileged", word_of(finding.row->privilege)},
                                   {"critical_by_the_manual", finding.row->is_critical()},
                                   {"here", word_of(outcome.end)},
                                   {"critical", finding.is_critical()}};
        if (outcome.end == End::trapped) {
            one["exception"] = host::exception_name(outcome.vector);
            one["signal"] = host::signal_name(outcome.signal);
        } else {
            one["observed"] = finding.observed;
        }
        list.push_back(std::move(one));
    }
    auto const& c = report.classes;
    nlohmann::ordered_json const document{{"version", RING3_VERSION},
                                          {"processor", report.processor},
                                          {"classes",
                                           {{"forms", c.forms},
                                            {"innocuous", c.innocuous},
                                            {"sensitive", c.sensitive},
                                            {"privileged", c.privileged},
                                            {"conditional", c.conditional},
                                            {"critical", c.critical}}},
                                          {"instructions", list},
                                          {"condition_holds", report.condition_holds()},
                                          {"critical", report.breakers()}};
    // Text that the host gave us (a processor's name) need not be UTF-8.
    return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

} // namespace ring3::app
