#include "app/isa.h"

#include "app/isa_form.h"
#include "insn/decoder.h"

#include <algorithm>
#include <csignal>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>

namespace ring3::app {
namespace {

using insn::Op;
using insn::Privilege;
using insn::Sensitive;
using End = host::ProbeOutcome::End;

TEST(IsaForm, every_sensitive_row_is_encoded_as_itself) {
    std::set<std::string> texts;
    for (auto const& row : insn::all_rows()) {
        if (row.sensitive == Sensitive::no) continue;
        auto const bytes = encode_form(row, 0x1234);
        insn::Insn decoded;
        ASSERT_EQ(insn::decode(bytes, 4, true, decoded), insn::DecodeStatus::ok) << row.name;
        EXPECT_EQ(decoded.def, &row) << row.name;
        EXPECT_EQ(decoded.length, bytes.size()) << row.name;
        EXPECT_TRUE(texts.insert(form_text(row)).second) << form_text(row);
    }
}

TEST(IsaClasses, the_classes_make_up_the_table) {
    auto const classes = classify(insn::all_rows());
    EXPECT_EQ(classes.forms, insn::all_rows().size());
    EXPECT_EQ(classes.innocuous + classes.sensitive, classes.forms);
    EXPECT_EQ(classes.privileged + classes.conditional + classes.critical, classes.sensitive);
    EXPECT_GT(classes.critical, 40u);
}

/// All of them on this processor, once.
class IsaSurvey : public ::testing::Test {
protected:
    static IsaReport const& report() {
        static auto const survey = survey_isa("test");
        EXPECT_TRUE(survey) << survey.error().message;
        static IsaReport const empty;
        return survey ? *survey : empty;
    }
    static void expect(Op op, End end) {
        bool found = false;
        for (auto const& finding : report().findings) {
            if (finding.row->op != op) continue;
            EXPECT_EQ(finding.outcome.end, end) << finding.form;
            found = true;
        }
        EXPECT_TRUE(found);
    }
    static IsaFinding const& finding(Op op) {
        return *std::ranges::find_if(report().findings, [&](auto const& one) { return one.row->op == op; });
    }
};

TEST_F(IsaSurvey, every_sensitive_row_is_tried_once) {
    std::multiset<insn::InsnDef const*> tried, sensitive;
    for (auto const& finding : report().findings) tried.insert(finding.row);
    for (auto const& row : insn::all_rows())
        if (row.sensitive != Sensitive::no) sensitive.insert(&row);
    EXPECT_EQ(tried, sensitive);
}

TEST_F(IsaSurvey, what_the_manual_calls_privileged_traps) {
    for (auto const& finding : report().findings) {
        bool const privileged = finding.row->privilege == Privilege::cpl0;
        EXPECT_TRUE(!privileged || finding.outcome.end == End::trapped) << finding.form;
    }
    for (auto const op : {Op::cli, Op::sti, Op::in, Op::out, Op::ins, Op::outs}) expect(op, End::trapped);
    EXPECT_EQ(finding(Op::cli).outcome.signal, SIGSEGV);
    EXPECT_EQ(host::exception_name(finding(Op::cli).outcome.vector), "#GP");
}

TEST_F(IsaSurvey, the_classical_critical_instructions_do_not_trap) {
    for (auto const op : {Op::popf, Op::pushf, Op::lar, Op::lsl, Op::verr, Op::verw, Op::push_segment, Op::pop_segment,
                          Op::mov_from_segment, Op::mov_to_segment, Op::load_far_pointer, Op::jmp_far,
                          Op::jmp_far_indirect, Op::call_far, Op::call_far_indirect, Op::ret_far, Op::iret})
        expect(op, End::ran);
    EXPECT_FALSE(report().condition_holds());
}

TEST_F(IsaSurvey, what_they_did_instead_is_seen) {
    EXPECT_EQ(finding(Op::popf).observed, "silently kept IF and IOPL, which it was to change");
    EXPECT_EQ(finding(Op::iret).observed, "silently kept IF and IOPL, which it was to change");
    EXPECT_EQ(finding(Op::pushf).observed, "showed IF = 1, IOPL = 0 of the host");
    EXPECT_EQ(finding(Op::mov_from_segment).observed, "showed selector 0023, privilege level 3");
}

/// UMIP and a kernel that does not answer in its place make SGDT trap, CPUID faulting does CPUID: both are right.
TEST_F(IsaSurvey, where_hosts_differ_the_report_agrees_with_itself) {
    for (auto const& one : report().findings) {
        EXPECT_EQ(one.is_critical(), one.outcome.end != End::trapped) << one.form;
        EXPECT_EQ(one.outcome.end == End::trapped, one.observed.empty()) << one.form;
        EXPECT_NE(one.outcome.end, End::hung) << one.form;
    }
    auto const names = report().breakers();
    EXPECT_EQ(std::ranges::count(names, "sgdt"), finding(Op::sgdt).is_critical() ? 1 : 0);
}

TEST_F(IsaSurvey, both_reports_say_the_same) {
    auto const json = nlohmann::json::parse(as_json(report()));
    EXPECT_EQ(json["instructions"].size(), report().findings.size());
    EXPECT_FALSE(json["condition_holds"].get<bool>());
    auto const text = as_text(report());
    for (auto const& one : report().findings) EXPECT_NE(text.find("\n" + one.form), std::string::npos) << one.form;
    EXPECT_NE(text.find("condition does not hold here"), std::string::npos);
}

TEST(IsaReport, a_processor_on_which_everything_traps_meets_the_condition) {
    IsaReport report;
    host::ProbeOutcome const trap{.end = End::trapped, .signal = SIGSEGV, .vector = 13, .registers = {}};
    report.findings.push_back({&insn::all_rows()[0], "x", {}, trap, ""});
    EXPECT_TRUE(report.condition_holds());
    EXPECT_TRUE(report.breakers().empty());
    EXPECT_NE(as_text(report).find("condition holds here"), std::string::npos);
    EXPECT_NE(as_json(report).find("\"exception\": \"#GP\""), std::string::npos);
}

} // namespace
} // namespace ring3::app
