#include "app/chardev.h"

#include "host/file_descriptor.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <poll.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace ring3::app {
namespace {

using host::FileDescriptor;

SocketBackend unix_server(std::string const& path, bool wait = false) {
    return {.path = path, .host = "", .port = "", .server = true, .wait = wait};
}

struct Reader final : CharUser {
    bool wants_input() const override { return open; }
    void input(std::string_view bytes) override { got += bytes; }
    void connected() override { ++connections; }
    std::string got;
    bool open{true};
    int connections{};
};

class ChardevTest : public ::testing::Test {
protected:
    ChardevTest() {
        char name[] = "/tmp/ring3-test-XXXXXX";
        directory = ::mkdtemp(name);
    }
    ~ChardevTest() override { std::filesystem::remove_all(directory); }

    std::unique_ptr<Chardev> open(Backend backend) {
        auto chardev = open_chardev(loop, {.id = "test", .backend = std::move(backend)},
                                    [this](OutputFailure const& failure) { failures.push_back(failure); });
        EXPECT_TRUE(chardev) << chardev.error().message;
        if (!chardev) return nullptr;
        (*chardev)->set_user(&reader);
        return *std::move(chardev);
    }
    /// Turns the loop until the condition holds; gives up after a few seconds.
    template <class Condition> bool eventually(Condition condition) {
        bool given_up = false;
        Alarm limit{loop, [&] { given_up = true; }};
        limit.set(std::chrono::seconds{5});
        Alarm tick{loop, [] {}};
        while (!condition() && !given_up) {
            tick.set(std::chrono::milliseconds{10});
            loop.turn(EventLoop::Sleep::may);
        }
        return !given_up;
    }
    FileDescriptor connect_to(std::string const& path) {
        FileDescriptor client{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)};
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        std::memcpy(name.sun_path, path.data(), path.size());
        EXPECT_EQ(::connect(client.number(), reinterpret_cast<sockaddr const*>(&name), sizeof name), 0);
        return client;
    }
    std::string read_from(FileDescriptor const& fd) {
        char buffer[4096];
        auto const count = ::read(fd.number(), buffer, sizeof buffer);
        return count > 0 ? std::string{buffer, static_cast<std::size_t>(count)} : "";
    }

    EventLoop loop;
    Reader reader;
    std::vector<OutputFailure> failures;
    std::string directory;
};

TEST_F(ChardevTest, a_file_takes_everything_in_order) {
    auto const path = directory + "/out";
    {
        auto const file = open(FileBackend{path});
        file->write("hello ");
        file->write(std::string(100'000, 'x'));
        EXPECT_FALSE(file->has_room());
        EXPECT_TRUE(eventually([&] { return file->drained(); }));
        EXPECT_TRUE(file->has_room());
    }
    EXPECT_EQ(std::filesystem::file_size(path), 100'006u);
}

TEST_F(ChardevTest, append_keeps_what_is_there) {
    auto const path = directory + "/out";
    std::ofstream{path} << "old ";
    auto const file = open(FileBackend{.path = path, .append = true});
    file->write("new");
    EXPECT_TRUE(eventually([&] { return file->drained(); }));
    std::stringstream content;
    content << std::ifstream{path}.rdbuf();
    EXPECT_EQ(content.str(), "old new");
}

TEST_F(ChardevTest, a_full_disk_is_reported_once) {
    auto const file = open(FileBackend{"/dev/full"});
    file->write("x");
    EXPECT_TRUE(eventually([&] { return !failures.empty(); }));
    file->write("y");
    EXPECT_TRUE(file->drained());
    EXPECT_EQ(failures.size(), 1u);
    EXPECT_EQ(failures[0].error, ENOSPC);
}

TEST_F(ChardevTest, a_socket_serves_one_client_after_another) {
    auto const path = directory + "/socket";
    auto const socket = open(unix_server(path, true));
    EXPECT_FALSE(socket->is_connected());
    socket->write("nobody hears this");
    for (auto const* word : {"one", "two"}) {
        reader.got.clear();
        auto client = connect_to(path);
        EXPECT_EQ(::write(client.number(), word, 3), 3);
        EXPECT_TRUE(eventually([&] { return reader.got == word; }));
        EXPECT_TRUE(socket->is_connected());
        EXPECT_EQ(reader.connections, word == std::string_view{"one"} ? 1 : 2);
        socket->write("answer");
        EXPECT_TRUE(eventually([&] { return read_from(client) == "answer"; }));
    }
}

TEST_F(ChardevTest, a_user_who_wants_no_input_leaves_it_in_the_socket) {
    auto const path = directory + "/socket";
    auto const socket = open(unix_server(path));
    auto const client = connect_to(path);
    reader.open = false;
    EXPECT_EQ(::write(client.number(), "abc", 3), 3);
    Alarm soon{loop, [this] { reader.open = true; }};
    soon.set(std::chrono::milliseconds{50});
    EXPECT_TRUE(eventually([&] { return reader.open; }));
    EXPECT_EQ(reader.got, "");
    EXPECT_TRUE(eventually([&] { return reader.got == "abc"; }));
}

TEST_F(ChardevTest, a_socket_goes_with_its_chardev_but_a_file_in_its_place_stays) {
    auto const path = directory + "/socket";
    open(unix_server(path)).reset();
    EXPECT_FALSE(std::filesystem::exists(path));
    std::ofstream{path} << "precious";
    auto const refused = open_chardev(loop, {.id = "", .backend = unix_server(path)}, [](auto const&) {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, ExitStatus::io);
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(ChardevTest, a_socket_that_nobody_listens_to_is_an_error) {
    auto const refused =
        open_chardev(loop, {.id = "", .backend = SocketBackend{.path = directory + "/none", .host = "", .port = ""}},
                     [](auto const&) {});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("cannot connect to"), std::string::npos);
}

TEST_F(ChardevTest, tcp_connects_to_tcp) {
    // Port 0: the host picks a free one, which only works for the listening end; so connect to a listener of our own.
    FileDescriptor const listener{::socket(AF_INET, SOCK_STREAM, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(::bind(listener.number(), generic, length), 0);
    ASSERT_EQ(::listen(listener.number(), 1), 0);
    ASSERT_EQ(::getsockname(listener.number(), generic, &length), 0);
    auto const socket =
        open(SocketBackend{.path = "", .host = "127.0.0.1", .port = std::to_string(ntohs(address.sin_port))});
    FileDescriptor const peer{::accept(listener.number(), nullptr, nullptr)};
    EXPECT_EQ(::write(peer.number(), "hi", 2), 2);
    EXPECT_TRUE(eventually([&] { return reader.got == "hi"; }));
}

TEST_F(ChardevTest, a_pseudo_terminal_can_be_opened_left_and_opened_again) {
    ::testing::internal::CaptureStdout();
    auto const pty = open(PtyBackend{});
    auto const line = ::testing::internal::GetCapturedStdout();
    ASSERT_TRUE(line.starts_with("char device redirected to /dev/pts/"));
    auto const path = line.substr(26, line.find('\n') - 26);
    pty->write("lost");
    for (int round = 0; round < 2; ++round) {
        FileDescriptor const side{::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK)};
        reader.got.clear();
        EXPECT_EQ(::write(side.number(), "key", 3), 3);
        EXPECT_TRUE(eventually([&] { return reader.got == "key"; }));
        pty->write("text");
        EXPECT_TRUE(eventually([&] { return read_from(side) == "text"; }));
    }
}

TEST(EventLoopTest, alarms_ring_once_and_can_be_set_again_from_within) {
    EventLoop loop;
    int rings = 0;
    Alarm* self = nullptr;
    Alarm alarm{loop, [&] {
                    if (++rings < 3) self->set(std::chrono::milliseconds{1});
                }};
    self = &alarm;
    alarm.set(std::chrono::milliseconds{1});
    while (alarm.is_set()) loop.turn(EventLoop::Sleep::may);
    EXPECT_EQ(rings, 3);
}

} // namespace
} // namespace ring3::app
