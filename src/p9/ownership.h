// Ownership: a file's owner, mode and kind as the guest has them, and as the host has them.
//
//     passthrough   they are the same; only root's VM can give files to others
//     none          they are the same as far as this user may; an owner that cannot be set is left out, and so is
//                   set-user-ID, which would mean this user and not the owner that the guest had in mind
//     mapped_xattr  the guest's are in extended attributes (user.virtfs.uid, .gid, .mode, .rdev: little-endian, as QEMU
//                   has them); the host's file belongs to this user, with mode 0600 or 0700. Symbolic links and devices
//                   are ordinary files for the host; a link's target is the content
//
// Devices, FIFOs and sockets of a guest are never made on the host: only mapped ones are to be had.
#pragma once

#include "p9/folder.h"
#include "p9/share_settings.h"

#include <array>

namespace ring3::p9 {

/// What a new file is to be.
struct Creation {
    u32 mode{}; // permission bits; for nodes also the kind
    u32 uid{}, gid{};
    u64 device{};
};

class Ownership {
public:
    explicit Ownership(SecurityModel model) : model_{model} {}

    Answer<struct stat> status(Target target) const;
    /// Can the kind in a directory's entry be believed, for a file that is an ordinary one to the host?
    bool kinds_are_the_hosts() const { return model_ != SecurityModel::mapped_xattr; }

    /// A new file, opened; fails if there is one.
    Answer<FileDescriptor> create(Place const& place, int flags, Creation const& creation) const;
    Answer<void> make_directory(Place const& place, Creation const& creation) const;
    Answer<void> make_node(Place const& place, Creation const& creation) const;
    Answer<void> make_link(Place const& place, std::string const& target, Creation const& creation) const;
    Answer<std::string> read_link(Place const& place) const;

    Answer<void> set_mode(Target target, u32 mode) const;
    /// -1: as it is.
    Answer<void> set_owner(Target target, u32 uid, u32 gid) const;
    /// Of access and of change.
    Answer<void> set_times(Target target, std::array<timespec, 2> const& times) const;

private:
    bool is_mapped() const { return model_ == SecurityModel::mapped_xattr; }
    u32 host_mode(u32 mode, bool is_directory) const;
    Answer<void> give(Place const& place, Creation const& creation, mode_t kind) const;
    Answer<void> give_or_remove(Place const& place, Creation const& creation, mode_t kind) const;

    SecurityModel model_;
};

} // namespace ring3::p9
