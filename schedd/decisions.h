// SPDX-License-Identifier: Apache-2.0
//
// schedd/decisions: what the leader decides, as changes of rows (spec Q1 to Q5, Q7).
//
// Pure: rows in, rows out, with the time as a value.  Each decision rests on the rows as they were
// read: the daemon has them written on the condition that nothing was decided since.
#pragma once

#include <nlohmann/json.hpp>

#include "db/store.h"
#include "schedd/pool.h"
#include "schedd/settings.h"

namespace holdfast::schedd {

/// What a decision changes.
struct Plan {
    db::Lease lease; // As read, but for what is remembered between decisions.
    std::vector<db::Quota> put;
    std::vector<std::string> remove; // Users.
    std::vector<std::string> events; // Lines for people, of what was done.
    nlohmann::json answer = nlohmann::json::object();
};

/// What a user asks for.
/// Units:   thousandths.
struct Order {
    std::string user;
    Amount amount = 0; // 0: by `usage`.
    bool by_amount = false;
    Usage usage;
    std::vector<std::string> nodes; // That he chose himself.
    bool administrator = false;
};

/// Errors:  invalid: no object with a user and what he asks for; one kind or the other.
Result<Order> order_from(const nlohmann::json& arguments);

/// Gives a user what he asks for; one who is not known comes to be so.
/// Answer:  {user, amount, nodes, given, returned, reason}.
/// Errors:  invalid: the amount, with its figures; a name that will not do; unavailable: too few
///          candidates; not_found: a node that is chosen.
/// Source:  spec Q1, Q2.
Result<Plan> plan_request(const db::ShareRows& rows, const Settings& settings, const Order& order,
                          db::TimeNs now);

/// The nodes of his share that he uses from now on; what he used until now is accounted first.
/// Answer:  {user, in_use}.
/// Errors:  invalid: one outside of the share, or named twice; not_found.
/// Source:  spec Q4.
Result<Plan> plan_select(const db::ShareRows& rows, const Settings& settings,
                         const std::string& user, const std::vector<std::string>& nodes,
                         db::TimeNs now);

/// Takes all that a user has away.
/// Answer:  {user}.
/// Errors:  not_found.
Result<Plan> plan_removal(const db::ShareRows& rows, const Settings& settings,
                          const std::string& user, db::TimeNs now);

/// Adds what a user has used since it was accounted last, for him or for all, in whole seconds;
/// `quota`: his row.  Returns until when it is.
db::TimeNs account(const Pool& pool, UserId user, const db::Lease& lease, db::TimeNs now,
                   db::Quota& quota);

/// What time it is for the leader.
enum class Due {
    nothing,
    interval, // plan_interval().
    review,   // plan_review().
};

/// Shape:   a time that is yet to come, since a clock was set back, is an interval's to put right.
Due due(const db::Lease& lease, const Settings& settings, db::TimeNs now);

/// Ends the period: more nodes for each user, fewer, or as many; and the next period's spare.
/// Answer:  {users:[{user, before, after, reason}..], spare, spare_reason}.
/// Source:  spec Q3, Q5.
Plan plan_review(const db::ShareRows& rows, const Settings& settings, db::TimeNs now);

/// Accounts what was used, lends the spare to those whose nodes are loaded now, and
/// puts times that are yet to come back to now.
/// Source:  spec Q4, Q5.
Plan plan_interval(const db::ShareRows& rows, const Settings& settings, db::TimeNs now);

} // namespace holdfast::schedd
