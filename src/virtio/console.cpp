#include "virtio/console.h"

#include <algorithm>
#include <array>

namespace ring3::virtio {

VirtioDescription Console::describe() const {
    VirtioDescription description;
    description.type = VirtioType::console;
    description.pci_class = 0x07'8000;
    description.queue_sizes = {128, 128};
    description.config.resize(12); // columns, rows, ports, emergency output: none of them offered
    return description;
}

bool Console::stop() {
    waiting_ = false;
    pending_.clear();
    return true;
}

void Console::process(unsigned number) {
    if (number == receive_queue) {
        input({});
        if (wants_input()) port_->input_wanted();
        return;
    }
    waiting_ = false;
    Queue& transmit = queue(transmit_queue);
    while (!waiting_) {
        if (!port_->has_room()) {
            waiting_ = transmit.has_chains();
            break;
        }
        if (!transmit.take(chain_)) break;
        write(chain_);
        transmit.put(chain_, 0);
    }
}

/// A driver that sends more at once than it ever should loses the rest.
void Console::write(Chain const& chain) {
    constexpr u64 most = 1 << 20;
    std::array<u8, 4096> bytes;
    for (u64 done = 0; done < most;) {
        std::size_t const count = copy_out(chain.readable(), done, bytes);
        if (count == 0) break;
        port_->write(std::string(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)));
        done += count;
    }
}

void Console::port_ready() {
    if (!is_running() || !waiting_) return;
    queue(transmit_queue).refill(queue(transmit_queue).size());
    process(transmit_queue);
    host().progress();
}

bool Console::wants_input() {
    return is_running() && pending_.empty() && queue(receive_queue).has_chains();
}

void Console::input(std::string_view bytes) {
    if (!is_running()) return;
    pending_ += bytes;
    Queue& receive = queue(receive_queue);
    receive.refill(receive.size());
    bool moved = false;
    while (!pending_.empty() && receive.take(chain_)) {
        std::vector<u8> const waiting(pending_.begin(), pending_.end());
        std::size_t const count = copy_in(chain_.writable(), 0, waiting);
        receive.put(chain_, count);
        pending_.erase(0, count);
        moved = true;
    }
    if (moved) host().progress();
}

} // namespace ring3::virtio
