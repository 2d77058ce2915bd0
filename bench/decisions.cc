// SPDX-License-Identifier: Apache-2.0
//
// bench/decisions: times schedd's decisions, and plays a month with them.  bench/schedd starts it.
//
//   decisions shares NODES USERS DECISIONS SEED   -> {"seconds":..,"given":..,"refused":..}
//   decisions round NODES PROCESSES MOST_MOVES free|shared SEED ROUNDS
//                                                 -> {"ms":..,"moves":..,"stays":..} each
//   decisions month NODES DAYS WAY SEED           -> one object an hour (bench/month.h)
#include <config.h>

#include "bench/month.h"
#include "bench/workload.h"
#include "common/text.h"
#include "schedd/balance.h"
#include "schedd/pool.h"
#include "schedd/review.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <ctime>
#include <iostream>
#include <stdexcept>
#include <system_error>

using namespace holdfast;
using namespace holdfast::bench;
using namespace holdfast::schedd;

namespace {

/// Processor time of this program, which waits for nothing: others' work is not in it.
double seconds()
{
    timespec now{};
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
        throw std::system_error{errno, std::generic_category(), "clock_gettime"};
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// With room for three nodes of each of ten users a node, and then some; users have 1 to 4.
Pool make_pool(std::uint32_t n_nodes, std::uint32_t n_users, std::uint64_t seed)
{
    std::vector<Node> nodes(n_nodes);
    for (std::uint32_t i = 0; i < n_nodes; ++i) {
        nodes[i].name = "hv" + std::to_string(i + 1);
        nodes[i].capacity = 40 * 30 * unit;
        nodes[i].average = static_cast<Load>(chance(seed, i, 1) % 700);
    }
    Pool pool{{}, std::move(nodes), {}};
    for (std::uint32_t i = 0; i < n_users; ++i) {
        const UserId user = pool.add_user("user" + std::to_string(i + 1));
        const Amount amount = static_cast<Amount>(1 + chance(seed, i, 2) % 4) * 30 * unit;
        if (auto change = pool.decide({user, amount, {}}))
            if (auto done = pool.apply(*change); !done)
                throw std::runtime_error{done.error().message};
    }
    // What was given by now has been measured.
    for (std::uint32_t i = 0; i < n_nodes; ++i)
        pool.observe(NodeId{i}, pool.node(NodeId{i}).average, 0, 20);
    return pool;
}

/// A user's period is reviewed, what follows is decided and reserved; a node is measured anew now
/// and then.
nlohmann::json time_shares(std::uint32_t n_nodes, std::uint32_t n_users, std::uint32_t n_decisions,
                           std::uint64_t seed)
{
    Pool pool = make_pool(n_nodes, n_users, seed);
    std::size_t n_given = 0, n_refused = 0;
    const double begun = seconds();
    for (std::uint32_t i = 0; i < n_decisions; ++i) {
        const UserId id{static_cast<std::uint32_t>(chance(seed, i, 3) % n_users)};
        const User& user = pool.user(id);
        const bool busy = chance(seed, i, 4) % 4 == 0;
        const Period period{
            static_cast<int>(user.share.size()), busy ? 800 : 100, 0, busy ? 900 : 100, 1, n_nodes};
        const Review found = review(pool.policy(), user.name, user.amount, period);
        const auto change =
            pool.decide({id, found.amount > 0 ? found.amount : pool.policy().base, {}});
        if (change && pool.apply(*change))
            n_given += change->given.size();
        else
            ++n_refused;
        if (i % 10 == 0) {
            const NodeId node{static_cast<std::uint32_t>(chance(seed, i, 5) % n_nodes)};
            pool.observe(node, static_cast<Load>(chance(seed, i, 6) % 800), 0, 20);
        }
    }
    return {{"seconds", seconds() - begun}, {"given", n_given}, {"refused", n_refused}};
}

/// Loads by chance, so that most nodes are crowded or idle; with `shared` each process may be on
/// six nodes only.
Environment make_environment(std::uint32_t n_nodes, std::uint32_t n_processes, bool shared,
                             std::uint64_t seed)
{
    Environment environment;
    environment.now = Time{Seconds{1'000'000}};
    for (std::uint32_t i = 0; i < n_nodes; ++i) {
        BalanceNode node;
        node.name = "hv" + std::to_string(i + 1);
        node.capacity = chance(seed, i, 7) % 3 == 0 ? 32'000 : 16'000;
        node.rounds_over = node.rounds_maximum = 10;
        environment.nodes.push_back(node);
        std::vector<NodeId> share;
        for (std::uint32_t k = 0; k < 6; ++k)
            share.push_back(NodeId{static_cast<std::uint32_t>(chance(seed, i, 20 + k) % n_nodes)});
        environment.shares.push_back(std::move(share));
    }
    for (std::uint32_t i = 0; i < n_processes; ++i) {
        Process process;
        process.name = "p" + std::to_string(i + 1);
        const auto user = static_cast<std::uint32_t>(chance(seed, i, 8) % n_nodes);
        process.node = environment.shares[user][chance(seed, i, 9) % 6];
        process.cpu = 100 + static_cast<Cpu>(chance(seed, i, 10) % 900);
        process.pinned = chance(seed, i, 11) % 20 == 0;
        if (shared)
            process.user = UserId{user};
        environment.processes.push_back(std::move(process));
    }
    environment.leader = NodeId{0};
    return environment;
}

void time_rounds(std::uint32_t n_nodes, std::uint32_t n_processes, int most_moves, bool shared,
                 std::uint64_t seed, std::uint32_t n_rounds)
{
    const Environment environment = make_environment(n_nodes, n_processes, shared, seed);
    BalancePolicy policy;
    policy.most_moves = most_moves;
    for (std::uint32_t i = 0; i < n_rounds; ++i) {
        const double begun = seconds();
        const Round round = balance(environment, policy);
        std::cout << nlohmann::json{{"ms", (seconds() - begun) * 1000},
                                    {"moves", round.moves.size()},
                                    {"stays", round.stays.size()}}
                  << "\n";
    }
}

void print_month(std::uint32_t n_nodes, int n_days, std::uint64_t seed, Way way)
{
    for (const Hour& hour : run_month(n_nodes, n_days, seed, way))
        std::cout << nlohmann::json{{"spread", hour.spread},       {"deviation", hour.deviation},
                                    {"over", hour.over},           {"moves", hour.moves},
                                    {"borrowers", hour.borrowers}, {"spare_load", hour.spare_load},
                                    {"reserve", hour.reserve}}
                  << "\n";
}

/// The word as a number from 1 to two millions.
std::uint32_t number(const std::string& word)
{
    const auto value = parse_number(word);
    if (!value || *value < 1 || *value > 2'000'000)
        throw std::invalid_argument{"\"" + word + "\" is no number from 1 to 2000000"};
    return static_cast<std::uint32_t>(*value);
}

void run(const std::vector<std::string>& words)
{
    if (words.size() == 5 && words[0] == "shares") {
        std::cout << time_shares(number(words[1]), number(words[2]), number(words[3]),
                                 number(words[4]))
                  << "\n";
    } else if (words.size() == 7 && words[0] == "round" &&
               (words[4] == "free" || words[4] == "shared")) {
        time_rounds(number(words[1]), number(words[2]), static_cast<int>(number(words[3])),
                    words[4] == "shared", number(words[5]), number(words[6]));
    } else if (const auto way = words.size() == 5 ? way_named(words[3]) : std::nullopt;
               way && words[0] == "month") {
        print_month(number(words[1]), static_cast<int>(number(words[2])), number(words[4]), *way);
    } else {
        throw std::invalid_argument{
            "usage: decisions shares NODES USERS DECISIONS SEED | round NODES PROCESSES "
            "MOST_MOVES free|shared SEED ROUNDS | month NODES DAYS WAY SEED"};
    }
}

} // namespace

int main(int argc, char** argv)
{
    try {
        run({argv + 1, argv + argc});
    } catch (const std::invalid_argument& error) {
        std::cerr << "decisions: " << error.what() << "\n";
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "decisions: " << error.what() << "\n";
        return 1;
    }
}
