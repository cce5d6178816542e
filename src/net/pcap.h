// PcapWriter: frames into a file that tcpdump and Wireshark read (filter-dump).
//
//     file header, 24 bytes:  magic a1b2c3d4, version 2.4, 0, 0, longest record, link type 1 (Ethernet)
//     record, 16 bytes:       seconds, microseconds, bytes kept, bytes of the frame; then the bytes kept
//
// Source: pcap-savefile(5); numbers in the host's byte order, as the magic number tells.
#pragma once

#include "base/result.h"
#include "host/file_descriptor.h"
#include "net/frame.h"

#include <vector>

namespace ring3::net {

class PcapWriter {
public:
    static constexpr u32 default_longest = 65'536;
    /// Makes the file, or empties it. Records keep at most `longest` bytes.
    static Result<PcapWriter> create(std::string const& path, u32 longest);

    /// Appends a record; false, with errno, when the file cannot take it, and then it takes no more.
    bool write(std::span<u8 const> frame, u64 microseconds);
    /// Hands what is collected to the host. To be called now and then, and at the end.
    bool flush();

private:
    PcapWriter(host::FileDescriptor file, u32 longest) : file_{std::move(file)}, longest_{longest} {}
    void put32(u32 value);
    void put16(u16 value);

    host::FileDescriptor file_; // closed after a failure
    u32 longest_;
    std::vector<u8> pending_;
};

} // namespace ring3::net
