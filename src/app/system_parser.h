// SystemParser: a pass over the command line of ring3-system-i386. Each option has a row in system_options.cpp and a
// function here; who knows what a group of options means (drives, networks, characters) collects it, and finish() puts it
// together. What is named by -device, -object and -global stands in system_devices.cpp.
#pragma once

#include "app/comma_list.h"
#include "app/device_wiring.h"
#include "app/drive_options.h"
#include "app/firmware_options.h"
#include "app/net_options.h"
#include "app/share_options.h"
#include "app/system_options.h"
#include "app/virtio_options.h"

namespace ring3::app {

using Parsed = std::variant<VmSettings, PrintText>;

class SystemParser {
public:
    explicit SystemParser(std::span<std::string_view const> cpu_names) : cpu_names_{cpu_names} {}
    Result<Parsed> parse(std::span<std::string const> arguments);
    /// The index of the word that is being looked at, or their number at the end.
    std::size_t at() const { return at_; }

    Result<void> bios(std::string const& path) { return set(settings_.firmware.image, path); }
    Result<void> kernel(std::string const& path) { return set(settings_.boot.kernel, path); }
    Result<void> initrd(std::string const& text) { return set(settings_.boot.initrd_option, text); }
    Result<void> append(std::string const& text) { return set(settings_.boot.command_line, text); }
    Result<void> hda(std::string const& path) { return drives_.add_hard_disk(0, path); }
    Result<void> hdb(std::string const& path) { return drives_.add_hard_disk(1, path); }
    Result<void> hdc(std::string const& path) { return drives_.add_hard_disk(2, path); }
    Result<void> hdd(std::string const& path) { return drives_.add_hard_disk(3, path); }
    Result<void> cdrom(std::string const& path) { return drives_.add_cdrom(path); }
    Result<void> fda(std::string const& path) { return drives_.add_floppy(0, path); }
    Result<void> fdb(std::string const& path) { return drives_.add_floppy(1, path); }
    Result<void> drive(std::string const& text) { return drives_.add_drive(text); }
    Result<void> snapshot(std::string const&);
    Result<void> memory(std::string const& text);
    Result<void> smp(std::string const& text);
    Result<void> cpu(std::string const& text);
    Result<void> machine(std::string const& text);
    Result<void> accelerator(std::string const& text);
    Result<void> display(std::string const& text);
    Result<void> vnc(std::string const& text) { return only("-vnc", text, {"none"}); }
    Result<void> vga(std::string const& text);
    Result<void> nographic(std::string const&);
    Result<void> serial(std::string const& text);
    Result<void> parallel(std::string const& text);
    Result<void> monitor(std::string const& text);
    Result<void> debugcon(std::string const& text);
    Result<void> chardev(std::string const& text) { return wiring_.add_chardev(text); }
    Result<void> netdev(std::string const& text) { return network_.add_netdev(text); }
    Result<void> nic(std::string const& text) { return network_.add_nic(text); }
    Result<void> net(std::string const& text) { return network_.add_net(text); }
    Result<void> virtfs(std::string const& text) { return shares_.add_virtfs(text); }
    Result<void> fsdev(std::string const& text) { return shares_.add_fsdev(text); }
    Result<void> object(std::string const& text);
    Result<void> device(std::string const& text);
    Result<void> global(std::string const& text);
    Result<void> console(std::string const& text);
    Result<void> enable_kvm(std::string const&) { return {}; }
    Result<void> audio(std::string const& text);
    Result<void> nodefaults(std::string const&);
    Result<void> no_reboot(std::string const&);
    Result<void> no_shutdown(std::string const&);
    Result<void> action(std::string const& text);
    Result<void> log(std::string const& words);
    Result<void> log_file(std::string const& path) { return set(settings_.log_file, path); }
    Result<void> name(std::string const& text);
    Result<void> pid_file(std::string const& path) { return set(settings_.pid_file, path); }
    Result<void> rtc(std::string const& text);
    Result<void> boot(std::string const& text) { return parse_boot(text, settings_.firmware); }
    Result<void> fw_cfg(std::string const& text) { return parse_fw_cfg(text, settings_.firmware); }
    Result<void> smbios(std::string const& text) { return parse_smbios(text, settings_.firmware); }
    Result<void> uuid(std::string const& text);
    Result<void> data_directory(std::string const& path);
    Result<void> sandbox(std::string const& text);
    Result<void> start_paused(std::string const&) {
        settings_.start_paused = true;
        return {};
    }
    Result<void> no_floppy_check(std::string const&) {
        settings_.firmware.check_floppy_signature = false;
        return {};
    }
    Result<void> option_rom(std::string const& text) { return parse_option_rom(text, settings_.firmware); }
    Result<void> nothing_to_do(std::string const&) { return {}; }
    Result<void> version(std::string const&);
    Result<void> help(std::string const&);

private:
    static Result<void> set(std::string& member, std::string const& value) {
        member = value;
        return {};
    }
    static Result<void> only(std::string_view option, std::string_view text,
                             std::initializer_list<std::string_view> known);
    Result<void> print(std::string text) {
        print_ = PrintText{std::move(text)};
        return {};
    }
    /// True if the word was one of the engine's switches; then also its value has been taken.
    Result<bool> take_engine_switch(std::span<std::string const> arguments, std::size_t& i);
    Result<void> check_accelerators(std::string_view option, std::string_view names);
    Result<void> add_devices();
    Result<void> add_device(std::string const& text);
    Result<void> add_serial_device(CommaList& list);
    Result<void> add_debug_exit(CommaList& list);
    Result<void> add_debugcon_device(CommaList& list);
    Result<void> add_virtconsole(CommaList& list);
    Result<Parsed> finish();

    VmSettings settings_;
    DeviceWiring wiring_;
    NetOptions network_;
    DriveOptions drives_;
    VirtioOptions virtio_;
    ShareOptions shares_;
    std::optional<PrintText> print_;
    std::span<std::string_view const> cpu_names_;
    std::size_t at_{};
    /// -device words wait for the end: what they name may come behind them.
    struct Waiting {
        std::string text;
        std::size_t at;
    };
    std::vector<Waiting> devices_;
    std::optional<std::string> debugcon_;
    driver::DebugconPort debugcon_port_;
    struct {
        bool default_card{true};
        std::optional<Graphics> chosen;
    } graphics_;
};

} // namespace ring3::app
