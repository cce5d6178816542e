#include "app/event_loop.h"

#include "host/time.h"

#include <algorithm>
#include <climits>
#include <poll.h>

namespace ring3::app {

Alarm::Alarm(EventLoop& loop, std::function<void()> rings) : loop_{loop}, rings_{std::move(rings)} {
    loop_.alarms_.push_back(this);
}

Alarm::~Alarm() {
    std::erase(loop_.alarms_, this);
}

void Alarm::set(std::chrono::milliseconds after) {
    at_ = host::monotonic_nanoseconds() + static_cast<u64>(std::chrono::nanoseconds{after}.count());
}

int EventLoop::poll_timeout() const {
    std::optional<u64> earliest;
    for (Alarm const* alarm : alarms_)
        if (alarm->at_ && (!earliest || *alarm->at_ < *earliest)) earliest = alarm->at_;
    if (!earliest) return -1;
    u64 const now = host::monotonic_nanoseconds();
    if (*earliest <= now) return 0;
    return static_cast<int>(std::min<u64>((*earliest - now) / 1'000'000 + 1, INT_MAX));
}

void EventLoop::ring_alarms() {
    u64 const now = host::monotonic_nanoseconds();
    for (;;) {
        auto const due =
            std::ranges::find_if(alarms_, [&](Alarm const* alarm) { return alarm->at_ && *alarm->at_ <= now; });
        if (due == alarms_.end()) return;
        Alarm& alarm = **due;
        alarm.cancel(); // before the call, which may set it again
        alarm.rings_();
    }
}

void EventLoop::turn(Sleep sleep) {
    std::vector<pollfd> entries;
    std::vector<EventSource*> asked;
    for (EventSource* source : sources_) {
        short const interest = source->interest();
        if (interest == 0 || source->fd() < 0) continue;
        entries.push_back({source->fd(), interest, 0});
        asked.push_back(source);
    }
    int timeout = sleep == Sleep::must_not ? 0 : poll_timeout();
    std::vector<std::size_t> starts;
    for (auto* client : clients_) {
        starts.push_back(entries.size());
        client->prepare(entries, timeout);
    }
    starts.push_back(entries.size());
    ::poll(entries.data(), entries.size(), timeout);
    for (std::size_t i = 0; i < clients_.size(); ++i) // clients come and go between turns only
        clients_[i]->dispatch(std::span{entries}.subspan(starts[i], starts[i + 1] - starts[i]));
    for (std::size_t i = 0; i < asked.size(); ++i) {
        // An earlier source's handler may have removed this one.
        bool const still_there = std::ranges::find(sources_, asked[i]) != sources_.end();
        if (entries[i].revents != 0 && still_there) asked[i]->ready(entries[i].revents);
    }
    ring_alarms();
}

} // namespace ring3::app
