#include "image/qcow2_compression.h"

#include <memory>
#include <zlib.h>
#include <zstd.h>

namespace ring3::image::qcow2 {

namespace {

constexpr int raw_window = -12; // negative: no header around the data

bool inflate_all(std::span<u8 const> packed, std::span<u8> cluster) {
    z_stream stream{};
    if (::inflateInit2(&stream, raw_window) != Z_OK) return false;
    stream.next_in = const_cast<u8*>(packed.data()); // zlib only reads it
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = cluster.data();
    stream.avail_out = static_cast<uInt>(cluster.size());
    int const result = ::inflate(&stream, Z_FINISH);
    ::inflateEnd(&stream);
    // With the output full, inflate may not have seen the end mark: Z_BUF_ERROR.
    return (result == Z_STREAM_END || result == Z_BUF_ERROR) && stream.avail_out == 0;
}

std::optional<std::vector<u8>> deflate_all(std::span<u8 const> cluster) {
    z_stream stream{};
    if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, raw_window, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return {};
    std::vector<u8> packed(cluster.size() - 1);
    stream.next_in = const_cast<u8*>(cluster.data());
    stream.avail_in = static_cast<uInt>(cluster.size());
    stream.next_out = packed.data();
    stream.avail_out = static_cast<uInt>(packed.size());
    int const result = ::deflate(&stream, Z_FINISH);
    ::deflateEnd(&stream);
    if (result != Z_STREAM_END) return {};
    packed.resize(packed.size() - stream.avail_out);
    return packed;
}

/// As a stream: the descriptor says sectors only, and zstd's simple call wants the exact size of its input.
bool zstd_unpack(std::span<u8 const> packed, std::span<u8> cluster) {
    std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> const context{ZSTD_createDCtx(), &ZSTD_freeDCtx};
    if (!context) return false;
    ZSTD_inBuffer input{packed.data(), packed.size(), 0};
    ZSTD_outBuffer output{cluster.data(), cluster.size(), 0};
    while (output.pos < output.size) {
        std::size_t const before = input.pos + output.pos;
        std::size_t const result = ZSTD_decompressStream(context.get(), &output, &input);
        if (ZSTD_isError(result) != 0 || input.pos + output.pos == before) return false;
    }
    return true;
}

std::optional<std::vector<u8>> zstd_pack(std::span<u8 const> cluster) {
    std::vector<u8> packed(cluster.size() - 1);
    std::size_t const bytes =
        ZSTD_compress(packed.data(), packed.size(), cluster.data(), cluster.size(), ZSTD_CLEVEL_DEFAULT);
    if (ZSTD_isError(bytes) != 0) return {};
    packed.resize(bytes);
    return packed;
}

} // namespace

bool unpack(Compression kind, std::span<u8 const> packed, std::span<u8> cluster) {
    return kind == Compression::zlib ? inflate_all(packed, cluster) : zstd_unpack(packed, cluster);
}

std::optional<std::vector<u8>> pack(Compression kind, std::span<u8 const> cluster) {
    return kind == Compression::zlib ? deflate_all(cluster) : zstd_pack(cluster);
}

} // namespace ring3::image::qcow2
