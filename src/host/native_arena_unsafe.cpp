#include "host/native_arena.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace ring3::host {
namespace {

std::unexpected<Error> refused(char const* what) {
    return fail(ExitStatus::internal, std::string{"no memory for native code: "} + what + ": " + std::strerror(errno));
}

} // namespace

Result<NativeArena> NativeArena::create(std::size_t size, Place place) {
    int const file = memfd_create("ring3-native-code", MFD_CLOEXEC);
    if (file < 0) return refused("memfd_create");
    if (ftruncate(file, static_cast<off_t>(size)) != 0) {
        close(file);
        return refused("ftruncate");
    }
    void* const writable = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    int const low = place == Place::below_2_gib ? MAP_32BIT : 0;
    void* const executable = mmap(nullptr, size, PROT_READ | PROT_EXEC, MAP_SHARED | low, file, 0);
    close(file);
    if (writable == MAP_FAILED || executable == MAP_FAILED) return refused("mmap");
    return NativeArena{static_cast<u8*>(writable), static_cast<u8 const*>(executable), size};
}

NativeArena::NativeArena(NativeArena&& other) noexcept
    : writable_{std::exchange(other.writable_, nullptr)},
      executable_{std::exchange(other.executable_, nullptr)},
      size_{std::exchange(other.size_, 0)} {}

NativeArena::~NativeArena() {
    if (size_ == 0) return;
    munmap(writable_, size_);
    munmap(const_cast<u8*>(executable_), size_);
}

} // namespace ring3::host
