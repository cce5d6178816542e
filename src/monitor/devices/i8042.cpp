#include "monitor/devices/i8042.h"

namespace ring3 {

namespace {

enum Command : u8 {
    read_config = 0x20,
    read_ram_last = 0x3f,
    write_config = 0x60,
    write_ram_last = 0x7f,
    test_password = 0xa4,
    aux_off = 0xa7,
    aux_on = 0xa8,
    test_aux = 0xa9,
    self_test = 0xaa,
    test_keyboard = 0xab,
    keyboard_off = 0xad,
    keyboard_on = 0xae,
    read_input_port = 0xc0,
    read_output_port = 0xd0,
    write_output_port = 0xd1,
    write_keyboard_buffer = 0xd2,
    write_aux_buffer = 0xd3,
    write_aux = 0xd4,
    a20_off = 0xdd,
    a20_on = 0xdf,
    read_test_inputs = 0xe0,
    pulse_first = 0xf0,
};

constexpr u8 test_passed = 0x00, self_test_passed = 0x55, no_password = 0xf1;
constexpr u8 input_port = 0xbf; // keyboard not locked, color display, manufacturing jumper open

} // namespace

I8042::I8042(Line& irq1, Line& irq12, Line& a20, Line& reset_pin)
    : irq1_{irq1}, irq12_{irq12}, a20_{a20}, reset_{reset_pin} {
    reset();
}

void I8042::reset() {
    status_ = Status{}.with<Status::SYS>(1).with<Status::Unlocked>(1);
    config_ = Config{}
                  .with<Config::KeyboardInterrupt>(1)
                  .with<Config::SYS>(1)
                  .with<Config::AuxOff>(1)
                  .with<Config::Translate>(1);
    ram_ = {};
    pending_ = output_ = 0;
    break_seen_ = false;
    answers_.clear();
    answers_from_aux_.clear();
    keyboard_.reset();
    mouse_.reset();
    set_output_port(OutputPort{}.with<OutputPort::Run>(1).with<OutputPort::A20>(1));
    update_irqs();
}

u8 I8042::read_data() {
    u8 const value = output_; // an empty buffer gives the last byte again
    status_ = status_.with<Status::OBF>(0);
    update_irqs(); // the line falls before the next byte raises it: ISA interrupts are edges
    fill_output();
    return value;
}

void I8042::write_command(u8 command) {
    status_ = status_.with<Status::CMD>(1);
    pending_ = 0;
    if (command >= pulse_first) return pulse_output(command & 0x0f);
    if (command >= read_config && command <= read_ram_last)
        return answer(command == read_config ? config_.raw : ram_[command % 32]);
    if (command >= write_config && command <= write_ram_last) {
        pending_ = command;
        return;
    }
    switch (command) {
    case test_password: return answer(no_password);
    case aux_off:
    case aux_on: config_ = config_.with<Config::AuxOff>(command == aux_off); break;
    case test_aux:
    case test_keyboard: return answer(test_passed);
    case self_test: status_ = status_.with<Status::SYS>(1); return answer(self_test_passed);
    case keyboard_off:
    case keyboard_on: config_ = config_.with<Config::KeyboardOff>(command == keyboard_off); break;
    case read_input_port: return answer(input_port);
    case read_output_port: return answer(output_port_.raw);
    case write_output_port:
    case write_keyboard_buffer:
    case write_aux_buffer:
    case write_aux: pending_ = command; break;
    case a20_off:
    case a20_on: set_output_port(output_port_.with<OutputPort::A20>(command == a20_on)); break;
    case read_test_inputs: return answer(0);
    default: break; // unknown commands are ignored, as the controller's program does
    }
    fill_output();
}

/// Bits that are 0 go low for about 6 us; bit 0 is the processor's reset.
void I8042::pulse_output(u8 kept_high) {
    if (!(kept_high & 1)) reset_.pulse();
}

void I8042::write_data(u8 value) {
    status_ = status_.with<Status::CMD>(0);
    u8 const command = pending_;
    pending_ = 0;
    if (command) {
        complete(command, value);
    } else {
        config_ = config_.with<Config::KeyboardOff>(0); // talking to the keyboard switches its clock on
        keyboard_.write(value);
    }
    fill_output();
}

/// The data byte of a command that wants one.
void I8042::complete(u8 command, u8 value) {
    switch (command) {
    case write_config:
        config_.raw = value;
        update_irqs();
        break;
    case write_output_port: {
        OutputPort const next{{value}};
        set_output_port(next.with<OutputPort::Run>(1));
        if (!next.has<OutputPort::Run>()) reset_.pulse();
        break;
    }
    case write_keyboard_buffer: answer(value); break;
    case write_aux_buffer: answer(value, From::aux); break;
    case write_aux:
        config_ = config_.with<Config::AuxOff>(0);
        mouse_.write(value);
        break;
    default: ram_[command % 32] = value; break; // 61h..7Fh
    }
}

void I8042::set_output_port(OutputPort value) {
    u64 const outputs_of_ours = mask_of<OutputPort::Irq1, OutputPort::Irq12>();
    output_port_.raw = static_cast<u8>((value.raw & ~outputs_of_ours) | (output_port_.raw & outputs_of_ours));
    a20_.set(output_port_.has<OutputPort::A20>());
}

// ---- the output buffer: the controller's own answers first, then the keyboard, then the mouse

void I8042::answer(u8 value, From from) {
    if (answers_.push(value)) answers_from_aux_.push(from == From::aux);
    fill_output();
}

void I8042::fill_output() {
    if (status_.has<Status::OBF>()) return;
    if (!answers_.empty()) {
        u8 const value = answers_.pop();
        put(value, answers_from_aux_.pop() ? From::aux : From::keyboard);
    } else if (!config_.has<Config::KeyboardOff>() && take_keyboard_byte()) {
        // put by take_keyboard_byte
    } else if (!config_.has<Config::AuxOff>() && mouse_.has_output()) {
        put(mouse_.read(), From::aux);
    }
}

/// Translation folds set 2's "F0h code" into set 1's "code | 80h".
bool I8042::take_keyboard_byte() {
    while (keyboard_.has_output()) {
        u8 const byte = keyboard_.read();
        if (!config_.has<Config::Translate>()) {
            put(byte, From::keyboard);
            return true;
        }
        if (byte == 0xf0) {
            break_seen_ = true;
            continue;
        }
        put(static_cast<u8>(set1_from_set2(byte) | (break_seen_ ? 0x80 : 0)), From::keyboard);
        break_seen_ = false;
        return true;
    }
    return false;
}

void I8042::put(u8 value, From from) {
    output_ = value;
    status_ = status_.with<Status::OBF>(1).with<Status::AUXB>(from == From::aux);
    update_irqs();
}

void I8042::update_irqs() {
    bool const full = status_.has<Status::OBF>(), aux = status_.has<Status::AUXB>();
    bool const irq1 = full && !aux && config_.has<Config::KeyboardInterrupt>();
    bool const irq12 = full && aux && config_.has<Config::AuxInterrupt>();
    output_port_ = output_port_.with<OutputPort::Irq1>(irq1).with<OutputPort::Irq12>(irq12);
    irq1_.set(irq1);
    irq12_.set(irq12);
}

void I8042::press(Ps2Keyboard::Key key) {
    keyboard_.press(key);
    fill_output();
}

void I8042::release(Ps2Keyboard::Key key) {
    keyboard_.release(key);
    fill_output();
}

void I8042::move_mouse(int dx, int dy, u8 buttons) {
    mouse_.move(dx, dy, buttons);
    fill_output();
}

} // namespace ring3
