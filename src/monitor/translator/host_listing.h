// For tests: emitted code as Zydis reads it, with names for what it refers to.
//
//     [r15+0x1a4]  -->  [eflags]        a field near GuestCpu, if it has a name
//     jz 0x7f001230  -->  jz #5         the listing's instruction with that number, counted from 0
//     call 0x7f000140  -->  call callout   a place with a name
#pragma once

#include "base/assert.h"
#include "monitor/translator/assembler.h"

#include <Zydis/Zydis.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace ring3 {

struct HostNames {
    std::map<i64, std::string> fields; // by distance from r15
    std::map<HostPc, std::string> places;
};

class HostListing {
public:
    HostListing(std::span<u8 const> code, HostPc at, HostNames const& names) : names_{names} {
        ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        ZydisFormatterInit(&formatter_, ZYDIS_FORMATTER_STYLE_INTEL);
        ZydisFormatterSetProperty(&formatter_, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
        ZydisFormatterSetProperty(&formatter_, ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED);
        ZydisFormatterSetProperty(&formatter_, ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED);
        for (u64 used = 0; used < code.size();) {
            One one{.pc = at + used};
            ZyanStatus const status =
                ZydisDecoderDecodeFull(&decoder_, code.data() + used, code.size() - used, &one.insn, one.operands);
            ASSERT(ZYAN_SUCCESS(status));
            used += one.insn.length;
            code_.push_back(one);
        }
    }

    std::vector<std::string> lines() const {
        std::vector<std::string> lines;
        for (One const& one : code_) lines.push_back(text(one));
        return lines;
    }

private:
    struct One {
        HostPc pc{};
        ZydisDecodedInstruction insn{};
        ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT]{};
    };

    std::string text(One const& one) const {
        char buffer[128];
        ZydisFormatterFormatInstruction(&formatter_, &one.insn, one.operands, one.insn.operand_count_visible, buffer,
                                        sizeof buffer, one.pc, nullptr);
        std::string line{buffer};
        for (auto at = line.find(" ptr"); at != line.npos; at = line.find(" ptr")) line.erase(at, 4);
        ZydisDecodedOperand const& first = one.operands[0];
        if (first.type == ZYDIS_OPERAND_TYPE_IMMEDIATE && first.imm.is_relative)
            return fmt::format("{}{}", line.substr(0, line.find(' ') + 1), place(one, first));
        for (unsigned i = 0; i < one.insn.operand_count_visible; ++i)
            if (one.operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY) name_field(line, one.operands[i].mem);
        return line;
    }
    std::string place(One const& one, ZydisDecodedOperand const& operand) const {
        ZyanU64 target = 0;
        ZydisCalcAbsoluteAddress(&one.insn, &operand, one.pc, &target);
        if (auto const named = names_.places.find(target); named != names_.places.end()) return named->second;
        auto const found = std::ranges::find(code_, target, &One::pc);
        return found == code_.end() ? "elsewhere" : fmt::format("#{}", found - code_.begin());
    }
    void name_field(std::string& line, ZydisDecodedOperandMem const& memory) const {
        auto const code = names_.places.find(static_cast<HostPc>(memory.disp.value));
        auto const found = names_.fields.find(memory.disp.value);
        bool const is_code = memory.base == ZYDIS_REGISTER_R9 && code != names_.places.end();
        bool const is_field = memory.base == ZYDIS_REGISTER_R15 && found != names_.fields.end();
        if (!is_code && !is_field) return;
        std::string name = is_code ? "r9+" + code->second : found->second;
        if (memory.index != ZYDIS_REGISTER_NONE) name += fmt::format("+{}", ZydisRegisterGetString(memory.index));
        auto const open = line.find('[');
        line.replace(open + 1, line.find(']') - open - 1, name);
    }

    HostNames const& names_;
    ZydisDecoder decoder_{};
    ZydisFormatter formatter_{};
    std::vector<One> code_;
};

} // namespace ring3
