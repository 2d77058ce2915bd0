// SPDX-License-Identifier: Apache-2.0
//
// What users may ask for, and how much of it (S11).
#include <config.h>

#include "db/service-text.h"
#include "hookd/user-rules.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;
using namespace std::chrono_literals;

TEST_GROUP(UserRules)
{
    UserLimits limits;
    UserLimits::Time now{1h};
};

TEST(UserRules, UsersHaveThreeMethodsAndAllElseIsRefusedInOneLine)
{
    for (const char* method : {"service/list", "service/migrate", "service/task"})
        CHECK_TRUE(bool(may_ask(method)));
    for (const char* method : {"service/stop", "service/run", "service/pin", "service/take-back",
                               "chain/add", "status", "", "list-commands"})
        STRCMP_EQUAL("users list, show and migrate their own services: ask the administrator for "
                     "all else",
                     may_ask(method).error().message.c_str());
}

TEST(UserRules, FourMovesOfOneUserAreUnderWayAtMost)
{
    std::vector<db::Service> his(5);
    for (std::size_t i = 0; i < 3; ++i)
        his[i].state = "moving";
    CHECK_TRUE(bool(may_begin_move({1000, "ann"}, his)));
    his[3].state = "moving";
    CHECK_FALSE(bool(may_begin_move({1000, "ann"}, his)));
    CHECK_TRUE(bool(may_begin_move({0, "root"}, his)));
}

TEST(UserRules, WhoBeginsMovesTooOftenWaitsAndNobodyElseDoes)
{
    UserMoves moves;
    const Caller ann{1000, "ann"}, bob{1001, "bob"}, root{0, "root"};
    for (int i = 0; i < UserMoves::burst; ++i)
        CHECK_TRUE(bool(moves.begin(ann, now)));
    CHECK_FALSE(bool(moves.begin(ann, now)));
    CHECK_TRUE(bool(moves.begin(bob, now)));
    for (int i = 0; i < 100; ++i)
        CHECK_TRUE(bool(moves.begin(root, now)));
    now += 10s;
    CHECK_TRUE(bool(moves.begin(ann, now)));
    CHECK_FALSE(bool(moves.begin(ann, now)));
}

TEST(UserRules, AUsersConnectionsTakeNoOtherUsersAway)
{
    for (std::size_t i = 0; i < UserLimits::most_of_one; ++i)
        CHECK_TRUE(bool(limits.open(1000)));
    CHECK_FALSE(bool(limits.open(1000)));
    CHECK_TRUE(bool(limits.open(1001)));
    limits.close(1000);
    CHECK_TRUE(bool(limits.open(1000)));
}

TEST(UserRules, NumbersWithoutANameHaveOneShare)
{
    for (uid_t user = 0; user < UserLimits::most_of_one; ++user)
        CHECK_TRUE(bool(limits.open(share_of(100000 + user, false))));
    CHECK_FALSE(bool(limits.open(share_of(200000, false))));
    CHECK_TRUE(bool(limits.open(share_of(1000, true))));
}

TEST(UserRules, ConnectionsOfAllAreBounded)
{
    for (std::size_t i = 0; i < UserLimits::most_of_all; ++i)
        CHECK_TRUE(bool(limits.open(static_cast<uid_t>(1000 + i))));
    CHECK_FALSE(bool(limits.open(7)));
    limits.close(1000);
    CHECK_TRUE(bool(limits.open(7)));
}

TEST(UserRules, WhoAsksTooOftenWaitsAndNobodyElseDoes)
{
    for (int i = 0; i < UserLimits::burst; ++i)
        CHECK_TRUE(bool(limits.ask(1000, now)));
    CHECK_TRUE(
        limits.ask(1000, now).error().message.ends_with(db::wait_a_moment)); // And asks again.
    CHECK_TRUE(bool(limits.ask(1001, now)));
    now += 100ms;
    CHECK_TRUE(bool(limits.ask(1000, now)));
    CHECK_FALSE(bool(limits.ask(1000, now)));
    now += 1h; // No more than a burst is saved up.
    for (int i = 0; i < UserLimits::burst; ++i)
        CHECK_TRUE(bool(limits.ask(1000, now)));
    CHECK_FALSE(bool(limits.ask(1000, now)));
}

TEST(UserRules, ManyUsersAreForgottenAgain)
{
    for (uid_t user = 0; user < 5000; ++user) {
        CHECK_TRUE(bool(limits.ask(user, now)));
        now += 10ms;
    }
    CHECK_TRUE(bool(limits.ask(1, now)));
}
