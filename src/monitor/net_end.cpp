#include "monitor/net_end.h"

#include <algorithm>

namespace ring3 {

void NetEnd::send(std::span<u8 const> frame, u16 segment) {
    untaken_ += static_cast<u32>(frame.size());
    while (!frame.empty()) {
        auto const part = frame.first(std::min(frame.size(), driver::max_payload));
        frame = frame.subspan(part.size());
        out_.push_back({nic_, !frame.empty(), segment, {part.begin(), part.end()}});
    }
    flush();
}

void NetEnd::flush() {
    while (!out_.empty() && channel_.try_send(out_.front())) out_.pop_front();
}

void NetEnd::taken(u32 bytes) {
    untaken_ -= std::min(bytes, untaken_);
}

void NetEnd::set_cable(bool plugged) {
    if (card_) card_->set_link(plugged);
}

void NetEnd::arrived(driver::FrameIn const& part) {
    partial_.insert(partial_.end(), part.bytes.begin(), part.bytes.end());
    if (part.more) return;
    in_.push_back(std::move(partial_));
    partial_.clear();
}

void NetEnd::hand_over() {
    if (handing_over_ || !card_) return;
    handing_over_ = true; // taking a frame makes the card say that it is ready
    while (!in_.empty() && card_->can_receive()) {
        std::vector<u8> const frame = std::move(in_.front());
        in_.pop_front();
        card_->receive(frame);
        done_ += static_cast<u32>(frame.size());
    }
    if (!in_.empty()) card_->frames_wait();
    handing_over_ = false;
    // Told in large pieces: the app has a window's worth to send meanwhile.
    bool const worth_telling = done_ >= driver::FrameIn::window / 8 || (done_ != 0 && in_.empty());
    if (worth_telling && channel_.try_send(driver::FrameInTaken{nic_, done_})) done_ = 0;
}

void NetEnd::pump() {
    flush();
    hand_over();
    if (card_ && ready()) card_->port_ready();
}

} // namespace ring3
