// A TestMachine whose vector state is switched on, with shorthand for its registers.
#pragma once

#include "monitor/interpreter/fpu_state.h"
#include "monitor/interpreter/test_machine.h"
#include "monitor/interpreter/vector_register.h"

#include <bit>

namespace ring3 {

class VectorMachine : public TestMachine {
public:
    static constexpr u32 data = 0x10000; // a page of its own for operands
    static constexpr u32 page = 0x11000; // the page after it

    explicit VectorMachine(TestMode mode = TestMode::flat32) : TestMachine{mode} {
        reset_extended_state(cpu.fpu);
        init_components(state(), {{XComponents::all}});
        cpu.cr0 = cpu.cr0.with<Cr0::NE>(1).with<Cr0::MP>(1);
        cpu.cr4 = cpu.cr4.with<Cr4::OSFXSR>(1).with<Cr4::OSXMMEXCPT>(1).with<Cr4::OSXSAVE>(1);
        cpu.xcr0 = XComponents::all;
    }

    XImage& state() { return image(cpu.fpu); }
    FxImage& fx() { return state().fx; }

    template <class T> void set_xmm(unsigned number, std::initializer_list<T> values) {
        std::memcpy(&fx().xmm[number], values.begin(), values.size() * sizeof(T));
    }
    template <class T> T xmm(unsigned number, unsigned element) {
        return read_ymm(state(), number).element<T>(element);
    }
    /// Fills the register with a pattern, both halves.
    void fill_ymm(unsigned number, u8 seed) {
        VectorRegister value;
        for (unsigned i = 0; i < value.bytes.size(); ++i) value.bytes[i] = static_cast<u8>(seed + 37 * i);
        write_ymm(state(), number, value);
    }
    template <class T> void poke_all(u32 address, std::initializer_list<T> values) {
        for (T value : values) {
            poke<T>(address, value);
            address += sizeof(T);
        }
    }
    /// ST(i) as a double, if it is one exactly.
    double st(unsigned i) {
        long double value = 0;
        std::memcpy(&value, &fx().st[i], 10);
        return static_cast<double>(value);
    }
    unsigned top() { return fx().fsw.get<Fsw::Top>(); }
};

/// Does this machine's model, and so the host, have a feature?
inline bool lacks(TestMachine const& m, insn::Feature feature) {
    return !m.model().has(feature);
}

} // namespace ring3
