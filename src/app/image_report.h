// What `ring3 image` says about images, in the words and the JSON of qemu-img.
#pragma once

#include "image/image.h"
#include "image/qcow2_check.h"
#include "image/qcow2_snapshots.h"

#include <optional>
#include <string>
#include <vector>

namespace ring3::app {

/// What `info` finds out about one file.
struct ImageFacts {
    std::string path;
    std::string format{};
    u64 virtual_bytes{};
    std::optional<u64> actual_bytes{}; // that the host has given to it, where that can be known
    std::string full_backing_path{};
    std::optional<image::qcow2::Header> header{};
    std::vector<image::qcow2::Snapshot> snapshots{};
};

std::string info_text(ImageFacts const& facts);
/// One object, or with the whole chain an array of them.
enum class Chained : u8 { no, yes };
std::string info_json(std::vector<ImageFacts> const& chain, Chained chained);

std::string check_text(image::qcow2::CheckResult const& result);
std::string check_json(std::string const& path, image::qcow2::CheckResult const& result);

/// One line of `map`, extents of one kind joined.
struct MapEntry {
    u64 start{};
    image::Extent extent{};
    std::string file{};
};
std::string map_json(std::vector<MapEntry> const& entries);
/// The data that lies somewhere as it is.
Result<std::string> map_text(std::vector<MapEntry> const& entries);

} // namespace ring3::app
