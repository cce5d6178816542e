#include "image/qcow2_image.h"

#include "image/file_storage.h"
#include "image/qcow2_create.h"
#include "image/test_directory.h"
#include "image/test_mirror.h"
#include "image/test_storage.h"

#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace ring3;
using namespace ring3::image;

namespace {

/// qemu-img's own judgement of an image: 0 sound, 3 leaks only, 2 corrupt.
int qemu_check(std::string const& path) {
    int const status = std::system(fmt::format("qemu-img check -q -f qcow2 '{}' >/dev/null 2>&1", path).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string new_image(TestDirectory const& directory, std::string_view name, qcow2::NewImage const& wanted) {
    auto const path = directory.path(name);
    auto storage = FileStorage::create(path, {}).value();
    qcow2::create(*storage, wanted).value();
    return path;
}

struct Shape {
    u32 version;
    u64 cluster_bytes;
    u64 refcount_bits;
};

class Qcow2Shapes : public testing::TestWithParam<Shape> {};

TEST_P(Qcow2Shapes, keeps_what_random_operations_leave) {
    auto const [version, cluster_bytes, refcount_bits] = GetParam();
    TestDirectory const directory;
    u64 const size = 3 * 1000 * 1024;
    auto const path =
        new_image(directory, "disk",
                  {.size = size, .version = version, .cluster_bytes = cluster_bytes, .refcount_bits = refcount_bits});
    EXPECT_EQ(qemu_check(path), 0);
    Mirror mirror{size, static_cast<unsigned>(cluster_bytes + refcount_bits)};
    for (int round = 0; round < 4; ++round) {
        auto const image = open_image(path, {.format = Format::qcow2}).value();
        mirror.compare(*image);
        for (int n = 0; n < 150; ++n) mirror.step(*image);
        if (HasFatalFailure()) return;
    }
    EXPECT_EQ(qemu_check(path), 0);
    auto const image = open_image(path, {.access = Access::read_only}).value();
    mirror.compare(*image);
}

INSTANTIATE_TEST_SUITE_P(all, Qcow2Shapes,
                         testing::Values(Shape{3, 65536, 16}, Shape{3, 512, 16}, Shape{2, 65536, 16},
                                         Shape{2, 4096, 16}, Shape{3, 512, 64}, Shape{3, 1024, 1}, Shape{3, 4096, 2},
                                         Shape{3, 8192, 4}, Shape{3, 16384, 8}, Shape{3, 32768, 32},
                                         Shape{3, 2 << 20, 16}),
                         [](auto const& given) {
                             return fmt::format("v{}_{}_{}", given.param.version, given.param.cluster_bytes,
                                                given.param.refcount_bits);
                         });

TEST(qcow2_image, stands_on_a_backing_file) {
    for (u32 const version : {2u, 3u}) {
        TestDirectory const directory;
        std::string below(777 * 512, 'b');
        directory.write_file("below", below);
        u64 const size = 1500 * 512;
        auto const path = new_image(directory, "disk",
                                    {.size = size,
                                     .version = version,
                                     .cluster_bytes = 4096,
                                     .backing_file = "below",
                                     .backing_format = "raw"});
        Mirror mirror{size, version};
        for (int round = 0; round < 3; ++round) {
            auto const image = open_image(path, {}).value();
            if (round == 0) mirror.load(*image);
            mirror.compare(*image);
            for (int n = 0; n < 100; ++n) mirror.step(*image);
            if (HasFatalFailure()) return;
        }
        EXPECT_EQ(qemu_check(path), 0);
        EXPECT_EQ(directory.read_file("below"), below);
    }
}

TEST(qcow2_image, is_consistent_after_a_kill_or_a_power_failure_at_any_write) {
    TestDirectory const directory;
    std::mt19937 random{7};
    for (unsigned const seed : {1u, 2u, 3u}) {
        StorageLog log;
        {
            auto storage = std::make_unique<MemoryStorage>(std::vector<u8>{}, &log);
            ASSERT_TRUE(qcow2::create(*storage, {.size = 1 << 20, .cluster_bytes = 512, .refcount_bits = 64}));
            auto header = qcow2::read_header(*storage).value();
            auto const image = Qcow2Image::open(std::move(storage), {}, std::move(header), nullptr).value();
            Mirror mirror{1 << 20, seed};
            for (int n = 0; n < 150; ++n) mirror.step(*image);
        }
        for (int cut = 0; cut < 25; ++cut) {
            std::size_t const count = 10 + random() % (log.events.size() - 10);
            auto const file = cut % 2 == 0 ? log.after_kill(count) : log.after_power_failure(count, random);
            auto const path = directory.write_file("disk", std::string{file.begin(), file.end()});
            int const judgement = qemu_check(path);
            ASSERT_TRUE(judgement == 0 || judgement == 3) << "cut " << cut << " behind " << count << ": " << judgement;
        }
    }
}

TEST(qcow2_image, loses_nothing_when_the_host_is_full_for_a_while) {
    TestDirectory const directory;
    auto owned = std::make_unique<MemoryStorage>();
    auto& storage = *owned;
    ASSERT_TRUE(qcow2::create(storage, {.size = 1 << 20, .cluster_bytes = 1024}));
    auto header = qcow2::read_header(storage).value();
    auto const image = Qcow2Image::open(std::move(owned), {}, std::move(header), nullptr).value();
    std::mt19937 random{3};
    std::vector<u8> expected(1 << 20);
    for (int n = 0; n < 400; ++n) {
        storage.fail_one_in(n % 4 == 0 ? 3 : 0);
        std::vector<u8> const data(random() % 20000 + 1, static_cast<u8>(random() | 1));
        u64 const offset = random() % (expected.size() - data.size());
        while (!image->write(offset, std::span{data})) storage.fail_one_in(n % 3 == 0 ? 2 : 0);
        std::ranges::copy(data, expected.begin() + static_cast<std::ptrdiff_t>(offset));
        if (n % 16 == 0) {
            while (!image->flush()) storage.fail_one_in(0);
        }
    }
    storage.fail_one_in(0);
    ASSERT_TRUE(image->flush());
    std::vector<u8> all(expected.size());
    ASSERT_TRUE(image->read(0, std::span{all}));
    EXPECT_TRUE(all == expected);
    auto const& file = storage.contents();
    EXPECT_EQ(qemu_check(directory.write_file("disk", std::string{file.begin(), file.end()})), 0);
}

TEST(qcow2_image, grows_and_shrinks) {
    TestDirectory const directory;
    auto const path = new_image(directory, "disk", {.size = 1 << 20, .cluster_bytes = 512});
    {
        auto const image = open_image(path, {}).value();
        std::vector<u8> const data(4096, 'd');
        ASSERT_TRUE(image->write((1 << 20) - 4096, std::span{data}));
        ASSERT_TRUE(image->resize((1 << 20) - 2048 - 100));
        EXPECT_EQ(image->size(), (1 << 20) - 2048);
        ASSERT_TRUE(image->resize(u64{1} << 32));
        std::vector<u8> back(8192);
        ASSERT_TRUE(image->read((1 << 20) - 4096, std::span{back}));
        EXPECT_EQ(back[2047], 'd');
        EXPECT_TRUE(std::all_of(back.begin() + 2048, back.end(), [](u8 byte) { return byte == 0; }));
        ASSERT_TRUE(image->write((u64{1} << 32) - 4096, std::span{data}));
    }
    EXPECT_EQ(qemu_check(path), 0);
    EXPECT_EQ(open_image(path, {}).value()->size(), u64{1} << 32);
}

TEST(qcow2_image, throws_a_snapshots_writes_away) {
    TestDirectory const directory;
    auto const path = directory.write_file("disk", std::string(100000, 'x'));
    {
        auto const image = open_image(path, {.format = Format::raw, .is_snapshot = true}).value();
        Mirror mirror{image->size(), 5};
        mirror.load(*image);
        for (int n = 0; n < 50; ++n) mirror.step(*image);
        mirror.compare(*image);
        EXPECT_TRUE(open_image(path, {.format = Format::raw, .is_snapshot = true}));
    }
    EXPECT_EQ(directory.read_file("disk"), std::string(100000, 'x'));
}

} // namespace
