#include "virtio/balloon.h"

#include <algorithm>
#include <cstring>

namespace ring3::virtio {

namespace {
constexpr u64 feature_deflate_on_oom = 1 << 2;
constexpr u32 at_wanted = 0, at_actual = 4; // 5.5.4
} // namespace

std::vector<u8> Balloon::config() const {
    std::vector<u8> config(8);
    std::memcpy(config.data() + at_wanted, &wanted_, 4);
    std::memcpy(config.data() + at_actual, &actual_, 4);
    return config;
}

VirtioDescription Balloon::describe() const {
    VirtioDescription description;
    description.type = VirtioType::balloon;
    description.pci_class = 0x00'ff00;
    description.queue_sizes = {128, 128};
    description.features = feature_deflate_on_oom;
    description.config = config();
    description.writable = {0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
    return description;
}

void Balloon::config_written(u32 offset, std::span<u8 const> bytes) {
    auto now = config();
    for (std::size_t i = 0; i < bytes.size() && offset + i < now.size(); ++i) now[offset + i] = bytes[i];
    std::memcpy(&actual_, now.data() + at_actual, 4);
}

void Balloon::ask_for(u64 bytes) {
    wanted_ = static_cast<u32>(std::min<u64>(bytes / page_size, 0xffff'ffff));
    host().config_changed(config());
}

/// A page that comes back needs nothing: the host gives memory when it is touched.
void Balloon::process(unsigned number) {
    Queue& queue = this->queue(number);
    while (queue.take(chain_)) {
        std::vector<u32> pages(std::min<u64>(total_bytes(chain_.readable()) / 4, most_pages));
        if (number == inflate_queue) {
            std::vector<u8> bytes(pages.size() * 4);
            copy_out(chain_.readable(), 0, bytes);
            if (!pages.empty()) std::memcpy(pages.data(), bytes.data(), bytes.size());
            for (u32 const page : pages) {
                auto const memory = this->memory().at({u64{page} * page_size}, page_size);
                if (!memory) continue; // device registers, or nothing
                discard_(*memory);
                queue.note_written(*memory);
            }
        }
        queue.put(chain_, 0);
    }
}

} // namespace ring3::virtio
