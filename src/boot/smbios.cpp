#include "boot/smbios.h"

#include "boot/byte_writer.h"

#include <algorithm>

namespace ring3::boot {

namespace {

constexpr u64 mib = 1 << 20;

// Handles: a structure's type in the high byte, as other firmware has them, so that references are easy to follow.
constexpr u16 handle_of(u8 type) {
    return static_cast<u16>(type << 8);
}

/// One structure (6.1): header, formatted part, strings, end.
class Structure {
public:
    explicit Structure(u8 type) : type_{type} {}
    /// The number of a string, 0 for an empty one.
    u8 string(std::string const& text) {
        if (text.empty()) return 0;
        strings_.push_back(text);
        return static_cast<u8>(strings_.size());
    }
    ByteWriter fields;
    std::vector<u8> bytes() const {
        constexpr std::size_t header = 4;
        ByteWriter out;
        out.add(type_).add(static_cast<u8>(header + fields.size())).add(handle_of(type_)).append(fields.bytes());
        for (auto const& text : strings_) out.text(text).add(u8{0});
        if (strings_.empty()) out.add(u8{0});
        return out.add(u8{0}).bytes();
    }

private:
    u8 type_;
    std::vector<std::string> strings_;
};

Structure bios_information(SmbiosBios const& bios) {
    constexpr u64 characteristics_unknown = 1 << 3;
    constexpr u8 targeted_content = 1 << 2, uefi = 1 << 3;
    constexpr u16 segment = 0xe800;
    Structure s{0};
    s.fields.add(s.string(bios.vendor)).add(s.string(bios.version)).add(segment).add(s.string(bios.date));
    s.fields.add(u8{0}).add(characteristics_unknown).add(u8{0});
    s.fields.add(static_cast<u8>(targeted_content | (bios.uefi ? uefi : 0)));
    s.fields.add(bios.major).add(bios.minor).add(u8{0xff}).add(u8{0xff}); // no embedded controller
    return s;
}

Structure system_information(SmbiosSettings::System const& system) {
    constexpr u8 power_switch = 6;
    Structure s{1};
    for (auto const* text : {&system.manufacturer, &system.product, &system.version, &system.serial})
        s.fields.add(s.string(*text));
    // 7.2.1: the first three fields of a UUID are numbers, and little-endian.
    for (unsigned const i : {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}) s.fields.add(system.uuid[i]);
    s.fields.add(power_switch).add(s.string(system.sku)).add(s.string(system.family));
    return s;
}

Structure chassis(SmbiosSettings::System const& system) {
    constexpr u8 other = 1, safe = 3, none = 2;
    Structure s{3};
    s.fields.add(s.string(system.manufacturer)).add(other).add(s.string(system.version)).add(u8{0}).add(u8{0});
    s.fields.add(safe).add(safe).add(safe).add(none).add(u32{0}).add(u8{0}).add(u8{0}).add(u8{0}).add(u8{0});
    return s;
}

Structure processor() {
    constexpr u8 central = 3, other = 1, unknown = 2, populated_and_enabled = 0x41;
    constexpr u16 no_cache = 0xffff;
    Structure s{4};
    s.fields.add(s.string("CPU 0")).add(central).add(other).add(s.string("ring3")).add(u64{0}).add(s.string("max"));
    s.fields.add(u8{0}).add(u16{0}).add(u16{0}).add(u16{0}).add(populated_and_enabled).add(other);
    s.fields.add(no_cache).add(no_cache).add(no_cache).add(u8{0}).add(u8{0}).add(u8{0});
    s.fields.add(u8{1}).add(u8{1}).add(u8{1}).add(u16{unknown}).add(u16{other});
    return s;
}

Structure memory_array(u64 bytes) {
    constexpr u8 other = 1, system_memory = 3, no_correction = 3;
    constexpr u16 no_errors = 0xfffe;
    Structure s{16};
    s.fields.add(other).add(system_memory).add(no_correction).add(static_cast<u32>(bytes / 1024)).add(no_errors);
    s.fields.add(u16{1}).add(u64{0});
    return s;
}

Structure memory_device(u64 bytes) {
    constexpr u16 no_errors = 0xfffe, unknown_width = 0xffff;
    constexpr u8 dimm = 9, ram = 7, other = 1;
    Structure s{17};
    s.fields.add(handle_of(16)).add(no_errors).add(unknown_width).add(unknown_width);
    s.fields.add(static_cast<u16>(std::min<u64>(bytes / mib, 0x7fff))).add(dimm).add(u8{0}).add(s.string("DIMM 0"));
    s.fields.add(u8{0})
        .add(ram)
        .add(u16{1 << other})
        .add(u16{0})
        .add(s.string("ring3"))
        .add(u8{0})
        .add(u8{0})
        .add(u8{0});
    s.fields.add(u8{0}).add(static_cast<u32>(bytes / mib)).add(u16{0}).add(u16{0}).add(u16{0}).add(u16{0});
    return s;
}

Structure mapped_address(u64 bytes) {
    Structure s{19};
    s.fields.add(u32{0}).add(static_cast<u32>(bytes / 1024 - 1)).add(handle_of(16)).add(u8{1}).add(u64{0}).add(u64{0});
    return s;
}

Structure oem_strings(std::vector<std::string> const& texts) {
    Structure s{11};
    u8 count = 0;
    for (auto const& text : texts) count = std::max(count, s.string(text));
    s.fields.add(count);
    return s;
}

std::vector<Structure> structures(SmbiosSettings const& settings, RamSize ram) {
    std::vector<Structure> all;
    if (settings.bios) all.push_back(bios_information(*settings.bios));
    all.push_back(system_information(settings.system));
    all.push_back(chassis(settings.system));
    all.push_back(processor());
    if (!settings.oem_strings.empty()) all.push_back(oem_strings(settings.oem_strings));
    all.push_back(memory_array(ram.low + ram.high));
    all.push_back(memory_device(ram.low + ram.high));
    all.push_back(mapped_address(ram.low));
    Structure boot{32};
    boot.fields.zeros(6).add(u8{0}); // no errors detected
    all.push_back(boot);
    all.push_back(Structure{127}); // end of table
    return all;
}

/// The entry point (5.2.1). Firmware sets the address and mends the sums.
std::vector<u8> anchor(std::size_t table_size, std::size_t largest, std::size_t count) {
    constexpr u8 size = 31, bcd_2_8 = 0x28;
    constexpr std::size_t checksum_at = 4, intermediate_at = 16;
    ByteWriter out;
    out.text("_SM_").add(u8{0}).add(size).add(u8{2}).add(u8{8}).add(static_cast<u16>(largest)).add(u8{0}).zeros(5);
    out.text("_DMI_")
        .add(u8{0})
        .add(static_cast<u16>(table_size))
        .add(u32{0})
        .add(static_cast<u16>(count))
        .add(bcd_2_8);
    auto bytes = out.bytes();
    std::vector<u8> second{bytes.begin() + intermediate_at, bytes.end()};
    set_checksum(second, 5, second.size());
    std::ranges::copy(second, bytes.begin() + intermediate_at);
    set_checksum(bytes, checksum_at, bytes.size());
    return bytes;
}

} // namespace

// 6.1: a header with the length of the formatted part, then strings up to two zero bytes.
std::string what_is_wrong_with(std::span<u8 const> structure, SmbiosSettings const& settings) {
    constexpr std::size_t header = 4;
    constexpr u8 end_of_table = 127;
    if (structure.size() < header + 2) return "it is too short";
    if (structure[1] < header || structure[1] + std::size_t{2} > structure.size()) return "its length is wrong";
    if (structure[0] == end_of_table) return "it ends the table";
    if (structure.back() != 0 || structure[structure.size() - 2] != 0) return "its end is missing (two zero bytes)";
    std::size_t bytes = structure.size();
    for (auto const& other : settings.structures) bytes += other.size();
    if (bytes > longest_smbios_structure) return "together with the others it is too long";
    return "";
}

std::vector<FirmwareFile> make_smbios_files(SmbiosSettings const& settings, RamSize ram) {
    std::vector<u8> tables;
    std::size_t largest = 0, count = 0;
    auto const add = [&](std::vector<u8> const& bytes) {
        tables.insert(tables.end(), bytes.begin(), bytes.end());
        largest = std::max(largest, bytes.size());
        ++count;
    };
    for (auto const& bytes : settings.structures) add(bytes);
    for (Structure const& structure : structures(settings, ram)) {
        auto const bytes = structure.bytes();
        bool const replaced =
            std::ranges::any_of(settings.structures, [&](auto const& one) { return one[0] == bytes[0]; });
        if (!replaced) add(bytes);
    }
    auto head = anchor(tables.size(), largest, count);
    return {{"etc/smbios/smbios-anchor", std::move(head)}, {"etc/smbios/smbios-tables", std::move(tables)}};
}

} // namespace ring3::boot
