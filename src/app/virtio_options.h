// The virtio devices of a command line in QEMU's spellings: -device virtio-rng-pci and its like.
#pragma once

#include "app/comma_list.h"
#include "app/drive_options.h"
#include "app/virtio_settings.h"

#include <string_view>
#include <vector>

namespace ring3::app {

class VirtioOptions {
public:
    static bool knows_device(std::string_view driver);
    /// The rest of the list of -device, without `driver`.
    Result<void> add_device(std::string_view driver, CommaList& list, DriveOptions& drives);

    /// -object rng-random or rng-builtin, which "rng=" of a virtio-rng names.
    static bool knows_object(std::string_view type) { return type == "rng-random" || type == "rng-builtin"; }
    Result<void> add_random_source(std::string_view type, CommaList& list);

    /// To be called once, at the end of the command line: fills `settings.virtio` and puts all drives in order.
    Result<void> finish(VmSettings& settings, DriveOptions& drives);

private:
    Result<void> connect_console(VmSettings const& settings);
    Result<void> add_disk(VirtioSettings device, DriveSettings drive);
    Result<void> check_random_sources() const;

    std::vector<std::string> random_sources_;        // their ids
    std::vector<std::string> wanted_random_sources_; // whom devices name
    std::vector<VirtioSettings> devices_;
    std::vector<DriveSettings> disks_; // by VirtioDiskSettings::drive, until finish()
};

/// A device for each card of that model.
void add_virtio_cards(VmSettings& settings);

/// What every virtio device can be told; `driver` may end in "-transitional" or "-non-transitional".
Result<VirtioPlace> take_virtio_place(std::string_view driver, CommaList& list);

} // namespace ring3::app
