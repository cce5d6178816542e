// Ports without an original in any PC: QEMU's two debug devices, and ring3's own run control.
#pragma once

#include "monitor/devices/bus/outside.h"
#include "monitor/devices/bus/port_bus.h"

namespace ring3 {

/// isa-debug-exit: a write ends the VM with process status (value << 1) + 1; reads give 0.
class DebugExit final : public PortDevice {
public:
    explicit DebugExit(PowerSwitch& power) : power_{power} {}
    u8 read(u16) override { return 0; }
    void write(u16, u8 value) override { power_.debug_exit(value); }
    void write_wide(u16, u32 value, unsigned) override { power_.debug_exit(value); }

private:
    PowerSwitch& power_;
};

/// isa-debugcon, Bochs's port E9h: what is written comes out; it reads as E9h, by which programs find it.
class DebugConsole final : public PortDevice {
public:
    explicit DebugConsole(CharSink& sink) : sink_{sink} {}
    u8 read(u16) override { return 0xe9; }
    void write(u16, u8 value) override { sink_.write(value); }

private:
    CharSink& sink_;
};

/// What the helper program in `ring3 run`'s guest says to its VM.
///     +0  the command's exit status, which ring3 ends with when the guest powers off; reads back
///     +1  any write: the shell waits for input; reads 33h, '3', by which the helper finds the device
class RunControl final : public PortDevice {
public:
    static constexpr u16 port_count = 2;
    static constexpr u8 signature = '3';
    explicit RunControl(PowerSwitch& power) : power_{power} {}
    u8 read(u16 offset) override { return offset == 0 ? status_ : signature; }
    void write(u16 offset, u8 value) override {
        if (offset != 0) return power_.input_wanted();
        status_ = value;
        power_.set_exit_status(value);
    }
    void visit(auto&& archive) { archive("run.status", status_); }

private:
    PowerSwitch& power_;
    u8 status_{};
};

} // namespace ring3
