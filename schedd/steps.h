// SPDX-License-Identifier: Apache-2.0
//
// schedd/steps: the steps of a balancing round, in the order in which they are taken.
//
// Each reads and changes the plan, and adds to the round what it decides, and why not where it
// does not.  A step is a file.  Used by balance.cc, and by the others for what they share.
#pragma once

#include "schedd/plan.h"

namespace holdfast::schedd {

/// Services of a failed node are started on a spare, which takes its role; without a spare on the
/// least loaded nodes (spec Q15).
void replace_failed(Plan& plan, Round& round);
/// A repaired node has its role back, or becomes the spare (spec Q15).
void take_back_returned(Plan& plan, Round& round);
/// Processes on nodes outside of their users' shares move into them (spec Q6).
void move_into_shares(Plan& plan, Round& round);
/// A leader over its threshold: its processes go, or leadership does (spec Q12).
void relieve_leader(Plan& plan, Round& round);
/// A node at the maximum becomes a spare, or a spare takes part of its processes (spec Q13).
void relieve_maximum(Plan& plan, Round& round);
/// What is still on spares, and on nodes that are to be freed, is led away (spec Q13, Q15, Q16).
void vacate(Plan& plan, Round& round);
/// A node that has joined takes processes of loaded ones, by its rank (spec Q14).
void welcome(Plan& plan, Round& round);
/// What is crowded on a node, or over its threshold, moves to the least loaded (spec Q11).
void even_out(Plan& plan, Round& round);

/// Nodes with a low average over the period become spares (spec Q15).
void put_aside(Plan& plan, Round& round);
/// Processes of several nodes with low averages are merged on one (spec Q16).
void merge(Plan& plan, Round& round);

/// Hands leadership to the node that is under the leader's threshold now and has the lowest
/// average (spec Q12).
void hand_over(const Plan& plan, Round& round, const std::string& because);

/// The room that active nodes have under their threshold.
class Headroom {
public:
    explicit Headroom(const Plan& plan);
    /// Whether the others can take what is movable on `node`; if so it is counted as gone.
    bool take(NodeId node);
    Cpu total() const { return total_; }

private:
    Cpu of(NodeId node) const;

    const Plan& plan_;
    Cpu total_ = 0;
};

/// What takes processors on the node and is not pinned.
Cpu movable_cpu(const Plan& plan, NodeId node);
int count_pinned(const Plan& plan, NodeId node);

} // namespace holdfast::schedd
