#include "app/share_options.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

std::string error_of(Result<void> const& result) {
    return result ? "" : result.error().message;
}

VirtioShareSettings share_of(VirtioSettings const& settings) {
    return std::get<VirtioShareSettings>(settings.device);
}

Result<void> add_device(ShareOptions& options, std::string_view text) {
    CommaList list{text, "driver"};
    return options.add_device(list.take("driver").value_or(""), list);
}

TEST(ShareOptions, virtfs_is_a_folder_and_its_device) {
    ShareOptions options;
    EXPECT_TRUE(options.add_virtfs("local,path=/srv,mount_tag=host0,security_model=passthrough,id=host0"));
    EXPECT_TRUE(
        options.add_virtfs("local,path=/srv/a,,b,mount_tag=x,security_model=mapped,readonly=on,multidevs=remap"));
    auto const shares = *options.finish();
    ASSERT_EQ(shares.size(), 2);
    EXPECT_EQ(share_of(shares[0]).folder.path, "/srv");
    EXPECT_EQ(share_of(shares[0]).folder.security, p9::SecurityModel::passthrough);
    EXPECT_FALSE(share_of(shares[0]).folder.is_read_only);
    EXPECT_EQ(share_of(shares[0]).tag, "host0");
    EXPECT_EQ(share_of(shares[1]).folder.path, "/srv/a,b");
    EXPECT_EQ(share_of(shares[1]).folder.security, p9::SecurityModel::mapped_xattr);
    EXPECT_TRUE(share_of(shares[1]).folder.is_read_only);
}

TEST(ShareOptions, fsdev_and_device_find_each_other_in_any_order) {
    ShareOptions options;
    EXPECT_TRUE(add_device(options, "virtio-9p-pci,fsdev=fs0,mount_tag=tag,addr=7,id=x,disable-legacy=on"));
    EXPECT_TRUE(options.add_fsdev("local,id=fs0,path=/srv,security_model=none,readonly"));
    auto const shares = *options.finish();
    ASSERT_EQ(shares.size(), 1);
    EXPECT_EQ(share_of(shares[0]).folder.path, "/srv");
    EXPECT_TRUE(share_of(shares[0]).folder.is_read_only);
    EXPECT_EQ(share_of(shares[0]).tag, "tag");
    EXPECT_EQ(shares[0].place.slot, 7);
    EXPECT_FALSE(shares[0].place.legacy);
}

TEST(ShareOptions, what_is_wrong_is_named) {
    ShareOptions options;
    auto const virtfs = [&](std::string_view text) { return error_of(options.add_virtfs(text)); };
    EXPECT_EQ(virtfs("proxy,socket=/x"), "option '-virtfs': no file system driver 'proxy' (local)");
    EXPECT_EQ(virtfs("local,mount_tag=x,security_model=none"), "option '-virtfs': path= is missing");
    EXPECT_EQ(virtfs("local,path=/x,mount_tag=x"),
              "option '-virtfs': security_model= is missing (none, passthrough or mapped-xattr)");
    EXPECT_EQ(virtfs("local,path=/x,mount_tag=x,security_model=mapped-file"),
              "option '-virtfs': security_model=mapped-file is not supported (none, passthrough, mapped-xattr)");
    EXPECT_EQ(virtfs("local,path=/x,security_model=none"), "option '-virtfs': mount_tag= is missing");
    EXPECT_NE(virtfs("local,path=/x,security_model=none,mount_tag=" + std::string(33, 'x')), "");
    EXPECT_NE(virtfs("local,path=/x,security_model=none,mount_tag=x,fmode=0600").find("fmode"), std::string::npos);
    EXPECT_NE(virtfs("local,path=/x,security_model=none,mount_tag=x,multidevs=forbid").find("forbid"),
              std::string::npos);
    EXPECT_NE(error_of(options.add_fsdev("local,path=/x,security_model=none")).find("id="), std::string::npos);
    EXPECT_TRUE(options.add_fsdev("local,id=a,path=/x,security_model=none"));
    EXPECT_NE(error_of(options.add_fsdev("local,id=a,path=/x,security_model=none")).find("taken"), std::string::npos);
    EXPECT_NE(error_of(add_device(options, "virtio-9p-pci,mount_tag=x")).find("fsdev"), std::string::npos);
    EXPECT_TRUE(add_device(options, "virtio-9p-pci,fsdev=b,mount_tag=x"));
    EXPECT_EQ(options.finish().error().message,
              "option '-device virtio-9p-pci': there is no folder 'b' (-fsdev local,id=b,...)");
}

TEST(ShareOptions, a_folder_has_one_device) {
    ShareOptions options;
    EXPECT_TRUE(options.add_fsdev("local,id=a,path=/x,security_model=none"));
    EXPECT_TRUE(add_device(options, "virtio-9p-pci,fsdev=a,mount_tag=x"));
    EXPECT_TRUE(add_device(options, "virtio-9p-pci,fsdev=a,mount_tag=y"));
    EXPECT_NE(options.finish().error().message.find("has a device already"), std::string::npos);
}

} // namespace
} // namespace ring3::app
