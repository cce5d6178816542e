#include "app/nic_line.h"

#include <algorithm>
#include <ctime>

namespace ring3::app {

namespace {

/// Microseconds since 1970, as captures have them.
u64 wall_microseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<u64>(now.tv_sec) * 1'000'000 + static_cast<u64>(now.tv_nsec) / 1000;
}

std::size_t messages_for(std::size_t bytes) {
    return (bytes + driver::max_payload - 1) / driver::max_payload;
}

} // namespace

NicLine::NicLine(u8 nic, net::Backend* backend) : nic_{nic}, backend_{backend} {
    if (backend_) backend_->connect(*this);
}

void NicLine::attach(driver::AppEnd* driver) {
    driver_ = driver;
    untaken_ = outstanding_ = done_ = 0;
    waiting_.clear();
    partial_.clear();
    outgoing_.clear();
}

void NicLine::record(std::span<u8 const> frame) {
    for (auto const& dump : dumps_)
        if (!dump.writer->write(frame, wall_microseconds())) dump.failed();
}

// ---- to the guest

bool NicLine::may_send(std::size_t bytes) const {
    return untaken_ < driver::FrameIn::window && driver_->has_room(messages_for(bytes), bytes);
}

bool NicLine::ready() const {
    return driver_ && waiting_.empty() && may_send(net::most_frame);
}

void NicLine::arrive(net::Frame frame) {
    record(frame.bytes);
    if (!driver_) return;
    if (waiting_.empty() && may_send(frame.bytes.size())) return send_now(frame.bytes);
    if (waiting_.size() < most_waiting)
        waiting_.emplace_back(frame.bytes.begin(), frame.bytes.end());
    else
        ++lost_;
}

void NicLine::send_now(std::span<u8 const> frame) {
    untaken_ += static_cast<u32>(frame.size());
    while (!frame.empty()) {
        auto const part = frame.first(std::min(frame.size(), driver::max_payload));
        frame = frame.subspan(part.size());
        driver_->try_send(driver::FrameIn{nic_, !frame.empty(), {part.begin(), part.end()}});
    }
}

bool NicLine::taken(u32 bytes) {
    if (bytes > untaken_) return false;
    untaken_ -= bytes;
    flush_waiting();
    if (backend_ && waiting_.empty()) backend_->station_ready();
    return true;
}

void NicLine::flush_waiting() {
    while (driver_ && !waiting_.empty() && may_send(waiting_.front().size())) {
        send_now(waiting_.front());
        waiting_.pop_front();
    }
}

// ---- from the guest

bool NicLine::sent(driver::FrameOut const& part) {
    // The last frame of a window may exceed it.
    constexpr std::size_t most_outstanding = driver::FrameOut::window + net::most_frame;
    outstanding_ += static_cast<u32>(part.bytes.size());
    partial_.insert(partial_.end(), part.bytes.begin(), part.bytes.end());
    if (outstanding_ > most_outstanding || partial_.size() > net::most_frame || part.bytes.empty()) return false;
    if (part.more) return true;
    if (!net::is_frame_length(partial_.size())) return false;
    record(partial_);
    if (backend_ && (!backend_->ready() || !outgoing_.empty())) {
        outgoing_.push_back({std::move(partial_), part.segment});
    } else {
        if (backend_) backend_->send({partial_, part.segment});
        done_ += static_cast<u32>(partial_.size());
    }
    partial_.clear();
    if (done_ >= driver::FrameOut::window / 4) give_back();
    return true;
}

void NicLine::flush_outgoing() {
    while (!outgoing_.empty() && backend_->ready()) {
        auto const packet = std::move(outgoing_.front());
        outgoing_.pop_front();
        backend_->send({packet.bytes, packet.segment});
        done_ += static_cast<u32>(packet.bytes.size());
    }
}

void NicLine::give_back() {
    if (!driver_ || done_ == 0 || !driver_->try_send(driver::FrameOutTaken{nic_, done_})) return;
    outstanding_ -= std::min(outstanding_, done_);
    done_ = 0;
}

void NicLine::prepare(std::vector<pollfd>&, int& timeout) {
    if (!outgoing_.empty()) flush_outgoing();
    flush_waiting();
    give_back();
    // The ring is full of other things: nobody says when it is not.
    if (driver_ && !waiting_.empty() && untaken_ < driver::FrameIn::window) shorten(timeout, 1);
    for (auto const& dump : dumps_)
        if (!dump.writer->flush()) dump.failed();
}

} // namespace ring3::app
