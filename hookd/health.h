// SPDX-License-Identifier: Apache-2.0
//
// hookd/health: decides from probes whether a real server is up (spec balancer.md, B10), and which
// servers this hypervisor probes.
//
// Pure: no socket, no clock, no store.  What probes feeds results and the time, and writes the
// rows that come out.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "db/rows.h"

namespace holdfast::hookd {

/// What one probe found.
struct ProbeResult {
    bool good = false;
    std::string text;   // One line: "connected", "HTTP 503", "no answer for 1000 ms".
    int answer_us = -1; // Until the answer came; -1 if none did.
};

/// The health of one server of one balancer.
///
///     unproved --first good--> up --`fall` bad in a row--> down
///        |  ^                   ^                           |
///        '--' bad               '---`rise` good in a row----'
///
/// To all others an unproved server is down.
class Health {
public:
    /// `row` has balancer, address and hypervisor; `known` is what anybody knew of the server when
    /// probing began here, as after a restart or when its VM moved here: it goes on from there.
    Health(db::ServerHealth row, int rise, int fall,
           const std::optional<db::ServerHealth>& known = {});

    /// Takes a result.  True if row() is to be written: at the first, at each change of state, and
    /// at most every ten seconds when why it is down, or how long it takes to answer, is another.
    bool take(const ProbeResult& result, db::TimeNs now);

    const db::ServerHealth& row() const { return row_; }

private:
    enum class State {
        unproved, // No probe was good yet.
        up,       // It answers.
        down,     // It answered once, and does not any more.
    };

    bool turn(State to, const ProbeResult& result, db::TimeNs now);
    bool take_answer_time(int answer_us);

    db::ServerHealth row_; // As it is to be written.
    int rise_;
    int fall_;
    State state_ = State::unproved;
    int in_a_row_ = 0;       // Results that speak against the state, without one for it between.
    double answer_us_ = -1;  // Smoothed; -1: not known.
    db::TimeNs written_ = 0; // When row() was last to be written; 0: never.
};

/// A server to probe, and how.
struct ProbeTarget {
    db::Balancer balancer;
    db::RealServer server;

    bool operator==(const ProbeTarget&) const = default;
    /// The key of the row that `hypervisor` writes of it.
    db::HealthKey key(const std::string& hypervisor) const
    {
        return {balancer.name, server.address, hypervisor};
    }
};

/// The servers that `self` probes: those of balancers with a check whose VMs it runs.
std::vector<ProbeTarget> probe_targets(const std::vector<db::Balancer>& balancers,
                                       const std::vector<db::Vm>& vms, const std::string& self);

/// The rows as they are to be taken: of servers whose hypervisor, by name, is silent nobody knows
/// any more, so they are down.  But not where a balancer would have no server left: its daemon may
/// be all that ended there.
/// Shape:   in the same order; the others as they are.
std::vector<db::ServerHealth> heard_health(std::vector<db::ServerHealth> health,
                                           const std::vector<db::Balancer>& balancers,
                                           const std::set<std::string>& silent);

/// Rows of `self` that nobody needs any more: of servers that run elsewhere, and that the
/// hypervisor there has probed by now.
/// Shape:   `health` is sorted by its key.
std::vector<db::HealthKey> rows_to_drop(const std::vector<db::ServerHealth>& health,
                                        const std::vector<db::Vm>& vms, const std::string& self);

} // namespace holdfast::hookd
