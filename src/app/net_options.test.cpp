#include "app/net_options.h"

#include "app/netdev_parser.h"
#include "net/user_network.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

/// Options as typed, in pairs.
Result<NetSettings> parse(std::initializer_list<std::pair<std::string_view, std::string_view>> options,
                          bool defaults = true) {
    NetOptions net;
    if (!defaults) net.no_defaults();
    for (auto const& [name, text] : options) {
        if (name == "-netdev") TRY_VOID(net.add_netdev(text));
        if (name == "-nic") TRY_VOID(net.add_nic(text));
        if (name == "-net") TRY_VOID(net.add_net(text));
        if (name == "-object") {
            CommaList list{text, "qom-type"};
            list.take("qom-type");
            TRY_VOID(net.add_dump(list));
        }
        if (name == "-device") {
            CommaList list{text, "driver"};
            auto const driver = list.take("driver").value_or("");
            TRY_VOID(net.add_device(driver, list));
        }
    }
    return net.finish();
}
std::string error_of(std::initializer_list<std::pair<std::string_view, std::string_view>> options) {
    auto const settings = parse(options);
    EXPECT_TRUE(settings || settings.error().status == ExitStatus::usage);
    return settings ? "" : settings.error().message;
}
bool says(std::string const& message, std::string_view what) {
    return message.find(what) != std::string::npos;
}

TEST(NetOptions, a_pc_has_a_card_in_a_user_network_unless_somebody_says_otherwise) {
    auto const settings = parse({});
    ASSERT_TRUE(settings);
    ASSERT_EQ(settings->nics.size(), 1u);
    EXPECT_EQ(settings->nics[0].card.mac, (std::array<u8, 6>{0x52, 0x54, 0, 0x12, 0x34, 0x56}));
    EXPECT_TRUE(std::holds_alternative<net::UserSettings>(settings->netdevs.at(0).backend));
    EXPECT_TRUE(parse({}, false)->nics.empty());
    EXPECT_TRUE(parse({{"-nic", "none"}})->nics.empty());
    EXPECT_TRUE(parse({{"-net", "none"}})->nics.empty());
    EXPECT_TRUE(parse({{"-netdev", "user,id=n"}})->nics.empty());
}

TEST(NetOptions, the_three_ways_to_plug_a_card_in_mean_the_same) {
    for (auto const& settings :
         {parse({{"-nic", "user,model=e1000,mac=52:54:00:00:00:09"}}),
          parse({{"-netdev", "user,id=n0"}, {"-device", "e1000,netdev=n0,mac=52:54:00:00:00:09"}}),
          parse({{"-net", "nic,model=e1000,macaddr=52:54:00:00:00:09"}, {"-net", "user"}})}) {
        ASSERT_TRUE(settings) << settings.error().message;
        ASSERT_EQ(settings->nics.size(), 1u);
        EXPECT_EQ(settings->nics[0].netdev, NetdevIndex{0});
        EXPECT_EQ(settings->nics[0].card.mac[5], 9);
    }
}

TEST(NetOptions, cards_are_numbered_from_qemu_s_first_address_on) {
    auto const settings = parse({{"-nic", "user"}, {"-nic", "user,mac=52:54:00:aa:bb:cc"}, {"-nic", "user"}});
    ASSERT_TRUE(settings);
    EXPECT_EQ(settings->nics[0].card.mac[5], 0x56);
    EXPECT_EQ(settings->nics[1].card.mac[5], 0xcc);
    EXPECT_EQ(settings->nics[2].card.mac[5], 0x57);
}

TEST(NetOptions, a_slot_may_be_asked_for) {
    EXPECT_EQ(*parse({{"-device", "e1000,addr=0x1f"}})->nics[1].card.slot, 0x1f);
    EXPECT_EQ(*parse({{"-device", "e1000,addr=4.0"}})->nics[1].card.slot, 4);
    EXPECT_TRUE(says(error_of({{"-device", "e1000,addr=0x20"}}), "addr=0x20"));
    EXPECT_TRUE(says(error_of({{"-device", "e1000,bus=pci.1"}}), "pci.1"));
    EXPECT_TRUE(says(error_of({{"-device", "e1000,addr=1"}}), "somebody"));
    EXPECT_TRUE(says(error_of({{"-device", "e1000,addr=5"}, {"-device", "e1000,addr=5"}}), "somebody"));
}

TEST(NetOptions, user_networks_are_configured_as_in_qemu) {
    auto const settings =
        parse({{"-netdev", "user,id=n,net=192.168.5.0/24,hostname=box,restrict=on,tftp=/srv,bootfile=/pxe,"
                           "dnssearch=a.example,dnssearch=b.example,domainname=c.example,"
                           "hostfwd=tcp::2222-:22,hostfwd=udp:127.0.0.1:5353-192.168.5.20:53,"
                           "guestfwd=tcp:192.168.5.100:80-cmd:cat"}});
    ASSERT_TRUE(settings) << settings.error().message;
    auto const& user = std::get<net::UserSettings>(settings->netdevs[0].backend);
    EXPECT_EQ(net::text_of(user.host), "192.168.5.2");
    EXPECT_EQ(net::text_of(user.dns), "192.168.5.3");
    EXPECT_EQ(net::text_of(user.dhcp_start), "192.168.5.15");
    EXPECT_EQ(user.hostname, "box");
    EXPECT_TRUE(user.restricted);
    EXPECT_EQ(user.dns_search.size(), 2u);
    ASSERT_EQ(user.host_forwards.size(), 2u);
    EXPECT_EQ(user.host_forwards[0].host_port, 2222);
    EXPECT_EQ(user.host_forwards[0].guest_port, 22);
    EXPECT_TRUE(user.host_forwards[1].udp);
    EXPECT_EQ(net::text_of(user.host_forwards[1].guest), "192.168.5.20");
    EXPECT_EQ(user.guest_forwards.at(0).command, "cat");
}

TEST(NetOptions, one_version_of_ip_alone_is_only_that) {
    auto const user = [](std::string_view text) {
        return std::get<net::UserSettings>(parse({{"-netdev", text}})->netdevs[0].backend);
    };
    EXPECT_TRUE(user("user,id=n").ipv4 && user("user,id=n").ipv6);
    EXPECT_TRUE(user("user,id=n,ipv4=on").ipv4 && !user("user,id=n,ipv4=on").ipv6);
    EXPECT_TRUE(!user("user,id=n,ipv6=on").ipv4 && user("user,id=n,ipv6=on").ipv6);
    EXPECT_TRUE(user("user,id=n,ipv6=off").ipv4 && !user("user,id=n,ipv6=off").ipv6);
}

TEST(NetOptions, what_is_wrong_is_named) {
    EXPECT_TRUE(says(error_of({{"-netdev", "user"}}), "id= is missing"));
    EXPECT_TRUE(says(error_of({{"-netdev", "vde,id=n"}}), "'vde'"));
    EXPECT_TRUE(says(error_of({{"-netdev", "user,id=n,colour=red"}}), "'colour'"));
    EXPECT_TRUE(says(error_of({{"-netdev", "user,id=n"}, {"-netdev", "user,id=n"}}), "'n' is taken"));
    EXPECT_TRUE(says(error_of({{"-netdev", "user,id=n,smb=/x"}}), "SMB"));
    EXPECT_TRUE(says(error_of({{"-netdev", "user,id=n,host=1.2.3.4"}}), "host= is not in the network"));
    EXPECT_TRUE(says(error_of({{"-netdev", "user,id=n,net=banana"}}), "banana"));
    EXPECT_TRUE(says(error_of({{"-netdev", "tap,id=n,script=/etc/up"}}), "script=/etc/up"));
    EXPECT_TRUE(says(error_of({{"-netdev", "socket,id=n"}}), "exactly one"));
    EXPECT_TRUE(says(error_of({{"-netdev", "socket,id=n,listen=:1,connect=:2"}}), "exactly one"));
    EXPECT_TRUE(says(error_of({{"-netdev", "socket,id=n,connect=nowhere"}}), "no port"));
    EXPECT_TRUE(says(error_of({{"-device", "e1000,netdev=nobody"}}), "'nobody'"));
    EXPECT_TRUE(says(error_of({{"-nic", "user,model=banana"}}), "'banana'"));
    EXPECT_TRUE(says(error_of({{"-nic", "user,mac=01:00:5e:00:00:01"}}), "01:00:5e"));
    EXPECT_TRUE(says(error_of({{"-nic", "user,mac=52:54:00:12:34"}}), "52:54:00:12:34"));
    EXPECT_TRUE(says(error_of({{"-net", "nic"}, {"-net", "nic"}, {"-net", "user"}}), "-netdev"));
    EXPECT_TRUE(says(error_of({{"-netdev", "user,id=n"}, {"-device", "e1000,netdev=n"}, {"-device", "e1000,netdev=n"}}),
                     "has a card already"));
    EXPECT_TRUE(says(error_of({{"-object", "filter-dump,id=d"}}), "file="));
    EXPECT_TRUE(says(error_of({{"-object", "filter-dump,id=d,netdev=x,file=f"}}), "'x'"));
}

TEST(NetOptions, forwards_that_make_no_sense_are_refused) {
    for (auto const* text :
         {"", "tcp", "tcp::22", "tcp::-:22", "tcp::1-:0", "tcp::99999-:22", "tcp:x:1-:22", "icmp::1-:2", "tcp::1-:2:3"})
        EXPECT_FALSE(parse_host_forward(text)) << text;
    EXPECT_TRUE(parse_host_forward("::2222-:22"));
    for (auto const* text : {"", "tcp:10.0.2.100:80", "tcp:10.0.2.100:80-", "tcp:10.0.2.100:80-file:x",
                             "udp:10.0.2.100:80-cmd:x", "tcp:x:80-cmd:y"})
        EXPECT_FALSE(parse_guest_forward(text)) << text;
    EXPECT_EQ(parse_guest_forward("tcp:10.0.2.100:80-unix:/run/web")->unix_socket, "/run/web");
}

TEST(NetOptions, switches_have_vlans_rates_and_a_way_out) {
    auto const settings = parse({{"-netdev", "user,id=up"},
                                 {"-netdev", "switch,id=n,name=lab,vlan=7,trunk=10:20-22,rate=10M,uplink=up"},
                                 {"-device", "e1000,netdev=n"}});
    ASSERT_TRUE(settings) << settings.error().message;
    auto const& port = std::get<SwitchPortSettings>(settings->netdevs[1].backend);
    EXPECT_EQ(port.port.name, "lab");
    EXPECT_EQ(port.port.rules.vlan, 7);
    EXPECT_EQ(port.port.rules.trunk.count(), 4u);
    EXPECT_TRUE(port.port.rules.trunk[21]);
    EXPECT_EQ(port.port.rules.bits_per_second, 10'000'000u);
    EXPECT_EQ(port.uplink_vlan, 7);
    EXPECT_EQ(std::get<SwitchPortSettings>(parse({{"-netdev", "switch,id=n,name=a,trunk=all"}})->netdevs[0].backend)
                  .port.rules.trunk.count(),
              4094u);
    EXPECT_TRUE(says(error_of({{"-netdev", "switch,id=n"}}), "name"));
    EXPECT_TRUE(says(error_of({{"-netdev", "switch,id=n,name=a,vlan=0"}}), "vlan=0"));
    EXPECT_TRUE(says(error_of({{"-netdev", "switch,id=n,name=a,trunk=1:x"}}), "trunk=x"));
    EXPECT_TRUE(says(error_of({{"-netdev", "switch,id=n,name=a,rate=1"}}), "rate=1"));
    EXPECT_TRUE(says(error_of({{"-netdev", "switch,id=n,name=a,uplink=b"}}), "'b'"));
    EXPECT_TRUE(says(error_of({{"-netdev", "switch,id=n,name=a,uplink=n"}}), "card of its own"));
}

TEST(NetOptions, sockets_are_told_apart) {
    auto const backend = [](std::string_view text) { return parse({{"-netdev", text}})->netdevs[0].backend; };
    EXPECT_TRUE(std::get<StreamSettings>(backend("socket,id=n,listen=:1234")).server);
    EXPECT_EQ(std::get<StreamSettings>(backend("socket,id=n,connect=127.0.0.1:1234")).endpoint.port, "1234");
    EXPECT_EQ(std::get<StreamSettings>(backend("stream,id=n,server=on,addr.type=unix,addr.path=/tmp/s")).endpoint.path,
              "/tmp/s");
    EXPECT_EQ(std::get<MulticastSettings>(backend("socket,id=n,mcast=230.0.0.1:1234")).group.host, "230.0.0.1");
    EXPECT_EQ(std::get<UdpSettings>(backend("socket,id=n,udp=a:1,localaddr=b:2")).local.port, "2");
}

} // namespace
} // namespace ring3::app
