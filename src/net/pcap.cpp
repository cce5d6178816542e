#include "net/pcap.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace ring3::net {

namespace {
constexpr u32 magic = 0xa1b2c3d4, link_ethernet = 1;
constexpr u16 version_major = 2, version_minor = 4;
constexpr u64 microseconds_per_second = 1'000'000;
constexpr std::size_t batch = 64 << 10;
} // namespace

Result<PcapWriter> PcapWriter::create(std::string const& path, u32 longest) {
    host::FileDescriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (!file.is_open()) return host::fail_errno(ExitStatus::io, fmt::format("cannot open '{}' for writing", path));
    PcapWriter writer{std::move(file), longest};
    writer.put32(magic);
    writer.put16(version_major);
    writer.put16(version_minor);
    writer.put32(0); // time zone
    writer.put32(0); // accuracy
    writer.put32(longest);
    writer.put32(link_ethernet);
    if (!writer.flush()) return host::fail_errno(ExitStatus::io, fmt::format("cannot write '{}'", path));
    return writer;
}

void PcapWriter::put32(u32 value) {
    std::size_t const at = pending_.size();
    pending_.resize(at + sizeof value);
    std::memcpy(pending_.data() + at, &value, sizeof value);
}

void PcapWriter::put16(u16 value) {
    std::size_t const at = pending_.size();
    pending_.resize(at + sizeof value);
    std::memcpy(pending_.data() + at, &value, sizeof value);
}

bool PcapWriter::write(std::span<u8 const> frame, u64 microseconds) {
    if (!file_.is_open()) return true;
    auto const kept = frame.first(std::min<std::size_t>(frame.size(), longest_));
    put32(static_cast<u32>(microseconds / microseconds_per_second));
    put32(static_cast<u32>(microseconds % microseconds_per_second));
    put32(static_cast<u32>(kept.size()));
    put32(static_cast<u32>(frame.size()));
    pending_.insert(pending_.end(), kept.begin(), kept.end());
    return pending_.size() < batch || flush();
}

bool PcapWriter::flush() {
    std::size_t done = 0;
    while (file_.is_open() && done < pending_.size()) {
        auto const count = ::write(file_.number(), pending_.data() + done, pending_.size() - done);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            int const error = count == 0 ? ENOSPC : errno;
            file_.close();
            pending_.clear();
            errno = error;
            return false;
        }
        done += static_cast<std::size_t>(count);
    }
    pending_.clear();
    return true;
}

} // namespace ring3::net
