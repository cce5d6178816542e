// LabConsole: the consoles of several machines on one terminal or one output.
//
//     all of them    each line behind its machine's name:  web | Debian 6.1 in ring3
//     one of them    as if it were alone: its bytes as they are, and the person's keys go to it
//
// Ctrl-a speaks to the lab: 1 to 9 and n, p choose a machine, 0 shows all again, l lists, h helps, x ends. What it does
// not know goes, with its Ctrl-a, to the machine that is shown.
#pragma once

#include "app/line_filter.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ring3::app {

class LabConsole {
public:
    struct Hooks {
        std::function<void(std::string_view)> write;             // to the person
        std::function<void(std::size_t, std::string_view)> type; // to a machine
        std::function<std::string(std::size_t)> state;           // of a machine, in a word or two
        std::function<void(std::optional<std::size_t>)> shown;   // that machine alone, or all
        std::function<void()> end_all;
    };
    LabConsole(std::vector<std::string> names, bool colours, Hooks hooks);

    /// From a machine's console, and from ring3 about it.
    void output(std::size_t machine, std::string_view bytes);
    void message(std::size_t machine, std::string_view bytes);
    /// From the person's terminal.
    void input(std::string_view bytes);
    /// That machine will say nothing more.
    void ended(std::size_t machine);
    /// Lines that have begun, such as prompts, are shown. To be called when nothing has come for a moment.
    void flush();
    bool has_begun_lines() const;
    std::optional<std::size_t> shown() const { return shown_; }

private:
    static constexpr std::size_t kept_history = 4096;
    struct Guest {
        std::string prefix;
        std::unique_ptr<LineFilter> lines, messages;
        std::string history; // the last of what it said, for whoever turns to it
    };
    void print_line(std::size_t machine, std::string_view line);
    void key(char key);
    void command(char letter);
    void show(std::optional<std::size_t> machine);
    void list();
    void help();

    std::vector<std::string> names_;
    Hooks hooks_;
    std::vector<Guest> guests_;
    std::optional<std::size_t> shown_;
    bool escaped_{}, hinted_{};
};

} // namespace ring3::app
