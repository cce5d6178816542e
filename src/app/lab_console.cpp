#include "app/lab_console.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace ring3::app {

namespace {
constexpr char escape_key = 0x01; // Ctrl-a
constexpr int colour_codes[] = {36, 33, 32, 35, 34, 31};
} // namespace

LabConsole::LabConsole(std::vector<std::string> names, bool colours, Hooks hooks)
    : names_{std::move(names)}, hooks_{std::move(hooks)}, guests_(names_.size()) {
    std::size_t widest = 0;
    for (auto const& name : names_) widest = std::max(widest, name.size());
    for (std::size_t i = 0; i < guests_.size(); ++i) {
        auto const prefix = fmt::format("{:<{}} | ", names_[i], widest);
        int const code = colour_codes[i % std::size(colour_codes)];
        guests_[i].prefix = colours ? fmt::format("\x1b[{}m{}\x1b[0m", code, prefix) : prefix;
        auto const line = [this, i](std::string_view text) { print_line(i, text); };
        guests_[i].lines = std::make_unique<LineFilter>(line);
        guests_[i].messages = std::make_unique<LineFilter>(line);
    }
}

void LabConsole::print_line(std::size_t machine, std::string_view line) {
    // A message about a machine that is shown alone, or about another one, stands between that one's output.
    hooks_.write(fmt::format("{}{}{}\n", shown_ ? "\r\n" : "", guests_[machine].prefix, line));
}

void LabConsole::output(std::size_t machine, std::string_view bytes) {
    Guest& guest = guests_[machine];
    guest.history += bytes;
    if (guest.history.size() > 2 * kept_history) guest.history.erase(0, guest.history.size() - kept_history);
    if (shown_ == machine) return hooks_.write(bytes);
    if (!shown_) guest.lines->write(bytes);
}

void LabConsole::message(std::size_t machine, std::string_view bytes) {
    guests_[machine].messages->write(bytes);
}

void LabConsole::ended(std::size_t machine) {
    if (!shown_) guests_[machine].lines->flush();
    guests_[machine].messages->flush();
    if (shown_ == machine) show({});
}

void LabConsole::flush() {
    if (shown_) return;
    for (auto& guest : guests_) guest.lines->flush();
}

bool LabConsole::has_begun_lines() const {
    return !shown_ && std::ranges::any_of(guests_, [](Guest const& guest) { return guest.lines->has_begun(); });
}

// ---- keys

void LabConsole::input(std::string_view bytes) {
    for (char const byte : bytes) key(byte);
}

void LabConsole::key(char key) {
    if (std::exchange(escaped_, false)) return command(key);
    if (key == escape_key) {
        escaped_ = true;
    } else if (shown_) {
        hooks_.type(*shown_, {&key, 1});
    } else if (!std::exchange(hinted_, true)) {
        hooks_.write("ring3: no machine has the keyboard; Ctrl-a 1 gives it to the first, Ctrl-a h lists the keys\n");
    }
}

void LabConsole::command(char letter) {
    std::size_t const count = guests_.size();
    if (letter >= '1' && letter <= '9') {
        auto const machine = static_cast<std::size_t>(letter - '1');
        if (machine < count) show(machine);
        return;
    }
    switch (letter) {
    case '0': return show({});
    case 'n': return show(shown_ ? (*shown_ + 1) % count : 0);
    case 'p': return show(shown_ ? (*shown_ + count - 1) % count : count - 1);
    case 'l': return list();
    case 'h':
    case '?': return help();
    default: break;
    }
    if (shown_) return hooks_.type(*shown_, std::string{escape_key, letter});
    if (letter == 'x') hooks_.end_all();
}

void LabConsole::show(std::optional<std::size_t> machine) {
    if (machine == shown_) return;
    shown_ = machine;
    hooks_.shown(machine);
    if (!machine) return hooks_.write("\r\nring3: all machines\n");
    for (auto& guest : guests_) guest.lines->flush();
    hooks_.write(fmt::format("\r\nring3: {} (Ctrl-a 0 shows all machines again)\n", names_[*machine]));
    hooks_.write(guests_[*machine].history);
}

void LabConsole::list() {
    std::string text = "\r\n";
    for (std::size_t i = 0; i < guests_.size(); ++i)
        text += fmt::format("{}{} {}: {}\n", shown_ == i ? '*' : ' ', i + 1, names_[i], hooks_.state(i));
    hooks_.write(text);
}

void LabConsole::help() {
    hooks_.write("\r\n"
                 "C-a 1-9  show one machine, with the keyboard\n"
                 "C-a n    the next one; C-a p the one before\n"
                 "C-a 0    show all\n"
                 "C-a l    list the machines\n"
                 "C-a h    print this help\n"
                 "C-a x    end the machine that is shown, or all\n"
                 "and with one machine shown:\n"
                 "C-a c    switch between its console and its monitor\n"
                 "C-a b    send break\n"
                 "C-a t    toggle time stamps\n"
                 "C-a C-a  sends C-a\n");
}

} // namespace ring3::app
