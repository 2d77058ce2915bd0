// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/schedule-locality: lblc and lblcr (spec B9).
#include "ovs-plugin/schedule.h"

#include "ovs-plugin/tests/schedule-pool.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::plugin;

namespace {

constexpr std::int64_t day_ms = 24 * 60 * 60 * 1000;

} // namespace

TEST_GROUP(Locality)
{
    Balancer lblc{"lblc"}, lblcr{"lblcr"};

    char at(Balancer & balancer, std::int64_t now_ms, unsigned vip = 80)
    {
        NewConnection connection;
        connection.vip = address(vip);
        connection.now_ms = now_ms;
        const auto chosen = balancer.choose(connection);
        return chosen ? static_cast<char>(balancer.servers[*chosen].id[15]) : '-';
    }

    void setup() override
    {
        for (auto* balancer : {&lblc, &lblcr})
            balancer->use({server('C', 10, 2), server('B', 10, 1), server('A', 10, 3)});
    }

    /// The active connections of C, B and A.
    void load(Balancer & balancer, std::uint32_t c, std::uint32_t b, std::uint32_t a)
    {
        balancer.servers[0].active = c;
        balancer.servers[1].active = b;
        balancer.servers[2].active = a;
    }
};

TEST(Locality, AVipStaysWithItsServer)
{
    for (auto* balancer : {&lblc, &lblcr}) {
        CHECK_EQUAL('B', at(*balancer, 0));
        load(*balancer, 1, 9, 1);
        CHECK_EQUAL('B', at(*balancer, 1));
        CHECK_EQUAL('C', at(*balancer, 1, 81));
    }
}

TEST(Locality, ItLeavesAnOverloadedServerIfAnotherHasTimeOnly)
{
    for (auto* balancer : {&lblc, &lblcr}) {
        CHECK_EQUAL('B', at(*balancer, 0));
        load(*balancer, 5, 11, 6);
        CHECK_EQUAL('B', at(*balancer, 1));
        load(*balancer, 4, 10, 6);
        CHECK_EQUAL('B', at(*balancer, 2));
        load(*balancer, 4, 11, 6);
        CHECK_EQUAL('C', at(*balancer, 3));
        load(*balancer, 4, 3, 6);
        CHECK_EQUAL(balancer == &lblc ? 'C' : 'B', at(*balancer, 4));
    }
}

TEST(Locality, AServerThatDoesNotWorkIsNotTimeToSpare)
{
    CHECK_EQUAL('B', at(lblc, 0));
    load(lblc, 0, 11, 6);
    lblc.servers[0].takes = false;
    CHECK_EQUAL('B', at(lblc, 1));
}

TEST(Locality, ItLeavesAServerThatIsNotToBeHad)
{
    for (auto* balancer : {&lblc, &lblcr}) {
        CHECK_EQUAL('B', at(*balancer, 0));
        balancer->servers[1].takes = false;
        CHECK_EQUAL('C', at(*balancer, 1));
        balancer->servers[1].takes = true;
        CHECK_EQUAL(balancer == &lblc ? 'C' : 'B', at(*balancer, 2));
    }
}

TEST(Locality, ItFollowsChangesOfTheList)
{
    for (auto* balancer : {&lblc, &lblcr}) {
        CHECK_EQUAL('B', at(*balancer, 0));
        balancer->use({server('D', 10), server('C', 10, 2), server('B', 10, 5), server('A', 10)});
        CHECK_EQUAL('B', at(*balancer, 1));
        balancer->use({server('C', 10, 2), server('A', 10, 3)});
        CHECK_EQUAL('C', at(*balancer, 2));
        balancer->use({server('B', 10), server('C', 10, 2), server('A', 10, 3)});
        CHECK_EQUAL('C', at(*balancer, 3));
    }
}

TEST(Locality, AfterADayWithoutConnectionsItIsForgotten)
{
    for (auto* balancer : {&lblc, &lblcr}) {
        CHECK_EQUAL('B', at(*balancer, 0));
        load(*balancer, 1, 9, 3);
        CHECK_EQUAL('B', at(*balancer, day_ms - 1));
        CHECK_EQUAL('B', at(*balancer, 2 * day_ms - 2));
        CHECK_EQUAL('C', at(*balancer, 3 * day_ms - 2));
    }
}

// The set: B at first, C from ms 1 on.  More than a day after the last change one is taken out: the
// busiest, which is the one that is chosen then for the last time, if it is the only one to be had.
TEST(Locality, LblcrTakesTheBusiestOutADayAfterTheLastChange)
{
    CHECK_EQUAL('B', at(lblcr, 0));
    load(lblcr, 4, 11, 6);
    CHECK_EQUAL('C', at(lblcr, 1));
    load(lblcr, 8, 3, 0);
    CHECK_EQUAL('B', at(lblcr, day_ms / 2));
    CHECK_EQUAL('B', at(lblcr, day_ms + 1));
    load(lblcr, 2, 3, 0);
    CHECK_EQUAL('C', at(lblcr, day_ms + 1));
    load(lblcr, 8, 3, 0);
    CHECK_EQUAL('B', at(lblcr, day_ms + 2));
    load(lblcr, 2, 3, 0);
    CHECK_EQUAL('B', at(lblcr, day_ms + 3));
}

TEST(Locality, LblcrNeverTakesTheLastServerOut)
{
    CHECK_EQUAL('B', at(lblcr, 0));
    load(lblcr, 1, 9, 1);
    CHECK_EQUAL('B', at(lblcr, day_ms / 2));
    CHECK_EQUAL('B', at(lblcr, day_ms + 1));
    CHECK_EQUAL('B', at(lblcr, day_ms + 2));
}

TEST(Locality, LblcrTakesOneOutADay)
{
    CHECK_EQUAL('B', at(lblcr, 0));
    load(lblcr, 4, 11, 6);
    CHECK_EQUAL('C', at(lblcr, 0));
    load(lblcr, 11, 11, 4);
    CHECK_EQUAL('A', at(lblcr, 0));
    load(lblcr, 2, 3, 4);
    CHECK_EQUAL('C', at(lblcr, day_ms / 2));
    CHECK_EQUAL('C', at(lblcr, day_ms + 1));
    load(lblcr, 3, 2, 0);
    CHECK_EQUAL('B', at(lblcr, day_ms + 2));
    load(lblcr, 2, 3, 0);
    CHECK_EQUAL('C', at(lblcr, day_ms + 3));
}

TEST(Locality, LblcrCountsAServerThatItHasAlreadyAsNoChange)
{
    CHECK_EQUAL('B', at(lblcr, 0));
    load(lblcr, 4, 11, 6);
    CHECK_EQUAL('C', at(lblcr, 1));
    lblcr.servers[2].weight = 100;
    lblcr.servers[2].limit = 1;
    load(lblcr, 11, 12, 0);
    lblcr.servers[2].inactive = 1;
    CHECK_EQUAL('C', at(lblcr, day_ms / 2));
    load(lblcr, 8, 3, 0);
    CHECK_EQUAL('B', at(lblcr, day_ms + 2));
    load(lblcr, 2, 3, 0);
    CHECK_EQUAL('B', at(lblcr, day_ms + 3));
}

TEST(Locality, LblcrDoesNotTakeOutWhoHasNoWeight)
{
    CHECK_EQUAL('B', at(lblcr, 0));
    load(lblcr, 4, 11, 6);
    CHECK_EQUAL('C', at(lblcr, 1));
    load(lblcr, 1, 3, 9);
    lblcr.servers[1].weight = 0;
    CHECK_EQUAL('C', at(lblcr, day_ms / 2));
    CHECK_EQUAL('C', at(lblcr, day_ms + 2));
    lblcr.servers[1].weight = 10;
    CHECK_EQUAL('B', at(lblcr, day_ms + 3));
}

TEST(Locality, LblcrTakesTheNewestOfEqualsInItsSet)
{
    CHECK_EQUAL('B', at(lblcr, 0));
    load(lblcr, 6, 11, 4);
    CHECK_EQUAL('A', at(lblcr, 1));
    load(lblcr, 0, 2, 2);
    CHECK_EQUAL('A', at(lblcr, 2));
}

TEST(Locality, LblcrTakesTheLeastOfItsSet)
{
    CHECK_EQUAL('B', at(lblcr, 0));
    load(lblcr, 4, 11, 6);
    CHECK_EQUAL('C', at(lblcr, 1));
    load(lblcr, 7, 8, 0);
    CHECK_EQUAL('C', at(lblcr, 2));
    load(lblcr, 8, 7, 0);
    CHECK_EQUAL('B', at(lblcr, 3));
}
