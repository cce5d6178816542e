#include "boot/firmware_tables.h"

#include "base/pc_addresses.h"
#include "boot/aml.h"
#include "boot/bytes.h"
#include "boot/smbios.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>
#include <unistd.h>

namespace ring3::boot {
namespace {

/// The firmware area as a guest would walk it, by address.
class Area {
public:
    template <class T> T at(u32 address) const { return field<T>(area_.bytes, address - pc::firmware); }
    std::string text(u32 address, std::size_t count) const {
        auto const begin = area_.bytes.begin() + static_cast<std::ptrdiff_t>(address - pc::firmware);
        return {begin, begin + static_cast<std::ptrdiff_t>(count)};
    }
    u8 sum(u32 address, std::size_t count) const {
        auto const bytes = text(address, count);
        return static_cast<u8>(std::accumulate(bytes.begin(), bytes.end(), 0));
    }
    /// Checks a described table, and says its signature.
    std::string signature(u32 address) const {
        EXPECT_EQ(sum(address, at<u32>(address + 4)), 0);
        return text(address, 4);
    }
    u32 rsdp() const { return area_.rsdp; }
    u32 rsdt() const { return at<u32>(rsdp() + 16); }
    u32 fadt() const { return at<u32>(rsdt() + 36); }
    u32 madt() const { return at<u32>(rsdt() + 40); }
    u32 dsdt() const { return at<u32>(fadt() + 40); }
    u32 mp_pointer() const {
        for (u32 at = 0; at + 16 <= area_.bytes.size(); at += 16)
            if (text(pc::firmware + at, 4) == "_MP_") return pc::firmware + at;
        return 0;
    }
    std::size_t size() const { return area_.bytes.size(); }

private:
    FirmwareArea area_ = make_firmware_area();
};

TEST(Acpi, the_root_pointer_leads_to_both_root_tables) {
    Area const area;
    EXPECT_LE(area.size(), 0x1'0000u);
    EXPECT_EQ(area.rsdp() % 16, 0u);
    EXPECT_EQ(area.text(area.rsdp(), 8), "RSD PTR ");
    EXPECT_EQ(area.sum(area.rsdp(), 20), 0);
    EXPECT_EQ(area.sum(area.rsdp(), 36), 0);
    EXPECT_EQ(area.signature(area.rsdt()), "RSDT");
    u32 const xsdt = area.at<u32>(area.rsdp() + 24);
    EXPECT_EQ(area.signature(xsdt), "XSDT");
    EXPECT_EQ(area.at<u64>(xsdt + 36), area.fadt());
    EXPECT_EQ(area.at<u64>(xsdt + 44), area.madt());
}

TEST(Acpi, the_fixed_table_names_the_boards_ports) {
    Area const area;
    u32 const fadt = area.fadt();
    EXPECT_EQ(area.signature(fadt), "FACP");
    EXPECT_EQ(area.at<u32>(fadt + 4), 244u) << "revision 3";
    EXPECT_EQ(area.at<u16>(fadt + 46), pc::sci_irq);
    EXPECT_EQ(area.at<u32>(fadt + 48), u32{pc::smi_command});
    EXPECT_EQ(area.at<u32>(fadt + 56), u32{pc::pm1a_event});
    EXPECT_EQ(area.at<u32>(fadt + 64), u32{pc::pm1a_control});
    EXPECT_EQ(area.at<u32>(fadt + 76), u32{pc::pm_timer});
    EXPECT_EQ(area.at<u32>(fadt + 112) & 1 << 4, 0u) << "the power button is a fixed one";
    EXPECT_EQ(area.at<u64>(fadt + 120), u64{pc::reset_control});
    EXPECT_EQ(area.at<u64>(fadt + 140), area.dsdt());
    EXPECT_EQ(area.text(area.at<u32>(fadt + 36), 4), "FACS");
    EXPECT_EQ(area.at<u32>(fadt + 36) % 64, 0u);
    EXPECT_EQ(area.signature(area.dsdt()), "DSDT");
}

TEST(Acpi, the_interrupt_table_ends_exactly_where_it_says) {
    Area const area;
    u32 const madt = area.madt();
    EXPECT_EQ(area.signature(madt), "APIC");
    u32 const end = madt + area.at<u32>(madt + 4);
    std::vector<unsigned> types;
    u32 at = madt + 44;
    while (at < end && area.at<u8>(at + 1) != 0) {
        types.push_back(area.at<u8>(at));
        at += area.at<u8>(at + 1);
    }
    EXPECT_EQ(at, end);
    EXPECT_EQ(types, (std::vector<unsigned>{0, 1, 2, 2, 2, 2, 4}));
}

TEST(MpTable, entries_and_lengths_agree) {
    Area const area;
    u32 const pointer = area.mp_pointer();
    ASSERT_NE(pointer, 0u);
    EXPECT_EQ(area.sum(pointer, 16), 0);
    u32 const table = area.at<u32>(pointer + 4);
    EXPECT_EQ(area.text(table, 4), "PCMP");
    u16 const length = area.at<u16>(table + 4);
    EXPECT_EQ(area.sum(table, length), 0);
    u32 at = table + 44;
    for (unsigned i = 0; i < area.at<u16>(table + 34); ++i) at += area.at<u8>(at) == 0 ? 20 : 8;
    EXPECT_EQ(at, table + length);
}

TEST(BiosDataArea, says_where_conventional_memory_ends) {
    auto const area = make_bios_data_area();
    EXPECT_EQ(field<u16>(area, 0x0e), 0x9fc0);
    EXPECT_EQ(field<u16>(area, 0x13), 639);
}

TEST(Aml, lengths_grow_with_their_content) {
    using aml::Term;
    auto const scope_of = [](std::size_t size) { return aml::scope("X", Term{std::vector<u8>(size)}).bytes; };
    auto const head = [&](std::size_t size, std::size_t count) {
        auto const bytes = scope_of(size);
        return std::vector<u8>(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    };
    EXPECT_EQ(head(58, 2), (std::vector<u8>{0x10, 63}));
    EXPECT_EQ(head(59, 3), (std::vector<u8>{0x10, 0x41, 0x04})) << "65 bytes: 4 of name, 59, and the length's 2";
    EXPECT_EQ(head(5000, 4), (std::vector<u8>{0x10, 0x8f, 0x38, 0x01})) << "5007 bytes";
}

TEST(Aml, writes_names_and_identifiers_as_the_specification_does) {
    EXPECT_EQ(aml::eisa_id("PNP0501").bytes, (std::vector<u8>{0x0c, 0x41, 0xd0, 0x05, 0x01}));
    EXPECT_EQ(aml::name("\\_S5", aml::integer(1)).bytes, (std::vector<u8>{0x08, '\\', '_', 'S', '5', '_', 0x01}));
}

TEST(Aml, the_dsdt_is_understood_by_iasl_where_that_is_installed) {
    if (std::system("command -v iasl >/dev/null 2>&1") != 0) GTEST_SKIP() << "no iasl (package acpica-tools)";
    Area const area;
    auto const directory = std::filesystem::temp_directory_path() / ("ring3-dsdt-" + std::to_string(getpid()));
    std::filesystem::create_directory(directory);
    std::ofstream{directory / "dsdt.aml", std::ios::binary} << area.text(area.dsdt(), area.at<u32>(area.dsdt() + 4));
    auto const command = "cd '" + directory.string() +
                         "' && iasl -d dsdt.aml >log 2>&1 && iasl dsdt.dsl >>log 2>&1 && "
                         "grep -q '0 Errors, 0 Warnings' log";
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::filesystem::remove_all(directory);
}

// ---- for firmware that places them itself

/// Does what the loader's script says, with the files at addresses of our choice.
class Loaded {
public:
    explicit Loaded(std::vector<FirmwareFile> files) : files_{std::move(files)} {
        auto const script = content("etc/table-loader");
        EXPECT_EQ(script.size() % 128, 0u);
        for (std::size_t at = 0; at < script.size(); at += 128) obey(script, at);
    }
    std::vector<u8>& content(std::string const& name) {
        for (auto& file : files_)
            if (file.name == name) return file.bytes;
        ADD_FAILURE() << "no file " << name;
        return files_.front().bytes;
    }
    static u32 address(std::string const& name) { return name == "etc/acpi/tables" ? tables : 0xf'5a00; }
    static constexpr u32 tables = 0x7ff'0000;

private:
    static std::string name(std::vector<u8> const& script, std::size_t at) {
        auto const start = script.begin() + static_cast<std::ptrdiff_t>(at);
        return {start, std::find(start, start + 56, u8{0})};
    }
    void obey(std::vector<u8> const& script, std::size_t at) {
        auto& file = content(name(script, at + 4));
        switch (field<u32>(script, at)) {
        case 1: break;
        case 2: {
            u32 const offset = field<u32>(script, at + 116);
            ASSERT_LE(offset + script[at + 120], file.size());
            u32 value = field<u32>(file, offset) + address(name(script, at + 60));
            for (unsigned i = 0; i < 4; ++i) file[offset + i] = static_cast<u8>(value >> (8 * i));
            break;
        }
        case 3: {
            u32 const offset = field<u32>(script, at + 60), start = field<u32>(script, at + 64);
            u32 const length = field<u32>(script, at + 68);
            ASSERT_LE(start + length, file.size());
            u8 sum = 0;
            for (u32 i = 0; i < length; ++i) sum = static_cast<u8>(sum + file[start + i]);
            file[offset] = static_cast<u8>(file[offset] - sum);
            break;
        }
        default: ADD_FAILURE() << "unknown command";
        }
    }
    std::vector<FirmwareFile> files_;
};

u8 sum_of(std::vector<u8> const& bytes, u32 at, u32 length) {
    return static_cast<u8>(std::accumulate(bytes.begin() + at, bytes.begin() + at + length, 0));
}

TEST(AcpiFiles, the_loaders_script_makes_a_consistent_set) {
    Loaded loaded{make_acpi_files()};
    auto const& root = loaded.content("etc/acpi/rsdp");
    auto const& tables = loaded.content("etc/acpi/tables");
    EXPECT_EQ(sum_of(root, 0, 20), 0);
    EXPECT_EQ(sum_of(root, 0, 36), 0);
    u32 const rsdt = field<u32>(root, 16) - Loaded::tables;
    ASSERT_LT(rsdt, tables.size());
    std::vector<u32> found{rsdt, field<u32>(root, 24) - Loaded::tables};
    for (u32 i = 0; i < 2; ++i) found.push_back(field<u32>(tables, rsdt + 36 + 4 * i) - Loaded::tables);
    u32 const fadt = found[2];
    found.push_back(field<u32>(tables, fadt + 40) - Loaded::tables);
    EXPECT_EQ(field<u32>(tables, fadt + 140), field<u32>(tables, fadt + 40));
    EXPECT_EQ(field<u32>(tables, fadt + 76), 0x608u) << "the PM timer";
    std::string names;
    for (u32 const at : found) {
        names.append(tables.begin() + at, tables.begin() + at + 4);
        EXPECT_EQ(sum_of(tables, at, field<u32>(tables, at + 4)), 0) << names;
    }
    EXPECT_EQ(names, "RSDTXSDTFACPAPICDSDT");
    u32 const facs = field<u32>(tables, fadt + 36);
    EXPECT_EQ(facs % 64, 0u);
}

TEST(SmbiosFiles, structures_can_be_walked_to_the_end) {
    SmbiosSettings settings;
    settings.bios = {"me", "1.2", "01/01/2024", 1, 2, false};
    settings.system.serial = "ds=nocloud";
    settings.system.uuid = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
    settings.oem_strings = {"first", "second"};
    auto const files = make_smbios_files(settings, {u64{128} << 20, 0});
    auto const& anchor = files[0].bytes;
    auto const& tables = files[1].bytes;
    EXPECT_EQ(sum_of(anchor, 0, 31), 0);
    EXPECT_EQ(field<u16>(anchor, 22), tables.size());
    std::string types;
    unsigned count = 0;
    for (std::size_t at = 0; at + 4 <= tables.size(); ++count) {
        u8 const type = tables[at];
        types += std::to_string(type) + " ";
        std::size_t end = at + tables[at + 1];
        if (type == 1) {
            EXPECT_EQ(field<u32>(tables, at + 8), 0x1122'3344u) << "the UUID's first field, little-endian";
        }
        while (end + 1 < tables.size() && (tables[end] || tables[end + 1])) ++end;
        at = end + 2;
    }
    EXPECT_EQ(types, "0 1 3 4 11 16 17 19 32 127 ");
    EXPECT_EQ(field<u16>(anchor, 28), count);
    std::string const text{tables.begin(), tables.end()};
    EXPECT_NE(text.find(std::string{"first\0second\0", 13}), std::string::npos);
    EXPECT_NE(text.find("ds=nocloud"), std::string::npos);
}

TEST(SmbiosFiles, a_structure_made_elsewhere_replaces_ours) {
    SmbiosSettings settings;
    std::vector<u8> const chassis{3, 5, 0, 3, 1, 'm', 'e', 0, 0};
    EXPECT_EQ(what_is_wrong_with(chassis, settings), "");
    settings.structures = {chassis};
    auto const tables = make_smbios_files(settings, {u64{128} << 20, 0})[1].bytes;
    EXPECT_TRUE(std::equal(chassis.begin(), chassis.end(), tables.begin()));
    unsigned count = 0;
    for (std::size_t at = 0; at + 4 <= tables.size();) {
        count += tables[at] == 3;
        std::size_t end = at + tables[at + 1];
        while (end + 1 < tables.size() && (tables[end] || tables[end + 1])) ++end;
        at = end + 2;
    }
    EXPECT_EQ(count, 1u);
}

TEST(SmbiosFiles, bytes_that_are_no_structure_are_refused) {
    SmbiosSettings const settings;
    for (auto const& bytes : {std::vector<u8>{},
                              {3, 4, 0, 3, 0},
                              {3, 3, 0, 3, 0, 0},
                              {3, 200, 0, 3, 0, 0},
                              {3, 4, 0, 3, 'a', 0},
                              {127, 4, 0, 0, 0, 0}})
        EXPECT_NE(what_is_wrong_with(bytes, settings), "");
    SmbiosSettings full;
    full.structures = {std::vector<u8>(longest_smbios_structure)};
    EXPECT_NE(what_is_wrong_with(std::vector<u8>{3, 4, 0, 3, 0, 0}, full), "");
}

} // namespace
} // namespace ring3::boot
