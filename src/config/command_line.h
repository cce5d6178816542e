// From a [[vm]] table to the words of ring3-system-i386's command line.
#pragma once

#include "config/lab.h"

#include <map>

namespace ring3::config {

struct Switch {
    std::string name, host_name;
    bool gives_addresses{}; // by DHCP, through its uplink
};
struct VolumeFile {
    std::string name, file;
};

/// What the other tables of the file have said.
struct Surroundings {
    std::string lab;
    std::vector<Switch> switches;
    std::vector<VolumeFile> volumes;
    i64 stop_timeout{10};
    std::vector<std::string> addresses{};             // that cards have been given so far
    std::map<std::string, std::string> disk_owners{}; // by path: the machine that writes to it
};

Machine make_machine(Record const& vm, Surroundings& around, Problems& problems);

/// A comma in a value of a comma list is doubled.
std::string doubled_commas(std::string_view text);

} // namespace ring3::config
