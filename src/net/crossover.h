// Crossover: two back ends joined by a cable, without a guest in between: a switch and its uplink.
#pragma once

#include "net/backend.h"

namespace ring3::net {

class Crossover {
public:
    Crossover(Backend& first, Backend& second) : to_second_{first, second}, to_first_{second, first} {}
    Crossover(Crossover const&) = delete;

private:
    /// What comes out of one back end goes into the other.
    struct End final : Station {
        End(Backend& from_, Backend& to_) : to{to_} { from_.connect(*this); }
        bool ready() const override { return to.ready(); }
        void arrive(Frame frame) override { to.send(frame); }
        void backend_ready() override { to.station_ready(); }
        Backend& to;
    };
    End to_second_, to_first_;
};

} // namespace ring3::net
