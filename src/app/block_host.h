// BlockHost: the disks of one machine, on the app's side of the driver.
//
//     BlockRequest --> checks --> DiskThread (one thread for each disk) --> Image
//     BlockDone   <--  policy <-- answers
//
// A monitor's request is the guest's word: which disk, which sectors, how many bytes, which pieces of guest RAM. What can
// be wrong with it and not with an honest monitor's ends the VM; what a guest may ask for gets a status.
//
// The disks outlive the machine: after a reset the next one finds them as they were. Between two machines nothing is under
// way, because the requests' memory goes with the machine (attach, detach).
#pragma once

#include "app/disk_thread.h"
#include "app/event_loop.h"
#include "app/vm_settings.h"
#include "driver/channel.h"

#include <functional>
#include <span>
#include <string>

namespace ring3::app {

/// A device that processes its requests in the app.
class BlockClient {
public:
    virtual ~BlockClient() = default;
    virtual void block_answered(u64 ticket, BlockStatus status) = 0;
};

class BlockHost final : EventSource {
public:
    /// Opens all images. `stops` is told, in one line for a person, why the machine has to be paused.
    static Result<std::unique_ptr<BlockHost>> open(EventLoop& loop, std::span<DriveSettings const> drives,
                                                   std::function<void(std::string const&)> stops);
    /// The same with images that are open already, one for each drive; nullptr: no medium is in.
    static Result<std::unique_ptr<BlockHost>> create(EventLoop& loop, std::span<DriveSettings const> drives,
                                                     std::vector<std::unique_ptr<image::Image>> images,
                                                     std::function<void(std::string const&)> stops);
    ~BlockHost() override;

    /// The drives as the monitor is to show them, in the order that numbers them.
    std::vector<DriveDescription> descriptions() const;

    /// A machine is there: its end of the driver, and its RAM.
    void attach(driver::AppEnd& driver, std::span<u8> ram);
    /// It goes. Waits for what is under way; answers that nobody gets anymore are forgotten.
    void detach();

    /// One line for each drive: its name, as QEMU has it ("ide1-cd0"), and what is in it.
    std::string list() const;
    /// Puts another medium, or none, into a floppy or CD-ROM drive.
    Result<void> change_medium(std::string_view drive, std::string const& path);

    // ---- for devices that process their queues in the app; their disks are numbered like all, and always have a medium
    void connect(unsigned disk, BlockClient& client);
    DriveSettings const& settings(unsigned disk) const { return disks_[disk].settings; }
    /// Memory and range are the caller's to check.
    void submit(unsigned disk, DiskWork work);
    /// Waits until all is answered, even if not well.
    void finish(unsigned disk);

    /// An error is a rule that was broken.
    Result<void> request(driver::BlockRequest const& request);
    /// What failed and was kept is tried again: the machine goes on.
    void retry();
    /// Flushes everything: at the end of ring3. The first failure, but all disks are tried.
    Result<void> close();

private:
    struct Disk {
        DriveSettings settings;
        std::unique_ptr<DiskThread> thread; // nullptr: no medium is in
        BlockClient* client{};              // else the monitor asks
        unsigned under_way{};
        std::vector<DiskWork> kept; // failed, and waiting for retry()
    };

    BlockHost(EventLoop& loop, host::EventFd answered, std::function<void(std::string const&)> stops);

    // ---- EventSource: the threads' answers
    int fd() const override { return answered_.number(); }
    short interest() const override;
    void ready(short) override;

    Result<std::vector<iovec>> memory_of(driver::BlockRequest const& request, Disk const& disk);
    static std::string name_of(DriveSettings const& settings);
    static BlockStatus refusal(driver::BlockRequest const& request, Disk const& disk);
    void take_answers(u8 number);
    void answer(u8 number, DiskAnswer answer);
    bool keeps(u8 number, DiskAnswer& answer);
    void tell(driver::BlockDone const& done);
    void send_unsent();

    EventLoop& loop_;
    host::EventFd answered_;
    std::function<void(std::string const&)> stops_;
    std::vector<Disk> disks_;
    driver::AppEnd* driver_{};
    std::span<u8> ram_;
    std::deque<driver::BlockDone> unsent_; // bounded by what is under way
    Alarm send_again_;
};

} // namespace ring3::app
