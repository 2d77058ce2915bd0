// SPDX-License-Identifier: Apache-2.0
//
// What must hold of shares whatever is asked for, in whatever order: spec Q2, Q7.
#include <config.h>

#include "schedd/amount.h"
#include "schedd/spare.h"
#include "schedd/tests/values.h"

#include <deque>
#include <map>
#include <random>
#include <set>

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::schedd;

namespace {

constexpr std::uint32_t n_nodes = 40, n_users = 120;

Pool random_pool(std::mt19937& random)
{
    std::vector<Node> nodes;
    std::vector<User> users;
    for (std::uint32_t i = 0; i < n_nodes; ++i) {
        nodes.push_back(open_node("hv" + std::to_string(i + 1), random() % 900));
        nodes.back().capacity = (random() % 200) * unit;
    }
    for (std::uint32_t i = 0; i < n_users; ++i)
        users.push_back(user_named("u" + std::to_string(i)));
    return {{}, nodes, users};
}

/// Counted from the users' shares, not from what the pool keeps.
void check_shares(const Pool& pool)
{
    std::map<NodeId, Amount> reserved;
    for (const User& user : pool.users()) {
        std::set<NodeId> seen;
        Amount sum = 0;
        for (const Reservation& one : user.share) {
            CHECK_TEXT(seen.insert(one.node).second, "no node is twice in a share");
            reserved[one.node] += one.amount;
            sum += one.amount;
        }
        CHECK_TEXT(sum < user.amount + pool.policy().base, "the quota is not exceeded");
    }
    for (std::uint32_t i = 0; i < n_nodes; ++i) {
        CHECK_EQUAL(reserved[NodeId{i}], pool.node(NodeId{i}).reserved);
        CHECK_TEXT(reserved[NodeId{i}] <= pool.node(NodeId{i}).capacity,
                   "no node is given beyond its room");
    }
}

/// The first of all candidates, by looking at each.
NodeId first_by_looking(const Pool& pool)
{
    NodeId found = no_node;
    for (std::uint32_t i = 0; i < n_nodes; ++i) {
        const Node& node = pool.node(NodeId{i});
        if (node.offer != Offer::open || node.reserved + pool.policy().base > node.capacity ||
            Pool::expected(node) > pool.policy().candidate_load)
            continue;
        if (found == no_node ||
            std::pair{node.users, Pool::expected(node)} <
                std::pair{pool.node(found).users, Pool::expected(pool.node(found))})
            found = NodeId{i};
    }
    return found;
}

void step(Pool& pool, std::mt19937& random, std::deque<ShareChange>& decided)
{
    const NodeId node{static_cast<std::uint32_t>(random() % n_nodes)};
    switch (random() % 8) {
    case 0:
        pool.observe(node, random() % 1000, (random() % 60) * unit, 0);
        break;
    case 1:
        pool.set_offer(node, static_cast<Offer>(random() % 4));
        break;
    case 2:
        apply(pool, choose_spare(pool));
        break;
    default: {
        const UserId user{static_cast<std::uint32_t>(random() % n_users)};
        Request request{user, static_cast<Amount>(random() % 300 + 1) * unit, {}};
        if (random() % 3 == 0)
            request.chosen = pool.candidates(user, random() % 3);
        if (auto change = pool.decide(request))
            decided.push_back(*change);
    }
    }
    // Decisions are applied late and out of order, some twice.
    while (decided.size() > random() % 12) {
        const bool again = random() % 5 == 0;
        const ShareChange change = random() % 2 ? decided.front() : decided.back();
        if (auto done = pool.apply(change); !done)
            CHECK_TRUE(Errc::outdated == done.error().code);
        if (again)
            CHECK_FALSE(pool.apply(change) && change.amount != change.amount_before);
        decided.pop_front();
    }
}

} // namespace

TEST_GROUP(Q7Property){};

TEST(Q7Property, NoNodeBeyondItsRoomAndNoQuotaExceeded)
{
    for (unsigned seed = 1; seed <= 20; ++seed) {
        std::mt19937 random{seed};
        Pool pool = random_pool(random);
        std::deque<ShareChange> decided;
        for (int i = 0; i < 400; ++i) {
            step(pool, random, decided);
            if (i % 20 == 0)
                check_shares(pool);
        }
        check_shares(pool);
    }
}

TEST(Q7Property, TheFirstCandidateIsTheOneThatLookingAtAllFinds)
{
    std::mt19937 random{2};
    Pool pool = random_pool(random);
    std::deque<ShareChange> decided;
    for (int i = 0; i < 1000; ++i) {
        step(pool, random, decided);
        const auto wanted = first_by_looking(pool);
        const UserId newcomer =
            pool.user_named("newcomer") ? *pool.user_named("newcomer") : pool.add_user("newcomer");
        const auto found = pool.candidates(newcomer, 1);
        CHECK_TRUE(found.empty() == (wanted == no_node));
        if (wanted != no_node) {
            const Node& a = pool.node(found[0]);
            const Node& b = pool.node(wanted);
            CHECK_TRUE(a.users == b.users && Pool::expected(a) == Pool::expected(b));
        }
    }
}
