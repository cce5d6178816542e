// SwitchPort: a port of a switch that several machines of this host share, as a back end.
//
// It meets the switch by name: connects to whoever serves it, or serves it itself. When the server goes, frames are lost
// for a moment, until one of the others serves.
#pragma once

#include "net/backend.h"
#include "net/switch_service.h"

#include <memory>

namespace ring3::net {

struct SwitchSettings {
    std::string name;
    PortRules rules;
};

class SwitchPort final : public Backend, private SwitchOutlet {
public:
    /// In the folder of switch_folder(), unless another one is given.
    static Result<std::unique_ptr<SwitchPort>> open(SwitchSettings settings, Complain complain,
                                                    std::string const& folder = {});
    ~SwitchPort() override;
    SwitchPort(SwitchPort const&) = delete;

    bool ready() const override;
    bool takes_long_segments() const override { return true; }
    std::string describe() const override;
    void prepare(std::vector<pollfd>& entries, int& timeout) override;
    void dispatch(std::span<pollfd const> entries) override;
    bool serves() const { return service_ != nullptr; }

private:
    SwitchPort(SwitchSettings settings, std::string path, Complain complain);
    void put(Frame frame) override;
    void deliver(Frame frame) override; // of the switch that is served here
    Result<void> meet();
    bool try_to_connect();
    bool is_rate_limited() const;
    void receive();
    void write_out();

    SwitchSettings settings_;
    std::string path_;
    Complain complain_;
    std::unique_ptr<SwitchService> service_;
    PortNumber own_port_{};
    host::FileDescriptor socket_; // to another's service
    std::vector<u8> buffer_;
    std::vector<u8> waiting_; // a message that the server has no room for yet; then there is no other one
};

} // namespace ring3::net
