// virtio-rng: fills what the driver offers with random bytes.
// Source: VIRTIO 1.1, 5.4.
#pragma once

#include "virtio/device.h"

namespace ring3::virtio {

class Entropy final : public Device {
public:
    /// `fill` never waits.
    explicit Entropy(std::function<void(std::span<u8>)> fill) : fill_{std::move(fill)} {}

    VirtioDescription describe() const override;
    void process(unsigned queue) override;

private:
    /// Of one buffer; who wants more, asks again.
    static constexpr std::size_t most_bytes = 4096;
    std::function<void(std::span<u8>)> fill_;
    Chain chain_;
};

} // namespace ring3::virtio
