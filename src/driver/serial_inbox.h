// SerialInbox: the monitor's end of one serial port's receive direction. It keeps what SerialIn messages brought until the
// UART asks for it, and tells the app (SerialTaken) when there is room for more, in few and large steps.
#pragma once

#include "driver/channel.h"

#include <deque>

namespace ring3::driver {

class SerialInbox {
public:
    SerialInbox(MonitorEnd& end, u8 port) : end_{end}, port_{port} {}

    void add(SerialIn const& message) { bytes_.insert(bytes_.end(), message.bytes.begin(), message.bytes.end()); }
    bool empty() const { return bytes_.empty(); }
    /// The next character for the UART's receiver, if there is one.
    std::optional<u8> take() {
        if (bytes_.empty()) return std::nullopt;
        u8 const byte = static_cast<u8>(bytes_.front());
        bytes_.pop_front();
        if (++taken_ >= SerialIn::window / 4 || bytes_.empty()) report();
        return byte;
    }

private:
    void report() {
        // No room to say it now: a later character, or the next message, says it together with its own.
        if (end_.try_send(SerialTaken{port_, taken_})) taken_ = 0;
    }
    MonitorEnd& end_;
    std::deque<char> bytes_;
    u32 taken_{};
    u8 port_;
};

} // namespace ring3::driver
