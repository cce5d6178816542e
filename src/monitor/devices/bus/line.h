// A wire between chips: the output pin of one, the input pin of another.
#pragma once

#include "base/types.h"

namespace ring3 {

/// An input pin. Chips hold references to the Lines they drive; the board decides where a Line ends.
class Line {
public:
    virtual ~Line() = default;
    virtual void set(bool high) = 0;
    /// High, then low again.
    void pulse() {
        set(true);
        set(false);
    }
};

/// A pin that leads nowhere; it remembers its level, which is what tests ask for.
class OpenLine final : public Line {
public:
    void set(bool high) override {
        rises_ += high && !level_;
        level_ = high;
    }
    bool level() const { return level_; }
    unsigned rises() const { return rises_; }

private:
    bool level_{};
    unsigned rises_{};
};

/// A pin that calls a member function of its chip: `Pin<Pic8259, &Pic8259::set_irq>{pic, 4}`.
template <class Chip, void (Chip::*Set)(unsigned, bool)> class Pin final : public Line {
public:
    Pin(Chip& chip, unsigned number) : chip_{chip}, number_{number} {}
    void set(bool high) override { (chip_.*Set)(number_, high); }

private:
    Chip& chip_;
    unsigned number_;
};

} // namespace ring3
