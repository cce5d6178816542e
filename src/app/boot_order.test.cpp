#include "app/system_options.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace ring3::app {
namespace {

Result<VmSettings> parse(std::vector<std::string> arguments) {
    auto parsed = parse_system_options(arguments, {});
    if (!parsed) return std::unexpected(parsed.error());
    return std::get<VmSettings>(*std::move(parsed));
}

/// The file for the firmware, with \n instead of the NUL at its end.
std::string order_of(std::vector<std::string> arguments) {
    auto const settings = parse(std::move(arguments));
    EXPECT_TRUE(settings) << settings.error().message;
    auto const& items = settings->firmware.items;
    auto const file = std::ranges::find(items, "bootorder", &FirmwareItem::name);
    if (file == items.end()) return "";
    auto text = file->text;
    EXPECT_EQ(text.back(), '\0');
    text.back() = '\n';
    return text;
}

TEST(BootOrder, is_a_file_only_if_somebody_has_an_index) {
    EXPECT_EQ(order_of({"-hda", "x"}), "");
}

TEST(BootOrder, names_drives_and_cards_by_their_places) {
    EXPECT_EQ(order_of({"-drive", "if=none,id=d,file=x", "-device", "ide-hd,drive=d,bus=ide.1,unit=1,bootindex=2", //
                        "-drive", "if=none,id=c,file=y", "-device", "ide-cd,drive=c,bus=ide.0,unit=1,bootindex=1",
                        "-netdev", "user,id=a", "-netdev", "user,id=b", "-device", "rtl8139,netdev=a", //
                        "-device", "e1000,netdev=b,bootindex=0"}),
              "/pci@i0cf8/ethernet@4/ethernet-phy@0\n"
              "/pci@i0cf8/ide@1,1/drive@0/disk@1\n"
              "/pci@i0cf8/ide@1,1/drive@1/disk@1\n");
}

TEST(BootOrder, names_virtio_disks_by_their_slots) {
    EXPECT_EQ(order_of({"-nic", "user", "-drive", "if=none,id=d,file=x", "-device", "virtio-rng-pci", "-device",
                        "virtio-blk-pci,drive=d,bootindex=4"}),
              "/pci@i0cf8/scsi@5/disk@0,0\n");
}

TEST(BootOrder, cards_keep_the_slots_they_asked_for) {
    std::vector<std::string> const arguments{"-netdev", "user,id=a",
                                             "-netdev", "user,id=b", //
                                             "-device", "e1000,netdev=a,bootindex=1",
                                             "-device", "e1000,netdev=b,addr=3"};
    EXPECT_EQ(order_of(arguments), "/pci@i0cf8/ethernet@4/ethernet-phy@0\n");
    EXPECT_EQ(parse(arguments)->net.nics[1].card.slot, 3);
}

TEST(BootOrder, a_strict_one_ends_with_halt) {
    EXPECT_EQ(
        order_of({"-drive", "if=none,id=d,file=x", "-device", "ide-hd,drive=d,bootindex=9", "-boot", "strict=on"}),
        "/pci@i0cf8/ide@1,1/drive@0/disk@0\nHALT\n");
}

TEST(BootOrder, an_index_is_one_devices) {
    auto const parsed = parse({"-drive", "if=none,id=d,file=x", "-device", "ide-hd,drive=d,bootindex=1", //
                               "-netdev", "user,id=a", "-device", "e1000,netdev=a,bootindex=1"});
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().message, "option '-device': two devices have bootindex=1");
}

} // namespace
} // namespace ring3::app
