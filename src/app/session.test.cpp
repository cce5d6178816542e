// Sessions with a monitor of the test's own: what reaches the person, and with which status ring3 ends.
#include "app/session.h"

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ring3::app {
namespace {

using driver::MachineConfig;
using driver::MonitorEnd;

/// The smallest multiboot kernel: a header that says where its 64 bytes go.
void write_kernel(std::string const& path) {
    constexpr u32 magic = 0x1bad'b002, has_addresses = 1 << 16, base = 0x10'0000;
    std::array<u32, 16> image{magic, has_addresses, 0 - magic - has_addresses, base, base, base + 64, base + 64, base};
    std::ofstream{path, std::ios::binary}.write(reinterpret_cast<char const*>(image.data()), sizeof image);
}

struct Outcome {
    int wait_status{};
    std::string out, err;
    bool exited_with(int status) const { return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == status; }
    bool died_from(int signal) const { return WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == signal; }
};

std::string read_all(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t count; (count = ::read(fd, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(count));
    return text;
}

class SessionTest : public ::testing::Test {
protected:
    SessionTest() {
        char name[] = "/tmp/ring3-test-XXXXXX";
        directory = ::mkdtemp(name);
        settings.name = "test";
        settings.memory = u64{2} << 20;
        settings.boot.kernel = directory + "/kernel";
        settings.chardevs.push_back({"COM1", StdioBackend{}, false});
        settings.serial[0] = SerialSettings{};
        write_kernel(settings.boot.kernel);
    }
    ~SessionTest() override { std::filesystem::remove_all(directory); }

    /// Runs a session in a child, with `input` at its standard input. `meanwhile` may do things to the child.
    Outcome run(
        MonitorMain const& monitor, std::string const& input = "",
        std::function<void(pid_t)> const& meanwhile = [](pid_t) {}) {
        int in[2], out[2], err[2];
        EXPECT_EQ(::pipe(in) | ::pipe(out) | ::pipe(err), 0);
        pid_t const child = ::fork();
        if (child == 0) {
            ::dup2(in[0], 0), ::dup2(out[1], 1), ::dup2(err[1], 2);
            for (int* ends : {in, out, err}) ::close(ends[0]), ::close(ends[1]);
            ::_exit(run_session(settings, monitor));
        }
        ::close(in[0]), ::close(out[1]), ::close(err[1]);
        EXPECT_EQ(::write(in[1], input.data(), input.size()), static_cast<ssize_t>(input.size()));
        ::close(in[1]);
        meanwhile(child);
        Outcome result{.out = read_all(out[0]), .err = read_all(err[0])};
        ::waitpid(child, &result.wait_status, 0);
        ::close(out[0]), ::close(err[0]);
        return result;
    }
    std::string directory;
    VmSettings settings;
};

/// Sleeps until the app has something to say, for ever if it never has.
driver::ToMonitor next(MonitorEnd& end) {
    for (;;) {
        if (auto message = end.receive()) return *std::move(message);
        end.wait(std::nullopt);
    }
}

TEST_F(SessionTest, output_is_passed_on_and_power_off_ends_with_the_guests_status) {
    auto const result = run([](MachineConfig const& config, MonitorEnd end) {
        EXPECT_EQ(config.start.eip, 0x10'0000u);
        end.send(driver::SerialOut{0, "hello\n"});
        end.send(driver::PowerOff{7});
        return 0;
    });
    EXPECT_TRUE(result.exited_with(7));
    EXPECT_EQ(result.out, "hello\n");
    EXPECT_EQ(result.err, "");
}

TEST_F(SessionTest, nothing_is_lost_of_a_long_output) {
    auto const result = run([](MachineConfig const&, MonitorEnd end) {
        for (int i = 0; i < 3000; ++i) end.send(driver::SerialOut{0, std::string(1000, 'x')});
        end.send(driver::PowerOff{0});
        return 0;
    });
    EXPECT_TRUE(result.exited_with(0));
    EXPECT_EQ(result.out.size(), 3'000'000u);
}

TEST_F(SessionTest, debug_exit_gives_odd_statuses) {
    auto const result = run([](MachineConfig const&, MonitorEnd end) {
        end.send(driver::DebugExit{0x10});
        return 0;
    });
    EXPECT_TRUE(result.exited_with(33));
}

TEST_F(SessionTest, input_reaches_the_guest) {
    auto const result = run(
        [](MachineConfig const&, MonitorEnd end) {
            std::string got;
            while (got.size() < 5) {
                auto const message = next(end);
                auto const& in = std::get<driver::SerialIn>(message);
                got += in.bytes;
                end.send(driver::SerialTaken{0, static_cast<u32>(in.bytes.size())});
            }
            end.send(driver::SerialOut{0, got});
            end.send(driver::PowerOff{});
            return 0;
        },
        "12345");
    EXPECT_EQ(result.out, "12345");
}

TEST_F(SessionTest, a_monitor_that_crashes_is_reported_with_its_last_events) {
    auto const result = run([](MachineConfig const&, MonitorEnd end) {
        end.send(driver::SerialOut{0, "before "});
        end.trace().record(TraceKind::page_fault, 12'345'678'000, 0xc0001000, 2);
        ::raise(SIGSEGV);
        return 0;
    });
    EXPECT_TRUE(result.exited_with(70));
    EXPECT_EQ(result.out, "before ");
    EXPECT_EQ(result.err, "ring3: the monitor of VM 'test' died from signal 11 (Segmentation fault); last events:\n"
                          "  12.345678 page_fault cr2=0xc0001000 error=0x2\n");
}

TEST_F(SessionTest, a_monitors_last_words_are_shown_without_their_control_characters) {
    auto const result = run([](MachineConfig const&, MonitorEnd) {
        std::fputs("broken\x1b[2J\n", stderr);
        return 3;
    });
    EXPECT_TRUE(result.exited_with(70));
    EXPECT_EQ(result.err, "ring3: the monitor of VM 'test' ended with status 3; its last words:\nbroken?[2J\n\n");
}

TEST_F(SessionTest, a_monitor_that_names_a_port_that_is_not_there_is_ended) {
    auto const result = run([](MachineConfig const&, MonitorEnd end) {
        end.send(driver::SerialOut{3, "x"});
        for (;;) ::pause();
        return 0;
    });
    EXPECT_TRUE(result.exited_with(70));
    EXPECT_NE(result.err.find("output on a serial port that is not there"), std::string::npos);
}

TEST_F(SessionTest, a_reset_starts_a_new_monitor_with_fresh_memory) {
    auto const boots = directory + "/boots";
    auto const result = run([&](MachineConfig const& config, MonitorEnd end) {
        bool const first = !std::filesystem::exists(boots);
        std::ofstream{boots} << "x";
        end.send(driver::SerialOut{0, config.ram[0x5000] == 0 ? "fresh " : "stale "});
        config.ram[0x5000] = 1;
        if (first)
            end.send(driver::Reset{});
        else
            end.send(driver::PowerOff{});
        return 0;
    });
    EXPECT_TRUE(result.exited_with(0));
    EXPECT_EQ(result.out, "fresh fresh ");
}

TEST_F(SessionTest, no_reboot_makes_a_reset_and_a_triple_fault_a_quiet_end) {
    settings.policy.reset = settings.policy.triple_fault = OnReset::exit;
    auto const ends_quietly = [&](driver::FromMonitor const& message) {
        auto const result = run([&](MachineConfig const&, MonitorEnd end) {
            end.send(message);
            return 0;
        });
        return result.exited_with(0) && result.err.empty();
    };
    EXPECT_TRUE(ends_quietly(driver::Reset{}));
    EXPECT_TRUE(ends_quietly(driver::TripleFault{}));
}

TEST_F(SessionTest, a_guest_that_must_not_reset_shows_the_end_of_its_hidden_console) {
    settings.policy.reset = OnReset::fail;
    settings.console_is_hidden = true;
    settings.chardevs[0].backend = NullBackend{};
    auto const result = run([](MachineConfig const&, MonitorEnd end) {
        end.send(driver::SerialOut{0, "Kernel panic\n"});
        end.send(driver::Reset{});
        return 0;
    });
    EXPECT_TRUE(result.exited_with(70));
    EXPECT_NE(result.err.find("Kernel panic"), std::string::npos);
}

TEST_F(SessionTest, a_monitor_that_cannot_start_says_why) {
    auto const result = run([](MachineConfig const&, MonitorEnd end) {
        end.send(driver::Stopped{"no seccomp here", static_cast<u8>(ExitStatus::host_lacks)});
        return 76;
    });
    EXPECT_TRUE(result.exited_with(76));
    EXPECT_EQ(result.err, "ring3: VM 'test' stopped: no seccomp here\n");
}

TEST_F(SessionTest, log_text_goes_to_the_log_file) {
    settings.log_file = directory + "/log";
    run([](MachineConfig const&, MonitorEnd end) {
        end.send(driver::LogText{"int 0x80\n"});
        end.send(driver::PowerOff{});
        return 0;
    });
    std::ifstream log{settings.log_file};
    std::string line;
    std::getline(log, line);
    EXPECT_EQ(line, "int 0x80");
}

TEST_F(SessionTest, a_closed_output_ends_it_quietly_like_other_tools) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    ::close(ends[0]);
    pid_t const child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], 1);
        ::_exit(run_session(settings, [](MachineConfig const&, MonitorEnd end) {
            end.send(driver::SerialOut{0, "nobody reads this"});
            for (;;) ::pause();
            return 0;
        }));
    }
    ::close(ends[1]);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) << status;
}

MonitorMain const says_ready_and_waits = [](MachineConfig const&, MonitorEnd end) {
    end.send(driver::SerialOut{0, "ready"});
    for (;;)
        if (std::holds_alternative<driver::PowerButton>(next(end))) end.send(driver::PowerOff{5});
    return 0;
};

TEST_F(SessionTest, a_signal_ends_the_machine_at_once_where_qemu_would) {
    auto const result = run(says_ready_and_waits, "", [](pid_t child) {
        ::usleep(200'000);
        ::kill(child, SIGTERM);
    });
    EXPECT_TRUE(result.exited_with(0));
    EXPECT_EQ(result.err, "ring3: ended by signal 15 (Terminated)\n");
}

TEST_F(SessionTest, a_signal_presses_the_power_button_first_where_asked_to) {
    settings.policy.signal = OnSignal::press_power_button;
    auto const result = run(says_ready_and_waits, "", [](pid_t child) {
        ::usleep(200'000);
        ::kill(child, SIGINT);
    });
    EXPECT_TRUE(result.exited_with(5));
}

TEST_F(SessionTest, a_guest_that_ignores_the_button_is_ended_by_the_second_signal) {
    settings.policy.signal = OnSignal::press_power_button;
    auto const result = run(
        [](MachineConfig const&, MonitorEnd) {
            for (;;) ::pause();
            return 0;
        },
        "",
        [](pid_t child) {
            ::usleep(200'000);
            ::kill(child, SIGINT);
            ::usleep(200'000);
            ::kill(child, SIGINT);
        });
    EXPECT_TRUE(result.died_from(SIGINT));
}

TEST_F(SessionTest, no_shutdown_keeps_the_operators_console_alive) {
    settings.policy.power_off = OnPowerOff::pause;
    settings.chardevs[0].multiplexed = true;
    settings.monitors = {0};
    auto const result = run(
        [](MachineConfig const&, MonitorEnd end) {
            end.send(driver::PowerOff{});
            return 0;
        },
        "",
        [](pid_t child) {
            ::usleep(300'000);
            ::kill(child, SIGTERM);
        });
    EXPECT_TRUE(result.exited_with(0));
    EXPECT_NE(result.err.find("ended by signal"), std::string::npos);
}

TEST_F(SessionTest, control_a_x_ends_the_machine) {
    settings.chardevs[0].multiplexed = true;
    auto const result = run(says_ready_and_waits, "\x01x");
    EXPECT_TRUE(result.exited_with(0));
    EXPECT_NE(result.out.find("Terminated"), std::string::npos);
}

TEST_F(SessionTest, the_console_asks_the_monitor_for_registers) {
    settings.chardevs[0].multiplexed = true;
    settings.monitors = {0};
    auto const result = run(
        [](MachineConfig const&, MonitorEnd end) {
            while (!std::holds_alternative<driver::QueryRegisters>(next(end))) {
            }
            end.send(driver::RegistersText{"EAX=12345678\n"});
            end.send(driver::PowerOff{});
            return 0;
        },
        "\x01"
        "cinfo registers\r");
    EXPECT_NE(result.out.find("EAX=12345678"), std::string::npos);
}

TEST_F(SessionTest, statistics_are_summed_over_resets_and_survive_a_crash) {
    settings.engine.statistics_table = true;
    settings.engine.statistics_file = directory + "/stats.json";
    auto const lives = directory + "/lived";
    auto const result = run([lives](MachineConfig const&, MonitorEnd end) {
        end.statistics().publish({.direct = 900, .interpreted = 100, .exits_fault = 3});
        end.statistics().interrupts = 7;
        bool const first = !std::filesystem::exists(lives);
        std::ofstream{lives} << "once";
        if (!first) ::raise(SIGKILL);
        end.send(driver::Reset{});
        for (;;) ::pause();
        return 0;
    });
    EXPECT_TRUE(result.exited_with(70));
    EXPECT_NE(result.err.find("died from signal 9"), std::string::npos);
    EXPECT_NE(result.err.find("2,000 guest instructions, 90.00 % of them directly"), std::string::npos);
    std::ifstream file{settings.engine.statistics_file};
    std::string const json{std::istreambuf_iterator<char>{file}, {}};
    for (auto const* line : {"\"direct\": 1800", "\"exits_fault\": 6", "\"interrupts\": 14", "\"monitors\": 2",
                             "\"guest_instructions\": 2000", "\"efficiency\": 0.9"})
        EXPECT_NE(json.find(line), std::string::npos) << line;
}

TEST_F(SessionTest, a_file_for_statistics_that_cannot_be_opened_ends_it_before_it_begins) {
    settings.engine.statistics_file = "/nowhere/stats.json";
    auto const result = run([](MachineConfig const&, MonitorEnd) { return 0; });
    EXPECT_TRUE(result.exited_with(74));
    EXPECT_EQ(result.err, "ring3: cannot open '/nowhere/stats.json' for writing: No such file or directory\n");
    settings.engine.statistics_file = "/dev/full";
    EXPECT_TRUE(run([](MachineConfig const&, MonitorEnd end) {
                    end.send(driver::PowerOff{});
                    return 0;
                }).exited_with(74));
}

TEST_F(SessionTest, files_that_cannot_be_used_end_it_before_it_begins) {
    MonitorMain const never = [](MachineConfig const&, MonitorEnd) { return 1; };
    auto const good = settings.boot.kernel;
    settings.boot.kernel = "/nowhere/kernel";
    auto result = run(never);
    EXPECT_TRUE(result.exited_with(74));
    EXPECT_EQ(result.err, "ring3: could not open kernel '/nowhere/kernel': No such file or directory\n");

    settings.boot.kernel = directory;
    EXPECT_TRUE(run(never).exited_with(74));

    std::ofstream{directory + "/junk"} << std::string(100'000, 'j');
    settings.boot.kernel = directory + "/junk";
    EXPECT_TRUE(run(never).exited_with(78));

    settings.boot.kernel = "/dev/zero";
    result = run(never);
    EXPECT_TRUE(result.exited_with(78));
    EXPECT_NE(result.err.find("larger than the guest's memory"), std::string::npos);

    settings.boot.kernel = good;
    settings.boot.initrd_option = "/nowhere/module arguments";
    EXPECT_TRUE(run(never).exited_with(74));
}

TEST_F(SessionTest, a_serial_file_that_cannot_be_opened_is_named) {
    settings.chardevs[0].backend = FileBackend{"/nowhere/log"};
    auto const result = run([](MachineConfig const&, MonitorEnd) { return 0; });
    EXPECT_TRUE(result.exited_with(74));
    EXPECT_EQ(result.err, "ring3: cannot open '/nowhere/log' for writing: No such file or directory\n");
}

TEST_F(SessionTest, a_full_disk_is_not_success) {
    settings.chardevs[0].backend = FileBackend{"/dev/full"};
    auto const result = run([](MachineConfig const&, MonitorEnd end) {
        end.send(driver::SerialOut{0, "x"});
        end.send(driver::PowerOff{});
        return 0;
    });
    EXPECT_TRUE(result.exited_with(74));
    EXPECT_NE(result.err.find("No space left on device"), std::string::npos);
}

} // namespace
} // namespace ring3::app
