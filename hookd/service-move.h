// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-move: what a service's move leaves to be decided (spec S9).
//
// Pure.  `holdfast-service move-out` and `move-in` do the work, one of each a move; what becomes
// of the service when they have ended, however they did, is decided here, so that it lives on
// exactly one side.
//
// The record of what happened is never a process: at home it is the mark `committed` in the
// move's row, at the target the lock in the service's network namespace, which is taken away in
// one nftables transaction as the last silent step before the service lives there.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "db/rows.h"

namespace holdfast::hookd {

/// What home heard of the target before move-out ended.
enum class Heard {
    nothing, // Neither; or move-out was killed.
    live,    // The service lives there.
    failed,  // It does not, and never will by this move.
};

/// What home does with its own copy, which stands still.
enum class HomeEnd {
    go_on,   // It lives here: sockets out of repair, processes thawed.
    discard, // It lives there: closed silently.
    ask,     // Only the target knows: stand still, and ask until it answers.
};

/// At home, when move-out has ended or hookd was started again.  `committed`: the move's row
/// says so; before that the target cannot have gone live.
HomeEnd home_end(bool committed, Heard heard);

/// What the target has of the service.
struct Place {
    bool there = false;  // Its network namespace.
    bool locked = false; // The lock in it.
};

/// What the target does when move-in has ended or hookd was started again.
enum class TargetEnd {
    keep,    // It lives here.
    discard, // It never did: killed silently.
};

/// At the target, by what it has.
TargetEnd target_end(const Place& place);

/// Whether the switch still leads what is for the service to its port here, by its
/// `holdfast/status`: what takes the port away then loses that.
bool is_led_here(const nlohmann::json& status, const std::string& service);

/// What the target answers home about a move of which no move-in is at work (any more); `row`: its
/// own, null if there is none.
Heard target_answer(const db::Move* row);

} // namespace holdfast::hookd
