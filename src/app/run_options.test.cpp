#include "app/run_options.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace ring3::app {
namespace {

using Arguments = std::vector<std::string>;

RunOptions options_of(Arguments const& arguments) {
    auto const parsed = parse_run_options(arguments);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed ? std::get<RunOptions>(*parsed) : RunOptions{};
}

std::string error_of(Arguments const& arguments) {
    auto const parsed = parse_run_options(arguments);
    if (parsed) return "";
    EXPECT_EQ(parsed.error().status, ExitStatus::usage);
    EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos);
    return parsed.error().message;
}

/// A directory that looks like the default guest's.
class RunSettings : public ::testing::Test {
protected:
    RunSettings() {
        char name[] = "/tmp/ring3-test-XXXXXX";
        directory = ::mkdtemp(name);
        write("vmlinuz", "kernel");
        write("initramfs.cpio.gz", "initrd");
    }
    ~RunSettings() override { std::filesystem::remove_all(directory); }
    void write(std::string const& name, std::string const& content) {
        std::ofstream{directory + "/" + name} << content;
    }
    VmSettings settings_of(Arguments const& arguments, StandardInput input = StandardInput::terminal) {
        Arguments const directories{directory + "/nowhere", directory};
        auto settings = run_settings(options_of(arguments), input, directories);
        EXPECT_TRUE(settings) << settings.error().message;
        return settings ? *std::move(settings) : VmSettings{};
    }
    std::string directory;
};

TEST(RunOptions, everything_behind_the_dashes_is_the_command) {
    auto const options = options_of({"-m", "512", "--", "sh", "-c", "exit 7", "--", "--memory"});
    EXPECT_EQ(options.memory, u64{512} << 20);
    EXPECT_EQ(options.command, (Arguments{"sh", "-c", "exit 7", "--", "--memory"}));
}

TEST(RunOptions, defaults_are_a_shell_in_256_mebibytes) {
    auto const options = options_of({});
    EXPECT_EQ(options.memory, u64{256} << 20);
    EXPECT_TRUE(options.command.empty());
    EXPECT_EQ(options.sandbox, driver::Sandbox::on);
}

TEST(RunOptions, what_is_wrong_is_named_in_one_line) {
    EXPECT_EQ(error_of({"--colour", "user"}), "unknown option '--colour' ('ring3 help run' lists the options)");
    EXPECT_NE(error_of({"uname"}).find("'uname': a command goes behind '--'"), std::string::npos);
    EXPECT_NE(error_of({"--"}), "");
    EXPECT_NE(error_of({"-m"}), "");
    EXPECT_NE(error_of({"-m", "0"}), "");
    EXPECT_NE(error_of({"-d", "everything"}), "");
    EXPECT_NE(error_of({"--sandbox", "maybe"}), "");
}

TEST(RunOptions, the_engines_switches_are_understood_with_a_space_or_an_equals_sign) {
    auto const engine = options_of({"--engine", "interpret", "--optimize=link,trace", "--tlb=rewrite", "--verify",
                                    "--check-code", "--cache-size", "256", "--stats", "--stats=out.json"})
                            .engine;
    EXPECT_EQ(engine.options.engine, driver::Engine::interpret);
    EXPECT_TRUE(engine.options.optimize.link && engine.options.optimize.trace && !engine.options.optimize.cache);
    EXPECT_EQ(engine.options.tlb, driver::TlbMethod::rewrite);
    EXPECT_EQ(engine.options.verify, driver::Verify::every);
    EXPECT_TRUE(engine.options.check_code);
    EXPECT_EQ(engine.options.cache_mib, 256u);
    EXPECT_TRUE(engine.statistics_table);
    EXPECT_EQ(engine.statistics_file, "out.json");
}

TEST(RunOptions, memory_is_a_size_or_a_policy) {
    auto const options = options_of({"--memory", "512M", "--memory", "soft"});
    EXPECT_EQ(options.memory, u64{512} << 20);
    EXPECT_EQ(options.engine.options.memory, driver::MemoryPolicy::soft);
    EXPECT_EQ(options_of({"--memory=window"}).engine.options.memory, driver::MemoryPolicy::window);
    EXPECT_EQ(options_of({"--memory=window"}).memory, u64{256} << 20);
    EXPECT_NE(error_of({"--memory", "hard"}).find("soft, window or auto"), std::string::npos);
}

TEST(RunOptions, stats_does_not_swallow_the_next_word) {
    EXPECT_TRUE(options_of({"--stats", "--verbose"}).verbose);
    EXPECT_NE(error_of({"--stats", "file"}).find("unexpected 'file'"), std::string::npos);
    EXPECT_TRUE(options_of({"--stats", "--", "true"}).engine.statistics_file.empty());
}

TEST(RunOptions, verify_is_for_every_run_unless_it_says_otherwise) {
    EXPECT_EQ(options_of({}).engine.options.verify, driver::Verify::off);
    EXPECT_EQ(options_of({"--verify"}).engine.options.verify, driver::Verify::every);
    EXPECT_EQ(options_of({"--verify=every"}).engine.options.verify, driver::Verify::every);
    EXPECT_EQ(options_of({"--verify=sample"}).engine.options.verify, driver::Verify::sample);
    EXPECT_EQ(options_of({"--verify", "--verify=off"}).engine.options.verify, driver::Verify::off);
    EXPECT_NE(error_of({"--verify=some"}).find("takes every, sample or off, not 'some'"), std::string::npos);
    EXPECT_NE(error_of({"--verify", "sample"}).find("unexpected 'sample'"), std::string::npos);
}

TEST(RunOptions, a_bad_value_of_a_switch_is_answered_with_the_possible_ones) {
    EXPECT_EQ(error_of({"--engine", "guess"}), "option '--engine' takes interpret or translate, not 'guess'");
    for (auto const& arguments : {Arguments{"--optimize", "links"},
                                  {"--tlb", "both"},
                                  {"--cache-size", "0"},
                                  {"--cache-size", "257"},
                                  {"--verify=yes"},
                                  {"--check-code=no"},
                                  {"--engine"}})
        EXPECT_NE(error_of(arguments), "") << arguments[0];
}

TEST(RunOptions, help_is_a_text) {
    auto const parsed = parse_run_options(Arguments{"--help"});
    ASSERT_TRUE(parsed && std::holds_alternative<PrintText>(*parsed));
    EXPECT_NE(std::get<PrintText>(*parsed).text.find("--append"), std::string::npos);
}

TEST_F(RunSettings, a_person_gets_a_shell_and_the_keys_of_the_multiplexer) {
    auto const settings = settings_of({});
    EXPECT_EQ(settings.boot.kernel, directory + "/vmlinuz");
    EXPECT_EQ(settings.boot.initrd_option, directory + "/initramfs.cpio.gz");
    EXPECT_TRUE(settings.boot.command_line.starts_with("console=ttyS0 "));
    EXPECT_TRUE(settings.boot.command_line.ends_with(" quiet ring3.mode=shell"));
    EXPECT_TRUE(settings.chardevs[settings.serial[0]->chardev].multiplexed);
    EXPECT_EQ(settings.monitors.size(), 1u);
    EXPECT_FALSE(settings.serial[0]->wait_until_wanted);
}

TEST_F(RunSettings, a_pipe_is_read_line_by_line_once_the_shell_wants_it) {
    auto const settings = settings_of({}, StandardInput::something_else);
    EXPECT_TRUE(settings.monitors.empty());
    EXPECT_TRUE(settings.serial[0]->wait_until_wanted);
    EXPECT_EQ(settings.serial[0]->far_end, FarEnd::reads_lines);
    EXPECT_NE(settings.boot.command_line.find("ring3.input=lines"), std::string::npos);
}

TEST_F(RunSettings, a_command_has_its_own_ports_and_a_hidden_console) {
    auto const settings = settings_of({"--append", "debug", "--", "uname", "-a"});
    EXPECT_TRUE(settings.boot.command_line.ends_with(" quiet panic=-1 ring3.mode=command debug"));
    auto const backend = [&](unsigned port) { return settings.chardevs[settings.serial[port]->chardev].backend; };
    EXPECT_TRUE(std::holds_alternative<NullBackend>(backend(0)));
    EXPECT_TRUE(std::holds_alternative<StdioBackend>(backend(1)));
    EXPECT_TRUE(std::holds_alternative<StderrBackend>(backend(2)));
    EXPECT_TRUE(settings.console_is_hidden);
    EXPECT_FALSE(settings.boot.extra_initrd.empty());
}

TEST_F(RunSettings, verbose_shows_the_console_beside_the_command) {
    auto const settings = settings_of({"--verbose", "--", "true"});
    EXPECT_TRUE(std::holds_alternative<StderrBackend>(settings.chardevs[settings.serial[0]->chardev].backend));
    EXPECT_EQ(settings.boot.command_line.find("quiet"), std::string::npos);
}

TEST_F(RunSettings, a_kernel_that_is_not_linux_gets_no_initrd_by_itself) {
    write("tiny", "not a Linux kernel");
    EXPECT_EQ(settings_of({"--kernel", directory + "/tiny"}).boot.initrd_option, "");
    EXPECT_EQ(settings_of({"--kernel", directory + "/tiny", "--initrd", "x"}).boot.initrd_option, "x");
    EXPECT_EQ(settings_of({"--initrd", "none"}).boot.initrd_option, "");
}

TEST(RunOptions, a_folder_and_disks_may_be_read_only) {
    auto const options = options_of(
        {"--share", "/srv:ro", "--disk", "disk.img:ro", "--disk", "512M", "--disk=./512M", "--disk", "odd:ro:rw"});
    EXPECT_EQ(options.share->path, "/srv");
    EXPECT_TRUE(options.share->is_read_only);
    ASSERT_EQ(options.disks.size(), 4);
    EXPECT_EQ(options.disks[0].path, "disk.img");
    EXPECT_TRUE(options.disks[0].is_read_only);
    EXPECT_EQ(options.disks[1].scratch_bytes, u64{512} << 20);
    EXPECT_EQ(options.disks[2].path, "./512M");
    EXPECT_EQ(options.disks[3].path, "odd:ro");
    EXPECT_FALSE(options.disks[3].is_read_only);
    EXPECT_FALSE(options_of({"--share", "/srv:rw"}).share->is_read_only);
}

TEST(RunOptions, there_is_one_folder_and_one_empty_disk) {
    EXPECT_NE(error_of({"--share", "a", "--share", "b"}), "");
    EXPECT_NE(error_of({"--disk", "1G", "--disk", "2G"}), "");
    EXPECT_NE(error_of({"--disk", "4K"}), "");
    EXPECT_NE(error_of({"--disk", ""}), "");
    EXPECT_NE(error_of({"--disk"}), "");
    Arguments many;
    for (unsigned n = 0; n <= max_disks; ++n) many.push_back("--disk=a");
    EXPECT_NE(error_of(many), "");
}

TEST_F(RunSettings, a_folder_and_disks_are_virtio_devices_with_their_modules) {
    write("modules-share.cpio", "share");
    write("modules-disk.cpio", "disk");
    auto const settings = settings_of({"--share", "/srv", "--disk", "a.img", "--disk", "1G", "--append", "x"});
    EXPECT_TRUE(settings.boot.command_line.ends_with(" x ring3.disk=yes ring3.scratch=vdb ring3.share=rw"));
    ASSERT_EQ(settings.virtio.size(), 3);
    EXPECT_EQ(std::get<VirtioDiskSettings>(settings.virtio[1].device).drive, 1);
    EXPECT_EQ(std::get<VirtioShareSettings>(settings.virtio[2].device).tag, "share");
    ASSERT_EQ(settings.drives.size(), 2);
    EXPECT_EQ(settings.drives[0].path, "a.img");
    EXPECT_EQ(settings.drives[1].scratch_bytes, u64{1} << 30);
    std::string const archives{settings.boot.extra_initrd.begin(), settings.boot.extra_initrd.end()};
    EXPECT_EQ(archives, "diskshare");
    EXPECT_EQ(settings_of({"--initrd", "none", "--share", "/srv"}).boot.command_line.find("ring3.share"),
              std::string::npos);
}

TEST_F(RunSettings, a_missing_guest_says_how_to_get_it) {
    Arguments const nowhere{directory + "/nowhere"};
    auto const settings = run_settings(RunOptions{}, StandardInput::terminal, nowhere);
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().status, ExitStatus::io);
    EXPECT_NE(settings.error().message.find("make guest"), std::string::npos);
}

} // namespace
} // namespace ring3::app
