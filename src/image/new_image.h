// New images with the options of `qemu-img create -o`.
#pragma once

#include "image/open.h"

#include <string>
#include <utility>
#include <vector>

namespace ring3::image {

struct NewImageRequest {
    std::string path;
    Format format{Format::raw};
    std::optional<u64> size{};                                  // the backing file's if it is not said
    std::vector<std::pair<std::string, std::string>> options{}; // "cluster_size" = "64k" ...
    bool checks_backing{true};                                  // open the backing file to see that it can be used
};

/// Creates the file and gives the disk's size. Options that the format does not know are an error that names them.
Result<u64> create_image(NewImageRequest const& request);

/// "512", "64k", "1.5G": bytes, as qemu-img reads them.
std::optional<u64> parse_size(std::string_view text);

} // namespace ring3::image
