#include "host/shared_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace ring3::host {

Result<SharedMemory> SharedMemory::create(std::string const& name, u64 bytes) {
    FileDescriptor fd{::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!fd.is_open()) return fail_errno(ExitStatus::host_lacks, "cannot create a memfd");
    if (::ftruncate(fd.number(), static_cast<off_t>(bytes)) < 0)
        return fail_errno(ExitStatus::host_lacks, fmt::format("cannot reserve {} bytes of memory", bytes));
    if (::fcntl(fd.number(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return fail_errno(ExitStatus::host_lacks, "cannot seal a memfd");
    // NORESERVE: a guest that never touches its memory must not count against the host's commit limit.
    void* const start = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd.number(), 0);
    if (start == MAP_FAILED) return fail_errno(ExitStatus::host_lacks, fmt::format("cannot map {} bytes", bytes));
    return SharedMemory{std::move(fd), {static_cast<u8*>(start), bytes}};
}

SharedMemory::~SharedMemory() {
    if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

} // namespace ring3::host
