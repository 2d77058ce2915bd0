// SPDX-License-Identifier: Apache-2.0
//
// schedd/balance-rows: the store's rows and the nodes' reports as the environment that is
// balanced, and what a round leaves (spec Q10 to Q17).
//
// Pure.  schedd/balancer asks for the reports and has the moves made.
#pragma once

#include <nlohmann/json.hpp>

#include "db/store.h"
#include "schedd/balance-memory.h"
#include "schedd/balance.h"
#include "schedd/settings.h"

namespace holdfast::schedd {

/// What a service takes on its node.
struct ServiceReport {
    Cpu cpu = 0;
    Seconds seen{}; // Of which it is the average.
};

/// What a node has measured of late.
struct NodeReport {
    int cpus = 0;
    Cpu system = 0;                                // Taken by what is none of `services`.
    std::map<std::string, ServiceReport> services; // By id.
    Seconds seen = Seconds::max();                 // Of which it is the average.
};

/// By the node's name; one of which nothing is known is not in it.
using Reports = std::map<std::string, NodeReport>;

/// Of an answer {name:{cpus, system, services:{id:{cpu, seconds}}}..}; what is none is left out.
Reports reports_from(const nlohmann::json& answer);

/// All that a round is made of.
struct RoundInput {
    const db::ShareRows& rows;
    const Reports& reports;
    const BalanceMemory& memory;
    const RoundCounts& counts;
    const Settings& settings;
    std::string self; // The hypervisor that leads.
    Time now{};
};

/// Shape:   its nodes are the hypervisors that give something, its processes the services of users
///          with a share; other services are load that stays, as all that runs there (spec Q10).
///          One of whose load nothing is known gives and takes nothing.
///          A user's services may be on what he uses of his share, and on spares lent to him.
Environment environment_of(const RoundInput& input);

/// The memory before the round: of moves that have landed, helped, failed or are long past.
/// `environment`: made of `input`.
BalanceMemory looked_back(const RoundInput& input, const Environment& environment);

/// The memory after what was decided.
BalanceMemory remembered(BalanceMemory before, const Environment& environment, const Round& round,
                         Time now);
RoundCounts counted(const Environment& environment, const Round& round);

/// The rows of users that change as one node takes another's role, or gives it back: his share of
/// the one is that of the other, unless he has both (spec Q15).  `before`: the memory before it.
std::vector<db::Quota> shares_after(const db::ShareRows& rows, const BalanceMemory& before,
                                    const Environment& environment, const Round& round);

/// Whether a period has ended for which nothing was consolidated yet.  A memory of nothing begins
/// with the period that runs.
bool period_ended(const BalanceMemory& memory, const db::Lease& lease);

/// Whether the process is to be moved, by hookd: what runs nowhere is for recovery.
bool is_migration(const Move& move);

/// {moves:[{service, from, to, reason}..], roles:[reason..], leader:[reason..], stays:[reason..]}.
nlohmann::json round_json(const Environment& environment, const Round& round);

} // namespace holdfast::schedd
