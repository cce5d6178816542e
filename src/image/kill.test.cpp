// A process that writes to an image is killed at a random moment: qemu-img must find nothing worse than leaks, and every
// write that was flushed must be there. RING3_KILLS says how often (default 10; scripts/run-soak: 200).
#include "image/file_storage.h"
#include "image/open.h"
#include "image/qcow2_create.h"
#include "image/test_directory.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/wait.h>
#include <unistd.h>

using namespace ring3;
using namespace ring3::image;

namespace {

constexpr u64 block_bytes = 4096, blocks = 4096;
constexpr u64 disk_bytes = block_bytes * blocks;

/// The n-th thing that a writer does; it and its judge make the same of the same seed.
struct Step {
    enum class Kind : u8 { write, zero, flush } kind{};
    u64 block{}, count{};
};
class Steps {
public:
    explicit Steps(u64 seed) : random_{seed} {}
    Step next() {
        u64 const dice = random_() % 16;
        u64 const count = dice == 1 ? 64 : random_() % 12 + 1;
        // Half of the disk is written often, so that clusters are overwritten, freed and taken again.
        u64 const area = random_() % 2 == 0 ? blocks : blocks / 16;
        auto const kind = dice == 0 ? Step::Kind::flush : (dice < 4 ? Step::Kind::zero : Step::Kind::write);
        return {kind, random_() % (area - 64), count};
    }

private:
    std::mt19937_64 random_;
};

/// The contents of a block as the step of that number leaves it: the number, over and over. Zeroes are 0.
u64 mark_of(u64 base, u64 number, Step const& step) {
    return step.kind == Step::Kind::zero ? 0 : base + number;
}

/// Writes until it is killed, and says how many steps were done whenever they are safe.
[[noreturn]] void write_for_ever(std::string const& path, u64 seed, u64 base, int reports) {
    auto const image = open_image(path, {.format = Format::qcow2});
    if (!image) ::_exit(2);
    Steps steps{seed};
    std::vector<u64> words;
    for (u64 number = 1;; ++number) {
        auto const step = steps.next();
        IoResult<void> result;
        switch (step.kind) {
        case Step::Kind::flush:
            result = (*image)->flush();
            if (result && ::write(reports, &number, sizeof number) != sizeof number) ::_exit(3);
            break;
        case Step::Kind::zero:
            result = (*image)->write_zeroes(step.block * block_bytes, step.count * block_bytes);
            break;
        case Step::Kind::write: {
            words.assign(step.count * block_bytes / 8, mark_of(base, number, step));
            iovec const segment{words.data(), words.size() * 8};
            result = (*image)->write(step.block * block_bytes, Segments{&segment, 1});
        }
        }
        if (!result) ::_exit(4);
    }
}

class Killing {
public:
    explicit Killing(std::string path) : path_{std::move(path)}, marks_(blocks) {}

    void kill_once(u64 seed, unsigned milliseconds) {
        std::array<int, 2> ends{};
        ASSERT_EQ(::pipe(ends.data()), 0);
        pid_t const writer = ::fork();
        ASSERT_GE(writer, 0);
        if (writer == 0) {
            ::close(ends[0]);
            write_for_ever(path_, seed, base_, ends[1]);
        }
        ::close(ends[1]);
        ::usleep(milliseconds * 1000);
        ::kill(writer, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(writer, &status, 0), writer);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << status;
        u64 safe = 0, number = 0;
        while (::read(ends[0], &number, sizeof number) == sizeof number) safe = number;
        ::close(ends[0]);
        safe_steps_ += safe;
        judge(seed, safe);
    }
    u64 safe_steps() const { return safe_steps_; }

private:
    /// What each block may hold: the last safe step's mark, or that of any step behind it.
    void judge(u64 seed, u64 safe) {
        int const status = std::system(fmt::format("qemu-img check -q '{}' >/dev/null 2>&1", path_).c_str());
        ASSERT_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3) << "qemu-img check: " << WEXITSTATUS(status);
        auto const image = open_image(path_, {.access = Access::read_only}).value();
        std::vector<u64> found(disk_bytes / 8);
        iovec const segment{found.data(), disk_bytes};
        ASSERT_TRUE(image->read(0, Segments{&segment, 1}));
        std::vector<std::vector<u64>> allowed(blocks);
        for (u64 block = 0; block < blocks; ++block) allowed[block] = {marks_[block]};
        Steps steps{seed};
        // The writer was not that much further than its last report.
        for (u64 number = 1; number <= safe + 2000; ++number) {
            auto const step = steps.next();
            if (step.kind == Step::Kind::flush) continue;
            for (u64 block = step.block; block < step.block + step.count; ++block) {
                if (number <= safe) allowed[block].clear();
                allowed[block].push_back(mark_of(base_, number, step));
            }
        }
        for (u64 block = 0; block < blocks; ++block) {
            auto const words = std::span{found}.subspan(block * block_bytes / 8, block_bytes / 8);
            for (u64 const word : words) {
                ASSERT_NE(std::ranges::find(allowed[block], word), allowed[block].end())
                    << "block " << block << " holds " << word << ", safe were " << safe;
            }
            marks_[block] = words.front();
            // A kill in the middle of a block leaves two marks: the next judgement must not trip over them.
            mixed_ = mixed_ || std::ranges::any_of(words, [&](u64 word) { return word != words.front(); });
        }
        base_ += 1'000'000'000;
    }

public:
    bool is_mixed() const { return mixed_; }

private:
    std::string path_;
    std::vector<u64> marks_;
    u64 base_{1'000'000'000};
    u64 safe_steps_{};
    bool mixed_{};
};

unsigned wanted_kills() {
    char const* const text = std::getenv("RING3_KILLS");
    return text ? static_cast<unsigned>(std::max(1, std::atoi(text))) : 10;
}

std::string new_disk(TestDirectory const& directory, unsigned round) {
    qcow2::NewImage wanted{.size = disk_bytes};
    constexpr u64 clusters[] = {65536, 512, 4096, 1024};
    constexpr u64 widths[] = {16, 64, 1, 16};
    wanted.cluster_bytes = clusters[round % 4];
    wanted.refcount_bits = widths[round % 4];
    wanted.version = round % 8 == 6 ? 2 : 3;
    if (wanted.version == 2) wanted.refcount_bits = 16;
    auto const path = directory.path(fmt::format("disk{}", round));
    auto storage = FileStorage::create(path, {}).value();
    qcow2::create(*storage, wanted).value();
    return path;
}

TEST(kill, leaves_a_sound_image_with_every_flushed_write) {
    TestDirectory const directory;
    std::random_device chance;
    u64 safe_steps = 0;
    unsigned const kills = wanted_kills();
    for (unsigned done = 0, round = 0; done < kills; ++round) {
        Killing killing{new_disk(directory, round)};
        // Again and again on the same image, leaks and all, as long as blocks are whole.
        for (unsigned n = 0; n < 4 && done < kills && !killing.is_mixed(); ++n, ++done) {
            u64 const seed = chance();
            unsigned const milliseconds = 5 + chance() % 120;
            SCOPED_TRACE(fmt::format("kill {} on image {}, seed {}", done, round, seed));
            killing.kill_once(seed, milliseconds);
            if (testing::Test::HasFatalFailure()) return;
        }
        safe_steps += killing.safe_steps();
    }
    EXPECT_GT(safe_steps, kills);
}

} // namespace
