// SPDX-License-Identifier: Apache-2.0
//
// schedd/pool: the nodes that can be given, the users that have shares of them, and who gets
// which (spec Q2, Q6, Q7).
//
// A value without I/O or clock: made of the rows of nodes, users and reservations.  decide()
// changes nothing and says what is to be changed; apply() makes that so, or refuses it if room
// has gone meanwhile, as the fleet's database does with the same figures.  The nodes that can be
// given stand in the order in which they are, so a decision costs the logarithm of their number.
#pragma once

#include "common/result.h"
#include "schedd/policy.h"
#include "schedd/units.h"

#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace holdfast::schedd {

/// What a node is to those who want a share of it.
enum class Offer {
    open,    // It can be given.
    spare,   // It is kept in reserve, and lent (spec Q5).
    drained, // Its hypervisor is drained: nothing new is to come.
    failed,  // It is not heard of.
    closed,  // It gives nothing any more: who has it keeps it.
};

/// A hypervisor offered for computing: a row of Hypervisor, with what is measured there.
struct Node {
    std::string name;    // The hypervisor's.
    Amount capacity = 0; // All that it can give, to all users.
    Load average = 0;    // Its load, over the time that the administrator chose.
    Amount unseen = 0;   // Given to users since that time: its load is yet to come.
    int processes = 0;   // Service processes that run there.
    Offer offer = Offer::open;
    Amount reserved = 0; // Given to users; counted by Pool.
    int users = 0;       // That have it in their share; counted by Pool.

    bool operator==(const Node&) const = default;
};

/// Room on a node that a user has: a row of its own.
struct Reservation {
    NodeId node = no_node;
    Amount amount = 0;

    bool operator==(const Reservation&) const = default;
};

/// A user of the fleet.
struct User {
    std::string name;
    Amount amount = 0;              // What he may have; 0 before his first request.
    bool administrator = false;     // He has all nodes, and reserves none.
    std::vector<Reservation> share; // In the order given.
    std::vector<NodeId> borrowed;   // Spares that are in his share for as long as it lasts (Q5).
    std::vector<NodeId> in_use;     // Of his share: what he picked, and pays for (Q4).

    bool operator==(const User&) const = default;
};

/// What a user is to have.
struct Request {
    UserId user = no_user;
    Amount amount = 0;          // In all, not in addition.
    std::vector<NodeId> chosen; // Nodes that he chose himself among the candidates; may be fewer
                                // than he gets.
};

/// What is to be changed for one user, and on what figures that was decided.
struct ShareChange {
    UserId user = no_user;
    Amount amount = 0;              // What he may have from now on.
    Amount amount_before = 0;       // What he might have when this was decided.
    std::size_t n_before = 0;       // Nodes in his share then.
    std::vector<Reservation> given; // Comes to his share.
    std::vector<NodeId> returned;   // Goes from it.
    std::string reason;             // One sentence for people.
};

class Pool {
public:
    /// Counts what users have on each node.
    Pool(SharePolicy policy, std::vector<Node> nodes, std::vector<User> users);

    /// What `request` changes: nodes that are given, those with the fewest users first, then the
    /// lowest expected load; or those that are returned, the most loaded that are not in use
    /// first.
    /// Errors:  invalid: the amount, an administrator, a choice that is no candidate; not_found:
    ///          no such user or node; unavailable: too few candidates.
    /// Source:  spec Q1, Q2, Q7.
    Result<ShareChange> decide(const Request& request) const;

    /// Makes a change so, whole or not at all.
    /// Errors:  outdated: the user's share is another, or a node has no room for it any more.
    Result<void> apply(const ShareChange& change);

    /// What was measured on a node anew; `unseen` is what was given too late to be in it.
    void observe(NodeId node, Load average, Amount unseen, int processes);
    void set_offer(NodeId node, Offer offer);
    /// Takes a spare into a user's share, or out of it (spec Q5).
    void lend(UserId user, NodeId node);
    void take_back(UserId user, NodeId node);
    /// The user's nodes in use from now on; `picked` is as use.h's pick() has checked it.
    void use(UserId user, std::vector<NodeId> picked);
    /// A user that was not known; has nothing yet.
    UserId add_user(std::string name);

    /// Whether work of `user` may start on `node`, or migrate to it.
    /// Errors:  invalid, with what his share is; not_found.
    /// Source:  spec Q6.
    Result<void> may_run(UserId user, NodeId node) const;
    /// Up to `most` nodes in the order in which they would be given to `user`.
    std::vector<NodeId> candidates(UserId user, std::size_t most) const;
    /// Errors:  not_found, with the nearest name known.
    Result<NodeId> node_named(const std::string& name) const;
    Result<UserId> user_named(const std::string& name) const;

    /// Its average, and what users have been given since would take of it: many requests at once
    /// do not all go by a load that has not caught up.
    static Load expected(const Node& node);

    const Node& node(NodeId id) const { return nodes_[at(id)]; }
    const User& user(UserId id) const { return users_[at(id)]; }
    const std::vector<Node>& nodes() const { return nodes_; }
    const std::vector<User>& users() const { return users_; }
    const SharePolicy& policy() const { return policy_; }

private:
    using Rank = std::tuple<int, Load, NodeId>; // Users, expected load.

    static Rank rank(const Node& node, NodeId id) { return {node.users, expected(node), id}; }
    std::optional<std::string> why_no_candidate(const Node& node) const;
    static bool holds(const User& user, NodeId node);
    Result<ShareChange> grow(ShareChange change, const Request& request, std::size_t n) const;
    ShareChange shrink(ShareChange change, std::size_t n) const;
    Result<void> check_choice(const User& user, const std::vector<NodeId>& chosen) const;
    std::string given_text(const ShareChange& change) const;
    template <class Change>
    void alter(NodeId id, Change change);

    SharePolicy policy_;
    std::vector<Node> nodes_;
    std::vector<User> users_;
    std::set<Rank> candidates_;
    std::unordered_map<std::string, NodeId> node_names_;
    std::unordered_map<std::string, UserId> user_names_;
};

} // namespace holdfast::schedd
