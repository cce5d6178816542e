// virtio-blk: a disk.
//
// Models: read, write, flush, discard, write zeroes (with and without leave to unmap), the disk's ID; a driver that does
//         not know flushes has each write flushed. Requests of a queue are answered in the order in which the disk is done.
// Missing: SCSI commands, several queues, switching the cache's mode.
// Totality: a request without room for its status stops the device; whatever else is wrong with one is its status.
// Source: VIRTIO 1.1, 5.2.
#pragma once

#include "virtio/device.h"

#include <memory>

namespace ring3::virtio {

/// What a request asks of the disk's contents.
struct DiskRequest {
    BlockOperation operation{};
    u64 offset{}, bytes{};
    std::vector<iovec> memory{}; // of reads and writes
    bool may_unmap{true};        // of write_zeroes
    u64 ticket{};                // what the device knows it by
};

/// The disk behind the device.
class DiskPort {
public:
    virtual ~DiskPort() = default;
    virtual u64 bytes() const = 0;
    virtual bool is_read_only() const = 0;
    virtual DiskGeometry geometry() const = 0;
    /// At most 20 characters of it are shown.
    virtual std::string serial() const = 0;
    /// Answered by Block::answered(), perhaps before this returns.
    virtual void submit(DiskRequest request) = 0;
    /// Waits until everything is answered.
    virtual void finish() = 0;
};

class Block final : public Device {
public:
    explicit Block(std::unique_ptr<DiskPort> disk) : disk_{std::move(disk)} {}

    VirtioDescription describe() const override;
    void started() override;
    void process(unsigned queue) override;
    bool stop() override;
    void finish() override { disk_->finish(); }

    void answered(u64 ticket, BlockStatus status);

private:
    static constexpr u16 queue_size = 256;
    static constexpr u32 sector = 512;
    enum class Status : u8 { ok = 0, io_error = 1, unsupported = 2 };
    struct Header {
        u32 type{};
        u64 sector{};
    };
    struct Request {
        Chain chain;
        u64 written{};     // how many bytes a read changes
        bool flush_then{}; // a write that is to be flushed before its answer
    };

    void begin(Request& request);
    void read_or_write(Request& request, Header const& header);
    void change_range(Request& request, BlockOperation operation);
    void read_id(Request& request);
    void submit(Request& request, BlockOperation operation, u64 offset, u64 bytes, std::vector<iovec> memory,
                bool may_unmap = true);
    void complete(Request& request, Status status);
    std::size_t slot_of(Request const& request) const { return static_cast<std::size_t>(&request - requests_.data()); }

    std::unique_ptr<DiskPort> disk_;
    std::vector<Request> requests_; // as many as the queue has
    std::vector<std::size_t> free_; // places in it
    std::size_t under_way_{};
    u32 life_{}; // answers of an earlier one are for nobody
    bool in_process_{};
};

} // namespace ring3::virtio
