#include "app/machine_watch.h"

#include "host/process.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ring3::app {

namespace {
constexpr std::size_t most_words = 8192;
}

short MachineWatch::Source::interest() const {
    return wanted() ? short{POLLIN} : short{0};
}

MachineWatch::MachineWatch(EventLoop& loop, Machine& machine, std::function<bool()> messages_wanted)
    : loop_{loop}, machine_{machine} {
    messages_.number = machine.driver().event_fd();
    messages_.wanted = std::move(messages_wanted);
    messages_.handler = [] {}; // being awake is all: the session looks into the ring each turn
    death_.number = machine.pidfd();
    death_.wanted = [this] { return !died_; };
    death_.handler = [this] { died_ = true; };
    words_.number = machine.last_words_fd();
    words_.wanted = [this] { return !silent_; };
    words_.handler = [this] { read_last_words(); };
    for (auto* source : {&messages_, &death_, &words_}) loop_.add(*source);
}

MachineWatch::~MachineWatch() {
    for (auto* source : {&messages_, &death_, &words_}) loop_.remove(*source);
}

void MachineWatch::read_last_words() {
    std::array<char, 1024> buffer;
    for (int i = 0; i < 64; ++i) { // a pipe's worth: a monitor that writes without end must not keep us here
        auto const count = ::read(words_.number, buffer.data(), buffer.size());
        if (count == 0) silent_ = true;
        if (count <= 0) return;
        auto const room = most_words - last_words_.size();
        last_words_.append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
    }
}

std::string printable(std::string_view text) {
    std::string result{text};
    std::ranges::replace_if(
        result, [](char c) { return (c >= 0 && c < ' ' && c != '\n' && c != '\t') || c == 0x7f; }, '?');
    return result;
}

std::string describe_death(std::string const& name, int wait_status, std::string const& last_words,
                           std::vector<TraceRecord> const& events) {
    std::string report = fmt::format("the monitor of VM '{}' ", name);
    if (WIFSIGNALED(wait_status))
        report += fmt::format("died from {}", host::signal_text(WTERMSIG(wait_status)));
    else
        report += fmt::format("ended with status {}", WEXITSTATUS(wait_status));
    if (!last_words.empty()) report += fmt::format("; its last words:\n{}", printable(last_words));
    if (events.empty()) return report;
    report += report.ends_with('\n') ? "last events:" : "; last events:";
    for (auto const& event : events) report += fmt::format("\n  {}", describe(event));
    return report;
}

} // namespace ring3::app
