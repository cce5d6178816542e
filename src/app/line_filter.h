// LineFilter: cuts what a guest's console says into lines that can stand beside those of others. What moves the cursor
// or changes colours is taken out: on a screen that several share it would only destroy.
#pragma once

#include "base/types.h"

#include <functional>
#include <string>
#include <string_view>

namespace ring3::app {

class LineFilter {
public:
    explicit LineFilter(std::function<void(std::string_view)> line) : line_{std::move(line)} {}
    void write(std::string_view bytes);
    /// A line that has begun, such as a prompt, counts as one.
    void flush();
    bool has_begun() const { return !text_.empty(); }

private:
    static constexpr std::size_t longest_line = 4096, longest_sequence = 64;
    enum class State : u8 { text, escape, sequence, title, one_more };
    void put(char c);
    void put_text(char c);
    void end_sequence(char last);
    void end_line();

    std::function<void(std::string_view)> line_;
    std::string text_;
    State state_{State::text};
    std::size_t sequence_{}; // characters of it so far
    bool carriage_returned_{};
};

} // namespace ring3::app
