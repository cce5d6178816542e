#include "app/firmware_options.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

using enum BootDevice;

std::string error_of(Result<void> const& result) {
    if (result) return "";
    EXPECT_EQ(result.error().status, ExitStatus::usage);
    return result.error().message;
}

TEST(FirmwareOptions, boot_takes_an_order_in_both_forms) {
    FirmwareSettings settings;
    EXPECT_TRUE(parse_boot("dc", settings));
    EXPECT_EQ(settings.order, (std::array{cdrom, hard_disk, none}));
    EXPECT_TRUE(parse_boot("order=abcd,once=n,menu=on,splash-time=1500,reboot-timeout=-1,strict=on", settings));
    EXPECT_EQ(settings.order, (std::array{floppy, hard_disk, cdrom}));
    EXPECT_EQ(settings.order_once, (std::array{network, none, none}));
    EXPECT_TRUE(settings.menu);
    EXPECT_TRUE(settings.strict_order);
    EXPECT_EQ(settings.menu_wait_ms, 1500);
    EXPECT_EQ(settings.reboot_timeout_ms, 0xffff'ffff);
    EXPECT_EQ(error_of(parse_boot("x", settings)),
              "option '-boot': 'x' is no boot device: a floppy, c disk, d CD-ROM, n network");
    EXPECT_EQ(error_of(parse_boot("menu=on,what=1", settings)), "option '-boot' does not know 'what'");
}

TEST(FirmwareOptions, fw_cfg_needs_a_name_and_one_content) {
    FirmwareSettings settings;
    EXPECT_TRUE(parse_fw_cfg("name=opt/a,string=x,,y", settings));
    EXPECT_TRUE(parse_fw_cfg("opt/b,file=/etc/hostname", settings));
    ASSERT_EQ(settings.items.size(), 2u);
    EXPECT_EQ(settings.items[0].text, "x,y");
    EXPECT_EQ(settings.items[1].path, "/etc/hostname");
    EXPECT_EQ(error_of(parse_fw_cfg("opt/a,string=z", settings)), "option '-fw_cfg': there are two items 'opt/a'");
    EXPECT_NE(error_of(parse_fw_cfg("opt/c", settings)), "");
    EXPECT_NE(error_of(parse_fw_cfg("opt/c,file=a,string=b", settings)), "");
    EXPECT_NE(error_of(parse_fw_cfg("string=b", settings)), "");
}

TEST(FirmwareOptions, smbios_takes_three_types) {
    FirmwareSettings settings;
    EXPECT_TRUE(parse_smbios("type=0,vendor=me,version=3,date=1/1/2024,release=4.5,uefi=on", settings));
    EXPECT_EQ(settings.smbios.bios->minor, 5);
    EXPECT_TRUE(
        parse_smbios("type=1,serial=ds=nocloud-net;s=http://x/,uuid=00112233-4455-6677-8899-aabbccddeeff", settings));
    EXPECT_EQ(settings.smbios.system.serial, "ds=nocloud-net;s=http://x/");
    EXPECT_EQ(settings.smbios.system.uuid[15], 0xff);
    EXPECT_TRUE(parse_smbios("type=11,value=one,value=t,,wo", settings));
    EXPECT_EQ(settings.smbios.oem_strings, (std::vector<std::string>{"one", "t,wo"}));
    EXPECT_EQ(error_of(parse_smbios("type=17", settings)), "option '-smbios' knows type=0, 1 and 11, not '17'");
    EXPECT_TRUE(parse_smbios("file=/x", settings));
    EXPECT_EQ(settings.smbios_files, (std::vector<std::string>{"/x"}));
    EXPECT_EQ(error_of(parse_smbios("file=/x,type=1", settings)), "option '-smbios file' does not know 'type'");
    EXPECT_NE(error_of(parse_smbios("type=1,uuid=0011", settings)), "");
    EXPECT_NE(error_of(parse_smbios("type=0,release=300.1", settings)), "");
    EXPECT_NE(error_of(parse_smbios("type=1,value=x", settings)), "");
}

} // namespace
} // namespace ring3::app
