// The driver's vocabulary: everything that app and monitor can say to each other. Two closed sets; whoever receives one
// visits it totally, so a new message does not compile until both ends know it.
//
// Each message names its fields once, in `fields`; writing and checked reading both follow that (driver/codec.h).
#pragma once

#include "base/block.h"
#include "base/network.h"
#include "base/result.h"
#include "base/virtio.h"

#include <string>
#include <variant>
#include <vector>

namespace ring3::driver {

/// COM1 to COM4 are ports 0 to 3.
inline constexpr unsigned serial_ports = 4;

/// Most bytes one message carries. A longer one is malformed; whoever has more to say says it in pieces.
inline constexpr std::size_t max_payload = 4096;

// ---- monitor -> app

/// Characters that the guest sent through a serial port.
struct SerialOut {
    u8 port{};
    std::string bytes{};
    static void fields(auto& self, auto& wire) { wire.port(self.port), wire.bytes(self.bytes); }
};
/// The guest's UART has taken `count` bytes of earlier SerialIn messages: room for as many more.
struct SerialTaken {
    u8 port{};
    u32 count{};
    static void fields(auto& self, auto& wire) { wire.port(self.port), wire.number(self.count); }
};
/// The guest has set DTR or RTS of a serial port (16550 MCR bits 0 and 1).
struct ModemLines {
    u8 port{};
    bool dtr{}, rts{};
    static void fields(auto& self, auto& wire) { wire.port(self.port), wire.flag(self.dtr), wire.flag(self.rts); }
};
/// Characters for the printer.
struct ParallelOut {
    std::string bytes{};
    static void fields(auto& self, auto& wire) { wire.bytes(self.bytes); }
};
/// Characters for the debug console (isa-debugcon).
struct DebugconOut {
    std::string bytes{};
    static void fields(auto& self, auto& wire) { wire.bytes(self.bytes); }
};
/// The guest has switched itself off (ACPI S5); `status` is what it wrote to port 4F0H before, else 0.
struct PowerOff {
    u8 status{};
    static void fields(auto& self, auto& wire) { wire.number(self.status); }
};
/// The guest wants its machine reset (8042, port 92h, CF9h).
struct Reset {
    static void fields(auto&, auto&) {}
};
/// The guest wrote to isa-debug-exit: the process ends with status (value << 1) + 1.
struct DebugExit {
    u32 value{};
    static void fields(auto& self, auto& wire) { wire.number(self.value); }
};
/// The processor has shut down (SDM 3A 6.15). Machines answer with a reset.
struct TripleFault {
    static void fields(auto&, auto&) {}
};
/// The monitor cannot go on, and why: one line for a person, and the exit status (base/result.h) that goes with it.
struct Stopped {
    std::string reason{};
    u8 status{static_cast<u8>(ExitStatus::internal)};
    static void fields(auto& self, auto& wire) { wire.bytes(self.reason), wire.number(self.status); }
};
/// Lines for the log (-d). The text carries its own newlines.
struct LogText {
    std::string text{};
    static void fields(auto& self, auto& wire) { wire.bytes(self.text); }
};
/// The guest is ready for input (port 4F1H): before this the app keeps it.
struct InputWanted {
    static void fields(auto&, auto&) {}
};
/// The answer to QueryRegisters.
struct RegistersText {
    std::string text{};
    static void fields(auto& self, auto& wire) { wire.bytes(self.text); }
};

/// The answer to QueryScreen: a VgaState (base/vga_state.h) as it lies in memory; empty: there is no graphics card.
struct ScreenState {
    std::string registers{};
    static void fields(auto& self, auto& wire) { wire.bytes(self.registers); }
};

/// Move bytes between a disk and guest RAM, or between it and the disk's buffer in the shared memory, which serves if there
/// are no segments. BlockDone answers with the same tag. Requests for one disk are served in their order.
struct BlockRequest {
    static constexpr u32 most_under_way = 64; // for each disk
    u8 disk{};
    BlockOperation operation{};
    u32 tag{};
    u64 offset{};
    u32 bytes{}; // what the segments add up to
    std::vector<BlockSegment> segments{};
    static void fields(auto& self, auto& wire) {
        wire.index(self.disk, max_disks), wire.choice(self.operation, last_block_operation), wire.number(self.tag);
        wire.packed(self.offset), wire.packed(self.bytes), wire.list(self.segments, max_block_segments);
    }
};

/// An Ethernet frame of a network card, or the next part of one. Its bytes count against the window until FrameOutTaken
/// gives them back; the last frame may exceed it.
struct FrameOut {
    static constexpr u32 window = 256 << 10;
    u8 nic{};
    bool more{};   // another part follows
    u16 segment{}; // not 0: a TCP packet that is to be cut into segments with so much payload
    std::string bytes{};
    static void fields(auto& self, auto& wire) {
        wire.index(self.nic, max_nics), wire.flag(self.more), wire.number(self.segment), wire.bytes(self.bytes);
    }
};
/// The card has taken `count` bytes of earlier FrameIn messages.
struct FrameInTaken {
    u8 nic{};
    u32 count{};
    static void fields(auto& self, auto& wire) { wire.index(self.nic, max_nics), wire.number(self.count); }
};

/// A guest's driver is ready (DRIVER_OK): these are its features and queues. Its memory is the guest's to lie about.
struct VirtioConfigured {
    u8 device{};
    u64 features{};
    std::vector<VirtioQueueSetup> queues{};
    static void fields(auto& self, auto& wire) {
        wire.index(self.device, max_virtio), wire.packed(self.features), wire.list(self.queues, max_virtio_queues);
    }
};
/// There may be something new in these queues: bit 0 stands for queue 0. Several notifications may have become one.
struct VirtioKick {
    u8 device{};
    u32 queues{};
    static void fields(auto& self, auto& wire) { wire.index(self.device, max_virtio), wire.number(self.queues); }
};
/// The driver has changed bytes of the device's configuration.
struct VirtioConfigWrite {
    u8 device{};
    u32 offset{};
    std::string bytes{};
    static void fields(auto& self, auto& wire) {
        wire.index(self.device, max_virtio), wire.number(self.offset), wire.bytes(self.bytes);
    }
};
/// The device is to let go of the queues' memory. VirtioResetDone answers.
struct VirtioReset {
    u8 device{};
    static void fields(auto& self, auto& wire) { wire.index(self.device, max_virtio); }
};

using FromMonitor =
    std::variant<SerialOut, SerialTaken, ModemLines, ParallelOut, DebugconOut, PowerOff, Reset, DebugExit, TripleFault,
                 Stopped, LogText, InputWanted, RegistersText, ScreenState, BlockRequest, FrameOut, FrameInTaken,
                 VirtioConfigured, VirtioKick, VirtioConfigWrite, VirtioReset>;

// ---- app -> monitor

/// Characters for the guest to receive. The app never has more than SerialIn::window of them under way per port.
struct SerialIn {
    static constexpr u32 window = 4096;
    u8 port{};
    std::string bytes{};
    static void fields(auto& self, auto& wire) { wire.port(self.port), wire.bytes(self.bytes); }
};
/// The far end holds the line in the break state for a moment.
struct SerialBreak {
    u8 port{};
    static void fields(auto& self, auto& wire) { wire.port(self.port); }
};
/// Guest time stands still until Resume.
struct Pause {
    static void fields(auto&, auto&) {}
};
struct Resume {
    static void fields(auto&, auto&) {}
};
/// Somebody pressed the ACPI power button.
struct PowerButton {
    static void fields(auto&, auto&) {}
};
/// Raise a non-maskable interrupt.
struct Nmi {
    static void fields(auto&, auto&) {}
};
/// Ask for RegistersText.
struct QueryRegisters {
    static void fields(auto&, auto&) {}
};
/// Somebody presses or releases a key of the PS/2 keyboard: its code of scan code set 2, and whether E0h precedes it.
struct KeyEvent {
    u8 code{};
    bool extended{}, pressed{};
    static void fields(auto& self, auto& wire) {
        wire.number(self.code), wire.flag(self.extended), wire.flag(self.pressed);
    }
};
/// Ask for ScreenState.
struct QueryScreen {
    static void fields(auto&, auto&) {}
};
/// The answer to a BlockRequest.
struct BlockDone {
    u8 disk{};
    BlockStatus status{};
    u32 tag{};
    static void fields(auto& self, auto& wire) {
        wire.index(self.disk, max_disks), wire.choice(self.status, last_block_status), wire.number(self.tag);
    }
};
/// A frame for a network card, or the next part of one. The same window as the other way.
struct FrameIn {
    static constexpr u32 window = FrameOut::window;
    u8 nic{};
    bool more{};
    std::string bytes{};
    static void fields(auto& self, auto& wire) {
        wire.index(self.nic, max_nics), wire.flag(self.more), wire.bytes(self.bytes);
    }
};
/// The back end has taken `count` bytes of earlier FrameOut messages.
struct FrameOutTaken {
    u8 nic{};
    u32 count{};
    static void fields(auto& self, auto& wire) { wire.index(self.nic, max_nics), wire.number(self.count); }
};
/// Somebody plugged a network card's cable in, or pulled it out.
struct Cable {
    u8 nic{};
    bool plugged{};
    static void fields(auto& self, auto& wire) { wire.index(self.nic, max_nics), wire.flag(self.plugged); }
};
/// Another medium, or none (0 bytes), is in a drive for floppies or CDs.
struct MediumChanged {
    u8 disk{};
    bool read_only{};
    u64 size{};
    static void fields(auto& self, auto& wire) {
        wire.index(self.disk, max_disks), wire.flag(self.read_only), wire.packed(self.size);
    }
};
/// The app has changed guest RAM for a virtio device. The monitor drops code of these pieces and, if `completes`, shows the
/// guest that the queue's used index is now `used`, with an interrupt if the driver wants one. In this order no guest can
/// learn of bytes whose old code could still run.
struct VirtioUsed {
    u8 device{};
    bool completes{};
    bool published{}; // the guest sees the index already: only the interrupt is left
    u8 queue{};
    u16 used{};
    std::vector<BlockSegment> written{};
    static void fields(auto& self, auto& wire) {
        wire.index(self.device, max_virtio), wire.flag(self.completes), wire.flag(self.published);
        wire.packed(self.queue);
        wire.packed(self.used), wire.list(self.written, max_block_segments);
    }
};
/// Nothing of the device's is under way any more.
struct VirtioResetDone {
    u8 device{};
    static void fields(auto& self, auto& wire) { wire.index(self.device, max_virtio); }
};
/// The driver has broken the rules of virtio; only a reset helps (DEVICE_NEEDS_RESET, 2.1.2).
struct VirtioBroken {
    u8 device{};
    static void fields(auto& self, auto& wire) { wire.index(self.device, max_virtio); }
};
/// The device's configuration is now this.
struct VirtioConfigChanged {
    u8 device{};
    std::string bytes{};
    static void fields(auto& self, auto& wire) { wire.index(self.device, max_virtio), wire.bytes(self.bytes); }
};
/// Leave, at once and quietly.
struct Quit {
    static void fields(auto&, auto&) {}
};

using ToMonitor = std::variant<SerialIn, SerialBreak, Pause, Resume, PowerButton, Nmi, KeyEvent, QueryRegisters,
                               QueryScreen, BlockDone, MediumChanged, FrameIn, FrameOutTaken, Cable, VirtioUsed,
                               VirtioResetDone, VirtioBroken, VirtioConfigChanged, Quit>;

} // namespace ring3::driver
