#include "allocator/allocator.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3 {

namespace {

u64 mebibytes(u64 bytes) {
    return bytes >> 20;
}

std::unexpected<Error> refuse(u64 bytes, std::string const& why) {
    return fail(ExitStatus::host_lacks, fmt::format("{} MiB of memory for a guest: {}", mebibytes(bytes), why));
}

} // namespace

Result<MemoryGrant> Allocator::grant_memory(u64 bytes) {
    if (bytes > host_.file_size_limit)
        return refuse(bytes,
                      fmt::format("files may have {} MiB here: raise 'ulimit -f'", mebibytes(host_.file_size_limit)));
    if (bytes > host_.address_space_limit)
        return refuse(bytes, fmt::format("processes may have {} MiB of addresses here: raise 'ulimit -v'",
                                         mebibytes(host_.address_space_limit)));
    u64 const left = host_.memory - std::min(host_.memory, granted_memory_);
    if (bytes > left)
        return refuse(bytes, fmt::format("this host has {} MiB{}: give the guest less with -m", mebibytes(host_.memory),
                                         granted_memory_ == 0 ? std::string{}
                                                              : fmt::format(", of which other guests have {}",
                                                                            mebibytes(granted_memory_))));
    granted_memory_ += bytes;
    return MemoryGrant{*this, bytes};
}

u32 Allocator::grant_mappings() const {
    constexpr u64 most = 48'000, least = 256; // more is no use; with less a window holds nothing for long
    return static_cast<u32>(std::clamp(host_.max_mappings / 4 * 3, least, most));
}

void MemoryGrant::give_back() {
    if (allocator_) allocator_->granted_memory_ -= bytes_;
    allocator_ = nullptr;
    bytes_ = 0;
}

} // namespace ring3
