#include "app/telnet.h"

namespace ring3::app {

namespace {

constexpr char byte(unsigned value) {
    return static_cast<char>(value);
}
constexpr char command_follows = byte(255), negotiation_begins = byte(250), negotiation_ends = byte(240),
               will = byte(251), dont = byte(254), please_do = byte(253), binary = 0, echo = 1, suppress_go_ahead = 3;

} // namespace

std::string Telnet::greeting() {
    return {command_follows, will, echo,   command_follows, will,      suppress_go_ahead,
            command_follows, will, binary, command_follows, please_do, binary};
}

std::string Telnet::escaped(std::string_view data) {
    std::string bytes;
    for (char const each : data) bytes.append(each == command_follows ? 2 : 1, each);
    return bytes;
}

std::string Telnet::data_of(std::string_view bytes) {
    std::string data;
    for (char const each : bytes) {
        switch (state_) {
        case State::data:
            if (each == command_follows)
                state_ = State::command;
            else
                data += each;
            break;
        case State::command:
            state_ = State::data;
            if (each == command_follows) data += each;
            if (each == negotiation_begins) state_ = State::negotiation;
            if (static_cast<u8>(each) >= static_cast<u8>(will) && static_cast<u8>(each) <= static_cast<u8>(dont))
                state_ = State::option;
            break;
        case State::option: state_ = State::data; break;
        case State::negotiation:
            if (each == command_follows) state_ = State::negotiation_command;
            break;
        case State::negotiation_command: state_ = each == negotiation_ends ? State::data : State::negotiation; break;
        }
    }
    return data;
}

} // namespace ring3::app
