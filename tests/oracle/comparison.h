// Runs a case on both sides and says what differs.
#pragma once

#include "tests/oracle/generator.h"
#include "tests/oracle/guest_side.h"

#include <map>
#include <numeric>
#include <string>

namespace ring3::oracle {

struct Tally {
    u64 cases{}, failures{};
    std::array<u64, 32> faults{}; // by vector
    u64 all_faults() const { return std::accumulate(faults.begin(), faults.end(), u64{0}); }
};

/// What the parent can still read after the child has died: the case that killed it.
struct LastCase {
    std::array<u8, 16> bytes;
    u8 length;
    Mode mode;
};

struct ReportOptions {
    unsigned most_rows{20};
    bool verbose{};
};

class Comparison {
public:
    Comparison(Native32& native, GuestSide& guest, LastCase& last, ReportOptions const& options)
        : native_{native}, guest_{guest}, last_{last}, options_{options} {}

    void run(Case const& test);
    /// New data, the same on both sides.
    void refill(Generator& generator);
    Tally const& tally() const { return tally_; }

private:
    void poke(Case const& test);
    void copy_to_guest();
    void report(Case const& test, std::string const& what);
    std::string difference(Case const& test, CpuImage native, CpuImage guest, Ending ending) const;
    std::string memory_difference() const;
    static std::string segment_difference(CpuImage const& native, CpuImage const& guest);
    std::string fpu_difference(Case const& test, CpuImage const& native, CpuImage const& guest) const;

    Native32& native_;
    GuestSide& guest_;
    LastCase& last_;
    ReportOptions const& options_;
    Tally tally_{};
    DescriptorTable ldt_{}; // for reports
    std::map<std::string, u64> failures_by_row_{};
};

} // namespace ring3::oracle
