// What a network card's cable ends in. Everything that can be at its far end looks the same to the card:
//
//     Station (a guest's card)  --send()-->  Backend (NAT, tap, socket, switch)
//                               <--arrive()--
//
// Frames are copied by whoever keeps them. Each direction has back-pressure: ready() says whether the other end could take
// a frame now; what is sent nevertheless may be lost, as on a real wire. When it can again, the other end is told.
#pragma once

#include "net/frame.h"
#include "net/poll_client.h"

#include <functional>
#include <string>

namespace ring3::net {

/// The guest's end of a cable.
class Station {
public:
    virtual ~Station() = default;
    virtual bool ready() const = 0;
    virtual void arrive(Frame frame) = 0;
    /// The back end has become ready().
    virtual void backend_ready() = 0;
};

/// One line for a person about a back end that no longer works as it should.
using Complain = std::function<void(std::string)>;

class Backend : public PollClient {
public:
    /// To be called once, before anything else.
    void connect(Station& station) { station_ = &station; }

    virtual bool ready() const { return true; }
    /// A frame from the station. One that is not is_frame_length() long is dropped.
    void send(Frame frame);
    /// The station can take frames again.
    virtual void station_ready() {}
    /// What `info network` shows.
    virtual std::string describe() const = 0;
    /// Takes frames with a `segment` as they are; for others they are cut up first.
    virtual bool takes_long_segments() const { return false; }

protected:
    virtual void put(Frame frame) = 0;
    Station& station() const { return *station_; }

private:
    Station* station_{};
};

} // namespace ring3::net
