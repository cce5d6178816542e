#include "app/isa.h"

#include "app/isa_form.h"
#include "insn/decoder.h"

#include <algorithm>

namespace ring3::app {

namespace {

using host::IsaProbe;
using insn::InsnDef;
using insn::Privilege;
using insn::Sensitive;
using End = host::ProbeOutcome::End;

Result<IsaFinding> probe_row(InsnDef const& row, IsaProbe& probe) {
    IsaFinding finding{.row = &row, .form = form_text(row), .bytes = {}, .outcome = {}, .observed = {}};
    auto const length = static_cast<u32>(encode_form(row, 0).size());
    u32 const behind = probe.code_address() + length;
    finding.bytes = encode_form(row, behind);
    auto const registers = prepare_form(row, probe, behind);
    finding.outcome = TRY(probe.run(finding.bytes, registers));
    switch (finding.outcome.end) {
    case End::ran: finding.observed = observe_form(row, finding.outcome.registers, probe); break;
    case End::system_call: finding.observed = "entered the host's kernel as a system call"; break;
    case End::trapped: break;
    case End::hung: finding.observed = "had not ended after a second"; break;
    }
    return finding;
}

/// A host whose kernel has no 32-bit segment would make every instruction look as if it trapped.
Result<void> check_32bit_code(IsaProbe& probe) {
    constexpr u8 nop[] = {0x90};
    auto const outcome = TRY(probe.run(nop, {}));
    if (outcome.end == End::ran) return {};
    return fail(ExitStatus::host_lacks, "this host does not run 32-bit code: the instructions cannot be tried");
}

} // namespace

bool IsaReport::condition_holds() const {
    return std::ranges::none_of(findings, &IsaFinding::is_critical);
}

std::vector<std::string_view> IsaReport::breakers() const {
    std::vector<std::string_view> names;
    for (auto const& finding : findings)
        if (finding.is_critical() && std::ranges::find(names, finding.row->name) == names.end())
            names.push_back(finding.row->name);
    return names;
}

IsaClasses classify(std::span<InsnDef const> rows) {
    IsaClasses classes;
    for (auto const& row : rows) {
        ++classes.forms;
        if (row.sensitive == Sensitive::no)
            ++classes.innocuous;
        else
            ++classes.sensitive, ++(row.privilege == Privilege::cpl0 ? classes.privileged
                                    : row.is_critical()              ? classes.critical
                                                                     : classes.conditional);
    }
    return classes;
}

Result<IsaReport> survey_isa(std::string processor) {
    auto probe = TRY(IsaProbe::create());
    TRY_VOID(check_32bit_code(probe));
    IsaReport report{std::move(processor), classify(insn::all_rows()), {}};
    for (auto const& row : insn::all_rows()) {
        if (row.sensitive == Sensitive::no) continue;
        report.findings.push_back(TRY(probe_row(row, probe)));
    }
    return report;
}

} // namespace ring3::app
