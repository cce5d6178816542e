// A physical volume: a file or block device cut into named virtual disks, used by several processes at once.
//
//     ring3 disk create pool.vol root 4G        ring3-system-i386 -drive file=volume:pool.vol/root,format=raw
//
// Locks, each one byte of the file (open-file-description locks, so that they end with their process):
//     100, 201, 203     as of every reader of an image (image/file_lock.h): QEMU and raw opens cannot write to the volume
//     table_lock        held while the table is changed
//     disk_locks + id   held while a disk is open: shared by readers, else one writer. Resizing and removing need it too,
//                       so a disk that is in use keeps its place.
//
// The order in a change, so that a kill leaves the old table or the new one and no disk shows another's old contents:
// new units become zero, sync, the table's other slot is written, sync, units that became free are given to the host.
#pragma once

#include "image/file_storage.h"
#include "volume/table.h"

#include <functional>
#include <memory>

namespace ring3::volume {

/// Holds one byte lock of an open file for as long as it lives.
class ByteLock {
public:
    enum class Kind : u8 { shared, exclusive };
    /// Nothing if somebody else holds it.
    static std::optional<ByteLock> try_take(int file, u64 byte, Kind kind);
    ByteLock(ByteLock&& other) noexcept : file_{std::exchange(other.file_, -1)}, byte_{other.byte_} {}
    ByteLock& operator=(ByteLock&& other) noexcept {
        std::swap(file_, other.file_);
        std::swap(byte_, other.byte_);
        return *this;
    }
    ~ByteLock();

private:
    ByteLock(int file, u64 byte) : file_{file}, byte_{byte} {}
    int file_;
    u64 byte_;
};

class Volume {
public:
    static Result<Volume> open(std::string const& path, image::OpenOptions const& options);
    /// Makes a volume of a file, which gets that size, or of what is there. Something that is not empty needs force.
    enum class Force : u8 { no, yes };
    static Result<void> format(std::string const& path, std::optional<u64> bytes, Force force);

    Result<Table> table();
    Result<void> create(std::string const& name, u64 bytes);
    Result<void> remove(std::string const& name);
    Result<void> resize(std::string const& name, u64 bytes);

    /// The disk and its lock. The lock belongs to this object's open file, so that must live as long.
    struct OpenDisk {
        Disk disk;
        ByteLock lock;
    };
    Result<OpenDisk> open_disk(std::string const& name, image::Access access);
    /// A new size for a disk that this object has open for writing.
    Result<Disk> resize_open(Disk const& disk, u64 bytes);

    /// Has another process the disk open, in whatever way?
    bool is_in_use(Disk const& disk) const;

    image::FileStorage& storage() { return *storage_; }

private:
    explicit Volume(std::unique_ptr<image::FileStorage> storage) : storage_{std::move(storage)} {}
    Result<void> change(std::function<Result<void>(Table&)> const& edit);
    Result<void> set_disk_size(Table& table, Disk& disk, u64 bytes);
    Result<void> publish(Table table);
    Result<void> clear(std::vector<UnitRun> const& runs);
    void discard_free(Table const& before, Table const& after);

    std::unique_ptr<image::FileStorage> storage_;
};

} // namespace ring3::volume
