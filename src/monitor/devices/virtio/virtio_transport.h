// The registers of a virtio device, apart from how a bus shows them: status, features, queues, interrupt status and the
// device's own configuration.
//
//     driver --registers--> VirtioTransport --configured(), kick()--> VirtioPort (who processes the queues)
//                                           <--used(), config_changed()--
//
// The used rings' indices are written here, unless no bytes came with them, not by whoever filled the rings: the processor does not run meanwhile, so that
// a driver never sees a completion before code of the written bytes has been dropped (driver/message.h, VirtioUsed), and
// whether it wants an interrupt for it needs no barrier.
//
// Models: split queues of modern and legacy layout, event indices, DEVICE_NEEDS_RESET, config generation; a modern driver
//         reads a status that is not 0 until the far end has let go of its memory.
// Missing: packed queues, notification data, queue reset; a legacy driver's queues that it adds after DRIVER_OK.
// Totality: queues that are not there have size 0 and swallow writes; offsets beyond the registers read as 0.
// Source: VIRTIO 1.1, 2.1 to 2.6, 4.1.4; legacy interfaces: 2.6.2, 4.1.4.8.
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/dma.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/virtio_port.h"

#include <algorithm>
#include <array>
#include <string>

namespace ring3 {

class VirtioTransport final : public VirtioUser {
public:
    /// `interrupt` is high while the interrupt status is not 0. Everything outlives the transport.
    VirtioTransport(VirtioDescription const& description, DmaMemory& memory, VirtioPort& port, Line& interrupt);

    // ---- registers, in aligned dwords; `mask` has the bits of the bytes that are written
    static constexpr unsigned common_bytes = 56, legacy_bytes = 20;
    static constexpr unsigned legacy_isr = 19; // its offset; read by take_isr()
    u32 read_common(unsigned dword) const;
    void write_common(unsigned dword, u32 value, u32 mask);
    u32 read_legacy(unsigned dword) const;
    void write_legacy(unsigned dword, u32 value, u32 mask);
    u8 read_config(u64 offset) const { return offset < config_.size() ? config_[offset] : u8{0}; }
    void write_config(u64 offset, u64 value, unsigned bytes);
    std::size_t config_bytes() const { return config_.size(); }
    /// Reading the interrupt status clears it (4.1.4.5).
    u8 take_isr();
    void notify(u16 queue);
    /// The bus's reset.
    void reset();

    // ---- VirtioUser
    void used(unsigned queue, u16 index, Index state) override;
    void reset_done() override;
    void broken() override;
    void config_changed(std::span<u8 const> bytes) override;

    void visit(auto&& archive) {
        archive("virtio.status", status_.raw);
        archive("virtio.features", driver_features_);
        archive("virtio.feature_selects", feature_selects_);
        archive("virtio.queue_select", queue_select_);
        archive("virtio.isr", isr_);
        archive("virtio.generation", generation_);
        archive("virtio.resets", resets_);
        archive("virtio.old_status", old_status_.raw);
        for (std::size_t i = 0; i < queue_count_; ++i) {
            Queue& queue = queues_[i];
            std::string const name = "virtio.queue" + std::to_string(i) + ".";
            archive(name + "size", queue.size);
            archive(name + "enabled", queue.enabled);
            archive(name + "addresses", queue.addresses);
            archive(name + "used", queue.used);
        }
        for (std::size_t i = 0; i < config_.size(); ++i) archive("virtio.config" + std::to_string(i), config_[i]);
    }

private:
    struct Status : Reg<Status, u8> { // 2.1
        using Acknowledge = Field<0>;
        using Driver = Field<1>;
        using DriverOk = Field<2>;
        using FeaturesOk = Field<3>;
        using NeedsReset = Field<6>;
        using Failed = Field<7>;
    };
    static constexpr u8 isr_queue = 1, isr_config = 2;
    enum Part : u8 { descriptors, available, used_ring };
    struct Queue {
        u16 size{};
        bool enabled{};
        std::array<u64, 3> addresses{}; // by Part
        u16 used{};                     // what the driver sees
    };

    void write_status(u8 value);
    void write_features(u32 value, u32 mask);
    void reset_registers();
    void begin();
    void write_queue_size(u32 value);
    void write_queue_address(unsigned dword, u32 value, u32 mask);
    void write_page(u32 page);
    bool may_change_queues() const { return !status_.has<Status::DriverOk>(); }
    Queue const* selected() const { return queue_select_ < queue_count_ ? &queues_[queue_select_] : nullptr; }
    Queue* selected() { return queue_select_ < queue_count_ ? &queues_[queue_select_] : nullptr; }
    bool wants_interrupt(Queue const& queue, u16 before);
    u16 guest_word(u64 address) const;
    void raise(u8 cause);

    DmaMemory& memory_;
    VirtioPort& port_;
    Line& interrupt_;
    u64 features_; // offered
    std::vector<u16> queue_sizes_;
    std::vector<u8> first_config_, config_, writable_;
    std::size_t queue_count_;

    Status status_{};
    Status old_status_{}; // what a modern driver reads while a reset is under way
    u32 resets_{};        // under way
    bool begun_{};        // the far end has the queues
    u64 driver_features_{};
    std::array<u32, 2> feature_selects_{}; // of the device's features, of the driver's
    u16 queue_select_{};
    u8 isr_{};
    u8 generation_{};
    std::array<Queue, max_virtio_queues> queues_{};
};

} // namespace ring3
