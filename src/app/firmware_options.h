// The options about firmware, in QEMU's spelling: -boot, -fw_cfg, -option-rom, -smbios.
#pragma once

#include "app/vm_settings.h"

#include <string_view>

namespace ring3::app {

/// "dc", or order=dc,once=d,menu=on,splash-time=MS,reboot-timeout=MS,strict=on.
Result<void> parse_boot(std::string_view text, FirmwareSettings& settings);

/// [name=]opt/NAME,file=PATH or string=TEXT.
Result<void> parse_fw_cfg(std::string_view text, FirmwareSettings& settings);

/// FILE: firmware runs what it finds among its files as "genroms/NAME".
Result<void> parse_option_rom(std::string_view text, FirmwareSettings& settings);

/// type=0, 1 or 11 with their fields, or file=STRUCTURE.
Result<void> parse_smbios(std::string_view text, FirmwareSettings& settings);

/// 8-4-4-4-12 hexadecimal digits.
Result<std::array<u8, 16>> parse_uuid(std::string_view option, std::string_view text);

} // namespace ring3::app
