// The operator's console (-monitor, Ctrl-a c): a line of text is a command to the machine, in the words of QEMU's
// human monitor. Its prompt is QEMU's too, because that is what scripts wait for.
#pragma once

#include "app/chardev.h"
#include "app/vm_control.h"

#include <string>

namespace ring3::app {

class OperatorConsole final : public CharUser {
public:
    OperatorConsole(Chardev& chardev, VmControl& vm);

    bool wants_input() const override { return chardev_.has_room() && !waiting_; }
    void input(std::string_view bytes) override;
    /// Greets at the first time, then shows the prompt.
    void focused() override;
    /// Greets again; a line that was begun is forgotten.
    void connected() override;

private:
    struct Command;
    static Command const commands[];

    void process_keys();
    void key(char key);
    void execute(std::string const& line);
    void answer_later();
    void answered();
    void print(std::string_view text);
    void prompt();

    void help();
    void info();
    void info_status();
    void info_registers();
    void dump_screen();
    void send_key();
    void info_network();
    void set_link();
    void info_balloon();
    void balloon();
    void info_block();
    void eject();
    void change();
    void info_version();
    void stop() { vm_.stop(); }
    void resume() { vm_.resume(); }
    void reset() { vm_.reset(); }
    void power_down() { vm_.press_power_button(); }
    void nmi() { vm_.raise_nmi(); }
    void quit() { vm_.quit(); }

    static constexpr std::size_t most_in_line = 1024;
    Chardev& chardev_;
    VmControl& vm_;
    std::string keys_; // typed, not yet looked at
    std::string line_;
    std::string argument_; // of the command that is being executed
    bool waiting_{};       // for the monitor's answer to a command: the prompt comes behind it
    bool executing_{};
    bool greeted_{};
    bool after_return_{};
};

} // namespace ring3::app
