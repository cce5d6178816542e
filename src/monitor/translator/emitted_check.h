// EmittedCheck: tells the checker what it has to know of the translator, and brings all new code before it.
//
// Nothing is reachable before it has been committed to the cache, and every commit and every later change of a jump comes
// by here. What is refused is a defect of the translator: it is reported, and the process ends.
#pragma once

#include "monitor/checker/checker.h"
#include "monitor/mmu/mmu.h"
#include "monitor/translator/code_cache.h"
#include "monitor/translator/thunks.h"

namespace ring3 {

class EmittedCheck {
public:
    EmittedCheck(CodeCache const& cache, Thunks const& thunks, ContextMap const& map, Mmu const& mmu);

    void block(CodeBlock const& block, std::span<u8 const> bytes, std::span<u32 const> ways_in);
    void link(HostPc field, HostPc target) const;
    void cover(HostPc landing, HostPc target) const;
    void flush() { checker_.forget_all(); }

private:
    CodeChecker checker_;
};

} // namespace ring3
