// A directory for a test's files, gone with the test.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <unistd.h>

namespace ring3::image {

class TestDirectory {
public:
    /// In memory where the host has such a file system: a sync costs nothing there. O_DIRECT may want a disk.
    enum class Place { memory, disk };
    explicit TestDirectory(Place place = Place::memory) {
        bool const has_memory = ::access("/dev/shm", W_OK) == 0;
        auto const parent = place == Place::memory && has_memory ? "/dev/shm" : std::filesystem::temp_directory_path();
        auto name = (parent / "ring3-test-XXXXXX").string();
        if (::mkdtemp(name.data())) path_ = name;
    }
    ~TestDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TestDirectory(TestDirectory const&) = delete;
    TestDirectory& operator=(TestDirectory const&) = delete;

    std::string path(std::string_view name) const { return path_ + "/" + std::string{name}; }
    std::string write_file(std::string_view name, std::string_view contents) const {
        std::ofstream{path(name), std::ios::binary} << contents;
        return path(name);
    }
    std::string read_file(std::string_view name) const {
        std::ifstream file{path(name), std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

private:
    std::string path_;
};

} // namespace ring3::image
