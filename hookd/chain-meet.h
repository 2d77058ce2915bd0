// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain-meet: what becomes of frames of two chains that have a hop in common (spec C7, C8).
//
// What comes out of a hop says nothing of the chain by which it went in: its chain is found again
// by the matches, without in_port, which is the hop's by then.  Where that may find another chain,
// the frame goes on by hops that are not its own.
//
// Pure: rows in, a decision out.  Used when a chain is added or changed.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// Refuses a chain if, for want of in_port, frames of it would go on from a common hop as those of
/// another of the chains, or those of another as its own.  One of `chains` with its name is passed
/// over: it is the same before a change.
/// Errors:  invalid.
Result<void> check_in_port(const db::Chain& chain, const std::vector<db::Chain>& chains,
                           const std::vector<db::Vm>& vms);

/// What is to be said of a chain that has a hop, frames and the priority in common with others of
/// the chains, but not all hops: the switches take one of the two for such a frame (db/chain-order.h).
/// It is not refused, since symmetric chains for two VMs have the frames from one to the other in
/// common.
/// Shape:   one line, which names the first of them, or empty; its own row is passed over as above.
std::string note_same_priority(const db::Chain& chain, const std::vector<db::Chain>& chains);

} // namespace holdfast::hookd
