// The multiplexer: several users, such as a serial port and the operator's console, share one terminal. All may write;
// keys go to the one in focus. Ctrl-a and a letter speaks to the multiplexer itself, as QEMU's fingers know it:
//
//     Ctrl-a h  this list        Ctrl-a x  end          Ctrl-a c  next user        Ctrl-a b  break
//     Ctrl-a t  time stamps      Ctrl-a s  save disks   Ctrl-a Ctrl-a  Ctrl-a itself
#pragma once

#include "app/chardev.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ring3::app {

class Multiplexer final : private CharUser {
public:
    struct Hooks {
        std::function<void()> quit;          // Ctrl-a x
        std::function<u64()> milliseconds{}; // for time stamps; the host's monotonic clock if absent
    };
    Multiplexer(Chardev& shared, Hooks hooks);
    ~Multiplexer() override;

    /// A place for one more user, to be treated like a chardev of its own. The first one has the focus.
    Chardev& add_port();

private:
    class Port;
    friend class Port;
    static constexpr char escape_key = 0x01;          // Ctrl-a
    static constexpr std::size_t most_waiting = 4096; // keys that the user in focus has not wanted yet

    bool wants_input() const override { return waiting_.size() < most_waiting; }
    void input(std::string_view bytes) override;
    void input_ended() override;
    void connected() override;

    void key(char key);
    void command(char letter);
    void pass(char key);
    void deliver();
    void next_focus();
    void print(std::string_view text);
    void write(std::string_view bytes);
    std::string stamp();

    Chardev& shared_;
    Hooks hooks_;
    std::vector<std::unique_ptr<Port>> ports_;
    std::size_t focus_{};
    std::string waiting_;
    bool escaped_{};
    bool ended_{};
    bool stamps_{};
    bool at_line_start_{true};
    u64 stamps_since_{};
};

} // namespace ring3::app
