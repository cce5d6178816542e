// bootindex: the order in which firmware tries the devices, as the file "bootorder" that SeaBIOS reads: a line for each
// device with its place on the board, as Open Firmware writes places.
// Source: QEMU's docs/bootindex.rst; SeaBIOS, src/boot.c.
#pragma once

#include "app/vm_settings.h"

namespace ring3::app {

/// Adds the file to what firmware is told, if a device has a bootindex. Cards then get their slots here, in the order
/// in which the board would give them, as their places must be known.
Result<void> add_boot_order(VmSettings& settings);

} // namespace ring3::app
