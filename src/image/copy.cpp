#include "image/copy.h"

#include "image/qcow2_image.h"

#include <algorithm>
#include <cstring>

namespace ring3::image {

namespace {

constexpr u64 buffer_bytes = u64{2} << 20;

bool is_zero(std::span<u8 const> bytes) {
    // The first byte, and each the same as the one before.
    return bytes.empty() || (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

class Copy {
public:
    Copy(Image& from, Image& to, CopyOptions const& options)
        : from_{from}, to_{to}, options_{options}, buffer_(buffer_bytes) {}

    IoResult<void> run() {
        if (options_.is_compressed) {
            packer_ = dynamic_cast<Qcow2Image*>(&to_);
            if (!packer_) return io_failure(Fault::not_supported, to_.name() + ": only qcow2 can be compressed");
        }
        u64 const end = from_.size();
        for (u64 offset = 0; offset < end;) {
            if (options_.progress) options_.progress(offset, end);
            offset += TRY(packer_ ? copy_packed(offset) : copy_extent(offset));
        }
        if (options_.ground == Ground::unknown && to_.size() > end) {
            TRY_VOID(to_.write_zeroes(end, to_.size() - end));
        }
        TRY_VOID(to_.flush());
        if (options_.progress) options_.progress(end, end);
        return {};
    }

private:
    std::span<u8> buffer(u64 bytes) { return std::span{buffer_}.first(bytes); }

    /// The next piece of one kind; gives its length.
    IoResult<u64> copy_extent(u64 offset) {
        auto const extent = TRY(from_.extent_at(offset, from_.size() - offset));
        if (options_.ground == Ground::backing && extent.depth > 0) return extent.bytes;
        if (extent.is_zero && options_.sparse_bytes != 0) {
            if (options_.ground != Ground::zeroes) TRY_VOID(to_.write_zeroes(offset, extent.bytes));
            return extent.bytes;
        }
        u64 const bytes = std::min(extent.bytes, buffer_bytes);
        TRY_VOID(from_.read(offset, buffer(bytes)));
        TRY_VOID(write_sparsely(offset, buffer(bytes)));
        return bytes;
    }

    IoResult<void> write_sparsely(u64 offset, std::span<u8 const> bytes) {
        u64 const unit = options_.sparse_bytes;
        if (unit == 0) return to_.write(offset, bytes);
        for (u64 start = 0; start < bytes.size();) {
            // Units are counted from the disk's beginning, so that holes fall on its blocks.
            auto const unit_end = [&](u64 from) {
                return std::min<u64>(from + unit - (offset + from) % unit, bytes.size());
            };
            bool const is_hole = is_zero(bytes.subspan(start, unit_end(start) - start));
            u64 end = unit_end(start);
            while (end < bytes.size() && is_zero(bytes.subspan(end, unit_end(end) - end)) == is_hole)
                end = unit_end(end);
            if (!is_hole) TRY_VOID(to_.write(offset + start, bytes.subspan(start, end - start)));
            if (is_hole && options_.ground != Ground::zeroes) TRY_VOID(to_.write_zeroes(offset + start, end - start));
            start = end;
        }
        return {};
    }

    /// One cluster of the target.
    IoResult<u64> copy_packed(u64 offset) {
        u64 const cluster = packer_->header().geometry.cluster();
        u64 const bytes = std::min(cluster, from_.size() - offset);
        auto const extent = TRY(from_.extent_at(offset, from_.size() - offset));
        bool const is_backed = options_.ground == Ground::backing && extent.depth > 0;
        if (extent.bytes >= bytes && (is_backed || (extent.is_zero && options_.ground == Ground::zeroes))) {
            return extent.bytes == from_.size() - offset ? extent.bytes : extent.bytes / cluster * cluster;
        }
        auto const data = buffer(cluster);
        std::ranges::fill(data.subspan(bytes), u8{0});
        TRY_VOID(from_.read(offset, data.first(bytes)));
        if (!is_zero(data)) {
            TRY_VOID(packer_->write_compressed(offset, data));
        } else if (options_.ground != Ground::zeroes) {
            TRY_VOID(to_.write_zeroes(offset, bytes));
        }
        return bytes;
    }

    Image& from_;
    Image& to_;
    CopyOptions const& options_;
    Qcow2Image* packer_{};
    std::vector<u8> buffer_;
};

/// Where two buffers of one length begin to differ.
u64 first_difference(std::span<u8 const> left, std::span<u8 const> right) {
    return static_cast<u64>(std::ranges::mismatch(left, right).in1 - left.begin());
}

} // namespace

IoResult<void> copy(Image& from, Image& to, CopyOptions const& options) {
    return Copy{from, to, options}.run();
}

IoResult<std::optional<u64>> find_difference(Image& left, Image& right, Progress const& progress) {
    std::vector<u8> one(buffer_bytes), other(buffer_bytes);
    u64 const end = std::max(left.size(), right.size());
    for (u64 offset = 0; offset < end;) {
        if (progress) progress(offset, end);
        // What lies behind a disk's end counts as zeroes.
        auto const look = [&](Image& image) -> IoResult<Extent> {
            if (offset >= image.size()) return Extent{.bytes = end - offset, .is_zero = true};
            return image.extent_at(offset, image.size() - offset);
        };
        auto const here = TRY(look(left));
        auto const there = TRY(look(right));
        u64 const common = std::min(here.bytes, there.bytes);
        if (here.is_zero && there.is_zero) {
            offset += common;
            continue;
        }
        u64 const bytes = std::min(common, buffer_bytes);
        auto const a = std::span{one}.first(bytes), b = std::span{other}.first(bytes);
        std::ranges::fill(a, u8{0});
        std::ranges::fill(b, u8{0});
        if (!here.is_zero) TRY_VOID(left.read(offset, a));
        if (!there.is_zero) TRY_VOID(right.read(offset, b));
        if (std::memcmp(a.data(), b.data(), bytes) != 0) return offset + first_difference(a, b);
        offset += bytes;
    }
    if (progress) progress(end, end);
    return std::nullopt;
}

} // namespace ring3::image
