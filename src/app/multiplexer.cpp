#include "app/multiplexer.h"

#include "host/time.h"

#include <fmt/format.h>

namespace ring3::app {

/// One user's view of the shared chardev.
class Multiplexer::Port final : public Chardev {
public:
    explicit Port(Multiplexer& owner) : owner_{owner} {}
    void write(std::string_view bytes) override { owner_.write(bytes); }
    bool has_room() const override { return owner_.shared_.has_room(); }
    bool drained() const override { return owner_.shared_.drained(); }
    bool is_connected() const override { return owner_.shared_.is_connected(); }
    bool is_terminal() const override { return owner_.shared_.is_terminal(); }
    bool may_stall() const override { return owner_.shared_.may_stall(); }
    void resume_input() override { owner_.deliver(); }
    CharUser* user() const { return user_; }

private:
    Multiplexer& owner_;
};

Multiplexer::Multiplexer(Chardev& shared, Hooks hooks) : shared_{shared}, hooks_{std::move(hooks)} {
    if (!hooks_.milliseconds) hooks_.milliseconds = [] { return host::monotonic_nanoseconds() / 1'000'000; };
    shared_.set_user(this);
}

Multiplexer::~Multiplexer() = default;

Chardev& Multiplexer::add_port() {
    return *ports_.emplace_back(std::make_unique<Port>(*this));
}

// ---- towards the guest

void Multiplexer::input(std::string_view bytes) {
    for (char const byte : bytes) key(byte);
    deliver();
}

void Multiplexer::input_ended() {
    ended_ = true;
    deliver();
}

void Multiplexer::connected() {
    if (CharUser* const user = ports_.empty() ? nullptr : ports_[focus_]->user()) user->connected();
}

void Multiplexer::key(char key) {
    if (escaped_) {
        escaped_ = false;
        command(key);
    } else if (key == escape_key) {
        escaped_ = true;
    } else {
        waiting_ += key;
    }
}

void Multiplexer::deliver() {
    CharUser* const user = ports_.empty() ? nullptr : ports_[focus_]->user();
    if (!user) return waiting_.clear();
    if (!waiting_.empty() && user->wants_input()) user->input(std::exchange(waiting_, {}));
    if (waiting_.empty() && std::exchange(ended_, false)) user->input_ended();
}

void Multiplexer::command(char letter) {
    switch (letter) {
    case escape_key: waiting_ += letter; break;
    case 'x':
        print("ring3: Terminated\r\n");
        hooks_.quit();
        break;
    case 'c': next_focus(); break;
    case 'b':
        if (CharUser* const user = ports_[focus_]->user()) user->send_break();
        break;
    case 's': print("ring3: no disk has a snapshot to commit\r\n"); break;
    case 't':
        stamps_ = !stamps_;
        stamps_since_ = hooks_.milliseconds();
        break;
    case 'h':
    case '?':
        print("\r\n"
              "C-a h    print this help\r\n"
              "C-a x    end the machine\r\n"
              "C-a s    save disk data back to file (if -snapshot)\r\n"
              "C-a t    toggle time stamps\r\n"
              "C-a b    send break\r\n"
              "C-a c    switch between console and monitor\r\n"
              "C-a C-a  sends C-a\r\n");
        break;
    default: break; // an unknown letter is swallowed
    }
}

void Multiplexer::next_focus() {
    deliver(); // what was typed before still belongs to the user that had the focus
    waiting_.clear();
    focus_ = (focus_ + 1) % ports_.size();
    if (CharUser* const user = ports_[focus_]->user()) user->focused();
}

// ---- towards the person

void Multiplexer::print(std::string_view text) {
    shared_.write(text);
}

std::string Multiplexer::stamp() {
    u64 const now = hooks_.milliseconds() - stamps_since_;
    return fmt::format("[{:02}:{:02}:{:02}.{:03}] ", now / 3'600'000, now / 60'000 % 60, now / 1000 % 60, now % 1000);
}

void Multiplexer::write(std::string_view bytes) {
    if (!stamps_) {
        at_line_start_ = bytes.empty() ? at_line_start_ : bytes.back() == '\n';
        return shared_.write(bytes);
    }
    std::string out;
    for (char const byte : bytes) {
        if (std::exchange(at_line_start_, byte == '\n')) out += stamp();
        out += byte;
    }
    shared_.write(out);
}

} // namespace ring3::app
