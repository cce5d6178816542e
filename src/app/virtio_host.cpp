#include "app/virtio_host.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace ring3::app {

namespace {

/// Chains of a queue that are taken before others have their turn.
constexpr unsigned chains_in_a_turn = 256;

std::unexpected<Error> broken(std::string_view what) {
    return fail(ExitStatus::internal, fmt::format("the monitor broke the rules of the driver: {}", what));
}

} // namespace

VirtioHost::VirtioHost(EventLoop& loop, std::function<void(std::string)> complain)
    : loop_{loop}, complain_{std::move(complain)} {
    loop_.add(*this);
}

VirtioHost::~VirtioHost() {
    loop_.remove(*this);
}

void VirtioHost::add(std::unique_ptr<virtio::Device> device, VirtioPlace place) {
    cards_.push_back(std::make_unique<Card>(*this, static_cast<u8>(cards_.size()), std::move(device), place));
}

std::vector<VirtioDescription> VirtioHost::descriptions() const {
    std::vector<VirtioDescription> result;
    for (auto const& card : cards_) result.push_back(card->describe());
    return result;
}

void VirtioHost::attach(driver::AppEnd& driver, std::span<u8> ram) {
    driver_ = &driver;
    memory_ = virtio::GuestMemory{ram};
    for (auto const& card : cards_) card->config_bytes_ = card->describe().config.size();
}

void VirtioHost::detach() {
    for (auto const& card : cards_) {
        card->halt();
        if (card->state_ == State::stopping) card->device_->finish();
        card->state_ = State::idle;
    }
    driver_ = nullptr;
    memory_ = {};
    busy_ = false;
}

// ---- messages

Result<VirtioHost::Card*> VirtioHost::find(u8 device) {
    if (device >= cards_.size()) return broken("a virtio device that is not there");
    return cards_[device].get();
}

Result<void> VirtioHost::configured(driver::VirtioConfigured const& message) {
    if (!driver_) return {};
    Card& card = *TRY(find(message.device));
    if (card.state_ != State::idle) return broken("queues for a virtio device that has some");
    if (auto const started = card.start(message); !started) {
        complain_(fmt::format("virtio device {}: its driver set up {}", message.device, started.error()));
        card.fail();
    }
    busy_ = true;
    return {};
}

Result<void> VirtioHost::kicked(driver::VirtioKick const& message) {
    if (!driver_) return {};
    Card& card = *TRY(find(message.device));
    if (card.state_ == State::running) card.process(message.queues);
    busy_ = true;
    return {};
}

Result<void> VirtioHost::config_written(driver::VirtioConfigWrite const& message) {
    if (!driver_) return {};
    Card& card = *TRY(find(message.device));
    if (message.offset > card.config_bytes_ || message.bytes.size() > card.config_bytes_ - message.offset)
        return broken("a virtio configuration that is longer than its own");
    std::vector<u8> const bytes(message.bytes.begin(), message.bytes.end());
    card.device_->config_written(message.offset, bytes);
    busy_ = true;
    return {};
}

Result<void> VirtioHost::reset(driver::VirtioReset const& message) {
    if (!driver_) return {};
    Card& card = *TRY(find(message.device));
    if (card.state_ == State::stopping) return broken("a second reset of a virtio device");
    card.halt();
    if (card.state_ == State::idle) card.stopped();
    busy_ = true;
    return {};
}

// ---- the loop

void VirtioHost::prepare(std::vector<pollfd>&, int& timeout) {
    if (!busy_ || !driver_) return;
    busy_ = false;
    for (auto const& card : cards_) {
        if (u32 const starved = std::exchange(card->starved_, 0); starved != 0 && card->state_ == State::running)
            card->process(starved);
        bool const sent = card->send_all();
        busy_ |= !sent || card->starved_ != 0;
        if (!sent) shorten(timeout, 1); // nobody says when the ring has room
        if (card->starved_ != 0) shorten(timeout, 0);
    }
}

// ---- a device

VirtioHost::Card::Card(VirtioHost& owner, u8 number, std::unique_ptr<virtio::Device> device, VirtioPlace place)
    : owner_{owner}, number_{number}, device_{std::move(device)}, place_{place} {
    device_->connect(*this);
}

VirtioDescription VirtioHost::Card::describe() const {
    auto description = device_->describe();
    description.slot = place_.slot;
    description.legacy = place_.legacy;
    description.modern = place_.modern;
    return description;
}

std::expected<void, std::string> VirtioHost::Card::start(driver::VirtioConfigured const& message) {
    auto const description = device_->describe();
    std::vector<virtio::Queue> queues(description.queue_sizes.size());
    u32 exist = 0;
    for (VirtioQueueSetup const& setup : message.queues) {
        if (setup.number >= queues.size() || setup.size > description.queue_sizes[setup.number])
            return std::unexpected("a queue that is not the device's");
        auto queue = virtio::Queue::create(owner_.memory_, message.features, setup);
        if (!queue) return std::unexpected(queue.error());
        queues[setup.number] = *std::move(queue);
        exist |= 1u << setup.number;
    }
    state_ = State::running;
    device_->start(owner_.memory_, message.features, std::move(queues));
    process(exist);
    return {};
}

void VirtioHost::Card::process(u32 queues) {
    auto const all = device_->queues();
    for (unsigned i = 0; i < all.size(); ++i) {
        if ((queues >> i & 1) == 0 || !all[i].exists()) continue;
        all[i].refill(chains_in_a_turn);
        device_->process(i);
        if (all[i].wants_more_time()) starved_ |= 1u << i;
    }
    look_for_faults();
}

/// The device works no more until its driver resets it.
void VirtioHost::Card::look_for_faults() {
    for (virtio::Queue const& queue : device_->queues()) {
        if (state_ != State::running || queue.broken().empty()) continue;
        owner_.complain_(fmt::format("virtio device {}: its driver made {}", number_, queue.broken()));
        fail();
    }
}

void VirtioHost::Card::halt() {
    tell_done_ = tell_broken_ = false;
    config_.reset();
    used_.clear();
    starved_ = 0;
    if (state_ != State::idle) state_ = device_->halt() ? State::idle : State::stopping;
    for (virtio::Queue& queue : device_->queues()) queue = {};
}

void VirtioHost::Card::stopped() {
    state_ = State::idle;
    tell_done_ = true;
    owner_.busy_ = true;
}

void VirtioHost::Card::config_changed(std::span<u8 const> config) {
    config_ = std::string(config.begin(), config.end());
    owner_.busy_ = true;
}

bool VirtioHost::Card::send_all() {
    driver::AppEnd& driver = *owner_.driver_;
    look_for_faults(); // of what was done outside of process()
    if (tell_done_ && !driver.try_send(driver::VirtioResetDone{number_})) return false;
    tell_done_ = false;
    if (config_ && !driver.try_send(driver::VirtioConfigChanged{number_, *config_})) return false;
    config_.reset();
    auto const queues = device_->queues();
    for (u8 i = 0; i < queues.size(); ++i)
        if (!send_completions(i, queues[i])) return false;
    if (tell_broken_ && !driver.try_send(driver::VirtioBroken{number_})) return false;
    tell_broken_ = false;
    return true;
}

/// More pieces than a message takes go in several; only the last one completes.
bool VirtioHost::Card::send_completions(u8 number, virtio::Queue& queue) {
    if (used_.empty() && state_ == State::running && queue.has_completions()) {
        virtio::Completions completions = queue.complete();
        std::span<BlockSegment const> left = completions.written;
        if (!completions.any && left.empty()) return true;
        do {
            auto const part = left.first(std::min<std::size_t>(left.size(), max_block_segments));
            left = left.subspan(part.size());
            bool const last = left.empty() && completions.any;
            used_.push_back(
                {number_, last, last && completions.published, number, completions.used, {part.begin(), part.end()}});
        } while (!left.empty());
    }
    while (!used_.empty()) {
        if (!owner_.driver_->try_send(used_.front())) return false;
        used_.pop_front();
    }
    return true;
}

} // namespace ring3::app
