#include "virtio/net.h"

#include <algorithm>

namespace ring3::virtio {

namespace {

// 5.1.3
constexpr u64 feature_checksum = 1 << 0, feature_mac = 1 << 5, feature_tso4 = 1 << 11, feature_tso6 = 1 << 12,
              feature_merged = 1 << 15, feature_status = 1 << 16;
// struct virtio_net_hdr (5.1.6)
constexpr std::size_t short_header = 10, long_header = 12;
constexpr u8 needs_checksum = 1, gso_none = 0, gso_tcp4 = 1, gso_tcp6 = 4, gso_ecn = 0x80;
constexpr std::size_t at_flags = 0, at_gso = 1, at_gso_size = 4, at_start = 6, at_offset = 8, at_buffers = 10;
constexpr std::size_t usual_frame = 1514;

u16 le16(std::span<u8 const> bytes, std::size_t offset) {
    return static_cast<u16>(bytes[offset] | bytes[offset + 1] << 8);
}

/// The driver has put the sum of the pseudo header where the checksum goes (5.1.6.2). False: that is not in the frame.
bool fill_checksum(std::span<u8> frame, std::size_t start, std::size_t offset) {
    if (start + offset + 2 > frame.size()) return false;
    u16 const sum = fold_checksum(ones_sum(frame.subspan(start)));
    put_be16(frame, start + offset, sum == 0 ? u16{0xffff} : sum); // 0 stands for "none" in UDP, and is the same number
    return true;
}

} // namespace

std::vector<u8> Net::config() const {
    std::vector<u8> config{mac_.begin(), mac_.end()};
    config.push_back(port_->link() ? 1 : 0);
    config.push_back(0);
    return config;
}

VirtioDescription Net::describe() const {
    VirtioDescription description;
    description.type = VirtioType::net;
    description.pci_class = 0x02'0000;
    description.queue_sizes = {256, 256};
    description.features =
        feature_checksum | feature_mac | feature_tso4 | feature_tso6 | feature_merged | feature_status;
    description.config = config();
    return description;
}

void Net::started() {
    if (queue(transmit_queue).exists()) queue(transmit_queue).publish_directly(); // nothing is ever written there
    port_->card_ready();
}

bool Net::stop() {
    held_.clear();
    held_room_ = 0;
    port_->card_ready(); // what waits is lost
    return true;
}

void Net::link_changed() {
    host().config_changed(config());
}

std::size_t Net::header_bytes() const {
    return has_feature(virtio_feature::version_1 | feature_merged) ? long_header : short_header;
}

void Net::process(unsigned number) {
    if (number == receive_queue) return port_->card_ready();
    Queue& transmit = queue(transmit_queue);
    while (port_->takes_frames() && transmit.take(chain_)) {
        send(chain_);
        transmit.put(chain_, 0);
    }
}

void Net::port_ready() {
    if (!is_running()) return;
    queue(transmit_queue).refill(queue(transmit_queue).size());
    process(transmit_queue);
    host().progress();
}

// ---- from the guest

void Net::send(Chain const& chain) {
    std::array<u8, long_header> header{};
    std::size_t const length = header_bytes();
    u64 const total = total_bytes(chain.readable());
    if (total < length || !net::is_frame_length(total - length)) return;
    copy_out(chain.readable(), 0, std::span{header}.first(length));
    frame_.resize(total - length);
    copy_out(chain.readable(), length, frame_);
    bool const partial = (header[at_flags] & needs_checksum) != 0 && has_feature(feature_checksum);
    if (partial && !fill_checksum(frame_, le16(header, at_start), le16(header, at_offset))) return;
    u8 const gso = static_cast<u8>(header[at_gso] & ~gso_ecn);
    bool const is_tcp =
        (gso == gso_tcp4 && has_feature(feature_tso4)) || (gso == gso_tcp6 && has_feature(feature_tso6));
    if (gso != gso_none && (!is_tcp || !partial || le16(header, at_gso_size) == 0)) return;
    port_->send({frame_, gso == gso_none ? u16{0} : le16(header, at_gso_size)});
}

// ---- to the guest

/// Holds buffers until a frame of so many bytes, with its header, finds room; without merging, in one of them.
bool Net::ensure_room(std::size_t bytes) {
    Queue& queue = this->queue(receive_queue);
    bool const merges = has_feature(feature_merged);
    while (held_.empty() || (merges && held_room_ < bytes)) {
        if (held_.size() >= queue.size()) return false; // of none but empty buffers
        queue.refill(1);
        Chain chain;
        if (!queue.take(chain)) return false;
        held_room_ += total_bytes(chain.writable());
        held_.push_back(std::move(chain));
    }
    return held_room_ >= bytes;
}

bool Net::can_receive() {
    if (!is_running() || !queue(receive_queue).exists()) return true;
    return !queue(receive_queue).broken().empty() || ensure_room(header_bytes() + usual_frame);
}

void Net::receive(std::span<u8 const> frame) {
    if (!is_running() || !queue(receive_queue).exists() || !net::is_frame_length(frame.size())) return;
    if (ensure_room(header_bytes() + frame.size())) deliver(frame);
}

void Net::deliver(std::span<u8 const> frame) {
    std::size_t const length = header_bytes();
    std::array<u8, long_header> header{};
    std::size_t used = 0, room = 0;
    while (room < length + frame.size()) room += total_bytes(held_[used++].writable());
    header[at_buffers] = static_cast<u8>(used);
    header[at_buffers + 1] = static_cast<u8>(used >> 8);
    std::size_t done = 0; // of header and frame together
    for (std::size_t i = 0; i < used; ++i) {
        Segments const to = held_[i].writable();
        std::size_t written = 0;
        if (done < length) written = copy_in(to, 0, std::span{header}.first(length).subspan(done));
        done += written;
        if (done >= length) {
            std::size_t const more = copy_in(to, written, frame.subspan(done - length));
            written += more;
            done += more;
        }
        held_room_ -= total_bytes(to);
        queue(receive_queue).put(held_[i], written);
    }
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(used));
    host().progress();
}

} // namespace ring3::virtio
