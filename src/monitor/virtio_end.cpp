#include "monitor/virtio_end.h"

namespace ring3 {

void VirtioEnd::configured(u64 features, std::span<VirtioQueueSetup const> queues) {
    configured_ = driver::VirtioConfigured{device_, features, {queues.begin(), queues.end()}};
    pump();
}

void VirtioEnd::kick(u32 queues) {
    kicks_ |= queues;
    pump();
}

void VirtioEnd::config_written(u32 offset, std::span<u8 const> bytes) {
    if (config_writes_.size() >= most_config_writes) config_writes_.pop_front();
    config_writes_.push_back({device_, offset, {bytes.begin(), bytes.end()}});
    pump();
}

/// The front end waits for the answer before it hands queues over again: one reset at most is under way.
void VirtioEnd::reset() {
    kicks_ = 0;
    config_writes_.clear();
    configured_.reset(); // if the app has not heard of the queues, it answers all the same
    reset_ = true;
    pump();
}

void VirtioEnd::pump() {
    if (reset_ && !send(driver::VirtioReset{device_})) return;
    reset_ = false;
    if (configured_ && !send(*configured_)) return;
    configured_.reset();
    while (!config_writes_.empty()) {
        if (!send(config_writes_.front())) return;
        config_writes_.pop_front();
    }
    if (kicks_ != 0 && send(driver::VirtioKick{device_, kicks_})) kicks_ = 0;
}

void VirtioEnd::used(driver::VirtioUsed const& message) {
    for (BlockSegment const& piece : message.written) memory_.note_written(piece.address, piece.bytes);
    if (message.completes && user_) {
        using Index = VirtioUser::Index;
        user_->used(message.queue, message.used, message.published ? Index::written : Index::to_be_written);
    }
}

void VirtioEnd::reset_done() {
    if (user_) user_->reset_done();
}

void VirtioEnd::broken() {
    if (user_) user_->broken();
}

void VirtioEnd::config_changed(driver::VirtioConfigChanged const& message) {
    std::vector<u8> const bytes(message.bytes.begin(), message.bytes.end());
    if (user_) user_->config_changed(bytes);
}

} // namespace ring3
