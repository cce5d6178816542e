// Machine: one life of a virtual machine, from power-on to reset or power-off. It owns the guest's RAM, the driver's
// channel and the monitor process, and takes all three away when it goes.
#pragma once

#include "allocator/allocator.h"
#include "app/vm_settings.h"
#include "boot/load.h"
#include "driver/channel.h"
#include "host/file_descriptor.h"
#include "host/shared_memory.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>

namespace ring3::app {

/// What the forked process becomes; run_monitor() but for tests.
using MonitorMain = std::function<int(driver::MachineConfig const&, driver::MonitorEnd)>;

class Machine {
public:
    /// Asks the allocator for what the machine needs, loads the images into fresh RAM and forks the monitor.
    static Result<std::unique_ptr<Machine>> start(VmSettings const& settings, std::vector<VirtioDescription> virtio,
                                                  boot::Images const& images, MonitorMain const& monitor,
                                                  Allocator& allocator);
    ~Machine();
    Machine(Machine const&) = delete;

    driver::AppEnd& driver() { return driver_; }
    std::span<u8> ram() const { return ram_.bytes().first(ram_.bytes().size() - video_memory_size); }
    /// What the graphics card shows, behind the RAM in the same memfd.
    std::span<u8> video_memory() const { return ram_.bytes().last(video_memory_size); }
    /// Readable when the monitor has ended.
    int pidfd() const { return pidfd_.number(); }
    /// What the monitor writes to its standard error: last words. Does not block.
    int last_words_fd() const { return last_words_.number(); }
    pid_t pid() const { return pid_; }

    /// Ends the monitor if it still runs.
    void end();
    /// How it ended: as waitpid's status. Only after pidfd() became readable, or end().
    int wait_status();

private:
    /// As much as QEMU gives; pages that are not used cost nothing.
    static constexpr u64 video_memory_size = 16 << 20;
    Machine(MemoryGrant grant, host::GuestRam ram, driver::Channel channel);
    Result<void> fork_monitor(VmSettings const& settings, std::vector<VirtioDescription> virtio,
                              boot::Images const& images, StartState const& start, MonitorMain const& monitor,
                              u32 max_mappings);

    MemoryGrant grant_; // for ram_; given back when the monitor has ended, so that the next one can have it
    host::GuestRam ram_;
    driver::Channel channel_;
    driver::AppEnd driver_;
    host::FileDescriptor last_words_;
    host::FileDescriptor pidfd_;
    pid_t pid_{-1};
    std::optional<int> wait_status_;
};

/// The part of a monitor's configuration that the command line decides.
driver::MachineConfig machine_config(VmSettings const& settings);

} // namespace ring3::app
