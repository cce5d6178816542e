#include "volume/volume.h"

#include "image/file_lock.h"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace ring3::volume {

namespace {

using image::FileStorage;

constexpr u64 table_lock = 400;
constexpr u64 disk_locks = 1'000'000;
constexpr int most_waits = 500; // of 20 ms, for another process that changes the table
constexpr int most_reads = 5;   // of a table that is just being written

bool set_lock(int file, u64 byte, short kind) {
    struct flock lock {};
    lock.l_type = kind;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(byte);
    lock.l_len = 1;
    return ::fcntl(file, F_OFD_SETLK, &lock) == 0;
}

Result<void> as_result(image::IoResult<void> const& result) {
    if (!result) return std::unexpected(as_error(result.error()));
    return {};
}

std::unexpected<Error> wrong(std::string text) {
    return fail(ExitStatus::configuration, std::move(text));
}

u64 offset_of(u32 unit) {
    return first_unit_offset + u64{unit} * unit_bytes;
}

} // namespace

std::optional<ByteLock> ByteLock::try_take(int file, u64 byte, Kind kind) {
    if (!set_lock(file, byte, kind == Kind::shared ? F_RDLCK : F_WRLCK)) return std::nullopt;
    return ByteLock{file, byte};
}

ByteLock::~ByteLock() {
    if (file_ >= 0) set_lock(file_, byte_, F_UNLCK);
}

Result<Volume> Volume::open(std::string const& path, image::OpenOptions const& options) {
    using image::CacheMode;
    FileStorage::Options const wanted{.access = options.access,
                                      .is_direct =
                                          options.cache == CacheMode::none || options.cache == CacheMode::directsync,
                                      .ignores_syncs = options.cache == CacheMode::unsafe,
                                      .locking = image::Locking::off};
    auto storage = TRY(FileStorage::open(path, wanted));
    // As a reader, whatever it does: other users of the volume are no contradiction, writers to the whole file are.
    TRY_VOID(image::lock_file(storage->descriptor(), path, image::Access::read_only, options.locking));
    Volume volume{std::move(storage)};
    if (auto const table = volume.table(); !table) return std::unexpected(table.error());
    return volume;
}

Result<void> Volume::format(std::string const& path, std::optional<u64> bytes, Force force) {
    bool const exists = ::access(path.c_str(), F_OK) == 0;
    if (!exists && !bytes) return wrong(fmt::format("'{}' does not exist: a size makes it, such as 20G", path));
    auto storage = TRY(exists ? FileStorage::open(path, {}) : FileStorage::create(path, {}));
    std::vector<u8> start(first_unit_offset);
    TRY_VOID(as_result(storage->read(0, std::span{start})));
    bool const is_blank = std::ranges::all_of(start, [](u8 byte) { return byte == 0; });
    if (!is_blank && force == Force::no)
        return wrong(fmt::format("'{}' is not empty (--force makes a volume of it)", path));
    if (bytes) TRY_VOID(as_result(storage->truncate(*bytes)));
    u64 const units = storage->size() < first_unit_offset ? 0 : (storage->size() - first_unit_offset) / unit_bytes;
    if (units == 0 || units > most_units) return wrong(fmt::format("'{}': a volume has from 2 MiB to 64 TiB", path));
    std::ranges::fill(start, u8{0});
    TRY_VOID(as_result(storage->write(0, std::span<u8 const>{start})));
    auto const slot = TRY(encode({.generation = 1, .units = static_cast<u32>(units)}));
    TRY_VOID(as_result(storage->write(slot_bytes, std::span{slot})));
    return as_result(storage->sync());
}

Result<Table> Volume::table() {
    for (int attempt = 0; attempt < most_reads; ++attempt) {
        std::vector<u8> slots(2 * slot_bytes);
        TRY_VOID(as_result(storage_->read(0, std::span{slots})));
        auto first = decode(std::span{slots}.first(slot_bytes));
        auto second = decode(std::span{slots}.subspan(slot_bytes));
        auto& newer = first && (!second || first->generation > second->generation) ? first : second;
        if (newer && newer->units * unit_bytes + first_unit_offset <= storage_->size()) return *std::move(newer);
    }
    return wrong(fmt::format("'{}' is no volume ('ring3 disk init' makes one)", storage_->name()));
}

/// Into the slot that the current table is not in.
Result<void> Volume::publish(Table table) {
    ++table.generation;
    auto const slot = TRY(encode(table));
    TRY_VOID(as_result(storage_->sync()));
    TRY_VOID(as_result(storage_->write(table.generation % 2 * slot_bytes, std::span{slot})));
    return as_result(storage_->sync());
}

Result<void> Volume::change(std::function<Result<void>(Table&)> const& edit) {
    auto lock = ByteLock::try_take(storage_->descriptor(), table_lock, ByteLock::Kind::exclusive);
    for (int wait = 0; !lock && wait < most_waits; ++wait) {
        ::usleep(20'000);
        lock = ByteLock::try_take(storage_->descriptor(), table_lock, ByteLock::Kind::exclusive);
    }
    if (!lock) return fail(ExitStatus::io, fmt::format("'{}' is being changed by another process", storage_->name()));
    auto const before = TRY(table());
    auto after = before;
    TRY_VOID(edit(after));
    TRY_VOID(publish(after));
    discard_free(before, after);
    return {};
}

/// Zeroes, so that a disk never shows what another one left.
Result<void> Volume::clear(std::vector<UnitRun> const& runs) {
    for (auto const& run : runs) {
        TRY_VOID(as_result(storage_->write_zeroes(offset_of(run.first), run.count * unit_bytes, image::Unmap::yes)));
    }
    return {};
}

void Volume::discard_free(Table const& before, Table const& after) {
    std::vector<bool> kept(after.units);
    for (auto const& disk : after.disks) {
        for (auto const& run : disk.runs) std::fill_n(kept.begin() + run.first, run.count, true);
    }
    for (auto const& disk : before.disks) {
        for (auto const& run : disk.runs) {
            for (u32 unit = run.first; unit < run.first + run.count; ++unit) {
                if (!kept[unit]) storage_->discard(offset_of(unit), unit_bytes);
            }
        }
    }
}

Result<void> Volume::set_disk_size(Table& table, Disk& disk, u64 bytes) {
    u64 const old = disk.bytes;
    auto const added = TRY(set_size(table, disk, image::round_up_to_sector(bytes)));
    // The rest of the last unit that the disk had was behind its end.
    u64 const rest = old % unit_bytes;
    if (disk.bytes > old && rest != 0) {
        u64 unit = old / unit_bytes;
        for (auto const& run : disk.runs) {
            if (unit < run.count) {
                u64 const offset = offset_of(run.first + static_cast<u32>(unit)) + rest;
                TRY_VOID(as_result(storage_->write_zeroes(offset, unit_bytes - rest, image::Unmap::yes)));
                break;
            }
            unit -= run.count;
        }
    }
    return clear(added);
}

Result<void> Volume::create(std::string const& name, u64 bytes) {
    if (!is_disk_name(name)) {
        return fail(
            ExitStatus::usage,
            fmt::format("'{}' is no name for a disk: up to {} letters, digits, '_', '.', '-'", name, most_name_bytes));
    }
    if (bytes == 0) return fail(ExitStatus::usage, "a disk needs a size, such as 4G");
    return change([&](Table& table) -> Result<void> {
        if (table.find(name)) return wrong(fmt::format("'{}' has a disk '{}' already", storage_->name(), name));
        Disk disk{.id = table.next_id++, .name = name};
        TRY_VOID(set_disk_size(table, disk, bytes));
        table.disks.push_back(std::move(disk));
        return {};
    });
}

Result<void> Volume::remove(std::string const& name) {
    // Held until the table is written: who opens the disk locks it first, and then looks whether it is still there.
    std::optional<OpenDisk> open;
    return change([&](Table& table) -> Result<void> {
        open = TRY(open_disk(name, image::Access::read_write));
        std::erase_if(table.disks, [&](Disk const& disk) { return disk.id == open->disk.id; });
        return {};
    });
}

Result<void> Volume::resize(std::string const& name, u64 bytes) {
    auto open = TRY(open_disk(name, image::Access::read_write));
    TRY(resize_open(open.disk, bytes));
    return {};
}

Result<Disk> Volume::resize_open(Disk const& disk, u64 bytes) {
    if (bytes == 0) return fail(ExitStatus::usage, "a disk needs a size, such as 4G");
    Disk changed;
    auto const edit = [&](Table& table) -> Result<void> {
        Disk* const found = table.find(disk.name);
        if (!found || found->id != disk.id) return wrong(fmt::format("the disk '{}' is gone", disk.name));
        TRY_VOID(set_disk_size(table, *found, bytes));
        changed = *found;
        return {};
    };
    TRY_VOID(change(edit));
    return changed;
}

bool Volume::is_in_use(Disk const& disk) const {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(disk_locks + disk.id);
    lock.l_len = 1;
    return ::fcntl(storage_->descriptor(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

Result<Volume::OpenDisk> Volume::open_disk(std::string const& name, image::Access access) {
    auto before = TRY(table());
    Disk const* const seen = before.find(name);
    if (!seen) return wrong(fmt::format("'{}' has no disk '{}'", storage_->name(), name));
    auto const kind = access == image::Access::read_only ? ByteLock::Kind::shared : ByteLock::Kind::exclusive;
    auto lock = ByteLock::try_take(storage_->descriptor(), disk_locks + seen->id, kind);
    if (!lock) return fail(ExitStatus::io, fmt::format("the disk '{}' of '{}' is in use", name, storage_->name()));
    // It may have been changed before it was locked.
    auto now = TRY(table());
    Disk* const disk = now.find(name);
    if (!disk || disk->id != seen->id) return fail(ExitStatus::io, fmt::format("the disk '{}' is being changed", name));
    return OpenDisk{std::move(*disk), *std::move(lock)};
}

} // namespace ring3::volume
