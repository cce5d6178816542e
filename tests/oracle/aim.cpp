#include "tests/oracle/aim.h"
#include "tests/oracle/aim_far.h"
#include "tests/oracle/aim_save.h"

#include "insn/operands.h"
#include "monitor/interpreter/fpu_state.h"
#include "tests/oracle/values.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace ring3::oracle {

using namespace insn;

namespace {

bool is_string(Op op) {
    return op >= Op::movs && op <= Op::stos;
}
bool is_bit_test(Op op) {
    return op == Op::bt || op == Op::bts || op == Op::btr || op == Op::btc;
}
bool is_relative_branch(Op op) {
    return op == Op::jcc || op == Op::jmp || op == Op::call || op == Op::jcxz || op == Op::loop || op == Op::loope ||
           op == Op::loopne;
}

bool takes_selector(Op op) {
    return op == Op::mov_to_segment || op == Op::lar || op == Op::lsl || op == Op::verr || op == Op::verw ||
           op == Op::arpl;
}
bool is_indirect_far(Op op) {
    return op == Op::jmp_far_indirect || op == Op::call_far_indirect;
}
class Aim {
public:
    Aim(Random& random, Tables const& tables, Case& test)
        : random_{random}, tables_{tables}, test_{test}, insn_{test.insn}, gpr_{test.image.gpr} {}

    void run() {
        set_plain_state();
        if (test_.refused) return;
        set_stack();
        set_features();
        set_implicit_operands();
        set_count_and_dividend();
        if (is_relative_branch(insn_.def->op)) aim_branch();
        if (insn_.has_memory) aim_memory();
        set_indirect_target();
        set_expected_value();
        set_stacked_value();
        set_selectors();
        set_far_target();
        test_.may_wrap =
            is_based(static_cast<SegmentName>(insn_.segment)) || is_based(SegmentName::es) || is_based(SegmentName::ss);
        test_.aliased =
            insn_.def->op == Op::movs && is_low(static_cast<SegmentName>(insn_.segment)) != is_low(SegmentName::es);
    }

private:
    Mode mode() const { return test_.mode; }
    Descriptor descriptor(SegmentName name) const { return tables_.at(test_.image.selector(name)); }
    bool is_based(SegmentName name) const {
        Descriptor const d = descriptor(name);
        return d.base() != 0 && d.limit() == 0xffff'ffff;
    }
    /// The offset of the data in a segment, for addresses of this width.
    u32 data_start(SegmentName name, unsigned address_width) const {
        u32 const base = descriptor(name).base();
        bool const beyond = address_width == 2 && ORACLE_DATA - base + data_span > 0x10000;
        return (beyond ? ORACLE_LOW : ORACLE_DATA) - base;
    }
    bool is_low(SegmentName name) const {
        return data_start(name, insn_.address_width) + descriptor(name).base() == ORACLE_LOW;
    }
    u32 data_start() const { return data_start(static_cast<SegmentName>(insn_.segment), insn_.address_width); }
    unsigned stack_width() const { return descriptor(SegmentName::ss).rights().has<SegmentRights::DB>() ? 4 : 2; }
    u32 stack_start() const { return data_start(SegmentName::ss, stack_width()); }

    void set_plain_state() {
        for (u32& gpr : test_.image.gpr) gpr = random_value(random_);
        u32 flags = random_.word32() & Eflags::status;
        if (random_.one_in(4)) flags |= u32{Eflags::DF::mask};
        if (random_.one_in(8)) flags |= u32{Eflags::AC::mask};
        if (random_.one_in(2)) flags |= u32{Eflags::ID::mask};
        test_.image.eflags = 0x202 | flags;
        choose_segments(random_, tables_, test_);
        fill_extended_state(random_, test_.image.fpu);
    }

    /// An address for `size` bytes: mostly in the middle of the data.
    u32 address(u32 start, unsigned size, unsigned alignment) {
        u32 where = start + 0x400 + random_.below(data_size - 0x800);
        switch (random_.below(32)) {
        case 0: where = start + 0x1000 - random_.below(size + 1); break;        // over a page border
        case 1: where = start + data_size - random_.below(2 * size + 1); break; // into the hole behind
        case 2: where = start - random_.below(size + 1); break;                 // from the hole before
        case 3: where = start + read_only_offset + random_.below(0x800); break;
        case 4: where = start + data_span - random_.below(2 * size + 1); break; // over the segment's limit
        case 5: where = 0 - random_.below(2 * size + 1); break;                 // over the end of all addresses
        default: break;
        }
        return random_.one_in(16) && alignment <= 1 ? where : where & ~(alignment - 1);
    }

    /// The upper half of a register that is used as a 16-bit address: anything.
    u32 as_register(u32 offset, unsigned address_width) {
        return address_width == 4 ? offset : (random_.word32() & 0xffff'0000) | (offset & 0xffff);
    }

    void set_stack() {
        unsigned const width = stack_width();
        u32 top = stack_start() + 0x800 + random_.below(0x1000 - 64) / 4 * 4;
        if (random_.one_in(24)) top = random_.below(2) == 0 ? random_.below(24) : address(stack_start(), 8, 1);
        gpr_[esp] = as_register(top, width);
        if (random_.one_in(2)) gpr_[ebp] = as_register(stack_start() + 0x800 + random_.below(0x800), width);
    }

    void set_implicit_operands() {
        Op const op = insn_.def->op;
        unsigned const width = insn_.address_width;
        if (is_string(op) || op == Op::maskmov || op == Op::xlat) {
            unsigned const size = op == Op::maskmov ? 16 : insn_.width;
            gpr_[esi] = as_register(address(data_start(), size, 1), width);
            SegmentName const destination = is_string(op) ? SegmentName::es : static_cast<SegmentName>(insn_.segment);
            gpr_[edi] = as_register(address(data_start(destination, width), size, 1), width);
            gpr_[ebx] = as_register(address(data_start(), 1, 1) - random_.below(256), width);
        }
        if (is_bit_test(op))
            for (unsigned i = 0; i < 8; ++i)
                if (i != esp && random_.one_in(2)) gpr_[i] = random_.below(0x4000);
    }

    void set_count_and_dividend() {
        Op const op = insn_.def->op;
        if (is_string(op) && !random_.one_in(6))
            gpr_[ecx] = insn_.address_width == 4 ? random_.below(40) : as_register(random_.below(40), 2);
        bool const divides = op == Op::div || op == Op::idiv;
        if (divides && random_.one_in(2)) gpr_[edx] = random_.below(3) - 1;
        if (divides && random_.one_in(2)) gpr_[eax] = random_.below(0x8000);
    }

    /// Branches mostly go to the second landing.
    void aim_branch() {
        if (random_.one_in(16)) return;
        bool const short_form = insn_.def->operands[0].code == insn::Code::Jb;
        unsigned const size = short_form ? 1 : insn_.operand_size;
        u32 const displacement = Native32::taken_offset - insn_.length;
        std::memcpy(&test_.bytes[insn_.length - size], &displacement, size);
    }

    void aim_memory() {
        unsigned const size = is_xsave(insn_.def->op) ? sizeof(XImage) : std::max(memory_bytes(insn_), 1u);
        target_ = is_xsave(insn_.def->op) ? data_start() + save_area_offset(random_, insn_.def->op)
                                          : address(data_start(), size, alignment(size));
        if (insn_.def->op == Op::gather) set_gather_index();
        u32 const displacement = static_cast<u32>(insn_.displacement);
        if (insn_.base != no_register) {
            u32 const index = insn_.index == no_register ? 0 : gpr_[insn_.index] << insn_.scale;
            gpr_[insn_.base] = target_ - index - displacement;
            // With base = index the sum moves along: let the index be small then.
            if (insn_.base == insn_.index) gpr_[insn_.base] = (target_ - displacement) / ((1u << insn_.scale) + 1);
        } else if (insn_.index != no_register) {
            gpr_[insn_.index] = (target_ - displacement) >> insn_.scale;
        } else {
            put_absolute_address();
        }
    }

    unsigned alignment(unsigned size) {
        // A locked access over a cache line may be trapped by the host; an aligned one is what programs use.
        bool const atomic = insn_.lock || insn_.def->op == Op::xchg;
        if (atomic) return 8;
        if (random_.one_in(8)) return 1;
        if ((test_.image.eflags & Eflags::AC::mask) != 0 && !random_.one_in(3)) return std::bit_ceil(size);
        bool const area = insn_.def->op == Op::fxsave || insn_.def->op == Op::fxrstor;
        return area ? 16 : memory_alignment(insn_);
    }

    /// It stands in the code.
    void put_absolute_address() {
        unsigned const width = insn_.address_width;
        bool const moffs = !insn_.has_modrm;
        unsigned const sib = !moffs && width == 4 && insn_.rm() == 4 ? 1 : 0;
        unsigned const at = moffs ? insn_.length - width : insn_.modrm_offset + 1u + sib;
        std::memcpy(&test_.bytes[at], &target_, width);
    }

    /// Small indices: the elements come from around the target.
    void set_gather_index() {
        XImage& x = image(test_.image.fpu);
        for (XmmSlot* const slot : {&x.fx.xmm[vsib_index(insn_)], &x.ymm_high[vsib_index(insn_)]})
            for (u64* const half : {&slot->low, &slot->high}) {
                if (random_.one_in(16)) continue;
                u64 const upper = (insn_.def->opcode & 1) != 0 ? random_.next() : random_.below(64);
                *half = random_.below(64) | upper << 32;
            }
    }

    // ---- what memory must hold

    /// Where an address leads, in the data; bytes may be poked there if they all lie within.
    void poke(u32 address, u32 start, std::vector<u8> bytes) {
        u32 const offset = address - start;
        if (u64{offset} + bytes.size() <= data_size) test_.pokes.push_back({offset, std::move(bytes)});
    }
    static std::vector<u8> bytes_of(u64 value, unsigned size) {
        std::vector<u8> bytes(size);
        std::memcpy(bytes.data(), &value, size);
        return bytes;
    }
    u32 stack_top() const { return stack_width() == 4 ? gpr_[esp] : gpr_[esp] & 0xffff; }

    void set_indirect_target() {
        Op const op = insn_.def->op;
        u32 const target = tables_.code_start(test_.image.selector(SegmentName::cs)) + Native32::taken_offset;
        if (random_.one_in(4)) return;
        if (op == Op::ret) poke(stack_top(), stack_start(), bytes_of(target, insn_.operand_size));
        if (op != Op::jmp_indirect && op != Op::call_indirect) return;
        if (insn_.has_memory)
            poke(target_, data_start(), bytes_of(target, insn_.operand_size));
        else
            gpr_[insn_.rm()] = target;
    }

    /// Values without which little happens: equal ones for CMPXCHG, legal ones for MXCSR.
    void set_expected_value() {
        if (insn_.def->op == Op::xrstor) set_save_area();
        if (!insn_.has_memory || random_.one_in(3)) return;
        u32 const legal_mxcsr = random_.word32() & Mxcsr::writable;
        switch (insn_.def->op) {
        case Op::cmpxchg:
        case Op::cmpxchg8b: poke(target_, data_start(), bytes_of(u64{gpr_[edx]} << 32 | gpr_[eax], 8)); break;
        case Op::ldmxcsr: poke(target_, data_start(), bytes_of(legal_mxcsr, 4)); break;
        case Op::fxrstor: poke(target_ + offsetof(FxImage, mxcsr), data_start(), bytes_of(legal_mxcsr, 4)); break;
        default: break;
        }
    }

    void set_save_area() {
        poke(target_ + offsetof(XImage, header), data_start(), save_area_header(random_));
        u32 const legal_mxcsr = random_.word32() & Mxcsr::writable;
        if (!random_.one_in(8)) poke(target_ + offsetof(FxImage, mxcsr), data_start(), bytes_of(legal_mxcsr, 4));
    }

    /// What XSAVE, XRSTOR and XGETBV are asked for: features that host and guest both have, or both have not.
    void set_features() {
        Op const op = insn_.def->op;
        if (is_xsave(op)) {
            gpr_[eax] = random_.one_in(3) ? random_.below(8) : 7;
            gpr_[edx] = 0;
            set_components_in_use(random_, image(test_.image.fpu));
        }
        constexpr u32 in_use = 1; // XGETBV with ECX = 1 is a feature of its own
        if (op == Op::xgetbv) gpr_[ecx] = random_.one_in(2) || gpr_[ecx] == in_use ? 0 : gpr_[ecx];
    }

    /// POPF and IRET must not load flags that would follow us out of the instruction: TF and NT.
    void set_stacked_value() {
        Op const op = insn_.def->op;
        if (op != Op::popf && op != Op::iret && op != Op::ret_far) return;
        u32 const flags = random_.word32() & ~static_cast<u32>(mask_of<Eflags::TF, Eflags::NT>());
        FarTarget const target = far_target(random_, tables_);
        auto const bytes =
            op == Op::popf ? bytes_of(flags, sizeof flags) : frame_bytes(target, flags, insn_.operand_size);
        bool const fits = u64{stack_top() - stack_start()} + bytes.size() <= data_size;
        if (!fits && op != Op::ret_far) gpr_[esp] = stack_start() + 0x1000 + random_.below(16);
        poke(stack_top(), stack_start(), bytes);
    }

    // ---- segments

    /// A register or memory operand of two bytes.
    void set_word_operand(u16 value) {
        if (insn_.has_memory)
            poke(target_, data_start(), bytes_of(value, sizeof value));
        else if (insn_.rm() != esp)
            gpr_[insn_.rm()] = (gpr_[insn_.rm()] & 0xffff'0000) | value;
    }

    void set_selectors() {
        Op const op = insn_.def->op;
        u16 const selector = random_.one_in(3) ? loadable_selector(random_, tables_) : any_selector(random_, tables_);
        if (takes_selector(op)) set_word_operand(selector);
        if (op == Op::pop_segment) poke(stack_top(), stack_start(), bytes_of(selector, 4));
        if (op == Op::load_far_pointer)
            poke(target_, data_start(), pointer_bytes({random_.word32(), selector}, insn_.operand_size));
    }

    void set_far_target() {
        Op const op = insn_.def->op;
        bool const direct = op == Op::jmp_far || op == Op::call_far;
        if (!direct && !is_indirect_far(op)) return;
        auto const bytes = pointer_bytes(far_target(random_, tables_), insn_.operand_size);
        if (direct)
            std::ranges::copy(bytes, test_.bytes.begin() + insn_.length - static_cast<std::ptrdiff_t>(bytes.size()));
        else
            poke(target_, data_start(), bytes);
    }

    Random& random_;
    Tables const& tables_;
    Case& test_;
    Insn const insn_;
    u32 (&gpr_)[8];
    u32 target_{};
};

} // namespace

void aim(Random& random, Tables const& tables, Case& test) {
    Aim{random, tables, test}.run();
}

} // namespace ring3::oracle
