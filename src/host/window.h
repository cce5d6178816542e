// Window: 4 GiB of host address space that mirror one guest's linear address space, with guard zones around it (D3).
//
//     | guard 2 GiB |  window: guest linear 0 .. FFFFFFFFH  | guard 4 GiB |        base is a multiple of 4 GiB
//
// Every page of the window is inaccessible (PROT_NONE) or a page of the guest's RAM, mapped from its memfd: a shadow page
// table whose entries are made with mmap. A guest-made address cannot leave window and guards, whatever its registers
// hold. The host allows about 65,000 mappings in a process (vm.max_map_count): the owner of windows counts them and
// stays below. At the limit itself nothing stays accessible by mistake, but unmap() may not make room any more; clear()
// always does.
//
// What it costs, in microseconds (Emerald Rapids in a virtual machine, Linux 6.18; RAM's pages exist already):
//     contiguous pages                     1          16     64    256   1,024
//     map, filled now                      2.1 - 4.0  4.9    9.2   28    103      the first one in 2 MiB costs more
//     unmap                                2.3        5.6    5.0   16    59
//     map over a mapping of other access   2.7        6.9    10    38    143
// clear() of 1,000 single pages takes 1,400, create() 2.3.
#pragma once

#include "base/result.h"

namespace ring3::host {

enum class WindowAccess : u8 { read, read_write };

/// When the host's own page tables are filled: by the call that maps, or page by page as they are used, at one minor
/// fault of the host each (no signal).
enum class WindowFill : u8 { now, when_used };

class Window {
public:
    /// Reserves the address space; no memory is used yet. `ram_fd`: the guest's RAM.
    static Result<Window> create(int ram_fd);
    Window(Window&& other) noexcept;
    Window& operator=(Window&& other) noexcept;
    ~Window();

    u64 base() const { return base_; }

    /// Maps `pages` pages of RAM from byte `ram_offset` on at linear address `linear`, replacing what was there.
    /// False: the host refused (too many mappings); the range is then inaccessible.
    bool map(u32 linear, u64 ram_offset, u32 pages, WindowAccess access, WindowFill fill = WindowFill::now);
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
