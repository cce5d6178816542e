#include "app/lab_process.h"

#include "app/session.h"
#include "host/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ring3::app {

namespace {

struct Streams {
    int input, output, errors;
};

Result<void> cut_ties(pid_t parent, Streams streams) {
    TRY_VOID(host::die_with_parent(parent));
    ::setsid(); // Ctrl-C at the terminal is for the lab, which tells us in its way
    ::dup2(streams.input, STDIN_FILENO);
    ::dup2(streams.output, STDOUT_FILENO);
    ::dup2(streams.errors, STDERR_FILENO);
    std::array const keep{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    TRY_VOID(host::close_everything_but(keep));
    host::reset_signals();
    return {};
}

[[noreturn]] void run_child(pid_t parent, Streams streams, VmSettings const& settings, MonitorMain const& monitor) {
    auto const cut = cut_ties(parent, streams);
    int const status = cut ? run_session(settings, monitor) : report(cut.error());
    std::fflush(nullptr);
    ::_exit(status); // the objects of this process are the lab's
}

} // namespace

Result<std::unique_ptr<LabProcess>> LabProcess::start(EventLoop& loop, LabMachine const& machine, LabInput input,
                                                      MonitorMain const& monitor, Hooks hooks) {
    auto keys = TRY(host::create_pipe());
    auto output = TRY(host::create_pipe());
    auto errors = TRY(host::create_pipe());
    host::FileDescriptor nothing{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    // create_pipe's read end does not block; for the child's standard input nobody minds: it polls first.
    Streams const streams{input == LabInput::typed ? keys.read_end.number() : nothing.number(),
                          output.write_end.number(), errors.write_end.number()};
    std::fflush(nullptr);
    pid_t const parent = ::getpid();
    std::unique_ptr<LabProcess> process{new LabProcess{loop, std::move(hooks)}};
    process->pid_ = host::fork_with_signals_blocked();
    if (process->pid_ < 0) return host::fail_errno(ExitStatus::host_lacks, "cannot start a machine's process");
    if (process->pid_ == 0) run_child(parent, streams, machine.settings, monitor);
    process->pidfd_ = TRY(host::open_pidfd(process->pid_));
    process->output_fd_ = std::move(output.read_end);
    process->error_fd_ = std::move(errors.read_end);
    process->input_fd_ = std::move(keys.write_end);
    auto* const self = process.get();
    process->input_ = std::make_unique<OutputQueue>(loop, self->input_fd_.number(), [](int) {}); // it has ended
    auto const stream = [&](int fd, std::function<void(std::string_view)> const& to) {
        return std::make_unique<InputStream>(
            loop, fd, InputStream::Handler{.wanted = self->hooks_.has_room, .arrived = to, .ended = [] {}});
    };
    process->output_ = stream(self->output_fd_.number(), self->hooks_.output);
    process->errors_ = stream(self->error_fd_.number(), self->hooks_.message);
    loop.add(*self);
    return process;
}

LabProcess::~LabProcess() {
    if (pidfd_.is_open()) loop_.remove(*this);
    if (pid_ <= 0 || wait_status_) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
}

void LabProcess::type(std::string_view bytes) {
    if (input_ && input_->has_room()) input_->write(bytes); // a machine that does not listen loses keys
}

void LabProcess::send(int signal) {
    if (runs()) ::kill(pid_, signal);
}

short LabProcess::interest() const {
    return runs() ? short{POLLIN} : short{0};
}

void LabProcess::ready(short) {
    reap();
}

void LabProcess::reap() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return;
    wait_status_ = status;
    // Programs that it started may still hold the other ends: take what is there, and do not wait for more.
    read_rest(output_fd_.number(), hooks_.output);
    read_rest(error_fd_.number(), hooks_.message);
    input_->close();
    output_.reset();
    errors_.reset();
    hooks_.ended();
}

void LabProcess::read_rest(int fd, std::function<void(std::string_view)> const& to) {
    std::array<char, 4096> buffer;
    constexpr int most = 64; // a pipe's 64 KiB, and some
    for (int i = 0; i < most; ++i) {
        auto const count = ::read(fd, buffer.data(), buffer.size());
        if (count <= 0) return;
        to({buffer.data(), static_cast<std::size_t>(count)});
    }
}

} // namespace ring3::app
