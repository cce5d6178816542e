#include "monitor/devices/virtio/virtio_transport.h"

#include "base/assert.h"

#include <bit>
#include <utility>

namespace ring3 {

namespace {

constexpr u32 low_word = 0xffff, high_word = 0xffff'0000;
constexpr u64 legacy_align = 4096; // of the used ring (2.6.2)
constexpr unsigned descriptor_bytes = 16;

/// What an access of some bytes makes of a dword.
u32 merged(u32 old, u32 value, u32 mask) {
    return (old & ~mask) | (value & mask);
}

} // namespace

VirtioTransport::VirtioTransport(VirtioDescription const& description, DmaMemory& memory, VirtioPort& port,
                                 Line& interrupt)
    : memory_{memory},
      port_{port},
      interrupt_{interrupt},
      features_{description.features | virtio_feature::indirect | virtio_feature::event_index},
      queue_sizes_{description.queue_sizes},
      first_config_{description.config},
      config_{description.config},
      writable_{description.writable},
      queue_count_{description.queue_sizes.size()} {
    ASSERT(queue_count_ <= max_virtio_queues && config_.size() <= max_virtio_config);
    writable_.resize(config_.size());
    if (description.legacy) features_ |= virtio_feature::any_layout;
    if (description.modern) features_ |= virtio_feature::version_1;
    reset_registers();
}

// ---- status

void VirtioTransport::reset_registers() {
    status_ = {};
    driver_features_ = 0;
    feature_selects_ = {};
    queue_select_ = 0;
    isr_ = 0;
    interrupt_.set(false);
    for (std::size_t i = 0; i < queue_count_; ++i) queues_[i] = {.size = queue_sizes_[i]};
}

void VirtioTransport::reset() {
    old_status_ = status_;
    reset_registers();
    if (!begun_) return;
    begun_ = false;
    ++resets_;
    port_.reset();
}

void VirtioTransport::reset_done() {
    if (resets_ == 0) return;
    --resets_;
    begin(); // the driver may be ready already
}

void VirtioTransport::write_status(u8 value) {
    if (value == 0) return reset();
    Status next{{value}};
    // Only a reset takes bits back.
    next.raw = static_cast<u8>(next.raw | (status_.raw & Status::NeedsReset::mask));
    if ((driver_features_ & ~features_) != 0) next = next.with<Status::FeaturesOk>(0);
    status_ = next;
    begin();
}

/// The far end gets the queues once DRIVER_OK is set and nothing of the time before is under way.
void VirtioTransport::begin() {
    if (begun_ || resets_ != 0 || !status_.has<Status::DriverOk>()) return;
    begun_ = true;
    std::vector<VirtioQueueSetup> setups;
    for (std::size_t i = 0; i < queue_count_; ++i) {
        Queue& queue = queues_[i];
        queue.used = 0;
        if (queue.enabled)
            setups.push_back({static_cast<u8>(i),
                              queue.size,
                              {queue.addresses[descriptors]},
                              {queue.addresses[available]},
                              {queue.addresses[used_ring]}});
    }
    port_.configured(driver_features_, setups);
}

void VirtioTransport::broken() {
    status_ = status_.with<Status::NeedsReset>(1);
    if (status_.has<Status::DriverOk>()) raise(isr_config);
}

// ---- modern registers (4.1.4.3)

u32 VirtioTransport::read_common(unsigned dword) const {
    Queue const none{};
    Queue const* const chosen = selected();
    Queue const& queue = chosen ? *chosen : none;
    constexpr u32 no_vector = 0xffff;
    switch (dword) {
    case 0: return feature_selects_[0];
    case 1: {
        u64 const offered = features_ & ~virtio_feature::any_layout; // which modern drivers take for granted
        return feature_selects_[0] < 2 ? static_cast<u32>(offered >> 32 * feature_selects_[0]) : 0;
    }
    case 2: return feature_selects_[1];
    case 3: return feature_selects_[1] < 2 ? static_cast<u32>(driver_features_ >> 32 * feature_selects_[1]) : 0;
    case 4: return no_vector | static_cast<u32>(queue_count_) << 16;
    case 5: {
        u8 const shown = resets_ != 0 && status_.raw == 0 ? old_status_.raw : status_.raw;
        return shown | u32{generation_} << 8 | u32{queue_select_} << 16;
    }
    case 6: return queue.size | no_vector << 16;
    case 7: return (queue.enabled ? 1u : 0u) | u32{queue_select_} << 16; // a place for notifications each
    default: break;
    }
    if (dword < 8 || dword >= common_bytes / 4) return 0;
    u64 const address = queue.addresses[(dword - 8) / 2];
    return static_cast<u32>(dword % 2 == 0 ? address : address >> 32);
}

void VirtioTransport::write_common(unsigned dword, u32 value, u32 mask) {
    switch (dword) {
    case 0: feature_selects_[0] = merged(feature_selects_[0], value, mask); return;
    case 2: feature_selects_[1] = merged(feature_selects_[1], value, mask); return;
    case 3: return write_features(value, mask);
    case 5:
        if (mask & high_word) queue_select_ = static_cast<u16>(merged(u32{queue_select_} << 16, value, mask) >> 16);
        if (mask & 0xff) write_status(static_cast<u8>(value));
        return;
    case 6:
        if (mask & low_word) write_queue_size(value & low_word);
        return;
    case 7:
        if (Queue* const queue = selected(); queue && (mask & low_word) && may_change_queues())
            queue->enabled = (value & 1) != 0;
        return;
    default: break;
    }
    if (dword >= 8 && dword < common_bytes / 4) write_queue_address(dword, value, mask);
}

void VirtioTransport::write_features(u32 value, u32 mask) {
    if (feature_selects_[1] >= 2 || status_.has<Status::FeaturesOk>()) return;
    unsigned const shift = 32 * feature_selects_[1];
    u32 const next = merged(static_cast<u32>(driver_features_ >> shift), value, mask);
    driver_features_ = (driver_features_ & ~(u64{0xffff'ffff} << shift)) | u64{next} << shift;
}

/// A driver may make a queue smaller.
void VirtioTransport::write_queue_size(u32 value) {
    Queue* const queue = selected();
    if (queue && may_change_queues() && std::has_single_bit(value) && value <= queue_sizes_[queue_select_])
        queue->size = static_cast<u16>(value);
}

void VirtioTransport::write_queue_address(unsigned dword, u32 value, u32 mask) {
    Queue* const queue = selected();
    if (!queue || !may_change_queues()) return;
    u64& address = queue->addresses[(dword - 8) / 2];
    unsigned const shift = dword % 2 == 0 ? 0 : 32;
    u32 const next = merged(static_cast<u32>(address >> shift), value, mask);
    address = (address & ~(u64{0xffff'ffff} << shift)) | u64{next} << shift;
}

// ---- legacy registers (4.1.4.8)

u32 VirtioTransport::read_legacy(unsigned dword) const {
    Queue const* const queue = selected();
    switch (dword) {
    case 0: return static_cast<u32>(features_);
    case 1: return static_cast<u32>(driver_features_);
    case 2: return queue && queue->enabled ? static_cast<u32>(queue->addresses[descriptors] / page_size) : 0;
    case 3: return (queue ? queue_sizes_[queue_select_] : 0u) | u32{queue_select_} << 16;
    case 4: return u32{status_.raw} << 16;
    default: return 0;
    }
}

void VirtioTransport::write_legacy(unsigned dword, u32 value, u32 mask) {
    switch (dword) {
    case 1:
        // There was no way to refuse features.
        driver_features_ = merged(static_cast<u32>(driver_features_), value, mask) & features_;
        return;
    case 2: {
        u32 const before = read_legacy(dword);
        return write_page(merged(before, value, mask));
    }
    case 3:
        if (mask & high_word) queue_select_ = static_cast<u16>(merged(u32{queue_select_} << 16, value, mask) >> 16);
        return;
    case 4:
        if (mask & low_word) notify(static_cast<u16>(value));
        if (mask & 0xff'0000) write_status(static_cast<u8>(value >> 16));
        return;
    default: return;
    }
}

/// All three parts follow from the page of the first (2.6.2).
void VirtioTransport::write_page(u32 page) {
    Queue* const queue = selected();
    if (!queue || !may_change_queues()) return;
    u64 const start = u64{page} * page_size;
    u64 const size = queue_sizes_[queue_select_];
    u64 const ring = start + descriptor_bytes * size;
    u64 const end = ring + 2 * (3 + size); // flags, index, the ring, the used event
    *queue = {.size = static_cast<u16>(size), .enabled = page != 0};
    queue->addresses = {start, ring, (end + legacy_align - 1) & ~(legacy_align - 1)};
}

// ---- configuration

void VirtioTransport::write_config(u64 offset, u64 value, unsigned bytes) {
    bool changes = false;
    for (unsigned i = 0; i < bytes && offset + i < config_.size(); ++i) {
        u8& byte = config_[offset + i];
        u8 const mask = writable_[offset + i];
        byte = static_cast<u8>((byte & ~mask) | ((value >> 8 * i) & mask));
        changes |= mask != 0;
    }
    if (!changes) return;
    std::size_t const known = std::min<std::size_t>(bytes, config_.size() - offset);
    port_.config_written(static_cast<u32>(offset), std::span{config_}.subspan(offset, known));
}

void VirtioTransport::config_changed(std::span<u8 const> bytes) {
    std::copy_n(bytes.begin(), std::min(bytes.size(), config_.size()), config_.begin());
    ++generation_;
    if (status_.has<Status::DriverOk>()) raise(isr_config);
}

// ---- notifications, both ways

void VirtioTransport::notify(u16 queue) {
    // What comes before DRIVER_OK is found when the queues are handed over.
    if (begun_ && queue < queue_count_) port_.kick(1u << queue);
}

u16 VirtioTransport::guest_word(u64 address) const {
    std::array<u8, 2> bytes{};
    memory_.read({address}, bytes);
    return static_cast<u16>(bytes[0] | bytes[1] << 8);
}

void VirtioTransport::used(unsigned number, u16 index, Index state) {
    if (!begun_ || resets_ != 0 || number >= queue_count_ || !queues_[number].enabled) return;
    Queue& queue = queues_[number];
    u16 const before = queue.used;
    queue.used = index;
    std::array const bytes{static_cast<u8>(index), static_cast<u8>(index >> 8)};
    if (state == Index::to_be_written) memory_.write({queue.addresses[used_ring] + 2}, bytes);
    if (wants_interrupt(queue, before)) raise(isr_queue);
}

bool VirtioTransport::wants_interrupt(Queue const& queue, u16 before) {
    constexpr u16 no_interrupt = 1;
    u64 const available_ring = queue.addresses[available];
    if ((driver_features_ & virtio_feature::event_index) == 0) return (guest_word(available_ring) & no_interrupt) == 0;
    u16 const event = guest_word(available_ring + 4 + 2 * u64{queue.size});
    return static_cast<u16>(queue.used - event - 1) < static_cast<u16>(queue.used - before); // 2.6.7.2
}

void VirtioTransport::raise(u8 cause) {
    isr_ = static_cast<u8>(isr_ | cause);
    interrupt_.set(true);
}

u8 VirtioTransport::take_isr() {
    interrupt_.set(false);
    return std::exchange(isr_, u8{0});
}

} // namespace ring3
