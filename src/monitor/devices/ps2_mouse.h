// A PS/2 mouse with two buttons and a middle one, three-byte packets.
//
// Models: all commands, stream and remote mode, wrap mode, status, sample rate and resolution (kept and reported).
// Missing: a wheel (the identity is 00h), the sample rate's pacing.
// Source: IBM PS/2 Hardware Interface Technical Reference, "Auxiliary device".
#pragma once

#include "monitor/devices/byte_fifo.h"

namespace ring3 {

class Ps2Mouse {
public:
    /// Movement since the last event, right and up positive; buttons: bit 0 left, 1 right, 2 middle.
    void move(int dx, int dy, u8 buttons);

    void write(u8 byte);
    bool has_output() const { return !output_.empty(); }
    u8 read() { return output_.pop(); }
    void reset();

    void visit(auto&& archive) {
        archive("mouse.expects", argument_of_);
        archive("mouse.reporting", reporting_);
        archive("mouse.remote", remote_);
        archive("mouse.wrap", wrap_);
        archive("mouse.scaling", scaling_);
        archive("mouse.resolution", resolution_);
        archive("mouse.rate", rate_);
        archive("mouse.buttons", buttons_);
        archive("mouse.dx", dx_);
        archive("mouse.dy", dy_);
        output_.visit(archive);
    }

private:
    void send(u8 byte) { static_cast<void>(output_.push(byte)); }
    void send_packet();
    void send_status();
    void command(u8 byte);
    void set_defaults();

    ByteFifo<16> output_;
    u8 argument_of_{};
    bool reporting_{}, remote_{}, wrap_{}, scaling_{};
    u8 resolution_{2};
    u8 rate_{100};
    u8 buttons_{};
    int dx_{}, dy_{};
};

} // namespace ring3
