// Lab: what a machine file means: for each machine the words of ring3-system-i386's command line, each with its place
// in the file. So there is one reader of options, one meaning of each, and `ring3 config show` shows exactly what runs.
#pragma once

#include "config/document.h"

namespace ring3::config {

/// A word of a command line, and the key that it comes from.
struct Argument {
    std::string text;
    Place place;
    std::string key; // "memory", "nic.mac"; for messages
};

/// Something on the host that must be there.
struct FileNeeded {
    std::string path;
    Argument argument;
};
struct DiskNeeded {
    std::string volume, disk;
    Place place;
};

/// The way out of a switch. Whoever keeps the lab together holds it, or the first machine at that switch.
struct Uplink {
    std::string switch_name; // as on this host
    std::string backend;     // -netdev's value
    std::string id;          // of that back end
    i64 vlan{1};
    Place place;
};

/// The default guest, where a machine asks for it: app/lab_settings.h makes its command line.
struct GuestWanted {
    std::string command; // empty: a shell
    std::string append;
    Place place;
    bool has_dhcp{}; // one of its networks gives it an address
};

struct Machine {
    std::string name;
    Place place;
    std::vector<Argument> arguments;
    std::optional<GuestWanted> guest;
    std::vector<FileNeeded> files;
    std::vector<DiskNeeded> disks;
    std::vector<std::string> switches; // as on this host
    i64 stop_timeout{10};              // seconds
};

struct Lab {
    std::string name;
    std::vector<Machine> machines;
    std::vector<Uplink> uplinks;
    std::vector<FileNeeded> volumes;
    Problems problems;
};

/// `stem`: the file's name without folder and ".toml", which names the lab if the file does not.
Lab read_lab(std::string_view text, std::string_view stem);

/// The words for an uplink, for the command line of a machine that shall hold it.
std::vector<Argument> uplink_arguments(Uplink const& uplink);

} // namespace ring3::config
