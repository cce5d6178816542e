// A split virtqueue, seen from the device: takes chains of buffers that the driver made available, and gives them back.
//
//     descriptors   [ address, length, flags, next ] ...      the driver's
//     available     flags, index, [ head ] ..., used event    the driver's
//     used          flags, index, [ head, length ] ..., available event     ours; the index is the monitor's to write
//
// All three lie in guest RAM, which the guest changes whenever it likes. So each field is read once and checked then:
// heads and next against the queue's size, addresses and lengths against RAM, chains against endless loops, indirect
// tables against their own size. The first thing that is wrong makes the queue broken(): it gives nothing any more until
// the driver resets the device.
//
// The used index is not written here: Completions says how far it has come, and the monitor shows that to the guest once
// it has dropped code of what was written (driver/message.h, VirtioUsed).
//
// A queue that was found empty asks for a notification of the next buffer; otherwise it wants none (2.6.7, 2.6.10).
// Source: VIRTIO 1.1, 2.6.
#pragma once

#include "base/block.h"
#include "base/virtio.h"
#include "virtio/guest_memory.h"
#include "virtio/segments.h"

#include <expected>
#include <string>

namespace ring3::virtio {

/// One request of the driver's: what it hands over, and the room that it gives for an answer.
class Chain {
public:
    /// To be read by the device.
    Segments readable() const { return Segments{segments_}.first(readable_count_); }
    /// To be filled by the device.
    Segments writable() const { return Segments{segments_}.subspan(readable_count_); }
    u16 head() const { return head_; }

private:
    friend class Queue;
    std::vector<iovec> segments_; // in guest RAM
    std::size_t readable_count_{};
    u16 head_{};
};

/// What the monitor is to tell the guest.
struct Completions {
    bool any{}; // else only `written` matters
    bool published{};
    u16 used{};
    std::vector<BlockSegment> written; // pieces of guest RAM that have changed
};

class Queue {
public:
    /// Most pieces that a chain may have.
    static constexpr std::size_t most_segments = 1024;

    Queue() = default;
    /// An error says what is wrong with the driver's setup.
    static std::expected<Queue, std::string> create(GuestMemory memory, u64 features, VirtioQueueSetup const& setup);

    /// The next chain, into one whose memory is used again; false: there is none now.
    bool take(Chain& chain);
    std::optional<Chain> take();
    /// Would take() give one? If not, the driver will say when there is one.
    bool has_chains();
    /// Gives the chain back, whose first `written` writable bytes the device has changed.
    void put(Chain const& chain, u64 written);
    /// The same for a chain that is known by its head only, and in which nothing was written.
    void put_unwritten(u16 head);
    /// The device has changed guest RAM otherwise.
    void note_written(std::span<u8 const> bytes);

    /// A device has found that the driver breaks the rules: `what` it made. The answer is false.
    bool fail(std::string_view what);
    /// The driver broke the rules, and how; empty: it did not.
    std::string const& broken() const { return broken_; }
    bool exists() const { return size_ != 0; }
    u16 size() const { return size_; }
    /// For queues in whose buffers the device never writes: the used index is written here after all, and the monitor hears
    /// of it only if the driver wants an interrupt.
    void publish_directly() { publishes_ = true; }
    /// There is something for the monitor.
    bool has_completions() const { return completions_.any || !completions_.written.empty(); }
    /// Hands it over.
    Completions complete();

    // ---- for whoever shares the time between devices
    /// take() gives at most so many chains until this is called again.
    void refill(unsigned chains) { budget_ = chains; }
    /// take() said no only because its time is over.
    bool wants_more_time() const { return starved_; }

private:
    struct Descriptor {
        u64 address{};
        u32 length{};
        u16 flags{}, next{};
    };
    u16 load(u8 const* word) const;
    void store(u8* word, u16 value);
    static Descriptor read_descriptor(u8 const* table, unsigned index);
    bool collect(Chain& chain, u16 head);
    bool add(Chain& chain, Descriptor const& descriptor);
    bool add_indirect(Chain& chain, Descriptor const& descriptor);
    bool follow(Chain& chain, u8 const* table, unsigned count, unsigned first, bool may_be_indirect);
    bool is_empty() const { return load(available_ + 2) == next_; }
    bool ask_for_notifications();
    bool wants_interrupt(u16 before) const;
    void refuse_notifications();
    void add_written(GuestPhys address, u64 bytes);

    GuestMemory memory_;
    u8* descriptors_{};
    u8* available_{};
    u8* used_ring_{};
    u16 size_{};
    bool event_index_{}, indirect_{};
    u16 next_{}; // of the available ring
    u16 used_{};
    u16 told_{};                     // of them, what complete() has handed over
    bool wants_notifications_{true}; // as the driver sees it
    bool starved_{};
    bool publishes_{};
    unsigned budget_{~0u};
    std::string broken_;
    Completions completions_;
};

} // namespace ring3::virtio
