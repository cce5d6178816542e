// PacketLink: a descriptor that carries one frame per read and write: a tap interface, or a datagram socket.
#pragma once

#include "host/file_descriptor.h"
#include "net/addresses.h"
#include "net/backend.h"

#include <memory>
#include <optional>

namespace ring3::net {

class PacketLink final : public Backend {
public:
    /// A tap interface of the host kernel's (Linux: Documentation/networking/tuntap.rst); an empty name lets it choose one.
    static Result<std::unique_ptr<PacketLink>> open_tap(std::string const& name, Complain complain);
    /// Frames to and from everybody who is in a multicast group.
    static Result<std::unique_ptr<PacketLink>> join(Endpoint const& group, std::string const& local_address,
                                                    Complain complain);
    /// Frames to one peer's port, and from whoever sends to ours.
    static Result<std::unique_ptr<PacketLink>> open_udp(Endpoint const& peer, Endpoint const& local, Complain complain);

    std::string describe() const override { return description_; }
    void prepare(std::vector<pollfd>& entries, int& timeout) override;
    void dispatch(std::span<pollfd const> entries) override;

private:
    PacketLink(host::FileDescriptor fd, std::optional<SocketAddress> destination, std::string description,
               Complain complain);
    void put(Frame frame) override;
    void fail_once(char const* what, int error);

    host::FileDescriptor fd_;
    std::optional<SocketAddress> destination_; // for sockets, which are not connected
    std::string description_;
    Complain complain_;
    std::vector<u8> buffer_;
    bool complained_{};
};

} // namespace ring3::net
