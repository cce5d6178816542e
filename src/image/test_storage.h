// Storages for tests: one in memory that fails on request, and one that remembers the order of writes, so that a power
// failure can be played: what was not synced is lost in part, in any order.
#pragma once

#include "image/segments.h"
#include "image/storage.h"

#include <cstring>
#include <memory>
#include <random>
#include <vector>

namespace ring3::image {

/// What happened to a storage, in order.
struct StorageLog {
    struct Event {
        enum class Kind : u8 { write, truncate, sync } kind{};
        u64 offset{};
        std::vector<u8> bytes{};
    };
    std::vector<Event> events;

    static void apply(std::vector<u8>& file, Event const& event) {
        if (event.kind == Event::Kind::truncate) file.resize(event.offset);
        if (event.kind != Event::Kind::write || event.bytes.empty()) return;
        file.resize(std::max<u64>(file.size(), event.offset + event.bytes.size()));
        std::memcpy(file.data() + event.offset, event.bytes.data(), event.bytes.size());
    }
    /// The file after a kill behind `count` events: all of them happened.
    std::vector<u8> after_kill(std::size_t count) const {
        std::vector<u8> file;
        for (std::size_t n = 0; n < count; ++n) apply(file, events[n]);
        return file;
    }
    /// The file after a power failure behind `count` events: of those since the last sync, any may be missing.
    std::vector<u8> after_power_failure(std::size_t count, std::mt19937& random) const {
        std::size_t safe = count;
        while (safe > 0 && events[safe - 1].kind != Event::Kind::sync) --safe;
        std::vector<u8> file = after_kill(safe);
        for (std::size_t n = safe; n < count; ++n) {
            if (random() % 2 == 0) apply(file, events[n]);
        }
        return file;
    }
};

class MemoryStorage final : public Storage {
public:
    explicit MemoryStorage(std::vector<u8> bytes = {}, StorageLog* log = nullptr, u64 most_bytes = u64{256} << 20)
        : bytes_{std::move(bytes)}, log_{log}, most_bytes_{most_bytes} {}

    using Storage::read;
    using Storage::write;
    IoResult<void> read(u64 offset, Segments segments) override {
        std::vector<u8> out(total_bytes(segments));
        if (offset < bytes_.size() && !out.empty()) {
            std::memcpy(out.data(), bytes_.data() + offset, std::min<u64>(out.size(), bytes_.size() - offset));
        }
        copy_to(segments, 0, out);
        return {};
    }
    IoResult<void> write(u64 offset, Segments segments) override {
        if (must_fail()) return io_failure(Fault::no_space, "the test's disk is full");
        u64 const bytes = total_bytes(segments);
        if (offset > most_bytes_ || bytes > most_bytes_ - offset)
            return io_failure(Fault::no_space, "the test's disk is full");
        StorageLog::Event event{StorageLog::Event::Kind::write, offset, std::vector<u8>(bytes)};
        copy_from(segments, 0, event.bytes);
        note(std::move(event));
        return {};
    }
    IoResult<void> write_zeroes(u64 offset, u64 bytes, Unmap) override {
        std::vector<u8> const zeroes(bytes);
        return write(offset, std::span<u8 const>{zeroes});
    }
    void discard(u64 offset, u64 bytes) override {
        // The worst that a host may do to space that is said to be free.
        u64 const end = offset < bytes_.size() ? offset + std::min<u64>(bytes, bytes_.size() - offset) : 0;
        if (offset < end) note({StorageLog::Event::Kind::write, offset, std::vector<u8>(end - offset)});
    }
    IoResult<void> sync() override {
        if (log_) log_->events.push_back({StorageLog::Event::Kind::sync});
        return {};
    }
    IoResult<void> truncate(u64 bytes) override {
        if (bytes > most_bytes_) return io_failure(Fault::no_space, "the test's disk is full");
        note({StorageLog::Event::Kind::truncate, bytes});
        return {};
    }
    u64 size() const override { return bytes_.size(); }
    Extent extent_at(u64 offset, u64 bytes) override { return {.bytes = bytes, .file_offset = offset}; }
    std::string const& name() const override { return name_; }

    std::vector<u8> const& contents() const { return bytes_; }
    /// From now on, one write in that many fails; 0: none.
    void fail_one_in(unsigned writes) { one_in_ = writes; }

private:
    bool must_fail() { return one_in_ != 0 && random_() % one_in_ == 0; }
    void note(StorageLog::Event event) {
        StorageLog::apply(bytes_, event);
        if (log_) log_->events.push_back(std::move(event));
    }

    std::vector<u8> bytes_;
    StorageLog* log_;
    u64 most_bytes_;
    std::string name_{"test"};
    unsigned one_in_{};
    std::mt19937 random_{1};
};

} // namespace ring3::image
