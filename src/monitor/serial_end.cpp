#include "monitor/serial_end.h"

#include <utility>

namespace ring3 {

void SerialEnd::set_modem_lines(bool dtr, bool rts) {
    modem_lines_ = driver::ModemLines{port_, dtr, rts};
}

void SerialEnd::flush() {
    if (!out_.empty()) channel_.send(driver::SerialOut{port_, std::exchange(out_, {})});
}

void SerialEnd::pump(Uart16550& uart) {
    if (modem_lines_ && channel_.try_send(*modem_lines_)) modem_lines_.reset();
    if (!out_.empty() && channel_.try_send(driver::SerialOut{port_, out_})) out_.clear();
    if (std::exchange(break_, false)) uart.receive_break();
    u32 taken = 0;
    for (; !in_.empty() && uart.can_receive(); in_.pop_front(), ++taken) uart.receive(static_cast<u8>(in_.front()));
    if (taken != 0) channel_.send(driver::SerialTaken{port_, taken});
}

} // namespace ring3
