// Wires with more than one end.
#pragma once

#include "monitor/devices/bus/line.h"

#include <array>

namespace ring3 {

/// Up to 32 drivers, one wire: high while one of them is (what open-collector interrupt lines do).
class OrGate {
public:
    explicit OrGate(Line& output) : output_{output} {}
    void set_input(unsigned number, bool high) {
        u32 const bit = u32{1} << (number % 32);
        inputs_ = high ? inputs_ | bit : inputs_ & ~bit;
        output_.set(inputs_ != 0);
    }
    void visit(auto&& archive) { archive("or.inputs", inputs_); }

private:
    Line& output_;
    u32 inputs_{};
};

/// Several drivers, one wire: it has the level that was asked for last.
class LastWord {
public:
    explicit LastWord(Line& output) : output_{output} {}
    void set_input(unsigned /*number*/, bool high) {
        level_ = high;
        output_.set(high);
    }
    void visit(auto&& archive) { archive("level", level_); }

private:
    Line& output_;
    bool level_{};
};

/// One driver, two ends.
class Fork final : public Line {
public:
    Fork(Line& first, Line& second) : first_{first}, second_{second} {}
    void set(bool high) override {
        first_.set(high);
        second_.set(high);
    }

private:
    Line& first_;
    Line& second_;
};

/// A wire whose level somebody looks at.
class Level final : public Line {
public:
    void set(bool high) override { high_ = high; }
    bool high() const { return high_; }
    void visit(auto&& archive) { archive("level", high_); }

private:
    bool high_{};
};

} // namespace ring3
