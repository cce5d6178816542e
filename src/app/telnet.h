// Telnet's own bytes: what a socket chardev with "telnet" says first, and takes out of what comes. A client then sends each
// key as it is typed and shows only what comes back.
// Source: RFC 854; options RFC 856 (binary), 857 (echo), 858 (suppress go-ahead).
#pragma once

#include "base/types.h"

#include <string>
#include <string_view>

namespace ring3::app {

class Telnet {
public:
    /// What a client hears first.
    static std::string greeting();
    /// Data as it goes over the wire.
    static std::string escaped(std::string_view data);
    /// The data in what has come; a command may be cut at any byte.
    std::string data_of(std::string_view bytes);

private:
    enum class State : u8 { data, command, option, negotiation, negotiation_command };
    State state_{State::data};
};

} // namespace ring3::app
