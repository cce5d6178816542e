// The words for virtio devices: what a device is to a guest, and where its queues lie. The front end in the monitor shows
// them, the driver carries them, the app processes the queues.
// Source: Virtual I/O Device (VIRTIO) 1.1, an OASIS standard; sections are its.
#pragma once

#include "base/types.h"

#include <optional>
#include <vector>

namespace ring3 {

inline constexpr unsigned max_virtio = 24;        // devices of a machine
inline constexpr unsigned max_virtio_queues = 32; // of a device
inline constexpr u16 max_virtio_queue_size = 1024;
inline constexpr unsigned max_virtio_config = 192; // bytes; behind the legacy registers they fit into 256 ports

/// Device types (5).
enum class VirtioType : u16 { net = 1, block = 2, console = 3, entropy = 4, balloon = 5, plan9 = 9 };

/// Feature bits of the transport and of rings (6): the front end offers them, the devices need not.
namespace virtio_feature {
inline constexpr u64 any_layout = u64{1} << 27; // of legacy devices
inline constexpr u64 indirect = u64{1} << 28;
inline constexpr u64 event_index = u64{1} << 29;
inline constexpr u64 version_1 = u64{1} << 32;
} // namespace virtio_feature

/// A device as the board makes it.
struct VirtioDescription {
    VirtioType type{};
    u32 pci_class{};              // class, subclass, programming interface
    u64 features{};               // the device's own
    std::vector<u16> queue_sizes; // powers of two
    std::vector<u8> config;       // the device's part of configuration space (4.1.4.6), as at power-on
    std::vector<u8> writable;     // which bits of it the driver may change; as long, or empty: none
    bool legacy{true}, modern{true};
    std::optional<u8> slot{}; // on the PCI bus; nothing: the first one that is free
};

/// A queue as a driver has set it up: where its three parts lie in guest-physical memory (2.6).
struct VirtioQueueSetup {
    u8 number{};
    u16 size{};
    GuestPhys descriptors{}, available{}, used{};
    static void fields(auto& self, auto& wire) {
        wire.packed(self.number), wire.packed(self.size), wire.packed(self.descriptors.raw);
        wire.packed(self.available.raw), wire.packed(self.used.raw);
    }
    friend constexpr bool operator==(VirtioQueueSetup const&, VirtioQueueSetup const&) = default;
};

} // namespace ring3
