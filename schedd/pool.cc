// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "schedd/pool.h"

#include "common/text.h"
#include "schedd/amount.h"

#include <algorithm>
#include <functional>

namespace holdfast::schedd {

namespace {

constexpr std::size_t longest_name = 64; // More of one that is not known is not told.

template <class Id, class Names>
Result<Id> named(const Names& names, const std::string& name, const char* kind)
{
    if (auto found = names.find(name); found != names.end())
        return found->second;
    std::vector<std::string> known;
    for (const auto& [one, id] : names)
        known.push_back(one);
    std::sort(known.begin(), known.end()); // Of several that are as near, always the same.
    const std::string told = one_line(name, longest_name);
    const std::string near = nearest(told, known);
    return Error{Errc::not_found, std::string{"no "} + kind + " \"" + told + "\" is known" +
                                      (near.empty() ? "" : ": did you mean \"" + near + "\"?")};
}

} // namespace

Pool::Pool(SharePolicy policy, std::vector<Node> nodes, std::vector<User> users)
    : policy_{std::move(policy)}, nodes_{std::move(nodes)}, users_{std::move(users)}
{
    for (Node& node : nodes_) {
        node.reserved = 0;
        node.users = 0;
    }
    for (std::uint32_t i = 0; i < users_.size(); ++i) {
        user_names_.emplace(users_[i].name, UserId{i});
        for (const Reservation& one : users_[i].share) {
            nodes_[at(one.node)].reserved += one.amount;
            ++nodes_[at(one.node)].users;
        }
    }
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
        node_names_.emplace(nodes_[i].name, NodeId{i});
        if (!why_no_candidate(nodes_[i]))
            candidates_.insert(rank(nodes_[i], NodeId{i}));
    }
}

Load Pool::expected(const Node& node)
{
    return node.average + (node.capacity > 0 ? node.unseen * 1000 / node.capacity : 0);
}

std::optional<std::string> Pool::why_no_candidate(const Node& node) const
{
    if (node.offer != Offer::open)
        return node.offer == Offer::spare     ? "it is the spare"
               : node.offer == Offer::drained ? "it is drained"
               : node.offer == Offer::closed  ? "it has no capacity for users"
                                              : "it has failed";
    if (node.reserved + policy_.base > node.capacity)
        return amount_text(node.reserved) + " of its " + amount_text(node.capacity) +
               " are given, " + amount_text(policy_.base) + " more have no room";
    if (expected(node) > policy_.candidate_load)
        return "its load is " + load_text(expected(node)) + ", over " +
               load_text(policy_.candidate_load);
    if (node.processes >= policy_.most_processes)
        return std::to_string(node.processes) + " service processes run there, " +
               std::to_string(policy_.most_processes) + " are the most";
    return std::nullopt;
}

/// Changes a node, and keeps its place among the candidates.
template <class Change>
void Pool::alter(NodeId id, Change change)
{
    Node& node = nodes_[at(id)];
    candidates_.erase(rank(node, id));
    change(node);
    if (!why_no_candidate(node))
        candidates_.insert(rank(node, id));
}

bool Pool::holds(const User& user, NodeId node)
{
    return std::any_of(user.share.begin(), user.share.end(),
                       [&](const Reservation& one) { return one.node == node; });
}

Result<ShareChange> Pool::decide(const Request& request) const
{
    if (at(request.user) >= users_.size())
        return Error{Errc::not_found, "no such user"};
    const User& user = users_[at(request.user)];
    if (user.administrator)
        return Error{Errc::invalid,
                     user.name + " is an administrator and has all " +
                         count_text(static_cast<std::int64_t>(nodes_.size()), "node") +
                         ": nothing needs to be given"};
    const auto n_nodes = nodes_for(request.amount, policy_.base, nodes_.size());
    if (!n_nodes)
        return n_nodes.error();
    ShareChange change{request.user, request.amount, user.amount, user.share.size(), {}, {}, {}};
    const auto n_wanted = static_cast<std::size_t>(*n_nodes);
    if (n_wanted < user.share.size())
        return shrink(std::move(change), user.share.size() - n_wanted);
    return grow(std::move(change), request, n_wanted - user.share.size());
}

Result<void> Pool::check_choice(const User& user, const std::vector<NodeId>& chosen) const
{
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        if (at(chosen[i]) >= nodes_.size())
            return Error{Errc::not_found, "no such node"};
        const Node& node = nodes_[at(chosen[i])];
        if (holds(user, chosen[i]))
            return Error{Errc::invalid, "node " + node.name + " is in the share of " + user.name +
                                            " already: choose another"};
        if (std::find(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(i), chosen[i]) !=
            chosen.begin() + static_cast<std::ptrdiff_t>(i))
            return Error{Errc::invalid, "node " + node.name + " is chosen twice: leave one out"};
        if (const auto why = why_no_candidate(node))
            return Error{Errc::invalid,
                         "node " + node.name + " cannot be chosen: " + *why + ": choose another"};
    }
    return {};
}

Result<ShareChange> Pool::grow(ShareChange change, const Request& request, std::size_t n) const
{
    const User& user = users_[at(request.user)];
    if (request.chosen.size() > n)
        return Error{Errc::invalid, std::to_string(request.chosen.size()) + " nodes are chosen, " +
                                        user.name + " gets " + std::to_string(n) +
                                        " more for an amount of " + amount_text(request.amount) +
                                        ": choose fewer"};
    if (auto choice = check_choice(user, request.chosen); !choice)
        return choice.error();
    for (NodeId node : request.chosen)
        change.given.push_back({node, policy_.base});
    for (auto next = candidates_.begin(); change.given.size() < n && next != candidates_.end();
         ++next)
        if (const NodeId node = std::get<NodeId>(*next);
            !holds(user, node) && !contains(request.chosen, node))
            change.given.push_back({node, policy_.base});
    if (change.given.size() < n)
        return Error{Errc::unavailable,
                     user.name + " wants " + count_text(static_cast<std::int64_t>(n), "more node") +
                         " for an amount of " + amount_text(request.amount) + ", " +
                         std::to_string(change.given.size()) + " of " +
                         std::to_string(nodes_.size()) + " can be given: ask for less, or later"};
    change.reason = given_text(change);
    return change;
}

std::string Pool::given_text(const ShareChange& change) const
{
    std::string text =
        users_[at(change.user)].name + ": amount " + amount_text(change.amount) + " with base " +
        amount_text(policy_.base) + " is " +
        count_text(static_cast<std::int64_t>(change.n_before + change.given.size()), "node");
    const char* comma = "; given are ";
    for (const Reservation& one : change.given) {
        const Node& node = nodes_[at(one.node)];
        text += comma + node.name + " (" + count_text(node.users, "user") + ", " +
                load_text(expected(node)) + ")";
        comma = ", ";
    }
    return text;
}

ShareChange Pool::shrink(ShareChange change, std::size_t n) const
{
    const User& user = users_[at(change.user)];
    std::vector<std::tuple<bool, int, Load, NodeId>> order; // The last is returned first.
    for (const Reservation& one : user.share) {
        const Node& node = nodes_[at(one.node)];
        order.emplace_back(!contains(user.in_use, one.node), node.users, expected(node), one.node);
    }
    std::sort(order.begin(), order.end(), std::greater<>{});
    change.reason = user.name + ": amount " + amount_text(change.amount) + " with base " +
                    amount_text(policy_.base) + " is " +
                    count_text(static_cast<std::int64_t>(user.share.size() - n), "node") +
                    "; returned are";
    for (std::size_t i = 0; i < n; ++i) {
        const NodeId node = std::get<NodeId>(order[i]);
        change.returned.push_back(node);
        change.reason += (i == 0 ? " " : ", ") + nodes_[at(node)].name + " (" +
                         load_text(expected(nodes_[at(node)])) + ")";
    }
    return change;
}

Result<void> Pool::apply(const ShareChange& change)
{
    User& user = users_[at(change.user)];
    if (user.amount != change.amount_before || user.share.size() != change.n_before)
        return Error{Errc::outdated,
                     "the share of " + user.name + " was changed meanwhile, to " +
                         count_text(static_cast<std::int64_t>(user.share.size()), "node") +
                         ": decide again"};
    for (const Reservation& one : change.given) {
        const Node& node = nodes_[at(one.node)];
        if (node.offer != Offer::open || node.reserved + one.amount > node.capacity ||
            holds(user, one.node))
            return Error{Errc::outdated, "node " + node.name + " has no room for " + user.name +
                                             " any more: " + amount_text(node.reserved) + " of " +
                                             amount_text(node.capacity) +
                                             " are given: decide again"};
    }
    user.amount = change.amount;
    for (const Reservation& one : change.given) {
        user.share.push_back(one);
        alter(one.node, [&](Node& node) {
            node.reserved += one.amount;
            node.unseen += one.amount;
            ++node.users;
        });
    }
    for (NodeId id : change.returned) {
        const auto one = std::find_if(user.share.begin(), user.share.end(),
                                      [&](const Reservation& held) { return held.node == id; });
        if (one == user.share.end())
            continue;
        alter(id, [&](Node& node) {
            node.reserved -= one->amount;
            node.unseen = std::max<Amount>(0, node.unseen - one->amount);
            --node.users;
        });
        user.share.erase(one);
        std::erase(user.in_use, id);
    }
    return {};
}

void Pool::observe(NodeId id, Load average, Amount unseen, int processes)
{
    alter(id, [&](Node& node) {
        node.average = average;
        node.unseen = unseen;
        node.processes = processes;
    });
}

void Pool::set_offer(NodeId id, Offer offer)
{
    alter(id, [&](Node& node) { node.offer = offer; });
}

void Pool::lend(UserId user, NodeId node)
{
    if (!contains(users_[at(user)].borrowed, node))
        users_[at(user)].borrowed.push_back(node);
}

void Pool::take_back(UserId user, NodeId node)
{
    std::erase(users_[at(user)].borrowed, node);
    if (!holds(users_[at(user)], node))
        std::erase(users_[at(user)].in_use, node);
}

void Pool::use(UserId user, std::vector<NodeId> picked)
{
    users_[at(user)].in_use = std::move(picked);
}

UserId Pool::add_user(std::string name)
{
    const UserId id{static_cast<std::uint32_t>(users_.size())};
    user_names_.emplace(name, id);
    users_.push_back({std::move(name), 0, false, {}, {}, {}});
    return id;
}

Result<void> Pool::may_run(UserId user_id, NodeId node_id) const
{
    if (at(user_id) >= users_.size() || at(node_id) >= nodes_.size())
        return Error{Errc::not_found, "no such user or node"};
    const User& user = users_[at(user_id)];
    if (user.administrator || holds(user, node_id) || contains(user.borrowed, node_id))
        return {};
    std::string share;
    for (const Reservation& one : user.share)
        share += (share.empty() ? "" : ", ") + nodes_[at(one.node)].name;
    for (NodeId one : user.borrowed)
        share += (share.empty() ? "" : ", ") + nodes_[at(one)].name;
    return Error{Errc::invalid, "node " + nodes_[at(node_id)].name +
                                    " is outside of the share of " + user.name + " (" +
                                    (share.empty() ? "no node" : share) +
                                    "): use one of these, or ask for "
                                    "a larger amount than " +
                                    amount_text(user.amount)};
}

std::vector<NodeId> Pool::candidates(UserId user, std::size_t most) const
{
    std::vector<NodeId> found;
    for (auto next = candidates_.begin(); found.size() < most && next != candidates_.end(); ++next)
        if (!holds(users_[at(user)], std::get<NodeId>(*next)))
            found.push_back(std::get<NodeId>(*next));
    return found;
}

Result<NodeId> Pool::node_named(const std::string& name) const
{
    return named<NodeId>(node_names_, name, "node");
}

Result<UserId> Pool::user_named(const std::string& name) const
{
    return named<UserId>(user_names_, name, "user");
}

} // namespace holdfast::schedd
