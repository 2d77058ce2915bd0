// SPDX-License-Identifier: Apache-2.0
//
// schedd/plan: the loads as they will be, and the moves that may be made (spec Q17).
//
// One for a round.  It begins with the loads as they will be after the moves under way, and takes
// each move that is decided into account at once, so that the next one sees it.  Nothing else
// makes a Move: the rules against flapping are here.  Reads an Environment, which outlives it.
#pragma once

#include "schedd/environment.h"
#include "schedd/policy.h"

#include <optional>
#include <set>

namespace holdfast::schedd {

/// What a move must do to be worth it.
enum class Gain {
    tenth, // The gap between the two nodes shrinks by a tenth at least.
    room,  // The target stays under its threshold.
    none,  // Anything: the process runs nowhere, or where it must not.
};

/// Why processes of a node stay, counted.
struct Tally {
    int pinned = 0;
    int moving = 0;
    int resting = 0;
    int no_target = 0; // No node of the share may take it.
    int no_gain = 0;   // The best target would gain too little.

    /// "3 pinned, 2 rest after a move"; "no service process" if nothing was counted.
    std::string text() const;
};

class Plan {
public:
    Plan(const Environment& environment, const BalancePolicy& policy);

    /// With the moves under way and those decided.
    Load load(NodeId node) const { return loads_[at(node)]; }
    /// As load(), if so much more ran there.
    Load load_with(NodeId node, Cpu cpu) const { return load_of(node, used_[at(node)] + cpu); }
    Role role(NodeId node) const { return roles_[at(node)]; }
    void set_role(NodeId node, Role role);
    /// `node` takes the place of `failed` in users' shares too.
    void set_stand_in(NodeId node, NodeId failed) { stands_in_for_[at(node)] = failed; }
    NodeId stands_in_for(NodeId node) const { return stands_in_for_[at(node)]; }

    /// Whether as many moves are under way and decided as may be at once.
    bool full() const { return n_moves_ >= policy_.most_moves; }
    /// "20 moves at once are the most".
    std::string full_text() const;
    /// The active node that has the lowest load; no_node if there is none.
    NodeId least() const { return ranks_.empty() ? no_node : ranks_.begin()->second; }
    Load least_load() const { return ranks_.empty() ? 0 : ranks_.begin()->first; }
    /// Whether some process of `node`, pinned or not, has in its share an active node that is less
    /// loaded by `gap` at least.
    bool crowded(NodeId node, Load gap) const;
    /// Up to `most` active nodes, the most loaded first.
    std::vector<NodeId> most_loaded(std::size_t most) const;

    /// Indices of the processes that are on the node, and stay there as far as is decided.
    const std::vector<std::uint32_t>& processes_on(NodeId node) const { return on_[at(node)]; }
    /// Whether the balancer may move it now.
    bool movable(std::uint32_t process) const;
    /// Whether `node` is in its user's share.
    bool in_share(const Process& process, NodeId node) const;

    /// The move from `from` that leaves the more loaded of its two nodes least loaded; of all
    /// that are worth it.  With `to` to that node only.
    std::optional<Move> best(NodeId from, Gain gain, Why why, Tally& tally,
                             NodeId to = no_node) const;
    /// A move of one process to the node that fits best.
    std::optional<Move> best_for(std::uint32_t process, Gain gain, Why why, Tally& tally,
                                 NodeId to = no_node) const;
    /// Takes it into account, writes its reason, and puts it into the round.
    void decide(Move move, Round& round);

    const Environment& environment() const { return environment_; }
    const BalancePolicy& policy() const { return policy_; }
    const BalanceNode& node(NodeId id) const { return environment_.nodes[at(id)]; }
    const Process& process(std::uint32_t index) const { return environment_.processes[index]; }

private:
    Load load_of(NodeId node, Cpu used) const;
    NodeId target_for(const Process& process, NodeId to) const;
    bool worth(const Move& move, Gain gain) const;
    void add(NodeId node, Cpu cpu);

    const Environment& environment_;
    const BalancePolicy& policy_;
    std::vector<Cpu> used_;
    std::vector<Load> loads_; // Of used_, since they are looked at often.
    std::vector<Role> roles_;
    std::vector<NodeId> stands_in_for_;
    std::vector<std::vector<std::uint32_t>> on_;
    std::set<std::pair<Load, NodeId>> ranks_; // Of active nodes.
    int n_moves_ = 0;
};

} // namespace holdfast::schedd
