#include "monitor/devices/e1000_transmit.h"

#include "base/internet_checksum.h"

#include <algorithm>

namespace ring3 {

namespace {

/// Commands, as legacy (3.3.3) and data descriptors (3.3.7) have them.
constexpr u8 end_of_packet = 0x01, insert_checksum = 0x04, segmentation = 0x04, report_status = 0x08,
             report_sent = 0x10, extended = 0x20, vlan_tag = 0x40;
constexpr u8 ip_option = 0x01, tcp_option = 0x02;     // POPTS
constexpr u8 context_tcp = 0x01, context_ipv4 = 0x02; // TUCMD
constexpr u32 done = 0x01;                            // status, in the last dword
constexpr std::size_t status_offset = 12;
constexpr std::size_t ipv6_header = 40;

u32 dword(std::span<u8 const> bytes, std::size_t at) {
    return u32{bytes[at]} | u32{bytes[at + 1]} << 8 | u32{bytes[at + 2]} << 16 | u32{bytes[at + 3]} << 24;
}
std::array<u8, 4> bytes_of(u32 value) {
    return {static_cast<u8>(value), static_cast<u8>(value >> 8), static_cast<u8>(value >> 16),
            static_cast<u8>(value >> 24)};
}

} // namespace

void E1000Transmitter::set_control(u32 value) {
    control_.raw = value & Control::writable;
    run();
}

void E1000Transmitter::reset() {
    ring_.reset();
    control_ = {};
    plain_ = segmenting_ = {};
    packet_ = {};
    later_.cancel();
}

E1000Transmitter::Descriptor E1000Transmitter::fetch() {
    std::array<u8, E1000Ring::descriptor_bytes> bytes{};
    parts_.memory.read(ring_.current(), bytes);
    return {dword(bytes, 0) | u64{dword(bytes, 4)} << 32, dword(bytes, 8), dword(bytes, 12)};
}

void E1000Transmitter::run() {
    if (running_ || !control_.has<Control::Enable>() || !conditions_().may_run) return;
    running_ = true; // a looped packet may make the driver's ring move under us
    bool reported = false;
    std::size_t bytes = 0;
    unsigned count = 0;
    for (; ring_.available() != 0 && parts_.port.ready(); ++count) {
        if (count == descriptors_at_once || bytes > bytes_at_once) {
            later_.arm(parts_.timers.now() + pause);
            break;
        }
        Descriptor const descriptor = fetch();
        bytes += take(descriptor);
        if (descriptor.command() & (report_status | report_sent)) {
            parts_.memory.write(ring_.current() + status_offset, bytes_of(descriptor.upper | done));
            reported = true;
        }
        ring_.advance();
    }
    running_ = false;
    using Cause = E1000Interrupts::Cause;
    if (reported) parts_.interrupts.raise<Cause::TxWrittenBack>();
    if (count != 0 && ring_.available() == 0) parts_.interrupts.raise<Cause::TxQueueEmpty>();
}

/// Answers how many bytes it cost.
std::size_t E1000Transmitter::take(Descriptor const& descriptor) {
    bool const is_extended = (descriptor.command() & extended) != 0;
    constexpr u32 type_data = 1;
    bool const is_data = is_extended && (descriptor.lower >> 20 & 15) == type_data;
    if (is_extended && !is_data) {
        take_context(descriptor);
        return 0;
    }
    if (!packet_.begun) begin(descriptor, is_data);
    if (descriptor.command() & vlan_tag) {
        packet_.tagged = true;
        packet_.tag = static_cast<u16>(descriptor.upper >> 16);
    }
    u32 const bytes = descriptor.lower & (is_data ? 0xf'ffff : 0xffff);
    append(descriptor, bytes);
    if (descriptor.command() & end_of_packet) {
        finish();
        packet_.bytes.clear(); // keeps its memory
        packet_ = Packet{.bytes = std::move(packet_.bytes)};
    }
    return bytes;
}

void E1000Transmitter::take_context(Descriptor const& descriptor) {
    Context context;
    context.ip = {static_cast<u8>(descriptor.address), static_cast<u8>(descriptor.address >> 8),
                  static_cast<u16>(descriptor.address >> 16)};
    context.tcp = {static_cast<u8>(descriptor.address >> 32), static_cast<u8>(descriptor.address >> 40),
                   static_cast<u16>(descriptor.address >> 48)};
    context.header = static_cast<u8>(descriptor.upper >> 8);
    context.segment = static_cast<u16>(descriptor.upper >> 16);
    context.is_tcp = (descriptor.command() & context_tcp) != 0;
    context.is_ipv4 = (descriptor.command() & context_ipv4) != 0;
    (descriptor.command() & segmentation ? segmenting_ : plain_) = context;
}

void E1000Transmitter::begin(Descriptor const& descriptor, bool is_data) {
    packet_.begun = true;
    u8 const options = static_cast<u8>(descriptor.upper >> 8);
    if (is_data) {
        packet_.segment = (descriptor.command() & segmentation) != 0;
        packet_.ip_sum = (options & ip_option) != 0;
        packet_.tcp_sum = (options & tcp_option) != 0;
    } else {
        packet_.legacy_sum = (descriptor.command() & insert_checksum) != 0;
        packet_.legacy = {options, static_cast<u8>(descriptor.lower >> 16), 0};
    }
}

void E1000Transmitter::append(Descriptor const& descriptor, u32 bytes) {
    std::size_t const before = packet_.bytes.size();
    packet_.too_long |= before + bytes > longest_frame;
    if (packet_.too_long) return;
    packet_.bytes.resize(before + bytes);
    parts_.memory.read({descriptor.address}, std::span{packet_.bytes}.subspan(before));
}

/// Puts a checksum over the given part, to which what stands at its place before belongs (the sum of a pseudo header).
void E1000Transmitter::insert(Sum const& sum, u32 extra) {
    auto& bytes = packet_.bytes;
    std::size_t const end = sum.end == 0 ? bytes.size() : std::min<std::size_t>(sum.end + 1u, bytes.size());
    if (sum.start >= end || sum.at + 2u > bytes.size()) return;
    u16 const value = fold_checksum(ones_sum(std::span{bytes}.subspan(sum.start, end - sum.start), extra));
    put_be16(bytes, sum.at, value);
}

/// The lengths that segmentation would put into each piece (3.5.4), here for the packet as a whole.
void E1000Transmitter::complete_headers(Context const& context) {
    auto& bytes = packet_.bytes;
    std::size_t const ip = context.ip.start, field = ip + (context.is_ipv4 ? 2 : 4);
    std::size_t const headers = ip + (context.is_ipv4 ? 0 : ipv6_header);
    if (field + 2 > bytes.size() || headers > bytes.size() || bytes.size() - headers > 0xffff) return;
    put_be16(bytes, field, static_cast<u16>(bytes.size() - headers));
}

u32 E1000Transmitter::count_pieces(Context const& context) const {
    std::size_t const payload = packet_.bytes.size() - std::min<std::size_t>(context.header, packet_.bytes.size());
    return static_cast<u32>(std::max<std::size_t>(1, (payload + context.segment - 1) / context.segment));
}

void E1000Transmitter::finish() {
    auto& bytes = packet_.bytes;
    Conditions const now = conditions_();
    if (packet_.too_long || bytes.size() < ethernet_header) return;
    bool const segmented = packet_.segment && segmenting_.segment != 0;
    Context const& context = packet_.segment ? segmenting_ : plain_;
    if (segmented) complete_headers(context);
    if (packet_.ip_sum) insert(context.ip);
    // With segmentation, the driver's sum of the pseudo header is without the length, which is each piece's own.
    u32 const length =
        segmented && bytes.size() > context.tcp.start ? static_cast<u32>(bytes.size() - context.tcp.start) : 0;
    if (packet_.tcp_sum) insert(context.tcp, length);
    if (packet_.legacy_sum) insert(packet_.legacy);
    u32 const pieces = segmented ? count_pieces(context) : 1;
    if (packet_.tagged && now.tags && bytes.size() + 4 <= longest_frame) {
        std::array<u8, 4> tag{};
        put_be16(tag, 0, now.tag_type);
        put_be16(tag, 2, packet_.tag);
        bytes.insert(bytes.begin() + 12, tag.begin(), tag.end());
    }
    if (!now.link && !now.loopback) return;
    parts_.statistics.count_sent(bytes, pieces);
    if (segmented) parts_.statistics.add(E1000Statistics::segmentations);
    if (now.loopback)
        loop_back_(bytes);
    else
        parts_.port.send(bytes, pieces > 1 ? context.segment : u16{0});
}

} // namespace ring3
