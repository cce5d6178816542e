// Locks on image files, so that no two machines write to one disk: the byte locks that QEMU takes, so that the two
// programs keep out of each other's images.
//
//     byte 100 + n   locked (shared) by who uses permission n
//     byte 200 + n   locked (shared) by who cannot bear that another uses permission n
//
// All are open-file-description locks for reading, so anybody can take them; a conflict is found by asking whether
// somebody else's lock lies on the byte that contradicts: F_OFD_GETLK with a lock for writing. Permissions:
// 0 consistent read, 1 write, 2 write unchanged, 3 resize. A writer uses 0, 1 and 3, a reader 0; neither bears another's
// 1 and 3. So many may read an image, as the backing files of several machines are, or one may write to it.
//
// Source: QEMU's docs/devel and the comment on "locking" in its block/file-posix.c; observed with lslocks(8).
#pragma once

#include "image/open.h"

namespace ring3::image {

/// Takes the locks or says who is in the way, as far as that can be known.
Result<void> lock_file(int file, std::string const& path, Access access, Locking locking);

} // namespace ring3::image
