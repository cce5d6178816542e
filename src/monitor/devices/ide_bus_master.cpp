#include "monitor/devices/ide_bus_master.h"

#include <algorithm>

namespace ring3 {

namespace {

constexpr u32 region_of_count_zero = 0x1'0000;
constexpr u32 end_of_table = 0x8000'0000;

/// Puts a piece behind the others; one that continues the last is no piece of its own.
void append(std::vector<BlockSegment>& pieces, BlockSegment piece) {
    if (!pieces.empty() && pieces.back().address + pieces.back().bytes == piece.address)
        pieces.back().bytes += piece.bytes;
    else
        pieces.push_back(piece);
}

} // namespace

// ---- registers

u8 IdeBusMaster::read(u16 offset) {
    switch (offset) {
    case command: return command_.raw;
    case status: return status_.raw;
    case table:
    case table + 1:
    case table + 2:
    case table + 3: return static_cast<u8>(table_ >> 8 * (offset - table));
    default: return 0;
    }
}

void IdeBusMaster::write(u16 offset, u8 value) {
    switch (offset) {
    case command: write_command({{value}}); break;
    case status: {
        Status const written{{value}};
        Status next = status_.with<Status::DriveDma>(written.get<Status::DriveDma>());
        if (written.has<Status::Error>()) next = next.with<Status::Error>(0);
        if (written.has<Status::Interrupt>()) next = next.with<Status::Interrupt>(0);
        status_ = next;
        break;
    }
    case table:
    case table + 1:
    case table + 2:
    case table + 3: {
        unsigned const shift = 8 * (offset - table);
        table_ = (table_ & ~(u32{0xff} << shift)) | u32{value} << shift;
        table_ &= ~u32{3};
        break;
    }
    default: break;
    }
}

u32 IdeBusMaster::read_wide(u16 offset, unsigned bytes) {
    if (offset == table && bytes == 4) return table_;
    return PortDevice::read_wide(offset, bytes);
}

void IdeBusMaster::write_wide(u16 offset, u32 value, unsigned bytes) {
    if (offset == table && bytes == 4)
        table_ = value & ~u32{3};
    else
        PortDevice::write_wide(offset, value, bytes);
}

/// Start begins at the table's first entry; its end gives up whatever was left ("the transfer cannot be resumed").
void IdeBusMaster::write_command(Command value) {
    bool const starts = value.has<Command::Start>() && !command_.has<Command::Start>();
    command_.raw = static_cast<u8>(value.raw & mask_of<Command::Start, Command::ToMemory>());
    if (starts) {
        cursor_ = Cursor{.entry = table_};
        status_ = status_.with<Status::Active>(1);
    }
    if (!value.has<Command::Start>()) stop();
}

void IdeBusMaster::reset() {
    command_ = {};
    status_ = {};
    table_ = 0;
    cursor_ = {};
}

void IdeBusMaster::stop() {
    status_ = status_.with<Status::Active>(0);
}

void IdeBusMaster::stop_with_error() {
    status_ = status_.with<Status::Active>(0).with<Status::Error>(1);
}

void IdeBusMaster::finish() {
    if (cursor_.last && cursor_.left == 0) stop();
}

// ---- the walk

/// Reads the next PRD. False if there is no memory where it should be.
bool IdeBusMaster::load_region() {
    std::array<u8, 8> bytes{};
    if (!allowed_ || !memory_.read({cursor_.entry}, bytes)) return false;
    auto const word = [&bytes](std::size_t at) {
        return u32{bytes[at]} | u32{bytes[at + 1]} << 8 | u32{bytes[at + 2]} << 16 | u32{bytes[at + 3]} << 24;
    };
    u32 const count = word(4) & 0xfffe;
    cursor_.address = word(0) & ~u32{1};
    cursor_.left = count == 0 ? region_of_count_zero : count;
    cursor_.last = (word(4) & end_of_table) != 0;
    cursor_.entry = (cursor_.entry & 0xffff'0000) | ((cursor_.entry + 8) & 0xffff);
    return true;
}

/// The next bytes of the table's memory, at most `most`; none behind its end. The region at hand is not empty.
std::optional<BlockSegment> IdeBusMaster::next_piece(u32 most) {
    u32 const bytes = std::min(most, cursor_.left);
    if (bytes == 0) return std::nullopt;
    BlockSegment const piece{{cursor_.address}, bytes};
    cursor_.address += bytes; // may wrap; the next piece is then elsewhere, or nowhere
    cursor_.left -= bytes;
    return piece;
}

IdeBusMaster::Pieces IdeBusMaster::take(u32 bytes, u32 unit, BlockPort const* port) {
    Pieces result;
    std::vector<BlockSegment>& pieces = result.pieces;
    while (result.bytes < bytes) {
        // A unit at a time, or as much as the region has: a unit that does not fit anymore is given back whole.
        Cursor const before = cursor_;
        std::size_t const pieces_before = pieces.size();
        u32 const last_before = pieces.empty() ? 0 : pieces.back().bytes;
        u32 const wanted = std::min(bytes - result.bytes, std::max(unit, cursor_.left / unit * unit));
        u32 got = 0;
        while (got < wanted && result.supply == Supply::enough) {
            if (cursor_.left == 0 && cursor_.last) {
                result.supply = Supply::too_short;
            } else if (cursor_.left == 0 && !load_region()) {
                result.supply = Supply::no_memory;
            } else if (auto const piece = next_piece(wanted - got)) {
                if (port && !port->reaches(*piece)) result.supply = Supply::no_memory;
                append(pieces, *piece);
                got += piece->bytes;
            }
        }
        bool const overfull = pieces.size() > max_block_segments;
        if (overfull || result.supply != Supply::enough) {
            pieces.resize(pieces_before);
            if (!pieces.empty()) pieces.back().bytes = last_before;
            if (overfull) cursor_ = before;
            break;
        }
        result.bytes += got;
    }
    return result;
}

template <class Bytes, class Move> IdeBusMaster::Supply IdeBusMaster::move(Bytes bytes, Move move_piece) {
    while (!bytes.empty()) {
        // At least one byte each turn, and at most a buffer's worth of bytes: the guest's table cannot keep us long.
        Pieces const next = take(static_cast<u32>(bytes.size()), 1, nullptr);
        for (BlockSegment const& piece : next.pieces) {
            if (!move_piece(piece.address, bytes.first(piece.bytes))) return Supply::no_memory;
            bytes = bytes.subspan(piece.bytes);
        }
        if (next.supply != Supply::enough) return next.supply;
    }
    return Supply::enough;
}

IdeBusMaster::Supply IdeBusMaster::write_memory(std::span<u8 const> bytes) {
    return move(bytes, [this](GuestPhys to, std::span<u8 const> piece) { return memory_.write(to, piece); });
}

IdeBusMaster::Supply IdeBusMaster::read_memory(std::span<u8> bytes) {
    return move(bytes, [this](GuestPhys from, std::span<u8> piece) { return memory_.read(from, piece); });
}

} // namespace ring3
