#include "p9/test_client.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <ranges>
#include <set>
#include <sys/stat.h>

namespace ring3::p9 {
namespace {

class P9Server : public ::testing::Test {
protected:
    TestFolder folder;
    TestClient guest{{folder.path()}};
};

// ---- the session

TEST_F(P9Server, agrees_on_the_smaller_message) {
    auto const reply = guest.call(Request::version, Fields{}.word(1 << 30).text("9P2000.L"));
    EXPECT_EQ(Reader{*reply}.word(), most_message);
    EXPECT_EQ(guest.version(least_message - 1), EMSGSIZE);
}

TEST_F(P9Server, does_not_know_other_dialects) {
    auto const reply = guest.call(Request::version, Fields{}.word(8192).text("9P2000.u"));
    Reader in{*reply};
    EXPECT_EQ(in.word(), 8192);
    EXPECT_EQ(in.text(), "unknown");
    EXPECT_EQ(guest.attach(1), EPROTO);
}

TEST_F(P9Server, forgets_all_fids_with_a_new_version) {
    EXPECT_EQ(guest.walk(1, {}), 0);
    EXPECT_EQ(guest.version(), 0);
    EXPECT_EQ(guest.clunk(1), EBADF);
    EXPECT_EQ(guest.clunk(TestClient::root), EBADF);
}

TEST_F(P9Server, leaves_unanswered_what_cannot_be_answered) {
    EXPECT_TRUE(guest.raw(std::vector<u8>{1, 2, 3}).empty());
    EXPECT_TRUE(guest.raw(std::vector<u8>{6, 0, 0, 0, 100, 0, 0}).empty());   // shorter than its header
    EXPECT_TRUE(guest.raw(std::vector<u8>{100, 0, 0, 0, 120, 0, 0}).empty()); // longer than it is
    EXPECT_TRUE(guest.request(Request::clunk, Fields{}.word(0), error_bytes - 1).empty());
}

TEST_F(P9Server, refuses_what_it_does_not_know) {
    EXPECT_EQ(guest.status(Request{200}, {}), EOPNOTSUPP);
    EXPECT_EQ(guest.status(Request::auth, Fields{}.word(1).text("").text("").word(0)), EOPNOTSUPP);
    EXPECT_EQ(guest.status(Request::xattrwalk, Fields{}.word(0).word(1).text("user.x")), EOPNOTSUPP);
    EXPECT_EQ(guest.status(Request::xattrcreate, Fields{}.word(0).text("user.x").quad(1).word(0)), EOPNOTSUPP);
}

TEST_F(P9Server, refuses_short_requests_before_it_does_anything) {
    EXPECT_EQ(guest.status(Request::mkdir, Fields{}.word(0).text("new").word(0755)), EINVAL);
    EXPECT_FALSE(std::filesystem::exists(folder.path("new")));
    EXPECT_EQ(guest.status(Request::mkdir, Fields{}.word(0).half(100).raw("abc")), EINVAL);
}

TEST_F(P9Server, answers_a_flush) {
    EXPECT_EQ(guest.status(Request::flush, Fields{}.half(3)), 0);
}

TEST_F(P9Server, keeps_to_the_room_for_the_reply) {
    EXPECT_EQ(guest.create_at(1, "file"), 0);
    EXPECT_EQ(guest.write(1, std::string(5000, 'x')), 5000);
    auto const reply = guest.request(Request::read, Fields{}.word(1).quad(0).word(5000), 100);
    EXPECT_EQ(reply.size(), 100);
    EXPECT_EQ(reply[4], static_cast<u8>(Request::read) + 1);
    auto const refused = guest.request(Request::getattr, Fields{}.word(1).quad(0), 40);
    EXPECT_EQ(refused.size(), error_bytes);
    EXPECT_EQ(refused[header_bytes], EMSGSIZE);
}

TEST_F(P9Server, bounds_fids_and_open_files) {
    TestClient small{{folder.path()}, {.fids = 4, .open_files = 2, .path_bytes = 10}};
    folder.write(folder.path("a"), "");
    for (u32 fid = 1; fid < 4; ++fid) EXPECT_EQ(small.walk(fid, {"a"}), 0);
    EXPECT_EQ(small.walk(4, {"a"}), ENFILE);
    EXPECT_EQ(small.open(1), 0);
    EXPECT_EQ(small.open(2), 0);
    EXPECT_EQ(small.open(3), EMFILE);
    EXPECT_EQ(small.clunk(1), 0);
    EXPECT_EQ(small.open(3), 0);
    EXPECT_EQ(small.mkdir(0, "too-long-a-path"), 0);
    EXPECT_EQ(small.walk(1, {"too-long-a-path"}), ENOMEM);
}

TEST_F(P9Server, does_not_let_renaming_exceed_the_paths_bound) {
    TestClient small{{folder.path()}, {.path_bytes = 10}};
    EXPECT_EQ(small.mkdir(0, "a"), 0);
    for (u32 fid = 1; fid < 6; ++fid) EXPECT_EQ(small.walk(fid, {"a"}), 0);
    EXPECT_EQ(small.rename(1, 0, "abc"), ENOMEM);
    EXPECT_EQ(small.rename(1, 0, "ab"), 0);
    EXPECT_EQ(small.walk(6, {}, 5), ENOMEM);
}

// ---- files

TEST_F(P9Server, writes_and_reads_a_file) {
    EXPECT_EQ(guest.create_at(1, "file", O_RDWR, 0640), 0);
    EXPECT_EQ(guest.write(1, "hello"), 5);
    EXPECT_EQ(guest.write(1, "J"), 1);
    EXPECT_EQ(guest.read(1, 1), "ello");
    EXPECT_EQ(guest.read(1, 5), "");
    EXPECT_EQ(folder.read(folder.path("file")), "Jello");
    EXPECT_EQ(guest.status(Request::fsync, Fields{}.word(1).word(0)), 0);
    EXPECT_EQ(guest.attributes(1)->mode, S_IFREG | 0640u);
}

TEST_F(P9Server, reads_a_large_file_in_messages) {
    std::string content(300'000, '\0');
    for (std::size_t n = 0; n < content.size(); ++n) content[n] = static_cast<char>(n * 7 + n / 256);
    folder.write(folder.path("large"), content);
    EXPECT_EQ(guest.walk(1, {"large"}), 0);
    EXPECT_EQ(guest.open(1), 0);
    std::string read;
    while (true) {
        auto const piece = *guest.read(1, read.size(), ~u32{});
        EXPECT_LE(piece.size(), TestClient::message - data_header_bytes);
        if (piece.empty()) break;
        read += piece;
    }
    EXPECT_EQ(read, content);
}

TEST_F(P9Server, appends) {
    folder.write(folder.path("log"), "one");
    EXPECT_EQ(guest.walk(1, {"log"}), 0);
    EXPECT_EQ(guest.open(1, O_WRONLY | O_APPEND), 0);
    EXPECT_EQ(guest.write(1, "two"), 3);
    EXPECT_EQ(folder.read(folder.path("log")), "onetwo");
}

TEST_F(P9Server, creates_exclusively_or_opens_what_is_there) {
    folder.write(folder.path("file"), "content");
    EXPECT_EQ(guest.create_at(1, "file", O_RDWR | O_EXCL), EEXIST);
    EXPECT_EQ(guest.create(1, "file"), 0);
    EXPECT_EQ(guest.read(1), "content");
    EXPECT_EQ(guest.create_at(2, "file", O_RDWR | O_TRUNC), 0);
    EXPECT_EQ(guest.read(1), "");
}

TEST_F(P9Server, refuses_reading_what_is_not_open) {
    EXPECT_EQ(guest.create_at(1, "file", O_WRONLY), 0);
    EXPECT_EQ(guest.read(1).error().value, EBADF);
    EXPECT_EQ(guest.walk(2, {"file"}), 0);
    EXPECT_EQ(guest.read(2).error().value, EBADF);
    EXPECT_EQ(guest.write(2, "x").error().value, EBADF);
    EXPECT_EQ(guest.open(TestClient::root), 0);
    EXPECT_EQ(guest.read(TestClient::root).error().value, EISDIR);
    EXPECT_EQ(guest.read(1, ~u64{}).error().value, EINVAL);
}

TEST_F(P9Server, opens_nothing_but_files_and_directories) {
    ASSERT_EQ(::mkfifo(folder.path("fifo").c_str(), 0600), 0);
    EXPECT_EQ(guest.walk(1, {"fifo"}), 0);
    EXPECT_EQ(guest.open(1, O_RDONLY), ENXIO); // and does not wait for a writer
    EXPECT_EQ(guest.open(TestClient::root, O_RDWR), EISDIR);
    EXPECT_EQ(guest.open(1, 3), EINVAL);
}

TEST_F(P9Server, keeps_an_open_file_that_has_lost_its_name) {
    EXPECT_EQ(guest.create_at(1, "file"), 0);
    EXPECT_EQ(guest.unlink(TestClient::root, "file"), 0);
    EXPECT_EQ(guest.write(1, "still here"), 10);
    EXPECT_EQ(guest.attributes(1)->size, 10);
    EXPECT_EQ(guest.attributes(1)->links, 0);
    EXPECT_EQ(guest.set(1, set_attribute::size, 0, 3), 0);
    EXPECT_EQ(guest.set(1, set_attribute::mode, 0600), 0);
    EXPECT_EQ(guest.attributes(1)->mode, S_IFREG | 0600u);
    EXPECT_EQ(guest.read(1), "sti");
}

TEST_F(P9Server, does_not_take_another_file_for_one_that_is_gone) {
    EXPECT_EQ(guest.create_at(1, "old"), 0);
    EXPECT_EQ(guest.walk(2, {"old"}), 0);
    EXPECT_EQ(guest.create_at(3, "new", O_RDWR, 0640), 0);
    EXPECT_EQ(guest.renameat(TestClient::root, "new", TestClient::root, "old"), 0);
    EXPECT_EQ(guest.set(1, set_attribute::mode, 0600), 0); // of the one that is open, and has no name
    EXPECT_EQ(guest.attributes(3)->mode, S_IFREG | 0640u);
    EXPECT_EQ(guest.attributes(2).error().value, ENOENT);
    EXPECT_EQ(guest.set(2, set_attribute::mode, 0600), ENOENT);
    EXPECT_EQ(guest.set(2, set_attribute::size), ENOENT);
    EXPECT_EQ(guest.open(2), ENOENT);
    EXPECT_EQ(guest.walk(4, {}, 2), ENOENT);
    EXPECT_EQ(guest.remove(2), ENOENT);
    EXPECT_EQ(guest.clunk(2), EBADF);
    EXPECT_EQ(guest.walk(2, {"old"}), 0);
    EXPECT_EQ(guest.attributes(2)->qid.path, guest.attributes(3)->qid.path);
    EXPECT_EQ(guest.link(TestClient::root, 2, "again"), 0);
    EXPECT_EQ(guest.renameat(TestClient::root, "again", TestClient::root, "old"), 0); // the same file: nothing happens
    EXPECT_EQ(guest.attributes(2)->links, 2);
}

TEST_F(P9Server, answers_locks) {
    EXPECT_EQ(guest.create_at(1, "file"), 0);
    auto const fields = [] { return Fields{}.word(1).byte(1); };
    auto const lock = guest.call(Request::lock, fields().word(0).quad(0).quad(10).word(1).text("guest"));
    EXPECT_EQ(*lock, std::vector<u8>{lock_granted});
    auto const found = guest.call(Request::getlock, fields().quad(0).quad(10).word(1).text("guest"));
    EXPECT_EQ(found->front(), lock_none);
    EXPECT_EQ(found->size(), 1u + 8 + 8 + 4 + 2 + 5);
}

// ---- directories

TEST_F(P9Server, lists_a_directory_in_pieces) {
    std::set<std::string> expected{".", ".."};
    for (unsigned n = 0; n < 300; ++n) {
        auto const name = "file-" + std::to_string(n) + std::string(n % 50, 'x');
        folder.write(folder.path(name), "");
        expected.insert(name);
    }
    EXPECT_EQ(guest.walk(1, {}), 0);
    EXPECT_EQ(guest.open(1, O_RDONLY | O_DIRECTORY), 0);
    std::set<std::string> found;
    for (u64 offset = 0, turns = 0; turns < 400; ++turns) {
        auto const entries = *guest.list(1, offset, 1000);
        if (entries.empty()) break;
        for (auto const& entry : entries) EXPECT_TRUE(found.insert(entry.name).second) << entry.name;
        offset = entries.back().next;
    }
    EXPECT_EQ(found, expected);
}

TEST_F(P9Server, lists_from_any_place_again) {
    for (auto const* name : {"a", "b", "c"}) folder.write(folder.path(name), "");
    EXPECT_EQ(guest.open(TestClient::root), 0);
    auto const all = *guest.list(TestClient::root);
    ASSERT_EQ(all.size(), 5);
    auto const rest = *guest.list(TestClient::root, all[2].next);
    ASSERT_EQ(rest.size(), 2);
    EXPECT_EQ(rest[0].name, all[3].name);
    EXPECT_EQ(guest.list(TestClient::root)->size(), 5);
    EXPECT_EQ(guest.list(TestClient::root, u64{1} << 63).error().value, EINVAL);
    EXPECT_EQ(guest.list(TestClient::root, 0, 8).error().value, EINVAL); // no entry fits
}

TEST_F(P9Server, gives_one_number_for_a_file_everywhere) {
    EXPECT_EQ(guest.create_at(1, "file"), 0);
    EXPECT_EQ(guest.open(TestClient::root), 0);
    auto const entries = *guest.list(TestClient::root);
    auto const entry = std::ranges::find(entries, "file", &Entry::name);
    ASSERT_NE(entry, entries.end());
    EXPECT_EQ(entry->inode, guest.attributes(1)->qid.path);
    auto const find = [&](char const* name) { return std::ranges::find(entries, name, &Entry::name)->inode; };
    EXPECT_EQ(find("."), find("..")); // what is above the folder does not show
}

TEST_F(P9Server, makes_and_removes_directories) {
    EXPECT_EQ(guest.mkdir(TestClient::root, "a", 0750), 0);
    EXPECT_EQ(guest.walk(1, {"a"}), 0);
    EXPECT_EQ(guest.attributes(1)->mode, S_IFDIR | 0750u);
    EXPECT_EQ(guest.mkdir(1, "b"), 0);
    EXPECT_EQ(guest.unlink(TestClient::root, "a", unlink_directory), ENOTEMPTY);
    EXPECT_EQ(guest.unlink(1, "b", unlink_directory), 0);
    EXPECT_EQ(guest.remove(1), 0);
    EXPECT_FALSE(std::filesystem::exists(folder.path("a")));
    EXPECT_EQ(guest.clunk(1), EBADF);
}

TEST_F(P9Server, drops_the_fid_even_if_its_file_cannot_be_removed) {
    EXPECT_EQ(guest.mkdir(TestClient::root, "a"), 0);
    EXPECT_EQ(guest.walk(1, {"a"}), 0);
    EXPECT_EQ(guest.mkdir(1, "b"), 0);
    EXPECT_EQ(guest.remove(1), ENOTEMPTY);
    EXPECT_EQ(guest.clunk(1), EBADF);
    EXPECT_EQ(guest.walk(2, {}), 0);
    EXPECT_EQ(guest.remove(2), EBUSY); // the folder itself
}

// ---- names and attributes

TEST_F(P9Server, fids_follow_a_renamed_directory) {
    EXPECT_EQ(guest.mkdir(TestClient::root, "a"), 0);
    EXPECT_EQ(guest.mkdir(TestClient::root, "ab"), 0);
    EXPECT_EQ(guest.walk(1, {"a"}), 0);
    EXPECT_EQ(guest.walk(2, {"ab"}), 0);
    EXPECT_EQ(guest.walk(3, {"a"}), 0);
    EXPECT_EQ(guest.create(3, "file"), 0);
    EXPECT_EQ(guest.walk(4, {"a", "file"}), 0);
    EXPECT_EQ(guest.rename(1, 2, "moved"), 0); // a becomes ab/moved
    EXPECT_EQ(guest.attributes(4)->qid.path, guest.attributes(3)->qid.path);
    EXPECT_EQ(guest.create(1, "other"), 0);
    EXPECT_TRUE(std::filesystem::exists(folder.path("ab/moved/other")));
    EXPECT_EQ(guest.walk(5, {}, 2), 0);
    EXPECT_EQ(guest.renameat(5, "moved", TestClient::root, "back"), 0);
    EXPECT_EQ(guest.attributes(4)->size, 0);
    EXPECT_TRUE(std::filesystem::exists(folder.path("back/file")));
    EXPECT_EQ(guest.renameat(TestClient::root, "back", 4, "x"), ENOTDIR);
    EXPECT_EQ(guest.rename(TestClient::root, 5, "x"), EBUSY);
}

TEST_F(P9Server, sets_attributes) {
    EXPECT_EQ(guest.create_at(1, "file"), 0);
    EXPECT_EQ(guest.set(1, set_attribute::mode, 0600), 0);
    EXPECT_EQ(guest.set(1, set_attribute::size, 0, 12345), 0);
    EXPECT_EQ(guest.set(1, set_attribute::mtime | set_attribute::mtime_given, 0, 0, 1'000'000'000), 0);
    auto const all = *guest.attributes(1);
    EXPECT_EQ(all.mode, S_IFREG | 0600u);
    EXPECT_EQ(all.size, 12345);
    EXPECT_EQ(all.mtime, 1'000'000'000);
    EXPECT_EQ(guest.set(1, set_attribute::mtime), 0); // now
    EXPECT_GT(guest.attributes(1)->mtime, 1'000'000'000);
    EXPECT_EQ(guest.set(1, set_attribute::ctime), 0);
    EXPECT_EQ(guest.set(1, set_attribute::size, 0, ~u64{}), EINVAL);
}

TEST_F(P9Server, makes_links) {
    EXPECT_EQ(guest.create_at(1, "file"), 0);
    EXPECT_EQ(guest.link(TestClient::root, 1, "again"), 0);
    EXPECT_EQ(guest.attributes(1)->links, 2);
    EXPECT_EQ(guest.symlink(TestClient::root, "link", "file"), 0);
    EXPECT_EQ(guest.walk(2, {"link"}), 0);
    EXPECT_EQ(guest.attributes(2)->qid.type, qid_symlink);
    EXPECT_EQ(guest.readlink(2), "file");
    EXPECT_EQ(guest.readlink(1).error().value, EINVAL);
    EXPECT_EQ(guest.symlink(TestClient::root, "empty", ""), ENOENT);
}

TEST_F(P9Server, makes_ordinary_nodes_only) {
    EXPECT_EQ(guest.mknod(TestClient::root, "file", S_IFREG | 0644), 0);
    EXPECT_EQ(guest.mknod(TestClient::root, "file", S_IFREG | 0644), EEXIST);
    for (u32 const kind : {S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK})
        EXPECT_EQ(guest.mknod(TestClient::root, "node", kind | 0600, 1, 3), EPERM);
}

TEST_F(P9Server, leaves_out_set_user_id) {
    EXPECT_EQ(guest.create_at(1, "file", O_RDWR, 04755), 0);
    EXPECT_EQ(guest.attributes(1)->mode, S_IFREG | 0755u);
    EXPECT_EQ(guest.set(1, set_attribute::mode, 06711), 0);
    EXPECT_EQ(guest.attributes(1)->mode, S_IFREG | 0711u);
}

TEST_F(P9Server, tells_of_the_file_system) {
    auto const reply = guest.call(Request::statfs, Fields{}.word(0));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->size(), 60);
}

TEST_F(P9Server, changes_nothing_that_is_read_only) {
    folder.write(folder.path("file"), "content");
    std::filesystem::create_directory(folder.path("directory"));
    TestClient reader{{folder.path(), SecurityModel::none, true}};
    EXPECT_EQ(reader.walk(1, {"file"}), 0);
    EXPECT_EQ(reader.open(1, O_RDWR), EROFS);
    EXPECT_EQ(reader.open(1, O_RDONLY | O_TRUNC), EROFS);
    EXPECT_EQ(reader.open(1, O_RDONLY), 0);
    EXPECT_EQ(reader.read(1), "content");
    EXPECT_EQ(reader.create_at(2, "new"), EROFS);
    EXPECT_EQ(reader.create(2, "file", O_RDONLY), EROFS);
    EXPECT_EQ(reader.mkdir(0, "new"), EROFS);
    EXPECT_EQ(reader.mknod(0, "new", S_IFREG | 0644), EROFS);
    EXPECT_EQ(reader.symlink(0, "new", "x"), EROFS);
    EXPECT_EQ(reader.link(0, 1, "new"), EROFS);
    EXPECT_EQ(reader.set(1, set_attribute::mode, 0777), EROFS);
    EXPECT_EQ(reader.set(1, set_attribute::size), EROFS);
    EXPECT_EQ(reader.rename(1, 0, "new"), EROFS);
    EXPECT_EQ(reader.renameat(0, "file", 0, "new"), EROFS);
    EXPECT_EQ(reader.unlink(0, "file"), EROFS);
    EXPECT_EQ(reader.unlink(0, "directory", unlink_directory), EROFS);
    EXPECT_EQ(reader.remove(1), EROFS);
    EXPECT_EQ(folder.read(folder.path("file")), "content");
    EXPECT_EQ(std::ranges::distance(std::filesystem::directory_iterator{folder.path()}), 2);
}

TEST(P9Share, names_what_cannot_be_shared) {
    auto const none = Server::open({"/does/not/exist"});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().message, "cannot share '/does/not/exist': No such file or directory");
    EXPECT_FALSE(Server::open({"/proc/version"}));
}

} // namespace
} // namespace ring3::p9
