// The disks of a command line in QEMU's spellings: -hda to -hdd, -cdrom, -fda, -fdb, -drive, -snapshot, and -device for
// drives that were named before (if=none).
#pragma once

#include "app/comma_list.h"
#include "app/vm_settings.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ring3::app {

class DriveOptions {
public:
    /// -hda is unit 0.
    Result<void> add_hard_disk(unsigned unit, std::string const& path);
    Result<void> add_cdrom(std::string const& path);
    /// -fda is unit 0.
    Result<void> add_floppy(unsigned unit, std::string const& path);
    Result<void> add_drive(std::string_view text);
    /// -device ide-hd, ide-cd or floppy: the rest of its list.
    Result<void> add_device(std::string_view driver, CommaList& list);
    static bool knows_device(std::string_view driver);
    /// -snapshot: nothing that the guest writes stays.
    void use_snapshots() { snapshots_ = true; }
    void no_defaults() { defaults_ = false; }

    /// For devices that take a drive by its name: removes a drive that was added with if=none.
    Result<DriveSettings> take_unplugged(std::string_view option, std::string_view id);
    /// Drives with if=virtio, in their order. To be called before finish(), by whoever can connect them.
    std::vector<DriveSettings> take_virtio();

    /// The drives with their places. To be called once, at the end of the command line.
    Result<std::vector<DriveSettings>> finish();

private:
    enum class Interface : u8 { ide, floppy, virtio, none };
    struct Wanted {
        DriveSettings settings;
        Interface interface {};
        std::optional<unsigned> unit{};
        bool read_only{}; // asked for
    };
    Result<void> add(Wanted drive);
    Result<void> place(Wanted& drive);
    Result<void> check(Wanted const& drive) const;
    bool is_taken(DriveKind kind, unsigned unit) const;

    std::vector<Wanted> drives_;
    bool snapshots_{};
    bool defaults_{true};
};

} // namespace ring3::app
