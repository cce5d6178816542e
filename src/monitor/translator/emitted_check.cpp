#include "monitor/translator/emitted_check.h"

#include "base/assert.h"
#include "monitor/cpu/engine_context.h"
#include "monitor/cpu/state.h"
#include "monitor/translator/jump_space.h"

#include <fmt/format.h>

#include <cstdio>

namespace ring3 {

namespace {

/// Every field that a block may touch. The rest of the context holds what thunks and C++ jump to and load stack pointers
/// from: a block that could write there could do anything.
CheckerRules rules_for(ContextMap const& map, Mmu const& mmu, Thunks const& thunks) {
    GuestCpu const& cpu = map.cpu();
    EngineContext const& context = map.context();
    auto place = [&map](void const* field) { return map.at(field).disp; };
    CheckerRules rules;
    auto add = [&](auto const& field, bool writable) {
        rules.fields.push_back({place(&field), sizeof field, writable});
    };
    for (Segment const& segment : cpu.segment) {
        bool const loaded =
            &segment != &cpu.seg(SegmentName::ss) && &segment < &cpu.seg(SegmentName::ldtr); // by paragraph
        add(segment.base, loaded);
        add(segment.selector, loaded);
        add(*static_cast<u8 const*>(segment.rights_type_byte()), loaded);
        add(segment.read_room, false);
        add(segment.write_room, false);
        add(segment.source.descriptor.low, false);
        add(segment.source.descriptor.high, false);
        add(segment.source.at, false);
        add(segment.source.selector, loaded);
    }
    add(cpu.eflags, true); // IF
    add(context.fpu_loaded, false);
    add(context.event_pending, false);
    rules.counters = {place(&context.direct), place(&context.inlined)};
    for (Privilege const privilege : {Privilege::supervisor, Privilege::user}) {
        auto const view = mmu.tlb_view(privilege);
        rules.tlb[static_cast<u8>(privilege)] = {place(view.read_tag), place(view.write_tag), place(view.bias)};
    }
    constexpr unsigned page_bits = 12;
    rules.tlb_shift = page_bits - Mmu::tlb_entry_shift;
    rules.tlb_index_mask = ((1u << Mmu::tlb_index_bits) - 1) << Mmu::tlb_entry_shift;
    rules.saved_rax = place(&context.saved_rax);
    rules.table_miss = static_cast<i32>(thunks.leave[static_cast<unsigned>(ExitKind::indirect)]);
    return rules;
}

[[noreturn]] void refuse(std::string const& text) {
    fmt::print(stderr, "emitted code refused: {}\n", text);
    constexpr bool emitted_code_passes_the_checker = false;
    ASSERT(emitted_code_passes_the_checker);
    __builtin_unreachable();
}

u8 privilege_of(TranslationMode mode) {
    return static_cast<u8>(mode.user() ? Privilege::user : Privilege::supervisor);
}

} // namespace

EmittedCheck::EmittedCheck(CodeCache const& cache, Thunks const& thunks, ContextMap const& map, Mmu const& mmu)
    : checker_{rules_for(map, mmu, thunks), std::bit_cast<u64>(cache.executable().data()), cache.executable().size()} {
    for (HostPc const leave : thunks.leave) checker_.add_thunk({leave, false, 0});
    checker_.add_thunk({thunks.by_table, false, 0});
    checker_.add_thunk({thunks.callout, true, 0});
    constexpr u16 r8_and_r11 = 1 << number(Host::r8) | 1 << number(Host::r11);
    checker_.add_thunk({thunks.load_fpu, true, r8_and_r11});
}

void EmittedCheck::block(CodeBlock const& block, std::span<u8 const> bytes, std::span<u32 const> ways_in) {
    CodePiece piece{block.start,
                    bytes,
                    {},
                    block.return_sites,
                    block.key.mode.has<TranslationMode::Window>(),
                    privilege_of(block.key.mode)};
    piece.entries.assign(ways_in.begin(), ways_in.end());
    for (Point const& point : block.points) piece.entries.push_back(point.host); // to go on at after a fault
    if (auto const done = checker_.check(piece); !done)
        refuse(fmt::format("block of eip {:08x}, mode {:x}, at +{:x}: {}", block.key.eip.raw, block.key.mode.raw,
                           done.error().offset, done.error().text));
}

void EmittedCheck::link(HostPc field, HostPc target) const {
    if (!checker_.may_link(field, target)) refuse(fmt::format("the jump at {:x} may not lead to {:x}", field, target));
}

void EmittedCheck::cover(HostPc landing, HostPc target) const {
    if (!checker_.may_cover(landing, target))
        refuse(fmt::format("no jump to {:x} may be written at {:x}", target, landing));
}

} // namespace ring3
