#include "app/outputs.h"

#include <algorithm>

namespace ring3::app {

Result<std::unique_ptr<Outputs>> Outputs::open(EventLoop& loop, VmSettings const& settings, OutputFailed failed,
                                               std::function<void()> quit) {
    auto outputs = std::make_unique<Outputs>();
    ChardevSettings log{.id = "log", .backend = StderrBackend{}};
    if (!settings.log_file.empty()) log.backend = FileBackend{settings.log_file};
    outputs->log_ = TRY(open_chardev(loop, log, failed));
    for (auto const& chardev : settings.chardevs) {
        Place place;
        place.chardev = TRY(open_chardev(loop, chardev, failed));
        if (chardev.multiplexed)
            place.multiplexer = std::make_unique<Multiplexer>(*place.chardev, Multiplexer::Hooks{.quit = quit});
        outputs->places_.push_back(std::move(place));
    }
    return outputs;
}

Chardev& Outputs::connect(ChardevIndex index) {
    Place& place = places_[index];
    return place.multiplexer ? place.multiplexer->add_port() : *place.chardev;
}

bool Outputs::has_room() const {
    return log_->has_room() &&
           std::ranges::all_of(places_, [](Place const& place) { return place.chardev->has_room(); });
}

bool Outputs::are_connected() const {
    return std::ranges::all_of(places_, [](Place const& place) { return place.chardev->is_connected(); });
}

bool Outputs::drained(Patience patience) const {
    return log_->drained() && std::ranges::all_of(places_, [&](Place const& place) {
               bool const skip = patience == Patience::only_those_that_cannot_stall && place.chardev->may_stall();
               return skip || place.chardev->drained();
           });
}

} // namespace ring3::app
