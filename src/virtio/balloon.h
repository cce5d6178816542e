// virtio-balloon: takes pages from a guest that can spare them, and gives them back to the host.
//
// Models: inflating and deflating; the driver gets pages back by itself when it runs out of memory.
// Missing: statistics, page hints and reports. A page that is taken reads as zeroes if the guest uses it nevertheless.
// Source: VIRTIO 1.1, 5.5.
#pragma once

#include "virtio/device.h"

namespace ring3::virtio {

class Balloon final : public Device {
public:
    /// `discard` frees whole pages of guest RAM, which then read as zeroes.
    explicit Balloon(std::function<void(std::span<u8>)> discard) : discard_{std::move(discard)} {}

    VirtioDescription describe() const override;
    void process(unsigned queue) override;
    void config_written(u32 offset, std::span<u8 const> bytes) override;

    /// How much the guest is asked to give, and has given.
    void ask_for(u64 bytes);
    u64 given() const { return u64{actual_} * page_size; }

private:
    static constexpr unsigned inflate_queue = 0;
    static constexpr std::size_t most_pages = 4096; // of one buffer; what is more is not looked at
    std::vector<u8> config() const;

    std::function<void(std::span<u8>)> discard_;
    u32 wanted_{}; // pages
    u32 actual_{}; // as the driver says
    Chain chain_;
};

} // namespace ring3::virtio
