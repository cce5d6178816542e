#include "host/sparse_memory.h"

#include "base/assert.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace ring3::host {

namespace {

// Not reserved: a host that counts every writable mapping (vm.overcommit_memory=2) refuses it.
void* map_zeros(void* at, std::size_t size, int where) {
    return ::mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | where, -1, 0);
}

} // namespace

Result<SparseMemory> SparseMemory::create(std::size_t size) {
    void* const start = map_zeros(nullptr, size, 0);
    if (start == MAP_FAILED)
        return fail(ExitStatus::host_lacks,
                    std::string{"cannot reserve addresses for a jump table: "} + strerror(errno) +
                        " (is there a limit, ulimit -v or vm.overcommit_memory=2? --engine interpret does without)");
    return SparseMemory{static_cast<u8*>(start), size};
}

SparseMemory::SparseMemory(SparseMemory&& other) noexcept
    : data_{std::exchange(other.data_, nullptr)}, size_{other.size_} {}

SparseMemory::~SparseMemory() {
    if (data_) ::munmap(data_, size_);
}

void SparseMemory::reset() {
    ASSERT(map_zeros(data_, size_, MAP_FIXED) == data_);
}

} // namespace ring3::host
