#include "app/line_filter.h"

#include <utility>

namespace ring3::app {

namespace {
constexpr char escape = 0x1b, bell = 0x07;
}

void LineFilter::write(std::string_view bytes) {
    for (char const c : bytes) put(c);
}

void LineFilter::flush() {
    if (!text_.empty()) end_line();
}

void LineFilter::end_line() {
    auto const text = std::exchange(text_, {});
    carriage_returned_ = false;
    line_(text);
}

// ECMA-48 5.4: ESC [ parameters, a last byte of 40H to 7EH. ESC ] text ends with BEL or ESC \ (as in xterm).
void LineFilter::put(char c) {
    if (state_ != State::text && ++sequence_ > longest_sequence) state_ = State::text; // that was none
    switch (state_) {
    case State::text:
        if (c == escape)
            state_ = State::escape, sequence_ = 0;
        else
            put_text(c);
        break;
    case State::escape:
        state_ = c == '['               ? State::sequence
                 : c == ']'             ? State::title
                 : c == '(' || c == ')' ? State::one_more
                                        : State::text;
        break;
    case State::sequence:
        if (c >= 0x40 && c <= 0x7e) end_sequence(c);
        break;
    case State::title:
        if (c == bell) state_ = State::text;
        if (c == escape) state_ = State::one_more; // its backslash
        break;
    case State::one_more: state_ = State::text; break;
    }
}

/// To go elsewhere on the screen ends the line; the rest are colours and the like.
void LineFilter::end_sequence(char last) {
    state_ = State::text;
    bool const moves = last == 'H' || last == 'f' || last == 'd' || last == 'E' || last == 'F' || last == 'J';
    if (moves) flush();
}

void LineFilter::put_text(char c) {
    if (c == '\n') return end_line();
    if (c == '\r') {
        carriage_returned_ = true;
        return;
    }
    if (c == '\b') {
        if (!text_.empty()) text_.pop_back();
        return;
    }
    bool const shows = static_cast<u8>(c) >= ' ' && c != 0x7f;
    if (!shows && c != '\t') return;
    if (std::exchange(carriage_returned_, false)) text_.clear(); // written over, as progress bars do
    text_ += c;
    if (text_.size() >= longest_line) end_line();
}

} // namespace ring3::app
