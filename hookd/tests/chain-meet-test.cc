// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/chain-meet (spec C7, C8): no frame goes on from a hop by a chain that is not its
// own, and where it may, that is refused or said.
#include <config.h>

#include "hookd/chain-meet.h"
#include "hookd/tests/chain-walk.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;
using namespace holdfast::hookd::tests;

namespace {

db::Chain row(const std::string& name, int priority, const std::string& match,
              const std::string& hops, const std::string& reverse = {})
{
    auto made = chain(hops);
    made.name = name;
    made.priority = priority;
    made.match = match;
    made.match_reverse = reverse;
    made.symmetric = !reverse.empty();
    return made;
}

db::Chain by_port(int priority, const std::string& hops, const std::string& port = "3")
{
    return row("in" + port, priority, "icmp,in_port=" + port + ",nw_dst=10.0.0.20", hops);
}

/// What is said of the second where the first is there.
std::string refusal(const db::Chain& there, const db::Chain& added)
{
    db::Vm fw;
    fw.id = "f";
    fw.name = "fw";
    auto fine = check_in_port(added, {there}, {fw});
    return fine ? std::string{} : fine.error().message;
}

/// Whether it is refused in whatever order they are added.
bool refused(const db::Chain& a, const db::Chain& b)
{
    const bool either = !refusal(a, b).empty();
    CHECK_EQUAL(either, !refusal(b, a).empty());
    return either;
}

} // namespace

TEST_GROUP(ChainMeet)
{
    const db::Chain web = row("web", 1000, "ip,nw_dst=10.0.0.20", "f i", "ip,nw_src=10.0.0.20");
};

TEST(ChainMeet, InPortThatIsLostBehindACommonHopIsRefused)
{
    CHECK_EQUAL(std::string("chain in3: behind VM fw nothing is known of the in_port of chain in3, "
                            "which would take frames of chain web there: leave in_port out, give "
                            "web a higher --priority, or let them have no VM in common"),
                refusal(web, by_port(1500, "f")));
    CHECK_EQUAL(std::string("chain web: behind VM fw nothing is known of the in_port of chain in3, "
                            "which would take frames of chain web there: leave in_port out, give "
                            "web a higher --priority, or let them have no VM in common"),
                refusal(by_port(1500, "f"), web));
    CHECK_TRUE(refused(web, by_port(1000, "f")));
}

TEST(ChainMeet, InPortOfBothIsRefusedAtAnyPriorityAndTheMendIsAnother)
{
    for (const int priority : {500, 1000, 1500})
        CHECK_TRUE(refused(by_port(1000, "f", "5"), by_port(priority, "f i")));
    STRCMP_CONTAINS("there: leave in_port out, or let them",
                    refusal(by_port(1000, "f", "5"), by_port(1500, "f i")).c_str());
}

TEST(ChainMeet, InPortIsTakenWhereNoFrameGoesOnByAnotherWay)
{
    CHECK_FALSE(refused(web, by_port(500, "f")));      // The other finds its own first.
    CHECK_FALSE(refused(web, by_port(1500, "x")));     // No hop in common.
    CHECK_FALSE(refused(web, by_port(1500, "x f i"))); // The same way from there.
    CHECK_FALSE(refused(by_port(1000, "f i"), by_port(1500, "f i", "5"))); // The same way.
    auto same_port = by_port(1500, "f");
    same_port.name = "other";
    CHECK_FALSE(refused(by_port(1000, "f i"), same_port));             // No frame of another port.
    CHECK_FALSE(refused(web, row("in3", 1500, "arp,in_port=3", "f"))); // No frame in common.
}

TEST(ChainMeet, OtherMindOfDeadHopsIsAnotherWay)
{
    auto bypass = by_port(1500, "f i");
    bypass.dead = "bypass";
    CHECK_TRUE(refused(by_port(1000, "f i", "5"), bypass));
}

TEST(ChainMeet, ChainIsNotComparedWithItselfBeforeAChange)
{
    const auto before = by_port(1500, "f");
    const auto after = by_port(1500, "f i");
    CHECK_EQUAL(std::string{}, refusal(before, after));
    auto twin = row("twin", 1000, "ip,nw_dst=10.0.0.20", "f");
    auto changed = twin;
    changed.hops = hops("f i");
    CHECK_EQUAL(std::string{}, note_same_priority(changed, {twin}));
}

TEST(ChainMeet, FramesOfTwoChainsAtOnePriorityAreSaid)
{
    const auto db = row("db", 1000, "ip,nw_dst=10.0.0.30", "f i", "ip,nw_src=10.0.0.30");
    const auto mail = row("mail", 1000, "ip,nw_dst=10.0.0.40", "f i", "ip,nw_src=10.0.0.40");
    CHECK_EQUAL(std::string("chain db has frames and a hop in common with chain web at the same "
                            "priority, 1000: such frames may go by either, and skip a hop: give "
                            "each another --priority"),
                note_same_priority(db, {web}));
    STRCMP_CONTAINS("with chain web at", note_same_priority(db, {web, mail}).c_str());
}

TEST(ChainMeet, WhichOfTwoChainsTakesTheirCommonFramesIsSaidIfItMakesADifference)
{
    auto db = row("db", 1000, "ip,nw_dst=10.0.0.30", "f x", "ip,nw_src=10.0.0.30");
    db.spi = 0x1003;
    auto first = web;
    first.spi = 0x1005;
    STRCMP_CONTAINS("such frames go by web alone: give", note_same_priority(db, {first}).c_str());
    STRCMP_CONTAINS("such frames go by web alone: give", note_same_priority(first, {db}).c_str());
    first.spi = 0x1001;
    STRCMP_CONTAINS("such frames go by db alone: give", note_same_priority(db, {first}).c_str());
    db.hops = hops("i f"); // The same hops, in whatever order.
    CHECK_EQUAL(std::string{}, note_same_priority(db, {first}));
    db.dead = "bypass";
    STRCMP_CONTAINS("such frames go by db alone: give", note_same_priority(db, {first}).c_str());
    db = row("db", 1000, "ip,nw_dst=10.0.0.30", "f i", "ip,nw_src=10.0.0.30");
    db.spi = first.spi;
    STRCMP_CONTAINS("skip a hop", note_same_priority(db, {first}).c_str());
}

TEST(ChainMeet, NothingIsSaidWhereItMakesNoDifference)
{
    const auto note = [&](const db::Chain& added) { return note_same_priority(added, {web}); };
    CHECK_EQUAL(std::string{}, note(row("c", 1001, "tcp,nw_dst=10.0.0.20", "f")));
    CHECK_EQUAL(std::string{}, note(row("c", 1000, "tcp,nw_dst=10.0.0.20", "x")));
    CHECK_EQUAL(std::string{}, note(row("c", 1000, "tcp,nw_dst=10.0.0.20", "f i")));
    CHECK_EQUAL(std::string{}, note(row("c", 1000, "ipv6", "f")));
    CHECK_TRUE(!note(row("c", 1000, "tcp,nw_dst=10.0.0.20", "f")).empty());
}
