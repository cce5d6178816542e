// String instructions (SDM 1 7.3.9). The source is DS:eSI with override, the destination always ES:eDI.
#include "host/alu.h"
#include "monitor/interpreter/integer_handlers.h"
#include "monitor/interpreter/repeat.h"

#include <array>

namespace ring3 {
namespace {

constexpr RegRef source_index = reg_ref(esi);
constexpr RegRef destination_index = reg_ref(edi);

template <class T, class A> Outcome load_source_element(Vcpu& v, Insn const& insn, T& value) {
    return v.load<T>(Vcpu::segment_of(insn), v.cpu.read<A>(source_index), value);
}
template <class T, class A> Outcome load_destination_element(Vcpu& v, T& value) {
    return v.load<T>(SegmentName::es, v.cpu.read<A>(destination_index), value);
}
template <class T, class A> Outcome store_destination_element(Vcpu& v, T value) {
    return v.store<T>(SegmentName::es, v.cpu.read<A>(destination_index), value);
}
template <class T> T element_at(u8 const* host, u32 index) {
    T value;
    std::memcpy(&value, host + index * sizeof(T), sizeof(T));
    return value;
}
template <class T> void set_element(u8* host, u32 index, T value) {
    std::memcpy(host + index * sizeof(T), &value, sizeof(T));
}

/// For instructions whose repetition only the count ends.
struct Counted {
    static bool goes_on(Insn const&, Eflags) { return true; }
};
/// For comparisons: REPE goes on while ZF is set, REPNE while it is clear.
struct Comparing {
    static bool goes_on(Insn const& insn, Eflags flags) { return flags.has<Eflags::ZF>() == insn.rep; }
    static bool goes_on(Insn const& insn, bool equal) { return equal == insn.rep; }
};

struct Movs : Counted {
    template <class T, class A> static Outcome once(Vcpu& v, Insn const& insn) {
        T value;
        TRY_GUEST((load_source_element<T, A>(v, insn, value)));
        TRY_GUEST((store_destination_element<T, A>(v, value)));
        advance<T, A>(v.cpu, source_index);
        advance<T, A>(v.cpu, destination_index);
        return Outcome::next();
    }
    template <class T, class A> static u32 many(Vcpu& v, Insn const& insn, u32 most) {
        // The source comes first: if it faults, the destination's dirty bit must not be set.
        auto const from = source_run<T, A>(v, Vcpu::segment_of(insn), v.cpu.read<A>(source_index), most);
        auto const to = destination_run<T, A>(v, SegmentName::es, v.cpu.read<A>(destination_index), from.count);
        // A destination just above its source repeats what is copied, element by element: memset with a pattern.
        bool const feeds_itself = to.host > from.host && to.host < from.host + to.count * sizeof(T);
        if (feeds_itself)
            for (u32 i = 0; i < to.count; ++i) set_element<T>(to.host, i, element_at<T>(from.host, i));
        else if (to.count != 0)
            std::memmove(to.host, from.host, to.count * sizeof(T));
        advance<T, A>(v.cpu, source_index, to.count);
        advance<T, A>(v.cpu, destination_index, to.count);
        return to.count;
    }
};

struct Stos : Counted {
    template <class T, class A> static Outcome once(Vcpu& v, Insn const&) {
        TRY_GUEST((store_destination_element<T, A>(v, v.cpu.read<T>(accumulator))));
        advance<T, A>(v.cpu, destination_index);
        return Outcome::next();
    }
    template <class T, class A> static u32 many(Vcpu& v, Insn const&, u32 most) {
        auto const to = destination_run<T, A>(v, SegmentName::es, v.cpu.read<A>(destination_index), most);
        T const value = v.cpu.read<T>(accumulator);
        for (u32 i = 0; i < to.count; ++i) set_element<T>(to.host, i, value);
        advance<T, A>(v.cpu, destination_index, to.count);
        return to.count;
    }
};

struct Lods : Counted {
    template <class T, class A> static Outcome once(Vcpu& v, Insn const& insn) {
        T value;
        TRY_GUEST((load_source_element<T, A>(v, insn, value)));
        v.cpu.write<T>(accumulator, value);
        advance<T, A>(v.cpu, source_index);
        return Outcome::next();
    }
    template <class T, class A> static u32 many(Vcpu& v, Insn const& insn, u32 most) {
        auto const from = source_run<T, A>(v, Vcpu::segment_of(insn), v.cpu.read<A>(source_index), most);
        if (from.count != 0) v.cpu.write<T>(accumulator, element_at<T>(from.host, from.count - 1));
        advance<T, A>(v.cpu, source_index, from.count);
        return from.count;
    }
};

struct Scas : Comparing {
    template <class T, class A> static Outcome once(Vcpu& v, Insn const&) {
        T value;
        TRY_GUEST((load_destination_element<T, A>(v, value)));
        host::Sub{}(v.cpu.read<T>(accumulator), value, v.cpu.eflags.raw);
        advance<T, A>(v.cpu, destination_index);
        return Outcome::next();
    }
    template <class T, class A> static u32 many(Vcpu& v, Insn const& insn, u32 most) {
        auto const in = source_run<T, A>(v, SegmentName::es, v.cpu.read<A>(destination_index), most);
        if (in.count == 0) return 0;
        T const wanted = v.cpu.read<T>(accumulator);
        u32 last = 0;
        while (last + 1 < in.count && goes_on(insn, wanted == element_at<T>(in.host, last))) ++last;
        host::Sub{}(wanted, element_at<T>(in.host, last), v.cpu.eflags.raw);
        advance<T, A>(v.cpu, destination_index, last + 1);
        return last + 1;
    }
};

/// ES:eDI is read first, and faults first, as processors do: the oracle test has it from one.
struct Cmps : Comparing {
    template <class T, class A> static Outcome once(Vcpu& v, Insn const& insn) {
        T first, second;
        TRY_GUEST((load_destination_element<T, A>(v, second)));
        TRY_GUEST((load_source_element<T, A>(v, insn, first)));
        host::Sub{}(first, second, v.cpu.eflags.raw);
        advance<T, A>(v.cpu, source_index);
        advance<T, A>(v.cpu, destination_index);
        return Outcome::next();
    }
    template <class T, class A> static u32 many(Vcpu& v, Insn const& insn, u32 most) {
        auto const second = source_run<T, A>(v, SegmentName::es, v.cpu.read<A>(destination_index), most);
        auto const first = source_run<T, A>(v, Vcpu::segment_of(insn), v.cpu.read<A>(source_index), second.count);
        if (first.count == 0) return 0;
        auto const equal_at = [&](u32 i) { return element_at<T>(first.host, i) == element_at<T>(second.host, i); };
        u32 last = 0;
        while (last + 1 < first.count && goes_on(insn, equal_at(last))) ++last;
        host::Sub{}(element_at<T>(first.host, last), element_at<T>(second.host, last), v.cpu.eflags.raw);
        advance<T, A>(v.cpu, source_index, last + 1);
        advance<T, A>(v.cpu, destination_index, last + 1);
        return last + 1;
    }
};

constexpr std::array rows{
    HandlerRow{Op::movs, choose_string<Movs>}, HandlerRow{Op::stos, choose_string<Stos>},
    HandlerRow{Op::lods, choose_string<Lods>}, HandlerRow{Op::scas, choose_string<Scas>},
    HandlerRow{Op::cmps, choose_string<Cmps>},
};

} // namespace

std::span<HandlerRow const> string_handlers() {
    return rows;
}

} // namespace ring3
