#include "host/guarded_memory.h"

#include "base/types.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace ring3::host {

Result<GuardedMemory> GuardedMemory::create(std::size_t size) {
    void* const start = ::mmap(nullptr, size + page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return fail(ExitStatus::host_lacks, std::string{"cannot map memory: "} + strerror(errno));
    u8* const data = static_cast<u8*>(start) + page_size;
    if (::mprotect(data, size, PROT_READ | PROT_WRITE) != 0) {
        ::munmap(start, size + page_size);
        return fail(ExitStatus::host_lacks, std::string{"cannot map memory: "} + strerror(errno));
    }
    return GuardedMemory{data, size};
}

GuardedMemory::GuardedMemory(GuardedMemory&& other) noexcept
    : data_{std::exchange(other.data_, nullptr)}, size_{other.size_} {}

GuardedMemory::~GuardedMemory() {
    if (data_) ::munmap(data_ - page_size, size_ + page_size);
}

} // namespace ring3::host
