// The driver (G2): the conduit between the app, which owns every host resource, and a monitor, which owns none.
//
//      app                        shared memory (sealed memfd)                     monitor
//   AppEnd ----- SerialIn, Pause, ... --> [ ring, 1 MiB   ] -- eventfd, attention --> MonitorEnd
//          <-- eventfd -- [ ring, 1 MiB ] <-- SerialOut, PowerOff, LogText ... ------
//          <------------------- [ Statistics ]  [ TraceRing ] <----------------------
//
// Whoever is asleep is woken through an eventfd; whoever is awake finds messages without any system call. The monitor's
// run loop tests one word, attention(), between turns of guest code; translated code, which does not look, is stopped by
// the app's doorbell (host/guest_trap.h).
//
// Threat model. A guest may own its monitor: whatever the monitor can write is the guest's word. So the app
//   - copies a message out of the ring once and looks only at the copy;
//   - checks every position, length, index and value; the first one out of range ends this VM with a clear line;
//   - never waits for the monitor, and never lets it make the app's memory grow (a full console stops the reading);
//   - believes Statistics and TraceRing nothing but that they are some bytes to show.
// The monitor trusts the app, which made it.
#pragma once

#include "base/trace.h"
#include "driver/codec.h"
#include "driver/ring.h"
#include "driver/statistics.h"
#include "host/event_fd.h"
#include "host/shared_memory.h"

#include <array>
#include <chrono>
#include <optional>
#include <vector>

namespace ring3::driver {

struct Region; // what lies in the shared memory

/// The app's side. Nothing here blocks.
class AppEnd {
public:
    /// The next message, none if there is none now, or an error if the monitor broke the rules.
    Result<std::optional<FromMonitor>> receive();
    /// False, and nothing sent, while there is no room.
    bool try_send(ToMonitor const& message);
    /// Is there room for so many messages with so many bytes of payload between them?
    bool has_room(std::size_t messages, std::size_t payload) const;

    /// The monitor's process, which is sent a signal with every message, so that it leaves running guest code at once;
    /// 0: none, and once it has been waited for, because its number may then be another's.
    void set_doorbell(int pid) { monitor_pid_ = pid; }

    /// Readable when messages arrive. Poll it only after prepare_wait() has said that nothing waits already.
    int event_fd() const { return event_; }
    /// Asks the monitor to signal the next message. False if one is there already: receive it first.
    bool prepare_wait();
    /// After the poll, whatever woke it.
    void finish_wait();

    /// The bytes of a BlockRequest without segments. The monitor may change them at any time.
    std::span<u8> disk_buffer(unsigned disk);

    Statistics const& statistics() const;
    /// The monitor's newest trace records, oldest first; also, and above all, after its death.
    std::vector<TraceRecord> last_events(std::size_t most) const;

private:
    friend class Channel;
    AppEnd(Region& region, host::EventFd const& own, host::EventFd const& peer);
    void wake_monitor();
    Region* region_;
    RingReader in_;
    RingWriter out_;
    host::EventFd const* own_;
    host::EventFd const* peer_;
    int event_;
    int monitor_pid_{};
};

/// The monitor's side.
class MonitorEnd {
public:
    /// True if a message or newly freed room may be waiting. One relaxed load: for the run loop.
    bool attention() const { return attention_->load(std::memory_order_relaxed) != 0; }
    /// The next message, if any. Clears attention() when there is none left.
    std::optional<ToMonitor> receive();

    /// Is there room for a message with that many bytes of payload?
    bool has_room(std::size_t payload) const;
    /// False, and nothing sent, while there is no room; the app then raises attention() once it has made some.
    bool try_send(FromMonitor const& message);
    /// Sends, and sleeps while there is no room: for log text, registers and last words.
    void send(FromMonitor const& message);

    /// Sleeps until attention(), the time is over or a signal arrives. No time: however long it takes.
    void wait(std::optional<std::chrono::nanoseconds> timeout);

    /// For BlockRequests without segments: the app's while one is under way.
    std::span<u8> disk_buffer(unsigned disk);

    Statistics& statistics();
    TraceRing& trace();

private:
    friend class Channel;
    MonitorEnd(Region& region, host::EventFd const& own, host::EventFd const& peer);
    Region* region_;
    std::atomic<u32> const* attention_;
    RingReader in_;
    RingWriter out_;
    host::EventFd const* own_;
    host::EventFd const* peer_;
};

/// Both ends' common property. The app makes one per monitor before it forks; each process then takes its end.
/// The channel outlives its ends and stays where it is.
class Channel {
public:
    static Result<Channel> create();

    /// To be called once per process and channel: an end holds positions of its own.
    AppEnd app_end();
    MonitorEnd monitor_end();
    /// What the monitor must not close when it closes everything else.
    std::array<int, 2> monitor_fds() const { return {app_event_.number(), monitor_event_.number()}; }

private:
    Channel(host::SharedMemory memory, host::EventFd app_event, host::EventFd monitor_event);
    host::SharedMemory memory_;
    host::EventFd app_event_;     // the monitor signals, the app waits
    host::EventFd monitor_event_; // the app signals, the monitor waits
    Region* region_;              // in memory_
};

} // namespace ring3::driver
