// SPDX-License-Identifier: Apache-2.0
//
// Users' containers on a hypervisor (spec Q8).
#include <config.h>

#include "env/container-text.h"
#include "env/keep-plan.h"
#include "env/range.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::env;

TEST_GROUP(Container)
{
    Container container{.user = "ann",
                        .uid = 2001,
                        .gid = 100,
                        .folder = "/var/lib/a&b/ann",
                        .proc = "/run/p/ann",
                        .bridge = "br0",
                        .address = "10.9.0.5",
                        .prefix = 24,
                        .gateway = "",
                        .cpus = 2,
                        .memory_kib = 1024,
                        .shared = {"/usr"}};

    void check_has(const std::string& text, const char* part)
    {
        STRCMP_CONTAINS(part, text.c_str());
    }
};

TEST(Container, DomainHasTheNodesResourcesItsPortAndWhatIsShown)
{
    const auto xml = domain_xml(container);
    check_has(xml, "<name>env-ann</name>");
    check_has(xml, "<memory unit='KiB'>1024</memory>");
    check_has(xml, "<vcpu>2</vcpu>");
    check_has(xml, "<source dir='/var/lib/a&amp;b/ann/root'/><target dir='/'/><readonly/>");
    check_has(xml, "<source dir='/usr'/><target dir='/usr'/><readonly/>");
    check_has(xml,
              "<source dir='/var/lib/a&amp;b/ann/home'/><target dir='/home/ann'/></filesystem>");
    check_has(xml,
              "<source dir='/run/p/ann/proc/meminfo'/><target dir='/proc/meminfo'/><readonly/>");
    check_has(xml, "<source dir='/run/p/ann/cpu'/><target dir='/sys/devices/system/cpu'/>");
    check_has(xml, "<mac address='02:48:0a:09:00:05'/>");
    check_has(xml, "<uuid>48f00000-0000-4000-8000-02480a090005</uuid>");
    check_has(xml, "<virtualport type='openvswitch'><parameters "
                   "interfaceid='48f00000-0000-4000-8000-02480a090005'/>");
    check_has(xml, "<ip address='10.9.0.5' family='ipv4' prefix='24'/>");
    CHECK_EQUAL(std::string::npos, xml.find("<route"));
    container.gateway = "10.9.0.1";
    check_has(domain_xml(container), "gateway='10.9.0.1'");
}

TEST(Container, ItsUserAloneEntersAndByAKeyAlone)
{
    const auto files = etc_files(container);
    check_has(files.at("passwd"), "ann:x:2001:100::/home/ann:/bin/bash\n");
    check_has(files.at("group"), "ann:x:100:\n");
    check_has(files.at("ssh/sshd_config"), "AllowUsers ann\n");
    check_has(files.at("ssh/sshd_config"), "PasswordAuthentication no\n");
}

TEST(Container, DomainsOfOthersAreNobodysContainers)
{
    CHECK_EQUAL(std::string("ann"), user_of_domain(domain_name("ann")));
    CHECK_EQUAL(std::string(), user_of_domain("web"));
}

TEST(Container, EachUserOfTheNodeHasOneAndNobodyElse)
{
    db::Quota ann, bob, eve;
    ann.name = "ann";
    ann.in_use = {"hv1", "hv2"};
    bob.name = "bob";
    bob.in_use = {"hv1"};
    eve.name = "eve";
    const auto wanted = users_of("hv1", {bob, eve, ann});
    CHECK_TRUE(wanted == (std::vector<std::string>{"ann", "bob"}));
    const auto plan = keep_plan(wanted, {"bob", "eve"}, {"bob", "eve", "max"});
    CHECK_TRUE(plan.make == std::vector<std::string>{"ann"});
    CHECK_TRUE(plan.undo == (std::vector<std::string>{"eve", "max"}));
    CHECK_TRUE(users_of("hv3", {ann}).empty());
}

TEST(Container, OneOfOursIsKnownByItsUuid)
{
    CHECK_TRUE(is_ours(uuid_of("10.9.0.5")));
    CHECK_FALSE(is_ours("48f00000-0000-4000-8000-024900000001"));
    CHECK_FALSE(is_ours(""));
}

TEST(Container, AddressesAreOfTheRangeAndNobodyElses)
{
    const auto range = parse_range("10.9.0.5-10.9.0.6/24");
    CHECK_TRUE(bool(range));
    CHECK_EQUAL(24, range->prefix);
    CHECK_EQUAL(std::string("10.9.0.6"), *pick(*range, {"10.9.0.5"}));
    CHECK_TRUE(pick(*range, {"10.9.0.5", "10.9.0.6"}).error().code == Errc::unavailable);
    CHECK_TRUE(contains(*range, "10.9.0.6"));
    CHECK_FALSE(contains(*range, "10.9.0.7"));
    CHECK_FALSE(contains(*range, ""));
}

TEST(Container, RangeThatIsNoneIsRefused)
{
    for (const char* text :
         {"", "10.9.0.5", "10.9.0.5/24", "10.9.0.5-10.9.0.4/24", "10.9.0.5-10.9.1.5/24",
          "10.9.0.5-10.9.0.9/31", "10.9.0.5-x/24", "10.0.0.1-10.9.0.1/8", "fd00::1-fd00::2/64"})
        CHECK_FALSE(bool(parse_range(text)));
}
