#include "driver/channel.h"

#include "base/assert.h"
#include "driver/region.h"
#include "host/guest_trap.h"

#include <bit>
#include <cstring>
#include <memory>

namespace ring3::driver {

namespace {

using FrameBytes = std::array<u8, sizeof(Frame)>;

bool fits(RingWriter const& ring, std::size_t payload) {
    return payload <= max_payload && ring.room() >= sizeof(Frame) + payload;
}

/// Writes a message if it fits, whole or not at all.
bool put_message(RingWriter& ring, Encoded const& message) {
    std::string_view const payload = message.payload();
    if (!fits(ring, payload.size())) return false;
    ring.put(std::bit_cast<FrameBytes>(message.frame));
    ring.put(payload);
    ring.publish();
    return true;
}

std::unexpected<Error> malformed(std::string what) {
    return fail(ExitStatus::internal, "the monitor broke the rules of the driver: " + std::move(what));
}

/// Takes one whole message out of the ring. Messages are published whole, so half a one is a broken rule too.
template <class Variant> Result<std::optional<Variant>> take_message(RingReader& ring) {
    auto const available = ring.available();
    if (!available) return malformed("impossible ring position");
    if (*available == 0) return std::optional<Variant>{};
    if (*available < sizeof(Frame)) return malformed("truncated frame");
    FrameBytes bytes;
    ring.take(bytes);
    auto const frame = std::bit_cast<Frame>(bytes);
    if (frame.length > max_payload || frame.length > *available - sizeof frame) return malformed("impossible length");
    std::string payload(frame.length, '\0');
    ring.take(std::span{payload});
    ring.publish();
    auto message = decode<Variant>(frame, std::move(payload));
    if (!message) return malformed("malformed message of kind " + std::to_string(frame.kind));
    return message;
}

} // namespace

// ---- AppEnd

AppEnd::AppEnd(Region& region, host::EventFd const& own, host::EventFd const& peer)
    : region_{&region},
      in_{region.to_app, region.to_app_ring},
      out_{region.to_monitor, region.to_monitor_ring},
      own_{&own},
      peer_{&peer},
      event_{own.number()} {}

Result<std::optional<FromMonitor>> AppEnd::receive() {
    auto message = take_message<FromMonitor>(in_);
    if (message && *message && region_->monitor_wants_room.load() != 0) {
        region_->monitor_wants_room.store(0);
        wake_monitor();
    }
    return message;
}

bool AppEnd::try_send(ToMonitor const& message) {
    if (!put_message(out_, encode(message))) return false;
    // If attention is still raised, the monitor was woken for an earlier message and has not looked yet: it will find this
    // one too, since it lowers attention before it looks. A doorbell costs more than a hundred messages.
    if (region_->attention.load() == 0) wake_monitor();
    return true;
}

bool AppEnd::has_room(std::size_t messages, std::size_t payload) const {
    return out_.room() >= messages * sizeof(Frame) + payload;
}

/// Whatever it does: it may be about to look at attention, asleep, or in translated code.
void AppEnd::wake_monitor() {
    region_->attention.store(1);
    peer_->signal();
    host::ring_doorbell(monitor_pid_);
}

bool AppEnd::prepare_wait() {
    // The order matters: first ask to be woken, then look once more. The monitor publishes first and then looks whether
    // it was asked (both sequentially consistent), so a message is either seen here or signalled there.
    region_->app_sleeps.store(1);
    return in_.available() == std::optional<std::size_t>{0};
}

void AppEnd::finish_wait() {
    region_->app_sleeps.store(0);
    own_->take();
}

Statistics const& AppEnd::statistics() const {
    return region_->statistics;
}

std::vector<TraceRecord> AppEnd::last_events(std::size_t most) const {
    // A copy, because a living monitor could move the ring's end while it is being walked.
    auto const copy = std::make_unique<TraceRing>();
    std::memcpy(static_cast<void*>(copy.get()), &region_->trace, sizeof(TraceRing));
    return copy->tail(most);
}

std::span<u8> AppEnd::disk_buffer(unsigned disk) {
    return region_->disk_buffers[disk % max_disks];
}

// ---- MonitorEnd

MonitorEnd::MonitorEnd(Region& region, host::EventFd const& own, host::EventFd const& peer)
    : region_{&region},
      attention_{&region.attention},
      in_{region.to_monitor, region.to_monitor_ring},
      out_{region.to_app, region.to_app_ring},
      own_{&own},
      peer_{&peer} {}

std::optional<ToMonitor> MonitorEnd::receive() {
    // Cleared before the look, so that a message which arrives after the look raises it again.
    if (in_.available() == std::optional<std::size_t>{0}) region_->attention.store(0);
    auto message = take_message<ToMonitor>(in_);
    return message ? std::move(*message) : std::nullopt;
}

bool MonitorEnd::has_room(std::size_t payload) const {
    return fits(out_, payload);
}

bool MonitorEnd::try_send(FromMonitor const& message) {
    auto const encoded = encode(message);
    if (!put_message(out_, encoded)) {
        region_->monitor_wants_room.store(1);
        // The app may have made room between the two lines above and found nobody asking.
        if (!put_message(out_, encoded)) return false;
    }
    if (region_->app_sleeps.load() != 0) peer_->signal();
    return true;
}

void MonitorEnd::send(FromMonitor const& message) {
    ASSERT(encode(message).payload().size() <= max_payload); // it would wait for ever
    while (!try_send(message)) own_->wait(std::nullopt);
}

void MonitorEnd::wait(std::optional<std::chrono::nanoseconds> timeout) {
    if (!attention()) own_->wait(timeout);
}

Statistics& MonitorEnd::statistics() {
    return region_->statistics;
}

std::span<u8> MonitorEnd::disk_buffer(unsigned disk) {
    return region_->disk_buffers[disk % max_disks];
}

TraceRing& MonitorEnd::trace() {
    return region_->trace;
}

// ---- Channel

Channel::Channel(host::SharedMemory memory, host::EventFd app_event, host::EventFd monitor_event)
    : memory_{std::move(memory)},
      app_event_{std::move(app_event)},
      monitor_event_{std::move(monitor_event)},
      region_{new (memory_.bytes().data()) Region} {} // the memory is zero already: this starts the objects' lifetimes

Result<Channel> Channel::create() {
    auto memory = TRY(host::SharedMemory::create("ring3-driver", sizeof(Region)));
    auto app_event = TRY(host::EventFd::create());
    auto monitor_event = TRY(host::EventFd::create());
    return Channel{std::move(memory), std::move(app_event), std::move(monitor_event)};
}

AppEnd Channel::app_end() {
    return {*region_, app_event_, monitor_event_};
}

MonitorEnd Channel::monitor_end() {
    return {*region_, monitor_event_, app_event_};
}

} // namespace ring3::driver
