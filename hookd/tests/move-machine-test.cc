// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/move-machine (spec C5, C6).
#include <config.h>

#include "hookd/move-machine.h"

#include <libvirt/libvirt.h>

#include <algorithm>
#include <set>

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

MoveMachine armed()
{
    db::Move peer;
    peer.id = "m1";
    peer.vm = "v1";
    peer.hypervisor = "hv2";
    return MoveMachine::source(peer, "hv1", 100);
}

MoveMachine staged()
{
    return MoveMachine::destination("m1", "v1", "hv2", "hv1", 100);
}

using Actions = std::vector<Action>;

int count(const Actions& all, Action wanted)
{
    return int(std::count(all.begin(), all.end(), wanted));
}

/// What came of feeding signals in every order.
struct Outcome {
    std::set<Step> steps;
    int most_turns = 0, fewest_turns = 99, most_activates = 0, fewest_activates = 99;
    int most_takeovers = 0, fewest_takeovers = 99;
    bool disarmed_last = true;
};

Outcome permute(const MoveMachine& start, std::vector<Signal> signals)
{
    Outcome outcome;
    std::sort(signals.begin(), signals.end());
    do {
        MoveMachine machine = start;
        Actions all;
        for (Signal signal : signals) {
            Actions some = machine.on(signal, 200);
            all.insert(all.end(), some.begin(), some.end());
        }
        outcome.steps.insert(machine.step());
        outcome.most_turns = std::max(outcome.most_turns, count(all, Action::turn));
        outcome.fewest_turns = std::min(outcome.fewest_turns, count(all, Action::turn));
        outcome.most_activates = std::max(outcome.most_activates, count(all, Action::activate));
        outcome.fewest_activates = std::min(outcome.fewest_activates, count(all, Action::activate));
        outcome.most_takeovers = std::max(outcome.most_takeovers, count(all, Action::take_over));
        outcome.fewest_takeovers =
            std::min(outcome.fewest_takeovers, count(all, Action::take_over));
        auto is_switch = [](Action a) {
            return a == Action::turn || a == Action::back || a == Action::arm ||
                   a == Action::disarm;
        };
        auto last = std::find_if(all.rbegin(), all.rend(), is_switch);
        outcome.disarmed_last &= last != all.rend() && *last == Action::disarm;
    } while (std::next_permutation(signals.begin(), signals.end()));
    return outcome;
}

} // namespace

TEST_GROUP(MoveMachine){};

TEST(MoveMachine, SourceOfASuccessEndsCleanedWhateverTheOrder)
{
    Outcome outcome =
        permute(armed(), {Signal::cpus_stopped, Signal::cpus_stopped, Signal::peer_staged,
                          Signal::peer_active, Signal::gone, Signal::gone, Signal::moved_away});
    CHECK_TRUE(outcome.steps == std::set<Step>{Step::cleaned});
    CHECK_EQUAL(1, outcome.most_turns);
    CHECK_TRUE(outcome.disarmed_last);
}

TEST(MoveMachine, SourceOfAFailureEndsBackWhateverTheOrder)
{
    Outcome outcome =
        permute(armed(), {Signal::cpus_stopped, Signal::cpus_stopped, Signal::cpus_resumed,
                          Signal::migration_failed, Signal::migration_failed, Signal::peer_failed});
    CHECK_TRUE(outcome.steps == std::set<Step>{Step::back});
    CHECK_TRUE(outcome.disarmed_last);
}

TEST(MoveMachine, DestinationOfASuccessIsActivatedOnceWhateverTheOrder)
{
    Outcome outcome =
        permute(staged(), {Signal::port_plugged, Signal::cpus_resumed, Signal::cpus_resumed,
                           Signal::first_frame, Signal::first_frame, Signal::peer_cleaned});
    CHECK_TRUE(outcome.steps == std::set<Step>{Step::active});
    CHECK_EQUAL(1, outcome.most_activates);
    CHECK_EQUAL(1, outcome.fewest_activates);
    CHECK_EQUAL(1, outcome.most_takeovers);
    CHECK_EQUAL(1, outcome.fewest_takeovers);
}

TEST(MoveMachine, DestinationOfAFailureEndsFailedWhateverTheOrder)
{
    Outcome outcome = permute(staged(), {Signal::port_plugged, Signal::gone, Signal::gone,
                                         Signal::incoming_failed, Signal::peer_back});
    CHECK_TRUE(outcome.steps == std::set<Step>{Step::failed});
    CHECK_EQUAL(0, outcome.most_activates);
}

TEST(MoveMachine, GuestThatRanAndWentBackLeavesNothingAtTheDestination)
{
    Outcome outcome =
        permute(staged(), {Signal::port_plugged, Signal::cpus_resumed, Signal::first_frame,
                           Signal::gone, Signal::incoming_failed, Signal::peer_back});
    CHECK_TRUE(outcome.steps == std::set<Step>{Step::failed});
}

TEST(MoveMachine, StopTurnsBeforeAnythingElse)
{
    MoveMachine machine = armed();
    Actions todo = machine.on(Signal::cpus_stopped, 150);
    CHECK_TRUE(todo == (Actions{Action::turn, Action::put_row}));
    CHECK_EQUAL(150, machine.row().times.at("suspended"));
    CHECK_EQUAL(std::string("turned"), machine.row().state);
}

TEST(MoveMachine, ActivationComesBeforeAnyRow)
{
    MoveMachine machine = staged();
    machine.on(Signal::port_plugged, 120);
    Actions todo = machine.on(Signal::first_frame, 150);
    CHECK_TRUE(todo ==
               (Actions{Action::activate, Action::put_row, Action::take_over, Action::sync}));
    CHECK_TRUE(machine.on(Signal::cpus_resumed, 160).empty());
    CHECK_EQUAL(160, machine.row().times.at("resumed"));
}

TEST(MoveMachine, GuestPausedByItsOperatorDuringTheMoveIsTurnedAgainAtTheRealStop)
{
    MoveMachine machine = armed();
    machine.on(Signal::cpus_stopped, 150);
    Actions todo = machine.on(Signal::cpus_resumed, 160);
    CHECK_TRUE(todo == (Actions{Action::back, Action::arm, Action::put_row}));
    CHECK_TRUE(machine.on(Signal::cpus_stopped, 170).front() == Action::turn);
    CHECK_EQUAL(170, machine.row().times.at("suspended"));
}

TEST(MoveMachine, CancelBeforeTheStopOnlyDisarms)
{
    MoveMachine machine = armed();
    CHECK_TRUE(machine.on(Signal::peer_failed, 150) == (Actions{Action::disarm, Action::put_row}));
    CHECK_TRUE(machine.over());
}

TEST(MoveMachine, StopThatWasMissedIsMadeGoodByThePeersWord)
{
    MoveMachine machine = armed();
    CHECK_TRUE(machine.on(Signal::peer_active, 150).front() == Action::turn);
}

TEST(MoveMachine, SourceWaitsForThePeerBeforeItCleans)
{
    MoveMachine machine = armed();
    machine.on(Signal::cpus_stopped, 150);
    CHECK_TRUE(machine.on(Signal::moved_away, 160) == Actions{Action::leave});
    CHECK_TRUE(machine.step() == Step::turned);
    machine.on(Signal::peer_active, 170);
    CHECK_TRUE(machine.step() == Step::cleaned);
}

TEST(MoveMachine, GuestThatIsGoneIsLedToItsNewPlaceOnceWhileThePeerIsSilent)
{
    MoveMachine machine = armed();
    machine.on(Signal::cpus_stopped, 150);
    CHECK_TRUE(machine.on(Signal::gone, 160) == Actions{Action::leave});
    CHECK_TRUE(machine.on(Signal::gone, 161).empty());
    MoveMachine late = armed();
    CHECK_TRUE(late.on(Signal::moved_away, 160) ==
               (Actions{Action::turn, Action::leave, Action::put_row}));
}

TEST(MoveMachine, SourceTakesTheVmOverAgainWhenItGoesOnHereAfterTheActivation)
{
    MoveMachine machine = armed();
    machine.on(Signal::cpus_stopped, 150);
    machine.on(Signal::peer_active, 160);
    Actions todo = machine.on(Signal::migration_failed, 170);
    CHECK_EQUAL(1, count(todo, Action::take_over));
    CHECK_TRUE(machine.step() == Step::back);
}

TEST(MoveMachine, PeerRowThatVanishesFreesTheSource)
{
    MoveMachine machine = armed();
    machine.on(Signal::peer_gone, 150);
    CHECK_TRUE(machine.step() == Step::back);
}

TEST(MoveMachine, PeerRowThatVanishesSaysNothingOnceTheMoveIsCommitted)
{
    MoveMachine machine = armed();
    machine.on(Signal::cpus_stopped, 150);
    machine.note("committed", 160);
    machine.on(Signal::peer_gone, 170);
    CHECK_TRUE(machine.step() == Step::turned);
    machine.on(Signal::migration_failed, 180);
    CHECK_TRUE(machine.step() == Step::back);
}

TEST(MoveMachine, DeadlineEndsAStagedMoveOnlyWithoutAPort)
{
    MoveMachine with = staged();
    with.on(Signal::port_plugged, 120);
    CHECK_TRUE(with.on(Signal::deadline, 900).empty());
    MoveMachine without = staged();
    without.on(Signal::deadline, 900);
    CHECK_TRUE(without.step() == Step::failed);
}

TEST(MoveMachine, RestartGoesOnFromRowAndReality)
{
    MoveMachine source = armed();
    MoveMachine again = MoveMachine::resumed(source.row());
    again.on(*signal_of_reality(Role::source, Reality::paused), 300);
    CHECK_TRUE(again.step() == Step::turned);
    MoveMachine turned = MoveMachine::resumed(again.row());
    turned.on(*signal_of_reality(Role::source, Reality::running), 300);
    CHECK_TRUE(turned.step() == Step::armed);
    MoveMachine lost = MoveMachine::resumed(staged().row());
    lost.on(*signal_of_reality(Role::destination, Reality::absent), 300);
    CHECK_TRUE(lost.step() == Step::failed);
    MoveMachine arrived = MoveMachine::resumed(staged().row());
    arrived.on(*signal_of_reality(Role::destination, Reality::running), 300);
    CHECK_TRUE(arrived.step() == Step::active);
    CHECK_FALSE(bool(signal_of_reality(Role::destination, Reality::paused)));
}

TEST(MoveMachine, SwitchThatRestartedIsToldWhereItsMoveStands)
{
    MoveMachine source = armed();
    CHECK_TRUE(source.again() == Actions{Action::arm});
    source.on(Signal::cpus_stopped, 150);
    CHECK_TRUE(source.again() == Actions{Action::turn});
    source.on(Signal::migration_failed, 160);
    CHECK_TRUE(source.again().empty());
    MoveMachine destination = staged();
    CHECK_TRUE(destination.again().empty());
    destination.on(Signal::port_plugged, 120);
    CHECK_TRUE(destination.again() == Actions{Action::expect});
    destination.on(Signal::peer_drained, 130);
    CHECK_TRUE(destination.again() == (Actions{Action::expect, Action::pin}));
    destination.on(Signal::cpus_resumed, 140);
    CHECK_TRUE(destination.again().empty());
}

TEST(MoveMachine, ResumedWithDetailMigratedMeansTheOppositeOnTheTwoSides)
{
    CHECK_TRUE(signal_of_lifecycle(Role::source, VIR_DOMAIN_EVENT_RESUMED,
                                   VIR_DOMAIN_EVENT_RESUMED_MIGRATED) == Signal::migration_failed);
    CHECK_TRUE(signal_of_lifecycle(Role::destination, VIR_DOMAIN_EVENT_RESUMED,
                                   VIR_DOMAIN_EVENT_RESUMED_MIGRATED) == Signal::cpus_resumed);
}

TEST(MoveMachine, GuestLeftPausedByItsOperatorHasArrived)
{
    MoveMachine machine = staged();
    machine.on(*signal_of_lifecycle(Role::destination, VIR_DOMAIN_EVENT_SUSPENDED,
                                    VIR_DOMAIN_EVENT_SUSPENDED_PAUSED),
               150);
    CHECK_TRUE(machine.step() == Step::active);
}

TEST(MoveMachine, MacIsPinnedAtTheDestinationOnceTheSourceHasDrained)
{
    MoveMachine machine = staged();
    CHECK_TRUE(machine.on(Signal::peer_armed, 110).empty());
    machine.on(Signal::port_plugged, 120);
    CHECK_TRUE(machine.on(Signal::peer_drained, 130) == Actions{Action::pin});
    CHECK_TRUE(machine.step() == Step::staged);
    CHECK_TRUE(machine.on(Signal::peer_drained, 131).empty());
    CHECK_TRUE(machine.on(Signal::cpus_resumed, 140).front() == Action::activate);
}

TEST(MoveMachine, GuestThatGoesOnAtTheSourceTakesItsMacBackThere)
{
    MoveMachine machine = staged();
    machine.on(Signal::port_plugged, 120);
    machine.on(Signal::peer_drained, 130);
    CHECK_TRUE(machine.on(Signal::peer_armed, 140) == (Actions{Action::disarm, Action::expect}));
    CHECK_TRUE(machine.on(Signal::peer_drained, 150) == Actions{Action::pin});
    CHECK_TRUE(machine.on(Signal::peer_back, 160).front() == Action::disarm);
}

TEST(MoveMachine, SourceRowTellsWhatItMeansAtTheDestination)
{
    holdfast::db::Move row;
    row.state = "turned";
    CHECK_TRUE(signal_of_peer(Role::destination, row) == Signal::peer_armed);
    row.times["drained"] = 1;
    CHECK_TRUE(signal_of_peer(Role::destination, row) == Signal::peer_drained);
    row.state = "armed";
    row.times.erase("drained");
    CHECK_TRUE(signal_of_peer(Role::destination, row) == Signal::peer_armed);
    CHECK_FALSE(bool(signal_of_peer(Role::source, row)));
}

TEST(MoveMachine, MonitorEventsMeanWhatQemuSays)
{
    CHECK_TRUE(signal_of_monitor("STOP", "") == Signal::cpus_stopped);
    CHECK_TRUE(signal_of_monitor("MIGRATION", R"({"status":"cancelled"})") ==
               Signal::migration_failed);
    CHECK_FALSE(bool(signal_of_monitor("MIGRATION", R"({"status":"completed"})")));
    CHECK_FALSE(bool(signal_of_monitor("", "{")));
}

TEST(MoveMachine, GuestIsHaltedUnlessAMigrationHoldsIt)
{
    for (int reason :
         {VIR_DOMAIN_PAUSED_USER, VIR_DOMAIN_PAUSED_IOERROR, VIR_DOMAIN_PAUSED_UNKNOWN})
        CHECK_TRUE(is_halted(VIR_DOMAIN_PAUSED, reason));
    CHECK_TRUE(is_halted(VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN));
    for (int reason :
         {VIR_DOMAIN_PAUSED_MIGRATION, VIR_DOMAIN_PAUSED_POSTCOPY, VIR_DOMAIN_PAUSED_STARTING_UP})
        CHECK_FALSE(is_halted(VIR_DOMAIN_PAUSED, reason));
    CHECK_FALSE(is_halted(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNKNOWN));
}
