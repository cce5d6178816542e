#include "config/command_line.h"

#include "config/suggest.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace ring3::config {

namespace {

constexpr std::string_view option_of_disk[] = {"-hda", "-hdb", "-hdc", "-hdd"};
constexpr std::string_view option_of_floppy[] = {"-fda", "-fdb"};

std::string as_text(Value const& value) {
    if (auto const* text = std::get_if<std::string>(&value.content)) return *text;
    if (auto const* number = std::get_if<i64>(&value.content)) return std::to_string(*number);
    if (auto const* flag = std::get_if<bool>(&value.content)) return *flag ? "on" : "off";
    return "";
}

std::string joined(std::vector<Element> const& elements, std::string_view between) {
    std::string text;
    for (auto const& element : elements) text += fmt::format("{}{}", text.empty() ? "" : between, element.text);
    return text;
}

/// FNV-1a: an address that stays the same as long as the names do.
u32 hash_of(std::string_view text) {
    u32 hash = 0x811c'9dc5;
    for (char const c : text) hash = (hash ^ static_cast<u8>(c)) * 0x0100'0193;
    return hash;
}

class Builder {
public:
    Builder(Record const& vm, Surroundings& around, Problems& problems)
        : vm_{vm}, around_{around}, problems_{problems} {}
    Machine build();

private:
    void complain(Place place, std::string message) { problems_.push_back({place, std::move(message)}); }
    void add(std::string key, Place place, std::string option, std::string value);
    void add_word(std::string key, Place place, std::string word) {
        machine_.arguments.push_back({std::move(word), place, std::move(key)});
    }
    void need_file(Value const& value, std::string const& path, Place place);
    void add_value(Value const& value);
    void add_behaviour();
    void add_consoles();
    void add_images(std::string_view key, std::span<std::string_view const> options);
    void add_guest();
    void claim(Record const& drive, std::string const& path, Place place);
    void add_drive(Record const& drive, std::size_t number);
    std::string drive_file(Record const& drive);
    void add_nic(Record const& nic, std::size_t number);
    void add_share(Record const& share);
    std::string backend_of(Record const& nic);
    std::string switch_port(Record const& nic);
    std::string card_of(Record const& nic, std::size_t number);
    std::string own_address(std::size_t number);

    Record const& vm_;
    Surroundings& around_;
    Problems& problems_;
    Machine machine_;
    bool network_gives_address_{};
};

void Builder::add(std::string key, Place place, std::string option, std::string value) {
    machine_.arguments.push_back({std::move(option), place, key});
    machine_.arguments.push_back({std::move(value), place, std::move(key)});
}

void Builder::need_file(Value const& value, std::string const& path, Place place) {
    machine_.files.push_back({path, {path, place, std::string{value.key->name}}});
}

/// What the schema says of a key is enough for most of them.
void Builder::add_value(Value const& value) {
    Key const& key = *value.key;
    std::string const name{key.name}, option = fmt::format("-{}", key.option);
    auto const elements = [&] { return std::get<std::vector<Element>>(value.content); };
    switch (key.use) {
    case Use::special:
    case Use::pair: break;
    case Use::option: add(name, value.place, option, as_text(value)); break;
    case Use::on_off: add(name, value.place, option, as_text(value)); break;
    case Use::enable:
        if (std::get<bool>(value.content)) add_word(name, value.place, option);
        break;
    case Use::each:
        for (auto const& element : elements()) add(name, element.place, option, element.text);
        break;
    case Use::words: add(name, value.place, option, joined(elements(), " ")); break;
    case Use::commas: add(name, value.place, option, joined(elements(), ",")); break;
    }
    if (key.type == Type::file) need_file(value, as_text(value), value.place);
}

void Builder::add_behaviour() {
    if (vm_.text("on-reset") == "exit") add_word("on-reset", vm_.place_of("on-reset"), "-no-reboot");
    if (vm_.text("on-poweroff") == "pause") add_word("on-poweroff", vm_.place_of("on-poweroff"), "-no-shutdown");
    machine_.stop_timeout = vm_.number("stop-timeout").value_or(around_.stop_timeout);
}

/// The lab's console is the machine's standard input and output, shared with its operator's console.
void Builder::add_consoles() {
    auto const ports = vm_.list("serial");
    if (machine_.guest && !machine_.guest->command.empty()) {
        // The command has ports of its own.
        if (vm_.find("serial")) complain(vm_.place_of("serial"), "'serial' and 'command' exclude each other");
        add("command", vm_.place_of("command"), "-display", "none");
        return add("command", vm_.place_of("command"), "-serial", "null");
    }
    if (!vm_.find("serial")) return add_word("serial", vm_.place, "-nographic");
    add("serial", vm_.place_of("serial"), "-display", "none");
    bool taken = false;
    for (auto const& port : ports) {
        bool const console = port.text == "console";
        if (console && std::exchange(taken, true)) complain(port.place, "there is one console");
        add("serial", port.place, "-serial", console ? "mon:stdio" : port.text);
    }
    if (ports.empty()) add("serial", vm_.place_of("serial"), "-serial", "none");
}

void Builder::add_images(std::string_view key, std::span<std::string_view const> options) {
    auto const images = vm_.list(key);
    for (std::size_t i = 0; i < images.size(); ++i) {
        if (i >= options.size())
            return complain(images[i].place, fmt::format("'{}' has {} at most", key, options.size()));
        add(std::string{key}, images[i].place, std::string{options[i]}, images[i].text);
        need_file(*vm_.find(key), images[i].text, images[i].place);
        claim({}, images[i].text, images[i].place);
    }
}

void Builder::add_guest() {
    bool const wanted = vm_.find("guest") != nullptr;
    if (!wanted && vm_.find("command")) complain(vm_.place_of("command"), "'command' needs guest = \"default\"");
    for (auto const* key : {"kernel", "initrd", "modules", "bios", "boot"})
        if (wanted && vm_.find(key))
            complain(vm_.place_of(key), fmt::format("the default guest has its own '{}'", key));
    if (!vm_.find("modules")) {
        if (wanted)
            machine_.guest = GuestWanted{vm_.text("command"), joined(vm_.list("append"), " "), vm_.place_of("guest")};
        return;
    }
    if (vm_.find("initrd")) complain(vm_.place_of("modules"), "'initrd' and 'modules' exclude each other");
    std::vector<Element> modules = vm_.list("modules");
    for (auto& module : modules) {
        need_file(*vm_.find("modules"), module.text.substr(0, module.text.find(' ')), module.place);
        module.text = doubled_commas(module.text);
    }
    add("modules", vm_.place_of("modules"), "-initrd", joined(modules, ","));
}

// ---- drives

std::string Builder::drive_file(Record const& drive) {
    bool const file = drive.find("file"), volume = drive.find("volume"), disk = drive.find("disk");
    if (file && (volume || disk))
        complain(drive.place_of(volume ? "volume" : "disk"), "a drive has a 'file', or a 'volume' and a 'disk' in it");
    if (!file && volume != disk)
        complain(drive.place, fmt::format("a drive of a volume needs '{}' too", volume ? "disk" : "volume"));
    if (file) {
        need_file(*drive.find("file"), drive.text("file"), drive.place_of("file"));
        return drive.text("file");
    }
    if (!volume || !disk) return "";
    auto const found = std::ranges::find(around_.volumes, drive.text("volume"), &VolumeFile::name);
    if (found == around_.volumes.end()) {
        std::vector<std::string_view> names;
        for (auto const& one : around_.volumes) names.push_back(one.name);
        complain(drive.place_of("volume"), fmt::format("there is no volume '{}'{}", drive.text("volume"),
                                                       did_you_mean(drive.text("volume"), names)));
        return "";
    }
    machine_.disks.push_back({found->file, drive.text("disk"), drive.place_of("disk")});
    return fmt::format("volume:{}/{}", found->file, drive.text("disk"));
}

/// Whose the writable disks of the file are: two machines that write one disk destroy it.
void Builder::claim(Record const& drive, std::string const& path, Place place) {
    if (path.empty() || drive.flag("readonly") || drive.flag("snapshot") || drive.text("media") == "cdrom" ||
        vm_.flag("snapshot"))
        return;
    auto const [owner, is_new] = around_.disk_owners.emplace(path, machine_.name);
    if (!is_new)
        complain(place, fmt::format("'{}' is a disk of machine '{}' already, which writes to it (readonly or snapshot "
                                    "lets several use it)",
                                    path, owner->second));
}

/// An order of booting is a property of devices: then the drive and its device are named apart.
void Builder::add_drive(Record const& drive, std::size_t number) {
    std::string text;
    auto const pair = [&](std::string_view key, std::string_view value) {
        text += fmt::format("{}{}={}", text.empty() ? "" : ",", key, doubled_commas(value));
    };
    auto const order = drive.number("bootindex");
    auto const interface = drive.find("if") ? drive.text("if") : "ide";
    auto const file = drive_file(drive);
    claim(drive, file, drive.place_of(drive.find("file") ? "file" : "disk"));
    bool const apart = order || drive.find("cyls") || drive.find("heads") || drive.find("secs");
    if (!file.empty()) pair("file", file);
    if (drive.find("volume") && !drive.find("format")) pair("format", "raw");
    for (auto const& value : drive.values) {
        bool const place = value.key->name == "if" || value.key->name == "index" || value.key->name == "serial";
        if (value.key->use == Use::pair && !(apart && place)) pair(value.key->name, as_text(value));
    }
    if (!apart) return add("drive", drive.place, "-drive", text);
    auto const id = fmt::format("drive{}", number);
    pair("if", "none");
    pair("id", id);
    add("drive", drive.place, "-drive", text);
    bool const cdrom = drive.text("media") == "cdrom";
    auto device = fmt::format("{},drive={}",
                              interface == "virtio"   ? "virtio-blk-pci"
                              : interface == "floppy" ? "floppy"
                              : cdrom                 ? "ide-cd"
                                                      : "ide-hd",
                              id);
    auto const index = drive.number("index");
    if (index && interface == "ide") device += fmt::format(",bus=ide.{},unit={}", *index / 2, *index % 2);
    if (index && interface == "floppy") device += fmt::format(",unit={}", *index);
    if (drive.find("serial")) device += ",serial=" + doubled_commas(drive.text("serial"));
    for (auto const* key : {"cyls", "heads", "secs", "bootindex"})
        if (auto const value = drive.number(key)) device += fmt::format(",{}={}", key, *value);
    add("drive", drive.place, "-device", device);
}

// ---- cards

std::string Builder::switch_port(Record const& nic) {
    auto const name = nic.text("switch");
    auto const found = std::ranges::find(around_.switches, name, &Switch::name);
    if (found == around_.switches.end()) {
        std::vector<std::string_view> names;
        for (auto const& one : around_.switches) names.push_back(one.name);
        complain(nic.place_of("switch"), fmt::format("there is no switch '{}'{}", name, did_you_mean(name, names)));
        return "";
    }
    machine_.switches.push_back(found->host_name);
    network_gives_address_ |= found->gives_addresses;
    auto text = fmt::format("switch,name={}", found->host_name);
    if (auto const vlan = nic.number("vlan")) text += fmt::format(",vlan={}", *vlan);
    if (nic.find("trunk")) text += ",trunk=" + joined(nic.list("trunk"), ":");
    if (nic.find("rate")) text += ",rate=" + nic.text("rate");
    return text;
}

std::string Builder::backend_of(Record const& nic) {
    bool const at_switch = nic.find("switch");
    if (at_switch && nic.find("network"))
        complain(nic.place_of("network"), "a card has a 'switch' or a 'network', not both");
    for (auto const* key : {"vlan", "trunk", "rate"})
        if (!at_switch && nic.find(key)) complain(nic.place_of(key), fmt::format("'{}' is for cards at a switch", key));
    auto text = at_switch ? switch_port(nic) : nic.find("network") ? nic.text("network") : "user";
    bool const user = !at_switch && text.starts_with("user");
    network_gives_address_ |= user;
    if (nic.find("forward") && !user) complain(nic.place_of("forward"), "'forward' is for a card of the user network");
    for (auto const& rule : nic.list("forward")) text += ",hostfwd=" + doubled_commas(rule.text);
    return text;
}

std::string Builder::own_address(std::size_t number) {
    for (u32 attempt = 0;; ++attempt) {
        u32 const hash = hash_of(fmt::format("{}/{}/{}/{}", around_.lab, machine_.name, number, attempt));
        auto address = fmt::format("52:54:00:{:02x}:{:02x}:{:02x}", hash >> 16 & 0xff, hash >> 8 & 0xff, hash & 0xff);
        if (std::ranges::find(around_.addresses, address) == around_.addresses.end()) return address;
    }
}

std::string Builder::card_of(Record const& nic, std::size_t number) {
    auto const id = fmt::format("net{}", number);
    auto const mac = nic.find("mac") ? nic.text("mac") : own_address(number);
    if (std::ranges::find(around_.addresses, mac) != around_.addresses.end())
        complain(nic.place_of("mac"), fmt::format("another card has the address {}", mac));
    around_.addresses.push_back(mac);
    auto const model = nic.find("model") ? nic.text("model") : "e1000";
    auto text = fmt::format("{},netdev={},mac={}", model, id, doubled_commas(mac));
    for (auto const* key : {"addr", "romfile"})
        if (nic.find(key)) text += fmt::format(",{}={}", key, doubled_commas(nic.text(key)));
    if (auto const order = nic.number("bootindex")) text += fmt::format(",bootindex={}", *order);
    return text;
}

void Builder::add_nic(Record const& nic, std::size_t number) {
    auto const backend = backend_of(nic);
    if (backend.empty()) return;
    auto const id = fmt::format("net{}", number);
    add("nic", nic.place_of(nic.find("network") ? "network" : "switch"), "-netdev",
        fmt::format("{},id={}", backend, id));
    add("nic", nic.place, "-device", card_of(nic, number));
    if (nic.find("capture"))
        add("nic", nic.place_of("capture"), "-object",
            fmt::format("filter-dump,id=capture{},netdev={},file={}", number, id, doubled_commas(nic.text("capture"))));
}

void Builder::add_share(Record const& share) {
    if (!share.find("path")) return;
    need_file(*share.find("path"), share.text("path"), share.place_of("path"));
    auto const tag = share.find("tag") ? share.text("tag") : "share";
    add("share", share.place, "-virtfs",
        fmt::format("local,path={},mount_tag={},security_model=none{}", doubled_commas(share.text("path")),
                    doubled_commas(tag), share.flag("readonly") ? ",readonly=on" : ""));
}

Machine Builder::build() {
    machine_.name = vm_.text("name");
    machine_.place = vm_.place;
    add("name", vm_.place_of("name"), "-name", doubled_commas(machine_.name));
    add_guest();
    for (auto const& value : vm_.values)
        if (!(machine_.guest && value.key->name == "append")) add_value(value);
    add_images("disk", option_of_disk);
    add_images("floppy", option_of_floppy);
    std::size_t number = 0;
    for (Record const* drive : vm_.all("drive")) add_drive(*drive, number++);
    auto const nics = vm_.all("nic");
    for (std::size_t i = 0; i < nics.size(); ++i) add_nic(*nics[i], i);
    if (nics.empty()) add("nic", vm_.place, "-nic", "none");
    for (Record const* share : vm_.all("share")) add_share(*share);
    add_consoles();
    add_behaviour();
    for (auto const& word : vm_.list("options")) add_word("options", word.place, word.text);
    if (machine_.guest) machine_.guest->has_dhcp = network_gives_address_;
    return std::move(machine_);
}

} // namespace

std::string doubled_commas(std::string_view text) {
    std::string result;
    for (char const c : text) result += c == ',' ? std::string{",,"} : std::string{c};
    return result;
}

std::vector<Argument> uplink_arguments(Uplink const& uplink) {
    auto const port = fmt::format("switch,name={},uplink={},uplink-vlan={},id=port-{}", uplink.switch_name, uplink.id,
                                  uplink.vlan, uplink.id);
    return {{"-netdev", uplink.place, "uplink"},
            {uplink.backend, uplink.place, "uplink"},
            {"-netdev", uplink.place, "uplink"},
            {port, uplink.place, "uplink"}};
}

Machine make_machine(Record const& vm, Surroundings& around, Problems& problems) {
    return Builder{vm, around, problems}.build();
}

} // namespace ring3::config
