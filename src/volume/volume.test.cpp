#include "volume/volume.h"

#include "image/test_directory.h"
#include "volume/volume_image.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/wait.h>

using namespace ring3;
using namespace ring3::volume;
using image::Access;
using image::TestDirectory;

namespace {

constexpr u64 mib = u64{1} << 20;

std::string new_volume(TestDirectory const& directory, u64 bytes) {
    auto const path = directory.path("pool.vol");
    Volume::format(path, bytes, Volume::Force::no).value();
    return path;
}

std::unique_ptr<image::Image> open(std::string const& path, std::string const& name,
                                   Access access = Access::read_write) {
    return open_disk(fmt::format("volume:{}/{}", path, name), {.access = access}).value();
}

void fill(image::Image& disk, u8 value) {
    std::vector<u8> const bytes(disk.size(), value);
    ASSERT_TRUE(disk.write(0, std::span{bytes}));
}

bool is_filled(image::Image& disk, u8 value) {
    std::vector<u8> bytes(disk.size());
    return disk.read(0, std::span{bytes}) && std::ranges::all_of(bytes, [=](u8 byte) { return byte == value; });
}

TEST(volume_table, comes_back_as_it_was) {
    Table table{.generation = 7, .units = 100};
    for (auto const* const name : {"a", "b.1", "_c"}) {
        Disk disk{.id = table.next_id++, .name = name};
        ASSERT_TRUE(set_size(table, disk, 5 * mib + 512));
        table.disks.push_back(disk);
    }
    ASSERT_TRUE(set_size(table, table.disks[0], 20 * mib));
    auto const slot = encode(table).value();
    auto const back = decode(slot);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->generation, 7);
    EXPECT_EQ(back->disks.size(), 3);
    EXPECT_EQ(back->disks[0].runs, table.disks[0].runs);
    EXPECT_EQ(back->disks[0].runs.size(), 2);
    EXPECT_EQ(back->free_units(), 100 - 20 - 6 - 6);
}

TEST(volume_table, is_none_if_a_single_bit_is_wrong) {
    auto const slot = encode({.generation = 1, .units = 10}).value();
    std::mt19937 random{1};
    for (int n = 0; n < 200; ++n) {
        auto broken = slot;
        broken[n < 100 ? random() % 64 : random() % broken.size()] ^= static_cast<u8>(1u << random() % 8);
        EXPECT_FALSE(decode(broken));
    }
    EXPECT_FALSE(decode(std::span{slot}.first(1000)));
}

TEST(volume_table, is_none_if_two_disks_claim_a_unit) {
    Table table{.generation = 1, .units = 10, .next_id = 3};
    table.disks.push_back({.id = 1, .name = "a", .bytes = 2 * mib, .runs = {{0, 2}}});
    table.disks.push_back({.id = 2, .name = "b", .bytes = mib, .runs = {{1, 1}}});
    EXPECT_FALSE(decode(encode(table).value()));
    table.disks[1].runs = {{9, 1}};
    EXPECT_TRUE(decode(encode(table).value()));
    table.disks[1].runs = {{10, 1}};
    EXPECT_FALSE(decode(encode(table).value()));
}

TEST(volume, cuts_a_file_into_disks) {
    TestDirectory const directory;
    auto const path = new_volume(directory, 33 * mib);
    auto pool = Volume::open(path, {}).value();
    ASSERT_TRUE(pool.create("root", 10 * mib));
    ASSERT_TRUE(pool.create("data", 5 * mib + 1));
    EXPECT_FALSE(pool.create("root", mib));
    EXPECT_FALSE(pool.create("../x", mib));
    EXPECT_FALSE(pool.create("huge", 30 * mib));
    auto const root = open(path, "root"), data = open(path, "data");
    EXPECT_EQ(data->size(), 5 * mib + 512);
    fill(*root, 0x11);
    fill(*data, 0x22);
    EXPECT_TRUE(is_filled(*root, 0x11));
    EXPECT_TRUE(is_filled(*data, 0x22));
}

TEST(volume, keeps_disks_in_use_where_they_are) {
    TestDirectory const directory;
    auto const path = new_volume(directory, 33 * mib);
    auto pool = Volume::open(path, {}).value();
    ASSERT_TRUE(pool.create("root", 10 * mib));
    {
        auto const root = open(path, "root");
        EXPECT_FALSE(pool.remove("root"));
        EXPECT_FALSE(pool.resize("root", 12 * mib));
        EXPECT_FALSE(open_disk(fmt::format("volume:{}/root", path), {.access = Access::read_only}));
        EXPECT_TRUE(pool.create("other", mib));
        // Whoever has it may resize it.
        EXPECT_TRUE(root->resize(12 * mib));
        EXPECT_EQ(root->size(), 12 * mib);
        fill(*root, 0x33);
    }
    auto const reader = open(path, "root", Access::read_only), another = open(path, "root", Access::read_only);
    EXPECT_TRUE(is_filled(*reader, 0x33));
    EXPECT_FALSE(pool.remove("root"));
}

TEST(volume, shows_no_disk_what_another_one_left) {
    TestDirectory const directory;
    auto const path = new_volume(directory, 9 * mib);
    auto pool = Volume::open(path, {}).value();
    ASSERT_TRUE(pool.create("old", 8 * mib));
    fill(*open(path, "old"), 0x77);
    ASSERT_TRUE(pool.resize("old", 2 * mib + 512));
    ASSERT_TRUE(pool.create("new", 5 * mib));
    EXPECT_TRUE(is_filled(*open(path, "new"), 0));
    ASSERT_TRUE(pool.resize("old", 3 * mib));
    std::vector<u8> rest(mib - 512);
    ASSERT_TRUE(open(path, "old")->read(2 * mib + 512, std::span{rest}));
    EXPECT_TRUE(std::ranges::all_of(rest, [](u8 byte) { return byte == 0; }));
    ASSERT_TRUE(pool.remove("old"));
    ASSERT_TRUE(pool.create("newer", 3 * mib));
    EXPECT_TRUE(is_filled(*open(path, "newer"), 0));
}

TEST(volume, throws_a_snapshots_writes_away) {
    TestDirectory const directory;
    auto const path = new_volume(directory, 9 * mib);
    ASSERT_TRUE(Volume::open(path, {}).value().create("root", mib));
    {
        auto const disk = open_disk(fmt::format("volume:{}/root", path), {.is_snapshot = true}).value();
        fill(*disk, 1);
        EXPECT_TRUE(is_filled(*disk, 1));
    }
    EXPECT_TRUE(is_filled(*open(path, "root"), 0));
}

TEST(volume, excludes_raw_writers) {
    TestDirectory const directory;
    auto const path = new_volume(directory, 9 * mib);
    auto const pool = Volume::open(path, {}).value();
    EXPECT_FALSE(image::open_image(path, {.format = image::Format::raw}));
}

TEST(volume, is_not_made_of_what_holds_data) {
    TestDirectory const directory;
    auto const path = directory.write_file("disk", std::string(9 << 20, 'x'));
    EXPECT_FALSE(Volume::format(path, {}, Volume::Force::no));
    EXPECT_FALSE(Volume::open(path, {}));
    EXPECT_TRUE(Volume::format(path, {}, Volume::Force::yes));
    EXPECT_TRUE(Volume::open(path, {}));
    EXPECT_FALSE(Volume::format(directory.path("none"), {}, Volume::Force::no));
}

/// Creates, resizes and removes disks, and fills each with its own number, until it is killed.
[[noreturn]] void work_for_ever(std::string const& path, unsigned seed, u8 number) {
    std::mt19937 random{seed};
    for (;;) {
        auto pool = Volume::open(path, {});
        if (!pool) ::_exit(2);
        auto const name = fmt::format("w{}-{}", number, random() % 4);
        switch (random() % 4) {
        case 0: static_cast<void>(pool->create(name, (random() % 6 + 1) * mib)); break;
        case 1: static_cast<void>(pool->resize(name, (random() % 6 + 1) * mib)); break;
        case 2: static_cast<void>(pool->remove(name)); break;
        default: {
            auto const disk = open_disk(fmt::format("volume:{}/{}", path, name), {});
            if (!disk) break;
            std::vector<u8> const bytes((*disk)->size(), number);
            if (!(*disk)->write(0, std::span{bytes}) || !(*disk)->flush()) ::_exit(3);
        }
        }
    }
}

/// After a kill: the table is whole, and every disk holds zeroes and its own worker's number only.
void judge(std::string const& path) {
    auto pool = Volume::open(path, {});
    ASSERT_TRUE(pool) << pool.error().message;
    auto const table = pool->table().value();
    for (auto const& disk : table.disks) {
        auto const own = disk.name == "still" ? u8{0x99} : static_cast<u8>(disk.name[1] - '0');
        auto const image = open_disk(fmt::format("volume:{}/{}", path, disk.name), {.access = Access::read_only});
        ASSERT_TRUE(image) << image.error().message;
        std::vector<u8> bytes((*image)->size());
        ASSERT_TRUE((*image)->read(0, std::span{bytes}));
        bool const is_own = std::ranges::all_of(bytes, [&](u8 b) { return b == own || (b == 0 && own != 0x99); });
        ASSERT_TRUE(is_own) << disk.name;
    }
    ASSERT_NE(std::ranges::find(table.disks, "still", &Disk::name), table.disks.end());
}

TEST(volume, survives_kills_of_processes_that_change_it) {
    TestDirectory const directory;
    auto const path = new_volume(directory, 65 * mib);
    ASSERT_TRUE(Volume::open(path, {}).value().create("still", 3 * mib));
    fill(*open(path, "still"), 0x99);
    char const* const text = std::getenv("RING3_KILLS");
    int const kills = text ? std::atoi(text) : 10;
    std::random_device chance;
    u64 const before = Volume::open(path, {}).value().table()->generation;
    for (int n = 0; n < kills; ++n) {
        pid_t workers[2];
        for (u8 number = 1; number <= 2; ++number) {
            unsigned const seed = chance();
            pid_t const worker = ::fork();
            if (worker == 0) work_for_ever(path, seed, number);
            workers[number - 1] = worker;
        }
        ::usleep(10'000 + chance() % 100'000);
        for (pid_t const worker : workers) ::kill(worker, SIGKILL);
        for (pid_t const worker : workers) {
            int status = 0;
            ASSERT_EQ(::waitpid(worker, &status, 0), worker);
            ASSERT_TRUE(WIFSIGNALED(status)) << status;
        }
        judge(path);
        if (testing::Test::HasFatalFailure()) return;
    }
    EXPECT_GT(Volume::open(path, {}).value().table()->generation, before + static_cast<u64>(kills));
}

} // namespace
