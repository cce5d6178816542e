#include "app/backend_parser.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

template <class Kind> Kind parse_as(std::string_view text) {
    auto const parsed = parse_backend("-serial", text);
    EXPECT_TRUE(parsed) << text;
    return parsed ? std::get<Kind>(parsed->backend) : Kind{};
}

TEST(Backend, stdio_alone_keeps_control_c_and_a_shared_one_passes_it_on) {
    EXPECT_EQ(parse_as<StdioBackend>("stdio").signals, TerminalSignals::end_ring3);
    EXPECT_EQ(parse_as<StdioBackend>("mon:stdio").signals, TerminalSignals::to_guest);
    EXPECT_TRUE(parse_backend("-serial", "mon:stdio")->multiplexed);
    EXPECT_FALSE(parse_backend("-serial", "stdio")->multiplexed);
}

TEST(Backend, a_file_path_may_hold_commas_and_colons) {
    EXPECT_EQ(parse_as<FileBackend>("file:/tmp/a,b:c").path, "/tmp/a,b:c");
}

TEST(Backend, a_listening_socket_waits_unless_told_not_to) {
    auto const waiting = parse_as<SocketBackend>("unix:/tmp/s,server");
    EXPECT_EQ(waiting.path, "/tmp/s");
    EXPECT_TRUE(waiting.server && waiting.wait);
    EXPECT_FALSE(parse_as<SocketBackend>("unix:/tmp/s,server,nowait").wait);
    EXPECT_FALSE(parse_as<SocketBackend>("unix:/tmp/s,server=on,wait=off").wait);
    EXPECT_FALSE(parse_as<SocketBackend>("unix:/tmp/s").server);
}

TEST(Backend, tcp_has_a_host_and_a_port) {
    auto const socket = parse_as<SocketBackend>("tcp:127.0.0.1:4444,server,nowait");
    EXPECT_EQ(socket.host, "127.0.0.1");
    EXPECT_EQ(socket.port, "4444");
    EXPECT_EQ(parse_as<SocketBackend>("tcp:[::1]:80").host, "::1");
    EXPECT_EQ(parse_as<SocketBackend>("tcp::4444,server").host, "");
}

TEST(Backend, what_it_does_not_know_it_names) {
    for (auto const text : {"", "udp:1", "file:", "unix:", "tcp:1", "tcp:h:x", "tcp:h:99999", "unix:/s,colour=red",
                            "unix:/s,wait=on", "mon:", "stdio,server"}) {
        auto const parsed = parse_backend("-serial", text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().status, ExitStatus::usage);
    }
    EXPECT_EQ(parse_backend("-serial", "udp:1").error().message, "option '-serial' does not know 'udp:1'");
}

TEST(Chardev, reads_the_long_form) {
    auto const file = parse_chardev("file,id=log,path=/tmp/x,,y");
    ASSERT_TRUE(file);
    EXPECT_EQ(file->id, "log");
    EXPECT_EQ(std::get<FileBackend>(file->backend).path, "/tmp/x,y");
    auto const stdio = parse_chardev("stdio,id=c,mux=on,signal=off");
    ASSERT_TRUE(stdio);
    EXPECT_TRUE(stdio->multiplexed);
    EXPECT_EQ(std::get<StdioBackend>(stdio->backend).signals, TerminalSignals::to_guest);
}

TEST(Chardev, refuses_what_is_incomplete_or_unknown) {
    for (auto const text :
         {"null", "file,id=a", "udp,id=a", "socket,id=a", "socket,id=a,path=x,port=1", "null,id=a,b=c"})
        EXPECT_FALSE(parse_chardev(text)) << text;
}

} // namespace
} // namespace ring3::app
