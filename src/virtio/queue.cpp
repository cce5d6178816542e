#include "virtio/queue.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <utility>

namespace ring3::virtio {

namespace {

constexpr u64 descriptor_bytes = 16, used_element_bytes = 8;
constexpr u64 ring_header = 4; // flags and index
constexpr u16 flag_next = 1, flag_write = 2, flag_indirect = 4;
constexpr u16 no_notify = 1; // in the used ring's flags

/// A word that the guest may be reading or writing just now.
std::atomic_ref<u16> shared(u8* word) {
    return std::atomic_ref{*static_cast<u16*>(static_cast<void*>(word))};
}

} // namespace

std::expected<Queue, std::string> Queue::create(GuestMemory memory, u64 features, VirtioQueueSetup const& setup) {
    if (!std::has_single_bit(setup.size) || setup.size > max_virtio_queue_size)
        return std::unexpected("a queue of an impossible size");
    bool const aligned = setup.descriptors.raw % 16 == 0 && setup.available.raw % 2 == 0 && setup.used.raw % 4 == 0;
    if (!aligned) return std::unexpected("a queue that is not aligned");
    u64 const event = 2; // behind each ring
    auto const descriptors = memory.at(setup.descriptors, descriptor_bytes * setup.size);
    auto const available = memory.at(setup.available, ring_header + 2u * setup.size + event);
    auto const used = memory.at(setup.used, ring_header + used_element_bytes * setup.size + event);
    if (!descriptors || !available || !used) return std::unexpected("a queue outside of RAM");
    Queue queue;
    queue.memory_ = memory;
    queue.descriptors_ = descriptors->data();
    queue.available_ = available->data();
    queue.used_ring_ = used->data();
    queue.size_ = setup.size;
    queue.event_index_ = (features & virtio_feature::event_index) != 0;
    queue.indirect_ = (features & virtio_feature::indirect) != 0;
    return queue;
}

u16 Queue::load(u8 const* word) const {
    return shared(const_cast<u8*>(word)).load(std::memory_order_acquire);
}

void Queue::store(u8* word, u16 value) {
    shared(word).store(value, std::memory_order_release);
}

bool Queue::fail(std::string_view what) {
    if (broken_.empty()) broken_ = what;
    return false;
}

// ---- taking

bool Queue::has_chains() {
    return exists() && broken_.empty() && (!is_empty() || ask_for_notifications());
}

std::optional<Chain> Queue::take() {
    Chain chain;
    if (!take(chain)) return std::nullopt;
    return chain;
}

bool Queue::take(Chain& chain) {
    starved_ = false;
    if (!exists() || !broken_.empty()) return false;
    if (is_empty() && !ask_for_notifications()) return false;
    if (budget_ == 0) {
        starved_ = true;
        return false;
    }
    --budget_;
    u16 const waiting = static_cast<u16>(load(available_ + 2) - next_);
    // A driver uses a buffer again only after it has been told that it can.
    u16 const taken = static_cast<u16>(next_ - told_);
    if (waiting > size_ || taken >= size_) return fail("more buffers available than the queue has");
    refuse_notifications();
    u16 const head = load(available_ + ring_header + 2u * (next_ % size_));
    ++next_;
    return collect(chain, head);
}

/// True if a buffer has come before the driver could know that we want to hear of it.
bool Queue::ask_for_notifications() {
    if (event_index_) {
        store(used_ring_ + ring_header + used_element_bytes * size_, next_);
    } else {
        if (wants_notifications_) return false;
        store(used_ring_, 0);
    }
    wants_notifications_ = true;
    // The request must be visible before the ring is looked at again (2.6.7.1, 2.6.10).
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return !is_empty();
}

/// With event indices, silence is that the event is not moved.
void Queue::refuse_notifications() {
    if (event_index_ || !wants_notifications_) return;
    store(used_ring_, no_notify);
    wants_notifications_ = false;
}

Queue::Descriptor Queue::read_descriptor(u8 const* table, unsigned index) {
    u8 const* const at = table + descriptor_bytes * index;
    Descriptor descriptor;
    std::memcpy(&descriptor.address, at, 8);
    std::memcpy(&descriptor.length, at + 8, 4);
    std::memcpy(&descriptor.flags, at + 12, 2);
    std::memcpy(&descriptor.next, at + 14, 2);
    std::atomic_signal_fence(std::memory_order_seq_cst); // read once: what follows looks at the copy
    return descriptor;
}

bool Queue::collect(Chain& chain, u16 head) {
    chain.segments_.clear();
    chain.readable_count_ = 0;
    chain.head_ = head;
    return follow(chain, descriptors_, size_, head, true);
}

/// A chain that is longer than its table has come back to itself.
bool Queue::follow(Chain& chain, u8 const* table, unsigned count, unsigned first, bool may_be_indirect) {
    unsigned index = first;
    for (unsigned steps = 0; steps < count; ++steps) {
        if (index >= count) return fail("a descriptor's number beyond its table");
        Descriptor const descriptor = read_descriptor(table, index);
        if (descriptor.flags & flag_indirect) {
            if (!may_be_indirect || (descriptor.flags & flag_next))
                return fail("an indirect descriptor within a chain");
            return add_indirect(chain, descriptor);
        }
        if (!add(chain, descriptor)) return false;
        if (!(descriptor.flags & flag_next)) return true;
        index = descriptor.next;
    }
    return fail("a chain of descriptors without an end");
}

bool Queue::add_indirect(Chain& chain, Descriptor const& descriptor) {
    if (!indirect_) return fail("an indirect descriptor that was not negotiated");
    u64 const count = descriptor.length / descriptor_bytes;
    if (count == 0 || descriptor.length % descriptor_bytes != 0 || count > most_segments)
        return fail("an indirect table of an impossible length");
    auto const table = memory_.at({descriptor.address}, descriptor.length);
    if (!table) return fail("an indirect table outside of RAM");
    return follow(chain, table->data(), static_cast<unsigned>(count), 0, false);
}

bool Queue::add(Chain& chain, Descriptor const& descriptor) {
    bool const writable = (descriptor.flags & flag_write) != 0;
    bool const only_readable_so_far = chain.readable_count_ == chain.segments_.size();
    if (!writable && !only_readable_so_far) return fail("a buffer to be read behind one to be written");
    if (descriptor.length == 0) return true;
    if (chain.segments_.size() >= most_segments) return fail("a chain of too many buffers");
    auto const bytes = memory_.at({descriptor.address}, descriptor.length);
    if (!bytes) return fail("a buffer outside of RAM");
    chain.segments_.push_back({bytes->data(), bytes->size()});
    if (!writable) ++chain.readable_count_;
    return true;
}

// ---- giving back

void Queue::put(Chain const& chain, u64 written) {
    if (!exists()) return;
    u64 left = written;
    for (iovec const& segment : chain.writable()) {
        u64 const count = std::min<u64>(left, segment.iov_len);
        if (count == 0) break;
        note_written({static_cast<u8 const*>(segment.iov_base), count});
        left -= count;
    }
    u32 const length = static_cast<u32>(std::min<u64>(written - left, 0xffff'ffff));
    u8* const element = used_ring_ + ring_header + used_element_bytes * (used_ % size_);
    u32 const head = chain.head();
    std::memcpy(element, &head, 4);
    std::memcpy(element + 4, &length, 4);
    completions_.any = true;
    completions_.used = ++used_;
}

void Queue::put_unwritten(u16 head) {
    Chain chain;
    chain.head_ = head;
    put(chain, 0);
}

void Queue::note_written(std::span<u8 const> bytes) {
    add_written(memory_.address_of(bytes.data()), bytes.size());
}

/// Neighbours become one piece; the pieces of a large read are in order.
void Queue::add_written(GuestPhys address, u64 bytes) {
    constexpr u64 most = u64{1} << 31;
    auto& written = completions_.written;
    if (!written.empty()) {
        BlockSegment& last = written.back();
        bool const follows = last.address + last.bytes == address && last.bytes + bytes <= most;
        if (follows) {
            last.bytes += static_cast<u32>(bytes);
            return;
        }
    }
    for (; bytes != 0;) {
        u64 const count = std::min(bytes, most);
        written.push_back({address, static_cast<u32>(count)});
        address = address + count;
        bytes -= count;
    }
}

/// 2.6.7.2
bool Queue::wants_interrupt(u16 before) const {
    constexpr u16 no_interrupt = 1;
    if (!event_index_) return (load(available_) & no_interrupt) == 0;
    u16 const event = load(available_ + ring_header + 2u * size_);
    return static_cast<u16>(used_ - event - 1) < static_cast<u16>(used_ - before);
}

Completions Queue::complete() {
    Completions result = std::move(completions_);
    u16 const before = std::exchange(told_, used_);
    if (publishes_ && result.any) {
        store(used_ring_ + 2, used_);
        std::atomic_thread_fence(std::memory_order_seq_cst); // before the look at what the driver wants
        result.published = true;
        result.any = wants_interrupt(before);
    }
    completions_ = {};
    return result;
}

} // namespace ring3::virtio
