// A guest must not come out of its folder, whatever names it makes up; on hosts with openat2 and on those without.
#include "p9/test_client.h"

#include <atomic>
#include <cstdio>
#include <gtest/gtest.h>
#include <sys/xattr.h>
#include <thread>

namespace ring3::p9 {
namespace {

class P9Escape : public ::testing::TestWithParam<bool> {
protected:
    P9Escape() {
        folder.write(folder.outside("secret"), "secret");
        if (!GetParam()) guest.server().folder().forget_openat2();
    }
    TestFolder folder;
    TestClient guest{{folder.path()}};
};

TEST_P(P9Escape, dots_lead_no_higher_than_the_folder) {
    auto const top = guest.attributes(TestClient::root)->qid.path;
    EXPECT_EQ(guest.walk(1, {"..", "..", ".."}), 0);
    EXPECT_EQ(guest.attributes(1)->qid.path, top);
    EXPECT_EQ(guest.walk(2, {"..", "secret"}), ENOENT);
    EXPECT_EQ(guest.mkdir(TestClient::root, "a"), 0);
    EXPECT_EQ(guest.walk(3, {"a", "..", "..", "secret"}), ENOENT);
    EXPECT_EQ(guest.walk(3, {"a", "..", "a", ".."}), 0);
    EXPECT_EQ(guest.attributes(3)->qid.path, top);
}

TEST_P(P9Escape, names_are_single) {
    for (auto const* name : {"", ".", "../secret", "/etc/passwd", "a/b", "/"}) {
        EXPECT_NE(guest.walk(1, {name}), 0) << name;
        EXPECT_EQ(guest.create_at(1, name), EINVAL) << name;
        EXPECT_EQ(guest.mkdir(TestClient::root, name), EINVAL) << name;
        EXPECT_EQ(guest.symlink(TestClient::root, name, "x"), EINVAL) << name;
        EXPECT_EQ(guest.unlink(TestClient::root, name), EINVAL) << name;
        EXPECT_EQ(guest.renameat(TestClient::root, name, TestClient::root, "x"), EINVAL) << name;
        guest.clunk(1);
    }
    EXPECT_EQ(guest.create_at(1, ".."), EINVAL);
    EXPECT_EQ(guest.mkdir(TestClient::root, ".."), EINVAL);
    EXPECT_EQ(guest.unlink(TestClient::root, "..", unlink_directory), EINVAL);
    EXPECT_EQ(guest.renameat(TestClient::root, "..", TestClient::root, "x"), EINVAL);
    EXPECT_EQ(guest.mkdir(TestClient::root, std::string_view{"a\0b", 3}), EINVAL);
    EXPECT_EQ(guest.mkdir(TestClient::root, std::string(256, 'a')), ENAMETOOLONG);
}

TEST_P(P9Escape, symbolic_links_lead_nowhere) {
    EXPECT_EQ(guest.symlink(TestClient::root, "up", ".."), 0);
    EXPECT_EQ(guest.symlink(TestClient::root, "absolute", folder.outside("").c_str()), 0);
    EXPECT_EQ(guest.symlink(TestClient::root, "file", "../secret"), 0);
    EXPECT_EQ(guest.symlink(TestClient::root, "process", "/proc/self/root"), 0);
    for (auto const* name : {"up", "absolute", "process"}) {
        EXPECT_EQ(guest.walk(1, {name, "secret"}), ENOENT) << name; // ended after the link
        EXPECT_EQ(guest.walk(1, {name}), 0) << name;
        EXPECT_EQ(guest.attributes(1)->qid.type, qid_symlink);
        EXPECT_EQ(guest.walk(2, {"secret"}, 1), ENOTDIR) << name;
        EXPECT_EQ(guest.open(1), ELOOP) << name;
        EXPECT_EQ(guest.create(1, "new"), ENOTDIR) << name;
        EXPECT_EQ(guest.mkdir(1, "new"), ENOTDIR) << name;
        EXPECT_EQ(guest.unlink(1, "secret"), ENOTDIR) << name;
        EXPECT_EQ(guest.renameat(1, "secret", TestClient::root, "mine"), ENOTDIR) << name;
        EXPECT_EQ(guest.clunk(1), 0);
    }
    EXPECT_EQ(guest.walk(1, {"file"}), 0);
    EXPECT_EQ(guest.open(1), ELOOP);
    EXPECT_EQ(guest.open(1, O_WRONLY | O_TRUNC), ELOOP);
    EXPECT_EQ(guest.set(1, set_attribute::size), ELOOP);
    EXPECT_EQ(guest.create_at(2, "file", O_RDWR | O_TRUNC), ELOOP);
    EXPECT_EQ(guest.link(TestClient::root, 1, "hard"), 0); // to the link, not to what it names
    EXPECT_EQ(guest.walk(3, {"hard"}), 0);
    EXPECT_EQ(guest.attributes(3)->qid.type, qid_symlink);
    EXPECT_EQ(folder.read(folder.outside("secret")), "secret");
}

TEST_P(P9Escape, attributes_are_set_on_a_link_itself) {
    auto const before = std::filesystem::last_write_time(folder.outside("secret"));
    auto const mode = std::filesystem::status(folder.outside("secret")).permissions();
    EXPECT_EQ(guest.symlink(TestClient::root, "file", "../secret"), 0);
    EXPECT_EQ(guest.walk(1, {"file"}), 0);
    guest.set(1, set_attribute::mode, 0777);
    guest.set(1, set_attribute::uid | set_attribute::gid);
    EXPECT_EQ(guest.set(1, set_attribute::mtime | set_attribute::mtime_given, 0, 0, 1), 0);
    EXPECT_EQ(std::filesystem::last_write_time(folder.outside("secret")), before);
    EXPECT_EQ(std::filesystem::status(folder.outside("secret")).permissions(), mode);
    struct stat status {};
    ASSERT_EQ(::stat(folder.outside("secret").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, ::getuid());
}

TEST_P(P9Escape, a_directory_that_becomes_a_link_leads_nowhere) {
    EXPECT_EQ(guest.mkdir(TestClient::root, "a"), 0);
    EXPECT_EQ(guest.walk(1, {"a"}), 0);
    std::filesystem::remove(folder.path("a"));
    std::filesystem::create_symlink("..", folder.path("a"));
    EXPECT_NE(guest.walk(2, {"secret"}, 1), 0);
    EXPECT_NE(guest.create(1, "new"), 0);
    EXPECT_FALSE(std::filesystem::exists(folder.outside("new")));
}

TEST_P(P9Escape, a_directory_that_leaves_the_folder_is_gone) {
    EXPECT_EQ(guest.mkdir(TestClient::root, "a"), 0);
    EXPECT_EQ(guest.walk(1, {"a"}), 0);
    EXPECT_EQ(guest.open(1), 0);
    std::filesystem::rename(folder.path("a"), folder.outside("a"));
    EXPECT_EQ(guest.walk(2, {"..", "secret"}, 1), ENOENT);
    EXPECT_EQ(guest.mkdir(1, "b"), ENOENT);
}

/// Somebody on the host exchanges a directory and a link to the outside while the guest looks into it.
TEST_P(P9Escape, exchanging_directories_and_links_opens_no_gap) {
    std::filesystem::create_directory(folder.path("a"));
    folder.write(folder.path("a/secret"), "inside");
    std::filesystem::create_symlink("..", folder.path("b"));
    std::atomic<bool> ends{false};
    std::thread exchanger{[&] {
        while (!ends)
            ::renameat2(AT_FDCWD, folder.path("a").c_str(), AT_FDCWD, folder.path("b").c_str(), RENAME_EXCHANGE);
    }};
    for (unsigned turn = 0; turn < 2000; ++turn) {
        if (guest.walk(1, {"a", "secret"}) != 0) continue;
        if (guest.open(1) == 0) {
            EXPECT_EQ(guest.read(1), "inside");
        }
        guest.clunk(1);
    }
    ends = true;
    exchanger.join();
    EXPECT_EQ(folder.read(folder.outside("secret")), "secret");
}

INSTANTIATE_TEST_SUITE_P(, P9Escape, ::testing::Values(true, false),
                         [](auto const& way) { return way.param ? "with_openat2" : "without_openat2"; });

class P9Mapped : public ::testing::Test {
protected:
    void SetUp() override {
        if (::setxattr(folder.path().c_str(), "user.ring3", "1", 1, 0) != 0)
            GTEST_SKIP() << "no extended attributes here";
    }
    TestFolder folder;
    TestClient guest{{folder.path(), SecurityModel::mapped_xattr}};
};

TEST_F(P9Mapped, keeps_what_the_guest_says_in_attributes) {
    EXPECT_EQ(guest.create_at(1, "file", O_RDWR, 04755), 0);
    EXPECT_EQ(guest.set(1, set_attribute::uid | set_attribute::gid), 0);
    auto const all = *guest.attributes(1);
    EXPECT_EQ(all.mode, S_IFREG | 04755u);
    EXPECT_EQ(all.uid, 4711);
    EXPECT_EQ(all.gid, 4711);
    struct stat host {};
    ASSERT_EQ(::stat(folder.path("file").c_str(), &host), 0);
    EXPECT_EQ(host.st_mode, S_IFREG | 0600u);
    EXPECT_EQ(host.st_uid, ::getuid());
    u32 mode = 0;
    EXPECT_EQ(::getxattr(folder.path("file").c_str(), "user.virtfs.mode", &mode, sizeof mode), ssize_t{sizeof mode});
    EXPECT_EQ(mode, S_IFREG | 04755u);
    EXPECT_EQ(guest.set(1, set_attribute::mode, 0640), 0);
    EXPECT_EQ(guest.attributes(1)->mode, S_IFREG | 0640u);
}

TEST_F(P9Mapped, has_devices_and_links_that_are_files_to_the_host) {
    EXPECT_EQ(guest.mknod(TestClient::root, "null", S_IFCHR | 0666, 1, 3), 0);
    EXPECT_EQ(guest.walk(1, {"null"}), 0);
    EXPECT_EQ(guest.attributes(1)->mode, S_IFCHR | 0666u);
    EXPECT_EQ(guest.attributes(1)->device, 0x103);
    EXPECT_EQ(guest.symlink(TestClient::root, "link", "/etc/passwd"), 0);
    EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(folder.path("link"))));
    EXPECT_EQ(guest.walk(2, {"link"}), 0);
    EXPECT_EQ(guest.attributes(2)->qid.type, qid_symlink);
    EXPECT_EQ(guest.readlink(2), "/etc/passwd");
    EXPECT_EQ(guest.mkdir(TestClient::root, "directory", 01777), 0);
    EXPECT_EQ(guest.walk(3, {"directory"}), 0);
    EXPECT_EQ(guest.attributes(3)->mode, S_IFDIR | 01777u);
}

TEST_F(P9Mapped, does_not_believe_attributes_that_make_directories) {
    folder.write(folder.path("file"), "content");
    u32 const mode = S_IFDIR | 0755;
    ASSERT_EQ(::setxattr(folder.path("file").c_str(), "user.virtfs.mode", &mode, sizeof mode, 0), 0);
    EXPECT_EQ(guest.walk(1, {"file"}), 0);
    EXPECT_EQ(guest.attributes(1)->mode, S_IFREG | 0755u);
}

} // namespace
} // namespace ring3::p9
