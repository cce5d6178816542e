// For tests: a medium in an array, guest RAM in another, and a controller's ports as a driver would use them.
#pragma once

#include "monitor/devices/bus/block.h"
#include "monitor/devices/bus/dma.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace ring3 {

/// RAM from address 0 on.
class TestMemory final : public DmaMemory {
public:
    explicit TestMemory(std::size_t size) : bytes(size) {}
    bool holds(u64 address, u64 count) const { return address <= bytes.size() && count <= bytes.size() - address; }
    bool read(GuestPhys address, std::span<u8> out) override {
        if (!holds(address.raw, out.size())) return false;
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(address.raw), out.size(), out.begin());
        return true;
    }
    bool write(GuestPhys address, std::span<u8 const> in) override {
        if (!holds(address.raw, in.size())) return false;
        std::ranges::copy(in, bytes.begin() + static_cast<std::ptrdiff_t>(address.raw));
        return true;
    }
    void note_written(GuestPhys, u64) override {}
    void put32(u32 address, u32 value) {
        for (unsigned i = 0; i < 4; ++i) bytes[address + i] = static_cast<u8>(value >> 8 * i);
    }
    std::vector<u8> bytes;
};

class TestDisk final : public BlockPort {
public:
    TestDisk(TestMemory& memory, std::size_t size) : image(size), memory_{memory}, buffer_(disk_buffer_bytes) {
        for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<u8>(i / 512 * 7 + i);
    }
    struct Request {
        BlockOperation operation{};
        u64 offset{};
        u32 bytes{};
        std::vector<BlockSegment> segments;
    };

    u64 bytes() const override { return image.size(); }
    bool is_read_only() const override { return read_only; }
    std::span<u8> buffer() override { return buffer_; }
    bool reaches(BlockSegment segment) const override { return memory_.holds(segment.address.raw, segment.bytes); }
    bool is_busy() const override { return request.has_value(); }
    void start(BlockOperation operation, u64 offset, u32 bytes, std::span<BlockSegment const> segments) override {
        overlapping_requests += request.has_value();
        request = Request{operation, offset, bytes, {segments.begin(), segments.end()}};
        history.push_back(*request);
    }

    /// Serves the request under way, as the app would. False: there is none.
    bool serve() {
        if (!request) return false;
        Request const now = *request;
        bool const fails = std::ranges::any_of(bad_sectors, [&](u64 sector) {
            return sector * 512 >= now.offset && sector * 512 < now.offset + now.bytes;
        });
        if (!fails) move(now);
        request.reset();
        tell_user(fails ? failure : BlockStatus::done);
        return true;
    }
    /// Until nothing is left to do; a drive that asks for ever fails the test that waits for it.
    void serve_all() {
        for (int i = 0; i < 100'000 && serve(); ++i) {
        }
    }

    std::vector<u8> image;
    bool read_only{};
    std::vector<u64> bad_sectors;
    BlockStatus failure{BlockStatus::io_error};
    std::optional<Request> request;
    std::vector<Request> history;
    int overlapping_requests{}, impossible_requests{};

private:
    void move(Request const& now) {
        bool const moves = now.operation == BlockOperation::read || now.operation == BlockOperation::write;
        u64 total = 0;
        for (auto const& segment : now.segments) total += segment.bytes;
        bool const possible = now.offset <= image.size() && now.bytes <= image.size() - now.offset &&
                              (!moves || (now.segments.empty() ? now.bytes <= buffer_.size() : total == now.bytes)) &&
                              (!moves || now.bytes <= max_block_bytes) && now.segments.size() <= max_block_segments &&
                              std::ranges::all_of(now.segments, [&](auto const& each) { return reaches(each); });
        if (!possible) ++impossible_requests;
        if (!possible || !moves) return;
        u64 at = now.offset;
        auto const piece = [&](u8* memory, u64 count) {
            if (now.operation == BlockOperation::read)
                std::copy_n(image.data() + at, count, memory);
            else
                std::copy_n(memory, count, image.data() + at);
            at += count;
        };
        if (now.segments.empty()) return piece(buffer_.data(), now.bytes);
        for (auto const& segment : now.segments) piece(memory_.bytes.data() + segment.address.raw, segment.bytes);
    }

    TestMemory& memory_;
    std::vector<u8> buffer_;
};

} // namespace ring3
