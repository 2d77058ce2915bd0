// SPDX-License-Identifier: Apache-2.0
//
// What must hold of each round, whatever the loads: spec Q6, Q11, Q17.
#include <config.h>

#include "schedd/tests/fleet.h"

#include <random>

#include <CppUTest/TestHarness.h>

using namespace holdfast::schedd;

namespace {

Fleet random_fleet(unsigned seed, bool alike)
{
    std::mt19937 random{seed};
    Fleet fleet;
    fleet.policy.most_moves = static_cast<int>(random() % 30 + 1);
    fleet.policy.maximum = 100'000; // Not of these tests: roles stay.
    const std::uint32_t n = random() % 20 + 2;
    for (std::uint32_t i = 0; i < n; ++i) {
        std::vector<Cpu> processes(random() % (random() % 8 == 0 ? 40 : 8));
        for (Cpu& cpu : processes)
            cpu = random() % 200;
        fleet.add(processes, alike ? 1000 : 500 + random() % 4000);
        fleet.node(NodeId{i}).rounds_over = random() % 4;
        fleet.node(NodeId{i}).system = random() % 200;
    }
    fleet.environment.shares.resize(4);
    for (auto& share : fleet.environment.shares)
        for (std::uint32_t i = 0; i < n; ++i)
            if (random() % 2)
                share.push_back(NodeId{i});
    for (Process& one : fleet.environment.processes) {
        one.pinned = random() % 6 == 0;
        one.rests_until = fleet.environment.now + Seconds{static_cast<int>(random() % 5) - 3};
        if (random() % 12 == 0)
            one.to = NodeId{static_cast<std::uint32_t>(random() % n)};
        const std::uint32_t user = random() % 8;
        one.user = user < 4 ? UserId{user} : no_user;
    }
    return fleet;
}

/// Loads by the tests' own arithmetic.
struct Loads {
    explicit Loads(const Fleet& fleet) : fleet{fleet}, used(fleet.environment.nodes.size())
    {
        for (std::size_t i = 0; i < used.size(); ++i)
            used[i] = fleet.environment.nodes[i].system;
        for (const Process& one : fleet.environment.processes)
            used[at(one.to == no_node ? one.node : one.to)] += one.cpu;
    }
    Load of(NodeId node) const
    {
        return used[at(node)] * 1000 / fleet.environment.nodes[at(node)].capacity;
    }
    Load spread() const
    {
        Load least = 1'000'000, most = 0;
        for (std::uint32_t i = 0; i < used.size(); ++i) {
            least = std::min(least, of(NodeId{i}));
            most = std::max(most, of(NodeId{i}));
        }
        return most - least;
    }
    void apply(const Move& move)
    {
        used[at(move.from)] -= fleet.environment.processes[move.process].cpu;
        used[at(move.to)] += fleet.environment.processes[move.process].cpu;
    }

    const Fleet& fleet;
    std::vector<Cpu> used;
};

void check_allowed(const Fleet& fleet, const Move& move)
{
    const Process& one = fleet.environment.processes[move.process];
    CHECK_TRUE(one.node == move.from && move.from != move.to);
    CHECK_TEXT(!one.pinned, "what is pinned stays");
    CHECK_TEXT(one.to == no_node, "what is under way is not moved again");
    CHECK_TEXT(one.rests_until <= fleet.environment.now, "what rests stays");
    CHECK_FALSE(move.reason.empty());
    if (one.user != no_user) {
        const auto& share = fleet.environment.shares[at(one.user)];
        CHECK_TEXT(std::find(share.begin(), share.end(), move.to) != share.end(),
                   "no move leads out of the share");
    }
}

void check_round(const Fleet& fleet, const Round& round)
{
    Loads loads{fleet};
    for (const Move& move : round.moves) {
        check_allowed(fleet, move);
        const Load gap = loads.of(move.from) - loads.of(move.to);
        const Load spread = loads.spread();
        loads.apply(move);
        if (move.why != Why::even)
            continue;
        CHECK_TEXT(loads.spread() <= spread, "no move makes the spread larger");
        CHECK_TEXT(std::abs(loads.of(move.from) - loads.of(move.to)) * 10 <= gap * 9,
                   "each move gains a tenth");
    }
    const auto under_way =
        std::count_if(fleet.environment.processes.begin(), fleet.environment.processes.end(),
                      [](const Process& one) { return one.to != no_node; });
    if (!round.moves.empty())
        CHECK_TRUE(static_cast<int>(round.moves.size()) + under_way <= fleet.policy.most_moves);
    CHECK_TEXT(!round.moves.empty() || !round.stays.empty(), "nothing is done without a reason");
}

/// Makes it so, as if each move took no time.
void carry_out(Fleet& fleet, const Round& round)
{
    for (std::size_t i = 0; i < round.memory.size(); ++i) {
        fleet.environment.nodes[i].rounds_over = round.memory[i].rounds_over;
        fleet.environment.nodes[i].rounds_maximum = round.memory[i].rounds_maximum;
    }
    for (const Move& move : round.moves) {
        fleet.environment.processes[move.process].node = move.to;
        fleet.environment.processes[move.process].rests_until =
            fleet.environment.now + fleet.policy.rest;
    }
    fleet.environment.now += Seconds{60};
}

} // namespace

TEST_GROUP(Q17Property){};

TEST(Q17Property, NoMoveThatDoesNotPayAndNoSpreadThatGrows)
{
    std::size_t n_moves = 0;
    for (unsigned seed = 1; seed <= 2000; ++seed) {
        const Fleet fleet = random_fleet(seed, seed % 2 == 0);
        const Round round = fleet.round();
        n_moves += round.moves.size();
        check_round(fleet, round);
    }
    CHECK_TRUE(n_moves > 2000); // It is not true for want of moves.
}

TEST(Q17Property, UnchangedLoadsComeToRest)
{
    for (unsigned seed = 1; seed <= 100; ++seed) {
        Fleet fleet = random_fleet(seed, true);
        for (Process& one : fleet.environment.processes)
            one.to = no_node;
        int quiet = 0;
        for (int i = 0; i < 1500 && quiet < 100; ++i) { // 100 minutes are three rests.
            const Round round = fleet.round();
            check_round(fleet, round);
            quiet = round.moves.empty() ? quiet + 1 : 0;
            carry_out(fleet, round);
        }
        CHECK_EQUAL(100, quiet);
    }
}

TEST(Q17Property, TheSameInputGivesTheSameRound)
{
    const Fleet fleet = random_fleet(7, false);
    CHECK_EQUAL(reasons(fleet.round()), reasons(fleet.round()));
}
