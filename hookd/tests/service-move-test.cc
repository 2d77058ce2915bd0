// SPDX-License-Identifier: Apache-2.0
//
// Tests of what is decided about services that move: who may, and who has it after a crash (S9).
#include <config.h>

#include "hookd/records.h"
#include "hookd/service-move.h"
#include "hookd/service-rules.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

db::Service count()
{
    db::Service row;
    row.id = "s1";
    row.name = "count";
    row.hypervisor = "hv1";
    row.state = "running";
    row.mode = "handoff";
    row.epoch = 3;
    return row;
}

std::vector<db::Hypervisor> two()
{
    db::Hypervisor one, other;
    one.name = "hv1";
    one.vtep = "192.0.2.1";
    other.name = "hv2";
    other.vtep = "192.0.2.2";
    return {one, other};
}

void refused(const db::Service& row, const std::string& target, const std::string& mode,
             const char* line)
{
    auto may = may_move(row, target, mode, "hv1", two());
    CHECK_FALSE(bool(may));
    STRCMP_EQUAL(line, may.error().message.c_str());
}

} // namespace

TEST_GROUP(ServiceMove){};

TEST(ServiceMove, BeforeItIsCommittedHomeGoesOnWhateverItHeard)
{
    for (Heard heard : {Heard::nothing, Heard::live, Heard::failed})
        CHECK_TRUE(home_end(false, heard) == HomeEnd::go_on);
}

TEST(ServiceMove, OnceCommittedOnlyTheTargetsWordEndsHomesWait)
{
    CHECK_TRUE(home_end(true, Heard::nothing) == HomeEnd::ask);
    CHECK_TRUE(home_end(true, Heard::live) == HomeEnd::discard);
    CHECK_TRUE(home_end(true, Heard::failed) == HomeEnd::go_on);
}

TEST(ServiceMove, TheLockSaysWhetherItLivesAtTheTarget)
{
    CHECK_TRUE(target_end({false, false}) == TargetEnd::discard);
    CHECK_TRUE(target_end({true, true}) == TargetEnd::discard);
    CHECK_TRUE(target_end({true, false}) == TargetEnd::keep);
}

TEST(ServiceMove, ItsPortStaysForAsLongAsTheSwitchLeadsToIt)
{
    const auto status = [](const char* role, bool left) {
        nlohmann::json move{{"vm", "s1"}, {"role", role}, {"left", left}};
        nlohmann::json all;
        all["moves"] = nlohmann::json::array();
        all["moves"].push_back(move);
        return all;
    };
    CHECK_TRUE(is_led_here(status("source", false), "s1"));
    CHECK_FALSE(is_led_here(status("source", true), "s1"));
    CHECK_FALSE(is_led_here(status("destination", false), "s1"));
    CHECK_FALSE(is_led_here(status("source", false), "s2"));
    CHECK_FALSE(is_led_here(nlohmann::json::object(), "s1"));
    CHECK_FALSE(is_led_here(nlohmann::json(), "s1")); // It was no JSON.
}

/// Home and target agree, whatever each of them saw: it lives on exactly one side.
TEST(ServiceMove, ItLivesOnExactlyOneSide)
{
    for (bool committed : {false, true}) {
        for (bool locked : {false, true}) {
            if (!committed && !locked)
                continue; // The lock goes only after home has committed.
            db::Move row;
            row.state = target_end({true, locked}) == TargetEnd::keep ? "active" : "failed";
            HomeEnd home = home_end(committed, Heard::nothing);
            if (home == HomeEnd::ask)
                home = home_end(committed, target_answer(&row));
            CHECK_EQUAL(row.state == "active", home == HomeEnd::discard);
            CHECK_EQUAL(row.state == "failed", home == HomeEnd::go_on);
        }
    }
}

TEST(ServiceMove, AMoveThatTheTargetKnowsNothingOfHasFailed)
{
    CHECK_TRUE(target_answer(nullptr) == Heard::failed);
    db::Move row;
    for (const char* state : {"staged", "failed"}) {
        row.state = state;
        CHECK_TRUE(target_answer(&row) == Heard::failed);
    }
    row.state = "active";
    CHECK_TRUE(target_answer(&row) == Heard::live);
}

TEST(ServiceMove, WhatMayNotMoveIsSaidWithTheMend)
{
    CHECK_TRUE(bool(may_move(count(), "hv2", "", "hv1", two())));
    auto row = count();
    row.pinned = true;
    refused(row, "hv2", "", "service count is pinned: 'holdfast service pin count off' first");
    row = count();
    row.state = "moving";
    refused(row, "hv2", "",
            "service count is moving already: wait for its end, 'holdfast service show count'");
    row.state = "stopped";
    refused(row, "hv2", "", "service count does not run: run it first");
    refused(count(), "hv1", "", "service count is on hv1 already");
    refused(count(), "hv2", "checkpoint",
            "service count was run with --mode handoff, which cannot be checkpointed: stop it and "
            "run it with --mode checkpoint, or move it as it is");
    row = count();
    row.mode = "checkpoint";
    for (const char* mode : {"", "checkpoint", "handoff"})
        CHECK_TRUE(bool(may_move(row, "hv2", mode, "hv1", two())));
}

TEST(ServiceMove, TargetsThatCannotTakeItAreRefused)
{
    auto fleet = two();
    fleet[1].drained = true;
    STRCMP_EQUAL("hv2 is drained: choose another, or 'holdfast node return hv2' first",
                 may_move(count(), "hv2", "", "hv1", fleet).error().message.c_str());
    fleet = two();
    fleet[1].vtep.clear();
    STRCMP_EQUAL("hv2 has no address for other hypervisors: set vtep in its holdfast.conf",
                 may_move(count(), "hv2", "", "hv1", fleet).error().message.c_str());
    CHECK_TRUE(may_move(count(), "hv3", "", "hv1", two()).error().code == Errc::not_found);
}

namespace {

void not_taken_back(const db::Service& row, const std::string& target, const db::Hypervisor* known,
                    bool fenced, const char* line)
{
    auto may = may_take_back(row, target, known, fenced);
    CHECK_FALSE(bool(may));
    STRCMP_EQUAL(line, may.error().message.c_str());
}

} // namespace

TEST(ServiceMove, WhatStandsStillIsTakenBackFromALostTargetThatIsFencedAlone)
{
    auto row = count();
    not_taken_back(row, "", nullptr, true,
                   "service count does not move, and has nothing to be taken back: it is running "
                   "on hv1");
    row.state = "moving";
    not_taken_back(row, "", nullptr, true,
                   "service count is moving, and does not stand still: wait for its end, 'holdfast "
                   "service show count'");
    auto target = two()[1];
    not_taken_back(
        row, "hv2", &target, true,
        "service count may live on hv2, which is not lost, and says so itself when it is "
        "reached: see 'holdfast status'");
    target.lost = true;
    for (const bool in_fleet : {true, false}) {
        const db::Hypervisor* known = in_fleet ? &target : nullptr;
        not_taken_back(row, "hv2", known, false,
                       "service count may live on hv2, and must not run twice: fence hv2 (cut its "
                       "power, for example), then say so by --fenced");
        CHECK_TRUE(bool(may_take_back(row, "hv2", known, true)));
    }
}

TEST(ServiceMove, WhatWasTakenBackWinsOverATargetThatCameToLive)
{
    auto row = count();
    row.state = "moving";
    db::Vm record;
    record.hypervisor = "hv1";
    const auto theirs = arrived(row, "hv2", 7);
    const auto their_record = taken_over(record, "hv2");
    for (const auto& known : {row, theirs}) { // The target's may have come meanwhile.
        const auto back = taken_back(known, "hv1");
        CHECK_TRUE(back.epoch > theirs.epoch);
        STRCMP_EQUAL("running", back.state.c_str());
        STRCMP_EQUAL("hv1", back.hypervisor.c_str());
    }
    for (const auto& known : {record, their_record}) {
        const auto back = taken_back(known, "hv1");
        CHECK_TRUE(back.epoch > their_record.epoch);
        STRCMP_EQUAL("hv1", back.hypervisor.c_str());
    }
}

TEST(ServiceMove, WhatHomeHasTakenBackMayNotLiveAtTheTarget)
{
    auto began = count();
    auto now = began;
    CHECK_FALSE(may_live(&now, began, "hv1", "hv2")); // Home's move has ended.
    now.state = "moving";
    CHECK_TRUE(may_live(&now, began, "hv1", "hv2"));
    CHECK_FALSE(may_live(nullptr, began, "hv1", "hv2"));
    CHECK_FALSE(may_live(&now, began, "hv3", "hv2"));
    auto back = taken_back(now, "hv1");
    CHECK_FALSE(may_live(&back, began, "hv1", "hv2"));
    back.state = "moving"; // And leaves for elsewhere.
    CHECK_FALSE(may_live(&back, began, "hv1", "hv2"));
    // What was written before a restart of the target's hookd counts, and is no other taking over.
    const auto lives = arrived(now, "hv2", 7);
    CHECK_TRUE(may_live(&lives, lives, "hv1", "hv2"));
    LONGS_EQUAL(lives.epoch, arrived(lives, "hv2", 7).epoch);
}

TEST(ServiceMove, StandingStillIsSaidWithWhatEndsIt)
{
    auto target = two()[1];
    STRCMP_CONTAINS("see that hv2 and the way to it work",
                    standstill("count", "hv2", &target).c_str());
    target.lost = true;
    STRCMP_CONTAINS("hv2, which is lost: once hv2 is fenced (its power is cut, for example), "
                    "'holdfast service take-back count --fenced'",
                    standstill("count", "hv2", &target).c_str());
    STRCMP_CONTAINS("hv2, which is not in the fleet any more: once",
                    standstill("count", "hv2", nullptr).c_str());
}

TEST(ServiceMove, OnlyItsOwnHypervisorBringsIt)
{
    const auto row = count();
    db::Hypervisor self = two()[1];
    CHECK_TRUE(bool(may_come(&row, "hv1", self)));
    STRCMP_EQUAL("it is hv1's, and not hv3's", may_come(&row, "hv3", self).error().message.c_str());
    CHECK_TRUE(may_come(nullptr, "hv1", self).error().code == Errc::not_found);
    self.drained = true;
    CHECK_FALSE(bool(may_come(&row, "hv1", self)));
}

TEST(ServiceMove, OneThatArrivedIsOursAndNewer)
{
    const auto row = arrived(count(), "hv2", 77);
    STRCMP_EQUAL("hv2", row.hypervisor.c_str());
    STRCMP_EQUAL("running", row.state.c_str());
    CHECK_EQUAL(77, row.pid);
    CHECK_EQUAL(4, row.epoch);
}
