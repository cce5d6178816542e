#include "monitor/devices/e1000_receive.h"

#include "base/internet_checksum.h"

#include <algorithm>

namespace ring3 {

namespace {

constexpr std::size_t least_frame = 60, check_sequence = 4, tag_bytes = 4, addresses = 12;
constexpr std::size_t longest_normal = 1514, longest_long = 16'384 - check_sequence; // 13.4.22 (LPE)
constexpr u16 type_ipv4 = 0x0800;
constexpr u8 protocol_tcp = 6, protocol_udp = 17;
/// 3.2.3.1 and 3.2.3.2.
constexpr u8 done = 0x01, end_of_packet = 0x02, ignore_checksum = 0x04, vlan = 0x08, tcp_checked = 0x20,
             ip_checked = 0x40;
constexpr u8 tcp_error = 0x20, ip_error = 0x40;

/// The IPv4 packet in a frame, cut to its own length; empty: there is none, or it is odd.
std::span<u8 const> ipv4_packet(std::span<u8 const> frame) {
    constexpr std::size_t start = addresses + 2, least_header = 20;
    if (frame.size() < start + least_header || be16(frame, addresses) != type_ipv4) return {};
    auto const packet = frame.subspan(start);
    std::size_t const header = (packet[0] & 15u) * 4, total = be16(packet, 2);
    bool const good = packet[0] >> 4 == 4 && header >= least_header && total >= header && total <= packet.size();
    return good ? packet.first(total) : std::span<u8 const>{};
}

} // namespace

void E1000Receiver::reset() {
    ring_.reset();
    control_ = {};
    checksums_ = {};
}

bool E1000Receiver::can_receive(Conditions const& conditions) const {
    return !is_on(conditions) || ring_.available() >= buffers_for(longest_normal + tag_bytes + check_sequence);
}

void E1000Receiver::receive(std::span<u8 const> frame, Conditions const& conditions) {
    if (!is_on(conditions) || frame.size() < addresses + 2 || !parts_.filter.passes(frame, control_)) return;
    bool const tagged = be16(frame, addresses) == conditions.tag_type && frame.size() >= addresses + tag_bytes + 2;
    std::size_t const limit =
        control_.has<Control::LongPackets>() ? longest_long : longest_normal + (tagged ? tag_bytes : 0);
    if (frame.size() > limit) return parts_.statistics.add(E1000Statistics::too_long);
    parts_.statistics.count_received(frame);
    bool const strip = tagged && conditions.strip;
    u16 const tag = strip ? be16(frame, addresses + 2) : u16{0};
    buffer_.assign(frame.begin(), frame.begin() + addresses);
    buffer_.insert(buffer_.end(), frame.begin() + addresses + (strip ? tag_bytes : 0), frame.end());
    if (buffer_.size() < least_frame) buffer_.resize(least_frame);
    Verdict verdict = verify(buffer_);
    if (strip) verdict.status |= vlan;
    std::size_t const sum_from = std::min<std::size_t>(checksums_.get<Checksums::Start>(), buffer_.size());
    u16 const packet_sum = static_cast<u16>(~fold_checksum(ones_sum(std::span{buffer_}.subspan(sum_from))));
    if (!control_.has<Control::StripCheckSequence>()) buffer_.resize(buffer_.size() + check_sequence);
    store(buffer_, packet_sum, tag, verdict);
}

/// What the chip knows about the checksums in a packet (3.2.9).
E1000Receiver::Verdict E1000Receiver::verify(std::span<u8 const> frame) const {
    auto const packet = ipv4_packet(frame);
    if (packet.empty()) return {ignore_checksum, 0};
    Verdict verdict;
    std::size_t const header = (packet[0] & 15u) * 4;
    if (checksums_.has<Checksums::Ip>()) {
        verdict.status |= ip_checked;
        if (fold_checksum(ones_sum(packet.first(header))) != 0) verdict.errors |= ip_error;
    }
    u8 const protocol = packet[9];
    bool const fragment = (be16(packet, 6) & 0x3fff) != 0;
    auto const segment = packet.subspan(header);
    std::size_t const least = protocol == protocol_tcp ? 20 : 8;
    bool const checkable =
        (protocol == protocol_tcp || protocol == protocol_udp) && !fragment && segment.size() >= least;
    bool const unsummed = protocol == protocol_udp && checkable && be16(segment, 6) == 0;
    if (checksums_.has<Checksums::TcpUdp>() && checkable && !unsummed) {
        u32 const pseudo_header = ones_sum(packet.subspan(12, 8), protocol + static_cast<u32>(segment.size()));
        verdict.status |= tcp_checked;
        if (fold_checksum(ones_sum(segment, pseudo_header)) != 0) verdict.errors |= tcp_error;
    }
    if (verdict.status == 0) verdict.status = ignore_checksum;
    return verdict;
}

void E1000Receiver::store(std::span<u8 const> bytes, u16 checksum, u16 tag, Verdict verdict) {
    u32 const size = control_.buffer_bytes(), free_before = ring_.available();
    if (free_before < buffers_for(bytes.size())) {
        parts_.statistics.add(E1000Statistics::no_buffers);
        parts_.statistics.add(E1000Statistics::missed);
        return parts_.interrupts.raise<E1000Interrupts::Cause::RxOverrun>();
    }
    while (!bytes.empty()) {
        auto const part = bytes.first(std::min<std::size_t>(size, bytes.size()));
        bytes = bytes.subspan(part.size());
        std::array<u8, 8> address{};
        parts_.memory.read(ring_.current(), address);
        u64 target = 0;
        for (unsigned i = 0; i < address.size(); ++i) target |= u64{address[i]} << (8 * i);
        parts_.memory.write({target}, part);
        bool const last = bytes.empty();
        std::array<u8, 8> report{static_cast<u8>(part.size()), static_cast<u8>(part.size() >> 8),
                                 static_cast<u8>(checksum), static_cast<u8>(checksum >> 8)};
        report[4] = last ? static_cast<u8>(verdict.status | done | end_of_packet) : done;
        report[5] = last ? verdict.errors : u8{0};
        report[6] = static_cast<u8>(tag);
        report[7] = static_cast<u8>(tag >> 8);
        parts_.memory.write(ring_.current() + 8, report);
        ring_.advance();
    }
    report(free_before);
}

void E1000Receiver::report(u32 free_before) {
    using Cause = E1000Interrupts::Cause;
    u32 const threshold = ring_.count() >> (control_.get<Control::Threshold>() + 1);
    if (free_before > threshold && ring_.available() <= threshold) parts_.interrupts.raise<Cause::RxThreshold>();
    parts_.interrupts.raise<Cause::RxTimer>();
}

} // namespace ring3
