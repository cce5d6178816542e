#include "app/drive_options.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

/// What a list of -drive options comes to, or the one error.
std::string error_of(std::vector<std::string> const& drives) {
    DriveOptions options;
    options.no_defaults();
    for (auto const& text : drives)
        if (auto const added = options.add_drive(text); !added) return added.error().message;
    auto const finished = options.finish();
    return finished ? "" : finished.error().message;
}

std::vector<DriveSettings> drives_of(std::vector<std::string> const& drives) {
    DriveOptions options;
    options.no_defaults();
    for (auto const& text : drives) EXPECT_TRUE(options.add_drive(text)) << text;
    return options.finish().value();
}

TEST(DriveOptions, the_short_forms_have_their_places) {
    DriveOptions options;
    ASSERT_TRUE(options.add_hard_disk(1, "b.img"));
    ASSERT_TRUE(options.add_cdrom("cd.iso"));
    ASSERT_TRUE(options.add_floppy(0, "a.img"));
    auto const drives = options.finish().value();
    ASSERT_EQ(drives.size(), 3u);
    EXPECT_EQ(drives[0].drive.unit, 1);
    EXPECT_EQ(drives[0].drive.kind, DriveKind::ide_disk);
    EXPECT_EQ(drives[1].drive.unit, 2);
    EXPECT_EQ(drives[1].drive.kind, DriveKind::ide_cdrom);
    EXPECT_EQ(drives[1].options.access, image::Access::read_only);
    EXPECT_EQ(drives[2].drive.kind, DriveKind::floppy);
    EXPECT_EQ(drives[2].path, "a.img");
}

TEST(DriveOptions, an_empty_cd_rom_drive_and_floppy_drive_are_there_by_default) {
    DriveOptions options;
    auto const drives = options.finish().value();
    ASSERT_EQ(drives.size(), 2u);
    EXPECT_EQ(drives[0].drive.kind, DriveKind::ide_cdrom);
    EXPECT_EQ(drives[0].drive.unit, 2);
    EXPECT_EQ(drives[0].path, "");
    EXPECT_EQ(drives[1].drive.kind, DriveKind::floppy);
    DriveOptions taken;
    ASSERT_TRUE(taken.add_hard_disk(2, "c.img"));
    EXPECT_EQ(taken.finish().value()[0].drive.kind, DriveKind::ide_disk);
    DriveOptions none;
    none.no_defaults();
    EXPECT_TRUE(none.finish().value().empty());
}

TEST(DriveOptions, drives_without_a_place_take_the_next_free_one) {
    auto const drives = drives_of({"file=a", "file=b,index=0", "file=c", "if=floppy,file=d", "media=cdrom"});
    EXPECT_EQ(drives[0].drive.unit, 1);
    EXPECT_EQ(drives[1].drive.unit, 0);
    EXPECT_EQ(drives[2].drive.unit, 2);
    EXPECT_EQ(drives[3].drive.unit, 0);
    EXPECT_EQ(drives[4].drive.unit, 3);
    EXPECT_EQ(drives_of({"file=x,bus=1,unit=1"})[0].drive.unit, 3);
}

TEST(DriveOptions, keys_reach_the_image) {
    auto const drive = drives_of({"file=a,,b.img,format=qcow2,cache=none,discard=ignore,snapshot=on,serial=S1,"
                                  "werror=stop,rerror=ignore,aio=native,file.locking=off"})[0];
    EXPECT_EQ(drive.path, "a,b.img");
    EXPECT_EQ(drive.options.format, image::Format::qcow2);
    EXPECT_EQ(drive.options.cache, image::CacheMode::none);
    EXPECT_EQ(drive.options.discard, image::Discard::ignore);
    EXPECT_EQ(drive.options.locking, image::Locking::off);
    EXPECT_TRUE(drive.options.is_snapshot);
    EXPECT_EQ(drive.drive.serial, "S1");
    EXPECT_EQ(drive.on_write_error, OnDiskError::stop);
    EXPECT_EQ(drive.on_read_error, OnDiskError::ignore);
    auto const usual = drives_of({"file=a"})[0];
    EXPECT_EQ(usual.on_write_error, OnDiskError::stop_if_full);
    EXPECT_EQ(usual.on_read_error, OnDiskError::report);
}

TEST(DriveOptions, snapshot_is_for_everything_that_can_be_written) {
    DriveOptions options;
    options.no_defaults();
    options.use_snapshots();
    ASSERT_TRUE(options.add_hard_disk(0, "a"));
    ASSERT_TRUE(options.add_cdrom("b"));
    auto const drives = options.finish().value();
    EXPECT_TRUE(drives[0].options.is_snapshot);
    EXPECT_FALSE(drives[1].options.is_snapshot);
}

TEST(DriveOptions, a_device_takes_a_drive_by_its_name) {
    DriveOptions options;
    options.no_defaults();
    ASSERT_TRUE(options.add_drive("file=a,if=none,id=d0"));
    CommaList list{"ide-hd,drive=d0,bus=ide.1,unit=1,serial=QQ", "driver"};
    list.take("driver");
    ASSERT_TRUE(options.add_device("ide-hd", list));
    auto const drives = options.finish().value();
    ASSERT_EQ(drives.size(), 1u);
    EXPECT_EQ(drives[0].drive.unit, 3);
    EXPECT_EQ(drives[0].drive.serial, "QQ");
    EXPECT_FALSE(options.take_unplugged("-device x", "d0"));
}

TEST(DriveOptions, errors_name_what_is_wrong) {
    EXPECT_EQ(error_of({"file=a,if=scsi"}), "option '-drive': if does not know 'scsi'");
    EXPECT_EQ(error_of({"file=a,format=vmdk"}),
              "option '-drive': no format 'vmdk' (raw and qcow2; others through qemu-nbd)");
    EXPECT_EQ(error_of({"file=a,throttling.bps-total=1"}), "option '-drive' does not know 'throttling.bps-total'");
    EXPECT_EQ(error_of({"file=a,index=0", "file=b,index=0"}), "two drives want to be IDE primary master");
    EXPECT_EQ(error_of({"file=a", "file=b", "file=c", "file=d", "file=e"}), "there is no place for another IDE drive");
    EXPECT_EQ(error_of({"file=a,index=4"}), "option '-drive': there is no unit 4 (0 to 3)");
    EXPECT_EQ(error_of({"if=ide"}), "option '-drive': a disk needs file=PATH");
    EXPECT_EQ(error_of({"file=a,readonly=on"}),
              "'a': an IDE disk cannot be read-only (snapshot=on forgets what is written)");
    EXPECT_EQ(error_of({"file=a,if=none,id=x"}), "option '-drive': no -device uses the drive 'x'");
    EXPECT_EQ(error_of({"file=a,id=x", "file=b,id=x"}), "option '-drive': the id 'x' is taken");
    EXPECT_EQ(error_of({"file=a,werror=maybe"}), "option '-drive': werror does not know 'maybe'");
    EXPECT_EQ(error_of({"file=a,rerror=enospc"}), "option '-drive': rerror does not know 'enospc'");
    EXPECT_EQ(error_of({"file=a,unit=2"}), "option '-drive': unit is 0 or 1");
}

TEST(DriveOptions, a_disk_may_have_a_geometry_and_a_place_in_the_order) {
    DriveOptions options;
    options.no_defaults();
    ASSERT_TRUE(options.add_drive("if=none,id=d,file.driver=file,file.filename=x,driver=raw"));
    CommaList list{"drive=d,cyls=615,heads=4,secs=17,bootindex=3"};
    ASSERT_TRUE(options.add_device("ide-hd", list));
    auto const drive = options.finish().value().at(0);
    EXPECT_EQ(drive.drive.geometry, (DiskGeometry{615, 4, 17}));
    EXPECT_EQ(drive.boot_index, 3u);
    EXPECT_EQ(drive.options.format, image::Format::raw);
}

TEST(DriveOptions, half_a_geometry_is_none) {
    for (auto const* text : {"drive=d,cyls=615", "drive=d,cyls=1,heads=17,secs=1", "drive=d,cyls=1,heads=1,secs=0"}) {
        DriveOptions options;
        ASSERT_TRUE(options.add_drive("if=none,id=d,file=x"));
        CommaList list{text};
        EXPECT_FALSE(options.add_device("ide-hd", list)) << text;
    }
}

} // namespace
} // namespace ring3::app
