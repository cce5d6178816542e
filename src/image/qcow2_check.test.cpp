#include "image/qcow2_check.h"

#include "image/big_endian.h"
#include "image/file_storage.h"
#include "image/open.h"
#include "image/test_directory.h"

#include <array>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace ring3;
using namespace ring3::image;
using namespace ring3::image::qcow2;

namespace {

int run(std::string const& command) {
    int const status = std::system(fmt::format("{{ {}; }} >/dev/null 2>&1", command).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// An image by qemu-img with data, a snapshot, a bitmap and compressed clusters.
std::string foreign_image(TestDirectory const& directory) {
    auto const path = directory.path("disk");
    EXPECT_EQ(run(fmt::format("qemu-img create -f qcow2 '{0}' 8M && qemu-io -c 'write -P 1 0 1M' -c 'write -z 2M 128k' "
                              "-c 'write -c -P 2 4M 64k' '{0}' && qemu-img snapshot -c one '{0}' && "
                              "qemu-io -c 'write -P 3 512k 128k' '{0}' && qemu-img bitmap --add '{0}' changes",
                              path)),
              0);
    return path;
}

CheckResult check_file(std::string const& path, Repair repair) {
    auto storage = FileStorage::open(path, {}).value();
    auto header = read_header(*storage).value();
    return check(*storage, header, repair, {}).value();
}

void poke(std::string const& path, u64 offset, std::span<u8 const> bytes) {
    ASSERT_TRUE(FileStorage::open(path, {}).value()->write(offset, bytes));
}

void poke_be(std::string const& path, u64 offset, u64 value) {
    std::array<u8, 8> bytes{};
    store_be(bytes, 0, value);
    poke(path, offset, bytes);
}

TEST(qcow2_check, finds_nothing_wrong_with_an_image_of_another_program) {
    TestDirectory const directory;
    auto const result = check_file(foreign_image(directory), Repair::nothing);
    EXPECT_EQ(result.corruptions, 0);
    EXPECT_EQ(result.leaks, 0);
    EXPECT_EQ(result.total_clusters, 128);
    EXPECT_EQ(result.compressed_clusters, 1);
}

TEST(qcow2_check, repairs_counts_so_that_another_program_agrees) {
    TestDirectory const directory;
    auto const path = foreign_image(directory);
    // The refcount block is the third cluster: one count too low, two leaks far behind.
    poke(path, 2 * 65536 + 2 * 5, std::array<u8, 2>{0, 0});
    poke(path, 2 * 65536 + 2 * 8, std::array<u8, 2>{0, 7});
    EXPECT_EQ(check_file(path, Repair::nothing).corruptions, 1);
    EXPECT_EQ(check_file(path, Repair::nothing).leaks, 1);
    EXPECT_EQ(check_file(path, Repair::leaks).leaks_fixed, 1);
    EXPECT_EQ(run(fmt::format("qemu-img check '{}'", path)), 2);
    EXPECT_EQ(check_file(path, Repair::all).corruptions_fixed, 1);
    EXPECT_EQ(check_file(path, Repair::all).corruptions_fixed, 0);
    EXPECT_EQ(run(fmt::format("qemu-img check '{}'", path)), 0);
}

TEST(qcow2_check, builds_a_refcount_structure_from_nothing) {
    TestDirectory const directory;
    auto const path = foreign_image(directory);
    poke_be(path, 65536, 0); // the table names no block
    auto const result = check_file(path, Repair::all);
    EXPECT_GT(result.corruptions_fixed, 10);
    EXPECT_EQ(
        run(fmt::format("qemu-img check '{0}' && qemu-io -c 'read -P 1 0 512k' -c 'read -P 3 512k 128k' '{0}'", path)),
        0);
}

TEST(qcow2_check, mends_an_image_that_was_not_closed) {
    TestDirectory const directory;
    auto const path = foreign_image(directory);
    poke(path, 2 * 65536 + 2 * 5, std::array<u8, 2>{0, 0});
    poke_be(path, at::incompatible, 1); // dirty
    EXPECT_TRUE(open_image(path, {.access = Access::read_only}));
    EXPECT_EQ(run(fmt::format("qemu-img check '{}'", path)), 2);
    EXPECT_TRUE(open_image(path, {}));
    EXPECT_EQ(run(fmt::format("qemu-img check '{}'", path)), 0);
    EXPECT_EQ(read_header(*FileStorage::open(path, {}).value()).value().incompatible.raw, 0);
}

TEST(qcow2_check, writes_no_more_to_what_is_marked_as_corrupt) {
    TestDirectory const directory;
    auto const path = foreign_image(directory);
    poke_be(path, at::incompatible, 2);
    EXPECT_FALSE(open_image(path, {}));
    EXPECT_TRUE(open_image(path, {.access = Access::read_only}));
}

TEST(qcow2_check, marks_an_image_whose_tables_name_a_table_as_data) {
    TestDirectory const directory;
    auto const path = foreign_image(directory);
    auto header = read_header(*FileStorage::open(path, {}).value()).value();
    std::array<u8, 8> l1{};
    ASSERT_TRUE(FileStorage::open(path, {}).value()->read(header.l1_offset, std::span{l1}));
    u64 const l2 = L1Entry{{load_be<u64>(l1, 0)}}.offset();
    poke_be(path, l2, L2Entry::own(header.l1_offset).raw);
    poke_be(path, header.l1_offset, L1Entry::own(l2).raw);
    {
        auto const image = open_image(path, {}).value();
        std::vector<u8> const data(512, 1);
        EXPECT_EQ(image->write(0, std::span{data}).error().fault, Fault::bad_image);
        EXPECT_EQ(image->write(1 << 20, std::span{data}).error().fault, Fault::bad_image);
    }
    EXPECT_EQ(read_header(*FileStorage::open(path, {}).value()).value().incompatible.raw, 2);
}

} // namespace
