// For tests: guest RAM in an array, and the driver's side of a queue in it.
#pragma once

#include "virtio/device.h"

#include <cstring>
#include <initializer_list>

namespace ring3::virtio {

struct Buffer {
    u64 address{};
    u32 length{};
    bool writable{};
};

/// Descriptors at `base`, the available ring a page behind them, the used ring two pages.
class TestDriver {
public:
    explicit TestDriver(std::vector<u8>& ram, u64 start = 0x1000, u16 places = 8)
        : ram_{ram}, base{start}, size{places} {}

    VirtioQueueSetup setup(u8 number = 0) const { return {number, size, {base}, {base + 0x1000}, {base + 0x2000}}; }
    Queue queue(u64 features = 0) const { return Queue::create(GuestMemory{ram_}, features, setup()).value(); }

    template <class Number> void put(u64 address, Number value) { std::memcpy(&ram_[address], &value, sizeof value); }
    template <class Number> Number get(u64 address) const {
        Number value{};
        std::memcpy(&value, &ram_[address], sizeof value);
        return value;
    }
    void describe(u16 index, u64 address, u32 length, u16 flags, u16 next) {
        u64 const at = base + 16 * index;
        put(at, address), put(at + 8, length), put(at + 12, flags), put(at + 14, next);
    }
    /// Makes a chain available; answers its head.
    u16 offer(std::initializer_list<Buffer> buffers) {
        u16 const head = next_descriptor_;
        std::size_t left = buffers.size();
        for (Buffer const& buffer : buffers) {
            u16 const index = next_descriptor_++ % size;
            bool const last = --left == 0;
            describe(index, buffer.address, buffer.length, static_cast<u16>((buffer.writable ? 2 : 0) | (last ? 0 : 1)),
                     next_descriptor_ % size);
        }
        announce(head % size);
        return head % size;
    }
    /// Begins again with the first place of everything.
    void forget() { next_descriptor_ = available_ = 0; }
    void announce(u16 head) {
        put(base + 0x1004 + 2u * (available_ % size), head);
        put(base + 0x1002, ++available_);
    }
    struct Used {
        u32 head{}, length{};
        friend bool operator==(Used, Used) = default;
    };
    Used used(unsigned index) const {
        return {get<u32>(base + 0x2004 + 8 * index), get<u32>(base + 0x2008 + 8 * index)};
    }
    u16 used_index() const { return get<u16>(base + 0x2002); }
    u16 used_flags() const { return get<u16>(base + 0x2000); }
    u16 available_event() const { return get<u16>(base + 0x2004 + 8 * size); }

private:
    std::vector<u8>& ram_;

public:
    u64 base;
    u16 size;

private:
    u16 next_descriptor_{}, available_{};
};

struct TestHost final : Host {
    unsigned progresses{}, stops{};
    std::vector<u8> config;
    void progress() override { ++progresses; }
    void config_changed(std::span<u8 const> now) override { config.assign(now.begin(), now.end()); }
    void stopped() override { ++stops; }
};

} // namespace ring3::virtio
