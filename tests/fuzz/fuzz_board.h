// FuzzBoard: a whole board for a guest that may do anything to it: every kind of device is plugged in, guest RAM is small,
// and far ends check what the app demands of a monitor: requests of disks, frames, queues. Who breaks these rules is not a
// guest but ring3 itself.
//
// A target is a place where a device can be reached: a range of ports or memory, or a function's configuration space. Those
// of a device are found where the BARs put them, so that inputs need not guess addresses.
#pragma once

#include "monitor/devices/board/pc.h"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace ring3::fuzz {

inline constexpr std::size_t guest_ram = 256 << 10;

class FuzzRam final : public DmaMemory {
public:
    FuzzRam() : bytes(guest_ram) {}
    bool holds(u64 address, u64 count) const { return address <= bytes.size() && count <= bytes.size() - address; }
    bool read(GuestPhys address, std::span<u8> out) override;
    bool write(GuestPhys address, std::span<u8 const> in) override;
    void note_written(GuestPhys, u64) override {}
    std::vector<u8> bytes;
};

/// A medium without contents.
class FuzzDisk final : public BlockPort {
public:
    FuzzDisk(FuzzRam& ram, u64 bytes) : ram_{ram}, bytes_{bytes}, buffer_(disk_buffer_bytes) {}
    u64 bytes() const override { return is_empty ? 0 : bytes_; }
    bool is_read_only() const override { return false; }
    std::span<u8> buffer() override { return buffer_; }
    bool reaches(BlockSegment segment) const override { return ram_.holds(segment.address.raw, segment.bytes); }
    bool is_busy() const override { return busy_; }
    void start(BlockOperation operation, u64 offset, u32 bytes, std::span<BlockSegment const> segments) override;
    void answer(BlockStatus status);
    bool is_empty{};

private:
    FuzzRam& ram_;
    u64 bytes_;
    std::vector<u8> buffer_;
    bool busy_{};
};

struct FuzzCable final : FramePort {
    bool ready() override { return has_room; }
    void send(std::span<u8 const> frame, u16 segment) override;
    void card_ready() override {}
    bool has_room{true};
};

/// The far end of a virtio device with two queues of 16.
struct FuzzQueues final : VirtioPort {
    void configured(u64 features, std::span<VirtioQueueSetup const> queues) override;
    void kick(u32 queues) override;
    void config_written(u32 offset, std::span<u8 const> bytes) override;
    void reset() override { resetting = true; }
    static constexpr std::size_t config_bytes = 24;
    bool resetting{}, running{};
};

struct FuzzLine final : CharSink {
    bool ready() override { return has_room; }
    void write(u8) override {}
    bool has_room{true};
};

struct FuzzPower final : PowerSwitch {
    void power_off() override {}
    void reset() override { wants_reset = true; }
    void debug_exit(u32) override {}
    void set_exit_status(u8) override {}
    void input_wanted() override {}
    bool wants_reset{};
};

struct Target {
    enum class Space : u8 { ports, memory, config } space{};
    u64 base{};
    u64 size{};
};

class FuzzBoard {
public:
    enum class Device : u8 {
        ide,
        floppy,
        e1000,
        rtl8139,
        virtio,
        fw_cfg,
        vga,
        bridges,
        keyboard,
        clocks,
        characters,
        count_
    };
    /// The graphics card, which takes long to make, is there if asked for.
    explicit FuzzBoard(Graphics graphics);

    std::span<Target const> targets(Device device) const { return (*targets_)[static_cast<unsigned>(device)]; }
    u64 read(Target const& target, u64 offset, unsigned bytes);
    void write(Target const& target, u64 offset, u64 value, unsigned bytes);
    void pass_time(Nanoseconds time);
    /// What happens between two instructions.
    void settle();

    Pc& pc() { return *pc_; }
    FuzzRam ram;
    std::vector<FuzzDisk> disks;
    std::array<FuzzCable, 2> cables;
    FuzzQueues queues;
    FuzzLine line;
    std::vector<u8> video;

private:
    using Targets = std::array<std::vector<Target>, static_cast<unsigned>(Device::count_)>;
    /// They are the same for all boards.
    Targets const& find_targets(Graphics graphics);
    void add_function(std::vector<Target>& targets, unsigned slot, unsigned function);

    ManualClock clock_;
    FuzzPower power_;
    OpenLine a20_;
    std::unique_ptr<Pc> pc_;
    Targets const* targets_{};
};

} // namespace ring3::fuzz
