#include "virtio/entropy.h"

#include <algorithm>
#include <array>

namespace ring3::virtio {

VirtioDescription Entropy::describe() const {
    VirtioDescription description;
    description.type = VirtioType::entropy;
    description.pci_class = 0x00'ff00;
    description.queue_sizes = {8};
    return description;
}

void Entropy::process(unsigned number) {
    std::array<u8, most_bytes> bytes;
    while (queue(number).take(chain_)) {
        u64 const room = std::min<u64>(total_bytes(chain_.writable()), most_bytes);
        auto const wanted = std::span{bytes}.first(room);
        fill_(wanted);
        queue(number).put(chain_, copy_in(chain_.writable(), 0, wanted));
    }
}

} // namespace ring3::virtio
