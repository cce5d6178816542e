#include "monitor/devices/parallel_port.h"

namespace ring3 {

u8 ParallelPort::read(u16 offset) {
    switch (offset) {
    case 0: return data_;
    case 1: {
        Status const ready = Status{{0x07}}.with<Status::NotError>(1).with<Status::Selected>(1).with<Status::NotAck>(1);
        return ready.with<Status::NotBusy>(!busy_).raw;
    }
    default: return control_.raw | 0xc0; // unconnected bits read as ones
    }
}

void ParallelPort::write(u16 offset, u8 value) {
    if (offset == 0) data_ = value;
    if (offset == 2) write_control({{value}});
}

/// The printer takes the data as the strobe begins.
void ParallelPort::write_control(Control value) {
    bool const strobes = value.has<Control::Strobe>() && !control_.has<Control::Strobe>();
    control_.raw = value.raw & 0x3f;
    if (!control_.has<Control::IrqEnable>()) irq_.set(false);
    if (!strobes || busy_) return;
    strobed_ = data_;
    busy_ = true;
    try_to_send();
}

void ParallelPort::try_to_send() {
    if (!busy_) return;
    if (!sink_.ready()) return retry_.arm(timers_.now() + retry_interval);
    sink_.write(strobed_);
    busy_ = false;
    irq_.set(false); // the acknowledge pulse: its trailing edge interrupts
    irq_.set(control_.has<Control::IrqEnable>());
}

void ParallelPort::reset() {
    data_ = 0;
    busy_ = false;
    control_.raw = 0x0c;
    irq_.set(false);
    retry_.cancel();
}

} // namespace ring3
