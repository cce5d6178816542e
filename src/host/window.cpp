#include "host/window.h"

#include "base/assert.h"
#include "host/file_descriptor.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace ring3::host {

namespace {

constexpr u64 gibibyte = u64{1} << 30;
constexpr u64 window_size = 4 * gibibyte;
constexpr u64 guard_below = 2 * gibibyte; // [r14 + 32-bit signed displacement]
// [r14 + register + register] at most, and the bytes that an access there reaches beyond its address.
constexpr u64 guard_above = 4 * gibibyte + page_size;
constexpr u64 reserved_size = guard_below + window_size + guard_above;

// NORESERVE: it is address space only and must not count against the host's commit limit.
constexpr int nothing = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

void* at(u64 address) {
    return reinterpret_cast<void*>(address);
}

/// By its number: with clang's address sanitizer munmap() makes a mapping first, and dies where that is refused.
bool give_back(u64 address, u64 bytes) {
    return ::syscall(SYS_munmap, at(address), bytes) == 0;
}

bool make_inaccessible(u64 address, u64 bytes) {
    return ::mmap(at(address), bytes, PROT_NONE, nothing | MAP_FIXED, -1, 0) != MAP_FAILED;
}

bool inside(u32 linear, u64 pages) {
    return linear % page_size == 0 && pages <= (window_size - linear) / page_size;
}

} // namespace

Result<Window> Window::create(int ram_fd) {
    // More than is needed, so that an aligned base lies in it; what is too much at the ends is given back.
    constexpr u64 size = reserved_size + window_size;
    void* const mapped = ::mmap(nullptr, size, PROT_NONE, nothing, -1, 0);
    if (mapped == MAP_FAILED) return fail_errno(ExitStatus::host_lacks, "cannot reserve address space for a window");
    u64 const start = reinterpret_cast<u64>(mapped);
    u64 const base = (start + guard_below + window_size - 1) & ~(window_size - 1);
    u64 const first = base - guard_below, end = first + reserved_size;
    if (first > start) give_back(start, first - start);
    if (start + size > end) give_back(end, start + size - end);
    return Window{base, ram_fd};
}

Window::Window(Window&& other) noexcept : base_{std::exchange(other.base_, 0)}, ram_fd_{other.ram_fd_} {}

Window& Window::operator=(Window&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(ram_fd_, other.ram_fd_);
    return *this;
}

Window::~Window() {
    if (base_ != 0) give_back(base_ - guard_below, reserved_size);
}

bool Window::map(u32 linear, u64 ram_offset, u32 pages, WindowAccess access, WindowFill fill) {
    ASSERT(inside(linear, pages) && pages != 0 && ram_offset % page_size == 0);
    int const protection = access == WindowAccess::read ? PROT_READ : PROT_READ | PROT_WRITE;
    int const populate = fill == WindowFill::now ? MAP_POPULATE : 0;
    void* const start = ::mmap(at(base_ + linear), u64{pages} * page_size, protection,
                               MAP_SHARED | MAP_FIXED | populate, ram_fd_, static_cast<off_t>(ram_offset));
    if (start != MAP_FAILED) [[likely]]
        return true;
    unmap(linear, pages);
    return false;
}

void Window::unmap(u32 linear, u64 pages) {
    ASSERT(inside(linear, pages));
    if (pages == 0 || make_inaccessible(base_ + linear, pages * page_size)) [[likely]]
        return;
    // A process with too many mappings is refused every mmap, also one that would leave it with fewer. A change of
    // protection does as well, and fails only where it has to cut a mapping in pieces. Then all must go: a page that
    // stays accessible would break the guest's isolation, one too few is only a fault more.
    if (::mprotect(at(base_ + linear), pages * page_size, PROT_NONE) < 0) clear();
}

void Window::clear() {
    if (make_inaccessible(base_, window_size)) [[likely]]
        return;
    // As above, but munmap gives mappings back whatever their number. It fails only where it would have to cut one
    // mapping in three: then the window and its guards are one, so empty.
    if (!give_back(base_, window_size)) {
        ASSERT(::mprotect(at(base_), window_size, PROT_NONE) == 0);
        return;
    }
    ASSERT(::mmap(at(base_), window_size, PROT_NONE, nothing | MAP_FIXED_NOREPLACE, -1, 0) == at(base_));
}

} // namespace ring3::host
