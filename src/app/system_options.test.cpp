#include "app/system_options.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

using Arguments = std::vector<std::string>;

constexpr std::string_view cpus[] = {"max", "qemu32"};

Result<std::variant<VmSettings, PrintText>> parse(Arguments const& arguments) {
    return parse_system_options(arguments, cpus);
}

VmSettings settings_of(Arguments arguments) {
    arguments.insert(arguments.begin(), {"-kernel", "/boot/k"});
    auto result = parse(arguments);
    EXPECT_TRUE(result) << result.error().message;
    return result ? std::get<VmSettings>(*std::move(result)) : VmSettings{};
}

std::string error_of(Arguments arguments) {
    arguments.insert(arguments.begin(), {"-kernel", "/boot/k"});
    auto const result = parse(arguments);
    if (result) return "";
    EXPECT_EQ(result.error().status, ExitStatus::usage);
    return result.error().message;
}

std::string text_of(Arguments const& arguments) {
    auto const result = parse(arguments);
    return result && std::holds_alternative<PrintText>(*result) ? std::get<PrintText>(*result).text : "";
}

Backend const& backend_of(VmSettings const& settings, ChardevIndex index) {
    return settings.chardevs.at(index).backend;
}

TEST(SystemOptions, a_plain_machine_has_silent_ports_and_no_console) {
    auto const settings = settings_of({});
    EXPECT_EQ(settings.memory, u64{128} << 20);
    EXPECT_EQ(settings.name, "k");
    ASSERT_TRUE(settings.serial[0] && settings.parallel);
    EXPECT_TRUE(std::holds_alternative<NullBackend>(backend_of(settings, settings.serial[0]->chardev)));
    EXPECT_FALSE(settings.serial[1]);
    EXPECT_TRUE(settings.monitors.empty());
}

TEST(SystemOptions, nographic_shares_the_terminal_between_serial_port_and_monitor) {
    auto const settings = settings_of({"-nographic"});
    ASSERT_TRUE(settings.serial[0]);
    EXPECT_TRUE(std::holds_alternative<StdioBackend>(backend_of(settings, settings.serial[0]->chardev)));
    EXPECT_TRUE(settings.chardevs[settings.serial[0]->chardev].multiplexed);
    EXPECT_EQ(settings.monitors, std::vector<ChardevIndex>{settings.serial[0]->chardev});
}

TEST(SystemOptions, nographic_with_a_serial_file_leaves_the_terminal_to_the_monitor) {
    auto const settings = settings_of({"-nographic", "-serial", "file:/tmp/log"});
    EXPECT_TRUE(std::holds_alternative<FileBackend>(backend_of(settings, settings.serial[0]->chardev)));
    ASSERT_EQ(settings.monitors.size(), 1u);
    EXPECT_TRUE(std::holds_alternative<StdioBackend>(backend_of(settings, settings.monitors[0])));
}

TEST(SystemOptions, stdio_cannot_serve_two_devices) {
    EXPECT_NE(error_of({"-nographic", "-serial", "stdio"}), "");
    EXPECT_NE(error_of({"-serial", "stdio", "-debugcon", "stdio"}), "");
    EXPECT_EQ(error_of({"-nographic", "-serial", "mon:stdio"}), "");
    EXPECT_EQ(error_of({"-nographic", "-serial", "stdio", "-monitor", "none"}), "");
}

TEST(SystemOptions, nodefaults_leaves_only_what_was_asked_for) {
    auto const settings = settings_of({"-nodefaults", "-serial", "stdio"});
    EXPECT_TRUE(settings.serial[0]);
    EXPECT_FALSE(settings.parallel);
    EXPECT_FALSE(settings_of({"-nodefaults", "-nographic"}).serial[0]);
}

TEST(SystemOptions, none_leaves_a_serial_port_out) {
    auto const settings = settings_of({"-serial", "none", "-serial", "null"});
    EXPECT_FALSE(settings.serial[0]);
    EXPECT_TRUE(settings.serial[1]);
}

TEST(SystemOptions, a_test_kernels_command_line_works) {
    auto const settings = settings_of({"-nodefaults", "-device",    "isa-debug-exit,iobase=0xf4,iosize=0x4",
                                       "-device",     "pc-testdev", "-device",
                                       "pci-testdev", "-vnc",       "none",
                                       "-serial",     "stdio",      "-machine",
                                       "accel=tcg",   "-smp",       "1",
                                       "-append",     "a b",        "-display",
                                       "none",        "-no-reboot"});
    ASSERT_TRUE(settings.debug_exit);
    EXPECT_EQ(settings.debug_exit->base, 0xf4);
    EXPECT_EQ(settings.debug_exit->size, 4);
    EXPECT_TRUE(settings.isa_test_device);
    EXPECT_TRUE(settings.pci_test_device);
    EXPECT_EQ(settings.policy.reset, OnReset::exit);
    EXPECT_EQ(settings.boot.command_line, "a b");
}

TEST(SystemOptions, debug_exit_has_qemus_defaults) {
    auto const settings = settings_of({"-device", "isa-debug-exit"});
    EXPECT_EQ(settings.debug_exit->base, 0x501);
    EXPECT_EQ(settings.debug_exit->size, 2);
}

TEST(SystemOptions, a_named_chardev_serves_a_device) {
    auto const settings =
        settings_of({"-chardev", "file,id=log,path=/tmp/x", "-device", "isa-debugcon,iobase=0x402,chardev=log"});
    ASSERT_TRUE(settings.debugcon);
    EXPECT_EQ(settings.debugcon->port.base, 0x402);
    EXPECT_EQ(std::get<FileBackend>(backend_of(settings, settings.debugcon->chardev)).path, "/tmp/x");
    EXPECT_NE(error_of({"-chardev", "null,id=a", "-serial", "chardev:a", "-parallel", "chardev:a"}), "");
    EXPECT_NE(error_of({"-serial", "chardev:nobody"}), "");
    EXPECT_NE(error_of({"-chardev", "null,id=a", "-chardev", "null,id=a"}), "");
}

TEST(SystemOptions, random_numbers_may_have_a_name) {
    EXPECT_EQ(settings_of({"-object", "rng-random,id=r,filename=/dev/random", "-device", "virtio-rng-pci,rng=r"})
                  .virtio.size(),
              1u);
    EXPECT_NE(error_of({"-device", "virtio-rng-pci,rng=r"}).find("'r'"), std::string::npos);
    EXPECT_NE(error_of({"-object", "rng-random,id=r,filename=/etc/passwd"}).find("/etc/passwd"), std::string::npos);
}

TEST(SystemOptions, memory_is_in_mebibytes) {
    EXPECT_EQ(settings_of({"-m", "512"}).memory, u64{512} << 20);
    EXPECT_EQ(settings_of({"-m", "size=2G"}).memory, u64{2} << 30);
    EXPECT_EQ(settings_of({"--m", "64M"}).memory, u64{64} << 20);
    EXPECT_EQ(error_of({"-m", "0"}), "option '-m': a guest has 1M to 32G of memory");
    EXPECT_NE(error_of({"-m", "lots"}), "");
    EXPECT_NE(error_of({"-m", "512,maxmem=1G"}), "");
}

TEST(SystemOptions, an_option_that_is_not_supported_is_named) {
    EXPECT_EQ(error_of({"-smp", "2"}), "option '-smp' with cpus=2: a guest has 1 processor");
    EXPECT_EQ(error_of({"-device", "edu"}), "option '-device' does not know 'edu' ('help' lists)");
    EXPECT_NE(error_of({"-device", "pc-testdev,irq=3"}), "");
    EXPECT_EQ(error_of({"-append"}), "option '-append' needs TEXT");
    EXPECT_EQ(error_of({"-d", "int,in_asm"}),
              "option '-d' does not know 'in_asm' (int, cpu_reset, guest_errors, unimp, exec)");
    EXPECT_EQ(error_of({"-accel", "hvf"}), "option '-accel': no accelerator 'hvf' ('tcg' is ring3's own)");
    for (auto const& arguments : {Arguments{"-M", "q35"},
                                  {"-boot", "order=x"},
                                  {"-vga", "virtio"},
                                  {"-display", "gtk"},
                                  {"-rtc", "clock=moon"},
                                  {"-rtc", "driftfix=slew"},
                                  {"-action", "fire=pause"},
                                  {"-sandbox", "on,spawn=allow"},
                                  {"-machine", "pc,usb=on"},
                                  {"-device", "isa-debug-exit,iosize=3"},
                                  {"-device", "isa-debug-exit,iobase=0xffff,iosize=4"}})
        EXPECT_NE(error_of(arguments), "") << arguments[0];
}

TEST(SystemOptions, a_device_may_stand_before_what_it_names) {
    auto const settings =
        settings_of({"-device", "ide-hd,drive=d", "-device", "e1000,netdev=n", "-device", "isa-serial,chardev=c",
                     "-device", "virtio-blk-pci,drive=v", "-nodefaults", "-drive", "file=a,if=none,id=d", "-drive",
                     "file=b,if=none,id=v", "-netdev", "user,id=n", "-chardev", "null,id=c"});
    ASSERT_EQ(settings.drives.size(), 2u);
    EXPECT_EQ(settings.drives[0].path, "a");
    EXPECT_EQ(settings.drives[1].drive.kind, DriveKind::virtio_disk);
    EXPECT_EQ(settings.net.nics.size(), 1u);
    EXPECT_TRUE(settings.serial[0]);
    std::size_t at = 0;
    std::vector<std::string> const bad{"-device", "ide-hd,drive=x", "-m", "64"};
    EXPECT_FALSE(parse_system_options(bad, cpus, &at));
    EXPECT_EQ(at, 0u);
}

TEST(SystemOptions, what_scripts_say_beside_the_point_is_understood) {
    auto const settings = settings_of({"-enable-kvm",
                                       "-accel",
                                       "kvm",
                                       "-machine",
                                       "pc,pcspk-audiodev=a",
                                       "-audiodev",
                                       "none,id=a",
                                       "-name",
                                       "os,process=os",
                                       "-action",
                                       "panic=none",
                                       "-debugcon",
                                       "file:/tmp/log",
                                       "-global",
                                       "isa-debugcon.iobase=0x402",
                                       "-monitor",
                                       "telnet:127.0.0.1:4444,server,nowait",
                                       "-chardev",
                                       "vc,id=v",
                                       "-mon",
                                       "chardev=v,mode=readline"});
    ASSERT_TRUE(settings.debugcon);
    EXPECT_EQ(settings.debugcon->port.base, 0x402);
    ASSERT_EQ(settings.monitors.size(), 2u);
    auto const& socket = std::get<SocketBackend>(backend_of(settings, settings.monitors[0]));
    EXPECT_TRUE(socket.telnet && socket.server && !socket.wait);
    EXPECT_NE(error_of({"-audiodev", "pa,id=a"}).find("no sound"), std::string::npos);
    EXPECT_NE(error_of({"-global", "isa-fdc.fdtypeA=120"}).find("isa-fdc"), std::string::npos);
    EXPECT_NE(error_of({"-chardev", "null,id=c", "-mon", "chardev=c,mode=control"}).find("control"), std::string::npos);
}

TEST(SystemOptions, what_asks_for_nothing_new_is_accepted) {
    settings_of({"-no-hpet", "-no-user-config", "-nodefconfig", "-boot", "strict=off", "-M", "pc,accel=kvm:tcg,usb=off",
                 "-accel", "tcg,thread=single", "-vga", "std", "-smp", "1,sockets=1", "-sandbox", "on,spawn=deny"});
}

TEST(SystemOptions, behaviour_follows_the_last_word) {
    auto const settings = settings_of({"-no-reboot", "-action", "reboot=reset,shutdown=pause", "-sandbox", "off"});
    EXPECT_EQ(settings.policy.reset, OnReset::restart);
    EXPECT_EQ(settings.policy.power_off, OnPowerOff::pause);
    EXPECT_EQ(settings.sandbox, driver::Sandbox::off);
}

TEST(SystemOptions, log_words_and_clock_are_understood) {
    auto const settings =
        settings_of({"-d", "int,cpu_reset", "-D", "/tmp/l", "-rtc", "base=2000-01-01", "-name", "a,,b"});
    EXPECT_TRUE(settings.log.interrupts && settings.log.cpu_reset);
    EXPECT_FALSE(settings.log.guest_errors || settings.log.execution);
    EXPECT_TRUE(settings_of({"-d", "unimp"}).log.guest_errors);
    EXPECT_EQ(settings.log_file, "/tmp/l");
    EXPECT_EQ(settings.rtc_base, 946684800u);
    EXPECT_EQ(settings.name, "a,b");
}

TEST(SystemOptions, the_clock_follows_the_guest_or_the_host) {
    EXPECT_EQ(settings_of({}).rtc_clock, driver::RtcClock::guest_time);
    EXPECT_EQ(settings_of({"-rtc", "base=localtime,clock=host,driftfix=none"}).rtc_clock, driver::RtcClock::host_time);
    EXPECT_EQ(settings_of({"-rtc", "clock=rt"}).rtc_clock, driver::RtcClock::host_time);
    EXPECT_EQ(settings_of({"-rtc", "clock=vm"}).rtc_clock, driver::RtcClock::guest_time);
}

TEST(SystemOptions, the_command_lines_of_other_peoples_systems_are_understood) {
    auto const settings = settings_of({"-drive",      "file=disk.img,format=raw,index=0,media=disk",
                                       "-m",          "128M",
                                       "-serial",     "stdio",
                                       "-no-reboot",  "-no-shutdown",
                                       "-d",          "int,guest_errors",
                                       "-D",          "qemu.log",
                                       "-boot",       "d",
                                       "-cdrom",      "os.iso",
                                       "-device",     "isa-debug-exit,iobase=0xf4,iosize=0x04",
                                       "-vga",        "std",
                                       "-rtc",        "base=localtime",
                                       "-k",          "en-us",
                                       "-S",          "-cpu",
                                       "host",        "-name",
                                       "os",          "-no-fd-bootchk",
                                       "-option-rom", "roms/a.bin",
                                       "-monitor",    "none"});
    EXPECT_TRUE(settings.start_paused);
    EXPECT_FALSE(settings.firmware.check_floppy_signature);
    EXPECT_EQ(settings.firmware.items.at(0).name, "genroms/a.bin");
    EXPECT_EQ(settings.firmware.order[0], BootDevice::cdrom);
    EXPECT_EQ(settings.drives.at(0).path, "disk.img");
}

TEST(SystemOptions, the_engines_switches_take_one_dash_or_two) {
    auto const one = settings_of({"-engine", "interpret", "-optimize", "none", "-memory", "window", "-verify"}).engine;
    EXPECT_EQ(one.options.engine, driver::Engine::interpret);
    EXPECT_FALSE(one.options.optimize.link || one.options.optimize.trace || one.options.optimize.cache);
    EXPECT_EQ(one.options.memory, driver::MemoryPolicy::window);
    EXPECT_EQ(one.options.verify, driver::Verify::every);
    auto const two = settings_of({"--optimize=cache", "--tlb", "asid", "--stats=file=x", "-stats"}).engine;
    EXPECT_TRUE(two.options.optimize.cache && !two.options.optimize.link);
    EXPECT_EQ(two.statistics_file, "file=x");
    EXPECT_TRUE(two.statistics_table);
    EXPECT_EQ(settings_of({"-verify=sample"}).engine.options.verify, driver::Verify::sample);
}

TEST(SystemOptions, the_engine_defaults_to_everything_on) {
    auto const engine = settings_of({}).engine;
    EXPECT_EQ(engine.options.engine, driver::Engine::translate);
    EXPECT_TRUE(engine.options.optimize.link && engine.options.optimize.trace && engine.options.optimize.cache);
    EXPECT_EQ(engine.options.memory, driver::MemoryPolicy::automatic);
    EXPECT_EQ(engine.options.cache_mib, 32u);
    EXPECT_FALSE(engine.statistics_table);
}

TEST(SystemOptions, a_bad_value_of_a_switch_is_answered_with_the_possible_ones) {
    EXPECT_EQ(error_of({"-memory", "512M"}), "option '-memory' takes soft, window or auto, not '512M'");
    EXPECT_EQ(error_of({"--optimize", "none,link"}),
              "option '--optimize' takes none, all or a list of link, trace and cache, not 'none,link'");
    EXPECT_EQ(error_of({"--cache-size", "1G"}), "option '--cache-size' takes a number of MiB from 1 to 256, not '1G'");
    EXPECT_EQ(error_of({"--verify=on"}), "option '--verify' takes every, sample or off, not 'on'");
    EXPECT_EQ(error_of({"--verify="}), "option '--verify=' needs every|sample|off");
    EXPECT_EQ(error_of({"--stats="}), "option '--stats=' needs FILE");
    EXPECT_EQ(error_of({"-tlb"}), "option '-tlb' needs rewrite|asid");
    EXPECT_NE(error_of({"-optimize", ""}), "");
    EXPECT_NE(error_of({"-optimize", "link,"}), "");
}

TEST(SystemOptions, tb_size_is_the_code_caches_size) {
    EXPECT_EQ(settings_of({"-accel", "tcg,tb-size=64"}).engine.options.cache_mib, 64u);
    EXPECT_EQ(settings_of({"-accel", "tcg,tb-size=0"}).engine.options.cache_mib, 32u);
    EXPECT_EQ(settings_of({"-accel", "tcg,tb-size=1024"}).engine.options.cache_mib, 256u);
    EXPECT_NE(error_of({"-accel", "tcg,tb-size=all"}), "");
}

TEST(SystemOptions, lists_and_help_need_no_kernel) {
    EXPECT_NE(text_of({"-cpu", "help"}).find("qemu32"), std::string::npos);
    EXPECT_NE(text_of({"-help"}).find("-initrd FILE"), std::string::npos);
    EXPECT_NE(text_of({"-help"}).find("-stats[=FILE]"), std::string::npos);
    EXPECT_NE(text_of({"-version"}).find(RING3_VERSION), std::string::npos);
    for (auto const* option : {"-machine", "-accel", "-device", "-d"})
        EXPECT_NE(text_of({option, "help"}), "") << option;
}

TEST(SystemOptions, the_graphics_card_is_a_default) {
    EXPECT_EQ(settings_of({}).firmware.graphics, Graphics::standard_vga);
    EXPECT_EQ(settings_of({"-vga", "none"}).firmware.graphics, Graphics::none);
    EXPECT_EQ(settings_of({"-nodefaults"}).firmware.graphics, Graphics::none);
    EXPECT_EQ(settings_of({"-nodefaults", "-vga", "std"}).firmware.graphics, Graphics::standard_vga);
    EXPECT_EQ(settings_of({"-nodefaults", "-device", "VGA"}).firmware.graphics, Graphics::standard_vga);
}

TEST(SystemOptions, without_a_kernel_firmware_starts) {
    auto const firmware_of = [](Arguments const& arguments) {
        auto const result = parse(arguments);
        return result ? std::get<VmSettings>(*result).firmware.image : result.error().message;
    };
    EXPECT_EQ(firmware_of({"-nographic"}), "bios-256k.bin");
    EXPECT_EQ(firmware_of({"-bios", "my.bin"}), "my.bin");
    EXPECT_EQ(firmware_of({"-kernel", "k"}), "");
    EXPECT_EQ(error_of({"-bios", "b"}), "options '-kernel' and '-bios': a kernel is booted directly, without firmware");
}

} // namespace
} // namespace ring3::app
