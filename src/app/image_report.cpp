#include "app/image_report.h"

#include <cmath>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ring3::app {

namespace {

using nlohmann::ordered_json;
using namespace image::qcow2;

/// "528 KiB", "10 MiB", "1.5 GiB": three digits, as qemu-img writes sizes.
std::string human_size(u64 bytes) {
    constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1000 && unit + 1 < std::size(units)) {
        value /= 1024;
        ++unit;
    }
    return fmt::format("{:.3g} {}", value, units[unit]);
}

std::string_view compat_of(Header const& header) {
    return header.version == 2 ? "0.10" : "1.1";
}

std::string_view compression_of(Header const& header) {
    return header.compression == Compression::zlib ? "zlib" : "zstd";
}

std::string snapshot_line(Snapshot const& snapshot) {
    auto const seconds = static_cast<std::time_t>(snapshot.seconds);
    u64 const guest = snapshot.guest_nanoseconds / 1'000'000;
    auto const clock =
        fmt::format("{:02}:{:02}:{:02}.{:03}", guest / 3'600'000, guest / 60'000 % 60, guest / 1000 % 60, guest % 1000);
    return fmt::format("{:<10}{:<17}{:>8} {:>20%F %T}{:>13}\n", snapshot.id, snapshot.name,
                       human_size(snapshot.state_bytes), fmt::localtime(seconds), clock);
}

std::string snapshot_table(std::vector<Snapshot> const& snapshots) {
    if (snapshots.empty()) return {};
    auto text =
        fmt::format("Snapshot list:\n{:<10}{:<17}{:>8} {:>20}{:>13}\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK");
    for (auto const& snapshot : snapshots) text += snapshot_line(snapshot);
    return text;
}

ordered_json snapshot_json(Snapshot const& snapshot) {
    return {{"vm-clock-nsec", snapshot.guest_nanoseconds % 1'000'000'000},
            {"name", snapshot.name},
            {"date-sec", snapshot.seconds},
            {"date-nsec", snapshot.nanoseconds},
            {"vm-clock-sec", snapshot.guest_nanoseconds / 1'000'000'000},
            {"id", snapshot.id},
            {"vm-state-size", snapshot.state_bytes}};
}

ordered_json format_json(Header const& header) {
    ordered_json data{{"compat", compat_of(header)}, {"compression-type", compression_of(header)}};
    if (header.version > 2) data["lazy-refcounts"] = header.compatible.has<Compatible::LazyRefcounts>();
    data["refcount-bits"] = header.geometry.refcount_bits();
    if (header.version > 2) {
        data["corrupt"] = header.incompatible.has<Incompatible::Corrupt>();
        data["extended-l2"] = false;
    }
    return {{"type", "qcow2"}, {"data", data}};
}

ordered_json facts_json(ImageFacts const& facts) {
    ordered_json json;
    if (!facts.snapshots.empty()) {
        for (auto const& snapshot : facts.snapshots) json["snapshots"].push_back(snapshot_json(snapshot));
    }
    auto const* const header = facts.header ? &*facts.header : nullptr;
    bool const has_backing = header && !header->backing_file.empty();
    if (has_backing && !header->backing_format.empty()) json["backing-filename-format"] = header->backing_format;
    json["virtual-size"] = facts.virtual_bytes;
    json["filename"] = facts.path;
    if (header) json["cluster-size"] = header->geometry.cluster();
    json["format"] = facts.format;
    if (facts.actual_bytes) json["actual-size"] = *facts.actual_bytes;
    if (header) json["format-specific"] = format_json(*header);
    if (has_backing) {
        json["full-backing-filename"] = facts.full_backing_path;
        json["backing-filename"] = header->backing_file;
    }
    json["dirty-flag"] = header && header->incompatible.has<Incompatible::Dirty>();
    return json;
}

/// Names of files need not be UTF-8.
std::string dump(ordered_json const& json) {
    return json.dump(4, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string_view yes_or_no(bool value) {
    return value ? "true" : "false";
}

double percent(u64 part, u64 whole) {
    return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

} // namespace

std::string info_text(ImageFacts const& facts) {
    auto text = fmt::format("image: {}\nfile format: {}\nvirtual size: {} ({} bytes)\ndisk size: {}\n", facts.path,
                            facts.format, human_size(facts.virtual_bytes), facts.virtual_bytes,
                            facts.actual_bytes ? human_size(*facts.actual_bytes) : "unavailable");
    if (!facts.header) return text;
    auto const& header = *facts.header;
    if (header.incompatible.has<Incompatible::Dirty>()) text += "cleanly shut down: no\n";
    text += fmt::format("cluster_size: {}\n", header.geometry.cluster());
    if (!header.backing_file.empty()) {
        text += fmt::format("backing file: {}", header.backing_file);
        if (facts.full_backing_path != header.backing_file)
            text += fmt::format(" (actual path: {})", facts.full_backing_path);
        text += "\n";
        if (!header.backing_format.empty()) text += fmt::format("backing file format: {}\n", header.backing_format);
    }
    text += snapshot_table(facts.snapshots);
    text += fmt::format("Format specific information:\n    compat: {}\n    compression type: {}\n", compat_of(header),
                        compression_of(header));
    if (header.version > 2) {
        text += fmt::format("    lazy refcounts: {}\n", yes_or_no(header.compatible.has<Compatible::LazyRefcounts>()));
    }
    text += fmt::format("    refcount bits: {}\n", header.geometry.refcount_bits());
    if (header.version > 2) {
        text += fmt::format("    corrupt: {}\n    extended l2: false\n",
                            yes_or_no(header.incompatible.has<Incompatible::Corrupt>()));
    }
    return text;
}

std::string info_json(std::vector<ImageFacts> const& chain, Chained chained) {
    if (chained == Chained::no) return dump(facts_json(chain.front()));
    auto all = ordered_json::array();
    for (auto const& facts : chain) all.push_back(facts_json(facts));
    return dump(all);
}

std::string check_text(CheckResult const& result) {
    std::string text;
    if (result.corruptions == 0 && result.leaks == 0) text = "No errors were found on the image.\n";
    if (result.corruptions != 0) {
        text += fmt::format("\n{} errors were found on the image.\n"
                            "Data may be corrupted, or further writes to the image may corrupt it.\n",
                            result.corruptions);
    }
    if (result.leaks != 0) {
        text += fmt::format("\n{} leaked clusters were found on the image.\n"
                            "This means waste of disk space, but no harm to data.\n",
                            result.leaks);
    }
    if (result.allocated_clusters != 0) {
        text += fmt::format("{}/{} = {:.2f}% allocated, {:.2f}% fragmented, {:.2f}% compressed clusters\n",
                            result.allocated_clusters, result.total_clusters,
                            percent(result.allocated_clusters, result.total_clusters),
                            percent(result.fragmented_clusters, result.allocated_clusters),
                            percent(result.compressed_clusters, result.allocated_clusters));
    }
    return text + fmt::format("Image end offset: {}\n", result.image_end);
}

std::string check_json(std::string const& path, CheckResult const& result) {
    ordered_json json{{"image-end-offset", result.image_end}};
    auto const add = [&](char const* name, u64 value) {
        if (value != 0) json[name] = value;
    };
    add("compressed-clusters", result.compressed_clusters);
    json["total-clusters"] = result.total_clusters;
    add("corruptions", result.corruptions);
    json["check-errors"] = 0;
    add("leaks-fixed", result.leaks_fixed);
    add("allocated-clusters", result.allocated_clusters);
    json["filename"] = path;
    json["format"] = "qcow2";
    add("fragmented-clusters", result.fragmented_clusters);
    add("leaks", result.leaks);
    add("corruptions-fixed", result.corruptions_fixed);
    return dump(json);
}

std::string map_json(std::vector<MapEntry> const& entries) {
    std::string text = "[";
    for (auto const& [start, extent, file] : entries) {
        if (text.size() > 1) text += ",\n";
        text += fmt::format(R"({{ "start": {}, "length": {}, "depth": {}, "present": {}, "zero": {}, "data": {})",
                            start, extent.bytes, extent.depth, extent.is_present, extent.is_zero, extent.has_data);
        if (extent.file_offset) text += fmt::format(R"(, "offset": {})", *extent.file_offset);
        text += "}";
    }
    return text + "]\n";
}

Result<std::string> map_text(std::vector<MapEntry> const& entries) {
    auto text = fmt::format("{:<16}{:<16}{:<16}{}\n", "Offset", "Length", "Mapped to", "File");
    for (auto const& [start, extent, file] : entries) {
        if (!extent.has_data || extent.is_zero) continue;
        if (!extent.file_offset) {
            return fail(ExitStatus::configuration,
                        fmt::format("'{}' has compressed clusters, which only --output=json can show", file));
        }
        text += fmt::format("{:<16}{:<16}{:<16}{}\n", fmt::format("{:#x}", start), fmt::format("{:#x}", extent.bytes),
                            fmt::format("{:#x}", *extent.file_offset), file);
    }
    return text;
}

} // namespace ring3::app
