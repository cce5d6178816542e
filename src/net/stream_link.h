// StreamLink: frames over a stream socket, in QEMU's format: each behind its length, four bytes in network order. Connects,
// or listens for one peer at a time; a peer that goes may be followed by another one. While nobody is there, frames are
// lost.
//
// A length that no frame has means that the peer speaks something else: the connection is closed.
#pragma once

#include "host/file_descriptor.h"
#include "net/addresses.h"
#include "net/backend.h"

#include <memory>

namespace ring3::net {

class StreamLink final : public Backend {
public:
    static Result<std::unique_ptr<StreamLink>> listen(Endpoint const& at, Complain complain);
    static Result<std::unique_ptr<StreamLink>> connect_to(Endpoint const& peer, Complain complain);
    ~StreamLink() override;
    StreamLink(StreamLink const&) = delete;

    bool ready() const override { return out_.size() < most_waiting; }
    void station_ready() override {
        if (peer_.is_open()) hand_over();
    }
    std::string describe() const override;
    void prepare(std::vector<pollfd>& entries, int& timeout) override;
    void dispatch(std::span<pollfd const> entries) override;
    bool is_connected() const { return peer_.is_open(); }

private:
    static constexpr std::size_t most_waiting = 256 << 10;
    StreamLink(host::FileDescriptor listener, host::FileDescriptor peer, Endpoint endpoint, Complain complain);
    void put(Frame frame) override;
    void write_out();
    void read_in();
    void hand_over();
    void lose(std::string const& why);

    host::FileDescriptor listener_;
    host::FileDescriptor peer_;
    Endpoint endpoint_;
    Complain complain_;
    std::vector<u8> out_; // not written yet
    std::vector<u8> in_;  // not handed over yet: less than a frame, unless the station is not ready
    bool was_full_{};
};

} // namespace ring3::net
