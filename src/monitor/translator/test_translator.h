// For tests: the translator without an engine around it. Pieces of guest code become host code, and that becomes text.
//
//     TestTranslator t;
//     t.translate({0x8b, 0x43, 0x08});     // mov eax,[ebx+8]
//     t.listing()                          // "mov eax, [r14+rbx*1+0x8]"
#pragma once

#include "monitor/interpreter/test_machine.h"
#include "monitor/translator/block_writer.h"
#include "monitor/translator/emitted_check.h"
#include "monitor/translator/host_listing.h"

#include <deque>
#include <string>

namespace ring3 {

class TestTranslator {
public:
    explicit TestTranslator(TestMode mode = TestMode::flat32) : machine{mode}, map_{machine.cpu, machine.v.engine} {
        auto made = CodeCache::create(std::size_t{2} << 20);
        ASSERT(made.has_value());
        cache = std::move(*made);
        Assembler a = cache->begin();
        thunks_ = emit_thunks(a, map_);
        cache->commit_stub(a);
        cache->keep_prefix();
        check_ = std::make_unique<EmittedCheck>(*cache, thunks_, map_, machine.v.mmu);
        cache->check_with(check_.get());
        name_everything();
        machine.cpu.cr0 = machine.cpu.cr0.with<Cr0::NE>(1);
        machine.cpu.cr4 = machine.cpu.cr4.with<Cr4::OSFXSR>(1).with<Cr4::OSXMMEXCPT>(1).with<Cr4::OSXSAVE>(1);
        machine.cpu.xcr0 = 7;
    }

    /// As the machine is now, with windows or not.
    TranslationMode mode() const {
        TranslationMode const mode = TranslationMode::of(machine.cpu);
        ASSERT(mode);
        return mode.with<TranslationMode::Window>(windows);
    }

    /// Translates the code, put at `eip`, as far as one trace goes. nullptr: it makes none.
    CodeBlock const* translate(std::span<u8 const> code, u32 eip = TestMachine::code_start) {
        machine.poke_bytes(eip, code);
        Linear const start{eip};
        CodeKey const key{{start.raw}, start, mode()};
        u8 const* const page = machine.memory.page(key.where.page());
        GuestPhys const next = key.where.page() + page_size;
        CodeBytes const bytes{{page, page_size}, {machine.memory.page(next), page_size}};
        rules.code_limit = machine.cpu.seg(SegmentName::cs).limit;
        Trace const trace = scan(bytes, eip, key.mode, machine.model(), rules);
        BlockWriter writer{*cache, records, thunks_, map_, machine.v, settings};
        GuestPhys const tail = trace.crosses_page ? next : GuestPhys{};
        return block = trace.insns.empty() ? nullptr : writer.write(key, trace, tail);
    }
    CodeBlock const* translate(std::initializer_list<u8> code, u32 eip = TestMachine::code_start) {
        return translate(std::span{code.begin(), code.size()}, eip);
    }

    /// The last translation's host code, cold parts included.
    std::vector<std::string> whole_listing() const {
        return HostListing{cache->bytes(block->start, block->size), block->start, names_}.lines();
    }
    /// Of its first `count` guest instructions alone.
    std::vector<std::string> listing(unsigned count) const {
        u32 const end = block->points.at(count).host;
        return HostListing{cache->bytes(block->start, end), block->start, names_}.lines();
    }

    TestMachine machine;
    bool windows{true};
    ScanRules rules{.most = 8};
    WriterSettings settings;
    ExitRecords records;
    std::unique_ptr<CodeCache> cache;
    CodeBlock const* block{};

private:
    void name(char const* text, void const* field) { names_.fields[map_.at(field).disp] = text; }
    void name_everything() {
        EngineContext const& context = map_.context();
        name("fpu_loaded", &context.fpu_loaded);
        name("event_pending", &context.event_pending);
        name("saved_rax", &context.saved_rax);
        name("eflags", &map_.cpu().eflags);
        name("eflags+1", static_cast<u8 const*>(static_cast<void const*>(&map_.cpu().eflags)) + 1);
        name("fs.base", &map_.cpu().seg(SegmentName::fs).base);
        for (auto const& [text, segment] : {std::pair{"ds", SegmentName::ds}, std::pair{"ss", SegmentName::ss}}) {
            Segment const& s = map_.cpu().seg(segment);
            name(names_of_fields_.emplace_back(std::string{text} + ".selector").c_str(), &s.selector);
            name(names_of_fields_.emplace_back(std::string{text} + ".base").c_str(), &s.base);
            name(names_of_fields_.emplace_back(std::string{text} + ".rights+1").c_str(), s.rights_type_byte());
            name(names_of_fields_.emplace_back(std::string{text} + ".source").c_str(), &s.source.selector);
            name(names_of_fields_.emplace_back(std::string{text} + ".read_room").c_str(), &s.read_room);
        }
        for (Privilege privilege : {Privilege::supervisor, Privilege::user}) {
            auto const view = machine.v.mmu.tlb_view(privilege);
            name("read_tag", view.read_tag);
            name("write_tag", view.write_tag);
            name("bias", view.bias);
        }
        constexpr std::array leaves{"link", "indirect", "soft_access", "leave_callout", "trap"};
        for (unsigned i = 0; i < leaves.size(); ++i) names_.places[thunks_.leave[i]] = leaves[i];
        names_.places[thunks_.callout] = "callout";
        names_.places[thunks_.by_table] = "by_table";
        names_.places[thunks_.load_fpu] = "load_fpu";
    }

    ContextMap map_;
    Thunks thunks_;
    std::unique_ptr<EmittedCheck> check_;
    std::deque<std::string> names_of_fields_;
    HostNames names_;
};

} // namespace ring3
