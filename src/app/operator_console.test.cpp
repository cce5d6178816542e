#include "app/operator_console.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ring3::app {
namespace {

class Screen final : public Chardev {
public:
    void write(std::string_view bytes) override { text += bytes; }
    bool has_room() const override { return true; }
    bool drained() const override { return true; }
    void type(std::string_view keys) { user_->input(keys); }
    std::string text;
};

struct FakeVm final : VmControl {
    void stop() override { log += "stop "; }
    void resume() override { log += "cont "; }
    void reset() override { log += "reset "; }
    void press_power_button() override { log += "button "; }
    void raise_nmi() override { log += "nmi "; }
    void quit() override { log += "quit "; }
    std::string disks() const override { return "ide1-cd0: [not inserted]\n"; }
    std::string change_medium(std::string_view drive, std::string const& path) override {
        log += fmt::format("medium:{}:{} ", drive, path);
        return path == "bad" ? "no such image" : "";
    }
    std::string status() const override { return "paused"; }
    void press_key(Key key) override { log += fmt::format("+{:02x} ", key.code); }
    void release_key(Key key) override { log += fmt::format("-{:02x} ", key.code); }
    void dump_screen(std::string path, std::function<void(std::string_view)> done) override {
        log += "dump:" + path + " ";
        done(path == "bad" ? "no such place" : "");
    }
    void query_registers(std::function<void(std::string_view)> answer) override { asker = std::move(answer); }
    std::string log;
    std::function<void(std::string_view)> asker;
};

class OperatorConsoleTest : public ::testing::Test {
protected:
    Screen screen;
    FakeVm vm;
    OperatorConsole console{screen, vm};
};

TEST_F(OperatorConsoleTest, commands_reach_the_machine) {
    screen.type("stop\rcont\rsystem_reset\rsystem_powerdown\rnmi\rq\r");
    EXPECT_EQ(vm.log, "stop cont reset button nmi quit ");
}

TEST_F(OperatorConsoleTest, keys_are_released_in_the_opposite_order) {
    screen.type("sendkey ctrl-a\r");
    EXPECT_EQ(vm.log, "+14 +1c -1c -14 ");
    screen.type("sendkey nothing\r");
    EXPECT_NE(screen.text.find("sendkey: 'nothing' are no keys"), std::string::npos);
}

TEST_F(OperatorConsoleTest, screendump_needs_a_file) {
    screen.type("screendump\r");
    EXPECT_NE(screen.text.find("usage: screendump FILE"), std::string::npos);
    screen.type("screendump a.png\r");
    EXPECT_EQ(vm.log, "dump:a.png ");
    screen.type("screendump bad\r");
    EXPECT_NE(screen.text.find("screendump: no such place\r\n(qemu) "), std::string::npos);
    screen.type("stop it\r");
    EXPECT_NE(screen.text.find("unknown command: 'stop it'"), std::string::npos);
}

TEST_F(OperatorConsoleTest, it_greets_once_and_prompts_after_each_line) {
    console.focused();
    console.focused();
    EXPECT_EQ(screen.text, "ring3 " RING3_VERSION " monitor - type 'help' for more information\r\n(qemu) (qemu) ");
    screen.text.clear();
    screen.type("\r");
    EXPECT_EQ(screen.text, "\r\n(qemu) ");
}

TEST_F(OperatorConsoleTest, who_connects_later_is_greeted_too) {
    console.focused();
    screen.type("half a line");
    screen.text.clear();
    console.connected();
    EXPECT_EQ(screen.text, "ring3 " RING3_VERSION " monitor - type 'help' for more information\r\n(qemu) ");
    screen.type("stop\r");
    EXPECT_EQ(vm.log, "stop ");
}

TEST_F(OperatorConsoleTest, info_shows_the_status) {
    screen.type("info  status\r");
    EXPECT_NE(screen.text.find("VM status: paused\r\n"), std::string::npos);
}

TEST_F(OperatorConsoleTest, the_prompt_and_later_commands_wait_for_an_answer) {
    screen.type("info registers\rstop\r");
    EXPECT_FALSE(console.wants_input());
    EXPECT_EQ(vm.log, "");
    vm.asker("EAX=00000001");
    EXPECT_NE(screen.text.find("info registers\r\nEAX=00000001\r\n(qemu) stop\r\n(qemu) "), std::string::npos);
    EXPECT_EQ(vm.log, "stop ");
    EXPECT_TRUE(console.wants_input());
}

TEST_F(OperatorConsoleTest, unknown_commands_are_named) {
    screen.type("savevm\r");
    EXPECT_NE(screen.text.find("unknown command: 'savevm'"), std::string::npos);
    EXPECT_EQ(vm.log, "");
}

TEST_F(OperatorConsoleTest, a_line_can_be_edited_and_ends_with_cr_lf_or_both) {
    screen.type("stox\x7fp\r\n");
    screen.type("garbage\x15"
                "cont\n");
    EXPECT_EQ(vm.log, "stop cont ");
    EXPECT_EQ(screen.text.find("unknown"), std::string::npos);
}

TEST_F(OperatorConsoleTest, an_endless_line_does_not_grow_for_ever) {
    screen.type(std::string(100'000, 'a'));
    screen.type("\r");
    EXPECT_LT(screen.text.size(), 4000u);
}

TEST_F(OperatorConsoleTest, media_are_listed_changed_and_taken_out) {
    screen.type("info block\r");
    EXPECT_NE(screen.text.find("ide1-cd0: [not inserted]"), std::string::npos);
    screen.type("change ide1-cd0 a b.iso\reject floppy0\rchange floppy0\rchange floppy0 bad\r");
    EXPECT_EQ(vm.log, "medium:ide1-cd0:a b.iso medium:floppy0: medium:floppy0:bad ");
    EXPECT_NE(screen.text.find("usage: change DRIVE FILE"), std::string::npos);
    EXPECT_NE(screen.text.find("change: no such image"), std::string::npos);
}

} // namespace
} // namespace ring3::app
