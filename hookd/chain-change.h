// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain-change: the steps by which a chain changes while traffic runs through it (spec C7).
//
// A frame that comes out of a hop says nothing of the chain as it was when the frame went in.
// So a chain never jumps: it passes through states of which any two that follow each other may
// be mixed, on one switch or between switches, and every frame still sees all hops of the old
// chain or all of the new one, and none twice.
//
//   1. the new hops' exits are known everywhere      old hops led to, new ones not yet
//   2. both                                          all led to, in an order that fits both
//   3. the old hops are left out                     what is still inside of them goes on
//   4. the new chain
//
// Why that is enough: on the way from state to state a frame that has left hop h goes to the
// next hop after h that its switch leads to.  From 1 to 2 that is at least each old hop behind h,
// from 2 to 3 at least each new one; and the places are in one order throughout, so none comes
// again.  That needs one order that fits both chains: two hops cannot change places.
//
// A change that was cut off leaves hops that nothing is led to.  Some switch may not know that, so
// the next change begins by having all switches say that they do, with those hops' exits in place.
#pragma once

#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// A row to publish once all switches have the one before.
struct ChainStep {
    db::Chain chain;
    bool drain = false; // What is inside of a hop must have come out before: wait for it.
    bool gone = false;  // There is no such chain any more.
};

/// Whether they have a VM in common.
bool share(const db::Hop& a, const db::Hop& b);

/// The steps from one chain to the other; the last is `to`.
/// Shape:   1 to 5; only `hops` differ from `to`, in those before the last.
/// Errors:  invalid if two VMs change places, or one its kind, or one leaves a group for
///          another place.
Result<std::vector<ChainStep>> change_steps(const db::Chain& from, const db::Chain& to);

/// A chain as its change left it that was cut off in the middle: what frames are led to stays.
db::Chain settled(db::Chain chain);

} // namespace holdfast::hookd
