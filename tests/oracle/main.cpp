// The oracle test: every row of the instruction table, by the interpreter and by the host processor, from the same random
// state; results, flags and faults must be equal. See README section "Tests".
//
//     oracle [--cases N] [--seed S] [--row NAME] [--most-failures N]
#include "base/trace.h"
#include "insn/disassemble.h"
#include "tests/oracle/guest_side.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <map>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ring3::oracle {
namespace {

struct Options {
    u64 cases{1'000'000};
    u64 seed{0};
    std::string row;
    unsigned most_failures{20};
};

struct Tally {
    u64 cases{}, faults{}, failures{};
    unsigned rows{}, excluded{}, unreached{}, lacking{};
};

/// What the parent can still read after the child has died: the case that killed it.
struct Shared {
    u8 code[16];
    u8 length;
};

/// Flags that a comparison looks at: those user mode can change, less what this row leaves undefined.
u32 compared_flags(insn::InsnDef const& row) {
    u32 const visible = Eflags::status | u32{Eflags::DF::mask} | u32{Eflags::AC::mask} | u32{Eflags::ID::mask};
    return visible & ~u32{row.undefined};
}

/// Instructions that processors run as several accesses, in an order of their own: which byte of the page comes first in
/// CR2 is not architectural.
bool in_pieces(insn::Insn const& insn) {
    using insn::Op;
    Op const op = insn.def->op;
    bool const area = op == Op::fnstenv || op == Op::fnsave || op == Op::fldenv || op == Op::frstor ||
                      op == Op::fxsave || op == Op::fxrstor;
    return area || op == Op::maskmov || op == Op::vmaskmov || op == Op::gather;
}

bool same_ending(insn::Insn const& insn, Ending native, Ending guest) {
    // CR2 is of a page fault, or old.
    u32 const counted = native.vector != static_cast<u8>(Vector::pf) ? 0 : in_pieces(insn) ? ~u32{page_mask} : ~u32{0};
    native.cr2 &= counted;
    guest.cr2 &= counted;
    return native == guest;
}

/// Did the guest fault where the host process has the test's own pages? Then the two cannot be compared.
bool hit_the_harness(Ending guest) {
    return guest.faulted && guest.vector == static_cast<u8>(Vector::pf) && guest.cr2 >= ORACLE_STATE - 64 &&
           guest.cr2 < ORACLE_TRAMPOLINE + 2 * page_size;
}

class Comparison {
public:
    Comparison(Options const& options, Native32& native, GuestSide& guest, Shared& shared)
        : options_{options}, native_{native}, guest_{guest}, shared_{shared}, generator_{options.seed} {}

    Tally run();

private:
    void run_row(insn::InsnDef const& row, u64 cases);
    void run_case(Case const& test);
    void tame_popf(Case const& test);
    void report(Case const& test, std::string const& what);
    void synchronise();
    std::string difference(Case const& test, CpuImage const& native, CpuImage const& guest) const;

    Options const& options_;
    Native32& native_;
    GuestSide& guest_;
    Shared& shared_;
    Generator generator_;
    Tally tally_;
    std::map<std::string, u64> failures_by_row_;
};

void Comparison::synchronise() {
    generator_.fill(native_.data());
    generator_.fill(native_.read_only_data());
    std::ranges::copy(native_.data(), guest_.data().begin());
    std::ranges::copy(native_.read_only_data(), guest_.read_only_data().begin());
}

std::string Comparison::difference(Case const& test, CpuImage const& native, CpuImage const& guest) const {
    constexpr char const* names[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    std::string text;
    for (unsigned i = 0; i < 8; ++i)
        if (native.gpr[i] != guest.gpr[i])
            text += fmt::format("; {} host {:08x} ring3 {:08x}", names[i], native.gpr[i], guest.gpr[i]);
    u32 const flags = (native.eflags ^ guest.eflags) & compared_flags(*test.insn.def);
    if (flags != 0) text += fmt::format("; eflags host {:08x} ring3 {:08x}", native.eflags, guest.eflags);
    if (std::ranges::equal(native_.data(), guest_.data()) == false) text += "; memory differs";
    constexpr std::size_t legacy_end = 160 + 8 * 16, ymm_start = 576, ymm_end = 576 + 8 * 16;
    for (std::size_t i = 0; i < ymm_end; ++i) {
        bool const compared = (i < 28 || i >= 32) && (i < legacy_end || i >= ymm_start);
        if (!compared || native.fpu.bytes[i] == guest.fpu.bytes[i]) continue;
        text += fmt::format("; fpu byte {} host {:02x} ring3 {:02x}", i, native.fpu.bytes[i], guest.fpu.bytes[i]);
        break;
    }
    return text;
}

void Comparison::report(Case const& test, std::string const& what) {
    u64& count = failures_by_row_[std::string{insn::name(test.insn)}];
    ++tally_.failures;
    if (++count > 3 || failures_by_row_.size() > options_.most_failures) return;
    std::string code;
    for (u8 const b : test.code()) code += fmt::format("{:02x} ", b);
    fmt::print("{}: {}[{}]{}\n", insn::name(test.insn), code, insn::disassemble(test.insn, ORACLE_CODE), what);
}

/// POPF must not load flags that would follow us out of the instruction: TF, NT, AC.
void Comparison::tame_popf(Case const& test) {
    u32 const offset = test.image.gpr[esp] - ORACLE_DATA;
    if (test.insn.def->op != insn::Op::popf || offset + sizeof(u32) > data_size) return;
    u32 value;
    std::memcpy(&value, &native_.data()[offset], sizeof value);
    value &= ~static_cast<u32>(mask_of<Eflags::TF, Eflags::NT, Eflags::AC>());
    std::memcpy(&native_.data()[offset], &value, sizeof value);
    std::memcpy(&guest_.data()[offset], &value, sizeof value);
}

void Comparison::run_case(Case const& test) {
    tame_popf(test);
    std::ranges::copy(test.code(), shared_.code);
    shared_.length = test.insn.length;
    CpuImage native = test.image, guest = test.image;
    Ending const guest_ending = guest_.run(test, guest);
    if (hit_the_harness(guest_ending)) return synchronise();
    Ending const native_ending = native_.run(test.code(), native);
    ++tally_.cases;
    tally_.faults += native_ending.faulted;
    std::string what = difference(test, native, guest);
    if (!same_ending(test.insn, native_ending, guest_ending)) {
        auto const text = [](Ending const& e) {
            return fmt::format("{} vector {} error {:x} cr2 {:x} eip {:x}", e.faulted ? "fault" : "ok", e.vector,
                               e.error, e.cr2, e.eip);
        };
        what += fmt::format("; ends: host {}, ring3 {}", text(native_ending), text(guest_ending));
    }
    if (what.empty()) return;
    report(test, what);
    synchronise();
}

void Comparison::run_row(insn::InsnDef const& row, u64 cases) {
    u64 made = 0;
    for (u64 attempt = 0; made < cases && attempt < 8 * cases + 64; ++attempt) {
        auto const test = generator_.make(row);
        if (!test) continue;
        ++made;
        if (made % 64 == 1) synchronise();
        run_case(*test);
    }
    tally_.unreached += made == 0;
    if (made == 0) fmt::print("no case could be made for {} (opcode {:02x})\n", row.name, row.opcode);
}

Tally Comparison::run() {
    auto const rows = insn::all_rows();
    u64 const share = options_.cases / std::max<std::size_t>(rows.size(), 1) + 1;
    u64 const each = options_.row.empty() ? share * 5 / 4 : options_.cases;
    for (auto const& row : rows) {
        if (!options_.row.empty() && row.name != options_.row) continue;
        ++tally_.rows;
        if (excluded(row))
            ++tally_.excluded;
        else if (!guest_.model().has(row.feature))
            ++tally_.lacking;
        else
            run_row(row, each);
    }
    return tally_;
}

int child(Options const& options, Shared& shared) {
    auto guest = GuestSide::create();
    auto native = Native32::create();
    if (!guest || !native) {
        fmt::print("cannot run: {}\n", !guest ? guest.error().message : native.error().message);
        return static_cast<int>(ExitStatus::host_lacks);
    }
    auto const start = std::chrono::steady_clock::now();
    Tally const tally = Comparison{options, **native, **guest, shared}.run();
    double const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    fmt::print(
        "{} cases ({} faulted) of {} rows in {:.1f} s; {} rows are not comparable in user mode, {} not on this host; "
        "{} differences\n",
        tally.cases, tally.faults, tally.rows, seconds, tally.excluded, tally.lacking, tally.failures);
    return tally.failures == 0 && tally.unreached == 0 && tally.cases != 0 ? 0 : 1;
}

Options parse(int count, char** arguments) {
    Options options;
    options.seed = static_cast<u64>(std::chrono::system_clock::now().time_since_epoch().count());
    for (int i = 1; i + 1 < count; i += 2) {
        std::string_view const name = arguments[i];
        char const* const value = arguments[i + 1];
        if (name == "--cases") options.cases = std::strtoull(value, nullptr, 0);
        if (name == "--seed") options.seed = std::strtoull(value, nullptr, 0);
        if (name == "--row") options.row = value;
        if (name == "--most-failures") options.most_failures = static_cast<unsigned>(std::strtoul(value, nullptr, 0));
    }
    return options;
}

int run(int count, char** arguments) {
    Options const options = parse(count, arguments);
    fmt::print("oracle: seed {}\n", options.seed);
    std::fflush(stdout);
    void* const memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto& shared = *static_cast<Shared*>(memory);
    // In a child: an instruction that leaves the test ends only that.
    pid_t const process = fork();
    if (process == 0) {
        int const status = child(options, shared);
        std::fflush(stdout);
        _exit(status);
    }
    int status = 0;
    waitpid(process, &status, 0);
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    fmt::print("died from signal {} at", WTERMSIG(status));
    for (unsigned i = 0; i < shared.length; ++i) fmt::print(" {:02x}", shared.code[i]);
    fmt::print("\n");
    return 1;
}

} // namespace
} // namespace ring3::oracle

int main(int count, char** arguments) {
    return ring3::oracle::run(count, arguments);
}
