// SwitchService: a switch that the virtual machines of one host and user share, at a unix socket.
//
//     $XDG_RUNTIME_DIR/ring3/switch-NAME.lock    whoever holds the lock serves
//     $XDG_RUNTIME_DIR/ring3/switch-NAME.socket  where the others connect (without that variable: $TMPDIR/ring3-UID)
//
// There is no process of its own: the first ring3 that wants the switch serves it. The lock goes with its process, however
// that ends, and then one of the others takes over: they know their rules and say them again, and addresses are learned
// anew. The folder belongs to the user alone, and a client of another user is turned away.
#pragma once

#include "base/result.h"
#include "host/file_descriptor.h"
#include "net/poll_client.h"
#include "net/switch_wire.h"

#include <memory>
#include <string>

namespace ring3::net {

/// The folder for the sockets of this user's switches; made if it is not there.
Result<std::string> switch_folder();
/// Where a switch is met. An error if the name cannot be part of a file's.
Result<std::string> switch_path(std::string const& folder, std::string_view name);

class SwitchService final : public PollClient {
public:
    /// No service if somebody else serves already.
    static Result<std::unique_ptr<SwitchService>> try_to_serve(std::string const& path);
    ~SwitchService() override;
    SwitchService(SwitchService const&) = delete;

    SwitchCore& core() { return core_; }
    void prepare(std::vector<pollfd>& entries, int& timeout) override;
    void dispatch(std::span<pollfd const> entries) override;

private:
    /// Somebody who has connected.
    struct Client final : SwitchOutlet {
        explicit Client(host::FileDescriptor fd) : socket{std::move(fd)} {}
        void deliver(Frame frame) override;
        void write_out();
        host::FileDescriptor socket;
        std::optional<PortNumber> port; // once it has said its rules
        std::vector<std::vector<u8>> waiting;
        std::size_t waiting_bytes{};
        bool gone{};
    };
    static constexpr std::size_t most_clients = 256;
    SwitchService(std::string path, host::FileDescriptor lock, host::FileDescriptor listener);
    void accept_client();
    void serve(Client& client, short events);
    void obey(Client& client, std::span<u8 const> packet);
    u64 delay(Client const& client) const;
    void sweep();

    std::string path_;
    host::FileDescriptor lock_, listener_;
    SwitchCore core_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::vector<u8> buffer_;
};

} // namespace ring3::net
