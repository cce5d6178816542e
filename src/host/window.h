// Window: 4 GiB of host address space that mirror one guest's linear address space, with guard zones around it (D3).
//
//     | guard 2 GiB |  window: guest linear 0 .. FFFFFFFFH  | guard 4 GiB |        base is a multiple of 4 GiB
//
// Every page of the window is inaccessible (PROT_NONE) or a page of the guest's RAM, mapped from its memfd: a shadow page
// table whose entries are made with mmap. A guest-made address cannot leave window and guards, whatever its registers
// hold. The host allows about 65,000 mappings in a process (vm.max_map_count), so mappings are counted.
#pragma once

#include "base/result.h"

namespace ring3::host {

enum class WindowAccess : u8 { read, read_write };

class Window {
public:
    /// Reserves the address space; no memory is used yet. `ram_fd`: the guest's RAM.
    static Result<Window> create(int ram_fd);
    Window(Window&& other) noexcept;
    Window& operator=(Window&& other) noexcept;
    ~Window();

    u64 base() const { return base_; }

    /// Maps `pages` pages of RAM from byte `ram_offset` on at linear address `linear`, populated, replacing what was
    /// there. False: the host refused (too many mappings); the range is then inaccessible.
    bool map(u32 linear, u64 ram_offset, u32 pages, WindowAccess access);
    /// Makes the range inaccessible.
    void unmap(u32 linear, u64 pages);
    /// Makes the whole window inaccessible.
    void clear();

private:
    Window(u64 base, int ram_fd) : base_{base}, ram_fd_{ram_fd} {}
    u64 base_{};
    int ram_fd_{-1};
};

} // namespace ring3::host
