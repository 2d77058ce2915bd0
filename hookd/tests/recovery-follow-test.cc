// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/recovery-follow: spec R7.
#include <config.h>

#include "hookd/balancer.h"
#include "hookd/recovery-follow.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

TEST_GROUP(R7Follow)
{
    std::vector<db::Vm> vms{vm("old", {"10.0.0.1"}), vm("new", {"fd00::2", "10.0.0.2"}),
                            vm("other", {"10.0.0.3"}), vm("lb", {"10.0.0.4"})};

    static db::Vm vm(const std::string& name, std::vector<std::string> ips)
    {
        db::Vm row;
        row.id = "id-" + name;
        row.name = name;
        row.ips = std::move(ips);
        return row;
    }
    static std::string via(const std::vector<db::Hop>& hops)
    {
        db::Chain chain;
        chain.hops = hops;
        std::string text;
        for (const auto& word : followed_via(chain, "id-old", "id-new"))
            text += word + " ";
        return text;
    }
    db::Balancer balancer(const std::vector<std::string>& servers, const std::string& director,
                          const std::string& sorry = "") const
    {
        BalancerRequest request;
        request.name = "site";
        request.vip = "10.0.0.80:80/tcp";
        request.servers = servers;
        request.director = director;
        request.sorry = sorry;
        const auto made = make_balancer(request, {}, vms);
        STRCMP_EQUAL("", made ? "" : made.error().message.c_str());
        return *made;
    }
    Result<db::Balancer> followed(const db::Balancer& row) const
    {
        return followed_balancer(row, vms[0], vms[1], {row}, vms);
    }
};

TEST(R7Follow, TheReplacementIsWhereTheLostOneWasInAChain)
{
    STRCMP_EQUAL("id-a id-new id-b ", via({{{"id-a"}}, {{"id-old"}}, {{"id-b"}}}).c_str());
    STRCMP_EQUAL("wire:id-new tap:id-b ", via({{{"id-old"}, "wire"}, {{"id-b"}, "tap"}}).c_str());
    STRCMP_EQUAL("id-a|id-new ", via({{{"id-a", "id-old"}}}).c_str());
}

TEST(R7Follow, OfAGroupThatHasBothTheLostOneGoes)
{
    STRCMP_EQUAL("id-new|id-a ", via({{{"id-old", "id-new", "id-a"}}}).c_str());
}

TEST(R7Follow, AServerKeepsPortWeightAndLimit)
{
    const auto row = balancer({"10.0.0.1:81,weight=7,limit=9", "10.0.0.3"}, "builtin");
    const auto to = followed(row);
    CHECK_TRUE(bool(to));
    CHECK_EQUAL(2U, to->servers.size());
    const auto& server = to->servers[1];
    STRCMP_EQUAL("10.0.0.2", server.address.c_str());
    CHECK_EQUAL(81, server.port);
    CHECK_EQUAL(7, server.weight);
    CHECK_EQUAL(9, server.limit);
    STRCMP_EQUAL("10.0.0.3", to->servers[0].address.c_str());
}

TEST(R7Follow, AServerIsReachedAndDrainedAsTheLostOneWas)
{
    auto row = balancer({"10.0.0.1", "10.0.0.3"}, "builtin");
    row.gateway = "10.0.0.254";
    row.number = 7;
    row.servers[0].way = "routed";
    row.servers[0].state = "draining";
    const auto to = followed(row);
    CHECK_TRUE(bool(to));
    const auto& server = to->servers[1];
    STRCMP_EQUAL("10.0.0.2", server.address.c_str());
    STRCMP_EQUAL("routed", server.way.c_str());
    STRCMP_EQUAL("draining", server.state.c_str());
    CHECK_EQUAL(7, to->number);
}

TEST(R7Follow, TheReplacementIsKnownByAnyOfItsAddresses)
{
    vms[1].ips.push_back("10.0.0.5");
    const auto to = followed(balancer({"10.0.0.1", "10.0.0.5,weight=3"}, "builtin"));
    CHECK_TRUE(bool(to));
    CHECK_EQUAL(1U, to->servers.size());
    STRCMP_EQUAL("10.0.0.5", to->servers[0].address.c_str());
    CHECK_EQUAL(3, to->servers[0].weight);
}

TEST(R7Follow, AnAddressThatAnotherVmHasThatRunsStays)
{
    vms[2].ips.push_back("10.0.0.1");
    vms[2].state = "running";
    const auto row = balancer({"10.0.0.1"}, "builtin", "10.0.0.3");
    const auto to = followed(row);
    CHECK_TRUE(bool(to));
    CHECK_TRUE(*to == row);
}

TEST(R7Follow, TheOnlyServerAndADirectorAreFollowedToo)
{
    auto row = balancer({"10.0.0.1"}, "external:old,lb");
    row.servers[0].weight = 3; // As it could be given once.
    const auto to = followed(row);
    CHECK_TRUE(bool(to));
    CHECK_TRUE(to->directors == (std::vector<std::string>{"id-lb", "id-new"}));
    CHECK_EQUAL(1U, to->servers.size());
    STRCMP_EQUAL("10.0.0.2", to->servers[0].address.c_str());
}

TEST(R7Follow, ABalancerThatHasBothLosesTheLostOne)
{
    const auto to = followed(balancer({"10.0.0.1", "10.0.0.2,weight=3"}, "builtin"));
    CHECK_TRUE(bool(to));
    CHECK_EQUAL(1U, to->servers.size());
    CHECK_EQUAL(3, to->servers[0].weight);
}

TEST(R7Follow, WhatCannotFollowIsSaid)
{
    const auto row = balancer({"10.0.0.1"}, "builtin");
    vms[1].ips = {"fd00::2"};
    STRCMP_EQUAL("balancer site: new has no address of the VIP's family: give it one in its "
                 "metadata",
                 followed(row).error().message.c_str());
    STRCMP_EQUAL("balancer site: old is its sorry server: add it anew with another one",
                 followed(balancer({"10.0.0.3"}, "builtin", "10.0.0.1")).error().message.c_str());
}
