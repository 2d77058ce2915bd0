// SPDX-License-Identifier: Apache-2.0
//
// Who is beside a service goes along with it (spec S3).
#include <config.h>

#include "sockets/neighbours.h"

#include <algorithm>

#include "sockets/tests/world.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::sockets;
using namespace holdfast::sockets::tests;

namespace {

constexpr const char* device = "eth0";

std::vector<Neighbour> known_in(Net& net)
{
    return net.in([] { return must(known_neighbours(device)); });
}

} // namespace

TEST_GROUP(Neighbours){};

TEST(Neighbours, WhomHomeKnowsTheTargetKnows)
{
    for (const auto& [family, ip] :
         {std::pair{World::Family::v4, "10.9.0.9"}, std::pair{World::Family::v6, "fd09::9"}}) {
        World world{family};
        auto listener = world.listen(world.home, 80);
        auto pair = world.connect(listener.get(), 80);
        const auto known = known_in(world.home);
        const auto peer = std::find_if(known.begin(), known.end(),
                                       [&](const Neighbour& one) { return one.ip == ip; });
        CHECK_TRUE(peer != known.end());
        LONGS_EQUAL(17, peer->mac.size());
        const Neighbour stranger{family == World::Family::v4 ? "10.9.0.77" : "fd09::77",
                                 "02:00:00:00:00:77"};
        world.target.in([&] { must(make_known(device, {*peer, stranger})); });
        const auto there = known_in(world.target);
        for (const Neighbour& one : {*peer, stranger})
            CHECK_TRUE(std::find(there.begin(), there.end(), one) != there.end());
    }
}

TEST(Neighbours, WhatIsNoAddressIsRefused)
{
    World world{World::Family::v4};
    world.target.in([&] {
        for (const Neighbour& wrong :
             {Neighbour{"10.9.0", "02:00:00:00:00:01"}, Neighbour{"10.9.0.9", "02:00:00:00:00"},
              Neighbour{"10.9.0.9", "02:00:00:00:00:01:02"}}) {
            const auto made = make_known(device, {wrong});
            CHECK_FALSE(bool(made));
            LONGS_EQUAL(int(Errc::invalid), int(made.error().code));
        }
    });
}
