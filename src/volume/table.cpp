#include "volume/table.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <set>
#include <zlib.h>

namespace ring3::volume {

namespace {

constexpr std::string_view magic = "RING3VOL";
constexpr u32 version = 1;
constexpr u64 checksum_offset = 12, payload_offset = 16;

/// Numbers little-endian, one behind the other.
class Writer {
public:
    template <class Word> void put(Word word) {
        std::size_t const at = bytes.size();
        bytes.resize(at + sizeof word);
        std::memcpy(bytes.data() + at, &word, sizeof word);
    }
    void put(std::string_view text) { bytes.insert(bytes.end(), text.begin(), text.end()); }
    std::vector<u8> bytes;
};

/// Reading beyond the end gives zeroes and is remembered.
class Reader {
public:
    explicit Reader(std::span<u8 const> bytes) : bytes_{bytes} {}
    template <class Word> Word get() {
        Word word{};
        if (auto const piece = take(sizeof word); !piece.empty()) std::memcpy(&word, piece.data(), sizeof word);
        return word;
    }
    std::string get_text(std::size_t length) {
        auto const piece = take(length);
        return {piece.begin(), piece.end()};
    }
    bool is_short() const { return is_short_; }

private:
    std::span<u8 const> take(std::size_t count) {
        if (count > bytes_.size()) {
            is_short_ = true;
            return {};
        }
        auto const piece = bytes_.first(count);
        bytes_ = bytes_.subspan(count);
        return piece;
    }
    std::span<u8 const> bytes_;
    bool is_short_{};
};

u32 checksum(std::span<u8 const> bytes) {
    return static_cast<u32>(::crc32(0, bytes.data(), static_cast<uInt>(bytes.size())));
}

/// Which units belong to somebody. Nothing if two disks claim one, or one lies outside.
std::optional<std::vector<bool>> used_units(Table const& table) {
    std::vector<bool> used(table.units);
    for (auto const& disk : table.disks) {
        for (auto const& run : disk.runs) {
            if (run.first > table.units || run.count > table.units - run.first) return std::nullopt;
            for (u32 unit = run.first; unit < run.first + run.count; ++unit) {
                if (used[unit]) return std::nullopt;
                used[unit] = true;
            }
        }
    }
    return used;
}

bool is_consistent(Table const& table) {
    std::set<std::string_view> names;
    std::set<u32> ids;
    for (auto const& disk : table.disks) {
        u64 units = 0;
        for (auto const& run : disk.runs) units += run.count;
        bool const is_new = names.insert(disk.name).second && ids.insert(disk.id).second;
        if (!is_new || !is_disk_name(disk.name) || disk.id >= table.next_id || units != units_for(disk.bytes))
            return false;
    }
    return used_units(table).has_value();
}

void give_back(Disk& disk, u64 units) {
    while (units != 0) {
        auto& last = disk.runs.back();
        u32 const count = static_cast<u32>(std::min<u64>(units, last.count));
        last.count -= count;
        units -= count;
        if (last.count == 0) disk.runs.pop_back();
    }
}

void append(std::vector<UnitRun>& runs, UnitRun run) {
    if (!runs.empty() && runs.back().first + runs.back().count == run.first) {
        runs.back().count += run.count;
    } else {
        runs.push_back(run);
    }
}

/// Free runs, the longest first, so that disks stay in few pieces.
std::vector<UnitRun> free_runs(Table const& table) {
    auto const used = *used_units(table);
    std::vector<UnitRun> runs;
    for (u32 unit = 0; unit < table.units; ++unit) {
        if (!used[unit]) append(runs, {unit, 1});
    }
    std::ranges::stable_sort(runs, std::ranges::greater{}, &UnitRun::count);
    return runs;
}

} // namespace

Disk* Table::find(std::string_view name) {
    auto const found = std::ranges::find(disks, name, &Disk::name);
    return found == disks.end() ? nullptr : &*found;
}

u64 Table::free_units() const {
    u64 used = 0;
    for (auto const& disk : disks) used += units_for(disk.bytes);
    return units - used;
}

Result<std::vector<UnitRun>> set_size(Table& table, Disk& disk, u64 bytes) {
    u64 const have = units_for(disk.bytes), want = units_for(bytes);
    if (want > have && want - have > table.free_units()) {
        return fail(ExitStatus::io, fmt::format("the volume has only {} MiB free", table.free_units()));
    }
    std::vector<UnitRun> added;
    if (want < have) give_back(disk, have - want);
    for (u64 missing = want > have ? want - have : 0; missing != 0;) {
        for (auto run : free_runs(table)) {
            run.count = static_cast<u32>(std::min<u64>(run.count, missing));
            missing -= run.count;
            added.push_back(run);
            append(disk.runs, run);
            if (missing == 0) break;
        }
    }
    disk.bytes = bytes;
    return added;
}

bool is_disk_name(std::string_view name) {
    constexpr std::string_view others = "._-";
    auto const is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !name.empty() && name.size() <= most_name_bytes && (is_letter(name[0]) || name[0] == '_') &&
           std::ranges::all_of(name, [&](char c) { return is_letter(c) || others.find(c) != others.npos; });
}

Result<std::vector<u8>> encode(Table const& table) {
    Writer writer;
    writer.put(magic);
    writer.put(version);
    writer.put(u32{0}); // the checksum's place
    writer.put(table.generation);
    writer.put(table.units);
    writer.put(table.next_id);
    writer.put(static_cast<u32>(table.disks.size()));
    for (auto const& disk : table.disks) {
        writer.put(disk.id);
        writer.put(disk.bytes);
        writer.put(static_cast<u32>(disk.name.size()));
        writer.put(std::string_view{disk.name});
        writer.put(static_cast<u32>(disk.runs.size()));
        for (auto const& run : disk.runs) {
            writer.put(run.first);
            writer.put(run.count);
        }
    }
    auto& bytes = writer.bytes;
    if (bytes.size() > slot_bytes) {
        return fail(ExitStatus::io, "the volume's table is full: too many disks, or disks in too many pieces");
    }
    bytes.resize(slot_bytes);
    u32 const sum = checksum(std::span{bytes}.subspan(payload_offset));
    std::memcpy(bytes.data() + checksum_offset, &sum, sizeof sum);
    return std::move(bytes);
}

std::optional<Table> decode(std::span<u8 const> slot) {
    if (slot.size() < slot_bytes) return std::nullopt;
    Reader reader{slot.first(slot_bytes)};
    if (reader.get_text(magic.size()) != magic || reader.get<u32>() != version) return std::nullopt;
    if (reader.get<u32>() != checksum(slot.subspan(payload_offset, slot_bytes - payload_offset))) return std::nullopt;
    Table table;
    table.generation = reader.get<u64>();
    table.units = reader.get<u32>();
    table.next_id = reader.get<u32>();
    u32 const disks = reader.get<u32>();
    for (u32 n = 0; n < disks && !reader.is_short(); ++n) {
        Disk disk{.id = reader.get<u32>(), .bytes = reader.get<u64>()};
        disk.name = reader.get_text(reader.get<u32>());
        u32 const runs = reader.get<u32>();
        for (u32 k = 0; k < runs && !reader.is_short(); ++k) {
            u32 const first = reader.get<u32>(), count = reader.get<u32>();
            disk.runs.push_back({first, count});
        }
        table.disks.push_back(std::move(disk));
    }
    if (reader.is_short() || table.units > most_units || !is_consistent(table)) return std::nullopt;
    return table;
}

} // namespace ring3::volume
