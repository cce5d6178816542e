// The PC's keyboard controller, an Intel 8042 with IBM's PS/2 program, with a keyboard and a mouse on it.
//
// Models: data port 60h and command port 64h, the configuration byte, translation to scan code set 1, self tests, A20 and
//         reset by the output port, IRQ 1 and IRQ 12, loopback of D2h and D3h.
// Missing: passwords, time on the wires (an answer is there at once), the four-mouse multiplexer.
// Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and auxiliary device controller".
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/byte_port.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/ps2_keyboard.h"
#include "monitor/devices/ps2_mouse.h"

namespace ring3 {

class I8042 {
public:
    static constexpr PortRange data_ports{0x60, 1};
    static constexpr PortRange command_ports{0x64, 1};

    I8042(Line& irq1, Line& irq12, Line& a20, Line& reset_pin);

    PortDevice& data_port() { return data_; }
    PortDevice& command_port() { return command_; }

    u8 read_data();
    u8 read_status() { return status_.raw; }
    void write_data(u8 value);
    void write_command(u8 value);

    // ---- what a person does
    void press(Ps2Keyboard::Key key);
    void release(Ps2Keyboard::Key key);
    void move_mouse(int dx, int dy, u8 buttons);

    /// As firmware leaves it: keyboard on, its interrupt too, translating; mouse off; A20 on.
    void reset();

    void visit(auto&& archive) {
        archive("8042.status", status_.raw);
        archive("8042.config", config_.raw);
        archive("8042.ram", ram_);
        archive("8042.pending", pending_);
        archive("8042.output", output_);
        archive("8042.output_port", output_port_.raw);
        archive("8042.break_seen", break_seen_);
        answers_.visit(archive);
        answers_from_aux_.visit(archive);
        keyboard_.visit(archive);
        mouse_.visit(archive);
    }

private:
    struct Status : Reg<Status, u8> {
        using OBF = Field<0>; // output buffer full: port 60h has a byte
        using IBF = Field<1>;
        using SYS = Field<2>; // self test passed
        using CMD = Field<3>; // the last write went to port 64h
        using Unlocked = Field<4>;
        using AUXB = Field<5>; // the byte is the mouse's
    };
    struct Config : Reg<Config, u8> {
        using KeyboardInterrupt = Field<0>;
        using AuxInterrupt = Field<1>;
        using SYS = Field<2>;
        using KeyboardOff = Field<4>;
        using AuxOff = Field<5>;
        using Translate = Field<6>;
    };
    struct OutputPort : Reg<OutputPort, u8> {
        using Run = Field<0>; // low resets the processor
        using A20 = Field<1>;
        using Irq1 = Field<4>;
        using Irq12 = Field<5>;
    };
    enum class From : u8 { keyboard, aux };

    void answer(u8 value, From from = From::keyboard);
    void pulse_output(u8 kept_high);
    void set_output_port(OutputPort value);
    void complete(u8 command, u8 value);
    bool take_keyboard_byte();
    void fill_output();
    void put(u8 value, From from);
    void update_irqs();

    Line& irq1_;
    Line& irq12_;
    Line& a20_;
    Line& reset_;
    BytePort<I8042, &I8042::read_data, &I8042::write_data> data_{*this};
    BytePort<I8042, &I8042::read_status, &I8042::write_command> command_{*this};
    Status status_{};
    Config config_{};
    std::array<u8, 32> ram_{}; // [0] is config_'s place and unused
    u8 pending_{};             // the command whose data byte comes next
    u8 output_{};              // the output buffer
    OutputPort output_port_{};
    bool break_seen_{}; // translation: F0h came, the next code is a release
    ByteFifo<8> answers_;
    ByteFifo<8> answers_from_aux_;
    Ps2Keyboard keyboard_;
    Ps2Mouse mouse_;
};

} // namespace ring3
