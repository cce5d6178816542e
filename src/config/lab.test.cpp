#include "config/lab.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ring3::config {
namespace {

/// "3:10 message", a line each.
std::string problems_of(std::string_view text) {
    std::string result;
    for (auto const& [place, message] : read_lab(text, "test").problems)
        result += fmt::format("{}:{} {}\n", place.line, place.column, message);
    return result;
}

std::string words_of(Machine const& machine) {
    std::string result;
    for (auto const& argument : machine.arguments) result += (result.empty() ? "" : " ") + argument.text;
    return result;
}

/// The command lines, a line each; a problem is a failure.
std::string lines_of(std::string_view text) {
    auto const lab = read_lab(text, "test");
    EXPECT_EQ(problems_of(text), "");
    std::string result;
    for (auto const& machine : lab.machines) result += words_of(machine) + "\n";
    return result;
}

TEST(Lab, one_machine_becomes_one_command_line) {
    EXPECT_EQ(
        lines_of("[[vm]]\nname = \"a\"\nmemory = 64\nkernel = \"vmlinuz\"\nappend = [\"console=ttyS0\", \"quiet\"]\n"),
        "-name a -m 64 -kernel vmlinuz -append console=ttyS0 quiet -nic none -nographic\n");
}

TEST(Lab, a_table_can_be_written_in_three_ways) {
    auto const* const expected = "-name a -m 1G -nic none -nographic\n";
    EXPECT_EQ(lines_of("[[vm]]\nname = \"a\"\nmemory = \"1G\"\n"), expected);
    EXPECT_EQ(lines_of("[vm]\nname = \"a\"\nmemory = \"1G\"\n"), expected);
    EXPECT_EQ(lines_of("[vm.a]\nmemory = \"1G\"\n"), expected);
}

TEST(Lab, machines_stay_in_the_order_of_the_file) {
    EXPECT_EQ(lines_of("[vm.b]\n[vm.a]\n"), "-name b -nic none -nographic\n-name a -nic none -nographic\n");
}

TEST(Lab, unknown_keys_and_tables_are_named_with_what_was_meant) {
    EXPECT_EQ(problems_of("[[vm]]\nname = \"a\"\n  memroy = 64\n"),
              "3:3 unknown key 'memroy' in [[vm]] (did you mean 'memory'?)\n");
    EXPECT_EQ(problems_of("[[vms]]\nname = \"a\"\n"), "1:3 unknown table 'vms' in the file (did you mean 'vm'?)\n");
    EXPECT_EQ(problems_of("[vm.a]\n[[vm.a.nics]]\nswitch = \"x\"\n"),
              "2:8 unknown table 'nics' in [[vm]] (did you mean 'nic'?)\n");
    EXPECT_EQ(problems_of("[vm.a]\nFlorplezwank = 1\n"), "2:1 unknown key 'Florplezwank' in [[vm]]\n");
}

TEST(Lab, wrong_types_ranges_and_words_are_pointed_at) {
    EXPECT_EQ(problems_of("[vm.a]\nkernel = 3\nsnapshot = \"yes\"\nsmp = 0\nvga = \"stdd\"\nlog = [\"int\", true]\n"),
              "2:10 'kernel' is a file's name between quotes, not a number\n"
              "3:12 'snapshot' is true or false, not a text\n"
              "4:7 'smp' is 1 to 255, not 0\n"
              "5:7 'vga' is \"none\" or \"std\", not \"stdd\" (did you mean 'std'?)\n"
              "6:15 'log' is a text, or a list of texts, not true or false\n");
}

TEST(Lab, syntax_errors_have_a_place) {
    EXPECT_TRUE(problems_of("[vm.a]\nmemory = \n").starts_with("2:10 "));
    EXPECT_TRUE(problems_of("[vm.a]\nname = \"x\"\nname = \"y\"\n").starts_with("3:"));
    EXPECT_TRUE(problems_of("[vm.a\n").starts_with("1:"));
    EXPECT_EQ(problems_of("vm = 3\n"), "1:6 'vm' is a table, not a number\n");
    EXPECT_NE(problems_of("vm = [1]\n"), "");
    EXPECT_TRUE(problems_of("[[\nvm]]\n").starts_with("1:3 ") || problems_of("[[\nvm]]\n").starts_with("2:"));
    EXPECT_EQ(problems_of(""), "0:0 there is no machine ([[vm]])\n");
}

TEST(Lab, letters_outside_of_quotes_and_bytes_that_are_no_letters_have_a_place) {
    EXPECT_TRUE(problems_of("[vm.a]\n\u00e9 = 1\n").starts_with("2:1 "));
    EXPECT_TRUE(problems_of("[vm.a]\nmemory = 64 \u00e9\n").starts_with("2:13 "));
    EXPECT_TRUE(problems_of("[vm.a]\nmemory \u3001= 64\n").starts_with("2:8 "));
    EXPECT_EQ(problems_of("[vm.a]\nappend = \"\"\"a \\\n \u00e9\"\"\"\n"), "");
    EXPECT_EQ(problems_of("[vm.a]\nappend = \"\xff\"\n"), "2:10 Encountered invalid utf-8 sequence\n");
    EXPECT_TRUE(problems_of("[vm.a]\nappend = \"a\xc3").starts_with("2:11 "));
}

TEST(Lab, names_are_needed_plain_and_different) {
    EXPECT_EQ(problems_of("[[vm]]\nmemory = 1\n"), "1:1 [[vm]] needs 'name'\n");
    EXPECT_EQ(problems_of("[[vm]]\nname = \"a\"\n[[vm]]\nname = \"a\"\n"),
              "4:8 there are two of [[vm]] with the name 'a'\n");
    EXPECT_NE(problems_of("[vm.\"a b\"]\n"), "");
    EXPECT_NE(problems_of("[lab]\nname = \"a-name-that-is-too-long\"\n[vm.a]\n"), "");
}

TEST(Lab, a_card_is_plugged_into_a_switch_of_the_file) {
    EXPECT_EQ(lines_of("[switch.lan]\n[vm.a]\n[[vm.a.nic]]\nswitch = \"lan\"\nvlan = 7\ntrunk = [10, \"20-29\"]\n"
                       "rate = \"10M\"\nmac = \"52:54:00:00:00:01\"\nmodel = \"rtl8139\"\ncapture = \"a,b.pcap\"\n"),
              "-name a -netdev switch,name=test-lan,vlan=7,trunk=10:20-29,rate=10M,id=net0 "
              "-device rtl8139,netdev=net0,mac=52:54:00:00:00:01 "
              "-object filter-dump,id=capture0,netdev=net0,file=a,,b.pcap -nographic\n");
    EXPECT_EQ(problems_of("[switch.lan]\n[vm.a]\n[[vm.a.nic]]\nswitch = \"lam\"\n"),
              "4:10 there is no switch 'lam' (did you mean 'lan'?)\n");
    EXPECT_EQ(problems_of("[vm.a]\n[[vm.a.nic]]\nvlan = 7\n"), "3:8 'vlan' is for cards at a switch\n");
}

TEST(Lab, a_shared_switch_keeps_its_name_and_others_have_the_labs) {
    auto const name_of = [](std::string_view text) { return read_lab(text, "my lab").machines.at(0).switches.at(0); };
    EXPECT_EQ(name_of("[switch.lan]\n[vm.a]\nnic = {switch = \"lan\"}\n"), "my-lab-lan");
    EXPECT_EQ(name_of("[switch.lan]\nshared = true\n[vm.a]\nnic = {switch = \"lan\"}\n"), "lan");
    EXPECT_EQ(name_of("[lab]\nname = \"x\"\n[switch.lan]\n[vm.a]\nnic = {switch = \"lan\"}\n"), "x-lan");
}

TEST(Lab, cards_without_an_address_get_different_ones_that_stay) {
    auto const* const text =
        "[switch.s]\n[vm.a]\nnic = [{switch = \"s\"}, {switch = \"s\"}]\n[vm.b]\nnic = {switch = \"s\"}\n";
    auto const addresses = [&] {
        std::vector<std::string> result;
        for (auto const& machine : read_lab(text, "test").machines)
            for (auto const& argument : machine.arguments)
                if (auto const at = argument.text.find("mac="); at != argument.text.npos)
                    result.push_back(argument.text.substr(at));
        return result;
    };
    auto const first = addresses();
    ASSERT_EQ(first.size(), 3u);
    EXPECT_NE(first[0], first[1]);
    EXPECT_NE(first[0], first[2]);
    EXPECT_EQ(first, addresses());
    EXPECT_NE(problems_of("[vm.a]\nnic = [{mac = \"52:54:00:00:00:01\"}, {mac = \"52:54:00:00:00:01\"}]\n"), "");
}

TEST(Lab, an_uplink_belongs_to_its_switch) {
    auto const lab = read_lab("[switch.lan]\nuplink = \"user,net=10.1.0.0/16\"\nuplink-vlan = 4\n[vm.a]\n", "test");
    ASSERT_EQ(lab.uplinks.size(), 1u);
    EXPECT_EQ(lab.uplinks[0].backend, "user,net=10.1.0.0/16,id=uplink-lan");
    auto const words = uplink_arguments(lab.uplinks[0]);
    EXPECT_EQ(words.back().text, "switch,name=test-lan,uplink=uplink-lan,uplink-vlan=4,id=port-uplink-lan");
    EXPECT_EQ(words.back().place, (Place{2, 10}));
}

TEST(Lab, a_drive_is_a_file_or_a_disk_of_a_volume) {
    auto const* const volume = "[volume.pool]\nfile = \"pool,1.vol\"\n";
    EXPECT_EQ(lines_of(std::string{volume} +
                       "[vm.a]\n[[vm.a.drive]]\nvolume = \"pool\"\ndisk = \"root\"\ncache = \"none\"\n"),
              "-name a -drive file=volume:pool,,1.vol/root,format=raw,cache=none -nic none -nographic\n");
    EXPECT_EQ(lines_of("[vm.a]\ndrive = {file = \"x.qcow2\", if = \"virtio\", index = 1, readonly = true}\n"),
              "-name a -drive file=x.qcow2,if=virtio,index=1,readonly=on -nic none -nographic\n");
    EXPECT_EQ(problems_of(std::string{volume} + "[vm.a]\ndrive = {volume = \"poll\", disk = \"root\"}\n"),
              "4:19 there is no volume 'poll' (did you mean 'pool'?)\n");
    EXPECT_EQ(problems_of(std::string{volume} + "[vm.a]\ndrive = {volume = \"pool\"}\n"),
              "4:9 a drive of a volume needs 'disk' too\n");
    EXPECT_NE(problems_of(std::string{volume} + "[vm.a]\ndrive = {volume = \"pool\", disk = \"a\", file = \"b\"}\n"),
              "");
}

TEST(Lab, an_order_of_booting_needs_drive_and_device_apart) {
    EXPECT_EQ(
        lines_of("[vm.a]\ndrive = {file = \"x\", index = 3, serial = \"S\", bootindex = 1}\n"),
        "-name a -drive file=x,if=none,id=drive0 -device ide-hd,drive=drive0,bus=ide.1,unit=1,serial=S,bootindex=1 "
        "-nic none -nographic\n");
}

TEST(Lab, a_geometry_belongs_to_the_device_too) {
    EXPECT_EQ(lines_of("[vm.a]\ndrive = {file = \"x\", cyls = 615, heads = 4, secs = 17}\n"),
              "-name a -drive file=x,if=none,id=drive0 -device ide-hd,drive=drive0,cyls=615,heads=4,secs=17 "
              "-nic none -nographic\n");
}

TEST(Lab, two_machines_do_not_write_one_disk) {
    EXPECT_EQ(
        problems_of("[vm.a]\ndrive = {file = \"x\"}\n[vm.b]\ndisk = \"x\"\n"),
        "4:8 'x' is a disk of machine 'a' already, which writes to it (readonly or snapshot lets several use it)\n");
    EXPECT_EQ(problems_of("[vm.a]\ndrive = {file = \"x\"}\n[vm.b]\nsnapshot = true\ndisk = \"x\"\n"), "");
    EXPECT_NE(problems_of("[volume.p]\nfile = \"p\"\n[vm.a]\ndrive = {volume = \"p\", disk = \"d\"}\n"
                          "[vm.b]\ndrive = {volume = \"p\", disk = \"d\"}\n"),
              "");
}

TEST(Lab, consoles_are_the_first_serial_port_unless_said_otherwise) {
    EXPECT_EQ(lines_of("[vm.a]\nserial = [\"file:log\", \"console\"]\n"),
              "-name a -nic none -display none -serial file:log -serial mon:stdio\n");
    EXPECT_EQ(lines_of("[vm.a]\nserial = []\n"), "-name a -nic none -display none -serial none\n");
    EXPECT_NE(problems_of("[vm.a]\nserial = [\"console\", \"console\"]\n"), "");
}

TEST(Lab, the_default_guest_has_files_of_its_own) {
    auto const lab = read_lab("[vm.a]\nguest = \"default\"\ncommand = \"uname\"\nappend = \"debug\"\n", "test");
    ASSERT_TRUE(lab.machines.at(0).guest);
    EXPECT_EQ(lab.machines[0].guest->command, "uname");
    EXPECT_EQ(words_of(lab.machines[0]), "-name a -nic none -display none -serial null");
    EXPECT_EQ(problems_of("[vm.a]\nguest = \"default\"\nkernel = \"x\"\n"),
              "3:10 the default guest has its own 'kernel'\n");
    EXPECT_EQ(problems_of("[vm.a]\ncommand = \"x\"\n"), "2:11 'command' needs guest = \"default\"\n");
}

TEST(Lab, a_folder_is_shared_under_a_tag) {
    EXPECT_EQ(lines_of("[vm.a]\n[[vm.a.share]]\npath = \"/srv,1\"\n[[vm.a.share]]\npath = \"x\"\ntag = \"y\"\n"
                       "readonly = true\n"),
              "-name a -nic none -virtfs local,path=/srv,,1,mount_tag=share,security_model=none "
              "-virtfs local,path=x,mount_tag=y,security_model=none,readonly=on -nographic\n");
}

TEST(Lab, files_that_must_be_there_are_collected) {
    auto const lab =
        read_lab("[vm.a]\nkernel = \"k\"\ndisk = [\"d\", \"e\"]\nmodules = [\"m one\", \"n,two\"]\n", "test");
    std::string files;
    for (auto const& needed : lab.machines.at(0).files) files += needed.path + " ";
    EXPECT_EQ(files, "m n,two k d e ");
    EXPECT_NE(words_of(lab.machines[0]).find("-initrd m one,n,,two"), std::string::npos);
}

TEST(Lab, a_text_for_the_host_has_no_nul) {
    EXPECT_EQ(problems_of("[vm.a]\nkernel = \"a\\u0000b\"\n"), "2:10 'kernel' has a NUL character\n");
}

TEST(Lab, timeouts_are_the_machines_or_the_labs) {
    auto const lab = read_lab("[lab]\nstop-timeout = 5\n[vm.a]\n[vm.b]\nstop-timeout = 0\n", "test");
    EXPECT_EQ(lab.machines.at(0).stop_timeout, 5);
    EXPECT_EQ(lab.machines.at(1).stop_timeout, 0);
}

TEST(Schema, every_key_has_a_form_and_a_meaning) {
    auto const list = key_list();
    EXPECT_NE(list.find("vm.drive.cache\tMODE\t"), std::string::npos);
    EXPECT_EQ(list.find("\t\t"), std::string::npos);
}

} // namespace
} // namespace ring3::config
