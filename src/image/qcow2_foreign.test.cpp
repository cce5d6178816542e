// Images that qemu-img made and takes back: internal snapshots, compressed clusters, cache modes.
#include "image/open.h"
#include "image/test_directory.h"
#include "image/test_mirror.h"

#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace ring3;
using namespace ring3::image;

namespace {

int run(std::string const& command) {
    int const status = std::system(fmt::format("{{ {}; }} >/dev/null 2>&1", command).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void operate(std::string const& path, Mirror& mirror, OpenOptions const& options, int steps) {
    auto const image = open_image(path, options).value();
    mirror.compare(*image);
    for (int n = 0; n < steps; ++n) mirror.step(*image);
}

TEST(qcow2_foreign, keeps_a_snapshot_as_it_was) {
    TestDirectory const directory;
    auto const path = directory.path("disk"), before = directory.path("before");
    // Small clusters: several L2 tables, all of them shared with the snapshot.
    ASSERT_EQ(
        run(fmt::format("qemu-img create -f qcow2 -o cluster_size=1k '{0}' 1M && qemu-io -c 'write -P 1 0 700k' "
                        "-c 'write -P 2 900k 50k' -c 'write -z 100k 20k' '{0}' && qemu-img convert '{0}' '{1}' && "
                        "qemu-img snapshot -c one '{0}'",
                        path, before)),
        0);
    Mirror mirror{1 << 20, 11};
    mirror.load(*open_image(path, {}).value());
    for (int round = 0; round < 3; ++round) operate(path, mirror, {}, 120);
    EXPECT_EQ(run(fmt::format("qemu-img check '{}'", path)), 0);
    mirror.compare(*open_image(path, {}).value());
    EXPECT_EQ(run(fmt::format("qemu-img snapshot -a one '{0}' && qemu-img compare '{0}' '{1}' && qemu-img check '{0}'",
                              path, before)),
              0);
    // And on: the active tables are the snapshot's now.
    mirror.load(*open_image(path, {}).value());
    operate(path, mirror, {}, 120);
    EXPECT_EQ(run(fmt::format("qemu-img check '{0}' && qemu-img snapshot -d one '{0}' && qemu-img check '{0}'", path)),
              0);
    mirror.compare(*open_image(path, {}).value());
}

TEST(qcow2_foreign, overwrites_compressed_clusters) {
    for (auto const* const kind : {"zlib", "zstd"}) {
        TestDirectory const directory;
        auto const path = directory.path("disk"), plain = directory.path("plain");
        ASSERT_EQ(run(fmt::format("qemu-img create -f qcow2 '{1}' 1M && qemu-io -c 'write -P 1 0 700k' '{1}' && "
                                  "qemu-img convert -c -O qcow2 -o cluster_size=4k,compression_type={2} '{1}' '{0}'",
                                  path, plain, kind)),
                  0);
        Mirror mirror{1 << 20, 12};
        mirror.load(*open_image(path, {}).value());
        for (int round = 0; round < 2; ++round) operate(path, mirror, {}, 150);
        EXPECT_EQ(run(fmt::format("qemu-img check '{}'", path)), 0);
        mirror.compare(*open_image(path, {}).value());
    }
}

TEST(qcow2_foreign, works_in_every_cache_mode) {
    TestDirectory const directory{TestDirectory::Place::disk};
    auto const path = directory.path("disk");
    ASSERT_EQ(run(fmt::format("qemu-img create -f qcow2 -o cluster_size=2k '{}' 1M", path)), 0);
    Mirror mirror{1 << 20, 13};
    for (auto const cache : {CacheMode::none, CacheMode::directsync, CacheMode::writethrough, CacheMode::unsafe}) {
        if (auto const opened = open_image(path, {.cache = cache}); !opened) continue; // this host's files cannot do it
        operate(path, mirror, {.cache = cache}, cache == CacheMode::directsync ? 20 : 60);
        EXPECT_EQ(run(fmt::format("qemu-img check '{}'", path)), 0);
    }
    mirror.compare(*open_image(path, {}).value());
}

} // namespace
