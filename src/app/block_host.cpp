#include "app/block_host.h"

#include "app/disk_geometry.h"
#include "base/pc_addresses.h"
#include "volume/volume_image.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <poll.h>

namespace ring3::app {

namespace {

std::unexpected<Error> broken(std::string_view what) {
    return fail(ExitStatus::internal, fmt::format("the monitor broke the rules of the driver: {}", what));
}

BlockStatus status_of(image::Fault fault) {
    switch (fault) {
    case image::Fault::no_space: return BlockStatus::no_space;
    case image::Fault::read_only: return BlockStatus::read_only;
    case image::Fault::out_of_range: return BlockStatus::out_of_range;
    default: return BlockStatus::io_error;
    }
}

bool is_hard_disk(DriveKind kind) {
    return kind == DriveKind::ide_disk || kind == DriveKind::virtio_disk;
}

bool moves_bytes(BlockOperation operation) {
    return operation == BlockOperation::read || operation == BlockOperation::write;
}

} // namespace

BlockHost::BlockHost(EventLoop& loop, host::EventFd answered, std::function<void(std::string const&)> stops)
    : loop_{loop}, answered_{std::move(answered)}, stops_{std::move(stops)}, send_again_{loop, [this] {
                                                                                             send_unsent();
                                                                                         }} {
    loop_.add(*this);
}

BlockHost::~BlockHost() {
    loop_.remove(*this);
}

namespace {

Result<std::unique_ptr<image::Image>> open_medium(DriveSettings const& settings) {
    if (settings.scratch_bytes != 0) return image::throw_away_image(settings.scratch_bytes);
    if (settings.path.empty()) return nullptr;
    return volume::open_disk(settings.path, settings.options);
}

} // namespace

Result<std::unique_ptr<BlockHost>> BlockHost::open(EventLoop& loop, std::span<DriveSettings const> drives,
                                                   std::function<void(std::string const&)> stops) {
    std::vector<std::unique_ptr<image::Image>> images;
    for (DriveSettings const& settings : drives) images.push_back(TRY(open_medium(settings)));
    return create(loop, drives, std::move(images), std::move(stops));
}

Result<std::unique_ptr<BlockHost>> BlockHost::create(EventLoop& loop, std::span<DriveSettings const> drives,
                                                     std::vector<std::unique_ptr<image::Image>> images,
                                                     std::function<void(std::string const&)> stops) {
    auto answered = TRY(host::EventFd::create());
    std::unique_ptr<BlockHost> host{new BlockHost{loop, std::move(answered), std::move(stops)}};
    for (std::size_t i = 0; i < drives.size(); ++i) {
        Disk disk;
        disk.settings = drives[i];
        if (auto& image = images[i]) {
            disk.settings.drive.bytes = image->size();
            disk.settings.drive.is_read_only = image->is_read_only();
            std::array<u8, 512> first{};
            // What cannot be read now is read again, and reported, when the guest asks for it.
            bool const asks = is_hard_disk(disk.settings.drive.kind) && disk.settings.drive.geometry.heads == 0;
            if (asks && image->size() >= first.size() && image->read(0, std::span<u8>{first}))
                disk.settings.drive.geometry = guess_disk_geometry(first, image->size() / first.size());
            disk.thread = std::make_unique<DiskThread>(std::move(image), host->answered_);
        }
        host->disks_.push_back(std::move(disk));
    }
    return host;
}

std::vector<DriveDescription> BlockHost::descriptions() const {
    std::vector<DriveDescription> result;
    for (Disk const& disk : disks_) result.push_back(disk.settings.drive);
    return result;
}

void BlockHost::attach(driver::AppEnd& driver, std::span<u8> ram) {
    driver_ = &driver;
    ram_ = ram;
}

void BlockHost::detach() {
    for (Disk& disk : disks_) {
        if (disk.thread) disk.thread->drain();
        while (disk.thread && disk.thread->take_answer()) {
        }
        disk.kept.clear();
        disk.under_way = 0;
    }
    unsent_.clear();
    send_again_.cancel();
    driver_ = nullptr;
    ram_ = {};
}

// ---- media

std::string BlockHost::name_of(DriveSettings const& settings) {
    if (!settings.id.empty()) return settings.id;
    DriveDescription const& drive = settings.drive;
    if (drive.kind == DriveKind::virtio_disk) return fmt::format("virtio{}", drive.unit);
    if (drive.kind == DriveKind::floppy) return fmt::format("floppy{}", drive.unit);
    return fmt::format("ide{}-{}{}", drive.unit / 2, drive.kind == DriveKind::ide_disk ? "hd" : "cd", drive.unit % 2);
}

std::string BlockHost::list() const {
    std::string lines;
    for (Disk const& disk : disks_) {
        bool const read_only = disk.settings.drive.is_read_only;
        lines += disk.thread ? fmt::format("{}: {} ({}{})\n", name_of(disk.settings), disk.settings.path,
                                           disk.thread->image().format(), read_only ? ", read-only" : "")
                             : fmt::format("{}: [not inserted]\n", name_of(disk.settings));
    }
    return lines;
}

Result<void> BlockHost::change_medium(std::string_view drive, std::string const& path) {
    auto const found =
        std::ranges::find_if(disks_, [drive](Disk const& disk) { return name_of(disk.settings) == drive; });
    if (found == disks_.end()) return fail(ExitStatus::usage, fmt::format("no drive '{}' ('info block' lists)", drive));
    Disk& disk = *found;
    if (is_hard_disk(disk.settings.drive.kind) || !disk.kept.empty())
        return fail(ExitStatus::usage, fmt::format("the medium of '{}' cannot be taken out", drive));
    std::unique_ptr<image::Image> image;
    if (!path.empty()) image = TRY(volume::open_disk(path, disk.settings.options));
    if (disk.thread) {
        disk.thread->drain();
        ready(0);
    }
    disk.thread.reset();
    disk.settings.path = path;
    disk.settings.drive.bytes = image ? image->size() : 0;
    disk.settings.drive.is_read_only = image && image->is_read_only();
    if (image) disk.thread = std::make_unique<DiskThread>(std::move(image), answered_);
    // A ring that is full belongs to a monitor that hangs.
    if (driver_)
        driver_->try_send(driver::MediumChanged{static_cast<u8>(found - disks_.begin()),
                                                disk.settings.drive.is_read_only, disk.settings.drive.bytes});
    return {};
}

// ---- requests

/// The pieces of this process's memory that a request means; an error if some of them are not the monitor's to name.
Result<std::vector<iovec>> BlockHost::memory_of(driver::BlockRequest const& request, Disk const& disk) {
    std::vector<iovec> memory;
    if (!moves_bytes(request.operation)) {
        if (!request.segments.empty()) return broken("memory for a request that moves nothing");
        return memory;
    }
    if (request.bytes == 0 || request.bytes > max_block_bytes) return broken("a disk request of an impossible length");
    if (request.segments.empty()) {
        if (request.bytes > disk_buffer_bytes) return broken("a disk request beyond its buffer");
        memory.push_back({driver_->disk_buffer(static_cast<unsigned>(&disk - disks_.data())).data(), request.bytes});
        return memory;
    }
    u64 total = 0;
    for (BlockSegment const& segment : request.segments) {
        auto const offset = pc::ram_offset(ram_.size(), segment.address, segment.bytes);
        if (!offset || segment.bytes == 0) return broken("a disk request for memory that is not RAM");
        memory.push_back({ram_.data() + *offset, segment.bytes});
        total += segment.bytes;
    }
    if (total != request.bytes) return broken("a disk request whose pieces do not add up");
    return memory;
}

/// What a guest may ask for and does not get.
BlockStatus BlockHost::refusal(driver::BlockRequest const& request, Disk const& disk) {
    if (!disk.thread) return BlockStatus::io_error;
    DriveDescription const& drive = disk.settings.drive;
    if (request.offset > drive.bytes || request.bytes > drive.bytes - request.offset) return BlockStatus::out_of_range;
    bool const changes = request.operation != BlockOperation::read && request.operation != BlockOperation::flush;
    return changes && drive.is_read_only ? BlockStatus::read_only : BlockStatus::done;
}

Result<void> BlockHost::request(driver::BlockRequest const& request) {
    if (!driver_) return {}; // of a machine that has ended
    if (request.disk >= disks_.size() || disks_[request.disk].client)
        return broken("a request for a disk that is not there");
    Disk& disk = disks_[request.disk];
    auto memory = TRY(memory_of(request, disk));
    if (disk.under_way >= driver::BlockRequest::most_under_way) return broken("too many disk requests at once");
    ++disk.under_way;
    if (auto const status = refusal(request, disk); status != BlockStatus::done) {
        tell({request.disk, status, request.tag});
        return {};
    }
    DiskWork work{.operation = request.operation, .offset = request.offset, .bytes = request.bytes};
    work.memory = std::move(memory);
    work.ticket = request.tag;
    disk.thread->submit(std::move(work));
    return {};
}

// ---- devices that process their queues in the app

void BlockHost::connect(unsigned disk, BlockClient& client) {
    disks_[disk].client = &client;
}

void BlockHost::submit(unsigned disk, DiskWork work) {
    Disk& which = disks_[disk];
    if (which.thread->perform_now(work)) return which.client->block_answered(work.ticket, BlockStatus::done);
    which.thread->submit(std::move(work));
}

/// A machine that ends does not wait until somebody makes room for what was kept.
void BlockHost::finish(unsigned disk) {
    Disk& which = disks_[disk];
    which.thread->drain();
    take_answers(static_cast<u8>(disk));
    for (DiskWork const& work : std::exchange(which.kept, {}))
        which.client->block_answered(work.ticket, BlockStatus::io_error);
}

// ---- answers

short BlockHost::interest() const {
    return POLLIN;
}

void BlockHost::ready(short) {
    answered_.take();
    for (u8 number = 0; number < disks_.size(); ++number)
        if (disks_[number].thread) take_answers(number);
}

void BlockHost::take_answers(u8 number) {
    while (auto done = disks_[number].thread->take_answer()) answer(number, *std::move(done));
}

void BlockHost::answer(u8 number, DiskAnswer answer) {
    Disk const& disk = disks_[number];
    if ((!driver_ && !disk.client) || keeps(number, answer)) return;
    bool const reads = answer.work.operation == BlockOperation::read;
    OnDiskError const policy = reads ? disk.settings.on_read_error : disk.settings.on_write_error;
    bool const good = answer.result.has_value() || policy == OnDiskError::ignore;
    auto const status = good ? BlockStatus::done : status_of(answer.result.error().fault);
    if (disk.client) return disk.client->block_answered(answer.work.ticket, status);
    tell({number, status, static_cast<u32>(answer.work.ticket)});
}

/// By policy the machine stops, and the request waits until it goes on: the guest notices nothing.
bool BlockHost::keeps(u8 number, DiskAnswer& answer) {
    if (answer.result) return false;
    Disk& disk = disks_[number];
    bool const reads = answer.work.operation == BlockOperation::read;
    OnDiskError const policy = reads ? disk.settings.on_read_error : disk.settings.on_write_error;
    bool const is_full = answer.result.error().fault == image::Fault::no_space;
    if (policy != OnDiskError::stop && !(policy == OnDiskError::stop_if_full && is_full)) return false;
    std::string const why = answer.result.error().message;
    disk.kept.push_back(std::move(answer.work));
    stops_(why);
    return true;
}

void BlockHost::retry() {
    for (Disk& disk : disks_)
        for (DiskWork& work : std::exchange(disk.kept, {})) disk.thread->submit(std::move(work));
}

void BlockHost::tell(driver::BlockDone const& done) {
    unsent_.push_back(done);
    send_unsent();
}

/// The ring takes thousands of these: only a monitor that does not listen lets it fill up.
void BlockHost::send_unsent() {
    while (!unsent_.empty()) {
        if (!driver_->try_send(unsent_.front())) return send_again_.set(std::chrono::milliseconds{1});
        --disks_[unsent_.front().disk].under_way;
        unsent_.pop_front();
    }
}

Result<void> BlockHost::close() {
    Result<void> result;
    for (Disk& disk : disks_) {
        if (!disk.thread || disk.settings.drive.is_read_only) continue;
        disk.thread->drain();
        auto flushed = disk.thread->image().flush();
        if (!flushed && result) result = std::unexpected(image::as_error(std::move(flushed).error()));
    }
    return result;
}

} // namespace ring3::app
