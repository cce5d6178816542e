#include "app/operator_console.h"

#include "app/comma_list.h"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>

namespace ring3::app {

struct OperatorConsole::Command {
    std::string_view name;
    std::string_view help; // empty: another spelling of the one before
    void (OperatorConsole::*run)();
    std::string_view argument{}; // what has to follow the name
};

OperatorConsole::Command const OperatorConsole::commands[] = {
    {"help", "show this list", &OperatorConsole::help},
    {"?", "", &OperatorConsole::help},
    {"info", "list what info can show", &OperatorConsole::info},
    {"info status", "is the machine running or paused", &OperatorConsole::info_status},
    {"info registers", "the processor's registers", &OperatorConsole::info_registers},
    {"info network", "network cards and what they are plugged into", &OperatorConsole::info_network},
    {"info block", "the drives and what is in them", &OperatorConsole::info_block},
    {"info balloon", "how much memory the balloon leaves to the guest", &OperatorConsole::info_balloon},
    {"info version", "ring3's version", &OperatorConsole::info_version},
    {"stop", "pause the machine", &OperatorConsole::stop},
    {"s", "", &OperatorConsole::stop},
    {"cont", "let it go on", &OperatorConsole::resume},
    {"c", "", &OperatorConsole::resume},
    {"system_reset", "press the reset button", &OperatorConsole::reset},
    {"system_powerdown", "press the power button", &OperatorConsole::power_down},
    {"screendump", "save the screen: FILE.txt, FILE.png or a pixmap", &OperatorConsole::dump_screen, "FILE"},
    {"sendkey", "press and release keys: ret, ctrl-alt-delete", &OperatorConsole::send_key, "KEYS"},
    {"set_link", "plug a card's cable in or out: NAME on|off", &OperatorConsole::set_link, "NAME on|off"},
    {"balloon", "ask the guest to get by with so many MiB", &OperatorConsole::balloon, "MIB"},
    {"eject", "take the medium out of a floppy or CD-ROM drive", &OperatorConsole::eject, "DRIVE"},
    {"change", "put another image into a floppy or CD-ROM drive", &OperatorConsole::change, "DRIVE FILE"},
    {"nmi", "raise a non-maskable interrupt", &OperatorConsole::nmi},
    {"quit", "end the machine", &OperatorConsole::quit},
    {"q", "", &OperatorConsole::quit},
};

OperatorConsole::OperatorConsole(Chardev& chardev, VmControl& vm) : chardev_{chardev}, vm_{vm} {
    chardev_.set_user(this);
}

void OperatorConsole::focused() {
    if (!std::exchange(greeted_, true)) print("ring3 " RING3_VERSION " monitor - type 'help' for more information\n");
    prompt();
}

void OperatorConsole::connected() {
    line_.clear();
    greeted_ = false;
    focused();
}

void OperatorConsole::prompt() {
    chardev_.write("(qemu) ");
}

void OperatorConsole::print(std::string_view text) {
    std::string out;
    for (char const byte : text) {
        if (byte == '\n') out += '\r';
        out += byte;
    }
    chardev_.write(out);
}

void OperatorConsole::input(std::string_view bytes) {
    keys_ += bytes;
    process_keys();
}

void OperatorConsole::process_keys() {
    while (!keys_.empty() && !waiting_) {
        char const next = keys_.front();
        keys_.erase(0, 1); // before it acts: an answer that comes at once calls this again
        key(next);
    }
}

void OperatorConsole::key(char key) {
    constexpr char backspace = 0x08, erase = 0x7f, kill = 0x15, interrupt = 0x03;
    bool const second_half = key == '\n' && std::exchange(after_return_, key == '\r');
    after_return_ = key == '\r';
    if (second_half) return; // the LF of a CR LF
    if (key == '\r' || key == '\n') {
        print("\n");
        executing_ = true;
        execute(std::exchange(line_, {}));
        executing_ = false;
        if (!waiting_) prompt();
    } else if ((key == backspace || key == erase) && !line_.empty()) {
        line_.pop_back();
        chardev_.write("\b \b");
    } else if (key == kill || key == interrupt) {
        line_.clear();
        print("\n");
        prompt();
    } else if (key >= ' ' && key < erase && line_.size() < most_in_line) {
        line_ += key;
        chardev_.write({&key, 1});
    }
}

void OperatorConsole::execute(std::string const& line) {
    std::string words;
    std::istringstream stream{line};
    for (std::string word; stream >> word;) words += (words.empty() ? "" : " ") + word;
    if (words.empty()) return;
    auto const command = std::ranges::find(commands, words, &Command::name);
    if (command != std::end(commands) && command->argument.empty()) return (this->*command->run)();
    auto const space = std::min(words.find(' '), words.size());
    auto const with_argument = std::ranges::find(commands, words.substr(0, space), &Command::name);
    if (with_argument == std::end(commands) || with_argument->argument.empty())
        return print(fmt::format("unknown command: '{}'\n", words));
    if (space == words.size())
        return print(fmt::format("usage: {} {}\n", with_argument->name, with_argument->argument));
    argument_ = words.substr(space + 1);
    (this->*with_argument->run)();
}

void OperatorConsole::help() {
    for (auto const& command : commands)
        if (!command.help.empty()) print(fmt::format("{:<18} -- {}\n", command.name, command.help));
}

void OperatorConsole::info() {
    for (auto const& command : commands)
        if (command.name.starts_with("info ")) print(fmt::format("{:<18} -- {}\n", command.name, command.help));
}

void OperatorConsole::info_status() {
    print(fmt::format("VM status: {}\n", vm_.status()));
}

void OperatorConsole::info_network() {
    print(vm_.network());
}

void OperatorConsole::set_link() {
    auto const space = std::min(argument_.find(' '), argument_.size());
    auto const state = argument_.substr(std::min(space + 1, argument_.size()));
    if (state != "on" && state != "off") return print("usage: set_link NAME on|off\n");
    auto const name = argument_.substr(0, space);
    if (!vm_.set_link(name, state == "on")) print(fmt::format("there is no network card '{}'\n", name));
}

void OperatorConsole::info_balloon() {
    auto const memory = vm_.guest_memory();
    print(memory ? fmt::format("balloon: actual={}\n", *memory >> 20)
                 : "there is no balloon (-device virtio-balloon-pci)\n");
}

void OperatorConsole::balloon() {
    auto const mib = parse_number(argument_, 1 << 20);
    if (!mib) return print("usage: balloon MIB\n");
    if (!vm_.set_guest_memory(*mib << 20)) print("there is no balloon (-device virtio-balloon-pci)\n");
}

void OperatorConsole::info_block() {
    print(vm_.disks());
}

void OperatorConsole::eject() {
    if (auto const error = vm_.change_medium(argument_, ""); !error.empty()) print(fmt::format("eject: {}\n", error));
}

void OperatorConsole::change() {
    auto const space = argument_.find(' ');
    if (space == std::string::npos) return print("usage: change DRIVE FILE\n");
    auto const error = vm_.change_medium(std::string_view{argument_}.substr(0, space), argument_.substr(space + 1));
    if (!error.empty()) print(fmt::format("change: {}\n", error));
}

void OperatorConsole::info_version() {
    print(RING3_VERSION "\n");
}

void OperatorConsole::info_registers() {
    answer_later();
    vm_.query_registers([this](std::string_view text) {
        print(text);
        if (!text.ends_with('\n')) print("\n");
        answered();
    });
}

void OperatorConsole::dump_screen() {
    answer_later();
    vm_.dump_screen(argument_, [this](std::string_view error) {
        if (!error.empty()) print(fmt::format("screendump: {}\n", error));
        answered();
    });
}

void OperatorConsole::send_key() {
    auto const keys = keys_named(argument_);
    if (!keys) return print(fmt::format("sendkey: '{}' are no keys\n", argument_));
    for (Key const key : *keys) vm_.press_key(key);
    for (auto key = keys->rbegin(); key != keys->rend(); ++key) vm_.release_key(*key);
}

/// No keys are looked at, and no prompt comes, until the answer is there.
void OperatorConsole::answer_later() {
    waiting_ = true;
}

void OperatorConsole::answered() {
    waiting_ = false;
    if (executing_) return; // the answer was there at once
    prompt();
    process_keys();
    chardev_.resume_input();
}

} // namespace ring3::app
