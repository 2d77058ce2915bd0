// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "bench/month.h"

#include "bench/workload.h"
#include "schedd/amount.h"
#include "schedd/averages.h"
#include "schedd/balance.h"
#include "schedd/spare.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <stdexcept>
#include <utility>

namespace holdfast::bench {

using namespace schedd;

namespace {

// A Monday, 0 o'clock.
constexpr Time begin{Seconds{20'003LL * 86'400}};
constexpr int rounds_until_judged = 3;

/// A move that has begun, to be judged some rounds after it has ended.
struct Begun {
    int round = 0;
    std::uint32_t process = 0;
    NodeId from = no_node, to = no_node;
    Load from_load = 0, to_load = 0;
};

/// 16 or 32 processors; room for one user a 1.6 processors.
std::vector<Node> make_nodes(std::uint32_t n_nodes, std::uint64_t seed)
{
    std::vector<Node> nodes(n_nodes);
    for (std::uint32_t i = 0; i < n_nodes; ++i) {
        nodes[i].name = "hv" + std::to_string(i + 1);
        nodes[i].capacity = (chance(seed, i, 10) % 3 == 0 ? 600 : 300) * unit;
    }
    return nodes;
}

/// Users of 3 to 8 nodes, who ask one after the other.
Pool make_pool(std::uint32_t n_nodes, std::uint32_t n_users, std::uint64_t seed)
{
    SharePolicy policy;
    policy.spare_at = 700;
    Pool pool{policy, make_nodes(n_nodes, seed), {}};
    for (std::uint32_t i = 0; i < n_users; ++i) {
        const UserId user = pool.add_user("user" + std::to_string(i + 1));
        Usage usage;
        usage.hours_a_day = 9000 + static_cast<std::int64_t>(chance(seed, i, 11) % 15'000);
        const auto amount = amount_of(usage, {});
        const auto change = amount ? pool.decide({user, *amount, {}}) : amount.error();
        if (!change)
            throw std::runtime_error{change.error().message};
        if (auto done = pool.apply(*change); !done)
            throw std::runtime_error{done.error().message};
    }
    return pool;
}

class Month {
public:
    Month(std::uint32_t n_nodes, std::uint64_t seed, Way way)
        : seed_{seed}, way_{way}, pool_{make_pool(n_nodes, n_nodes * 3 / 2, seed)},
          workload_{n_nodes * 3 / 2, 14, seed}, averages_(n_nodes), used_(n_nodes), own_(n_nodes)
    {
        policy_.most_moves = static_cast<int>(n_nodes / 25);
        policy_.rest = Seconds{2 * 3600};
        for (const Node& node : pool_.nodes()) {
            BalanceNode row;
            row.name = node.name;
            row.capacity = node.capacity * 16 / 300;
            environment_.nodes.push_back(row);
        }
        environment_.processes.resize(workload_.n_processes());
        for (std::uint32_t i = 0; i < workload_.n_processes(); ++i) {
            environment_.processes[i].name = "p" + std::to_string(i + 1);
            environment_.processes[i].user = UserId{workload_.user(i)};
        }
        trust_.resize(workload_.n_processes());
        share_out();
    }

    std::vector<Hour> run(int n_days);

private:
    void share_out();
    void end_moves();
    void place(std::uint32_t process, int round);
    void measure(int round);
    void begin_move(std::uint32_t process, NodeId to, int round);
    void move_random(int round);
    void move_to_least(int round);
    void balance_all(int round);
    void judge(int round);
    void lend_spare(int round);
    void look(Hour& hour) const;
    Load load(NodeId node) const
    {
        return used_[at(node)] * 1000 / environment_.nodes[at(node)].capacity;
    }
    NodeId least_of(const std::vector<NodeId>& share) const;

    std::uint64_t seed_;
    Way way_;
    Pool pool_;
    Workload workload_;
    BalancePolicy policy_;
    Environment environment_;
    std::vector<Averages> averages_;
    std::vector<Cpu> used_;
    std::vector<std::vector<std::uint32_t>> own_; // Processes of each node.
    std::vector<Trust> trust_;
    std::deque<Begun> begun_;
    NodeId spare_ = no_node;
    int n_begun_ = 0;
};

/// The users' shares, with what is lent to them, as the balancer sees them.
void Month::share_out()
{
    environment_.shares.clear();
    for (const User& user : pool_.users()) {
        std::vector<NodeId> share = user.borrowed;
        for (const Reservation& one : user.share)
            if (std::find(share.begin(), share.end(), one.node) == share.end())
                share.push_back(one.node);
        environment_.shares.push_back(std::move(share));
    }
}

NodeId Month::least_of(const std::vector<NodeId>& share) const
{
    return *std::min_element(share.begin(), share.end(), [&](NodeId a, NodeId b) {
        const auto key = [&](NodeId node) {
            return std::pair{environment_.nodes[at(node)].role != Role::active, load(node)};
        };
        return key(a) < key(b);
    });
}

void Month::place(std::uint32_t index, int round)
{
    Process& process = environment_.processes[index];
    const auto& share = environment_.shares[at(process.user)];
    const bool blind = way_ == Way::random || way_ == Way::random_moves;
    if (process.node != no_node)
        used_[at(process.node)] -= process.cpu;
    process.cpu = workload_.cpu(index, round);
    process.node =
        blind ? share[chance(seed_ + 4, index, static_cast<std::uint64_t>(round)) % share.size()]
              : least_of(share);
    process.to = no_node;
    process.rests_until = {};
    trust_[index] = {};
    used_[at(process.node)] += process.cpu;
}

void Month::measure(int round)
{
    environment_.now = begin + round_length * round;
    std::fill(used_.begin(), used_.end(), 0);
    for (auto& own : own_)
        own.clear();
    for (std::uint32_t i = 0; i < environment_.processes.size(); ++i) {
        Process& process = environment_.processes[i];
        process.cpu = workload_.cpu(i, round);
        used_[at(process.node)] += process.cpu;
        own_[at(process.node)].push_back(i);
    }
    for (std::uint32_t i = 0; i < averages_.size(); ++i)
        averages_[i].add(environment_.now - round_length, environment_.now, load(NodeId{i}));
}

void Month::begin_move(std::uint32_t index, NodeId to, int round)
{
    Process& process = environment_.processes[index];
    process.to = to;
    begun_.push_back({round, index, process.node, to, load(process.node), load(to)});
    ++n_begun_;
}

/// A move takes one round.
void Month::end_moves()
{
    for (Process& process : environment_.processes)
        if (process.to != no_node) {
            process.node = std::exchange(process.to, no_node);
            process.rests_until = environment_.now + policy_.rest;
        }
}

void Month::move_random(int round)
{
    int n_moves = 0;
    for (std::uint32_t i = 0; i < own_.size() && n_moves < policy_.most_moves; ++i) {
        const auto& own = own_[i];
        if (own.empty() || load(NodeId{i}) < policy_.threshold)
            continue;
        const auto number = static_cast<std::uint64_t>(round);
        const std::uint32_t index = own[chance(seed_ + 5, i, number) % own.size()];
        const auto& share = environment_.shares[at(environment_.processes[index].user)];
        const NodeId to = share[chance(seed_ + 6, i, number) % share.size()];
        if (to == NodeId{i})
            continue;
        begin_move(index, to, round);
        ++n_moves;
    }
}

/// By the loads as they were read: without those that are under way, and without rest.
void Month::move_to_least(int round)
{
    int n_moves = 0;
    for (std::uint32_t i = 0; i < own_.size() && n_moves < policy_.most_moves; ++i) {
        const auto& own = own_[i];
        if (own.empty())
            continue;
        const std::uint32_t index =
            *std::max_element(own.begin(), own.end(), [&](std::uint32_t a, std::uint32_t b) {
                return environment_.processes[a].cpu < environment_.processes[b].cpu;
            });
        const NodeId to = least_of(environment_.shares[at(environment_.processes[index].user)]);
        if (load(NodeId{i}) < policy_.threshold && load(NodeId{i}) - load(to) < policy_.imbalance)
            continue;
        if (to == NodeId{i})
            continue;
        begin_move(index, to, round);
        ++n_moves;
    }
}

void Month::balance_all(int round)
{
    const Round decided = balance(environment_, policy_);
    for (std::size_t i = 0; i < decided.memory.size(); ++i) {
        environment_.nodes[i].rounds_over = decided.memory[i].rounds_over;
        environment_.nodes[i].rounds_maximum = decided.memory[i].rounds_maximum;
    }
    for (const RoleChange& change : decided.roles) {
        environment_.nodes[at(change.node)].role = change.role;
        environment_.nodes[at(change.node)].stands_in_for = change.stands_in_for;
        environment_.nodes[at(change.node)].into = change.into;
    }
    for (const Move& move : decided.moves)
        begin_move(move.process, move.to, round);
}

/// What moved some rounds ago, by the loads of now.
void Month::judge(int round)
{
    while (!begun_.empty() && begun_.front().round + rounds_until_judged < round) {
        const Begun one = begun_.front();
        begun_.pop_front();
        Process& process = environment_.processes[one.process];
        if (process.node != one.to) // It has ended, or moved on.
            continue;
        trust_[one.process] =
            judged(trust_[one.process], {one.from_load, one.to_load, load(one.from), load(one.to)},
                   environment_.now, policy_);
        process.rests_until = trust_[one.process].rests_until;
    }
}

/// The day's spare, by the day before; and each hour who has it, by the hour before.
void Month::lend_spare(int round)
{
    const auto observe = [&](Seconds length) {
        for (std::uint32_t i = 0; i < averages_.size(); ++i)
            pool_.observe(
                NodeId{i},
                averages_[i].over_hours(environment_.now - length, environment_.now).value_or(0), 0,
                static_cast<int>(own_[i].size()));
    };
    if (round % rounds_a_day == 0) {
        observe(Seconds{86'400});
        const SpareChoice choice = choose_spare(pool_);
        apply(pool_, choice);
        spare_ = choice.spare;
    }
    observe(Seconds{3600});
    for (const Loan& loan : share_spare(pool_, spare_))
        apply(pool_, loan);
    share_out();
}

void Month::look(Hour& hour) const
{
    double sum = 0, squares = 0;
    Load least = 1'000'000, most = 0;
    int n_active = 0;
    for (std::uint32_t i = 0; i < used_.size(); ++i) {
        const bool active = environment_.nodes[i].role == Role::active;
        hour.reserve += !active;
        const Load one = load(NodeId{i});
        hour.over += one >= policy_.threshold;
        if (!active)
            continue;
        least = std::min(least, one);
        most = std::max(most, one);
        sum += static_cast<double>(one);
        squares += static_cast<double>(one * one);
        ++n_active;
    }
    hour.spread = most - least;
    const double mean = sum / n_active;
    hour.deviation =
        static_cast<std::int64_t>(std::sqrt(std::max(0.0, squares / n_active - mean * mean)));
    hour.moves = n_begun_;
    for (const User& user : pool_.users())
        hour.borrowers += !user.borrowed.empty();
    hour.spare_load = spare_ == no_node ? 0 : load(spare_);
}

std::vector<Hour> Month::run(int n_days)
{
    std::vector<Hour> hours;
    for (int round = 0; round < n_days * rounds_a_day; ++round) {
        end_moves();
        for (std::uint32_t process : workload_.advance(round))
            place(process, round);
        measure(round);
        if (way_ == Way::holdfast) {
            judge(round);
            if (round % rounds_an_hour == 0)
                lend_spare(round);
            balance_all(round);
        } else if (way_ == Way::random_moves) {
            move_random(round);
        } else if (way_ == Way::least_moves) {
            move_to_least(round);
        }
        if (round % rounds_an_hour == rounds_an_hour - 1) {
            look(hours.emplace_back());
            n_begun_ = 0;
        }
    }
    return hours;
}

} // namespace

std::optional<Way> way_named(const std::string& name)
{
    for (const auto& [known, way] : {std::pair{"random", Way::random},
                                     {"least", Way::least},
                                     {"random-moves", Way::random_moves},
                                     {"least-moves", Way::least_moves},
                                     {"holdfast", Way::holdfast}})
        if (name == known)
            return way;
    return std::nullopt;
}

std::vector<Hour> run_month(std::uint32_t n_nodes, int n_days, std::uint64_t seed, Way way)
{
    return Month{n_nodes, seed, way}.run(n_days);
}

} // namespace holdfast::bench
