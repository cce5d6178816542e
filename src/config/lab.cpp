#include "config/lab.h"

#include "config/command_line.h"
#include "config/suggest.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3::config {

namespace {

constexpr std::size_t longest_lab = 15, longest_switch = 16; // together with a dash, 32: net::switch_path's limit

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::string plain_name(std::string_view stem) {
    std::string name;
    for (char const c : stem.substr(0, longest_lab)) name += is_plain(c) ? c : '-';
    return name.empty() ? "lab" : name;
}

class Builder {
public:
    explicit Builder(Document document) : document_{std::move(document)} {
        lab_.problems = std::move(document_.problems);
    }
    Lab build(std::string_view stem);

private:
    void complain(Place place, std::string message) { lab_.problems.push_back({place, std::move(message)}); }
    void read_lab_table(std::string_view stem);
    void check_names(std::string_view kind, std::size_t longest);
    void add_switch(Record const& record);

    Document document_;
    Lab lab_;
    Surroundings around_;
};

void Builder::read_lab_table(std::string_view stem) {
    lab_.name = plain_name(stem);
    for (Record const* record : document_.file.all("lab")) {
        around_.stop_timeout = record->number("stop-timeout").value_or(around_.stop_timeout);
        auto const name = record->text("name");
        if (!record->find("name")) continue;
        if (name.empty() || name.size() > longest_lab || !std::ranges::all_of(name, is_plain))
            complain(record->place_of("name"),
                     fmt::format("a lab's name has 1 to {} letters, digits, - and _", longest_lab));
        else
            lab_.name = name;
    }
    around_.lab = lab_.name;
}

void Builder::check_names(std::string_view kind, std::size_t longest) {
    std::vector<std::string> seen;
    for (Record const* record : document_.file.all(kind)) {
        if (!record->find("name")) continue;
        auto const name = record->text("name");
        bool const plain = std::ranges::all_of(name, [](char c) { return is_plain(c) || c == '.'; });
        if (name.empty() || name.size() > longest || !plain)
            complain(record->place_of("name"),
                     fmt::format("the name '{}' has other than 1 to {} letters, digits, - and _", name, longest));
        if (std::ranges::find(seen, name) != seen.end())
            complain(record->place_of("name"), fmt::format("there are two of [[{}]] with the name '{}'", kind, name));
        seen.push_back(name);
    }
}

void Builder::add_switch(Record const& record) {
    auto const name = record.text("name");
    Switch added{name, record.flag("shared") ? name : fmt::format("{}-{}", lab_.name, name), false};
    if (record.find("uplink")) {
        Place const place = record.place_of("uplink");
        auto const id = fmt::format("uplink-{}", name);
        lab_.uplinks.push_back({added.host_name, fmt::format("{},id={}", record.text("uplink"), id), id,
                                record.number("uplink-vlan").value_or(1), place});
        // A user network answers DHCP; of others nobody knows.
        added.gives_addresses = true;
        if (record.text("uplink").empty()) complain(place, "'uplink' names no back end: user, tap,ifname=NAME, ...");
    } else if (record.find("uplink-vlan")) {
        complain(record.place_of("uplink-vlan"), "'uplink-vlan' needs 'uplink'");
    }
    around_.switches.push_back(std::move(added));
}

Lab Builder::build(std::string_view stem) {
    auto const& file = document_.file;
    read_lab_table(stem);
    check_names("switch", longest_switch);
    check_names("volume", 64);
    check_names("vm", 64);
    for (Record const* record : file.all("switch")) add_switch(*record);
    for (Record const* record : file.all("volume")) {
        around_.volumes.push_back({record->text("name"), record->text("file")});
        if (record->find("file"))
            lab_.volumes.push_back({record->text("file"), {record->text("file"), record->place_of("file"), "file"}});
    }
    for (Record const* record : file.all("vm")) lab_.machines.push_back(make_machine(*record, around_, lab_.problems));
    if (file.all("vm").empty() && lab_.problems.empty()) complain({}, "there is no machine ([[vm]])");
    std::ranges::stable_sort(lab_.problems);
    return std::move(lab_);
}

} // namespace

Lab read_lab(std::string_view text, std::string_view stem) {
    return Builder{read_document(text)}.build(stem);
}

} // namespace ring3::config
