#include "app/chardev.h"

#include "app/pty_chardev.h"
#include "app/socket_chardev.h"
#include "app/streams.h"
#include "app/terminal.h"
#include "host/file_descriptor.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <unistd.h>

namespace ring3::app {

namespace {

class NullChardev final : public Chardev {
public:
    void write(std::string_view) override {}
    bool has_room() const override { return true; }
    bool drained() const override { return true; }
};

/// A file, or one of the standard streams: output only.
class FileChardev final : public Chardev {
public:
    FileChardev(EventLoop& loop, int fd, host::FileDescriptor owned, std::function<void(int)> failed)
        : owned_{std::move(owned)}, out_{loop, fd, std::move(failed)} {}
    void write(std::string_view bytes) override { out_.write(bytes); }
    bool has_room() const override { return out_.has_room(); }
    bool drained() const override { return out_.empty(); }

private:
    host::FileDescriptor owned_;
    OutputQueue out_;
};

class StdioChardev final : public Chardev {
public:
    StdioChardev(EventLoop& loop, StdioBackend settings, std::function<void(int)> failed)
        : terminal_input_{::isatty(STDIN_FILENO) != 0},
          out_{loop, STDOUT_FILENO, std::move(failed)},
          in_{loop,
              STDIN_FILENO,
              {.wanted = [this] { return user_ && user_->wants_input(); },
               .arrived = [this](std::string_view bytes) { user_->input(bytes); },
               .ended = [this] { user_->input_ended(); }}} {
        if (terminal_input_ && settings.input == TerminalInput::raw) raw_.emplace(STDIN_FILENO, settings.signals);
    }
    void write(std::string_view bytes) override { out_.write(bytes); }
    bool has_room() const override { return out_.has_room(); }
    bool drained() const override { return out_.empty(); }
    bool is_terminal() const override { return terminal_input_; }

private:
    bool terminal_input_;
    std::optional<RawTerminal> raw_;
    OutputQueue out_;
    InputStream in_;
};

Result<std::unique_ptr<Chardev>> open_file(EventLoop& loop, FileBackend const& file, OutputFailed failed) {
    int const mode = file.append ? O_APPEND : O_TRUNC;
    host::FileDescriptor fd{::open(file.path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0666)};
    if (!fd.is_open()) return host::fail_errno(ExitStatus::io, fmt::format("cannot open '{}' for writing", file.path));
    int const number = fd.number();
    return std::make_unique<FileChardev>(loop, number, std::move(fd), [failed, path = file.path](int error) {
        failed({fmt::format("'{}'", path), error, false});
    });
}

struct Opener {
    EventLoop& loop;
    OutputFailed failed;
    using Opened = Result<std::unique_ptr<Chardev>>;

    Opened operator()(NullBackend) const { return std::make_unique<NullChardev>(); }
    Opened operator()(StdioBackend const& settings) const {
        return std::make_unique<StdioChardev>(loop, settings, [to = failed](int error) {
            to({"standard output", error, true});
        });
    }
    Opened operator()(StderrBackend) const {
        return std::make_unique<FileChardev>(loop, STDERR_FILENO, host::FileDescriptor{}, [to = failed](int error) {
            to({"standard error", error, true});
        });
    }
    Opened operator()(FileBackend const& file) const { return open_file(loop, file, failed); }
    Opened operator()(PtyBackend) const { return open_pty(loop); }
    Opened operator()(SocketBackend const& socket) const { return open_socket(loop, socket); }
};

} // namespace

Result<std::unique_ptr<Chardev>> open_chardev(EventLoop& loop, ChardevSettings const& settings, OutputFailed failed) {
    return std::visit(Opener{loop, std::move(failed)}, settings.backend);
}

} // namespace ring3::app
