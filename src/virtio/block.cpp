#include "virtio/block.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ring3::virtio {

namespace {

// 5.2.3
constexpr u64 feature_seg_max = 1 << 2, feature_geometry = 1 << 4, feature_read_only = 1 << 5,
              feature_block_size = 1 << 6, feature_flush = 1 << 9, feature_topology = 1 << 10,
              feature_discard = 1 << 13, feature_write_zeroes = 1 << 14;
// 5.2.6
constexpr u32 type_in = 0, type_out = 1, type_flush = 4, type_get_id = 8, type_discard = 11, type_write_zeroes = 13;
constexpr std::size_t header_bytes = 16, range_bytes = 16, id_bytes = 20;
constexpr u32 most_sectors_of_range = 1u << 21; // 1 GiB: what a disk may be busy with at a time
constexpr u32 unmap_flag = 1;

template <class Number> Number number_at(std::span<u8 const> bytes, std::size_t offset) {
    Number value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

/// struct virtio_blk_config (5.2.4).
class ConfigWriter {
public:
    template <class Number> void put(std::size_t offset, Number value) {
        bytes.resize(std::max(bytes.size(), offset + sizeof value));
        std::memcpy(bytes.data() + offset, &value, sizeof value);
    }
    std::vector<u8> bytes;
};

} // namespace

VirtioDescription Block::describe() const {
    VirtioDescription description;
    description.type = VirtioType::block;
    description.pci_class = 0x01'0000;
    description.queue_sizes = {queue_size};
    description.features = feature_seg_max | feature_geometry | feature_block_size | feature_flush | feature_topology;
    description.features |= disk_->is_read_only() ? feature_read_only : feature_discard | feature_write_zeroes;
    DiskGeometry const geometry = disk_->geometry();
    ConfigWriter config;
    config.put(0, disk_->bytes() / sector);
    config.put(12, u32{queue_size - 2}); // segments of one request: header and status take two descriptors
    config.put(16, geometry.cylinders);
    config.put(18, static_cast<u8>(geometry.heads));
    config.put(19, static_cast<u8>(geometry.sectors));
    config.put(20, sector);
    config.put(26, u16{1}); // sectors that are a good least request
    config.put(36, most_sectors_of_range);
    config.put(40, u32{1}); // ranges of a discard
    config.put(44, u32{8}); // sectors that it is best aligned to
    config.put(48, most_sectors_of_range);
    config.put(52, u32{1});
    config.put(56, u32{1}); // zeroes may be unmapped
    description.config = std::move(config.bytes);
    return description;
}

void Block::started() {
    requests_.resize(queue_size);
    free_.clear();
    for (std::size_t i = queue_size; i-- != 0;) free_.push_back(i);
    ++life_;
}

bool Block::stop() {
    ++life_;
    return under_way_ == 0;
}

void Block::process(unsigned number) {
    in_process_ = true;
    while (!free_.empty()) { // more requests than the queue has places are none of an honest driver's
        Request& request = requests_[free_.back()];
        if (!queue(number).take(request.chain)) break;
        free_.pop_back();
        begin(request);
    }
    in_process_ = false;
}

void Block::begin(Request& request) {
    std::array<u8, header_bytes> bytes;
    bool const whole = copy_out(request.chain.readable(), 0, bytes) == header_bytes;
    if (!whole || request.chain.writable().empty()) {
        queue(0).fail("a disk request without header or status");
        return;
    }
    request.written = 0;
    request.flush_then = false;
    Header const header{number_at<u32>(bytes, 0), number_at<u64>(bytes, 8)};
    switch (header.type) {
    case type_in:
    case type_out: return read_or_write(request, header);
    case type_flush: return submit(request, BlockOperation::flush, 0, 0, {});
    case type_get_id: return read_id(request);
    case type_discard: return change_range(request, BlockOperation::discard);
    case type_write_zeroes: return change_range(request, BlockOperation::write_zeroes);
    default: return complete(request, Status::unsupported);
    }
}

void Block::read_or_write(Request& request, Header const& header) {
    bool const reads = header.type == type_in;
    Segments const all = reads ? request.chain.writable() : request.chain.readable();
    u64 const other_bytes = reads ? 1 : header_bytes; // the status behind the data, or the header before it
    u64 const bytes = total_bytes(all) - other_bytes;
    bool const fits = header.sector <= disk_->bytes() / sector && bytes <= disk_->bytes() - header.sector * sector;
    if (bytes % sector != 0 || !fits) return complete(request, Status::io_error);
    if (!reads && disk_->is_read_only()) return complete(request, Status::io_error);
    if (bytes == 0) return complete(request, Status::ok);
    request.written = reads ? bytes : 0;
    request.flush_then = !reads && !has_feature(feature_flush);
    submit(request, reads ? BlockOperation::read : BlockOperation::write, header.sector * sector, bytes,
           cut(all, reads ? 0 : header_bytes, bytes));
}

/// One range, as the configuration says.
void Block::change_range(Request& request, BlockOperation operation) {
    std::array<u8, range_bytes> bytes;
    Segments const given = request.chain.readable();
    if (total_bytes(given) != header_bytes + range_bytes || disk_->is_read_only())
        return complete(request, Status::io_error);
    copy_out(given, header_bytes, bytes);
    u64 const first = number_at<u64>(bytes, 0);
    u32 const count = number_at<u32>(bytes, 8), flags = number_at<u32>(bytes, 12);
    bool const zeroes = operation == BlockOperation::write_zeroes;
    if ((flags & ~(zeroes ? unmap_flag : 0)) != 0) return complete(request, Status::unsupported);
    u64 const sectors = disk_->bytes() / sector;
    if (count > most_sectors_of_range || first > sectors || count > sectors - first)
        return complete(request, Status::io_error);
    if (count == 0) return complete(request, Status::ok);
    request.flush_then = zeroes && !has_feature(feature_flush);
    submit(request, operation, first * sector, u64{count} * sector, {}, (flags & unmap_flag) != 0);
}

void Block::read_id(Request& request) {
    std::array<u8, id_bytes> id{};
    std::string const serial = disk_->serial();
    std::copy_n(serial.begin(), std::min(serial.size(), id.size()), id.begin());
    u64 const room = total_bytes(request.chain.writable()) - 1;
    request.written = copy_in(request.chain.writable(), 0, std::span{id}.first(std::min<u64>(room, id.size())));
    complete(request, Status::ok);
}

// ---- the disk

void Block::submit(Request& request, BlockOperation operation, u64 offset, u64 bytes, std::vector<iovec> memory,
                   bool may_unmap) {
    ++under_way_;
    disk_->submit({operation, offset, bytes, std::move(memory), may_unmap, u64{life_} << 32 | slot_of(request)});
}

void Block::answered(u64 ticket, BlockStatus status) {
    --under_way_;
    if (ticket >> 32 != life_ || !is_running()) {
        if (under_way_ == 0 && !is_running()) host().stopped();
        return;
    }
    Request& request = requests_[ticket & 0xffff'ffff];
    if (status == BlockStatus::done && request.flush_then) {
        request.flush_then = false;
        return submit(request, BlockOperation::flush, 0, 0, {});
    }
    complete(request, status == BlockStatus::done ? Status::ok : Status::io_error);
}

/// The status is the last byte that the driver gives; before it, a read may have changed all of its bytes even if it failed.
void Block::complete(Request& request, Status status) {
    Segments const writable = request.chain.writable();
    iovec const last = writable.back();
    std::array const byte{static_cast<u8>(status)};
    u8* const place = static_cast<u8*>(last.iov_base) + last.iov_len - 1;
    *place = byte[0];
    u64 const room = total_bytes(writable);
    if (request.written + 1 == room) {
        queue(0).put(request.chain, room);
    } else {
        queue(0).note_written({place, 1});
        queue(0).put(request.chain, request.written);
    }
    free_.push_back(slot_of(request));
    if (!in_process_) host().progress();
}

} // namespace ring3::virtio
