// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain-over: the steps by which a chain comes or goes, also over another (spec C7, C8).
//
// Where a chain of lower priority matches frames of this one, they go its way while this one is
// not there.  What comes out of a hop that both have says nothing of the chain by which it went in,
// and goes on by the higher one as soon as the switch knows that: so the higher one comes with the
// lower one's hops, which changes no frame's way, and then its hops are changed to its own, as
// those of any chain (hookd/chain-change).  It goes by the same steps backwards.
//
// A frame of the higher chain alone must not meet hops that are none of its own.  So frames enter
// meanwhile where all of them are the lower one's too; else the lower one may have no other hops,
// and they enter at the end.  Where neither is so, or hops of the two change places, it comes or
// goes at once, and what is inside of a common hop goes on by the chain that is there when it comes
// out.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "db/rows.h"
#include "hookd/chain-change.h"

namespace holdfast::hookd {

/// Where a chain's frames go while it is not there, as far as it matters for coming and going.
struct Under {
    enum class Enter {
        apart, // No frame of its own comes out of a common hop to go on by another way.
        last,  // It has the lower chain's hops and more: frames enter it with all of its hops.
        first, // All of its frames are the lower chain's: they enter it with that one's hops.
        mixed, // Frames of the two cannot be kept apart.
    };
    Enter enter = Enter::apart;
    std::vector<db::Hop> hops; // The lower chain's, in the order of this one; for first and last.
    std::string chain;         // The lower chain's name; empty for apart.
};

/// Whether a chain comes and goes with the hops of the one under it.
bool by_steps(const Under& under);

/// What lies under a chain among all chains; itself may be among them.
Under way_under(const db::Chain& chain, const std::vector<db::Chain>& chains);

/// The same of a chain that shall come or go.
/// Shape:   `busy`: the names of the chains that somebody who lives changes now.
/// Errors:  unavailable if the lower chain is changed now.
Result<Under> quiet_way_under(const db::Chain& chain, const std::vector<db::Chain>& chains,
                              const std::set<std::string>& busy);

/// Whether no other chain is in the way of a change of this one, which may also be its coming.
/// Shape:   `busy` as above; what is done to a chain is what its `change` says.
/// Errors:  unavailable if a chain of higher priority, with a hop in common, comes or goes, or was
///          cut off at that.
Result<void> may_change_beside(const db::Chain& chain, const std::vector<db::Chain>& chains,
                               const std::set<std::string>& busy);

/// The steps by which a chain comes; the last is the chain itself.
std::vector<ChainStep> add_steps(const db::Chain& chain, const Under& under);

/// The steps by which a chain goes; the last is its end.
std::vector<ChainStep> remove_steps(const db::Chain& chain, const Under& under);

} // namespace holdfast::hookd
