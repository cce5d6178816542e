// The oracle test: every row of the instruction table, by the interpreter and by the host processor, from the same random
// state; results, flags and faults must be equal. Then random bytes: both must find the same instructions in them.
// See README section "Tests".
//
//     oracle [--cases N] [--seed S] [--row NAME] [--most-failures N] [--verbose 1]
#include "tests/oracle/comparison.h"

#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ring3::oracle {
namespace {

struct Options {
    u64 cases{1'000'000};
    u64 seed{0};
    std::string row;
    ReportOptions report;
};

/// Which rows could be compared.
struct Coverage {
    unsigned rows{}, excluded{}, unreached{}, lacking{};
};

class Test {
public:
    Test(Options const& options, Native32& native, GuestSide& guest, LastCase& last)
        : options_{options},
          native_{native},
          guest_{guest},
          comparison_{native, guest, last, options.report},
          generator_{options.seed, native} {}

    void run();
    bool passed() const { return comparison_.tally().failures == 0 && coverage_.unreached == 0 && some_ran(); }
    void print_summary(double seconds) const;

private:
    bool some_ran() const { return comparison_.tally().cases != 0; }
    void run_rows(Mode mode, u64 cases);
    void run_row(Mode mode, insn::InsnDef const& row, u64 cases);
    void run_random_code(Mode mode, u64 cases);
    void refill_if_due();

    Options const& options_;
    Native32& native_;
    GuestSide& guest_;
    Comparison comparison_;
    Generator generator_;
    Coverage coverage_{};
    u64 next_refill_{};
};

/// A case holds for the segments that there were when it was made; so they change before.
void Test::refill_if_due() {
    constexpr u64 cases_between_refills = 64;
    if (comparison_.tally().cases < next_refill_) return;
    comparison_.refill(generator_);
    next_refill_ = comparison_.tally().cases + cases_between_refills;
}

void Test::run_row(Mode mode, insn::InsnDef const& row, u64 cases) {
    u64 made = 0;
    for (u64 attempt = 0; made < cases && attempt < 32 * cases + 1024; ++attempt) {
        refill_if_due();
        auto const test = generator_.make(mode, row);
        if (!test) continue;
        ++made;
        comparison_.run(*test);
    }
    coverage_.unreached += made == 0;
    if (made == 0) fmt::print("no case could be made for {} (opcode {:02x})\n", row.name, row.opcode);
}

void Test::run_rows(Mode mode, u64 cases) {
    auto const rows = insn::all_rows();
    u64 const each = options_.row.empty() ? cases / rows.size() + 1 : cases;
    coverage_ = {};
    for (auto const& row : rows) {
        if (!options_.row.empty() && row.name != options_.row) continue;
        ++coverage_.rows;
        if (char const* const reason = excluded(row)) {
            ++coverage_.excluded;
            if (mode == Mode::flat32) fmt::print("{} is not compared: it {}\n", row.name, reason);
        } else if (!guest_.model().has(row.feature))
            ++coverage_.lacking;
        else
            run_row(mode, row, each);
    }
}

void Test::run_random_code(Mode mode, u64 cases) {
    for (u64 i = 0; i < cases; ++i) {
        refill_if_due();
        if (auto const test = generator_.make_random(mode)) comparison_.run(*test);
    }
}

/// Most cases are of rows in 32-bit code; a quarter each is in 16-bit code and of random bytes.
void Test::run() {
    u64 const quarter = options_.cases / 4;
    bool const has_code16 = native_.offers(Mode::code16);
    if (!has_code16) fmt::print("16-bit code is left out: this kernel has no modify_ldt\n");
    run_rows(Mode::flat32, has_code16 ? 2 * quarter : 3 * quarter);
    if (has_code16) run_rows(Mode::code16, quarter);
    if (!options_.row.empty()) return;
    run_random_code(Mode::flat32, has_code16 ? quarter / 2 : quarter);
    if (has_code16) run_random_code(Mode::code16, quarter / 2);
}

void Test::print_summary(double seconds) const {
    Tally const& tally = comparison_.tally();
    for (unsigned vector = 0; options_.report.verbose && vector < tally.faults.size(); ++vector)
        if (tally.faults[vector] != 0) fmt::print("vector {:2}: {} faults\n", vector, tally.faults[vector]);
    fmt::print(
        "{} cases ({} faulted) of {} rows in {:.1f} s; {} rows are not comparable in user mode, {} not on this host; "
        "{} differences\n",
        tally.cases, tally.all_faults(), coverage_.rows, seconds, coverage_.excluded, coverage_.lacking,
        tally.failures);
}

int child(Options const& options, LastCase& last) {
    auto guest = GuestSide::create();
    auto native = Native32::create();
    if (!guest || !native) {
        fmt::print("cannot run: {}\n", !guest ? guest.error().message : native.error().message);
        return static_cast<int>(ExitStatus::host_lacks);
    }
    if ((*native)->has_low_data()) (*guest)->add_low_data();
    auto const start = std::chrono::steady_clock::now();
    Test test{options, **native, **guest, last};
    test.run();
    test.print_summary(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    return test.passed() ? 0 : 1;
}

Options parse(int count, char** arguments) {
    Options options;
    options.seed = static_cast<u64>(std::chrono::system_clock::now().time_since_epoch().count());
    for (int i = 1; i + 1 < count; i += 2) {
        std::string_view const name = arguments[i];
        char const* const value = arguments[i + 1];
        u64 const number = std::strtoull(value, nullptr, 0);
        if (name == "--cases") options.cases = number;
        if (name == "--seed") options.seed = number;
        if (name == "--row") options.row = value;
        if (name == "--most-failures") options.report.most_rows = static_cast<unsigned>(number);
        if (name == "--verbose") options.report.verbose = number != 0;
    }
    return options;
}

int run(int count, char** arguments) {
    Options const options = parse(count, arguments);
    fmt::print("oracle: seed {}\n", options.seed);
    std::fflush(stdout);
    void* const memory = mmap(nullptr, sizeof(LastCase), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto& last = *static_cast<LastCase*>(memory);
    // In a child: an instruction that leaves the test ends only that.
    pid_t const process = fork();
    if (process == 0) {
        int const status = child(options, last);
        std::fflush(stdout);
        _exit(status);
    }
    int status = 0;
    waitpid(process, &status, 0);
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    fmt::print("died from signal {} at {:02x} in {}-bit code\n", WTERMSIG(status),
               fmt::join(std::span{last.bytes}.first(last.length), " "), 8 * default_size(last.mode));
    return 1;
}

} // namespace
} // namespace ring3::oracle

int main(int count, char** arguments) {
    return ring3::oracle::run(count, arguments);
}
